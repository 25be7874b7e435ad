"""Rows of `ops/elementwise.py`, `powers.py`, `rounding.py`, `selection.py`, `trigonometry.py` and `copying.py`."""

from __future__ import annotations

import math

import numpy as np

from .case import Case, binary, floats, truths, unary

erf = np.vectorize(math.erf, otypes=[float])
nonzero = floats(2, 3, away=(0.0,))

CASES = [
    # arithmetic
    binary("add", np.add, also_integers=True),
    binary("sub", np.subtract, also_integers=True),
    binary("mul", np.multiply, also_integers=True),
    binary("div", np.divide, floats(2, 3), nonzero),
    binary("maximum", np.maximum, floats(2, 3, distinct=True, high=1.9), floats(2, 3, distinct=True), also_integers=True),
    binary("minimum", np.minimum, floats(2, 3, distinct=True, high=1.9), floats(2, 3, distinct=True), also_integers=True),
    binary("pow", np.power, floats(2, 3, low=0.2), floats(2, 3)),
    binary("atan2", np.arctan2, nonzero, nonzero),
    binary("remainder", np.mod, floats(2, 3, low=0.1, high=0.9), floats(2, 3, low=1.0)),
    binary("fmod", np.fmod, floats(2, 3, low=-0.9, high=-0.1), floats(2, 3, low=1.0)),
    binary("floor_divide", np.floor_divide, floats(2, 3, low=0.1, high=0.9), floats(2, 3, low=1.0)),
    binary("copysign", np.copysign, nonzero, nonzero),
    binary("hypot", np.hypot, nonzero, nonzero),
    binary("logaddexp", np.logaddexp),
    binary("fmax", np.fmax, floats(2, 3, distinct=True, high=1.9), floats(2, 3, distinct=True)),
    binary("fmin", np.fmin, floats(2, 3, distinct=True, high=1.9), floats(2, 3, distinct=True)),
    Case("add", lambda t, x, y: t.add(x, y, alpha=2), lambda x, y: x + 2 * y, (floats(2, 3), floats(2, 3)), "alpha", True),
    Case("sub", lambda t, x, y: t.sub(x, y, alpha=2), lambda x, y: x - 2 * y, (floats(2, 3), floats(2, 3)), "alpha", True),
    Case("addcmul", lambda t, x, y, z: t.addcmul(x, y, z, value=0.5), lambda x, y, z: x + 0.5 * y * z,
         (floats(2, 3), floats(2, 3), floats(2, 3)), elementwise=True),
    Case("addcdiv", lambda t, x, y, z: t.addcdiv(x, y, z, value=0.5), lambda x, y, z: x + 0.5 * y / z,
         (floats(2, 3), floats(2, 3), nonzero), elementwise=True),
    Case("lerp", lambda t, x, y: t.lerp(x, y, 0.3), lambda x, y: x + 0.3 * (y - x), (floats(2, 3), floats(2, 3)),
         elementwise=True),
    Case("lerp", lambda t, x, y, w: t.lerp(x, y, w), lambda x, y, w: x + w * (y - x),
         (floats(2, 3), floats(2, 3), floats(2, 3, low=0.1, high=0.9)), "tensor", True),
    Case("div", lambda t, x, y: t.div(x, y, rounding_mode="trunc"), lambda x, y: np.trunc(x / y),
         (floats(2, 3, low=0.1, high=0.9), floats(2, 3, low=1.0)), "trunc", True),
    Case("add", lambda t, x: t.add(x, 3), lambda x: x + 3, (floats(2, 3),), "number", True, also_integers=True),
    Case("sub", lambda t, x: 3 - x, lambda x: 3 - x, (floats(2, 3),), "from number", True, also_integers=True),
    Case("mul", lambda t, x: t.mul(x, 0.5), lambda x: x * 0.5, (floats(2, 3),), "number", True, also_integers=True),
    Case("div", lambda t, x: 2.0 / x, lambda x: 2 / x, (nonzero,), "of number", True),
    Case("pow", lambda t, x: x**2, lambda x: x**2, (floats(2, 3),), "square", True, also_integers=True),
    Case("pow", lambda t, x: t.pow(x, 3), lambda x: x**3, (floats(2, 3),), "cube", True, also_integers=True),
    Case("pow", lambda t, x: x**0, lambda x: x**0, (floats(2, 3),), "zeroth", True),
    Case("pow", lambda t, x: x**-1.5, lambda x: x**-1.5, (floats(2, 3, low=0.5),), "negative", True),
    Case("pow", lambda t, x: 2.5**x, lambda x: 2.5**x, (floats(2, 3),), "of number", True),
    # signs and rounding
    unary("abs", np.abs, away=(0.0,), also_integers=True),
    unary("neg", np.negative, also_integers=True),
    unary("sign", np.sign, away=(0.0,), also_integers=True),
    unary("positive", np.positive, also_integers=True),
    unary("ceil", np.ceil, away=(-1.0, 0.0, 1.0, 2.0)),
    unary("floor", np.floor, away=(-1.0, 0.0, 1.0, 2.0)),
    unary("round", np.round, away=(-1.5, -0.5, 0.5, 1.5)),
    unary("trunc", np.trunc, away=(-1.0, 0.0, 1.0, 2.0)),
    Case("clamp", lambda t, x: t.clamp(x, -1.0, 1.0), lambda x: np.clip(x, -1, 1),
         (floats(2, 3, away=(-1.0, 1.0)),), elementwise=True),
    Case("clamp", lambda t, x: t.clamp(x, min=0.5), lambda x: np.maximum(x, 0.5),
         (floats(2, 3, away=(0.5,)),), "from below", True),
    Case("clamp", lambda t, x: x.clamp(max=0.5), lambda x: np.minimum(x, 0.5),
         (floats(2, 3, away=(0.5,)),), "from above", True),
    # powers and logarithms
    unary("square", np.square, also_integers=True),
    unary("sqrt", np.sqrt, low=0.2),
    unary("rsqrt", lambda x: 1 / np.sqrt(x), low=0.2),
    unary("reciprocal", np.reciprocal, away=(0.0,)),
    unary("exp", np.exp, also_integers=True),
    unary("exp2", np.exp2),
    unary("expm1", np.expm1),
    unary("log", np.log, low=0.2),
    unary("log1p", np.log1p, low=-0.8),
    unary("log2", np.log2, low=0.2),
    unary("log10", np.log10, low=0.2),
    # trigonometry and its kin
    unary("sin", np.sin),
    unary("cos", np.cos),
    unary("tan", np.tan, low=-1.2, high=1.2),
    unary("asin", np.arcsin, low=-0.9, high=0.9),
    unary("acos", np.arccos, low=-0.9, high=0.9),
    unary("atan", np.arctan),
    unary("sinh", np.sinh),
    unary("cosh", np.cosh),
    unary("tanh", np.tanh),
    unary("asinh", np.arcsinh),
    unary("acosh", np.arccosh, low=1.2),
    unary("atanh", np.arctanh, low=-0.9, high=0.9),
    unary("erf", erf),
    unary("sigmoid", lambda x: 1 / (1 + np.exp(-x)), also_integers=True),
    # choice
    Case("where", lambda t, c, x, y: t.where(c, x, y), np.where,
         (truths(2, 3), floats(2, 3), floats(2, 3)), elementwise=True),
    Case("where", lambda t, c, x: t.where(c, x, 0.0), lambda c, x: np.where(c, x, 0.0),
         (truths(2, 3), floats(2, 3)), "number", True),
    Case("nan_to_num", lambda t, x: t.nan_to_num(x, 0.5, posinf=3.0), lambda x: np.nan_to_num(x, nan=0.5, posinf=3.0),
         (floats(3, values=[np.nan, np.inf, 1.0], grad=False),)),
    unary("nan_to_num", lambda x: x, variant="finite"),
    Case("clone", lambda t, x: t.clone(x), lambda x: x, (floats(2, 3),), elementwise=True, also_integers=True),
]  # fmt: skip
