"""State dicts: what ``Module.state_dict`` collects and ``Module.load_state_dict`` copies back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import backend, ops
from ..autograd import assign
from ..tensor import Tensor

if TYPE_CHECKING:
    from .module import Module

__all__ = ["IncompatibleKeys", "collect", "entries", "load"]


class IncompatibleKeys(NamedTuple):
    """What ``load_state_dict`` returns: the keys that did not match, empty when all did."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


def entries(module: Module, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """``(key, tensor)``: parameters, persistent buffers, then the children's; shared ones repeat."""
    for name, param in module._own("parameter").items():
        if param is not None:
            yield prefix + name, param
    for name, buffer in module._own("buffer").items():
        if buffer is not None and name not in module._transient:
            yield prefix + name, buffer
    for name, child in module._own("module").items():
        if child is not None:
            yield from entries(child, f"{prefix}{name}.")


def collect(module: Module, destination: dict[str, Tensor], prefix: str, keep_vars: bool) -> dict[str, Tensor]:
    """Fill ``destination`` with the module's entries."""
    for key, tensor in entries(module, prefix):
        destination[key] = tensor if keep_vars else tensor.detach()
    return destination


def load(module: Module, state: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
    """Copy ``state`` into the module's parameters and persistent buffers, in place.

    Parameters
    ----------
    module : Module
        Whose tensors are written; they stay the same objects and keep their dtype.
    state : mapping of str to Tensor, NumPy array, PyTorch tensor or number
        What ``state_dict()`` returned here or in PyTorch.
    strict : bool, default True
        Whether missing and unexpected keys are errors.

    Returns
    -------
    IncompatibleKeys
        The named tuple ``(missing_keys, unexpected_keys)``.

    Raises
    ------
    RuntimeError
        Lists every missing and unexpected key (when strict) and every value of the wrong shape or kind
        (always). Nothing has been changed then.
    """
    if not isinstance(state, Mapping):
        raise TypeError(f"load_state_dict takes a mapping of names to tensors, not {type(state).__name__}")
    targets = dict(entries(module))
    missing = [key for key in targets if key not in state]
    unexpected = [key for key in state if key not in targets]
    problems = []
    if strict and missing:
        problems.append("missing keys: " + ", ".join(missing))
    if strict and unexpected:
        problems.append("unexpected keys: " + ", ".join(map(str, unexpected)))
    values = {}
    for key, target in targets.items():
        if key not in state:
            continue
        try:
            values[key] = _value(state[key], target)
        except (TypeError, ValueError) as error:
            problems.append(f"{key}: {error}")
    if problems:
        remedy = "; strict=False ignores missing and unexpected keys" if strict and (missing or unexpected) else ""
        raise RuntimeError(
            f"the state dict does not fit {type(module).__name__}, which is unchanged{remedy}:\n    "
            + "\n    ".join(problems)
        )
    for key, value in values.items():
        assign(targets[key], value)
    return IncompatibleKeys(missing, unexpected)


def _value(value: Any, target: Tensor) -> Any:
    """``value`` as a raw array of the target's shape and dtype."""
    if isinstance(value, Tensor):
        if value.shape != target.shape:
            raise ValueError(f"got shape {value.shape}, the module has {target.shape}")
        if value.dtype.is_complex and not target.dtype.is_complex:
            raise TypeError(f"got dtype {value.dtype}, which does not convert to {target.dtype}")
        return ops.tensor(value.detach(), dtype=target.dtype, device=target.device).array
    # A PyTorch tensor that requires a gradient refuses np.asarray until it is detached.
    host = np.asarray(value.detach() if hasattr(value, "detach") else value)
    dtype = target.dtype.host
    if host.shape != target.shape:
        raise ValueError(f"got shape {host.shape}, the module has {target.shape}")
    if host.dtype.kind not in "biufc" or (host.dtype.kind == "c" and dtype.kind != "c"):
        raise TypeError(f"got dtype {host.dtype}, which does not convert to {target.dtype}")
    return backend.at(target.array).from_host(host.astype(dtype), target.dtype)
