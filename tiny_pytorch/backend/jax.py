"""JAX's arrays, which cannot be written: kernels return what they update, and the engine gives aliases the new array.

64-bit types are switched on, so that float64 stays float64. What the reference does in many steps is compiled into one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy
from jax.scipy import special

from . import Backend
from .crossing import waits
from .devices import requested
from .placed import placed
from .reference import gather, indexing, optim
from .reference.gather import ARRAY
from .table import Kernels, reference_kernels

Array = Any

# Kernels whose steps depend on no value: name -> the parameters that are not arrays.
COMPILED: dict[str, tuple[str, ...]] = {
    "attention": ("causal",),
    "attention_grad": ("causal", "needs"),
    "avg_pool": ("kernel", "stride", "padding", "counted", "divisor"),
    "avg_pool_grad": ("shape", "kernel", "stride", "padding", "counted", "divisor"),
    "batch_norm": (),
    "batch_norm_eval": (),
    "batch_norm_grad": ("needs",),
    "conv": ("stride", "padding", "dilation", "groups"),
    "conv_grad": ("shape", "stride", "padding", "dilation", "groups", "needs"),
    "conv_relu": ("stride", "padding", "dilation", "groups"),
    "conv_relu_grad": ("shape", "stride", "padding", "dilation", "groups", "needs"),
    "gelu": ("approximate",),
    "gelu_grad": ("approximate",),
    "group_norm": ("groups",),
    "group_norm_grad": ("needs",),
    "keep_mask": ("shape", "p"),
    "layer_norm": ("axes",),
    "layer_norm_grad": ("axes", "needs"),
    "linear_grad": ("needs",),
    "linear_relu_grad": ("needs",),
    "log_softmax": ("axis",),
    "log_softmax_grad": ("axis",),
    "masked_scale": (),
    "relu": (),
    "relu_grad": (),
    "rms_norm": ("axes",),
    "rms_norm_grad": ("axes", "needs"),
    "self_attention": ("heads", "causal"),
    "self_attention_grad": ("heads", "causal", "needs"),
    "sgd": ("nesterov",),
    "sgd_dampened": ("weight_decay", "nesterov"),
    "sigmoid": (),
    "silu": (),
    "silu_grad": (),
    "softmax": ("axis",),
    "softmax_grad": ("axis",),
    "sum_to": ("shape",),
}


def compiled(name: str) -> Callable[..., Any]:
    """A reference kernel as one compiled computation for each shape and dtype."""
    return jax.jit(functools.partial(reference_kernels()[name], jnp), static_argnames=COMPILED[name])


def made_on(device: Any, kernel: Callable[..., Any]) -> Callable[..., Any]:
    """A kernel that is given no arrays, with its result on a device."""

    @functools.wraps(kernel)
    def made(*args: Any, **kwargs: Any) -> Array:
        return jax.device_put(kernel(*args, **kwargs), device)

    return made


# --- what the engine asks of arrays -------------------------------------------------------------------------


def copy(x: Array) -> Array:
    return x  # nobody can write it


def is_differentiable(x: Array) -> bool:
    return jnp.issubdtype(x.dtype, jnp.inexact)


def write(x: Array, value: Array) -> Array:
    return value


def zero_at(x: Array, positions: Array) -> Array:
    return jnp.reshape(jnp.reshape(x, (-1,)).at[positions].set(0), x.shape)


# --- linear algebra -----------------------------------------------------------------------------------------


def linear(x: Array, weight: Array, bias: Array) -> Array:
    return _affine(_linear, x, weight, bias)


def linear_relu(x: Array, weight: Array, bias: Array) -> Array:
    return _affine(_linear_relu, x, weight, bias)


def _affine(kernel: Callable[..., Array], x: Array, weight: Array, bias: Array) -> Array:
    if x.shape[-1:] != weight.shape[1:]:  # JAX calls this a TypeError
        raise ValueError(f"the input has {x.shape[-1:]} features, the weight takes {weight.shape[1:]}")
    return kernel(x, weight, bias)


_linear, _linear_relu = (
    jax.jit(functools.partial(reference_kernels()[name], jnp)) for name in ("linear", "linear_relu")
)


# --- elementwise and running --------------------------------------------------------------------------------


def cumsum(x: Array, axis: int) -> Array:
    return jnp.cumsum(x, axis, dtype=x.dtype)


def cumprod(x: Array, axis: int) -> Array:
    return jnp.cumprod(x, axis, dtype=x.dtype)


def erf(x: Array) -> Array:
    return special.erf(x)


# --- indexing -----------------------------------------------------------------------------------------------


def scatter_add(x: Array, index: Array, source: Array) -> Array:
    index = jnp.asarray(index)
    indexing.check_indices(jnp, index, x.shape[0])
    return x.at[index].add(source)


def index(x: Array, *arrays: Array, index: tuple) -> Array:
    return x[_checked(x.shape, arrays, index)]


def index_add(g: Array, *arrays: Array, index: tuple, shape: tuple) -> Array:
    return jnp.zeros(shape, g.dtype, device=g.device).at[_checked(shape, arrays, index)].add(g)


def index_put(x: Array, value: Any, *arrays: Array, index: tuple) -> Array:
    where = _checked(x.shape, arrays, index)
    value = jnp.asarray(value, dtype=x.dtype)
    size = jax.eval_shape(lambda a: a[where], x).shape
    extra = value.ndim - len(size)
    if extra > 0 and value.shape[:extra] == (1,) * extra:
        value = jnp.reshape(value, value.shape[extra:])
    return x.at[where].set(jnp.broadcast_to(value, size))


def index_write(x: Array, value: Any, *arrays: Array, index: tuple) -> Array:
    return index_put(x, value, *arrays, index=index)


def _checked(shape: tuple[int, ...], arrays: tuple[Array, ...], index: tuple) -> tuple:
    """The index with its arrays in their places. JAX clips what is out of range; here it is an error."""
    following, entries, axis = iter(arrays), [], 0
    for _, entry in gather._complete(shape, index):
        if entry is not None:
            if not isinstance(entry, slice):
                entry = next(following) if entry is ARRAY else entry
                if getattr(entry, "size", 1):
                    waits(entry)
                    gather._check(int(jnp.min(entry)), int(jnp.max(entry)), axis, shape[axis])
            axis += 1
        entries.append(entry)
    return tuple(entries)


# --- optimizers ---------------------------------------------------------------------------------------------


@functools.partial(jax.jit, static_argnames="weight_decay")
def adam(
    params: Any, grads: Any, first: Any, second: Any, steps: Any, lr: float, beta1: float, beta2: float, eps: float,
    weight_decay: float,
) -> tuple[list[Array], list[Array], list[Array], list[Array]]:  # fmt: skip
    optim.check(params, grads, first, second)
    new: tuple[list[Array], list[Array], list[Array], list[Array]] = ([], [], [], [])
    for p, g, m, v, step in zip(params, grads, first, second, steps, strict=True):
        kept, p, g = p.dtype, p.astype(m.dtype), g.astype(m.dtype)
        g = g + weight_decay * p if weight_decay != 0 else g
        t = step.astype(jnp.float64) + 1
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * (g * g)
        m_hat = m / (1 - beta1**t).astype(m.dtype)
        v_hat = v / (1 - beta2**t).astype(m.dtype)
        p = (p - lr * (m_hat / (jnp.sqrt(v_hat) + eps))).astype(kept)
        for arrays, array in zip(new, (p, m, v, step + 1), strict=True):
            arrays.append(array)
    return new


# --- errors -------------------------------------------------------------------------------------------------


def is_shape_error(error: Exception) -> bool:
    """JAX raises TypeError where shapes do not fit, as if it were dtypes."""
    return isinstance(error, TypeError) and "shape" in str(error)


# --- conversions --------------------------------------------------------------------------------------------


def to_numpy(array: Array) -> numpy.ndarray:
    if array.dtype == jnp.bfloat16:
        array = array.astype(jnp.float32)  # NumPy has no bfloat16; this is exact
    return numpy.array(array)  # a copy: NumPy must not write what is immutable


def device_of(array: Array) -> str:
    return name_of(next(iter(array.devices())))


def name_of(device: Any) -> str:
    """A device as this package calls it. The host is one device, unless XLA was told to make it several."""
    kind = {"gpu": "cuda"}.get(device.platform, device.platform)
    return "cpu" if kind == "cpu" and device.id == 0 else f"{kind}:{device.id}"


@functools.cache
def devices() -> dict[str, Any]:
    """JAX's devices by name, its default one first."""
    platforms = dict.fromkeys([jax.devices()[0].platform, "cpu"])
    return {name_of(device): device for platform in platforms for device in jax.devices(platform)}


def to_device(x: Array, device: str, source: str, non_blocking: bool) -> Array:
    return jax.device_put(x, devices()[device])


KERNELS = (
    adam, copy, cumprod, cumsum, erf, index, index_add, index_put, index_write, is_differentiable, linear, linear_relu,
    scatter_add, to_device, write, zero_at,
)  # fmt: skip


def at_device(name: str) -> Backend:
    """The library with its new arrays on that device."""
    device = devices()[name]
    xp = jnp if name == next(iter(devices())) else placed(jnp, device, jax.Array)
    kernels = Kernels(xp)
    for kernel in COMPILED:
        kernels.override(kernel, compiled(kernel))
    for function in KERNELS:
        kernels.override(function.__name__, function)
    kernels.override("keep_mask", made_on(device, kernels.keep_mask))
    return Backend(
        name="jax",
        xp=xp,
        kernels=kernels,
        from_numpy=lambda array: jax.device_put(numpy.array(array), device),
        to_numpy=to_numpy,
        array_type=type(jnp.zeros(())),
        writes=False,
        facts=lambda: {"jax": jax.__version__},
        device=name,
        devices=tuple(devices()),
        at_device=at_device,
        device_of=device_of,
        synchronize=lambda: jax.block_until_ready(jax.live_arrays()),
        is_shape_error=is_shape_error,
    )


def load() -> Backend:
    jax.config.update("jax_enable_x64", True)
    return at_device(str(requested("jax", list(devices()))))
