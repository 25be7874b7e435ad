"""Rows of `ops/pooling.py` and `ops/adaptive_pooling.py`."""

from __future__ import annotations

import itertools
import math

import numpy as np

from .case import Case, floats


def pooled(x, reduce, kernel, stride=None, padding=0, dilation=1, ceil=False):
    """The definition: ``reduce(elements, their places, size of the window with padding)`` for each window."""
    stride = stride or kernel
    span, sizes = dilation * (kernel - 1) + 1, []
    for n in x.shape[2:]:
        m = (math.ceil if ceil else math.floor)((n + 2 * padding - span) / stride) + 1
        sizes.append(m - (ceil and (m - 1) * stride >= n + padding))
    y = np.zeros((*x.shape[:2], *sizes))
    for place in itertools.product(*map(range, sizes)):
        axes, size = [], 1
        for i, n in zip(place, x.shape[2:], strict=True):
            seen = range(i * stride - padding, i * stride - padding + span, dilation)
            axes.append([j for j in seen if 0 <= j < n])
            size *= len([j for j in seen if j < n + padding])
        window = x[np.ix_(range(len(x)), range(x.shape[1]), *axes)].reshape(*x.shape[:2], math.prod(map(len, axes)))
        numbers = np.arange(math.prod(x.shape[2:])).reshape(x.shape[2:])[np.ix_(*axes)].reshape(-1)
        y[(slice(None), slice(None), *place)] = reduce(window, numbers, size)
    return y


def largest(window, numbers, size):
    return window.max(-1)


def where(window, numbers, size):
    return numbers[window.argmax(-1)]


def max_pool(axes, variant, shape, kernel, empty=None, **options):
    """``F.max_pool1d`` or ``F.max_pool2d`` with indices."""

    def definition(x):
        words = {{"ceil_mode": "ceil"}.get(name, name): value for name, value in options.items()}
        return pooled(x, largest, kernel, **words), pooled(x, where, kernel, **words).astype("int64")

    return Case(
        f"nn.functional.max_pool{axes}d",
        lambda t, x: getattr(t.nn.functional, f"max_pool{axes}d")(x, kernel, return_indices=True, **options),
        definition, (floats(*shape, distinct=True),), variant, empty=empty,
    )  # fmt: skip


def avg_pool(axes, variant, shape, kernel, divisor=None, count=True, ceil=False, empty=None, **options):
    """``F.avg_pool1d`` or ``F.avg_pool2d``."""

    def average(window, numbers, size):
        return window.sum(-1) / (divisor or (size if count else len(numbers)))

    more = {"divisor_override": divisor} if divisor else {}
    return Case(
        f"nn.functional.avg_pool{axes}d",
        lambda t, x: getattr(t.nn.functional, f"avg_pool{axes}d")(
            x, kernel, ceil_mode=ceil, count_include_pad=count, **options, **more
        ),
        lambda x: pooled(x, average, kernel, ceil=ceil, **options), (floats(*shape),), variant, empty=empty,
    )  # fmt: skip


def adaptive(x, reduce, *targets):
    y = np.zeros((*x.shape[:2], *targets))
    for place in itertools.product(*map(range, targets)):
        window = [slice(i * n // m, -(-(i + 1) * n // m))
                  for i, n, m in zip(place, x.shape[2:], targets, strict=True)]  # fmt: skip
        part = x[(slice(None), slice(None), *window)]
        y[(slice(None), slice(None), *place)] = reduce(part.reshape(*x.shape[:2], -1), -1)
    return y


def adaptive_avg(axes, variant, shape, *targets):
    return Case(
        f"nn.functional.adaptive_avg_pool{axes}d",
        lambda t, x: getattr(t.nn.functional, f"adaptive_avg_pool{axes}d")(x, targets if axes == 2 else targets[0]),
        lambda x: adaptive(x, np.mean, *targets), (floats(*shape),), variant,
    )  # fmt: skip


def adaptive_max(axes, variant, shape, *targets):
    def definition(x):
        y = adaptive(x, np.max, *targets)
        flat = x.reshape(*x.shape[:2], -1)  # elements are distinct, so each has one place
        return y, (flat[..., None] == y.reshape(*y.shape[:2], 1, -1)).argmax(2).reshape(y.shape)

    return Case(
        f"nn.functional.adaptive_max_pool{axes}d",
        lambda t, x: getattr(t.nn.functional, f"adaptive_max_pool{axes}d")(
            x, targets if axes == 2 else targets[0], return_indices=True
        ),
        definition, (floats(*shape, distinct=True),), variant,
    )  # fmt: skip


CASES = [
    max_pool(1, "", (2, 2, 5), 2, empty=((0, 2, 5),)),
    max_pool(1, "all", (1, 2, 8), 2, stride=3, padding=1, dilation=2, ceil_mode=True),
    max_pool(2, "", (2, 2, 4, 6), 2, empty=((0, 2, 4, 6),)),
    max_pool(2, "odd", (1, 2, 5, 3), 2),
    max_pool(2, "overlapping", (1, 1, 4, 5), 3, stride=1, padding=1),
    max_pool(2, "ceil", (1, 1, 4, 5), 2, stride=3, padding=1, ceil_mode=True),
    max_pool(2, "gaps", (1, 1, 5, 5), 2, dilation=2, stride=1),
    Case("nn.functional.max_pool2d", lambda t, x: t.nn.functional.max_pool2d(x, (2, 1)),
         lambda x: np.maximum(x[:, ::2], x[:, 1::2]), (floats(1, 4, 3, distinct=True),), "one image"),
    avg_pool(1, "", (2, 2, 5), 2, empty=((0, 2, 5),)),
    avg_pool(1, "padding", (1, 1, 5), 3, stride=2, padding=1),
    avg_pool(2, "", (2, 2, 4, 6), 2, empty=((0, 2, 4, 6),)),
    avg_pool(2, "padding", (1, 2, 4, 3), 3, stride=1, padding=1),
    avg_pool(2, "inside", (1, 2, 4, 3), 3, stride=2, padding=1, count=False),
    avg_pool(2, "ceil", (1, 1, 4, 5), 2, stride=3, padding=1, ceil=True),
    avg_pool(2, "ceil inside", (1, 1, 5, 4), 3, stride=2, ceil=True, count=False),
    avg_pool(2, "divisor", (1, 1, 4, 5), 2, divisor=3),
    Case("nn.functional.avg_pool2d", lambda t, x: t.nn.functional.avg_pool2d(x, (2, 1)),
         lambda x: (x[:, ::2] + x[:, 1::2]) / 2, (floats(1, 4, 3),), "one image"),
    adaptive_avg(1, "", (2, 2, 5), 3),
    adaptive_avg(2, "even", (2, 2, 4, 3), 2, 1),
    adaptive_avg(2, "uneven", (1, 2, 4, 3), 3, 2),
    adaptive_max(1, "", (2, 2, 5), 3),
    adaptive_max(2, "even", (2, 2, 4, 3), 2, 1),
    adaptive_max(2, "uneven", (1, 2, 4, 3), 3, 2),
]  # fmt: skip
