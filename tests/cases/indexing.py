"""Rows of `ops/indexing.py` and `ops/gathering.py`."""

from __future__ import annotations

import numpy as np

from .case import Case, floats, integers, truths

mask = truths(3, 4, values=np.arange(12).reshape(3, 4) % 3 == 0)
rows = integers(4, values=[2, 0, 2, -1])


def part(variant, take, *arrays, shape=(3, 4), **more):
    """``x[index]``."""
    return Case("getitem", lambda t, x, *i: take(x, *i), take, (floats(*shape), *arrays), variant, **more)


def assigned(x, index, value):
    x = x.copy()
    x[index] = value
    return x


def put(variant, index, value, *arrays, x=None):
    """``x[index] = value`` on a copy."""

    def call(t, x, v, *i):
        x = x.clone()
        x[index(*i)] = v
        return x

    args = (x or floats(3, 4), value, *arrays)
    return Case("setitem", call, lambda x, v, *i: assigned(x, index(*i), v), args, variant)


columns = integers(2, 2, values=[[2, 0], [1, 1]])


def scatter(x, i, s):
    x = x.copy()
    np.put_along_axis(x, i, s, 1)
    return x


def scatter_add(x, i, s):
    x = x.copy()
    np.add.at(x, (np.arange(len(i))[:, None], i), s)
    return x


def added(x, i, s):
    x = x.copy()
    np.add.at(x, i, s)
    return x


CASES = [
    part("integer", lambda x: x[1]),
    part("negative", lambda x: x[-1, 2]),
    part("slice", lambda x: x[1:, ::2]),
    part("new axis", lambda x: x[None, :, 1, None]),
    part("ellipsis", lambda x: x[..., 0]),
    part("nothing", lambda x: x[2:1]),
    part("integers", lambda x, i: x[i], rows),
    part("list", lambda x: x[[0, 0, 2]]),
    part("pairs", lambda x, i, j: x[i, j], rows, integers(4, values=[0, 1, 0, 3])),
    part("broadcast", lambda x, i, j: x[i, j], integers(2, 1, values=[[2], [2]]), rows),
    part("mixed", lambda x, i: x[1:, i, None], rows),
    part("split", lambda x, i: x[i, :, 1], rows, shape=(3, 2, 2)),
    part("mask", lambda x, m: x[m], mask),
    part("mask of rows", lambda x, m: x[m, 1:], truths(3, values=[True, False, True])),
    put("integer", lambda: 1, floats(4)),
    put("slice", lambda: (slice(1, None), slice(None, None, 2)), floats(2, 2)),
    put("broadcast", lambda: slice(1, None), floats(4)),
    put("integers", lambda i: i, floats(2, 4), integers(2, values=[2, 0])),
    put("mask", lambda m: m, floats(), mask),
    # along one axis
    Case("gather", lambda t, x, i: t.gather(x, 1, i), lambda x, i: np.take_along_axis(x, i, 1),
         (floats(2, 3), columns)),
    Case("gather", lambda t, x, i: x.gather(0, i), lambda x, i: np.take_along_axis(x, i, 0),
         (floats(3, 2), columns), "axis 0"),
    Case("take_along_dim", lambda t, x, i: t.take_along_dim(x, i, 1),
         lambda x, i: np.take_along_axis(x, i, 1),
         (floats(2, 3), columns)),
    Case("take", lambda t, x, i: t.take(x, i), lambda x, i: x.reshape(-1)[i],
         (floats(2, 3), integers(2, 2, values=[[5, 0], [5, 1]]))),
    Case("index_select", lambda t, x, i: t.index_select(x, 1, i), lambda x, i: x[:, i],
         (floats(2, 3), integers(4, values=[2, 0, 2, 1])),
         empty=((0, 3), (4,))),
    Case("scatter", lambda t, x, i, s: t.scatter(x, 1, i, s), scatter,
         (floats(2, 4), integers(2, 2, values=[[1, 3], [2, 0]]), floats(2, 2))),
    Case("scatter", lambda t, x, i: t.scatter(x, 1, i, 0.5), lambda x, i: scatter(x, i, 0.5),
         (floats(2, 4), integers(2, 2, values=[[1, 3], [2, 0]])), "number"),
    Case("scatter_add", lambda t, x, i, s: t.scatter_add(x, 1, i, s), scatter_add,
         (floats(2, 3), columns, floats(2, 2))),
    Case("index_add", lambda t, x, i, s: t.index_add(x, 0, i, s, alpha=2), lambda x, i, s: added(x, i, 2 * s),
         (floats(3, 2), integers(4, values=[0, 2, 0, 0]), floats(4, 2))),
    Case("index_add", lambda t, x, i, s: t.index_add(x, 1, i, s), lambda x, i, s: added(x.T, i, s.T).T,
         (floats(2, 3), integers(4, values=[0, 2, 0, 0]), floats(2, 4)), "axis 1"),
    Case("nn.functional.embedding", lambda t, i, w: t.nn.functional.embedding(i, w), lambda i, w: w[i],
         (columns, floats(4, 3))),
    Case("nn.functional.one_hot", lambda t, i: t.nn.functional.one_hot(i, 4),
         lambda i: np.eye(4, dtype="int64")[i], (columns,)),
    # by a mask
    Case("masked_fill", lambda t, x, m: t.masked_fill(x, m, 0.5), lambda x, m: np.where(m, 0.5, x),
         (floats(3, 4), mask)),
    Case("masked_fill", lambda t, x, m, v: x.masked_fill(m, v), lambda x, m, v: np.where(m, v, x),
         (floats(3, 4), mask, floats()), "tensor"),
    Case("masked_select", lambda t, x, m: t.masked_select(x, m), lambda x, m: x[m], (floats(3, 4), mask)),
    # where and how many
    Case("nonzero", lambda t, x: t.nonzero(x), lambda x: np.argwhere(x), (mask,)),
    Case("nonzero", lambda t, x: t.nonzero(x, as_tuple=True), np.nonzero, (mask,), "tuple"),
    Case("where", lambda t, x: t.where(x), np.nonzero, (mask,), "positions"),
    Case("argwhere", lambda t, x: t.argwhere(x), np.argwhere, (mask,)),
    Case("bincount", lambda t, x: t.bincount(x, minlength=6), lambda x: np.bincount(x, minlength=6),
         (integers(7, high=5),)),
]  # fmt: skip
