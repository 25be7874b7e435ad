"""Arrays that behave like CuPy's, on host memory: no conversion to or from NumPy's unless it is asked for."""

from __future__ import annotations

import functools
import operator
import types
import warnings
from collections.abc import Callable
from typing import Any

import numpy

recording: list[Callable[[], None]] | None = None  # what a graph that is being captured will do
alive: list[Any] = []  # arrays made while recording: their addresses stay in the graph


class CUDARuntimeError(RuntimeError):
    """What the runtime refuses."""


class _Memory:
    """An array's ``data``."""

    def __init__(self, host: numpy.ndarray):
        self.ptr: int = host.__array_interface__["data"][0]


class _Device:
    """An array's ``device``: there is one."""

    id = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Device)

    def __hash__(self) -> int:
        return 0

    def __enter__(self) -> _Device:
        return self

    def __exit__(self, *error: object) -> None:
        pass


def wrap(value: Any) -> Any:
    """NumPy's results as CuPy gives them: arrays, never scalars."""
    if isinstance(value, numpy.ndarray):
        return value.view(numpy.ndarray) if value.dtype == object else ndarray(value)
    if isinstance(value, numpy.generic):
        return ndarray(numpy.asarray(value))
    if isinstance(value, tuple) and type(value) is not tuple:
        return type(value)(*map(wrap, value))
    if isinstance(value, (tuple, list)):
        return type(value)(map(wrap, value))
    return value


def unwrap(value: Any) -> Any:
    """The host's side of arguments. A NumPy array among them is what CuPy refuses."""
    if isinstance(value, ndarray):
        return value._host
    if isinstance(value, numpy.ndarray):
        raise TypeError(f"Unsupported type {type(value)}")
    if isinstance(value, (tuple, list)):
        return type(value)(map(unwrap, value))
    if isinstance(value, slice):
        return slice(*map(unwrap, (value.start, value.stop, value.step)))
    return value


def _hosts(value: Any) -> list[numpy.ndarray]:
    if isinstance(value, ndarray):
        return [value._host]
    return [h for v in value for h in _hosts(v)] if isinstance(value, (tuple, list)) else []


def compute(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """A function of NumPy on the host's side; while a graph is captured, also what each replay does."""
    with numpy.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # CuPy takes the mean of nothing without a word
        result = function(*map(unwrap, args), **{k: unwrap(v) for k, v in kwargs.items()})
    wrapped = wrap(result)
    if recording is not None:
        mine, given = _hosts(wrapped), _hosts([*args, *kwargs.values()])
        if mine and not any(numpy.may_share_memory(m, g) for m in mine for g in given):

            def again() -> None:
                for target, fresh in zip(mine, _hosts(wrap(function(*map(unwrap, args), **kwargs))), strict=True):
                    target[...] = fresh

            recording.append(again)
    return wrapped


def change(function: Callable[..., Any], *args: Any) -> None:
    """Something that writes: done now, or only recorded."""
    host = [unwrap(a) for a in args]
    if recording is None:
        with numpy.errstate(all="ignore"):
            function(*host)
    else:
        recording.append(lambda: function(*host))


def _synchronous(self: ndarray) -> numpy.ndarray:
    if recording is not None:
        raise CUDARuntimeError("cudaErrorStreamCaptureUnsupported: operation not permitted when stream is capturing")
    return self._host


class ndarray:
    """An array of the emulated device."""

    __slots__ = ("__weakref__", "_host")
    __array_priority__ = 100
    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, host: Any, dtype: Any = None):
        self._host = host if isinstance(host, numpy.ndarray) else numpy.empty(host, dtype)
        if recording is not None:
            alive.append(self._host)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    @property
    def data(self) -> _Memory:
        return _Memory(self._host)

    @property
    def device(self) -> _Device:
        return _Device()

    def get(self) -> numpy.ndarray:
        return _synchronous(self).copy()

    def set(self, arr: numpy.ndarray, stream: Any = None) -> None:
        def copy() -> None:
            self._host[...] = arr

        if stream is None:
            copy()
        else:
            stream.queue(copy)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._host, name)
        if callable(value):
            return functools.partial(compute, _method(name), self)
        return compute(operator.attrgetter(name), self) if isinstance(value, numpy.ndarray) else value

    def __getitem__(self, key: Any) -> Any:
        return compute(operator.getitem, self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        change(operator.setitem, self, key, value)

    def __len__(self) -> int:
        return len(self._host)

    def __repr__(self) -> str:
        return repr(self._host)


@functools.cache
def _method(name: str) -> Callable[..., Any]:
    return lambda host, *args, **kwargs: getattr(host, name)(*args, **kwargs)


def _operators(namespace: dict[str, Any]) -> None:
    binary = [
        "add",
        "sub",
        "mul",
        "truediv",
        "floordiv",
        "mod",
        "pow",
        "matmul",
        "and",
        "or",
        "xor",
        "lshift",
        "rshift",
    ]
    for name in [*binary, "eq", "ne", "lt", "le", "gt", "ge"]:
        function = getattr(operator, f"__{name}__")
        namespace[f"__{name}__"] = lambda self, other, f=function: compute(f, self, other)
        if name in binary:
            namespace[f"__r{name}__"] = lambda self, other, f=function: compute(f, other, self)
            inplace = getattr(operator, f"__i{name}__")
            namespace[f"__i{name}__"] = lambda self, other, f=inplace: change(f, self, other) or self
    for name in ["neg", "pos", "abs", "invert"]:
        function = getattr(operator, f"__{name}__")
        namespace[f"__{name}__"] = lambda self, f=function: compute(f, self)
    for kind in (bool, int, float, complex):
        namespace[f"__{kind.__name__}__"] = lambda self, kind=kind: kind(_synchronous(self))
    namespace["__index__"] = lambda self: operator.index(_synchronous(self))
    for name in ("item", "tolist"):
        namespace[name] = lambda self, *args, name=name: getattr(_synchronous(self), name)(*args)


_made: dict[str, Any] = {}
_operators(_made)
for _name, _function in _made.items():
    setattr(ndarray, _name, _function)


def emulated(function: Any) -> Any:
    """A NumPy function as CuPy has it."""
    if isinstance(function, numpy.ufunc):
        call = types.SimpleNamespace(at=lambda *args: change(function.at, *args))

        class Ufunc:
            at = staticmethod(call.at)

            def __call__(self, *args: Any, **kwargs: Any) -> Any:
                return compute(function, *args, **kwargs)

        return functools.update_wrapper(Ufunc(), function, updated=())

    @functools.wraps(function)
    def call_it(*args: Any, **kwargs: Any) -> Any:
        return compute(function, *args, **kwargs)

    return call_it
