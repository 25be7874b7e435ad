"""Elements picked, overwritten and added to by integer index: gather, scatter, embedding, and their kin.

All of it is indexing: ``gather`` is ``x[i, index, k]`` with ranges for the axes that it leaves alone,
``scatter`` the assignment to that, ``scatter_add`` the adjoint of it.
"""

from __future__ import annotations

import math
from typing import Any

from .. import backend
from ..autograd import Variable, cast, leaf, op
from ..backend.reference.gather import ARRAY
from .elementwise import add, multiply
from .indexing import getitem_adjoint, index_put, take_part
from .naming import dims, normalize_axis
from .operands import index_tensor, shape_of
from .shape import broadcast_to, ravel

__all__ = [
    "bincount", "embedding", "gather", "index_add", "index_select", "one_hot", "scatter", "scatter_add",
    "take", "take_along_dim",
]  # fmt: skip

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any  # the class stands above the ops


def _checked(name: str, index: Any, size: int, dim: int, like: Tensor) -> Tensor:
    """``index`` as an int64 Tensor whose elements all lie in 0..size-1."""
    found = index_tensor(name, index, like)
    try:
        backend.at(found.array).kernels.check_indices(found.array, size)
    except IndexError as error:
        raise IndexError(f"{name}: {error} (dim {dim})") from None
    return found


def _grid(name: str, input: Tensor, dim: int, index: Any) -> tuple[int, tuple[Tensor, ...]]:
    """``dim`` counted from the front, and the arrays that ``index`` along ``dim`` means for each axis."""
    shape = shape_of(name, input)
    dim = normalize_axis(name, dim, len(shape))
    if not shape:  # as in PyTorch, a 0-d tensor is treated as one of size 1: there is nothing to choose
        _checked(name, index, 1, dim, input)
        return dim, ()
    index = _checked(name, index, shape[dim], dim, input)
    sizes = tuple(index.array.shape)
    if len(sizes) != len(shape):
        raise IndexError(f"{name}: the index has shape {sizes} and the input {shape}; expected as many dimensions")
    for axis, (n, limit) in enumerate(zip(sizes, shape, strict=True)):
        if axis != dim and n > limit:
            raise IndexError(
                f"{name}: the index has shape {sizes}, larger at dim {axis} than the input's {shape}; only "
                f"at dim {dim} may it be"
            )
    xp = backend.at(index.array).xp
    ranges = [
        xp.reshape(xp.arange(n, dtype=xp.int64), (-1,) + (1,) * (len(shape) - axis - 1)) for axis, n in enumerate(sizes)
    ]
    return dim, tuple([index if axis == dim else leaf(r) for axis, r in enumerate(ranges)])


def _source(name: str, source: Tensor, grid: tuple[Tensor, ...], dim: int) -> Tensor:
    """The part of ``source`` that an index of the grid's shape reads."""
    shape = shape_of(name, source)
    if not grid:
        return source
    sizes = tuple(grid[dim].array.shape)
    if len(sizes) != len(shape) or any(n > limit for n, limit in zip(sizes, shape, strict=True)):
        raise IndexError(
            f"{name}: the index has shape {sizes} and the source {shape}; expected a source at least as "
            "large everywhere"
        )
    return source if sizes == shape else take_part(source, index=(*(slice(0, n) for n in sizes), ...))


def _everywhere(grid: tuple[Tensor, ...]) -> tuple:
    """The index with an array for every axis."""
    return (*(ARRAY,) * len(grid), ...)


@dims
def gather(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """``out[i, j, k] = input[i, index[i, j, k], k]``, for ``dim=1`` and three dimensions.

    Parameters
    ----------
    input : Tensor
    dim : int
        The axis that is indexed.
    index : integer Tensor
        With as many dimensions as the input, and no larger than it but at ``dim``. The output has its shape.

    Raises
    ------
    IndexError
        An index outside 0..n-1, or another number of dimensions.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.gather(tp.tensor([[1.0, 2.0], [3.0, 4.0]]), 1, tp.tensor([[1], [0]]))
    tensor([[2.],
            [3.]])
    """
    _, grid = _grid("gather", input, dim, index)
    return take_part(input, *grid, index=_everywhere(grid))


@dims
def scatter(input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None) -> Tensor:
    """``input`` with ``out[i, index[i, j, k], k] = src[i, j, k]``, for ``dim=1`` and three dimensions.

    Parameters
    ----------
    input : Tensor
    dim : int
        The axis that is indexed.
    index : integer Tensor
        With as many dimensions as the input.
    src : Tensor or number
        A Tensor at least as large as the index. Of several values for one element the last one stays, and the
        gradient is that of an index without duplicates.
    value : number
        Another name for a number as ``src``.

    Raises
    ------
    IndexError
        An index outside 0..n-1, or shapes that do not fit.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.scatter(tp.zeros(2, 3), 1, tp.tensor([[2], [0]]), 1.0)
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    if (src is None) == (value is None):
        raise TypeError("scatter: expected either src or value")
    src = value if src is None else src
    dim, grid = _grid("scatter", input, dim, index)
    if isinstance(src, Variable):
        src = _source("scatter", src, grid, dim)
        src = src if src.array.dtype == input.array.dtype else cast(src, dtype=input.array.dtype)
    return index_put(input, src, *grid, index=_everywhere(grid))


@dims
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """``input`` with ``out[i, index[i, j, k], k] += src[i, j, k]``, for ``dim=1`` and three dimensions.

    Duplicates accumulate.

    Raises
    ------
    IndexError
        An index outside 0..n-1, or shapes that do not fit.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.scatter_add(tp.zeros(3), 0, tp.tensor([0, 0, 2]), tp.ones(3))
    tensor([2., 0., 1.])
    """
    shape = shape_of("scatter_add", input)
    dim, grid = _grid("scatter_add", input, dim, index)
    part = _source("scatter_add", src, grid, dim)
    return add(input, getitem_adjoint(part, *grid, index=_everywhere(grid), shape=shape))


@op(keeps={1: (0,)}, kernel="scatter_rows", name="scatter_rows")
def _scatter_rows(k: K, source: Array, index: Array, *, rows: int, skip: int | None) -> Array:
    return k.scatter_rows(source, index, rows, skip)


@_scatter_rows.gradient
def _(k: K, g: Array, saved: Any, rows: int, skip: int | None) -> tuple:
    index = saved.inputs[1]
    taken = k.take(g, index, 0)
    if skip is not None:
        places = k.xp.reshape(index == skip, (*index.shape, *(1,) * (len(taken.shape) - len(index.shape))))
        taken = k.xp.where(places, 0.0, taken)
    return taken, None


@op(keeps="cross", name="index_select")
def _index_select(k: K, x: Array, index: Array, *, dim: int) -> Array:
    return k.take(x, index, dim)


@_index_select.gradient
def _(k: K, g: Array, saved: Any, dim: int) -> tuple:
    # Rows of what lies behind the axis, by their numbers among those of all that lies before it.
    index, shape = saved.inputs[1], saved.shapes[0]
    before, n = math.prod(shape[:dim]), shape[dim]
    rows = k.xp.expand_dims(n * k.xp.arange(before, dtype=k.xp.int64), axis=1) + index
    g = k.xp.reshape(g, (before, index.shape[0], *shape[dim + 1 :]))
    return k.xp.reshape(k.scatter_rows(g, rows, before * n, None), shape), None


@dims
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """``input[:, ..., index]`` with a 1-D integer ``index`` at axis ``dim``.

    Raises
    ------
    IndexError
        An index outside 0..n-1, or an index that is not 1-D.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.index_select(tp.tensor([[1, 2], [3, 4]]), 1, tp.tensor([1, 1]))
    tensor([[2, 2],
            [4, 4]])
    """
    dim = normalize_axis("index_select", dim, len(shape_of("index_select", input)))
    return _index_select(input, _line("index_select", index, input), dim=dim)


def _line(name: str, index: Any, like: Tensor | None) -> Tensor:
    found = index_tensor(name, index, like)
    if len(found.array.shape) != 1:
        raise IndexError(f"{name}: the index has shape {tuple(found.array.shape)}; expected one dimension")
    return found


@dims
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1) -> Tensor:
    """``input`` with ``out[:, ..., index[j]] += alpha * source[:, ..., j]`` at axis ``dim``.

    Duplicates accumulate.

    Raises
    ------
    IndexError
        An index outside 0..n-1, or an index that is not 1-D.
    RuntimeError
        A source of another shape.
    """
    shape = shape_of("index_add", input)
    dim = normalize_axis("index_add", dim, len(shape))
    if not shape:
        raise IndexError("index_add: the input has no dimensions; expected at least one")
    found = _checked("index_add", _line("index_add", index, input), shape[dim], dim, input)
    expected = (*shape[:dim], found.array.shape[0], *shape[dim + 1 :])
    if shape_of("index_add", source) != expected:
        raise RuntimeError(f"index_add: the source has shape {tuple(source.array.shape)}; expected {expected}")
    source = source if alpha == 1 else multiply(source, alpha)
    if dim == 0:
        return add(input, _scatter_rows(source, found, rows=shape[0], skip=None))
    along = (*(slice(None),) * dim, ARRAY, ...)
    return add(input, getitem_adjoint(source, found, index=along, shape=shape))


def take(input: Tensor, index: Tensor) -> Tensor:
    """``out[i, ...] = input.ravel()[index[i, ...]]``; negative indices count from the end."""
    return take_part(ravel(input), index_tensor("take", index, input), index=(ARRAY,))


@dims
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """``gather``, after input and indices were broadcast against each other along the other axes.

    Without ``dim`` both are flattened first.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> x = tp.tensor([[3.0, 1.0, 2.0]])
    >>> tp.take_along_dim(x, tp.tensor([[1, 2, 0]]), 1)
    tensor([[1., 2., 3.]])
    """
    name = "take_along_dim"
    indices = index_tensor(name, indices, input)
    if dim is None:
        return gather(ravel(input), 0, ravel(indices))
    shape, sizes = shape_of(name, input), tuple(indices.array.shape)
    dim = normalize_axis(name, dim, len(shape))
    if len(sizes) != len(shape):
        raise RuntimeError(f"{name}: the indices have shape {sizes} and the input {shape}; expected as many dimensions")
    common = [m if n == 1 else n for n, m in zip(shape, sizes, strict=True)]
    input = broadcast_to(input, (*common[:dim], shape[dim], *common[dim + 1 :]))
    indices = broadcast_to(indices, (*common[:dim], sizes[dim], *common[dim + 1 :]))
    return gather(input, dim, indices)


def one_hot(input: Tensor, num_classes: int = -1) -> Tensor:
    """``out[..., c] = 1`` if ``input[...] == c`` else 0, as int64.

    Parameters
    ----------
    input : integer Tensor (...)
    num_classes : int, default -1
        The size of the new last axis; -1 means the largest element plus one.

    Raises
    ------
    IndexError
        An element outside 0..num_classes-1.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.one_hot(tp.tensor([0, 2]), 3)
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    found = index_tensor("one_hot", input)
    k = backend.at(found.array).kernels
    if num_classes == -1:
        if 0 in found.array.shape:
            raise ValueError("one_hot: an empty input does not tell the number of classes; pass num_classes")
        num_classes = backend.number(k.xp.max(found.array)) + 1
    index = _checked("one_hot", found, num_classes, -1, found).array
    classes = k.xp.arange(num_classes, dtype=k.xp.int64)
    return leaf(k.astype(k.xp.expand_dims(index, axis=-1) == classes, k.xp.int64))


def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """``out[v] = number of i with input[i] == v``, or the sum of their weights. No gradient flows.

    Parameters
    ----------
    input : 1-D Tensor of non-negative integers
    weights : Tensor of the same shape, optional
        The result has its dtype, else int64.
    minlength : int, default 0
        The least size of the result.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.bincount(tp.tensor([0, 2, 2]))
    tensor([1, 0, 2])
    """
    found = _line("bincount", input, None)
    k = backend.at(found.array).kernels
    index, size = found.array, minlength
    if 0 not in index.shape:
        low = backend.number(k.xp.min(index))
        if low < 0:
            raise ValueError(f"bincount: expected integers of at least 0, got {low}")
        size = max(minlength, backend.number(k.xp.max(index)) + 1)
    if weights is None:  # counted in float64, which is exact up to 2^53
        counts = k.index_add(k.xp.ones(index.shape, dtype=k.xp.float64), index, index=(ARRAY,), shape=(size,))
        return leaf(k.astype(counts, k.xp.int64))
    if shape_of("bincount", weights) != tuple(index.shape):
        raise RuntimeError(
            f"bincount: the weights have shape {tuple(weights.array.shape)}; expected {tuple(index.shape)}"
        )
    return leaf(k.index_add(weights.array, index, index=(ARRAY,), shape=(size,)))


@op(keeps={0: (1,)}, name="embedding")
def _embedding(k: K, index: Array, weight: Array, *, padding_idx: int | None) -> Array:
    return k.take(weight, index, 0)


@_embedding.gradient
def _(k: K, g: Array, saved: Any, padding_idx: int | None) -> tuple:
    return None, k.scatter_rows(g, saved.inputs[0], saved.shapes[1][0], padding_idx)


_embedding.expects = "indices from 0 to n-1 for a weight (n, dim)"


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """``out[...] = weight[input[...]]``.

    Parameters
    ----------
    input : integer Tensor (...)
    weight : Tensor (n, dim)
    padding_idx : int, optional
        A row that gets no gradient; negative ones count from the end.
    max_norm, norm_type, scale_grad_by_freq, sparse
        PyTorch's; anything but the defaults is refused.

    Returns
    -------
    Tensor (..., dim)

    Raises
    ------
    IndexError
        An index outside 0..n-1.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> weight = tp.tensor([[0.0, 0.0], [1.0, 2.0]], requires_grad=True)
    >>> tp.nn.functional.embedding(tp.tensor([1, 1]), weight).sum().backward()
    >>> weight.grad
    tensor([[0., 0.],
            [2., 2.]])
    """
    if max_norm is not None or scale_grad_by_freq or sparse:
        raise ValueError("embedding: max_norm, scale_grad_by_freq and sparse are not supported; leave their defaults")
    shape = shape_of("embedding", weight)
    if len(shape) != 2:
        raise RuntimeError(f"embedding: the weight has shape {shape}; expected (number, dim)")
    if padding_idx is not None:
        if not -shape[0] <= padding_idx < shape[0]:
            raise IndexError(f"embedding: padding_idx {padding_idx} is out of range for {shape[0]} rows")
        padding_idx %= shape[0]
    return _embedding(index_tensor("embedding", input, weight), weight, padding_idx=padding_idx)
