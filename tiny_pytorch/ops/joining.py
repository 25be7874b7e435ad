"""Tensors put together, taken apart and repeated."""

from __future__ import annotations

import itertools
from typing import Any

from .. import backend
from ..autograd import ShapeError, leaf, op
from .copying import clone
from .gathering import index_select
from .indexing import take_part
from .naming import dims, normalize_axis
from .operands import index_tensor, shape_of, sizes
from .operands import tensors as checked_tensors
from .shape import atleast_1d, atleast_2d, expand, ravel, reshape, unsqueeze

__all__ = [
    "cat",
    "chunk",
    "column_stack",
    "concat",
    "concatenate",
    "dstack",
    "hsplit",
    "hstack",
    "repeat",
    "repeat_interleave",
    "row_stack",
    "split",
    "stack",
    "tensor_split",
    "tile",
    "unbind",
    "vsplit",
    "vstack",
]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any  # the class stands above the ops


def _at(dim: int, entry: Any) -> tuple:
    """The index that takes ``entry`` at axis ``dim``."""
    return (*(slice(None),) * dim, entry, ...)


# --- together -----------------------------------------------------------------------------------------------


@op(promotes="common", name="stack")
def _stack(k: K, *xs: Array, dim: int) -> Array:
    return k.xp.stack(xs, axis=dim)


@_stack.gradient
def _(k: K, g: Array, saved: Any, dim: int) -> tuple:
    return tuple([k.index(g, index=_at(dim, i)) if need else None for i, need in enumerate(saved.needs)])


@dims
def stack(tensors: Any, dim: int = 0) -> Tensor:
    """``out[i] = tensors[i]``, along a new axis ``dim``.

    Parameters
    ----------
    tensors : sequence of Tensors of one shape
        Mixed dtypes are promoted.
    dim : int
        Where the new axis stands.

    Raises
    ------
    RuntimeError
        The shapes differ.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.stack([tp.tensor([1, 2]), tp.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    found = checked_tensors("stack", tensors)
    shape = tuple(found[0].array.shape)
    for x in found:
        if tuple(x.array.shape) != shape:
            got = ", ".join(str(tuple(x.array.shape)) for x in found)
            raise ShapeError(f"stack: expected tensors of one shape, got {got}")
    return _stack(*found, dim=normalize_axis("stack", dim, len(shape) + 1))


@op(promotes="common", name="cat")
def _cat(k: K, *xs: Array, dim: int, lengths: tuple[int, ...]) -> Array:
    return k.xp.concat(xs, axis=dim)


@_cat.gradient
def _(k: K, g: Array, saved: Any, dim: int, lengths: tuple[int, ...]) -> tuple:
    grads, start = [], 0
    for need, n in zip(saved.needs, lengths, strict=True):
        grads.append(k.index(g, index=_at(dim, slice(start, start + n))) if need else None)
        start += n
    return tuple(grads)


@dims
def cat(tensors: Any, dim: int = 0) -> Tensor:
    """The tensors one after the other along an axis that they have.

    Parameters
    ----------
    tensors : sequence of Tensors
        Of one shape but at ``dim``. Mixed dtypes are promoted. As in PyTorch, a tensor of shape (0,) counts
        nothing.
    dim : int
        The axis.

    Raises
    ------
    RuntimeError
        The shapes differ elsewhere than at ``dim``, or a tensor has no dimension.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.cat([tp.tensor([1, 2]), tp.tensor([3])])
    tensor([1, 2, 3])
    """
    found = checked_tensors("cat", tensors)
    shapes = [tuple(x.array.shape) for x in found]
    if (0,) in shapes and any(len(shape) != 1 for shape in shapes):
        found = tuple([x for x, shape in zip(found, shapes, strict=True) if shape != (0,)])
        shapes = [shape for shape in shapes if shape != (0,)]
    if () in shapes:
        raise ShapeError("cat: a tensor without dimensions cannot be concatenated; use stack")
    dim = normalize_axis("cat", dim, len(shapes[0]))
    if len({(*shape[:dim], -1, *shape[dim + 1 :]) for shape in shapes}) != 1:
        raise ShapeError(f"cat: expected shapes that differ at dim {dim} only, got {', '.join(map(str, shapes))}")
    return _cat(*found, dim=dim, lengths=tuple([shape[dim] for shape in shapes]))


concat = concatenate = cat


def hstack(tensors: Any) -> Tensor:
    """``cat`` along axis 1, or along axis 0 for vectors."""
    found = [atleast_1d(x) for x in checked_tensors("hstack", tensors)]
    return cat(found, 0 if len(found[0].array.shape) == 1 else 1)


def vstack(tensors: Any) -> Tensor:
    """``cat`` along axis 0, vectors being rows."""
    return cat([atleast_2d(x) for x in checked_tensors("vstack", tensors)], 0)


row_stack = vstack


def dstack(tensors: Any) -> Tensor:
    """``cat`` along axis 2, vectors being rows and matrices of depth 1."""
    found = [atleast_2d(x) for x in checked_tensors("dstack", tensors)]
    return cat([unsqueeze(x, -1) if len(x.array.shape) == 2 else x for x in found], 2)


def column_stack(tensors: Any) -> Tensor:
    """``cat`` along axis 1, vectors being columns."""
    found = checked_tensors("column_stack", tensors)
    return cat([x if len(x.array.shape) > 1 else reshape(x, -1, 1) for x in found], 1)


# --- apart --------------------------------------------------------------------------------------------------


def _pieces(input: Tensor, dim: int, bounds: list[int]) -> tuple[Tensor, ...]:
    return tuple([take_part(input, index=_at(dim, slice(a, b))) for a, b in itertools.pairwise(bounds)])


def _axis_and_size(name: str, input: Tensor, dim: int) -> tuple[int, int]:
    shape = shape_of(name, input)
    if not shape:
        raise ShapeError(f"{name}: a tensor without dimensions cannot be split")
    dim = normalize_axis(name, dim, len(shape))
    return dim, shape[dim]


@dims
def split(input: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """``input`` cut along ``dim`` into pieces of one size (the last may be smaller) or of given sizes: views.

    Raises
    ------
    RuntimeError
        The sizes do not add up, or one is negative.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> [piece.tolist() for piece in tp.split(tp.arange(5), 2)]
    [[0, 1], [2, 3], [4]]
    """
    dim, n = _axis_and_size("split", input, dim)
    given = split_size_or_sections
    if isinstance(given, int):
        if given < 0 or given == 0 < n:
            raise ShapeError(f"split: cannot cut {n} elements into pieces of {given}; expected a positive size")
        return _pieces(input, dim, [*range(0, n, given), n] if n else [0, 0])
    parts = sizes("split", tuple(given))
    if sum(parts) != n or any(m < 0 for m in parts):
        raise ShapeError(f"split: the sizes {parts} add up to {sum(parts)}; expected {n}, the size of dim {dim}")
    bounds = [0]
    for m in parts:
        bounds.append(bounds[-1] + m)
    return _pieces(input, dim, bounds)


@dims
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """``split`` into at most ``chunks`` pieces of the size ``ceil(n / chunks)``: views."""
    if chunks < 1:
        raise ShapeError(f"chunk: expected at least 1 chunk, got {chunks}")
    dim, n = _axis_and_size("chunk", input, dim)
    if n == 0:
        return _pieces(input, dim, [0] * (chunks + 1))
    return split(input, -(-n // chunks), dim)


@dims
def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """``input`` cut along ``dim`` into a number of nearly equal pieces, or before given indices: views."""
    dim, n = _axis_and_size("tensor_split", input, dim)
    if isinstance(indices_or_sections, int):
        parts = indices_or_sections
        if parts < 1:
            raise ShapeError(f"tensor_split: expected at least 1 section, got {parts}")
        return _pieces(input, dim, [i * (n // parts) + min(i, n % parts) for i in range(parts + 1)])
    return _pieces(input, dim, [0, *sizes("tensor_split", tuple(indices_or_sections)), n])


def hsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """``tensor_split`` along axis 1, or along axis 0 of a vector."""
    return tensor_split(input, indices_or_sections, 0 if len(shape_of("hsplit", input)) == 1 else 1)


def vsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """``tensor_split`` along axis 0."""
    return tensor_split(input, indices_or_sections, 0)


@dims
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """``input[0], input[1], ...`` along ``dim``, which disappears: views."""
    dim, n = _axis_and_size("unbind", input, dim)
    return tuple([take_part(input, index=_at(dim, i)) for i in range(n)])


# --- more than once -----------------------------------------------------------------------------------------


@op(name="tile")
def _tile(k: K, x: Array, *, repeats: tuple[int, ...]) -> Array:
    return k.xp.tile(x, repeats)


@_tile.gradient
def _(k: K, g: Array, saved: Any, repeats: tuple[int, ...]) -> tuple:
    # Every axis of the result is (copies, size): the sum over all copies.
    shape = saved.shapes[0]
    ndim = max(len(shape), len(repeats))
    size = (1,) * (ndim - len(shape)) + tuple(shape)
    copies = (1,) * (ndim - len(repeats)) + repeats
    pairs = k.xp.reshape(g, tuple(n for pair in zip(copies, size, strict=True) for n in pair))
    return (k.xp.reshape(k.xp.sum(pairs, axis=tuple(range(0, 2 * ndim, 2))), shape),)


def tile(input: Tensor, *counts: Any, dims: Any = ()) -> Tensor:
    """``input`` repeated ``dims[i]`` times along axis i; fewer ``dims`` than axes stand for the last ones."""
    return _tile(input, repeats=_counts("tile", counts or (dims,)))


def repeat(input: Tensor, *repeats: Any) -> Tensor:
    """``input`` repeated ``repeats[i]`` times along axis i; more repeats than axes add axes in front.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    counts = _counts("repeat", repeats)
    if len(counts) < len(shape_of("repeat", input)):
        raise ShapeError(
            f"repeat: {len(counts)} repeats for a tensor of shape {tuple(input.array.shape)}; expected at "
            "least one for each dimension (tile takes fewer)"
        )
    return _tile(input, repeats=counts)


def _counts(name: str, given: tuple) -> tuple[int, ...]:
    counts = sizes(name, given)
    if any(n < 0 for n in counts):
        raise ShapeError(f"{name}: expected counts of at least 0, got {counts}")
    return counts


@dims
def repeat_interleave(input: Tensor, repeats: Any, dim: int | None = None, *, output_size: int | None = None) -> Tensor:
    """Each element along ``dim`` repeated in place, ``repeats`` times or each its own number of times.

    Parameters
    ----------
    input : Tensor
    repeats : int, or 1-D integer Tensor of the axis's size
    dim : int, optional
        Without it the input is flattened.
    output_size : int, optional
        Accepted for PyTorch's sake; it is computed anyway.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.repeat_interleave(tp.tensor([1, 2]), 2)
    tensor([1, 1, 2, 2])
    """
    if dim is None:
        input, dim = ravel(input), 0
    dim, n = _axis_and_size("repeat_interleave", input, dim)
    if isinstance(repeats, int):
        _counts("repeat_interleave", (repeats,))
        shape = tuple(input.array.shape)
        copies = expand(unsqueeze(input, dim + 1), (*shape[: dim + 1], repeats, *shape[dim + 1 :]))
        return reshape(clone(copies), (*shape[:dim], n * repeats, *shape[dim + 1 :]))
    counts = index_tensor("repeat_interleave", repeats, input).array
    xp = backend.at(counts).xp
    if tuple(counts.shape) not in ((n,), (1,), ()):
        raise ShapeError(
            f"repeat_interleave: repeats of shape {tuple(counts.shape)} for dim {dim} of size {n}; expected ({n},)"
        )
    if 0 not in counts.shape and backend.number(xp.min(counts)) < 0:
        raise ShapeError("repeat_interleave: expected repeats of at least 0")
    counts = xp.broadcast_to(counts, (n,))
    return index_select(input, dim, leaf(xp.repeat(xp.arange(n, dtype=xp.int64), counts)))
