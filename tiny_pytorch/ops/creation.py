"""New tensors: of one value, of a range, of another's shape."""

from __future__ import annotations

import math
from typing import Any

import numpy

from .. import backend
from ..autograd import Variable, leaf, op
from ..autograd.errors import ShapeError
from ..backend.dtypes import DType, as_dtype, get_default_dtype, raw
from . import operands
from .operands import shape_of

__all__ = [
    "arange", "empty", "empty_like", "eye", "full", "full_like", "linspace", "logspace", "meshgrid", "ones",
    "ones_like", "tril", "triu", "zeros", "zeros_like",
]  # fmt: skip

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any


# --- what creation functions share --------------------------------------------------------------------------


def created(array: Array, requires_grad: bool) -> Tensor:
    """A new leaf on ``array``."""
    tensor = leaf(array)
    if requires_grad:
        tensor.requires_grad = True
    return tensor


def checked_shape(name: str, given: tuple[Any, ...], size: Any = None) -> tuple[int, ...]:
    """The shape that sizes mean, given one by one, as one sequence, or by the keyword ``size``."""
    if size is not None:
        if given:
            raise TypeError(f"{name}: got sizes {given!r} and size={size!r}; expected one of them")
        given = (size,)
    elif not given:
        raise TypeError(f"{name}: expected sizes, e.g. {name}(2, 3); {name}(()) makes a 0-d tensor")
    shape = operands.sizes(name, given)
    if any(n < 0 for n in shape):
        raise ShapeError(f"{name}: sizes must not be negative, got {shape}")
    return shape


def number(name: str, value: Any) -> Any:
    """A Python number: a number, or the only element of a Tensor or array."""
    if isinstance(value, (Variable, numpy.generic, numpy.ndarray)):
        array = backend.at(value.array).to_numpy(value.array) if isinstance(value, Variable) else value
        if array.size != 1:
            raise ShapeError(f"{name}: expected a number, got an array of shape {tuple(array.shape)}")
        return array.item()
    if not isinstance(value, (bool, int, float, complex)):
        raise TypeError(f"{name}: expected a number, got a {type(value).__name__}")
    return value


def _dtype_of(values: tuple[Any, ...], dtype: Any) -> DType:
    """The dtype that was asked for, or that of Python numbers."""
    if dtype is not None:
        return as_dtype(dtype)
    for kind in (complex, float):
        if any(isinstance(v, kind) for v in values):
            return as_dtype(kind)
    return as_dtype(bool if all(isinstance(v, bool) for v in values) else int)


def _floating(dtype: Any) -> Any:
    """The namespace's object for ``dtype``, by default the default floating dtype."""
    return raw(backend.kernels().xp, get_default_dtype() if dtype is None else as_dtype(dtype))


# --- of one value -------------------------------------------------------------------------------------------


def zeros(*sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of zeros.

    Parameters
    ----------
    *sizes : ints, or one sequence of ints
        The shape: ``zeros(2, 3)``, ``zeros((2, 3))``, ``zeros(size=(2, 3))``.
    dtype : optional
        Defaults to the default floating dtype (float32).
    device : optional
        Where the memory is to be; defaults to the default device.
    requires_grad : bool, default False

    Raises
    ------
    TypeError
        For sizes that are not integers.
    ShapeError
        For negative sizes.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.zeros(2, 3)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    shape = checked_shape("zeros", sizes, size)
    return created(backend.on(device).xp.zeros(shape, dtype=_floating(dtype)), requires_grad)


def ones(*sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of ones; arguments and errors as in :func:`zeros`."""
    shape = checked_shape("ones", sizes, size)
    return created(backend.on(device).xp.ones(shape, dtype=_floating(dtype)), requires_grad)


def empty(*sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of unset memory: any values; arguments and errors as in :func:`zeros`."""
    shape = checked_shape("empty", sizes, size)
    return created(backend.on(device).xp.empty(shape, dtype=_floating(dtype)), requires_grad)


def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of ``fill_value`` everywhere.

    Parameters
    ----------
    size : sequence of ints
    fill_value : number or Tensor of one element
    dtype : optional
        Defaults to what the number says: bool, int64 or the default floating dtype.
    device, requires_grad
        As in :func:`zeros`.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.full((2,), 7), tp.full((2,), 0.5)
    (tensor([7, 7]), tensor([0.5, 0.5]))
    """
    shape, value, xp = checked_shape("full", (size,)), number("full", fill_value), backend.on(device).xp
    found = raw(xp, _dtype_of((value,), dtype))
    return created(xp.full(shape, value, dtype=found), requires_grad)


def _like(name: str, input: Tensor, value: Any, dtype: Any, device: Any, requires_grad: bool) -> Tensor:
    shape = shape_of(name, input)
    xp = (backend.at(input.array) if device is None else backend.on(device)).xp
    found = input.array.dtype if dtype is None else raw(xp, as_dtype(dtype))
    array = xp.empty(shape, dtype=found) if value is None else xp.full(shape, value, dtype=found)
    return created(array, requires_grad)


def zeros_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros in ``input``'s shape, in its dtype and on its device unless others are given."""
    return _like("zeros_like", input, 0, dtype, device, requires_grad)


def ones_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones in ``input``'s shape, in its dtype and on its device unless others are given."""
    return _like("ones_like", input, 1, dtype, device, requires_grad)


def empty_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Unset memory in ``input``'s shape, in its dtype and on its device unless others are given."""
    return _like("empty_like", input, None, dtype, device, requires_grad)


def full_like(
    input: Tensor, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """``fill_value`` everywhere, in ``input``'s shape, in its dtype and on its device unless others are given."""
    value = number("full_like", fill_value)
    return _like("full_like", input, value, dtype, device, requires_grad)


def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """The matrix (n, m) with 1 on its diagonal, else 0; ``m`` defaults to ``n``."""
    rows, columns = checked_shape("eye", (n, n if m is None else m))
    return created(backend.on(device).xp.eye(rows, columns, dtype=_floating(dtype)), requires_grad)


# --- of a range: computed in float64 and rounded once -------------------------------------------------------


def arange(
    start: Any = 0,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``start, start + step, ...`` up to but without ``end``; ``arange(end)`` starts at 0.

    Parameters
    ----------
    start, end, step : number
    dtype : optional
        Defaults to int64 for integers, else to the default floating dtype.
    device, requires_grad
        As in :func:`zeros`.

    Raises
    ------
    ValueError
        For step 0, and for a step that leads away from ``end``.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.arange(4), tp.arange(0, 1, 0.25)
    (tensor([0, 1, 2, 3]), tensor([0.  , 0.25, 0.5 , 0.75]))
    """
    start, end = (0, start) if end is None else (start, end)
    start, end, step = (number("arange", v) for v in (start, end, step))
    if step == 0:
        raise ValueError("arange: step must not be 0")
    if (end - start) * step < 0:
        raise ValueError(f"arange: from {start} no step of {step} leads to {end}")
    if not math.isfinite((end - start) / step):
        raise ValueError(f"arange: expected finite numbers, got start={start}, end={end}, step={step}")
    found = _dtype_of((int(start) if isinstance(start, bool) else start, end, step), dtype)
    if all(isinstance(v, int) for v in (start, end, step)):
        values = numpy.arange(start, end, step, dtype=numpy.int64)
    else:
        values = start + step * numpy.arange(math.ceil((end - start) / step), dtype=numpy.float64)
    return _from_host(values, found, requires_grad, device)


def linspace(
    start: Any, end: Any, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """``steps`` numbers from ``start`` to ``end``, both included, at equal distances.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.linspace(0, 1, 5)
    tensor([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """
    (count,) = checked_shape("linspace", (steps,))
    values = numpy.linspace(number("linspace", start), number("linspace", end), count)
    return _from_host(values, get_default_dtype() if dtype is None else as_dtype(dtype), requires_grad, device)


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``steps`` numbers from ``base^start`` to ``base^end``, both included, in equal ratios."""
    (count,) = checked_shape("logspace", (steps,))
    values = numpy.logspace(number("logspace", start), number("logspace", end), count, base=base)
    return _from_host(values, get_default_dtype() if dtype is None else as_dtype(dtype), requires_grad, device)


def _from_host(values: numpy.ndarray, dtype: DType, requires_grad: bool, device: Any) -> Tensor:
    return created(backend.on(device).from_host(values, dtype), requires_grad)


# --- of other tensors; gradients flow through ---------------------------------------------------------------


@op
def _tril(k: K, x: Array, *, diagonal: int) -> Array:
    return k.xp.tril(x, k=diagonal)


@_tril.gradient
def _(k: K, g: Array, saved: Any, *, diagonal: int) -> tuple:
    return (k.xp.tril(g, k=diagonal),)


@op
def _triu(k: K, x: Array, *, diagonal: int) -> Array:
    return k.xp.triu(x, k=diagonal)


@_triu.gradient
def _(k: K, g: Array, saved: Any, *, diagonal: int) -> tuple:
    return (k.xp.triu(g, k=diagonal),)


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """``y = x`` on and below the ``diagonal``, 0 above it; of matrices in the last two axes.

    ``diagonal`` counts upwards from the main one, 0.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.tril(tp.ones(2, 3))
    tensor([[1., 0., 0.],
            [1., 1., 0.]])
    """
    _check_matrix("tril", input)
    return _tril(input, diagonal=diagonal)


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """``y = x`` on and above the ``diagonal``, 0 below it, in the last two axes. See :func:`tril`."""
    _check_matrix("triu", input)
    return _triu(input, diagonal=diagonal)


def _check_matrix(name: str, input: Tensor) -> None:
    if len(shape_of(name, input)) < 2:
        raise ShapeError(f"{name}: expected at least 2 dimensions, got shape {shape_of(name, input)}")


@op(name="meshgrid")
def _along(k: K, x: Array, *, shape: tuple[int, ...], axis: int) -> Array:
    column = k.xp.reshape(x, (-1,) + (1,) * (len(shape) - axis - 1))
    return k.copy(k.xp.broadcast_to(column, shape))


@_along.gradient
def _(k: K, g: Array, saved: Any, *, shape: tuple[int, ...], axis: int) -> tuple:
    others = tuple(i for i in range(len(shape)) if i != axis)
    return (k.xp.reshape(k.xp.sum(g, axis=others) if others else g, saved.shapes[0]),)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """The coordinates of a grid: tensor ``i`` laid along axis ``i`` and repeated along the others.

    Parameters
    ----------
    *tensors : Tensor, or one sequence of Tensors
        0-d or 1-d.
    indexing : {"ij", "xy"}
        "xy" exchanges the first two axes of the grid.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> rows, columns = tp.meshgrid(tp.arange(2), tp.arange(3))
    >>> rows
    tensor([[0, 0, 0],
            [1, 1, 1]])
    """
    one_sequence = len(tensors) == 1 and not isinstance(tensors[0], Variable)
    given = operands.tensors("meshgrid", tensors[0] if one_sequence else tensors)
    if indexing not in ("ij", "xy"):
        raise ValueError(f"meshgrid: indexing must be 'ij' or 'xy', got {indexing!r}")
    lengths = []
    for tensor in given:
        shape = shape_of("meshgrid", tensor)
        if len(shape) > 1:
            raise ShapeError(f"meshgrid: expected 0-d or 1-d tensors, got shape {shape}")
        lengths.append(shape[0] if shape else 1)
    axes = list(range(len(given)))
    if indexing == "xy" and len(given) > 1:
        axes[:2] = 1, 0
    shape = tuple(lengths[i] for i in axes)
    return tuple(_along(tensor, shape=shape, axis=axes[i]) for i, tensor in enumerate(given))
