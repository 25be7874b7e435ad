"""How gradients flow: ops, grad modes, ``backward`` and ``grad``, user-defined functions, checks."""

from collections.abc import Callable

import numpy as _numpy

from .. import backend as _backend
from .._ext import engine as _engine
from .._ext.engine import Chain, Direct, ForwardCall, Fused, Node, StepPlan, Variable
from .._ext.gate import Gate
from .._ext.optim import rules as compiled_rules
from ..backend.dtypes import as_dtype
from ..backend.numpy import diagonal, shares_memory
from ..backend.table import Kernels
from . import functional
from .anomaly import detect_anomaly, set_detect_anomaly
from .autocast import AutocastState, arguments, autocast_state, set_autocast_state
from .backward import backward, grad
from .cast import cast
from .declare import KERNEL_OPS, Op, op
from .errors import ShapeError, explain, not_a_tensor
from .function import Function, FunctionCtx
from .grad_mode import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from .gradcheck import GradcheckError, gradcheck, gradgradcheck
from .handle import RemovableHandle
from .inplace import assign, inplace, refresh, replaced, write_result
from .mode import Mode
from .placement import kernels_at, run_at, to_device, together
from .promotion import check_array, promote, result_type

alias, layout, leaf, shared = _engine.alias, _engine.layout, _engine.leaf, _engine.shared
is_table_of_classes, run_scalar = _engine.is_table_of_classes, _engine.run_scalar
bump_versions, collect, drop_gradients = _engine.bump_versions, _engine.collect, _engine.drop_gradients

_engine.configure(
    promote=promote,
    autocast=arguments,
    explain=explain,
    refresh=refresh,
    replace_part=replaced,
    check_array=check_array,
    gate_type=Gate,
    kind_of=lambda dtype: as_dtype(dtype).kind,
    together=together,
    run_at=run_at,
)


def _compute_on(backend: _backend.Backend) -> None:
    """Hand the engine what it needs of a backend."""
    layouts = None
    if not backend.writes:
        layouts = Kernels(_numpy)
        for function in (diagonal, shares_memory):
            layouts.override(function.__name__, function)
    _engine.configure(
        table=backend.kernels,
        array_type=backend.array_type,
        layouts=layouts,
        table_at=kernels_at if _backend.several() else None,
        type_decides=_backend.type_decides(),
    )


_backend.on_change(_compute_on)


def configure_tensors(tensor_type: type, load_tensor_table: Callable[[], object]) -> None:
    """Hand the engine what stands above it: the class of its results, and how to get the kernels on Tensors."""
    _engine.configure(tensor_type=tensor_type, load_tensor_table=load_tensor_table)


__all__ = [
    "KERNEL_OPS",
    "AutocastState",
    "Chain",
    "Direct",
    "ForwardCall",
    "Function",
    "FunctionCtx",
    "Fused",
    "GradcheckError",
    "Mode",
    "Node",
    "Op",
    "RemovableHandle",
    "ShapeError",
    "StepPlan",
    "Variable",
    "alias",
    "assign",
    "autocast_state",
    "backward",
    "bump_versions",
    "cast",
    "collect",
    "compiled_rules",
    "configure_tensors",
    "detect_anomaly",
    "drop_gradients",
    "enable_grad",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "inplace",
    "is_grad_enabled",
    "layout",
    "leaf",
    "no_grad",
    "not_a_tensor",
    "op",
    "result_type",
    "set_autocast_state",
    "set_detect_anomaly",
    "set_grad_enabled",
    "shared",
    "to_device",
    "write_result",
]
