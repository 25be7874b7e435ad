"""Another shape for the same elements in the same order: reshape, broadcast, and their kin."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..autograd import ShapeError, op
from .naming import dims, normalize_axes, normalize_axis
from .operands import shape_of, sizes
from .operands import tensors as checked_tensors

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "broadcast_shapes",
    "broadcast_tensors",
    "broadcast_to",
    "contiguous",
    "expand",
    "expand_as",
    "flatten",
    "ravel",
    "reshape",
    "reshape_as",
    "squeeze",
    "unflatten",
    "unsqueeze",
    "view",
    "view_as",
]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any  # the class stands above the ops
Shape = tuple[int, ...]


# --- every element once -------------------------------------------------------------------------------------


def _reshaping(target: Callable[..., Shape]) -> Any:
    """Declare the op that gives its input the shape ``target(old shape, **params)``."""

    @op(name=target.__name__.strip("_"), view=True)
    def forward(k: K, x: Array, **params: Any) -> Array:
        return k.xp.reshape(x, target(tuple(x.shape), **params))

    @forward.gradient
    def _(k: K, g: Array, saved: Any, **params: Any) -> tuple:
        return (k.xp.reshape(g, saved.shapes[0]),)

    return forward


@op(name="reshape", view=True)
def _reshape(k: K, x: Array, *, shape: Shape) -> Array:
    try:
        return k.xp.reshape(x, shape)
    except ValueError:
        raise ShapeError(
            f"reshape: {math.prod(x.shape)} elements of shape {tuple(x.shape)} do not fit into shape {shape}"
        ) from None


@_reshape.gradient
def _(k: K, g: Array, saved: Any, shape: Shape) -> tuple:
    return (k.xp.reshape(g, saved.shapes[0]),)


@_reshaping
def _flatten(old: Shape, start_dim: int, end_dim: int) -> Shape:
    if not old:
        return (1,)
    start, end = normalize_axis("flatten", start_dim, len(old)), normalize_axis("flatten", end_dim, len(old))
    if start > end:
        raise ShapeError(
            f"flatten: start_dim {start_dim} comes after end_dim {end_dim} in a tensor of {len(old)} dimensions"
        )
    return (*old[:start], math.prod(old[start : end + 1]), *old[end + 1 :])


@_reshaping
def _unflatten(old: Shape, dim: int, sizes: Shape) -> Shape:
    dim = normalize_axis("unflatten", dim, len(old))
    if sizes.count(-1) == 1:
        sizes = tuple([old[dim] // (math.prod(m for m in sizes if m != -1) or 1) if n == -1 else n for n in sizes])
    if math.prod(sizes) != old[dim] or any(n < 0 for n in sizes):
        raise ShapeError(f"unflatten: dim {dim} of size {old[dim]} cannot be split into {sizes}")
    return (*old[:dim], *sizes, *old[dim + 1 :])


@_reshaping
def _squeeze(old: Shape, dim: Any) -> Shape:
    chosen = normalize_axes("squeeze", dim, len(old))
    return tuple([n for i, n in enumerate(old) if n != 1 or (chosen is not None and i not in chosen)])


@_reshaping
def _unsqueeze(old: Shape, dim: int) -> Shape:
    dim = normalize_axis("unsqueeze", dim, len(old) + 1)
    return (*old[:dim], 1, *old[dim:])


def reshape(input: Tensor, *sizes_: Any, shape: Any = ()) -> Tensor:
    """The elements of ``input`` in row-major order, in another shape: a view where the memory allows it.

    Parameters
    ----------
    input : Tensor
    *sizes_, shape : ints or one sequence of ints
        One of them may be -1: what is left.

    Raises
    ------
    RuntimeError
        The number of elements differs.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.reshape(tp.arange(6), (2, -1))
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    return _reshape(input, shape=sizes("reshape", sizes_ or (shape,)))


def view(input: Tensor, *shape: Any) -> Tensor:
    """``reshape`` that never copies.

    Raises
    ------
    RuntimeError
        The number of elements differs, or the memory does not have them in that order.
    """
    result = _reshape(input, shape=sizes("view", shape))
    array = input.array
    if result._view is None:
        raise ShapeError(
            f"view: a tensor of shape {tuple(array.shape)} whose memory is not in row-major order cannot "
            f"be viewed as {tuple(result.array.shape)} without a copy; use .reshape(...) or .contiguous()"
        )
    return result


def view_as(input: Tensor, other: Tensor) -> Tensor:
    """``view`` in the shape of ``other``."""
    return view(input, shape_of("view_as", other))


def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """``reshape`` to the shape of ``other``."""
    return _reshape(input, shape=shape_of("reshape_as", other))


def ravel(input: Tensor) -> Tensor:
    """``reshape(input, -1)``."""
    return _reshape(input, shape=(-1,)) if math.prod(shape_of("ravel", input)) else _reshape(input, shape=(0,))


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The axes ``start_dim`` to ``end_dim`` (both included) as one."""
    return _flatten(input, start_dim=start_dim, end_dim=end_dim)


@dims
def unflatten(input: Tensor, dim: int, sizes: Any) -> Tensor:
    """The axis ``dim`` split into axes of ``sizes``, of which one may be -1."""
    return _unflatten(input, dim=dim, sizes=tuple(sizes))


@dims
def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """``input`` without its axes of size 1, or without those among ``dim`` (an int or a tuple)."""
    return _squeeze(input, dim=dim)


@dims
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """``input`` with a new axis of size 1 at ``dim``."""
    return _unsqueeze(input, dim=dim)


def atleast_1d(input: Tensor) -> Tensor:
    """``input`` with at least one dimension."""
    return input if shape_of("atleast_1d", input) else _reshape(input, shape=(1,))


def atleast_2d(input: Tensor) -> Tensor:
    """``input`` with at least two dimensions, the new ones in front."""
    shape = shape_of("atleast_2d", input)
    return input if len(shape) > 1 else _reshape(input, shape=(1, *shape) if shape else (1, 1))


@op(view=True)
def _contiguous(k: K, x: Array) -> Array:
    flat = k.xp.reshape(x, (-1,)) if 0 not in x.shape else x
    return k.xp.reshape(k.copy(flat) if k.shares_memory(flat, x) else flat, x.shape)


@_contiguous.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    return (g,)


def contiguous(input: Tensor, memory_format: Any = None) -> Tensor:
    """``input`` in row-major memory without gaps: itself if it is so already, else a copy.

    ``memory_format`` is PyTorch's and without effect: kernels here take images channel by channel.
    """
    shape_of("contiguous", input)
    return input if input.is_contiguous() else _contiguous(input)


# --- elements more than once --------------------------------------------------------------------------------


@op(view=True, name="expand")
def _expand(k: K, x: Array, *, shape: Shape) -> Array:
    added = len(shape) - len(x.shape)
    wanted = tuple([x.shape[i - added] if n == -1 and i >= added else n for i, n in enumerate(shape)])
    if (
        added < 0
        or min(wanted, default=0) < 0
        or any(m not in (1, n) for m, n in zip(x.shape, wanted[added:], strict=True))
    ):
        raise ShapeError(
            f"expand: shape {tuple(x.shape)} does not broadcast to {shape}; expected sizes of 1 where they differ"
        )
    if wanted[added:] == tuple(x.shape) and all(n == 1 for n in wanted[:added]):
        return k.xp.reshape(x, wanted)  # no element twice, so that it may be written to
    return k.xp.broadcast_to(x, wanted)


@_expand.gradient
def _(k: K, g: Array, saved: Any, shape: Shape) -> tuple:
    return (g,)


def expand(input: Tensor, *sizes_: Any, size: Any = ()) -> Tensor:
    """``input`` broadcast to a shape, in which -1 keeps a size: a view, not to be written to where elements repeat.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.tensor([[1], [2]]).expand(-1, 3)
    tensor([[1, 1, 1],
            [2, 2, 2]])
    """
    return _expand(input, shape=sizes("expand", sizes_ or (size,)))


def broadcast_to(input: Tensor, *sizes_: Any, shape: Any = ()) -> Tensor:
    """``expand``, by NumPy's name."""
    return _expand(input, shape=sizes("broadcast_to", sizes_ or (shape,)))


def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """``expand`` to the shape of ``other``."""
    return _expand(input, shape=shape_of("expand_as", other))


def broadcast_tensors(*inputs: Tensor) -> tuple[Tensor, ...]:
    """All inputs expanded to their common shape."""
    shapes = [shape_of("broadcast_tensors", x) for x in checked_tensors("broadcast_tensors", inputs)]
    common = broadcast_shapes(*shapes)
    return tuple([x if shape == common else _expand(x, shape=common) for x, shape in zip(inputs, shapes, strict=True)])


def broadcast_shapes(*shapes: Shape) -> Shape:
    """The shape to which all of them broadcast.

    Raises
    ------
    RuntimeError
        There is none.
    """
    common = [1] * max((len(shape) for shape in shapes), default=0)
    for shape in shapes:
        for i in range(1, len(shape) + 1):
            if shape[-i] != 1:
                if common[-i] not in (1, shape[-i]):
                    raise ShapeError(
                        f"shapes {', '.join(map(str, shapes))} do not broadcast: sizes {common[-i]} and "
                        f"{shape[-i]} at dim {-i}"
                    )
                common[-i] = shape[-i]
    return tuple(common)
