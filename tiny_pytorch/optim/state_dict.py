"""An optimizer's state as plain dicts in PyTorch's layout, and back."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ..autograd import leaf
from ..backend import at, current, number, owner
from ..tensor import Tensor
from .columns import state_dtype
from .hyperparameters import Group

__all__ = ["dump", "load"]

State = dict[str, Any]

SCALARS = ("step", "mu_product")  # one number for each parameter, whatever its shape


def dump(groups: list[Group], state: Mapping[Tensor, State]) -> dict[str, Any]:
    """``{"state": {position: {...}}, "param_groups": [{..., "params": [position, ...]}]}``."""
    positions: dict[int, int] = {}
    packed = []
    for group in groups:
        first = len(positions)
        positions.update((id(p), first + i) for i, p in enumerate(group["params"]))
        packed.append({**group, "params": [positions[id(p)] for p in group["params"]]})
    return {
        "state": {positions[id(p)]: dict(s) for p, s in state.items() if id(p) in positions},
        "param_groups": packed,
    }


def load(
    loaded: Mapping[str, Any], groups: list[Group], defaults: dict[str, Any]
) -> tuple[list[Group], dict[Tensor, State]]:
    """New groups with the present Tensors and the loaded hyper-parameters, and the loaded state by Tensor.

    Raises
    ------
    TypeError
        If it is not a state dict, or holds arrays of another library.
    ValueError
        If the numbers of groups or of parameters differ, or an array has another shape than its parameter.
    """
    if not isinstance(loaded, Mapping) or not {"state", "param_groups"} <= set(loaded):
        raise TypeError("an optimizer's state dict must be a dict with the keys 'state' and 'param_groups'")
    saved_groups, saved_state = loaded["param_groups"], loaded["state"]
    theirs, ours = [len(g["params"]) for g in saved_groups], [len(g["params"]) for g in groups]
    if theirs != ours:
        raise ValueError(
            f"the state dict has groups of {theirs} parameters, this optimizer of {ours}; build it with the "
            "same groups before loading"
        )
    new_groups: list[Group] = []
    by_position: dict[int, Tensor] = {}
    for saved, group in zip(saved_groups, groups, strict=True):
        by_position.update(zip(saved["params"], group["params"], strict=True))
        names = {"param_names": group["param_names"]} if "param_names" in group else {}
        saved = {name: copy.deepcopy(v) for name, v in saved.items() if name not in ("params", "param_names")}
        new_groups.append({**defaults, **saved, **names, "params": group["params"]})
    state = {}
    for position, values in saved_state.items():
        if position not in by_position:
            raise ValueError(f"the state dict has state of parameter {position!r}, which is in none of its groups")
        p = by_position[position]
        state[p] = {name: load_value(name, value, p, position) for name, value in values.items()}
    return new_groups, state


def load_value(name: str, value: Any, p: Tensor, position: int) -> Any:
    """A copy of one entry of a parameter's state: an array as a Tensor of the dtype that state is kept in."""
    if isinstance(value, Tensor):
        value = value.array
    if name in SCALARS:  # "step" is a plain number in PyTorch's older state dicts
        xp = at(p.array).xp
        wide = name != "step" and getattr(value, "dtype", None) == xp.float64
        return leaf(xp.asarray(float(_plain(value)), dtype=xp.float64 if wide else xp.float32))
    if not hasattr(value, "shape"):
        return copy.deepcopy(value)
    if not _is_ours(value):
        raise TypeError(
            f"the state dict has {name} of parameter {position} as {type(value).__name__}; convert it to a Tensor first"
        )
    if tuple(value.shape) != tuple(p.shape):
        raise ValueError(
            f"the state dict has {name} of parameter {position} in shape {tuple(value.shape)}, but the "
            f"parameter has {tuple(p.shape)}"
        )
    k = at(value).kernels
    copied: Tensor = leaf(k.astype(value, state_dtype(k, p.array)))
    return copied.to(p.device)


def _is_ours(value: Any) -> bool:
    there = owner(value)
    return there is not None and there.name == current().name


def _plain(value: Any) -> Any:
    """The number in an array of this library; what is none as it is."""
    return number(value) if _is_ours(value) else value
