"""Rows of `ops/bent.py`."""

from __future__ import annotations

import numpy as np

from .activation import functional
from .case import Case, floats


def elu(x, alpha):
    return np.where(x > 0, x, alpha * np.expm1(x))


def leaning(x, slopes):
    slopes = slopes.reshape(-1, *(1,) * (x.ndim - 2)) if slopes.size > 1 else slopes
    return np.where(x > 0, x, slopes * x)


def prelu(variant, x, slopes):
    return Case("nn.functional.prelu", lambda t, x, w: t.nn.functional.prelu(x, w), leaning, (x, slopes), variant)


CASES = [
    functional("hardtanh", lambda f, x: f.hardtanh(x), lambda x: np.clip(x, -1, 1), away=(-1.0, 1.0)),
    functional("hardtanh", lambda f, x: f.hardtanh(x, -0.5, 1.5), lambda x: np.clip(x, -0.5, 1.5), "bounds",
               away=(-0.5, 1.5)),
    functional("relu6", lambda f, x: f.relu6(x), lambda x: np.clip(x, 0, 6), low=-8.0, high=8.0, away=(0.0, 6.0)),
    # PyTorch's derivative is a float32 number's sixth, also of float64.
    Case("nn.functional.hardsigmoid", lambda t, x: t.nn.functional.hardsigmoid(x), lambda x: np.clip(x + 3, 0, 6) / 6,
         (floats(2, 3, low=-5.0, high=5.0, away=(-3.0, 3.0)),), elementwise=True, torch=False),
    functional("hardswish", lambda f, x: f.hardswish(x), lambda x: x * np.clip(x + 3, 0, 6) / 6, low=-5.0, high=5.0,
               away=(-3.0, 3.0)),
    functional("threshold", lambda f, x: f.threshold(x, 0.1, 20.0), lambda x: np.where(x > 0.1, x, 20.0),
               away=(0.1,)),
    functional("selu", lambda f, x: f.selu(x), lambda x: 1.0507009873554805 * elu(x, 1.6732632423543772), away=(0.0,)),
    functional("celu", lambda f, x: f.celu(x), lambda x: elu(x, 1.0), away=(0.0,)),
    functional("celu", lambda f, x: f.celu(x, 0.5), lambda x: 0.5 * elu(x / 0.5, 1.0), "smooth", away=(0.0,)),
    prelu("one", floats(2, 3, away=(0.0,)), floats(1)),
    prelu("channels", floats(2, 3, 2, away=(0.0,)), floats(3)),
    prelu("line", floats(4, away=(0.0,)), floats(1)),
]  # fmt: skip
