"""Parameter groups: from whatever a user passes to a checked list of Tensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..backend import at
from ..tensor import Tensor
from .hyperparameters import Group

__all__ = ["check_distinct", "check_tensor", "to_groups", "to_list", "to_tensors"]

Params = Iterable[Tensor] | Iterable[tuple[str, Tensor]] | Iterable[dict[str, Any]]


def to_groups(params: Params) -> list[Group]:
    """The groups that an optimizer's first argument stands for: dicts as they are, anything else as one
    group.

    Raises
    ------
    TypeError
        If it is a Tensor or a dict rather than an iterable of them, or has no order.
    ValueError
        If it is empty.
    """
    if isinstance(params, Tensor):
        raise TypeError("params must be an iterable of Tensors, got one Tensor; write [tensor]")
    if isinstance(params, Mapping):
        raise TypeError(
            "params must be an iterable of Tensors or of dicts, got one dict; write [dict], or dict.values() "
            "if it holds Tensors by name"
        )
    listed = to_list(params)
    if not listed:
        raise ValueError(
            "params is empty: there is nothing to optimize. A generator such as model.parameters() can be "
            "read only once"
        )
    if isinstance(listed[0], Mapping):
        return listed
    return [{"params": listed}]


def to_tensors(params: Any) -> tuple[list[Tensor], list[str] | None]:
    """A group's Tensors, and their names if all came as ``(name, Tensor)`` pairs.

    Raises
    ------
    TypeError
        If one is not a Tensor, or only some have names.
    ValueError
        If one is not a leaf that requires a gradient, is not real floating, or appears twice.
    """
    listed = [params] if isinstance(params, Tensor) else to_list(params)
    named = [isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str) for item in listed]
    if any(named) and not all(named):
        raise TypeError(f"params: all or none may be (name, Tensor) pairs, but entry {named.index(False)} is not")
    names = [item[0] for item in listed] if listed and all(named) else None
    tensors = [item[1] for item in listed] if names else listed
    for i, tensor in enumerate(tensors):
        check_tensor(tensor, f"{i} ({names[i]})" if names else str(i))
    check_distinct(tensors)
    return tensors, names


def check_tensor(tensor: Any, which: str) -> None:
    """Raise unless ``tensor`` can be optimized."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"params: entry {which} must be a Tensor, got {type(tensor).__name__}")
    if not at(tensor.array).xp.isdtype(tensor.array.dtype, "real floating"):
        raise ValueError(f"params: entry {which} has dtype {tensor.dtype}, which is not real floating")
    if not tensor.requires_grad:
        raise ValueError(
            f"params: entry {which} does not require a gradient; call requires_grad_() on it, or leave it "
            "out: [p for p in model.parameters() if p.requires_grad]"
        )
    if not tensor.is_leaf:
        raise ValueError(
            f"params: entry {which} is the result of an operation; pass the tensors it was computed from, or "
            "its .detach().requires_grad_()"
        )


def check_distinct(tensors: Iterable[Tensor]) -> None:
    """Raise ValueError if a Tensor appears twice: it would be updated twice in each step."""
    seen: dict[int, int] = {}
    for i, tensor in enumerate(tensors):
        if id(tensor) in seen:
            raise ValueError(
                f"params: entry {i} is the same tensor as entry {seen[id(tensor)]} (counting over all "
                "groups); pass each parameter once"
            )
        seen[id(tensor)] = i


def to_list(params: Any) -> list[Any]:
    """``list(params)``, if it has an order."""
    if isinstance(params, set | frozenset):
        raise TypeError("params must have an order, so that state can be loaded again; got a set. Pass a list")
    try:
        return list(params)
    except TypeError as error:
        raise TypeError(f"params must be an iterable of Tensors, got {type(params).__name__}") from error
