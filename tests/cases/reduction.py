"""Rows of `ops/reduction.py`, `moments.py`, `norms.py`, `extrema.py`, `cumulative.py` and `sorting.py`."""

from __future__ import annotations

import numpy as np

from .case import Case, floats, integers, truths

box = floats(2, 3, 2)
AXES = {"all": (None, False), "axis": (1, False), "kept": (0, True), "two": ((0, -1), False)}
zeros = floats(3, 3, values=[[0.0, 2.0, 3.0], [0.0, 0.0, 2.0], [1.0, 2.0, 3.0]])


def reduction(name, reference, arg=box, axes=tuple(AXES), **more):
    """A row for all axes, one of them, one kept, two of them."""
    empty = more.pop("empty", True)

    def row(variant):
        axis, keep = AXES[variant]
        if axis is None:
            call = lambda t, x: getattr(t, name)(x)
        else:
            call = lambda t, x: getattr(t, name)(x, dim=axis, keepdim=keep)
        return Case(
            name, call, lambda x: reference(x, axis=axis, keepdims=keep), (arg,), variant,
            empty=((2, 0, 3),) if empty and variant == "axis" else None, **more,
        )  # fmt: skip

    return [row(variant) for variant in axes]


def logsumexp(x, axis, keepdims):
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


def norm(p):
    return lambda x, axis, keepdims: np.sum(np.abs(x) ** p, axis=axis, keepdims=keepdims) ** (1 / p)


def ddof(function):
    return lambda x, axis, keepdims: function(x, axis=axis, keepdims=keepdims, ddof=1)


def both(x, axis, function, index):
    return function(x, axis=axis), index(x, axis=axis)


ordered = floats(2, 3, 2, distinct=True)

CASES = [
    *reduction("sum", np.sum, also_integers=True),
    *reduction("mean", np.mean, empty=False),
    *reduction("prod", np.prod, axes=("all", "axis", "kept"), also_integers=True),
    *reduction("var", ddof(np.var), empty=False),
    *reduction("std", ddof(np.std), empty=False),
    *reduction("logsumexp", logsumexp, axes=("axis", "kept", "two")),
    *reduction("amax", np.max, ordered, empty=False),
    *reduction("amin", np.min, ordered, empty=False),
    *reduction("all", np.all, truths(2, 3, 2), axes=("all", "axis", "kept")),
    *reduction("any", np.any, truths(2, 3, 2), axes=("all", "axis", "kept")),
    Case("prod", lambda t, x: t.prod(x, 1), lambda x: x.prod(1), (zeros,), "zeros"),
    Case("prod", lambda t, x: t.prod(x), np.prod, (zeros,), "all zeros"),
    Case("var", lambda t, x: t.var(x, dim=1, correction=0), lambda x: x.var(1), (floats(2, 3),),
         "population"),
    Case("std", lambda t, x: t.std(x, dim=1, unbiased=False), lambda x: x.std(1), (floats(2, 3),),
         "population"),
    Case("var_mean", lambda t, x: t.var_mean(x, dim=1), lambda x: (x.var(1, ddof=1), x.mean(1)),
         (floats(2, 3),)),
    Case("std_mean", lambda t, x: t.std_mean(x, dim=1), lambda x: (x.std(1, ddof=1), x.mean(1)),
         (floats(2, 3),)),
    Case("sum", lambda t, x: t.sum(x), np.sum, (truths(2, 3),), "of bools"),
    Case("count_nonzero", lambda t, x: t.count_nonzero(x), lambda x: np.int64(np.count_nonzero(x)),
         (integers(2, 3, high=3),)),
    Case("count_nonzero", lambda t, x: t.count_nonzero(x, dim=1), lambda x: np.count_nonzero(x, 1),
         (integers(2, 3, high=3),),
         "axis"),
    Case("norm", lambda t, x: t.norm(x), lambda x: norm(2)(x, None, False), (floats(2, 3),)),
    Case("norm", lambda t, x: t.norm(x, p=1, dim=1), lambda x: norm(1)(x, 1, False),
         (floats(2, 3, away=(0.0,)),), "1"),
    Case("norm", lambda t, x: t.norm(x, p=3, dim=0, keepdim=True), lambda x: norm(3)(x, 0, True),
         (floats(2, 3, away=(0.0,)),), "3"),
    Case("norm", lambda t, x: t.norm(x, p=float("inf"), dim=1), lambda x: np.abs(x).max(1),
         (floats(2, 3, distinct=True, high=1.9),), "inf"),
    Case("nn.functional.normalize", lambda t, x: t.nn.functional.normalize(x),
         lambda x: x / norm(2)(x, 1, True), (floats(2, 3),)),
    Case("nn.functional.normalize", lambda t, x: t.nn.functional.normalize(x, p=3.0, dim=0),
         lambda x: x / norm(3)(x, 0, True),
         (floats(2, 3, away=(0.0,)),), "3"),
    # extremes
    Case("max", lambda t, x: t.max(x), np.max, (ordered,)),
    Case("max", lambda t, x: tuple(t.max(x, dim=1)), lambda x: both(x, 1, np.max, np.argmax), (ordered,),
         "axis"),
    Case("max", lambda t, x, y: t.max(x, y), np.maximum,
         (floats(2, 3, distinct=True, high=1.9), floats(2, 3, distinct=True)),
         "of two"),
    Case("min", lambda t, x: x.min(), np.min, (ordered,)),
    Case("min", lambda t, x: tuple(x.min(dim=-1)), lambda x: both(x, -1, np.min, np.argmin), (ordered,),
         "axis"),
    Case("argmax", lambda t, x: t.argmax(x), lambda x: np.int64(np.argmax(x)), (ordered,)),
    Case("argmax", lambda t, x: t.argmax(x, dim=1), lambda x: np.argmax(x, 1), (ordered,), "axis"),
    Case("argmin", lambda t, x: t.argmin(x), lambda x: np.int64(np.argmin(x)), (ordered,)),
    Case("argmin", lambda t, x: t.argmin(x, dim=0, keepdim=True), lambda x: np.argmin(x, 0, keepdims=True),
         (ordered,), "kept"),
    # cumulative
    Case("cumsum", lambda t, x: t.cumsum(x, 1), lambda x: np.cumsum(x, 1), (floats(2, 3),), empty=((2, 0),),
         also_integers=True),
    Case("cumsum", lambda t, x: x.cumsum(dim=0), lambda x: np.cumsum(x, 0), (floats(3, 2),), "first axis"),
    Case("cumprod", lambda t, x: t.cumprod(x, 1), lambda x: np.cumprod(x, 1), (floats(2, 3),),
         also_integers=True),
    Case("cumprod", lambda t, x: t.cumprod(x, 1), lambda x: np.cumprod(x, 1), (zeros,), "zeros"),
    # order
    Case("sort", lambda t, x: tuple(t.sort(x)), lambda x: (np.sort(x), np.argsort(x)), (ordered,)),
    Case("sort", lambda t, x: tuple(t.sort(x, dim=1, descending=True)),
         lambda x: (-np.sort(-x, 1), np.argsort(-x, 1)), (ordered,),
         "descending"),
    Case("sort", lambda t, x: tuple(t.sort(x)), lambda x: (x, np.int64(0)), (floats(),), "0-d"),
    Case("argsort", lambda t, x: t.argsort(x, dim=1), lambda x: np.argsort(x, 1), (ordered,)),
    Case("topk", lambda t, x: tuple(t.topk(x, 2, dim=1)),
         lambda x: (-np.sort(-x, 1)[:, :2], np.argsort(-x, 1)[:, :2]),
         (ordered,)),
    Case("unique", lambda t, x: t.unique(x), np.unique, (integers(2, 3, high=3),)),
    Case("unique", lambda t, x: t.unique(x, return_inverse=True, return_counts=True),
         lambda x: np.unique(x, return_inverse=True, return_counts=True), (integers(7, high=3),), "all"),
]  # fmt: skip
