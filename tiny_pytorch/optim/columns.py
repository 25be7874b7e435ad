"""Between Tensors and multi-tensor kernels: raw arrays out of parameters and their state, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..autograd import assign, bump_versions, leaf
from ..tensor import Tensor

__all__ = ["check_gradients", "check_writeable", "write_params", "write_state"]

Array = Any
Arrays = Sequence[Any]
State = dict[str, Any]
Collected = tuple[list[Tensor], Arrays, Arrays, Sequence[State | None], dict[str, Arrays] | None]


def write_params(params: list[Tensor], arrays: Arrays, new: Arrays) -> None:
    """Give parameters their new arrays, where a kernel has not already written them into the old ones."""
    if new is arrays:
        bump_versions(params)
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
    """Raise if the memory of an array cannot be written, by writing what it holds.

    That costs a copy, beside the many that the reference kernels have made where this is needed.
    """
    for array in arrays:
        try:
            k.write(array, k.copy(array))
        except ValueError as error:
            raise ValueError(
                f"a parameter of shape {tuple(array.shape)} is on read-only memory; give the optimizer a "
                "copy: p.detach().clone().requires_grad_()"
            ) from error
