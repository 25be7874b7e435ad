"""Rows of `ops/unfolding.py` and `pixels.py`."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .case import Case, floats

image = floats(2, 4, 4, 6)


def windows(x, size, step):
    return sliding_window_view(x, size, 1)[:, ::step]


def columns(x, kernel=(2, 3), stride=(1, 1), padding=(0, 0), dilation=(1, 1)):
    x = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    found = sliding_window_view(x, reach, (2, 3))[:, :, :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]
    return found.transpose(0, 1, 4, 5, 2, 3).reshape(x.shape[0], -1, found.shape[2] * found.shape[3])


def image_of(x, size, kernel, **settings):
    """The adjoint of `columns`, by the images of its unit vectors."""
    c = x.shape[1] // int(np.prod(kernel))
    basis = np.eye(c * size[0] * size[1]).reshape(-1, c, *size)
    rows = columns(basis, kernel, **settings).reshape(len(basis), -1)
    return (x.reshape(x.shape[0], -1) @ rows.T).reshape(-1, c, *size)


WIDE = {"stride": (2, 1), "padding": (1, 2), "dilation": (2, 1)}

CASES = [
    Case("tensor.unfold", lambda t, x: x.unfold(1, 3, 2), lambda x: windows(x, 3, 2), (floats(2, 7),)),
    Case("tensor.unfold", lambda t, x: x.unfold(-2, 2, 1), lambda x: windows(x, 2, 1), (floats(2, 3, 2),), "middle"),
    Case("nn.functional.unfold", lambda t, x: t.nn.functional.unfold(x, (2, 3)), columns, (floats(2, 2, 3, 4),)),
    Case("nn.functional.unfold", lambda t, x: t.nn.functional.unfold(x, (2, 3), **WIDE),
         lambda x: columns(x, **WIDE), (floats(1, 2, 3, 4),), "wide"),
    Case("nn.functional.unfold", lambda t, x: t.nn.functional.unfold(x, 2), lambda x: columns(x[None], (2, 2))[0],
         (floats(2, 3, 4),), "one"),
    Case("nn.functional.fold", lambda t, x: t.nn.functional.fold(x, (3, 4), (2, 3)),
         lambda x: image_of(x, (3, 4), (2, 3)), (floats(2, 12, 4),)),
    Case("nn.functional.fold", lambda t, x: t.nn.functional.fold(x, (3, 4), (2, 3), **WIDE),
         lambda x: image_of(x, (3, 4), (2, 3), **WIDE), (floats(1, 6, 12),), "wide"),
    Case("nn.functional.pixel_shuffle", lambda t, x: t.nn.functional.pixel_shuffle(x, 2),
         lambda x: x.reshape(2, 1, 2, 2, 4, 6).transpose(0, 1, 4, 2, 5, 3).reshape(2, 1, 8, 12), (image,)),
    Case("nn.functional.pixel_unshuffle", lambda t, x: t.nn.functional.pixel_unshuffle(x, 2),
         lambda x: x.reshape(2, 4, 2, 2, 3, 2).transpose(0, 1, 3, 5, 2, 4).reshape(2, 16, 2, 3), (image,)),
    Case("nn.functional.channel_shuffle", lambda t, x: t.nn.functional.channel_shuffle(x, 2),
         lambda x: x[:, [0, 2, 1, 3]], (image,)),
]  # fmt: skip
