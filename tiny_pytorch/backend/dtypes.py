"""Data types that mean the same on every backend: ``tp.float32`` and its kin.

A backend's own dtype objects (``numpy.dtype``, ``torch.dtype``, ...) never leave the backend: ``Tensor.dtype`` is a
``DType``, and ``raw`` turns one into what a namespace wants.
"""

from __future__ import annotations

from typing import Any

import numpy

__all__ = ["DType", "as_dtype", "get_default_dtype", "is_low", "raw", "set_default_dtype"]


class DType:
    """A data type by its standard name.

    Attributes
    ----------
    name : str
        The array API's name, e.g. ``"float32"``.
    kind : str
        ``"bool"``, ``"int"``, ``"uint"``, ``"float"`` or ``"complex"``.
    itemsize : int
        Bytes per element.
    host : numpy.dtype
        What holds its values on the host: NumPy's own, and float32 for bfloat16.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.zeros(2).dtype == tp.float32, tp.float32.is_floating_point, tp.float32.itemsize
    (True, True, 4)
    """

    __slots__ = ("host", "itemsize", "kind", "name")

    def __init__(self, name: str, kind: str, itemsize: int):
        self.name = name
        self.kind = kind
        self.itemsize = itemsize
        self.host = numpy.dtype("float32" if name == "bfloat16" else name)

    @property
    def is_floating_point(self) -> bool:
        """Whether values are real floating-point numbers."""
        return self.kind == "float"

    @property
    def is_complex(self) -> bool:
        """Whether values are complex numbers."""
        return self.kind == "complex"

    @property
    def is_signed(self) -> bool:
        """Whether values can be negative."""
        return self.kind in ("int", "float", "complex")

    @property
    def dtype(self) -> numpy.dtype:
        """NumPy's object for it, so that ``numpy.dtype(tp.float32)`` and ``dtype=tp.float32`` in NumPy calls work.

        Raises
        ------
        TypeError
            For bfloat16, which NumPy does not have.
        """
        if self.name == "bfloat16":
            raise TypeError(
                "NumPy has no bfloat16; convert with .float() to float32, which holds every bfloat16 exactly"
            )
        return numpy.dtype(self.name)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, DType):
            return self is other
        try:
            return as_dtype(other) is self
        except TypeError:
            return NotImplemented

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"tiny_pytorch.{self.name}"

    def __str__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple:
        return as_dtype, (self.name,)


DTYPES: dict[str, DType] = {
    name: DType(name, kind, size)
    for kind, sizes in {"int": (1, 2, 4, 8), "uint": (1, 2, 4, 8), "float": (2, 4, 8), "complex": (8, 16)}.items()
    for size in sizes
    for name in [f"{kind}{8 * size}"]
}
DTYPES["bool"] = DType("bool", "bool", 1)
DTYPES["bfloat16"] = DType("bfloat16", "float", 2)


def is_low(dtype: Any) -> bool:
    """Whether any library's dtype is float16 or bfloat16."""
    found = as_dtype(dtype)
    return found.itemsize == 2 and found.kind == "float"


_ELSEWHERE = {"bfloat16": "torch and jax", "float16": "numpy, cupy, torch and jax"}

_known: dict[tuple[type, Any], DType] = {}  # raw dtype objects met so far, and their types
_default = DTYPES["float32"]


def as_dtype(value: Any) -> DType:
    """The ``DType`` that a name, a Python type or any library's dtype object means.

    Raises
    ------
    TypeError
        If it means none.
    """
    if type(value) is DType:
        return value
    key = (type(value), value)  # the type too: dtypes of two libraries may share a hash and refuse to be compared
    try:
        found = _known.get(key)
    except TypeError:
        found = None
    if found is None:
        found = _known[key] = _lookup(value)
    return _default if found is _PYTHON_FLOAT else found


_PYTHON_FLOAT = DType("float", "float", 0)  # `float` means the default dtype of the moment


def _lookup(value: Any) -> DType:
    if value is float:
        return _PYTHON_FLOAT
    if value is int:
        return DTYPES["int64"]
    if value is bool:
        return DTYPES["bool"]
    if value is complex:
        return DTYPES["complex64"]
    name = str(getattr(value, "__name__", None) or getattr(value, "name", None) or value).rpartition(".")[2]
    name = {"bool_": "bool", "half": "float16", "float": "float32", "double": "float64", "long": "int64"}.get(
        name, name
    )
    if isinstance(value, numpy.dtype) and not value.isnative:
        raise TypeError(f"dtype {value!r} is byte-swapped; convert the array with .astype({value.name!r}) first")
    if name in DTYPES:
        return DTYPES[name]
    raise TypeError(f"unknown dtype {value!r}; expected one of {', '.join(sorted(DTYPES))}")


def raw(xp: Any, dtype: Any) -> Any:
    """The namespace's own object for a dtype."""
    if type(dtype) is not DType:
        return dtype
    try:
        return getattr(xp, dtype.name)
    except AttributeError:
        name = str(getattr(xp, "__name__", xp)).rpartition(".")[2]
        message = f"{dtype.name} was asked for, and the backend {name} has no such dtype"
        if dtype.name in _ELSEWHERE:
            nearest = next(other for other in ("float16", "float32") if other != dtype.name and hasattr(xp, other))
            message += f". {_ELSEWHERE[dtype.name]} have it, see TINY_PYTORCH_BACKEND; here, use tp.{nearest}"
        raise TypeError(message) from None


def set_default_dtype(dtype: Any) -> None:
    """Set the floating dtype that new tensors get when none is given (float32 at start).

    Raises
    ------
    TypeError
        If it is not a real floating dtype.
    """
    global _default
    dtype = as_dtype(dtype)
    if not dtype.is_floating_point:
        raise TypeError(f"set_default_dtype: expected a floating dtype such as tp.float32, got {dtype.name}")
    _default = dtype


def get_default_dtype() -> DType:
    """The floating dtype that new tensors get when none is given."""
    return _default
