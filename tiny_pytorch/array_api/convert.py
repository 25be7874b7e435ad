"""What a function of the standard's face accepts: Tensors, and beside them raw arrays of the current backend.

Gradient rules run over this face and hand it what they kept outside the graph: masks, index arrays, dtypes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import backend
from ..autograd import Op, Variable, cast, leaf
from ..backend.dtypes import DType, as_dtype
from ..backend.dtypes import raw as raw_dtype

__all__ = ["Tensor", "array", "common", "dtype_of", "plain", "raw", "tensor", "tensors", "xp_dtype"]

Tensor = Any


def tensor(x: Any) -> Any:
    """``x`` as a Tensor; a Python scalar as it is."""
    if isinstance(x, (Variable, bool, int, float, complex)):
        return x
    there = backend.owner(x)
    if there is not None and there.name == backend.current().name:
        return leaf(x)
    raise TypeError(
        f"expected a Tensor, an array of the backend {backend.current().name} or a number, got a "
        f"{type(x).__name__}; asarray(...) makes a Tensor"
    )


def array(x: Any) -> Tensor:
    """``x`` as a Tensor; a Python scalar is refused."""
    x = tensor(x)
    if not isinstance(x, Variable):
        raise TypeError(f"expected a Tensor, got the number {x!r}; asarray(...) makes a Tensor")
    return x


def raw(x: Any) -> Any:
    """The backend's array in ``x``; what is none as it is."""
    return x.array if isinstance(x, Variable) else x


def dtype_of(x: Any) -> DType:
    """The dtype of a Tensor or a raw array."""
    return as_dtype(raw(x).dtype)


def xp_dtype(dtype: Any) -> Any:
    """The backend's own object for a dtype in any spelling; None stays None."""
    return None if dtype is None else raw_dtype(backend.kernels().xp, as_dtype(dtype))


def common(x1: Any, x2: Any) -> tuple[Any, Any]:
    """Two operands in one dtype by the standard's rule, in which a 0-d array counts like any other."""
    x1, x2 = tensor(x1), tensor(x2)
    if isinstance(x1, Variable) and isinstance(x2, Variable) and x1.array.dtype != x2.array.dtype:
        x1, x2 = tensors(x1, x2)
    return x1, x2


def tensors(*arrays: Any) -> tuple[Tensor, ...]:
    """Arrays as Tensors of one dtype by the standard's rule."""
    from .dtypes import result_type

    found = tuple(array(x) for x in arrays)
    dtype = result_type(*found)
    return tuple(x if dtype_of(x) is dtype else cast(x, dtype=xp_dtype(dtype)) for x in found)


def plain(name: str, function: Callable[..., Any] | None = None) -> Op:
    """The function ``name`` of the backend's namespace as an op without a gradient: its results are constants."""

    def forward(k: Any, *arrays: Any, **params: Any) -> Any:
        return getattr(k.xp, name)(*arrays, **params)

    return Op(function or forward, name=name)
