"""``Tensor``: an array, its gradient, its operators. The mathematics is in ``ops``; here are only names for it."""

from __future__ import annotations

import builtins
import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy
from numpy import ndarray

from . import autograd, backend, ops
from .autograd import RemovableHandle, Variable
from .backend.devices import Device
from .backend.dtypes import DType, as_dtype
from .conversions import Conversions
from .filling import Filling
from .methods import OpMethods
from .printing import format_tensor

__all__ = ["Tensor", "is_complex", "is_floating_point", "is_tensor", "numel"]


class Tensor(Conversions, Filling, OpMethods):
    """An n-dimensional array that remembers how it was computed.

    Parameters
    ----------
    data : Tensor, array, number or nested sequence
        A Tensor's or a backend array's memory is shared; anything else is converted by ``tp.tensor``.
    requires_grad : bool
        Whether gradients are wanted. Default False.
    *sizes : int
        ``Tensor(2, 3)`` is PyTorch's old name for ``tp.empty(2, 3)``: two integers or more are sizes.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> x = tp.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    >>> y = (x * x).sum()
    >>> y.backward()
    >>> x.grad
    tensor([[2., 4.],
            [6., 8.]])
    """

    __array_ufunc__ = None  # numpy_array * tensor asks Tensor
    __array_priority__ = 1000

    def __init__(self, data: Any = (), requires_grad: builtins.bool = False, *sizes: builtins.int):
        if not isinstance(requires_grad, builtins.bool):
            data, requires_grad = ops.empty(data, requires_grad, *sizes).array, False
        if isinstance(data, Variable):
            self._set_shared(data)
        else:
            self._set_leaf(data if backend.current().owns(data) else ops.tensor(data).array)
        if requires_grad:
            self.requires_grad = True

    # What it is

    @property
    def shape(self) -> tuple[builtins.int, ...]:
        """The sizes of the dimensions."""
        return tuple(self.array.shape)

    @property
    def dtype(self) -> DType:
        """The data type, e.g. ``tp.float32``."""
        return as_dtype(self.array.dtype)

    @property
    def device(self) -> Device:
        """Where the memory is."""
        return Device(backend.current().device_of(self.array))

    @property
    def is_cuda(self) -> builtins.bool:
        """Whether the memory is a CUDA device's."""
        return self.device.type == "cuda"

    @property
    def ndim(self) -> builtins.int:
        """The number of dimensions."""
        return len(self.array.shape)

    @property
    def T(self) -> Tensor:
        """The dimensions in reverse order."""
        return ops.permute(self, tuple(reversed(range(self.ndim))))

    @property
    def mT(self) -> Tensor:
        """The last two dimensions exchanged."""
        return ops.mT(self)

    def dim(self) -> builtins.int:
        """The number of dimensions."""
        return len(self.array.shape)

    ndimension = dim

    def size(self, dim: builtins.int | None = None) -> Any:
        """The shape, or one size of it."""
        shape = self.shape
        return shape if dim is None else shape[ops.normalize_axis("size", dim, len(shape))]

    def numel(self) -> builtins.int:
        """The number of elements."""
        return math.prod(self.array.shape)

    nelement = numel

    def element_size(self) -> builtins.int:
        """Bytes per element."""
        return self.dtype.itemsize

    @property
    def itemsize(self) -> builtins.int:
        """Bytes per element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> builtins.int:
        """Bytes of all elements."""
        return self.numel() * self.dtype.itemsize

    def is_floating_point(self) -> builtins.bool:
        """Whether the dtype is a real floating one."""
        return self.dtype.is_floating_point

    def __len__(self) -> builtins.int:
        if not self.array.shape:
            raise TypeError("len() of a 0-d tensor")
        return self.array.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if not self.array.shape:
            raise TypeError("iteration over a 0-d tensor")
        return iter(ops.unbind(self, 0))

    def __repr__(self) -> str:
        return format_tensor(self)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec and not self.shape else object.__format__(self, spec)

    # To Python and NumPy

    def numpy(self, *, force: builtins.bool = False) -> ndarray:
        """The content as a NumPy array: a view where it is in host memory that NumPy can share, else a copy.

        ``force=True`` cuts off a gradient that is required, as ``.detach().numpy()`` does.

        The only way from a device to NumPy, beside ``item`` and ``tolist``: nothing is copied unless this is called.

        Raises
        ------
        RuntimeError
            If the tensor requires a gradient, which NumPy would cut off: ``.detach().numpy()``.
        TypeError
            If it is bfloat16, which NumPy does not have: ``.float().numpy()``.
        """
        if self.requires_grad and not force:
            raise RuntimeError(
                "numpy: the tensor requires a gradient, which NumPy would silently cut off; use .detach().numpy()"
            )
        if self.dtype.name == "bfloat16":
            raise TypeError("numpy: NumPy has no bfloat16; use .float().numpy(), which is exact")
        return backend.at(self.array).to_numpy(self.array)

    def __array__(self, dtype: Any = None, copy: builtins.bool | None = None) -> ndarray:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise ValueError(f"a conversion from {array.dtype} to {dtype} needs a copy, and copy=False forbids it")
            return array.astype(dtype)
        return array.copy() if copy else array

    def item(self) -> Any:
        """The only element as a Python number.

        Raises
        ------
        RuntimeError
            If there is not exactly one.
        """
        if self.numel() != 1:
            raise RuntimeError(
                f"item: the tensor has shape {self.shape}; only a tensor of one element is a number. "
                "Use .tolist(), or reduce it first"
            )
        return backend.number(self.array)

    def tolist(self) -> Any:
        """The content as nested lists of Python numbers."""
        return backend.at(self.array).to_numpy(self.array).tolist()

    def __bool__(self) -> builtins.bool:
        if self.numel() != 1:
            raise RuntimeError(f"the truth value of a tensor of shape {self.shape} is ambiguous; use .any() or .all()")
        return bool(self.item())

    def __float__(self) -> builtins.float:
        return float(self.item())

    def __int__(self) -> builtins.int:
        return int(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __index__(self) -> builtins.int:
        value = self.item()
        if not isinstance(value, int):
            raise TypeError(f"only integer tensors can be an index, this one is {self.dtype.name}")
        return int(value)

    def __contains__(self, value: Any) -> builtins.bool:
        return bool(ops.eq(self, value).any())

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        """The array-API namespace that computes on Tensors."""
        from . import array_api

        if api_version not in (None, "2021.12", "2022.12", "2023.12", "2024.12"):
            raise ValueError(f"array API version {api_version!r} is not offered; up to 2024.12 is")
        return array_api

    def __dlpack__(self, **kwargs: Any) -> Any:
        if self.requires_grad:
            raise BufferError("a tensor that requires a gradient cannot be exported; use .detach()")
        return self.array.__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[builtins.int, builtins.int]:
        return self.array.__dlpack_device__()

    # Gradients

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: builtins.bool | None = None,
        create_graph: builtins.bool = False,
        inputs: Any = None,
    ) -> None:
        """Accumulate ``d(self) / d(leaf)`` into every leaf's ``.grad``; see ``tp.autograd.backward``."""
        usual = gradient is None and inputs is None and not create_graph
        if not (usual and autograd.run_scalar(self, builtins.bool(retain_graph))):
            autograd.backward(self, gradient, retain_graph, create_graph, inputs)

    def detach(self) -> Tensor:
        """The same memory, cut from the graph."""
        return autograd.shared(self)

    def detach_(self) -> Tensor:
        """Cut this tensor from the graph."""
        if self._view is not None and self.requires_grad:
            raise RuntimeError("detach_: a view cannot be cut from its base in place; use .detach()")
        self._rebase(None)
        return self

    @property
    def data(self) -> Tensor:
        """The same memory, cut from the graph. Assigning gives the tensor the other's memory."""
        return autograd.shared(self)

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Variable):
            raise TypeError(f"data: expected a Tensor, got {type(value).__name__}")
        self._set_data(value)

    def requires_grad_(self, requires_grad: builtins.bool = True) -> Tensor:
        """Set ``requires_grad``; returns the tensor."""
        self.requires_grad = requires_grad
        return self

    def retain_grad(self) -> None:
        """Keep ``.grad`` of this tensor too, though it is not a leaf."""
        if not self.requires_grad:
            raise RuntimeError("retain_grad: the tensor does not require a gradient")
        if not self.is_leaf:
            self._retain()

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call ``hook(gradient)`` when this tensor's gradient is complete; what it returns replaces the gradient.

        Examples
        --------
        >>> import tiny_pytorch as tp
        >>> x = tp.tensor(1.0, requires_grad=True)
        >>> handle = x.register_hook(lambda g: g * 10)
        >>> (x * 2).backward()
        >>> x.grad.item()
        20.0
        """
        if not self.requires_grad:
            raise RuntimeError("register_hook: the tensor does not require a gradient")
        return RemovableHandle(self._add_hook(hook))

    def is_contiguous(self) -> builtins.bool:
        """Whether the elements lie in row-major order without gaps, where views share memory by NumPy's rules."""
        layout = autograd.layout(self)
        if layout is not None:
            return layout.flags.c_contiguous
        return bool(backend.at(self.array).kernels.is_contiguous(self.array))

    def stride(self, dim: builtins.int | None = None) -> Any:
        """How many elements lie between neighbours of each axis, or of one: as NumPy has it, where memory has strides.

        Without, the strides of row-major order.
        """
        layout = autograd.layout(self)
        strides = getattr(self.array if layout is None else layout, "strides", None)
        if strides is None:
            found, step = [], 1
            for n in reversed(self.shape):
                found.append(step)
                step *= max(n, 1)
            steps = tuple(reversed(found))
        else:
            steps = tuple([n // self.dtype.itemsize for n in strides])
        return steps if dim is None else steps[ops.normalize_axis("stride", dim, len(steps))]

    def is_complex(self) -> builtins.bool:
        """Whether the dtype is a complex one."""
        return self.dtype.is_complex

    # Copies

    def __reduce_ex__(self, protocol: Any) -> Any:
        if not self.is_leaf:
            raise RuntimeError("only leaf tensors can be pickled; use .detach()")
        array = numpy.ascontiguousarray(backend.at(self.array).to_numpy(self.array))
        state = self.__dict__ or None
        return _rebuild, (type(self), array.reshape(self.shape), self.requires_grad, state, self.dtype.name)

    def __deepcopy__(self, memo: dict) -> Tensor:
        if not self.is_leaf:
            raise RuntimeError("only leaf tensors can be deep-copied; use .detach() or .clone()")
        copied = type(self).__new__(type(self))
        copied._set_leaf(backend.at(self.array).kernels.copy(self.array))
        copied.requires_grad = self.requires_grad
        memo[id(self)] = copied
        if self.grad is not None:
            copied.grad = ops.clone(self.grad.detach())
        copied.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return copied

    def __copy__(self) -> Tensor:
        copied = type(self).__new__(type(self))
        copied._set_shared(self)
        copied.requires_grad = self.requires_grad
        copied.__dict__.update(self.__dict__)
        return copied


def numel(input: Tensor) -> builtins.int:
    """The number of elements."""
    return input.numel()


def is_floating_point(input: Tensor) -> builtins.bool:
    """Whether the dtype is a real floating one."""
    return input.is_floating_point()


def is_complex(input: Tensor) -> builtins.bool:
    """Whether the dtype is a complex one."""
    return input.is_complex()


def is_tensor(value: object) -> builtins.bool:
    """Whether ``value`` is a Tensor."""
    return isinstance(value, Tensor)


def _rebuild(
    cls: type[Tensor],
    array: numpy.ndarray,
    requires_grad: bool,
    attributes: dict | None = None,
    dtype: str | None = None,
) -> Tensor:
    tensor = cls.__new__(cls)
    tensor._set_leaf(backend.current().from_host(array, as_dtype(array.dtype if dtype is None else dtype)))
    tensor.requires_grad = requires_grad
    if attributes:
        tensor.__dict__.update(attributes)
    return tensor


def _tensor_kernels() -> object:
    from .array_api.table import tensor_kernels

    return tensor_kernels()


autograd.configure_tensors(Tensor, _tensor_kernels)
