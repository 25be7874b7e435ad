"""Rows of `ops/interpolation.py`."""

from __future__ import annotations

import numpy as np

from .case import Case, floats

signal, image = floats(2, 2, 5), floats(1, 2, 3, 4)


def interpolate(variant, arg, reference=None, **options):
    return Case(
        "nn.functional.interpolate",
        lambda t, x: t.nn.functional.interpolate(x, **options),
        reference,
        (arg,),
        variant,
        empty=((0, *arg.shape[1:]),),
    )


def linear(x, axis, points):
    """Along one axis, by NumPy's own interpolation."""
    n = x.shape[axis]
    matrix = [np.interp(points, np.arange(n), row) for row in np.eye(n)]
    return np.moveaxis(np.moveaxis(x, axis, -1) @ matrix, -1, axis)


def corners(x):
    return linear(linear(x, 2, np.linspace(0, 2, 6)), 3, np.linspace(0, 3, 5))


def centres(x):
    return linear(linear(x, 2, (np.arange(6) + 0.5) / 2 - 0.5), 3, (np.arange(8) + 0.5) / 2 - 0.5)


CASES = [
    interpolate("nearest", image, lambda x: x.repeat(2, 2).repeat(2, 3), scale_factor=2),
    interpolate("nearest, uneven", image, lambda x: x[..., [0, 0, 1, 1, 2], :][..., [0, 2]], size=(5, 2)),
    interpolate("nearest, factor", signal, scale_factor=1.7),
    interpolate("nearest, same", signal, lambda x: x * 1.0, size=5),
    interpolate("nearest-exact", signal, lambda x: x[..., [0, 2, 4]], size=3, mode="nearest-exact"),
    interpolate("linear", signal, lambda x: linear(x, 2, (np.arange(7) + 0.5) * 5 / 7 - 0.5), size=7, mode="linear"),
    interpolate("linear, corners", signal, lambda x: linear(x, 2, np.linspace(0, 4, 3)), size=3, mode="linear",
                align_corners=True),
    interpolate("bilinear", image, centres, scale_factor=2, mode="bilinear", align_corners=False),
    interpolate("bilinear, corners", image, corners, size=(6, 5), mode="bilinear", align_corners=True),
    interpolate("bilinear, factors", image, scale_factor=(1.7, 0.6), mode="bilinear"),
    interpolate("bilinear, recomputed", image, scale_factor=(1.7, 0.6), mode="bilinear", recompute_scale_factor=True),
    interpolate("bilinear, to one", image, lambda x: x[:, :, :1, :1], size=1, mode="bilinear", align_corners=True),
    interpolate("bicubic", image, scale_factor=2, mode="bicubic"),
    interpolate("bicubic, corners", image, size=(5, 7), mode="bicubic", align_corners=True),
    interpolate("area", image, size=(2, 3), mode="area"),
]  # fmt: skip
