"""Jacobians and Hessians of functions of tensors, one backward pass for each element of the result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._ext.engine import Variable
from .backward import grad
from .grad_mode import enable_grad

__all__ = ["hessian", "jacobian", "vjp"]

Tensor = Any  # the class stands above this


def _tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _inputs(name: str, inputs: Any, create_graph: bool) -> tuple[Any, ...]:
    """Tensors of their own to differentiate by; with ``create_graph`` attached to those that came."""
    found = []
    for x in _tuple(inputs):
        if not isinstance(x, Variable):
            raise TypeError(f"{name}: the inputs must be Tensors, got {type(x).__name__}")
        attached = create_graph and x.requires_grad
        found.append(x.view_as(x) if attached else x.detach().clone().requires_grad_())
    return tuple(found)


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """``J[i, j] = d func(x)[i] / d x[j]``, of shape ``func(x).shape + x.shape``.

    Parameters
    ----------
    func : callable
        Of tensors, returning a tensor or a tuple of them.
    inputs : Tensor or tuple of Tensors
    create_graph : bool, default False
        Record the computation, so that the result can be differentiated.
    strict : bool, default False
        Refuse a result that does not depend on an input; else its derivative is 0.
    vectorize, strategy
        Accepted because PyTorch's scripts pass them.

    Returns
    -------
    Tensor, or tuples of them
        One for each output, of one for each input, as far as these are tuples.

    Raises
    ------
    RuntimeError
        With ``strict``, for an independent result.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.autograd.functional.jacobian(lambda x: x**2, tp.tensor([1.0, 3.0]))
    tensor([[2., 0.],
            [0., 6.]])
    """
    with enable_grad():
        xs = _inputs("jacobian", inputs, create_graph)
        found = func(*xs)
        outputs = _tuple(found)
        rows = [_rows(y, xs, create_graph, strict) for y in outputs]
    results = [row if isinstance(inputs, (tuple, list)) else row[0] for row in rows]
    return tuple(results) if isinstance(found, (tuple, list)) else results[0]


def _rows(y: Tensor, xs: tuple[Any, ...], create_graph: bool, strict: bool) -> tuple[Tensor, ...]:
    if not isinstance(y, Variable):
        raise TypeError(f"jacobian: the function must return Tensors, got {type(y).__name__}")
    if strict and not y.requires_grad:
        raise RuntimeError("jacobian: the result does not depend on the inputs")
    results = [y.new_zeros((y.numel(), x.numel())) for x in xs]
    flat: Tensor = y.reshape(-1)
    for i in range(y.numel() if y.requires_grad else 0):
        gradients = grad(flat[i], xs, retain_graph=True, create_graph=create_graph, allow_unused=True)
        for x, result, g in zip(xs, results, gradients, strict=True):
            if g is not None:
                result[i] = g.reshape(-1)
            elif strict:
                raise RuntimeError(f"jacobian: the result does not depend on the input of shape {tuple(x.shape)}")
    return tuple([r.reshape(tuple(y.shape) + tuple(x.shape)) for r, x in zip(results, xs, strict=True)])


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """``H[i, j] = d^2 func(x) / d x[i] d x[j]`` of a function that returns one number.

    Parameters are those of :func:`jacobian`; of several inputs, a tuple of rows of blocks.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.autograd.functional.hessian(lambda x: (x**3).sum(), tp.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """

    def gradient(*xs: Any) -> Any:
        y = func(*xs)
        if not isinstance(y, Variable) or y.numel() != 1:
            raise RuntimeError("hessian: the function must return a tensor of one element")
        found = jacobian(lambda *zs: func(*zs).reshape(()), xs, create_graph=True, strict=strict)
        return found if isinstance(inputs, (tuple, list)) else found[0]

    return jacobian(gradient, inputs, create_graph, strict)


def vjp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """``(func(x), v @ J)``: the result, and its gradient by the inputs for the gradient ``v`` of the result.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.autograd.functional.vjp(lambda x: x**2, tp.tensor([1.0, 3.0]), tp.ones(2))[1]
    tensor([2., 6.])
    """
    with enable_grad():
        xs = _inputs("vjp", inputs, create_graph)
        found = func(*xs)
        given = None if v is None else list(_tuple(v))
        gradients = grad(
            list(_tuple(found)), xs, given, create_graph=create_graph, allow_unused=True, materialize_grads=not strict
        )
    if any(g is None for g in gradients):
        raise RuntimeError("vjp: the result does not depend on an input")
    outputs = tuple([y if create_graph else y.detach() for y in _tuple(found)])
    return (
        outputs if isinstance(found, (tuple, list)) else outputs[0],
        gradients if isinstance(inputs, (tuple, list)) else gradients[0],
    )
