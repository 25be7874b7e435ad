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
    """A rule with values for its hyper-parameters; ``state`` says of each list of state whether it is there."""

    def __init__(self, name: str, state: tuple[bool, ...], *hyperparameters: Any):
        self.name, self.state, self.hyperparameters = name, state, hyperparameters
        self.n_state = sum(state)
        self.has_steps = name in ("adam", "adamw", "rmsprop")

    def __repr__(self) -> str:
        centered, amsgrad = self.name == "rmsprop" and self.state[1], "adam" in self.name and self.state[2]
        return f"{self.name}{self.hyperparameters}" + "-centered" * centered + "-amsgrad" * amsgrad

    def _arguments(self, lists: list[Any]) -> list[Any]:
        present = iter(lists[2:])
        state = [next(present) if there else None for there in self.state]
        return [lists[0], lists[1], *state, *present, *self.hyperparameters]

    def compiled(self, lists: list[Any]) -> Any:
        return getattr(compiled, self.name)(*self._arguments(lists))

    def reference(self, lists: list[Any]) -> Any:
        return getattr(reference, self.name)(np, *self._arguments(lists))


RULES = [
    Rule("sgd", (False,), 0.1, 0.0, 0.0, False),
    Rule("sgd", (False,), 0.1, 0.0, 0.3, False),
    Rule("sgd", (True,), 0.1, 0.9, 0.3, False),
    Rule("sgd", (True,), 0.1, 0.9, 0.0, True),
    Rule("sgd_dampened", (False,), 0.1, 0.0, 0.0, 0.0, False),
    Rule("sgd_dampened", (False,), 0.1, 0.0, 0.0, 0.3, False),
    Rule("sgd_dampened", (True,), 0.1, 0.9, 0.2, 0.0, False),
    Rule("sgd_dampened", (True,), 0.1, 0.9, 0.2, 0.3, False),
    Rule("sgd_dampened", (True,), 0.1, 0.9, 0.0, 0.0, True),
    Rule("sgd_dampened", (True,), 0.1, 0.9, 0.0, 0.3, True),
    Rule("rmsprop", (True, False, False), 0.1, 0.99, 1e-2, 0.0, 0.0),
    Rule("rmsprop", (True, False, True), 0.1, 0.9, 1e-2, 0.3, 0.9),
    Rule("rmsprop", (True, True, False), 0.1, 0.9, 1e-2, 0.3, 0.0),
    Rule("rmsprop", (True, True, True), 0.1, 0.9, 1e-2, 0.0, 0.9),
    Rule("adamw", (True, True, False), 0.1, 0.9, 0.999, 1e-8, 0.0),
    Rule("adamw", (True, True, False), 0.1, 0.8, 0.95, 1e-3, 0.3),
    Rule("adamw", (True, True, True), 0.1, 0.8, 0.95, 1e-3, 0.3),
    Rule("adam", (True, True, True), 0.1, 0.9, 0.999, 1e-8, 0.0),
    Rule("adam", (True, True, True), 0.1, 0.8, 0.95, 1e-3, 0.3),
    Rule("adam", (True, True, False), 0.1, 0.9, 0.999, 1e-8, 0.0),
    Rule("adam", (True, True, False), 0.1, 0.8, 0.95, 1e-3, 0.3),
]
every_rule = pytest.mark.parametrize("rule", RULES, ids=repr)


def make(rule: Rule, shapes: list[tuple[int, ...]], dtype: Any, seed: int = 0) -> list[list[np.ndarray]]:
    """Lists of parameters, gradients and state; each parameter has a count of steps of its own."""
    rng = np.random.default_rng(seed)
    lists = [[np.asarray(rng.standard_normal(s)).astype(dtype) for s in shapes] for _ in range(2 + rule.n_state)]
    if rule.has_steps:
        squares = 2 if rule.name == "rmsprop" else 3
        for k in (squares, 4)[: 1 + (rule.name != "rmsprop" and rule.state[2])]:
            lists[k] = [np.asarray(np.abs(v)) for v in lists[k]]  # np.abs of shape () is a scalar
        if rule.name == "rmsprop" and rule.state[1]:  # a variance that is no difference of almost equal numbers
            pairs = zip(lists[2], lists[3], strict=True)
            lists[2] = [np.asarray(v + m * m + 1, dtype) for v, m in pairs]
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
