"""Rows of `ops/conv.py`."""

from __future__ import annotations

import itertools

import numpy as np

from .case import Case, floats


def convolved(x, w, b=None, stride=1, padding=0, dilation=1, groups=1):
    """The definition, place by place and channel by channel."""
    axes = w.ndim - 2
    batched = x.ndim == w.ndim
    x = x if batched else x[None]
    span = [dilation * (k - 1) + 1 for k in w.shape[2:]]
    if padding == "same":
        padding = [((s - 1) // 2, s - 1 - (s - 1) // 2) for s in span]
    pairs = [(p, p) if isinstance(p, int) else p for p in (padding if isinstance(padding, list) else [padding] * axes)]
    x = np.pad(x, [(0, 0), (0, 0), *pairs])
    sizes = [(n - s) // stride + 1 for n, s in zip(x.shape[2:], span, strict=True)]
    y = np.zeros((len(x), len(w), *sizes))
    part_in, part_out = w.shape[1], len(w) // groups
    for o, place in itertools.product(range(len(w)), itertools.product(*map(range, sizes))):
        first = o // part_out * part_in
        window = tuple(slice(i * stride, i * stride + s, dilation) for i, s in zip(place, span, strict=True))
        seen = x[(slice(None), slice(first, first + part_in), *window)]
        y[(slice(None), o, *place)] = (seen * w[o]).sum(tuple(range(1, x.ndim))) + (0 if b is None else b[o])
    return y if batched else y[0]


def conv(axes, variant, *shapes, bias=True, empty=None, torch=True, rectified=False, **options):
    """``F.conv1d`` or ``F.conv2d``, of x and weight, with a bias; or these with ReLU."""
    args = tuple(floats(*s) for s in shapes) + ((floats(shapes[1][0]),) if bias else ())
    name = f"conv{axes}d" + "_relu" * rectified
    return Case(
        f"nn.functional.{name}",
        lambda t, *a: getattr(t.nn.functional, name)(*a, **options),
        lambda *a: np.maximum(convolved(*a, **options), 0 if rectified else -np.inf),
        args,
        variant,
        empty=empty,
        torch=torch,
    )


def spread(x, w, b=None, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    """The definition of the transposed convolution: a copy of the kernel for each element."""
    axes = w.ndim - 2
    batched = x.ndim == w.ndim
    x = x if batched else x[None]
    span = [dilation * (k - 1) + 1 for k in w.shape[2:]]
    sizes = [(n - 1) * stride + s for n, s in zip(x.shape[2:], span, strict=True)]
    part_in, part_out = len(w) // groups, w.shape[1]
    y = np.zeros((len(x), part_out * groups, *[n + output_padding for n in sizes]))
    for c, place in itertools.product(range(len(w)), itertools.product(*map(range, x.shape[2:]))):
        first = c // part_in * part_out
        window = tuple(slice(i * stride, i * stride + s, dilation) for i, s in zip(place, span, strict=True))
        y[(slice(None), slice(first, first + part_out), *window)] += (
            x[(slice(None), c, *place)].reshape(-1, *[1] * (axes + 1)) * w[c]
        )
    y = y[(..., *[slice(padding, n - padding) for n in y.shape[2:]])]
    y = y if b is None else y + b.reshape(1, -1, *[1] * axes)
    return y if batched else y[0]


def conv_transpose(axes, variant, *shapes, bias=True, empty=None, torch=True, **options):
    """``F.conv_transpose1d`` or ``F.conv_transpose2d``, of x and weight, with a bias."""
    filters = shapes[1][1] * options.get("groups", 1)
    args = tuple(floats(*s) for s in shapes) + ((floats(filters),) if bias else ())
    return Case(
        f"nn.functional.conv_transpose{axes}d",
        lambda t, *a: getattr(t.nn.functional, f"conv_transpose{axes}d")(*a, **options),
        lambda *a: spread(*a, **options),
        args,
        variant,
        empty=empty,
        torch=torch,
    )


CASES = [
    conv(1, "", (2, 2, 5), (3, 2, 3), empty=((0, 2, 5), (3, 2, 3), (3,))),
    conv(1, "all", (1, 4, 7), (2, 2, 2), bias=False, stride=2, padding=1, dilation=2, groups=2),
    conv(1, "same", (1, 1, 4), (1, 1, 4), padding="same"),
    conv(1, "one signal", (2, 5), (1, 2, 3), padding=1),
    conv(2, "", (2, 2, 4, 3), (3, 2, 2, 3), empty=((0, 2, 4, 3), (3, 2, 2, 3), (3,))),
    conv(2, "padding", (1, 2, 3, 4), (2, 2, 3, 3), padding=1),
    conv(2, "no input channels", (1, 0, 3, 3), (2, 0, 2, 2), empty=((1, 0, 3, 3), (2, 0, 2, 2), (2,)), torch=False),
    conv(2, "stride", (1, 2, 5, 4), (2, 2, 3, 2), bias=False, stride=2, padding=1),
    conv(2, "dilation", (1, 1, 5, 6), (2, 1, 2, 3), dilation=2),
    conv(2, "groups", (1, 4, 3, 3), (4, 2, 2, 2), groups=2, padding=1),
    conv(2, "depthwise", (1, 2, 3, 3), (2, 1, 3, 3), groups=2, padding=1),
    conv(2, "points", (2, 2, 2, 3), (3, 2, 1, 1)),
    conv(2, "same", (1, 1, 3, 3), (1, 1, 2, 3), padding="same"),
    conv(2, "one image", (1, 3, 3), (1, 1, 2, 2), stride=2),
    conv(2, "rows unseen", (1, 1, 6, 5), (1, 1, 2, 2), stride=3),
    conv(2, "more padding than kernel", (1, 1, 2, 2), (1, 1, 1, 1), padding=2, stride=2),
    conv(1, "", (2, 2, 5), (3, 2, 3), rectified=True, torch=False),
    conv(1, "one signal", (2, 5), (4, 1, 3), bias=False, groups=2, dilation=2, padding=1, rectified=True, torch=False),
    conv(2, "", (2, 2, 4, 3), (3, 2, 3, 3), padding=1, rectified=True, torch=False),
    conv(2, "stride", (1, 2, 5, 4), (2, 2, 3, 2), bias=False, stride=2, rectified=True, torch=False),
    conv_transpose(1, "", (2, 2, 4), (2, 3, 3), empty=((0, 2, 4), (2, 3, 3), (3,))),
    conv_transpose(1, "all", (1, 4, 3), (4, 2, 2), bias=False, stride=2, padding=1, output_padding=1, groups=2),
    conv_transpose(1, "dilation", (2, 1, 3), (1, 2, 2), dilation=3, output_padding=2),
    conv_transpose(1, "one signal", (2, 5), (2, 1, 3), padding=2),
    conv_transpose(2, "", (2, 2, 3, 2), (2, 3, 2, 3), empty=((0, 2, 3, 2), (2, 3, 2, 3), (3,))),
    conv_transpose(2, "stride", (1, 2, 2, 3), (2, 2, 3, 3), stride=2, padding=1, output_padding=1),
    conv_transpose(2, "groups", (1, 4, 2, 2), (4, 1, 2, 2), groups=2, padding=1),
    conv_transpose(2, "one image", (1, 2, 3), (1, 2, 2, 2), stride=3),
]
