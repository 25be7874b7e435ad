"""Between Tensors and multi-tensor kernels: raw arrays out of parameters and their state, and back."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from .. import backend
from ..autograd import assign, bump_versions, leaf
from ..backend.devices import DeviceError
from ..backend.dtypes import is_low
from ..tensor import Tensor

__all__ = [
    "by_device", "check_gradients", "check_writeable", "state_dtype", "write_params", "write_state", "zeros",
]  # fmt: skip

Array = Any
Arrays = Sequence[Any]
State = dict[str, Any]
Collected = tuple[list[Tensor], Arrays, Arrays, Sequence[State | None], dict[str, Arrays] | None]


def by_device(collected: Collected) -> list[tuple[Any, Collected]]:
    """What was collected, with the table of kernels for it: of parameters on several devices, a part for each.

    A parameter's state follows it: it is moved where the parameter has been moved since the last step.

    Raises
    ------
    DeviceError
        If a gradient is on another device than its parameter.
    TypeError
        If the parameters are another library's.
    """
    params, arrays, grads, states, columns = collected
    if not backend.several():
        return [(backend.at(arrays[0]).kernels, collected)]
    places: dict[str, list[int]] = {}
    for i, (array, grad) in enumerate(zip(arrays, grads, strict=True)):
        device, other = backend.at(array).device, backend.at(grad).device
        if device != other:
            raise DeviceError(
                f"a parameter of shape {tuple(array.shape)} is on {device!r} and its gradient on {other!r}: it was "
                "moved after backward(); call zero_grad() after moving a model"
            )
        for value in (states[i] or {}).values():
            if isinstance(value, Tensor) and value.device != device:
                value.array = value.to(device).array
        places.setdefault(device, []).append(i)
    if columns is not None:
        columns = {name: [state[name].array for state in states if state is not None] for name in columns}
    found: list[tuple[Any, Collected]] = []
    for device, chosen in places.items():
        pick = itemgetter(*chosen) if len(chosen) > 1 else lambda values, i=chosen[0]: (values[i],)
        parts = [list(pick(values)) for values in (params, arrays, grads, states)]
        column: dict[str, Arrays] | None = None
        if columns is not None:
            column = {name: list(pick(values)) for name, values in columns.items()}
        found.append((backend.on(device).kernels, (parts[0], parts[1], parts[2], parts[3], column)))
    return found


def state_dtype(k: Any, array: Array) -> Any:
    """The raw dtype that the state of a parameter is kept in: its own, float32 for those of 16 bits."""
    return k.xp.float32 if is_low(array.dtype) else array.dtype


def zeros(k: Any, array: Array) -> Array:
    """The state of a parameter before its first step."""
    return k.xp.zeros_like(array, dtype=state_dtype(k, array))


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
