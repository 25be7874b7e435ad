"""Rows of `ops/filling.py`, `searching.py` and `combining.py`."""

from __future__ import annotations

import itertools

import numpy as np

from .case import Case, beside, floats, integers, truths

TO = np.array([[0, 2, 1], [2, 2, 0], [0, 1, 1]])
REDUCTIONS = {"sum": np.sum, "mean": np.mean, "prod": np.prod, "amax": np.max, "amin": np.min}
LINE = np.array([-1.0, 0.5, 0.5, 1.5])


def filled(x, value):
    y = x.copy()
    y[:, [0, 2]] = value
    return y


def masked(x, mask, source):
    y = x.copy()
    y[mask] = source.ravel()[: mask.sum()]
    return y


def reduced(reduce, include_self=True):
    def reference(x, src):
        y = x.copy()
        for place in np.ndindex(4, 3):
            given = [src[i, place[1]] for i in range(3) if TO[i, place[1]] == place[0]]
            if given:
                given = ([x[place]] if include_self else []) + given
                y[place] = REDUCTIONS[reduce](given)
        return y

    def call(t, x, src):
        return t.scatter_reduce(x, 0, beside(t, x, TO), src, reduce, include_self=include_self)

    variant = reduce if include_self else f"{reduce} of the others"
    args = (floats(4, 3, distinct=True), floats(3, 3, distinct=True))
    return Case("scatter_reduce", call, reference, args, variant)


def embedded(x, offset):
    return np.stack([np.diag(row, offset) for row in x])


CASES = [
    Case("index_fill", lambda t, x: t.index_fill(x, 1, beside(t, x, [0, 2]), 5.0), lambda x: filled(x, 5.0),
         (floats(2, 3),)),
    Case("index_copy", lambda t, x, y: t.index_copy(x, 1, beside(t, x, [0, 2]), y), filled,
         (floats(2, 3), floats(2, 2))),
    Case("masked_scatter", lambda t, x, m, y: t.masked_scatter(x, m, y), masked,
         (floats(2, 3), truths(2, 3, values=[[True, False, True], [False, True, True]]), floats(7))),
    *[reduced(how, itself) for how, itself in itertools.product(REDUCTIONS, (True, False))],
    Case("searchsorted", lambda t, x, y: t.searchsorted(x, y), lambda x, y: np.searchsorted(x, y),
         (floats(4, values=LINE, grad=False), floats(2, 3, grad=False))),
    Case("searchsorted", lambda t, x: t.searchsorted(beside(t, x, LINE).to(x.dtype), x, right=True),
         lambda x: np.searchsorted(LINE, x, "right"), (floats(4, values=LINE, grad=False),), "right"),
    Case("searchsorted", lambda t, x, y: t.searchsorted(t.sort(x).values, y),
         lambda x, y: np.stack([np.searchsorted(np.sort(a), b) for a, b in zip(x, y, strict=True)]),
         (floats(2, 5, grad=False), floats(2, 3, grad=False)), "rows"),
    Case("bucketize", lambda t, x: t.bucketize(x, beside(t, x, LINE).to(x.dtype)), lambda x: np.searchsorted(LINE, x),
         (floats(2, 3, grad=False),)),
    Case("isin", lambda t, x, y: t.isin(x, y), np.isin, (integers(3, 4), integers(4))),
    Case("isin", lambda t, x: t.isin(x, 3, invert=True), lambda x: x != 3, (integers(3, 4),), "number"),
    Case("combinations", lambda t, x: t.combinations(x), lambda x: np.array(list(itertools.combinations(x, 2))),
         (floats(4),)),
    Case("combinations", lambda t, x: t.combinations(x, 3, with_replacement=True),
         lambda x: np.array(list(itertools.combinations_with_replacement(x, 3))), (floats(3),), "repeated"),
    Case("cartesian_prod", lambda t, x, y: t.cartesian_prod(x, y),
         lambda x, y: np.array(list(itertools.product(x, y))), (floats(2), floats(3))),
    Case("block_diag", lambda t, x, y: t.block_diag(x, y),
         lambda x, y: np.block([[x, np.zeros((2, 2))], [np.zeros((1, 3)), y]]), (floats(2, 3), floats(1, 2))),
    Case("diag_embed", lambda t, x: t.diag_embed(x), lambda x: embedded(x, 0), (floats(2, 3),)),
    Case("diag_embed", lambda t, x: t.diag_embed(x, 1, 0, -1), lambda x: np.moveaxis(embedded(x, 1), 1, 0),
         (floats(2, 3),), "above"),
    Case("diag_embed", lambda t, x: t.diag_embed(x, -2), lambda x: embedded(x, -2), (floats(2, 3),), "below"),
    Case("tril_indices", lambda t, x: t.tril_indices(3, 4, 1, device=x.device),
         lambda x: np.array(np.tril_indices(3, 1, 4)), (integers(1),)),
    Case("triu_indices", lambda t, x: t.triu_indices(3, 4, -1, device=x.device),
         lambda x: np.array(np.triu_indices(3, -1, 4)), (integers(1),)),
]  # fmt: skip
