"""What this namespace can do, in the standard's own words."""

from __future__ import annotations

from typing import Any

from .. import backend
from ..backend.devices import Device
from ..backend.dtypes import DTYPES, DType, get_default_dtype
from .dtypes import isdtype

__all__ = ["__array_namespace_info__"]

_NAMES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64",
    "complex64", "complex128",
)  # fmt: skip


class __array_namespace_info__:
    """Capabilities, devices and dtypes of the namespace on the current backend."""

    def capabilities(self) -> dict[str, Any]:
        """Boolean indexing and shapes that depend on data work; dimensions are limited as NumPy's are."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> Device:
        """The device of new arrays."""
        return backend.get_device()

    def devices(self) -> list[Device]:
        """The devices that there are."""
        return [Device(name) for name in backend.current().devices]

    def default_dtypes(self, *, device: Any = None) -> dict[str, DType]:
        """The dtypes of new arrays where none is given: real floating, complex floating, integral, indexing."""
        real = get_default_dtype()
        double = real is DTYPES["float64"]
        return {
            "real floating": real,
            "complex floating": DTYPES["complex128" if double else "complex64"],
            "integral": DTYPES["int64"],
            "indexing": DTYPES["int64"],
        }

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, DType]:
        """The dtypes of a kind (see isdtype), or all, by name."""
        return {name: DTYPES[name] for name in _NAMES if kind is None or isdtype(DTYPES[name], kind)}
