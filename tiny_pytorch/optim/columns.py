"""Between Tensors and multi-tensor kernels: raw arrays out of parameters and their state, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any

from ..autograd import assign, gather, leaf
from ..tensor import Tensor

Array = Any
Arrays = Sequence[Any]
State = dict[str, Any]
Collected = tuple[list[Tensor], Arrays, Arrays, Sequence[State | None], dict[str, Arrays] | None]


def collect(params: list[Tensor], state: Mapping[Tensor, State], names: tuple[str, ...]) -> Collected:
    """The parameters that have a gradient: they, their arrays, gradients, state, and columns of the named
    state.

    The columns are None if some of the state is not there yet.
    """
    arrays, grads = gather(params)
    if NoneType in map(type, grads):
        some = [i for i, g in enumerate(grads) if g is not None]
        params, arrays, grads = ([column[i] for i in some] for column in (params, arrays, grads))
    states = list(map(state.get, params))
    columns: dict[str, Arrays] = {}
    try:
        for name in names:
            columns[name] = [s[name].array for s in states]  # type: ignore[index]
    except (AttributeError, KeyError, TypeError):
        return params, arrays, grads, states, None
    return params, arrays, grads, states, columns


def write_params(params: list[Tensor], arrays: Arrays, new: Arrays) -> None:
    """Give parameters their new arrays, where a kernel has not already written them into the old ones."""
    if new is arrays:
        for p in params:
            p.bump_version()
    else:
        for p, array in zip(params, new, strict=True):
            assign(p, array)


def write_state(states: Sequence[State], name: str, new: Arrays) -> None:
    """Put new arrays into the Tensors of one named state, in place where there is one."""
    for s, array in zip(states, new, strict=True):
        if s[name] is None:
            s[name] = leaf(array)
        else:
            assign(s[name], array)


def check_gradients(arrays: Arrays, grads: Arrays) -> None:
    """Raise unless each gradient has its parameter's shape and dtype."""
    for array, grad in zip(arrays, grads, strict=True):
        if grad.shape != array.shape:
            raise ValueError(
                f"the gradient of a parameter of shape {tuple(array.shape)} has shape {tuple(grad.shape)}; "
                "they must be the same"
            )
        if grad.dtype != array.dtype:
            raise TypeError(
                f"the gradient of a parameter of dtype {array.dtype} has dtype {grad.dtype}; convert it first"
            )


def check_writeable(k: Any, arrays: Arrays) -> None:
    """Raise if the memory of an array cannot be written, by writing its first element to itself."""
    for array in arrays:
        corner = array[None, ...][(slice(0, 1),) * (array.ndim + 1)]
        try:
            k.write(corner, k.copy(corner))
        except ValueError as error:
            raise ValueError(
                f"a parameter of shape {tuple(array.shape)} is on read-only memory; give the optimizer a "
                "copy: p.detach().clone().requires_grad_()"
            ) from error
