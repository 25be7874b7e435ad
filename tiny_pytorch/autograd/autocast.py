"""Which dtypes ops compute in while autocast is on. The public face is ``tp.amp.autocast``.

Each op declares its policy beside its forward (``@op(autocast=...)``): ``"low"`` for products of matrices, which are
fast and safe in 16 bits; ``"float32"`` for what loses digits or leaves the range of float16 there; None for the rest,
which compute in the widest dtype of their inputs, as ever. The policies are those of PyTorch's lists for CUDA, on every
device. The engine calls ``arguments`` before such an op while autocast is on in this thread, and at no other time.

The conversions are ordinary ops: gradients come back through them in the dtype of what was converted.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from .. import backend
from .._ext import engine
from .._ext.engine import Op, Variable
from ..backend.devices import Device
from ..backend.dtypes import DTYPES, DType, as_dtype
from .cast import cast

__all__ = ["AutocastState", "arguments", "autocast_state", "set_autocast_state"]

FLOAT32 = DTYPES["float32"]
CONVERTED = frozenset({DTYPES["float16"], DTYPES["bfloat16"], FLOAT32})


class AutocastState(NamedTuple):
    """What is on in a thread: for each type of device its low dtype; whether casts of parameters are kept."""

    dtypes: Mapping[str, DType] = MappingProxyType({})
    cache: bool = True


class Cached(NamedTuple):
    """A parameter's cast, and the content that it was made of."""

    source: Variable
    array: Any
    version: int
    result: Variable


class _Thread(threading.local):
    def __init__(self) -> None:
        self.state = AutocastState()
        self.casts: dict[tuple[int, DType, bool], Cached] = {}


_thread = _Thread()


def autocast_state() -> AutocastState:
    """What is on in this thread."""
    return _thread.state


def set_autocast_state(state: AutocastState) -> None:
    """Set what is on in this thread. Where nothing is, the kept casts are dropped, and ops pay nothing."""
    _thread.state = state
    engine.set_autocast_enabled(bool(state.dtypes))
    if not state.dtypes:
        _thread.casts.clear()


def arguments(op: Op, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of ``op`` as its policy wants them. All are left as they are if one of them is float64."""
    where: str | None = None
    for a in args:
        if isinstance(a, Variable):
            dtype = as_dtype(a.array.dtype)
            if dtype in CONVERTED:
                where = where or Device(backend.current().device_of(a.array)).type
            elif dtype.kind in ("float", "complex"):
                return args
    low = None if where is None else _thread.state.dtypes.get(where)
    if low is None:
        return args
    target = low if op.autocast == "low" else FLOAT32
    return tuple([_converted(a, target) if isinstance(a, Variable) else a for a in args])


def _converted(value: Variable, target: DType) -> Variable:
    dtype = as_dtype(value.array.dtype)
    if dtype is target or dtype not in CONVERTED:
        return value
    if target is FLOAT32 or dtype is not FLOAT32 or not (_thread.state.cache and value.is_leaf and value.requires_grad):
        return cast(value, dtype=target)
    # A parameter, met again at every use and in every call of the model. Without gradients its cast has no history.
    key = (id(value), target, engine.is_grad_enabled())
    known = _thread.casts.get(key)
    if known is None or known.array is not value.array or known.version != value._version:
        known = Cached(value, value.array, value._version, cast(value, dtype=target))
        _thread.casts[key] = known
    return known.result
