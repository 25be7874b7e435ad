"""Changing a tensor's dtype, as a recorded op."""

from __future__ import annotations

from typing import Any

from .declare import op

__all__ = ["cast"]


@op(name="astype")
def cast(k: Any, x: Any, *, dtype: Any) -> Any:
    """``x`` in another dtype, in new memory."""
    return k.astype(x, dtype)


@cast.gradient
def _(k: Any, g: Any, saved: Any, dtype: Any) -> tuple[Any]:
    return (k.astype(g, saved.dtypes[0]),)
