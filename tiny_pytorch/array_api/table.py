"""The kernel table of the second world: the reference kernels computing on Tensors, each differentiable.

Most are the reference as it stands, over this namespace. Where a kernel is an op itself, the table holds that
op, whose gradient is its own rule rather than what the reference is composed of.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from .. import array_api
from ..autograd import KERNEL_OPS, Op
from ..backend.table import Kernels, reference_kernels
from .convert import raw, tensor

__all__ = ["tensor_kernels"]


def tensor_kernels() -> Kernels:
    """The table for rules that run on Tensors. Only higher derivatives need it, so it is made when one is asked for."""
    table = Kernels(array_api)
    for name, operation in KERNEL_OPS.items():
        table.override(name, as_kernel(operation, reference_kernels()[name]))
    return table


def as_kernel(operation: Op, reference: Callable[..., Any]) -> Callable[..., Any]:
    """An op as a kernel: called with the reference's parameters, by position or by name.

    The op's forward tells which of them are arrays (its positional parameters) and which are static
    (keyword-only ones); it may have further static ones with defaults.

    Raises
    ------
    TypeError
        If the op's parameters are not the reference's.
    """
    signature = inspect.signature(reference)
    signature = signature.replace(parameters=list(signature.parameters.values())[1:])
    own = list(inspect.signature(operation.forward).parameters.values())[1:]
    required = {p.name for p in own if p.default is p.empty}
    if not required <= set(signature.parameters) <= {p.name for p in own}:
        raise TypeError(
            f"the op {operation.name} has the parameters {[p.name for p in own]}, "
            f"its kernel {list(signature.parameters)}"
        )
    static = frozenset(p.name for p in own if p.kind is p.KEYWORD_ONLY)

    def kernel(*args: Any, **params: Any) -> Any:
        arrays: list[Any] = []
        for name, value in signature.bind(*args, **params).arguments.items():
            if name in static:
                params[name] = raw(value)
            elif signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL:
                arrays += map(tensor, value)
            else:
                params.pop(name, None)
                arrays.append(value if value is None else tensor(value))
        return operation(*arrays, **params)

    kernel.__name__ = reference.__name__
    kernel.__doc__ = reference.__doc__
    kernel.__signature__ = signature  # type: ignore[attr-defined]
    return kernel
