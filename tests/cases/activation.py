"""Rows of `ops/activation.py` and `ops/dropout.py`."""

from __future__ import annotations

import math

import numpy as np

from .case import Case, floats, unary

erf = np.vectorize(math.erf, otypes=[float])


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    e = np.exp(x - x.max(axis, keepdims=True, initial=-np.inf))
    return e / e.sum(axis, keepdims=True)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def functional(name, call, reference, variant="", **limits):
    """``t.nn.functional.name`` for every element."""
    args = (floats(2, 3, **limits),)
    return Case(
        f"nn.functional.{name}",
        lambda t, x: call(t.nn.functional, x),
        reference,
        args,
        variant,
        elementwise=True,
    )


def seeded(call):
    """The same random numbers each time."""

    def again(t, *xs):
        t.manual_seed(0)
        return call(t, *xs)

    return again


CASES = [
    unary("relu", lambda x: np.maximum(x, 0), away=(0.0,)),
    Case("relu_", lambda t, x: t.relu_(x.clone()), lambda x: np.maximum(x, 0), (floats(2, 3, away=(0.0,)),),
         elementwise=True),
    functional("gelu", lambda f, x: f.gelu(x), lambda x: x * (1 + erf(x / math.sqrt(2))) / 2),
    functional("gelu", lambda f, x: f.gelu(x, approximate="tanh"),
               lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))), "tanh"),
    functional("silu", lambda f, x: f.silu(x), lambda x: x * sigmoid(x)),
    functional("leaky_relu", lambda f, x: f.leaky_relu(x, 0.1), lambda x: np.where(x > 0, x, 0.1 * x),
               away=(0.0,)),
    functional("elu", lambda f, x: f.elu(x, 1.5), lambda x: np.where(x > 0, x, 1.5 * np.expm1(x)),
               away=(0.0,)),
    functional("softplus", lambda f, x: f.softplus(x, 2.0), lambda x: np.log1p(np.exp(2 * x)) / 2),
    functional("softplus", lambda f, x: f.softplus(x, 1, 1.0),
               lambda x: np.where(x > 1, x, np.log1p(np.exp(np.minimum(x, 1)))), "threshold", away=(1.0,)),
    functional("logsigmoid", lambda f, x: f.logsigmoid(x), lambda x: -np.log1p(np.exp(-x))),
    functional("mish", lambda f, x: f.mish(x), lambda x: x * np.tanh(np.log1p(np.exp(x)))),
    functional("softsign", lambda f, x: f.softsign(x), lambda x: x / (1 + np.abs(x)), away=(0.0,)),
    functional("tanhshrink", lambda f, x: f.tanhshrink(x), lambda x: x - np.tanh(x)),
    Case("nn.functional.softmin", lambda t, x: t.nn.functional.softmin(x, 1), lambda x: softmax(-x, 1),
         (floats(2, 3),), empty=((0, 3),)),
    Case("nn.functional.glu", lambda t, x: t.nn.functional.glu(x), lambda x: x[..., :2] * sigmoid(x[..., 2:]),
         (floats(3, 4),), empty=((0, 4),)),
    Case("nn.functional.glu", lambda t, x: t.nn.functional.glu(x, dim=0), lambda x: x[:1] * sigmoid(x[1:]),
         (floats(2, 3),), "first axis"),
    Case("softmax", lambda t, x: t.softmax(x, 1), lambda x: softmax(x, 1), (floats(2, 3),), empty=((0, 3),)),
    Case("softmax", lambda t, x: x.softmax(dim=0), lambda x: softmax(x, 0), (floats(3, 2, 2),), "first axis"),
    Case("log_softmax", lambda t, x: t.log_softmax(x, -1), lambda x: np.log(softmax(x, -1)), (floats(2, 3),),
         empty=((0, 3),)),
    Case("nn.functional.dropout", seeded(lambda t, x: t.nn.functional.dropout(x, 0.4)), None,
         (floats(3, 4),), torch=False),
    Case("nn.functional.dropout1d", seeded(lambda t, x: t.nn.functional.dropout1d(x, 0.4)), None,
         (floats(2, 3, 4),), torch=False),
    Case("nn.functional.dropout2d", seeded(lambda t, x: t.nn.functional.dropout2d(x, 0.4)), None,
         (floats(2, 3, 2, 2),), torch=False),
    Case("nn.functional.dropout3d", seeded(lambda t, x: t.nn.functional.dropout3d(x, 0.4)), None,
         (floats(2, 3, 2, 1, 2),), torch=False),
    Case("nn.functional.dropout", lambda t, x: t.nn.functional.dropout(x, training=False), lambda x: x,
         (floats(3, 4),), "evaluation"),
    Case("log_softmax", lambda t, x: x.log_softmax(1), lambda x: np.log(softmax(x, 1)), (floats(2, 3, 2),),
         "middle axis"),
]  # fmt: skip
