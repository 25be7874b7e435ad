"""``checkpoint`` for scripts that trade time for memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..nn.module import Module

__all__ = ["checkpoint", "checkpoint_sequential"]


def checkpoint(function: Callable[..., Any], *args: Any, use_reentrant: bool | None = None, **kwargs: Any) -> Any:
    """``function(*args, **kwargs)``: results and gradients are PyTorch's; what backward needs is kept, not recomputed.

    Parameters
    ----------
    function : callable
    *args, **kwargs
        Its arguments; those of ``torch.utils.checkpoint`` itself (``preserve_rng_state``, ``context_fn``,
        ``determinism_check``, ``debug``) are without effect.
    use_reentrant : bool, optional
        Without effect.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.utils.checkpoint.checkpoint(tp.exp, tp.zeros(1), use_reentrant=False)
    tensor([1.])
    """
    for name in ("preserve_rng_state", "context_fn", "determinism_check", "debug"):
        kwargs.pop(name, None)
    return function(*args, **kwargs)


def checkpoint_sequential(
    functions: Module | list[Callable[..., Any]],
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    **options: Any,
) -> Any:
    """Each of ``functions`` (a list, or a Sequential) on the result of the one before; see :func:`checkpoint`."""
    for function in list(functions.children()) if isinstance(functions, Module) else functions:
        input = function(input)
    return input
