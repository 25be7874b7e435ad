"""Batches as structures of Tensors: tuples, lists, mappings, and what is nested in them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

from ..tensor import Tensor

__all__ = ["filled", "map_tensors"]


def map_tensors(function: Callable[[Tensor], Any], batch: Any) -> Any:
    """The same structure with ``function`` of each Tensor in its place; everything else stays what it is."""
    if isinstance(batch, Tensor):
        return function(batch)
    if isinstance(batch, Mapping):
        return filled(batch, {key: map_tensors(function, value) for key, value in batch.items()})
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(map_tensors(function, value) for value in batch))
    if isinstance(batch, tuple):
        return tuple(map_tensors(function, value) for value in batch)
    if isinstance(batch, Sequence) and not isinstance(batch, (str, bytes, range)):
        return [map_tensors(function, value) for value in batch]
    return batch


def filled(like: Mapping, values: dict) -> Mapping:
    """A mapping of the kind of ``like`` with other values."""
    if type(like) is dict or not isinstance(like, MutableMapping):
        return values
    result = copy.copy(like)
    result.update(values)
    return result
