"""``Tensor.to`` and its short forms: another dtype, another device, page-locked memory."""

from __future__ import annotations

import builtins
from typing import Any, NamedTuple

from . import autograd, backend, ops
from .autograd import Variable
from .backend.devices import Device
from .backend.dtypes import DType, as_dtype

__all__ = ["Conversions", "Wanted", "wanted"]

Tensor = Any  # what stands above


class Wanted(NamedTuple):
    """What the arguments of a ``to`` ask for; None where nothing is to change."""

    device: Any
    dtype: DType | None
    non_blocking: builtins.bool
    copy: builtins.bool


def wanted(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Wanted:
    """The arguments of ``to``: ``dtype``, ``device``, ``device, dtype`` or ``other``; then ``non_blocking, copy``."""
    device, dtype = kwargs.get("device"), kwargs.get("dtype")
    flags = []
    for arg in args:
        if isinstance(arg, Variable):
            dtype, device = arg.array.dtype, backend.at(arg.array).device
        elif isinstance(arg, builtins.bool):
            flags.append(arg)
        elif isinstance(arg, (Device, builtins.int)) or (isinstance(arg, str) and not _names_dtype(arg)):
            device = arg
        elif arg is not None:
            dtype = arg
    named = dict(zip(("non_blocking", "copy"), flags, strict=False)) | kwargs
    unknown = named.keys() - {"device", "dtype", "non_blocking", "copy", "memory_format"}
    if unknown:
        raise TypeError(f"to: unexpected arguments {sorted(unknown)}; expected device, dtype, non_blocking and copy")
    found = None if dtype is None else as_dtype(dtype)
    return Wanted(device, found, builtins.bool(named.get("non_blocking")), builtins.bool(named.get("copy")))


def _names_dtype(name: str) -> builtins.bool:
    try:
        as_dtype(name)
    except TypeError:
        return False
    return True


class Conversions:
    """The methods of Tensor that change its dtype or its place. Gradients flow through all of them."""

    __slots__ = ()

    array: Any

    def to(self, *args: Any, **kwargs: Any) -> Tensor:
        """The tensor in another dtype or on another device.

        ``to(dtype)``, ``to(device)``, ``to(device, dtype)`` or ``to(other)``, each with the keywords below.

        Parameters
        ----------
        dtype : optional
        device : str, Device or int, optional
            ``"cpu"``, ``"cuda"``, ``"cuda:1"``, or the number of a CUDA device.
        non_blocking : bool, default False
            Do not wait for a copy from pinned memory to a device: what is asked of the device next comes after it, and
            the tensor must not be written meanwhile. A copy to the host is always waited for.
        copy : bool, default False
            Copy also where nothing changes.

        Returns
        -------
        Tensor
            The tensor itself if nothing changes and ``copy`` is False. Gradients flow through, back to where it is.

        Raises
        ------
        DeviceError
            If the backend does not have the device.

        Examples
        --------
        >>> import tiny_pytorch as tp
        >>> x = tp.ones(2)
        >>> x.to("cpu") is x, x.to("cpu", tp.float64).dtype
        (True, tiny_pytorch.float64)
        """
        device, dtype, non_blocking, copy = wanted(args, kwargs)
        here = as_dtype(self.array.dtype)
        target = here if dtype is None else dtype
        moved = self
        if device is not None:
            place, source = backend.on(device), backend.at(self.array)
            if place.device != source.device:
                if target.itemsize < here.itemsize:  # there is less to copy
                    moved = autograd.cast(self, dtype=target)
                moved = autograd.to_device(moved, device=place.device, source=source.device, non_blocking=non_blocking)
        if as_dtype(moved.array.dtype) is not target:
            return autograd.cast(moved, dtype=target)
        return ops.clone(self) if copy and moved is self else moved

    def type(self, dtype: Any = None) -> Any:
        """The dtype's name, or the tensor converted to ``dtype``, which may be a name like ``tp.FloatTensor`` too."""
        if dtype is None:
            return str(as_dtype(self.array.dtype))
        return self.to(as_dtype(getattr(dtype, "dtype", dtype)))

    def type_as(self, other: Tensor) -> Tensor:
        """The tensor in ``other``'s dtype, on its device."""
        return self.to(other)

    def float(self) -> Tensor:
        """The tensor as float32."""
        return self.to(as_dtype("float32"))

    def double(self) -> Tensor:
        """The tensor as float64."""
        return self.to(as_dtype("float64"))

    def half(self) -> Tensor:
        """The tensor as float16."""
        return self.to(as_dtype("float16"))

    def bfloat16(self) -> Tensor:
        """The tensor as bfloat16, where the backend has it."""
        return self.to(as_dtype("bfloat16"))

    def byte(self) -> Tensor:
        """The tensor as uint8."""
        return self.to(as_dtype("uint8"))

    def char(self) -> Tensor:
        """The tensor as int8."""
        return self.to(as_dtype("int8"))

    def short(self) -> Tensor:
        """The tensor as int16."""
        return self.to(as_dtype("int16"))

    def long(self) -> Tensor:
        """The tensor as int64."""
        return self.to(as_dtype("int64"))

    def int(self) -> Tensor:
        """The tensor as int32."""
        return self.to(as_dtype("int32"))

    def bool(self) -> Tensor:
        """The tensor as bool."""
        return self.to(as_dtype("bool"))

    def cpu(self) -> Tensor:
        """The tensor in host memory."""
        return self.to(device="cpu")

    def cuda(self, device: Any = None, non_blocking: builtins.bool = False) -> Tensor:
        """The tensor on a CUDA device, where the backend has one; ``device`` is its number or name."""
        return self.to(device="cuda" if device is None else device, non_blocking=non_blocking)

    def to_device(self, device: Any, /, *, stream: Any = None) -> Tensor:
        """The array API's name for ``to(device)``."""
        return self.to(device=device)

    def pin_memory(self) -> Tensor:
        """A copy in page-locked host memory, which a device can read while the host goes on.

        The tensor itself if it is pinned, or where the backend has no such memory because it has no use for it.

        Raises
        ------
        RuntimeError
            If the tensor is not in host memory.
        """
        place = backend.at(self.array)
        if Device(place.device).type != "cpu":
            raise RuntimeError(
                f"pin_memory: only host memory can be pinned, and this tensor is on {place.device!r}; take .cpu() first"
            )
        if place.pin is None or place.is_pinned(self.array):
            return self
        return autograd.leaf(place.pin(self.array))

    def is_pinned(self) -> builtins.bool:
        """Whether the memory is page-locked."""
        return backend.at(self.array).is_pinned(self.array)
