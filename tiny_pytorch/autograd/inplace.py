"""Writing into a tensor's memory, and keeping the graph true to it.

An in-place operation is its out-of-place twin, whose result is then copied into the memory that every alias sees; the
tensor's history becomes the twin's. If the tensor is a view, the history of the tensor it was cut from changes too:
*base with this part replaced*. Other views of that base learn of it when they are next used (``refresh``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import backend
from .._ext import engine
from .._ext.engine import Variable, is_grad_enabled
from ..backend.reference.gather import ARRAY
from .cast import cast
from .declare import op

__all__ = ["assign", "inplace", "refresh", "replaced"]


@op(name="write_view")
def _write_view(k: Any, base: Any, part: Any, *, chain: tuple) -> Any:
    """``base`` with the part that ``chain`` cuts out replaced by ``part``. The memory was written already."""
    return base


@_write_view.gradient
def _(k: Any, g: Any, saved: Any, chain: tuple) -> tuple[Any, Any]:
    needs = saved.needs
    g_part = _cut(k, g, chain) if needs[1] else None
    g_base = None
    if needs[0]:
        # Where the part was written, the old content has no effect.
        raw = backend.at(getattr(g, "array", g)).kernels
        shape = saved.shape
        places = raw.xp.reshape(raw.xp.arange(math.prod(shape)), shape)
        written = raw.xp.reshape(_cut(raw, places, chain), (-1,))
        g_base = k.zero_at(g, positions=written)
    return g_base, g_part


@op(kernel="zero_at")
def zero_at(k: Any, x: Any, *, positions: Any) -> Any:
    """``x`` with zeros at flat positions."""
    return k.zero_at(x, positions)


@zero_at.gradient
def _(k: Any, g: Any, saved: Any, positions: Any) -> tuple[Any]:
    return (k.zero_at(g, positions=positions),)


def replaced(content: Any, chain: tuple, part: Any) -> Any:
    """``content`` with the part that ``chain`` cuts out replaced by ``part``: how a view is written where arrays cannot
    be."""
    k = backend.at(content).kernels
    shape = tuple(content.shape)
    places = _cut(k, k.xp.reshape(k.xp.arange(math.prod(shape)), shape), chain)
    flat, new, places = (k.xp.reshape(a, (-1,)) for a in (content, part, places))
    return k.xp.reshape(k.index_put(flat, new, places, index=(ARRAY,)), shape)


def _cut(k: Any, array: Any, chain: tuple) -> Any:
    for view, params in chain:
        array = view.forward(k, array, **(params or {}))
    return array


def refresh(view: Variable) -> None:
    """Give a view whose base was written since the node that its present content has: the engine calls this."""
    record = view._view
    current = record.base
    if current.requires_grad:
        before = engine.set_grad_enabled(True)
        try:
            for viewing, params in record.chain:
                current = viewing(current, **(params or {}))
        finally:
            engine.set_grad_enabled(before)
        view._refreshed(current)
    else:
        view._refreshed(None)


def _refuse(x: Variable, name: str) -> None:
    if not is_grad_enabled():
        return
    base = x._view.base if x._view is not None else x
    for tensor, what in ((x, "a leaf tensor"), (base, "a view of a leaf tensor")):
        if tensor.requires_grad and tensor.is_leaf:
            raise RuntimeError(
                f"{name}: {what} that requires a gradient cannot be written in place, since its old value would be "
                "lost to the graph. Do it under tp.no_grad(), or compute out of place."
            )


def assign(x: Variable, array: Any) -> None:
    """Put ``array`` (same shape and dtype) into ``x``'s memory, or where the library cannot write, rebind ``x``."""
    if array is not x.array:
        try:
            engine.write(x, backend.at(x.array).kernels.write(x.array, array))
        except ValueError as error:
            raise RuntimeError(
                f"in place: the memory of this tensor of shape {tuple(x.array.shape)} cannot be written ({error}): it "
                "is expanded, so that several elements share one place, or belongs to a read-only array. Write to a "
                ".clone() of it"
            ) from error
    else:
        x.bump_version()


def inplace(function: Callable[..., Any], x: Variable, *args: Any, **params: Any) -> Variable:
    """``x[...] = function(x, *args)``, recorded if gradients flow.

    Raises
    ------
    RuntimeError
        If ``x`` is a leaf that requires a gradient while gradients are on, or the result has another shape or a dtype
        that ``x`` cannot hold. ``x`` is then unchanged.
    """
    name = f"{function.__name__.strip('_')}_"
    _refuse(x, name)
    source = x
    if is_grad_enabled() and (x.requires_grad or any(isinstance(a, Variable) and a.requires_grad for a in args)):
        source = engine.alias(x, backend.at(x.array).kernels.copy(x.array))  # the rule may read the old content
        args = tuple(source if a is x else a for a in args)
    result = function(source, *args, **params)
    write_result(x, result, name)
    return x


def write_result(x: Variable, result: Variable, name: str) -> None:
    """Make ``result`` the content, and its history the history, of ``x``."""
    k = backend.at(x.array).kernels
    if tuple(result.array.shape) != tuple(x.array.shape):
        raise RuntimeError(
            f"{name}: the result has shape {tuple(result.array.shape)} and does not fit in place into a tensor of "
            f"shape {tuple(x.array.shape)}"
        )
    if result.array.dtype != x.array.dtype:
        if _rank(k.xp, result.array.dtype) > _rank(k.xp, x.array.dtype):
            raise RuntimeError(
                f"{name}: the result has dtype {result.array.dtype}, which a tensor of dtype {x.array.dtype} cannot "
                "hold. Convert the tensor first with .to(dtype)"
            )
        result = cast(result, dtype=x.array.dtype)
    history = is_grad_enabled() and (result.requires_grad or x.requires_grad)
    view = x._view
    if view is None:
        if history and not result.requires_grad:  # a constant: the old history goes on, with gradients of zero
            before = engine.alias(x, x.array)
            assign(x, result.array)
            x._rebase(_write_view(before, result, chain=()))
            return
        assign(x, result.array)
        if history:
            x._rebase(result)
        return
    base_history = is_grad_enabled() and (result.requires_grad or view.base.requires_grad)
    before = engine.alias(view.base, view.base.array) if base_history else None
    assign(x, result.array)
    if base_history:
        view.base._rebase(_write_view(before, result, chain=view.chain))


def _rank(xp: Any, dtype: Any) -> int:
    for rank, kind in enumerate(("bool", "integral", "real floating", "complex floating")):
        if xp.isdtype(dtype, kind):
            return rank
    return 4
