"""Switches that PyTorch's scripts set at their top: how exact, how reproducible, compiled or not."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from . import backend, cuda
from .config import get_num_threads

__all__ = [
    "are_deterministic_algorithms_enabled", "compile", "get_float32_matmul_precision", "set_float32_matmul_precision",
    "use_deterministic_algorithms",
]  # fmt: skip

_deterministic = False
_precision = "highest"


def compile(model: Any = None, **options: Any) -> Any:
    """The model or function itself: nothing is compiled here beyond the kernels, which are already.

    For a script that calls ``torch.compile``: its results are the same without. A whole step on a GPU is recorded by
    ``tp.cuda.graph``.

    Parameters
    ----------
    model : Module or callable, optional
        Without it, a decorator is returned.
    **options
        Those of ``torch.compile``, without effect.

    Raises
    ------
    TypeError
        If ``model`` cannot be called.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> layer = tp.nn.Linear(2, 1)
    >>> tp.compile(layer, mode="reduce-overhead") is layer
    True
    """
    if model is None:

        def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
            return compile(function, **options)

        return decorate
    if not callable(model):
        raise TypeError(f"compile: expected a Module or a function, got {type(model).__name__}")
    return model


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Ask for results that are the same, bit by bit, when a program runs again with the same seed.

    This chooses no other kernels: it says, as a warning, where the ones there are do not keep such a promise. In host
    memory, sums over what several threads found (weight gradients of convolutions) are added in the order in which the
    threads came; with ``tp.set_num_threads(1)`` there is one order. On a CUDA device, sums into places by index
    (``index_add``, the gradients of ``embedding`` and of indexing) have none.

    Parameters
    ----------
    mode : bool
    warn_only : bool, default False
        Accepted because PyTorch's scripts pass it: more than a warning never comes.

    Raises
    ------
    TypeError
        If ``mode`` is not a bool.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.use_deterministic_algorithms(False)
    >>> tp.are_deterministic_algorithms_enabled()
    False
    """
    global _deterministic
    if not isinstance(mode, bool):
        raise TypeError(f"use_deterministic_algorithms: expected True or False, got {mode!r}")
    if mode and cuda.is_available():
        _warn("sums by index have no fixed order on a CUDA device")
    elif mode and get_num_threads() > 1:
        _warn(
            f"weight gradients of convolutions add what {get_num_threads()} threads found in no fixed order; "
            "tp.set_num_threads(1) gives them one"
        )
    _deterministic = mode


def _warn(what: str) -> None:
    warnings.warn(f"use_deterministic_algorithms: {what}", UserWarning, stacklevel=3)


def are_deterministic_algorithms_enabled() -> bool:
    """What :func:`use_deterministic_algorithms` was last given."""
    return _deterministic


def set_float32_matmul_precision(precision: str) -> None:
    """How exactly matrix products of float32 are computed on a CUDA device: "highest" in float32, else in TF32.

    Where the backend has no CUDA device they are always in float32.

    Parameters
    ----------
    precision : {"highest", "high", "medium"}

    Raises
    ------
    ValueError
        For another one.
    """
    global _precision
    if precision not in ("highest", "high", "medium"):
        raise ValueError(f"set_float32_matmul_precision: expected 'highest', 'high' or 'medium', got {precision!r}")
    if backend.current().cuda is not None:
        cuda.allow_tf32(precision != "highest")
    _precision = precision


def get_float32_matmul_precision() -> str:
    """What :func:`set_float32_matmul_precision` was last given."""
    return _precision
