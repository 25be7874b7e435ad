"""How an op is declared: a forward on raw arrays, and beside it the rule for its gradient."""

from __future__ import annotations

import copyreg
from collections.abc import Callable
from typing import Any

from .._ext.engine import Op

__all__ = ["KERNEL_OPS", "Op", "op"]

KERNEL_OPS: dict[str, Op] = {}
"""Kernels that are ops themselves: rules that run on Tensors call the op, with its own gradient."""


# An op is a module's function: copied and pickled by its name, as attributes of modules are.
def _global_name(op: Op) -> str:
    name = op.forward.__qualname__
    return op.name if "<locals>" in name else name


copyreg.pickle(Op, _global_name)

VARARGS = 4  # inspect.CO_VARARGS, without the 5 ms that importing inspect takes
PYTORCH_NAMES = {1: ("input",), 2: ("input", "other")}


def _places(forward: Callable[..., Any]) -> int:
    """How many arrays a forward takes, by position, behind the table of kernels."""
    code = forward.__code__
    return 0 if code.co_flags & VARARGS else code.co_argcount - 1


def op(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    keeps: Any = (),
    promotes: str | None = None,
    autocast: str | None = None,
    extra: bool = False,
    view: bool = False,
    many: bool = False,
    kernel: str | None = None,
    arguments: tuple[str, ...] | None = None,
) -> Any:
    """Declare an op: decorates ``forward(k, *arrays, **params)``; ``@it.gradient`` then decorates the rule.

    Parameters
    ----------
    keeps : str, dict or sequence of them
        What the rule reads: ``"inputs"``, ``"output"``, ``"cross"`` (an input only if another one needs a gradient) or
        ``{input: inputs whose gradients need it}``. Nothing else is kept alive.
    promotes : {None, "common", "floating"}
        Whether mixed input dtypes are first converted to one, or to one floating dtype.
    autocast : {None, "low", "float32"}
        What ``tp.amp.autocast`` converts float16, bfloat16 and float32 inputs to: its dtype, or float32.
    extra : bool
        The forward returns ``(output, results)``: a tuple of further results for the rule.
    view : bool
        The output may share the first input's memory.
    many : bool
        The forward returns a tuple of outputs; the rule receives a tuple of gradients, None for unused ones.
    kernel : str, optional
        The kernel of which the op is the differentiable form, with the same arguments in the same order, keyword
        parameters last: the forward is that kernel (with ``extra``, one whose further results are those for the
        rule), and the engine calls a compiled one at once. ``gradient(kernel=..., reads=...)`` says the same of a rule.
    arguments : tuple of str, optional
        The names by which callers may pass the positional arguments. By default ``input``, and of two
        ``input`` and ``other``.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> @tp.autograd.op(keeps="inputs")
    ... def cube(k, x):
    ...     return x**3
    >>> @cube.gradient
    ... def cube_gradient(k, g, saved):
    ...     (x,) = saved.inputs
    ...     return (g * 3.0 * x**2,)
    >>> x = tp.tensor(2.0, requires_grad=True)
    >>> y = cube(x)
    >>> y.backward()
    >>> y.item(), x.grad.item()
    (8.0, 12.0)
    """

    if autocast not in (None, "low", "float32"):
        raise ValueError(f'op: autocast must be "low", "float32" or None, got {autocast!r}')

    def declare(forward: Callable[..., Any]) -> Op:
        declared = Op(
            forward,
            name=name or forward.__name__.strip("_"),
            keeps=keeps,
            promotes=promotes,
            autocast=autocast,
            extra=extra,
            view=view,
            many=many,
            kernel=kernel,
        )
        declared.__module__ = forward.__module__
        declared.arguments = PYTORCH_NAMES.get(_places(forward), ()) if arguments is None else arguments
        if kernel is not None and not extra:
            KERNEL_OPS[kernel] = declared
        return declared

    return declare if function is None else declare(function)
