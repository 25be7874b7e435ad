"""``x[index]`` and ``x[index] = value``, by NumPy's rules, and the parts of a tensor that have names."""

from __future__ import annotations

from typing import Any

import numpy

from .. import backend
from ..autograd import Variable, assign, cast, explain, inplace, is_grad_enabled, leaf, op, to_device
from ..backend.devices import DeviceError
from ..backend.reference.gather import ARRAY
from .copying import clone
from .naming import dims, normalize_axis
from .operands import index_tensor, integers_or_masks, is_bool, shape_of

__all__ = [
    "getitem",
    "getitem_adjoint",
    "index_put",
    "narrow",
    "parse_index",
    "select",
    "setitem",
    "take_part",
]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any  # the class stands above the ops

# The integer arrays of an index are inputs of these ops, so that it is noticed if one is overwritten before
# the rule reads it; `index` is the rest of it, with ARRAY in their places.


@op(name="getitem", view=True, keeps="cross", kernel="index")
def take_part(k: K, x: Array, *arrays: Array, index: tuple) -> Array:
    """``x[index]``: a view if there are no arrays in the index."""
    return k.index(x, *arrays, index=index)


@take_part.gradient
def _(k: K, g: Array, saved: Any, index: tuple) -> tuple:
    arrays = saved.inputs[1:]
    return k.index_add(g, *arrays, index=index, shape=saved.shapes[0]), *(None for _ in arrays)


@op(keeps="cross", kernel="index_add")
def getitem_adjoint(k: K, g: Array, *arrays: Array, index: tuple, shape: tuple) -> Array:
    """Zeros of ``shape`` with ``g`` added at the index; duplicates accumulate."""
    return k.index_add(g, *arrays, index=index, shape=shape)


@getitem_adjoint.gradient
def _(k: K, g: Array, saved: Any, index: tuple, shape: tuple) -> tuple:
    arrays = saved.inputs[1:]
    return k.index(g, *arrays, index=index), *(None for _ in arrays)


@op(name="setitem", keeps=dict.fromkeys(range(2, 66), (0, 1)), kernel="index_put")  # 64 dimensions are NumPy's limit
def index_put(k: K, x: Array, value: Array, *arrays: Array, index: tuple) -> Array:
    """A copy of ``x`` in which ``x[index] = value`` was done."""
    return k.index_put(x, value, *arrays, index=index)


@index_put.gradient
def _(k: K, g: Array, saved: Any, index: tuple) -> tuple:
    arrays, needs = saved.inputs[2:], saved.needs
    g_x = k.index_put(g, 0.0, *arrays, index=index) if needs[0] else None
    g_value = None
    if needs[1]:
        g_value = k.index(g, *arrays, index=index)
        extra = len(saved.shapes[1]) - len(g_value.shape)  # leading axes of size 1 that the assignment dropped
        if extra > 0:
            g_value = k.xp.reshape(g_value, (1,) * extra + tuple(g_value.shape))
    return g_x, g_value, *(None for _ in arrays)


def getitem(x: Tensor, index: Any) -> Tensor:
    """``x[index]``: a view for integers, slices, ``None`` and ``...``; a copy with an array or mask.

    Parameters
    ----------
    x : Tensor
    index : int, slice, None, Ellipsis, integer or boolean Tensor, array or list, or a tuple of these
        Combined as in NumPy. Slices may run backwards. A mask stands for the positions where it is set.

    Raises
    ------
    IndexError
        An index out of range, too many of them, a mask of another shape, or something that is no index.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> x = tp.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> x[:, 0], x[x > 2], x[[0, 0]].shape
    (tensor([1., 3.]), tensor([3., 4.]), (2, 2))
    """
    kind = type(index)
    if kind is int or kind is slice:
        return take_part(x, index=(index, ...))
    if kind is tuple and _is_basic(index):
        return take_part(x, index=index if ... in index else (*index, ...))
    mask = _scalar_mask(index)
    if mask is not None:  # one new axis, of size 1 if it is set and else 0
        return clone(take_part(take_part(x, index=(None, ...)), index=(slice(0, int(mask)), ...)))
    basic, arrays = parse_index("getitem", x, index)
    return take_part(x, *arrays, index=basic)


def setitem(x: Tensor, index: Any, value: Any) -> None:
    """``x[index] = value``, in the memory that every alias sees.

    The value (Tensor, array, list or number) is converted to ``x``'s dtype and broadcast. Recorded if
    gradients flow to or from it; of several values for one element the last one stays, and the gradient is
    that of an index without duplicates.

    Raises
    ------
    IndexError
        As ``getitem``.
    RuntimeError
        The value does not broadcast, or ``x`` is a leaf that requires a gradient. ``x`` is then unchanged.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> x = tp.zeros(3)
    >>> x[1:] = tp.tensor([5.0, 6.0])
    >>> x
    tensor([0., 5., 6.])
    """
    kind = type(index)
    arrays: tuple = ()
    if kind is int or kind is slice:
        basic, arrays = (index, ...), ()
    elif kind is tuple and _is_basic(index):
        basic, arrays = index if ... in index else (*index, ...), ()
    else:
        mask = _scalar_mask(index)
        if mask is False:
            return
        basic, arrays = parse_index("setitem", x, ... if mask else index)
    value = _assigned(x, value)
    if is_grad_enabled() and (
        x.requires_grad
        or (isinstance(value, Variable) and value.requires_grad)
        or (x._view is not None and x._view.base.requires_grad)
    ):
        if isinstance(value, Variable) and value.array.dtype != x.array.dtype:
            value = cast(value, dtype=x.array.dtype)
        inplace(index_put, x, value, *arrays, index=basic)
        return
    if isinstance(value, Variable) and backend.several():
        value = _beside(x, value)
    raw = value.array if isinstance(value, Variable) else value
    raw_arrays = [a.array for a in arrays]
    try:
        written = backend.at(x.array).kernels.index_write(x.array, raw, *raw_arrays, index=basic)
    except Exception as error:
        raise explain(index_put, (x.array, raw, *raw_arrays), {"index": basic}, error) from error
    assign(x, written)


def _is_basic(index: tuple) -> bool:
    """Whether a tuple holds nothing but Python integers, slices, None and ``...``."""
    for entry in index:
        kind = type(entry)
        if kind is not int and kind is not slice and entry is not None and entry is not Ellipsis:
            return False
    return True


def _assigned(x: Tensor, value: Any) -> Any:
    """What may stand on the right of ``x[index] =``: a Tensor or a Python number."""
    if isinstance(value, (Variable, bool, int, float)):
        return value
    if isinstance(value, numpy.generic):
        return value.item()
    here = backend.at(x.array)
    if here.owns(value):
        return leaf(value)
    if isinstance(value, (list, tuple)):
        return leaf(here.from_numpy(numpy.asarray(value)))
    if backend.owner(value) is not None:
        raise TypeError(backend.foreign(value, "setitem: the value is"))
    raise TypeError(
        f"setitem: cannot assign a {type(value).__name__}; expected a Tensor, an array of the backend "
        f"{here.name}, a list or a number"
    )


def _beside(x: Tensor, value: Tensor) -> Tensor:
    """``value`` on the device of ``x``, if it is there or a number; else the error that it is not."""
    there, source = backend.at(x.array).device, backend.at(value.array).device
    if source == there:
        return value
    if value.array.shape or source != "cpu":
        raise DeviceError(
            f"setitem: the tensor is on {there!r} and the value on {source!r}, and nothing is moved silently; move the "
            f"value with .to({there!r})"
        )
    return to_device(value, device=there, source=source)


def _scalar_mask(index: Any) -> bool | None:
    """The truth of an index that is one boolean scalar, as in ``x[x > 0]`` for a 0-d x; else None."""
    if isinstance(index, (bool, numpy.bool_)):
        return bool(index)
    array = index.array if isinstance(index, Variable) else index
    if getattr(array, "shape", None) == () and hasattr(array, "dtype") and is_bool(array):
        return bool(backend.number(array)) if backend.owner(array) else bool(array)
    return None


def parse_index(name: str, x: Tensor, index: Any) -> tuple[tuple, tuple[Tensor, ...]]:
    """An index as a tuple with ARRAY in the place of each integer array, and the arrays as int64 Tensors."""
    shape = shape_of(name, x)
    entries = [_entry(name, e, x) for e in (index if isinstance(index, tuple) else (index,))]
    if sum(e is Ellipsis for e in entries) > 1:
        raise IndexError(f"{name}: an index can contain only one '...'")
    if not any(e is Ellipsis for e in entries):
        entries.append(Ellipsis)  # it also makes NumPy give a 0-d view instead of a number
    used = sum(_axes(e) for e in entries)
    if used > len(shape):
        raise IndexError(f"{name}: too many indices: {used} for a tensor of {len(shape)} dimensions, shape {shape}")
    basic: list[Any] = []
    arrays: list[Any] = []
    axis = 0
    for entry in entries:
        if isinstance(entry, Variable):
            found = _positions(name, entry.array, shape, axis) if is_bool(entry.array) else [entry]
            arrays += found
            basic += [ARRAY] * len(found)
        else:
            basic.append(entry)
        axis += len(shape) - used if entry is Ellipsis else _axes(entry)
    return tuple(basic), tuple(arrays)


def _entry(name: str, entry: Any, x: Tensor) -> Any:
    """One entry: int, slice, None, Ellipsis, or a Tensor of integers or booleans that has dimensions.

    As in PyTorch an index on the host may be of a tensor on a device.
    """
    if entry is None or entry is Ellipsis or isinstance(entry, slice):
        return entry
    here = backend.at(x.array)
    if isinstance(entry, (list, range)):
        entry = leaf(here.from_numpy(integers_or_masks(entry)))
    elif isinstance(entry, Variable):
        source = backend.at(entry.array).device
        if source == "cpu" and source != here.device and entry.array.shape:
            entry = to_device(entry, device=here.device, source=source)
    array = entry.array if isinstance(entry, Variable) else entry if here.owns(entry) else None
    if array is None:
        if isinstance(entry, (bool, numpy.bool_)) or not hasattr(entry, "__index__"):
            raise IndexError(
                f"{name}: {entry!r} is no index; expected integers, slices, None, '...', integer or boolean "
                "tensors, arrays or lists"
            )
        return entry.__index__()
    if is_bool(array):
        if not array.shape:
            raise IndexError(f"{name}: a boolean scalar among other indices; expected a mask with dimensions")
        return entry if isinstance(entry, Variable) else leaf(array)
    try:
        found = index_tensor(name, entry, x)
    except TypeError as error:
        raise IndexError(str(error)) from None
    return found if array.shape else backend.number(array)


def _axes(entry: Any) -> int:
    """How many axes an entry is for."""
    if entry is None or entry is Ellipsis:
        return 0
    return len(entry.array.shape) if isinstance(entry, Variable) and is_bool(entry.array) else 1


def _positions(name: str, mask: Array, shape: tuple[int, ...], axis: int) -> list[Tensor]:
    """A mask as the integer arrays that NumPy understands it as."""
    size = tuple(mask.shape)
    if size != shape[axis : axis + len(size)]:
        raise IndexError(
            f"{name}: a mask of shape {size} does not fit a tensor of shape {shape} at axis {axis}; "
            f"expected a mask of shape {shape[axis : axis + len(size)]}"
        )
    return [leaf(p) for p in backend.at(mask).xp.nonzero(backend.waits(mask))]


@dims
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """``input[:, ..., index]`` with the index at axis ``dim``, which disappears: a view."""
    dim = normalize_axis("select", dim, len(shape_of("select", input)))
    return take_part(input, index=(*(slice(None),) * dim, index, ...))


@dims
def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """``input[:, ..., start : start + length]`` at axis ``dim``: a view.

    Raises
    ------
    IndexError
        If that reaches beyond the axis.
    """
    shape = shape_of("narrow", input)
    dim = normalize_axis("narrow", dim, len(shape))
    size = shape[dim] if shape else 0
    first = start + size if start < 0 else start
    if not 0 <= first <= first + length <= size:
        raise IndexError(f"narrow: {start} to {start + length} is not a part of dim {dim}, which has size {size}")
    return take_part(input, index=(*(slice(None),) * dim, slice(first, first + length), ...))
