"""Small parameters with gradients, and every optimizer, for the tests of optimizers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tiny_pytorch as tp
from tiny_pytorch.optim import SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, NAdam, Optimizer, RAdam, RMSprop


def parameter(array: Any, dtype: Any = None) -> Any:
    return tp.tensor(np.asarray(array), dtype=dtype or tp.float64).requires_grad_()


def give(p: Any, gradient: Any) -> None:
    p.grad = tp.tensor(np.asarray(gradient), dtype=p.dtype)


COMPILED = {
    "SGD": (SGD, {}),
    "SGD with momentum": (SGD, {"momentum": 0.9, "weight_decay": 0.1}),
    "SGD, nesterov": (SGD, {"momentum": 0.9, "nesterov": True}),
    "SGD, PyTorch's": (SGD, {"momentum": 0.9, "weight_decay": 0.1, "dampening": 0.5}),
    "SGD, PyTorch's nesterov": (SGD, {"momentum": 0.9, "dampening": 0, "nesterov": True}),
    "Adam": (Adam, {}),
    "Adam with decay": (Adam, {"weight_decay": 0.1, "betas": (0.8, 0.99)}),
    "Adam, amsgrad": (Adam, {"weight_decay": 0.1, "amsgrad": True, "betas": (0.8, 0.9)}),
    "AdamW": (AdamW, {}),
    "AdamW with decay": (AdamW, {"weight_decay": 0.1, "betas": (0.8, 0.99)}),
    "AdamW, amsgrad": (AdamW, {"amsgrad": True, "betas": (0.8, 0.9)}),
    "RMSprop": (RMSprop, {}),
    "RMSprop with momentum": (RMSprop, {"weight_decay": 0.1, "momentum": 0.9, "alpha": 0.9}),
    "RMSprop, centered": (RMSprop, {"centered": True, "eps": 1e-3}),
    "RMSprop, centered, with momentum": (RMSprop, {"centered": True, "momentum": 0.9, "eps": 1e-3}),
}
# What only the reference computes.
COMPOSED = {
    "Adam, upwards": (Adam, {"maximize": True}),
    "Adagrad": (Adagrad, {"weight_decay": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.5}),
    "Adadelta": (Adadelta, {"weight_decay": 0.1}),
    "Adamax": (Adamax, {"weight_decay": 0.1}),
    "NAdam": (NAdam, {"weight_decay": 0.1}),
    "NAdam, decoupled": (NAdam, {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    "RAdam": (RAdam, {"weight_decay": 0.1, "betas": (0.8, 0.9)}),
    "RAdam, decoupled": (RAdam, {"weight_decay": 0.1, "decoupled_weight_decay": True}),
}
ALGORITHMS = COMPILED | COMPOSED
every_compiled_algorithm = pytest.mark.parametrize("cls, options", COMPILED.values(), ids=COMPILED)
every_algorithm = pytest.mark.parametrize("cls, options", ALGORITHMS.values(), ids=ALGORITHMS)


def two_parameters(dtype: Any = None) -> list[Any]:
    params = [parameter(np.arange(6.0).reshape(2, 3), dtype), parameter([1.0, -2.0], dtype)]
    for i, p in enumerate(params):
        give(p, np.ones(p.shape) * (i + 1))
    return params


def values(params: list[Any]) -> list[np.ndarray]:
    return [p.detach().numpy().copy() for p in params]


def state_of(optimizer: Optimizer, params: list[Any]) -> list[dict[str, Any]]:
    return [{k: v.numpy().copy() for k, v in optimizer.state.get(p, {}).items() if v is not None} for p in params]


def assert_equal(actual: Any, expected: Any) -> None:
    np.testing.assert_equal(actual, expected)
