"""Random tensors. Numbers are drawn on the host, so that a seed gives the same ones on every backend."""

from __future__ import annotations

from typing import Any

import numpy

from .. import backend
from ..autograd import Variable
from ..autograd.errors import ShapeError
from ..backend.dtypes import DType, as_dtype, get_default_dtype, raw
from ..random import Generator
from ..random import rng_of as _rng
from .creation import checked_shape, created, number
from .operands import shape_of

__all__ = [
    "bernoulli", "multinomial", "normal", "rand", "rand_like", "randint", "randint_like", "randn",
    "randn_like", "randperm",
]  # fmt: skip

Tensor = Any

_SIGNIFICAND = {"float16": 11, "bfloat16": 8}  # binary digits of what is drawn as float32


def _floating(name: str, dtype: Any) -> DType:
    found = get_default_dtype() if dtype is None else as_dtype(dtype)
    if not found.is_floating_point:
        raise TypeError(f"{name}: expected a floating dtype, got {found.name}; for integers see tp.randint")
    raw(backend.kernels().xp, found)  # an error before numbers are drawn
    return found


def _tensor(values: numpy.ndarray, dtype: DType, requires_grad: bool = False, device: Any = None) -> Tensor:
    return created(backend.on(device).from_host(numpy.asarray(values), dtype), requires_grad)


def _host(name: str, tensor: Tensor) -> numpy.ndarray:
    shape_of(name, tensor)
    return backend.at(tensor.array).to_numpy(tensor.array)


def _place(input: Tensor, device: Any) -> Any:
    """The device that was asked for, by default that of ``input``."""
    return backend.at(input.array).device if device is None else device


def _drawn(draw: Any, shape: tuple[int, ...], dtype: DType) -> numpy.ndarray:
    """Draw in the dtype itself; the narrower ones are rounded from float32."""
    return draw(shape, dtype=numpy.float64 if dtype.itemsize == 8 else numpy.float32)


# --- uniform and normal -------------------------------------------------------------------------------------


def rand(
    *sizes: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Samples of the uniform distribution on ``[0, 1)``.

    Parameters
    ----------
    *sizes : ints, or one sequence of ints
        The shape.
    generator : tp.Generator, optional
        Draw from this stream, not from the default one.
    dtype : optional
        A floating dtype; defaults to the default one (float32).
    device : optional
        Where the memory is to be; defaults to the default device.
    requires_grad : bool, default False

    Raises
    ------
    TypeError
        For a dtype that is not floating, and sizes that are not integers.
    ShapeError
        For negative sizes.
    """
    found, shape = _floating("rand", dtype), checked_shape("rand", sizes, size)
    values = _drawn(_rng("rand", generator).random, shape, found)
    digits = _SIGNIFICAND.get(found.name)
    if digits is not None:  # cut off, not rounded: the largest would become 1
        values = numpy.ldexp(numpy.floor(numpy.ldexp(values, digits)), -digits)
    return _tensor(values, found, requires_grad, device)


def randn(
    *sizes: Any,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Samples of the standard normal distribution; arguments and errors as in :func:`rand`."""
    found, shape = _floating("randn", dtype), checked_shape("randn", sizes, size)
    return _tensor(_drawn(_rng("randn", generator).standard_normal, shape, found), found, requires_grad, device)


def rand_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """:func:`rand` in ``input``'s shape, and in its dtype unless another is given."""
    shape, found = shape_of("rand_like", input), input.array.dtype if dtype is None else dtype
    return rand(shape, generator=generator, dtype=found, device=_place(input, device), requires_grad=requires_grad)


def randn_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """:func:`randn` in ``input``'s shape, and in its dtype unless another is given."""
    shape, found = shape_of("randn_like", input), input.array.dtype if dtype is None else dtype
    return randn(shape, generator=generator, dtype=found, device=_place(input, device), requires_grad=requires_grad)


def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Samples of the normal distribution ``N(mean, std^2)``. No gradient flows to ``mean`` and ``std``.

    Parameters
    ----------
    mean, std : number or Tensor
        If one is a Tensor, ``size`` is not given: the result has their common shape.
    size : sequence of ints, optional
        The shape, if both are numbers.
    generator, dtype, device, requires_grad
        As in :func:`rand`; the dtype defaults to that of the Tensors.

    Raises
    ------
    ValueError
        For a negative ``std``.
    TypeError
        Without a size if both are numbers, or with one if not.
    """
    given = [v for v in (mean, std) if isinstance(v, Variable)]
    if bool(given) == (size is not None):
        raise TypeError("normal: expected a size if mean and std are numbers, and none if one is a Tensor")
    mean, std = (_host("normal", v) if isinstance(v, Variable) else number("normal", v) for v in (mean, std))
    if numpy.any(numpy.asarray(std) < 0):
        raise ValueError("normal: std must not be negative")
    found = _floating("normal", given[0].array.dtype if given and dtype is None else dtype)
    shape = numpy.broadcast_shapes(numpy.shape(mean), numpy.shape(std)) if given else checked_shape("normal", (size,))
    values = _drawn(_rng("normal", generator).standard_normal, shape, found)
    return _tensor(values * std + mean, found, requires_grad, _place(given[0], device) if given else device)


# --- integers -----------------------------------------------------------------------------------------------


def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Samples of the integers ``low, ..., high - 1``, each as likely; ``randint(high, size)`` starts at 0.

    Parameters
    ----------
    low : int, default 0
    high : int
    size : sequence of ints
    generator, device, requires_grad
        As in :func:`rand`.
    dtype : optional
        Defaults to int64.

    Raises
    ------
    ValueError
        If there is no integer to draw.
    """
    if size is None:
        low, high, size = 0, low, high
    shape, (low, high) = checked_shape("randint", (size,)), (int(number("randint", v)) for v in (low, high))
    if high <= low:
        raise ValueError(f"randint: there is no integer from low={low} up to but without high={high}")
    values = _rng("randint", generator).integers(low, high, shape, dtype=numpy.int64)
    return _tensor(values, as_dtype(int if dtype is None else dtype), requires_grad, device)


def randint_like(
    input: Tensor,
    low: int,
    high: int | None = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """:func:`randint` in ``input``'s shape, and in its dtype unless another is given."""
    shape, found = shape_of("randint_like", input), input.array.dtype if dtype is None else dtype
    low, high = (0, low) if high is None else (low, high)
    place = _place(input, device)
    return randint(low, high, shape, generator=generator, dtype=found, device=place, requires_grad=requires_grad)


def randperm(
    n: int,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The integers ``0, ..., n - 1`` in random order, int64 unless another dtype is given."""
    (count,) = checked_shape("randperm", (n,))
    values = _rng("randperm", generator).permutation(count)
    return _tensor(values, as_dtype(int if dtype is None else dtype), requires_grad, device)


# --- by given probabilities ---------------------------------------------------------------------------------


def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """1 with probability ``input`` (or ``p`` everywhere), else 0, in ``input``'s shape and dtype.

    Parameters
    ----------
    input : Tensor
        Probabilities, of a floating dtype; with ``p`` only its shape and dtype matter.
    p : float, optional
    generator : tp.Generator, optional

    Raises
    ------
    ValueError
        For probabilities outside 0..1.
    TypeError
        For integer probabilities.
    """
    chances = _host("bernoulli", input) if p is None else numpy.asarray(float(number("bernoulli", p)))
    dtype = as_dtype(input.array.dtype)
    if p is None and not dtype.is_floating_point:
        raise TypeError(f"bernoulli: expected floating probabilities, got {dtype.name}; convert them with .float()")
    if not numpy.all((chances >= 0) & (chances <= 1)):
        raise ValueError("bernoulli: expected probabilities, 0 to 1")
    draws = _rng("bernoulli", generator).random(shape_of("bernoulli", input))
    return _tensor(draws < chances, dtype, device=_place(input, None))


def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Indices drawn with probabilities in proportion to the weights in each row of ``input``: int64.

    Without replacement the draw is the smallest of ``E / weight``, with E from the exponential distribution.

    Parameters
    ----------
    input : Tensor, shape (n,) or (rows, n)
        Weights, finite and not negative.
    num_samples : int
    replacement : bool, default False
        Whether an index may come more than once.
    generator : tp.Generator, optional

    Returns
    -------
    Tensor, shape (num_samples,) or (rows, num_samples)

    Raises
    ------
    ValueError
        For negative or infinite weights, rows of zeros, and without replacement too many samples.

    References
    ----------
    P. S. Efraimidis, P. G. Spirakis, "Weighted random sampling with a reservoir", Information Processing
    Letters 97 (2006).
    """
    weights = _host("multinomial", input).astype(numpy.float64)
    if weights.ndim not in (1, 2):
        raise ShapeError(f"multinomial: expected weights of shape (n,) or (rows, n), got {weights.shape}")
    if not (numpy.all(numpy.isfinite(weights)) and numpy.all(weights >= 0)):
        raise ValueError("multinomial: weights must be finite and not negative")
    positive = numpy.count_nonzero(weights, axis=-1).min(initial=weights.shape[-1])
    least = 1 if replacement else num_samples
    if num_samples < 1 or positive < least:
        raise ValueError(
            f"multinomial: cannot draw {num_samples} samples from a row with {positive} weights above 0"
            f"{'' if replacement else '; see replacement=True'}"
        )
    rng = _rng("multinomial", generator)
    if replacement:
        limits = numpy.cumsum(weights, axis=-1)
        draws = rng.random((*weights.shape[:-1], num_samples, 1)) * limits[..., None, -1:]
        chosen = numpy.sum(draws >= limits[..., None, :], axis=-1)
    else:
        with numpy.errstate(divide="ignore"):
            chosen = numpy.argsort(rng.standard_exponential(weights.shape) / weights, axis=-1)[..., :num_samples]
    return _tensor(chosen, as_dtype(int), device=_place(input, None))
