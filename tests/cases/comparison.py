"""Rows of `ops/comparison.py`: nothing here has a gradient."""

from __future__ import annotations

import numpy as np

from .case import Case, binary, floats, integers, truths, unary

some = floats(2, 3, values=[[1.0, 2.0, np.inf], [np.nan, -np.inf, 0.0]], grad=False)
pair = (integers(2, 3, high=3), integers(2, 3, high=3))
bits = (integers(2, 3), integers(2, 3, high=4))


def values(name, reference, **more):
    """``t.name(x)`` of special values."""
    return Case(name, lambda t, x: getattr(t, name)(x), reference, (some,), **more)


CASES = [
    *(binary(name, reference, *pair) for name, reference in (
        ("eq", np.equal), ("ne", np.not_equal), ("lt", np.less), ("le", np.less_equal), ("gt", np.greater),
        ("ge", np.greater_equal))),
    Case("gt", lambda t, x: x > 0.5, lambda x: x > 0.5, (floats(2, 3, grad=False),), "number", True),
    Case("eq", lambda t, x: x == 1, lambda x: x == 1, (integers(2, 3, high=3),), "number", True),
    values("isnan", np.isnan, also_integers=False),
    values("isinf", np.isinf),
    values("isfinite", np.isfinite),
    Case("isclose", lambda t, x, y: t.isclose(x, y, rtol=0.1, atol=0.2),
         lambda x, y: np.isclose(x, y, 0.1, 0.2),
         (floats(2, 3, grad=False), floats(2, 3, grad=False)), elementwise=True),
    Case("allclose", lambda t, x, y: t.tensor(t.allclose(x, y, rtol=0.1, atol=3.0)),
         lambda x, y: np.bool(np.allclose(x, y, 0.1, 3.0)),
         (floats(2, 3, grad=False), floats(2, 3, grad=False))),
    Case("equal", lambda t, x: t.tensor(t.equal(x, x)), lambda x: np.bool(True), (floats(2, 3, grad=False),)),
    Case("equal", lambda t, x, y: t.tensor(t.equal(x, y)), lambda x, y: np.bool(False), pair, "not"),
    unary("logical_not", np.logical_not, grad=False, also_integers=True),
    *(binary(name, reference, truths(2, 3), truths(2, 3)) for name, reference in (
        ("logical_and", np.logical_and), ("logical_or", np.logical_or), ("logical_xor", np.logical_xor))),
    Case("bitwise_not", lambda t, x: ~x, np.invert, (truths(2, 3),), elementwise=True),
    Case("bitwise_not", lambda t, x: t.bitwise_not(x), np.invert, (integers(2, 3),), "integers", True),
    *(binary(name, reference, *bits) for name, reference in (
        ("bitwise_and", np.bitwise_and), ("bitwise_or", np.bitwise_or), ("bitwise_xor", np.bitwise_xor),
        ("bitwise_left_shift", np.left_shift), ("bitwise_right_shift", np.right_shift))),
    Case("bitwise_and", lambda t, x, y: x & y, np.logical_and, (truths(2, 3), truths(2, 3)), "bools", True),
]  # fmt: skip
