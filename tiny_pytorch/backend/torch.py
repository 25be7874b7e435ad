"""PyTorch's tensors as arrays, through array-api-compat; its autograd is not used. Its devices are PyTorch's own."""

from __future__ import annotations

import functools
import os
from typing import Any

import array_api_compat.torch as torch
import numpy

from . import Backend
from .devices import requested
from .dtypes import raw
from .placed import placed
from .reference import gather, indexing
from .reference.gather import ARRAY
from .table import Kernels

Array = Any
aten = torch.ops.aten


# --- what the engine asks of arrays -------------------------------------------------------------------------


def astype(x: Array, dtype: Any) -> Array:
    return x.to(raw(torch, dtype), copy=True)


def copy(x: Array) -> Array:
    return x.clone(memory_format=torch.contiguous_format)


def is_contiguous(x: Array) -> bool:
    return x.is_contiguous()


def is_differentiable(x: Array) -> bool:
    return x.is_floating_point() or x.is_complex()


def shares_memory(x: Array, y: Array) -> bool:
    return x.untyped_storage().data_ptr() == y.untyped_storage().data_ptr()


def write(x: Array, value: Array) -> Array:
    return _written(x, x, value)


def _written(x: Array, part: Array, value: Any) -> Array:
    """``x`` after ``value`` was written into ``part`` of it."""
    if 0 in x.stride() and x.numel() and any(n > 1 and s == 0 for n, s in zip(x.shape, x.stride(), strict=True)):
        raise ValueError("several elements share one place, as after expand(): such memory is read-only")
    part.copy_(value.clone() if shares_memory(part, value) else value)
    return x


def to_device(x: Array, device: str, source: str, non_blocking: bool) -> Array:
    return x.to(device, non_blocking=non_blocking and device != "cpu", copy=True)


def zero_at(x: Array, positions: Array) -> Array:
    return copy(x).view(-1).index_fill_(0, positions, 0).view(x.shape)


def sum_to(g: Array, shape: tuple[int, ...]) -> Array:
    return g.sum_to_size(shape)


# --- elementwise, running and normalised --------------------------------------------------------------------


def cumsum(x: Array, axis: int) -> Array:
    return torch.cumsum(x, axis, dtype=x.dtype)


def cumprod(x: Array, axis: int) -> Array:
    return torch.cumprod(x, axis, dtype=x.dtype)


def erf(x: Array) -> Array:
    return torch.erf(x)


def relu(x: Array) -> Array:
    return torch.relu(x)


def sigmoid(x: Array) -> Array:
    return torch.sigmoid(x)


def silu(x: Array) -> Array:
    return torch.nn.functional.silu(x)


def gelu(x: Array, approximate: str) -> Array:
    # PyTorch's is NaN at -inf; beyond -40 there is nothing left of it.
    return torch.nn.functional.gelu(x.clamp(min=-40.0), approximate=approximate)


def gelu_grad(g: Array, x: Array, approximate: str) -> Array:
    return aten.gelu_backward(g, x.clamp(-40.0, 40.0), approximate=approximate)


def softmax(x: Array, axis: int) -> Array:
    return torch.softmax(x, axis)


def log_softmax(x: Array, axis: int) -> Array:
    return torch.log_softmax(x, axis)


def layer_norm(x: Array, weight: Array, bias: Array, axes: int, eps: float) -> tuple[Array, Array, Array]:
    return torch.native_layer_norm(x, x.shape[x.ndim - axes :], weight, bias, eps)


# --- linear algebra -----------------------------------------------------------------------------------------


def linear(x: Array, weight: Array, bias: Array) -> Array:
    return torch.nn.functional.linear(x, weight, bias)


def linear_relu(x: Array, weight: Array, bias: Array) -> Array:
    return torch.relu_(linear(x, weight, bias))


# --- indexing -----------------------------------------------------------------------------------------------


def scatter_add(x: Array, index: Array, source: Array) -> Array:
    indexing.check_indices(torch, index, x.shape[0])
    return torch.index_add(x, 0, index, source)


def diagonal(x: Array, offset: int) -> Array:
    return x.diagonal(offset, -2, -1)


def index(x: Array, *arrays: Array, index: tuple) -> Array:
    part, flipped, places = _part(x, arrays, index)
    part = part.flip(flipped) if flipped else part  # a copy: PyTorch has no negative strides
    return aten.index(part, places) if arrays else part


def index_add(g: Array, *arrays: Array, index: tuple, shape: tuple) -> Array:
    zeros = torch.zeros(shape, dtype=g.dtype, device=g.device)
    part, flipped, places = _part(zeros, arrays, index)
    if flipped:
        return gather.index_add(_xp(g), g, *arrays, index=index, shape=shape)
    if arrays:
        aten.index_put_(part, places, g, True)
    else:
        part.copy_(g)
    return zeros


def index_put(x: Array, value: Any, *arrays: Array, index: tuple) -> Array:
    return index_write(copy(x), value, *arrays, index=index)


def index_write(x: Array, value: Any, *arrays: Array, index: tuple) -> Array:
    part, flipped, places = _part(x, arrays, index)
    if flipped:
        return write(x, gather.index_put(_xp(x), x, value, *arrays, index=index))
    value = torch.asarray(value, dtype=x.dtype, device=x.device)
    if not arrays:
        return _written(x, part, value)
    aten.index_put_(part, places, value.clone() if shares_memory(x, value) else value)
    return x


def _xp(x: Array) -> Any:
    """The namespace whose new arrays are beside ``x``."""
    return placed(torch, x.device, torch.Tensor)


def _part(x: Array, arrays: tuple[Array, ...], index: tuple) -> tuple[Array, list[int], list[Array | None]]:
    """What the slices and None of an index leave of ``x``: a view, whose axes ``flipped`` they run along backwards.

    Integers too, if there are no arrays; else they are arrays like the others: NumPy's rule. ``places`` are what is to
    be looked up along the axes of the view.
    """
    following, axis = iter(arrays), 0
    entries: list[Any] = []
    flipped: list[int] = []
    places: list[Any] = []
    for _, entry in gather._complete(x.shape, index):
        if entry is None:
            entries.append(None)
            places.append(None)
            continue
        n = x.shape[axis]
        axis += 1
        if isinstance(entry, slice):
            steps = range(*entry.indices(n))
            if steps.step < 0:
                flipped.append(len(places))
                steps = steps[::-1]
            entries.append(slice(steps.start, steps.stop, steps.step) if steps else slice(0, 0))
            places.append(None)
            continue
        if entry is not ARRAY:
            gather._check(entry, entry, axis - 1, n)
        if arrays:
            entries.append(slice(None))
            places.append(next(following) if entry is ARRAY else torch.tensor(entry, device=x.device))
        else:
            entries.append(entry)
    return x[tuple(entries)], flipped, places


# --- conversions --------------------------------------------------------------------------------------------


def to_numpy(array: Array) -> numpy.ndarray:
    array = array.detach().cpu()
    return (array.float() if array.dtype == torch.bfloat16 else array).numpy()  # NumPy has no bfloat16; this is exact


def device_of(array: Array) -> str:
    return str(array.device)


def pin(array: Array) -> Array:
    return array.pin_memory()


def is_pinned(array: Array) -> bool:
    return array.is_pinned()


class CopyStream:
    """Copies to a CUDA device on a stream of their own, beside the computing on the current one."""

    def __init__(self, device: str):
        self._device = device
        self._stream = torch.cuda.Stream(device)

    def send(self, array: Array) -> Array:
        """Queue a copy of a host array. PyTorch keeps a pinned one until it is done."""
        with torch.cuda.stream(self._stream):
            return array.to(self._device, non_blocking=True)

    def mark(self) -> Any:
        """What ``wait`` takes: the copies so far."""
        return self._stream.record_event()

    def wait(self, mark: Any, arrays: list[Array]) -> None:
        """Let the computing that is asked for next come after the copies, whose memory it then uses."""
        stream = torch.cuda.current_stream(self._device)
        stream.wait_event(mark)
        for array in arrays:
            array.record_stream(stream)


KERNELS = (
    astype, copy, cumprod, cumsum, diagonal, erf, gelu, gelu_grad, index, index_add, index_put, index_write,
    is_contiguous, is_differentiable, layer_norm, linear, linear_relu, log_softmax, relu, scatter_add,
    shares_memory, sigmoid, silu, softmax, sum_to, to_device, write, zero_at,
)  # fmt: skip


def at_device(name: str) -> Backend:
    """The library with its new arrays on that device."""
    on_host = name == "cpu"
    xp = torch if on_host else placed(torch, torch.device(name), torch.Tensor)
    kernels = Kernels(xp)
    for function in KERNELS:
        kernels.override(function.__name__, function)

    def from_numpy(array: numpy.ndarray) -> Array:
        array = numpy.asarray(array)
        if not array.flags.writeable or any(step < 0 for step in array.strides):
            array = array.copy()  # what PyTorch cannot share
        found = torch.from_numpy(array)
        return found if on_host else found.to(name)

    cuda = torch.cuda.is_available()
    return Backend(
        name="torch",
        xp=xp,
        kernels=kernels,
        from_numpy=from_numpy,
        to_numpy=to_numpy,
        array_type=torch.Tensor,
        facts=lambda: {"torch": torch.__version__, "threads": torch.get_num_threads()},
        device=name,
        devices=devices(),
        at_device=at_device,
        device_of=device_of,
        pin=pin if cuda else None,
        is_pinned=is_pinned if cuda else lambda array: False,
        copy_stream=functools.partial(CopyStream, name) if name.startswith("cuda") else None,
        set_num_threads=torch.set_num_threads,
        synchronize=torch.cuda.synchronize if cuda else None,
    )


def devices() -> tuple[str, ...]:
    """What PyTorch has here. On ``meta`` there are shapes and dtypes, but no values."""
    return "cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count())), "meta"


def load() -> Backend:
    device = str(requested("torch", devices()))
    if os.environ.get("TINY_PYTORCH_NUM_THREADS"):
        torch.set_num_threads(int(os.environ["TINY_PYTORCH_NUM_THREADS"]))
    return at_device(device)
