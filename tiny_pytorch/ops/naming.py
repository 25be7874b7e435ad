"""PyTorch's names and NumPy's: ``axis`` and ``keepdims`` are accepted wherever ``dim`` and ``keepdim`` are."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, overload

__all__ = ["dims", "normalize_axes", "normalize_axis"]

F = TypeVar("F", bound=Callable[..., Any])
_ALIASES = {"axis": "dim", "keepdims": "keepdim", "x": "input", "a": "input"}


def dims(function: F) -> F:
    """Decorator: let a function with PyTorch's parameter names take NumPy's too."""

    @functools.wraps(function)
    def face(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            for alias, name in _ALIASES.items():
                if alias in kwargs:
                    if name in kwargs:
                        raise TypeError(f"{function.__name__}: got both {alias} and {name}; they mean the same")
                    kwargs[name] = kwargs.pop(alias)
        return function(*args, **kwargs)

    return face  # type: ignore[return-value]


def normalize_axis(name: str, axis: int, ndim: int) -> int:
    """``axis`` counted from the front; an IndexError that says what the range is."""
    span = max(ndim, 1)  # as in PyTorch, a 0-d tensor has one axis to name
    if not -span <= axis < span:
        raise IndexError(
            f"{name}: dim {axis} is out of range for a tensor of {ndim} dimensions; expected {-span} to {span - 1}"
        )
    return axis % span


@overload
def normalize_axes(name: str, axes: None, ndim: int) -> None: ...
@overload
def normalize_axes(name: str, axes: int | Iterable[int], ndim: int) -> tuple[int, ...]: ...
def normalize_axes(name: str, axes: Any, ndim: int) -> tuple[int, ...] | None:
    """One axis, several, or None (all), counted from the front, each at most once."""
    if axes is None:
        return None
    if hasattr(axes, "__index__"):
        return (normalize_axis(name, int(axes), ndim),)
    found = tuple(normalize_axis(name, int(a), ndim) for a in axes)
    if len(set(found)) != len(found):
        raise ValueError(f"{name}: dim {tuple(axes)} names an axis twice")
    return found
