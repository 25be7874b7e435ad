"""What a user reads when an op fails: which op, what came, what it expects. Costs nothing until something fails."""

from __future__ import annotations

from typing import Any

from .. import backend
from .._ext.engine import Op

__all__ = ["ShapeError", "explain", "not_a_tensor"]


class ShapeError(RuntimeError, ValueError):
    """Shapes that do not fit together. PyTorch raises RuntimeError here and NumPy ValueError: this is both."""


def _describe(value: Any) -> str:
    shape = getattr(value, "shape", None)
    if shape is None:
        return repr(value)
    return f"{getattr(value, 'dtype', '?')}{list(shape)}"


def explain(op: Op, arrays: tuple[Any, ...], params: dict[str, Any], error: Exception) -> Exception:
    """The error to raise for ``error``, which the forward of ``op`` raised."""
    if str(error).startswith(f"{op.name}:") or isinstance(error, (MemoryError, NotImplementedError)):
        return error
    if arrays and arrays[0] is None:
        return TypeError(f"{op.name}: the input is None; expected a Tensor")
    got = ", ".join([_describe(a) for a in arrays] + [f"{name}={_describe(value)}" for name, value in params.items()])
    expects = getattr(op, "expects", "")
    message = (
        f"{op.name}: {str(error).strip().rstrip('.')}. Got ({got})" + (f"; expected {expects}" if expects else "") + "."
    )
    if isinstance(error, IndexError):
        return IndexError(message)
    if isinstance(error, (ValueError, RuntimeError)) or backend.current().is_shape_error(error):
        return ShapeError(message)
    if isinstance(error, TypeError):
        return TypeError(message)
    return error


def not_a_tensor(which: str, value: Any, expected: str = "a Tensor") -> TypeError:
    """The error that ``which`` is no Tensor; of another library's it says whose it is, and how to bring it here.

    The engine has the same words in _ext/apply.pxi.
    """
    kind = type(value)
    library = kind.__module__.partition(".")[0]
    name = kind.__name__ if library in ("builtins", "tiny_pytorch") else f"{library}.{kind.__name__}"
    remedy = "tp.tensor(x) copies it, tp.from_dlpack(x) shares its memory"
    if not hasattr(value, "__dlpack__"):
        remedy = "tp.tensor(...) makes one"
    return TypeError(f"{which} {name}; expected {expected} ({remedy})")
