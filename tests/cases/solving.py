"""Rows of `ops/solving.py` and `factorisation.py`."""

from __future__ import annotations

import numpy as np

from .case import Case, floats

RNG = np.random.default_rng(0)
SQUARE = RNG.standard_normal((2, 3, 3)) + 3 * np.eye(3)
POSITIVE = SQUARE @ SQUARE.swapaxes(-1, -2)
square = floats(2, 3, 3, values=SQUARE)
fixed = floats(2, 3, 3, values=SQUARE, grad=False)
positive = floats(2, 3, 3, values=POSITIVE)


def symmetric(t, x):
    return (x + x.mT) / 2


CASES = [
    Case("inverse", lambda t, x: t.inverse(x), np.linalg.inv, (square,)),
    Case("linalg.solve", lambda t, a, b: t.linalg.solve(a, b), np.linalg.solve, (square, floats(2, 3, 2))),
    Case("linalg.solve", lambda t, a, b: t.linalg.solve(a[0], b), lambda a, b: np.linalg.solve(a[0], b),
         (square, floats(3)), "vector"),
    Case("linalg.solve", lambda t, a, b: t.linalg.solve(a, b, left=False),
         lambda a, b: np.linalg.solve(a.swapaxes(1, 2), b.swapaxes(1, 2)).swapaxes(1, 2), (square, floats(2, 2, 3)),
         "right"),
    Case("det", lambda t, x: t.det(x), np.linalg.det, (square,)),
    Case("slogdet", lambda t, x: t.slogdet(x), np.linalg.slogdet, (square,), torch=False),  # its sign has a graph
    Case("logdet", lambda t, x: t.logdet(x), lambda x: np.log(np.linalg.det(x)), (positive,)),
    Case("linalg.cholesky", lambda t, x: t.linalg.cholesky(symmetric(t, x)), np.linalg.cholesky, (positive,)),
    Case("matrix_power", lambda t, x: t.matrix_power(x, 5), lambda x: np.linalg.matrix_power(x, 5), (floats(2, 2, 2),)),
    Case("matrix_power", lambda t, x: x.matrix_power(-2), lambda x: np.linalg.matrix_power(x, -2), (square,),
         "negative"),
    Case("matrix_power", lambda t, x: t.matrix_power(x, 0), lambda x: np.linalg.matrix_power(x, 0), (fixed,), "zeroth"),
    Case("pinverse", lambda t, x: t.pinverse(x), np.linalg.pinv, (floats(3, 2, grad=False),)),
]  # fmt: skip
