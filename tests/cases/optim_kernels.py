"""Update rules with arrays to run them on, compiled and by the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tiny_pytorch._ext import optim as compiled
from tiny_pytorch.backend.reference import optim as reference

DTYPES = [np.float32, np.float64]
BETWEEN = 8192  # elements in a block: cuts between threads lie at its multiples
SHAPES = [(), (0,), (1,), (3, 0, 2), (7,), (5, 13), (2, 3, 4), (BETWEEN,), (BETWEEN + 1,)]


class Rule:
    """A rule with values for its hyper-parameters, and how many lists of state it has."""

    def __init__(self, name: str, n_state: int, *hyperparameters: Any):
        self.name, self.n_state, self.hyperparameters = name, n_state, hyperparameters
        self.has_steps = name == "adam"

    def __repr__(self) -> str:
        return f"{self.name}{self.hyperparameters}"

    def _arguments(self, lists: list[Any]) -> list[Any]:
        state = lists[2:] or [None]
        return [lists[0], lists[1], *state, *self.hyperparameters]

    def compiled(self, lists: list[Any]) -> Any:
        return getattr(compiled, self.name)(*self._arguments(lists))

    def reference(self, lists: list[Any]) -> Any:
        return getattr(reference, self.name)(np, *self._arguments(lists))


RULES = [
    Rule("sgd", 0, 0.1, 0.0, 0.0, False),
    Rule("sgd", 0, 0.1, 0.0, 0.3, False),
    Rule("sgd", 1, 0.1, 0.9, 0.3, False),
    Rule("sgd", 1, 0.1, 0.9, 0.0, True),
    Rule("sgd_dampened", 0, 0.1, 0.0, 0.0, 0.0, False),
    Rule("sgd_dampened", 0, 0.1, 0.0, 0.0, 0.3, False),
    Rule("sgd_dampened", 1, 0.1, 0.9, 0.2, 0.0, False),
    Rule("sgd_dampened", 1, 0.1, 0.9, 0.2, 0.3, False),
    Rule("sgd_dampened", 1, 0.1, 0.9, 0.0, 0.0, True),
    Rule("sgd_dampened", 1, 0.1, 0.9, 0.0, 0.3, True),
    Rule("adam", 2, 0.1, 0.9, 0.999, 1e-8, 0.0),
    Rule("adam", 2, 0.1, 0.8, 0.95, 1e-3, 0.3),
]
every_rule = pytest.mark.parametrize("rule", RULES, ids=repr)


def make(rule: Rule, shapes: list[tuple[int, ...]], dtype: Any, seed: int = 0) -> list[list[np.ndarray]]:
    """Lists of parameters, gradients and state; each parameter has a count of steps of its own."""
    rng = np.random.default_rng(seed)
    lists = [[np.asarray(rng.standard_normal(s)).astype(dtype) for s in shapes] for _ in range(2 + rule.n_state)]
    if rule.has_steps:
        lists[3] = [np.abs(v) for v in lists[3]]
        lists[3] = [np.asarray(v) for v in lists[3]]  # np.abs of shape () is a scalar
        lists.append([np.full((), 3 * i, np.float32) for i in range(len(shapes))])
    return lists


def copied(lists: list[list[np.ndarray]]) -> list[list[np.ndarray]]:
    return [[a.copy() for a in arrays] for arrays in lists]


def written(rule: Rule, lists: list[list[np.ndarray]]) -> list[list[np.ndarray]]:
    """The lists that a rule changes: all but the gradients."""
    return [lists[0], *lists[2:]]


def assert_same(actual: Any, expected: Any, rtol: float) -> None:
    for a, e in zip(actual, expected, strict=True):
        if e is None:
            assert a is None
            continue
        for x, y in zip(a, e, strict=True):
            y = np.asarray(y)
            assert x.dtype == y.dtype
            assert x.shape == y.shape
            np.testing.assert_allclose(x, y, rtol=rtol, atol=rtol)


def tolerance(dtype: Any) -> float:
    return 16 * float(np.finfo(dtype).eps)
