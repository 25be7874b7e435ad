"""How the loader finds out that it may skip the per-sample path.

A data set of arrays can hand out a whole batch by one indexing operation (``batch_getter``), and a sampler
can hand out a whole epoch as one array (``index_array``). Both are optional second spellings of
``__getitem__`` and ``__iter__``. A subclass that changes the first spelling only must not be overruled by the
second one that it inherited.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["fast_method"]


def fast_method(obj: Any, fast: str, plain: str) -> Callable[..., Any] | None:
    """``obj``'s method ``fast``, or None if it has none or if ``plain`` was overridden below it."""
    for cls in type(obj).__mro__:
        if fast in vars(cls):
            return getattr(obj, fast)
        if plain in vars(cls):
            return None
    return None
