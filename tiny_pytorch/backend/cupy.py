"""CuPy: kernels of our own on an NVIDIA GPU, cuBLAS for products, and the reference behind them."""

from __future__ import annotations

import copy
from typing import Any

import cupy
import numpy
from array_api_compat import cupy as xp

from . import Backend
from .cuda import elementwise, faults, indexing, linalg, nn, optim, random, runtime, transfer
from .cuda.capture import refuse_while_capturing
from .cuda.launch import gated
from .devices import requested
from .numpy import host as numpy_host
from .table import Kernels, reference_kernels

__all__ = ["load"]

# One GPU for a process, CUDA's first: of several, CUDA_VISIBLE_DEVICES says which one that is.
GPU = "cuda:0"
DEVICES = (GPU, "cpu")

FAMILIES = [elementwise, indexing, linalg, nn, optim, random]


def cuda_kernels() -> dict[str, Any]:
    """Every function of the CUDA families that has a reference twin, by name."""
    twins = reference_kernels()
    return {name: getattr(family, name) for family in FAMILIES for name in family.__all__ if name in twins}


def shares_memory(x: Any, y: Any) -> bool:
    return bool(cupy.may_share_memory(x, y))


def from_numpy(array: numpy.ndarray) -> Any:
    """A copy on the current device."""
    refuse_while_capturing(
        "values of the host would be copied once, now, and be the same at every replay. Random numbers (dropout, "
        "tp.rand, ...) are drawn on the host, and so are tp.tensor(...) and batches: draw or make them outside, and "
        "pass them in as arguments"
    )
    return cupy.asarray(array)


def to_numpy(array: Any) -> numpy.ndarray:
    """A copy on the host, once the device has computed it."""
    refuse_while_capturing(
        "the host cannot read a value that is only being recorded (.item(), float(), bool(), print, .numpy()): "
        "return the tensor and read it after the call"
    )
    host = cupy.asnumpy(array)
    faults.check()
    return host


def facts() -> dict[str, Any]:
    """What ``tp.show_config`` says of this backend."""
    return {
        "CUDA kernels": sorted(cuda_kernels()),
        "GPU": ", ".join(runtime.device_name(i) for i in range(runtime.device_count())),
        "CuPy": f"{cupy.__version__} (CUDA {cupy.cuda.runtime.runtimeGetVersion()})",
    }


def at_device(name: str) -> Backend:
    """The GPU, or the host: there an array is NumPy's, and NumPy's backend computes on it."""
    host = numpy_host()
    gpu = name != "cpu"
    kernels = Kernels(xp) if gpu else copy.copy(host.kernels)
    if gpu:
        for kernel, function in cuda_kernels().items():
            kernels.override(kernel, gated(function))
        kernels.override("shares_memory", shares_memory)
    kernels.override("to_device", transfer.to_device)
    return Backend(
        name="cupy",
        xp=xp if gpu else host.xp,
        kernels=kernels,
        from_numpy=from_numpy if gpu else host.from_numpy,
        to_numpy=to_numpy if gpu else host.to_numpy,
        array_type=cupy.ndarray if gpu else numpy.ndarray,
        facts=facts,
        device=name,
        devices=DEVICES,
        at_device=at_device,
        device_of=device_of,
        pin=None if gpu else transfer.pin,
        is_pinned=transfer.is_pinned,
        copy_stream=transfer.CopyStream if gpu else None,
        cuda=runtime,
        synchronize=runtime.synchronize,
    )


def device_of(array: Any) -> str:
    return "cpu" if isinstance(array, numpy.ndarray) else GPU


def load() -> Backend:
    try:
        count = runtime.device_count()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise ImportError(f"the backend 'cupy' needs an NVIDIA GPU and its driver; CUDA says: {error}") from error
    if count == 0:
        raise ImportError("the backend 'cupy' needs an NVIDIA GPU; CUDA finds none")
    return at_device(str(requested("cupy", DEVICES)))
