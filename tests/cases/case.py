"""A row of the table of ops: how to call one, what it computes, and which arguments it is tried on."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

__all__ = ["Arg", "Case", "binary", "floats", "integers", "truths", "unary"]


@dataclass(frozen=True)
class Arg:
    """A tensor argument: its shape and which values it takes."""

    shape: tuple[int, ...]
    kind: str = "float"  # or "int64" or "bool"
    low: float = -2.0
    high: float = 2.0
    away: tuple[float, ...] = ()  # no value comes near these: kinks and poles
    distinct: bool = False  # no two values come near each other: for sorting and extremes
    values: Any = None  # exactly these
    grad: bool = True

    def make(self, rng: np.random.Generator, dtype: str, shape: tuple[int, ...] | None = None) -> np.ndarray:
        """Values as a NumPy array; ``dtype`` counts for floating ones."""
        shape = self.shape if shape is None else shape
        if self.values is not None:
            return np.array(self.values, dtype=dtype if self.kind == "float" else self.kind)
        if self.kind == "bool":
            return rng.random(shape) < 0.5
        if self.kind == "int64":
            return rng.integers(int(self.low), int(self.high), shape)
        size = int(np.prod(shape))
        if self.distinct:
            found = rng.permutation(np.linspace(self.low, self.high, size)).reshape(shape)
        else:
            found = rng.uniform(self.low, self.high, shape)
        for point in self.away:
            near = np.abs(found - point) < 0.1
            found = np.where(near, point + np.where(found < point, -0.1, 0.1), found)
        return np.asarray(found, dtype=dtype)

    @property
    def differentiable(self) -> bool:
        return self.kind == "float" and self.grad


def floats(*shape: int, low: float = -2.0, high: float = 2.0, **more: Any) -> Arg:
    """Floating values, uniform between two bounds."""
    return Arg(shape, "float", low, high, **more)


def integers(*shape: int, low: int = 0, high: int = 10, **more: Any) -> Arg:
    """int64 values from ``low`` to ``high - 1``."""
    return Arg(shape, "int64", low, high, **more)


def truths(*shape: int, **more: Any) -> Arg:
    """Random bools."""
    return Arg(shape, "bool", **more)


@dataclass(frozen=True)
class Case:
    """One row: from it every test of the op is made.

    ``call(t,
           *tensors)`` gets the namespace: tiny_pytorch, or PyTorch where that is the oracle, which is then
           called with
    the very same words. ``reference(*arrays)`` is the definition in NumPy.
    """

    name: str
    call: Callable[..., Any]
    reference: Callable[..., Any] | None
    args: tuple[Arg, ...]
    variant: str = ""
    elementwise: bool = False  # shapes are free and broadcast
    also_integers: bool = False  # integers are as good as floating values
    empty: tuple[tuple[int, ...], ...] | None = None  # the arguments' shapes for the test of no elements
    second: bool = True  # whether the second derivative exists where the first does
    torch: bool = True  # whether PyTorch spells and computes it alike

    @property
    def id(self) -> str:
        return f"{self.name}-{self.variant}" if self.variant else self.name

    @property
    def differentiable(self) -> bool:
        return any(arg.differentiable for arg in self.args)

    def arrays(self, dtype: str = "float64", shapes: Any = None) -> list[np.ndarray]:
        """The arguments as NumPy arrays: the same ones each time."""
        rng = np.random.default_rng(zlib.crc32(self.id.encode()))
        shapes = shapes or [None] * len(self.args)
        return [arg.make(rng, dtype, shape) for arg, shape in zip(self.args, shapes, strict=True)]

    def but(self, variant: str, **changes: Any) -> Case:
        """The same row with something else in it."""
        return replace(self, variant=variant, **changes)


def beside(t: Any, x: Any, values: Any) -> Any:
    """A tensor of a row's own, on the device of its argument."""
    return t.tensor(values, device=x.device)


def unary(name: str, reference: Callable[..., Any], *, grad: bool = True, **more: Any) -> Case:
    """``t.name(x)`` for every element; bounds and excluded points go to the argument."""
    limits = {key: more.pop(key) for key in ("low", "high", "away") if key in more}
    arg = floats(2, 3, grad=grad, **limits)
    return Case(name, lambda t, x: getattr(t, name)(x), reference, (arg,), elementwise=True, **more)


def binary(name: str, reference: Callable[..., Any], *args: Arg, grad: bool = True, **more: Any) -> Case:
    """``t.name(x, y)`` for every pair of elements."""
    args = args or (floats(2, 3, grad=grad), floats(2, 3, grad=grad))
    return Case(name, lambda t, x, y: getattr(t, name)(x, y), reference, args, elementwise=True, **more)
