"""The two ways to ask for gradients: ``backward`` accumulates into the leaves, ``grad`` returns them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import backend
from .._ext import engine
from .._ext.engine import Variable

__all__ = ["backward", "grad"]


def _seed(root: Variable, gradient: Any, create_graph: bool, caller: str) -> Any:
    """The gradient that enters at a root: what the caller gave, checked, or 1 for a scalar."""
    array = root.array
    k = backend.at(array).kernels
    shape = tuple(array.shape)
    if gradient is None:
        if any(n != 1 for n in shape):
            raise RuntimeError(
                f"{caller}: the gradient of a tensor of shape {shape} needs a starting gradient of it. Pass one "
                f"({caller}(gradient)), or reduce to a scalar first, e.g. with .sum() or .mean()"
            )
        seed = k.xp.ones_like(array)
        return engine.leaf(seed) if create_graph else seed
    if not isinstance(gradient, Variable):
        raise TypeError(f"{caller}: the gradient is a {type(gradient).__name__}; expected a Tensor or None")
    backend.at(gradient.array)
    if tuple(gradient.array.shape) != shape:
        raise RuntimeError(
            f"{caller}: the gradient has shape {tuple(gradient.array.shape)}; expected the tensor's own shape {shape}"
        )
    if gradient.array.dtype != array.dtype:
        raise RuntimeError(
            f"{caller}: the gradient has dtype {gradient.array.dtype}; expected the tensor's own dtype "
            f"{array.dtype}. Convert it with .to(dtype)"
        )
    return gradient if create_graph else gradient.array


def _sequence(value: Any) -> list[Any]:
    one = value is None or isinstance(value, Variable) or hasattr(value, "shape") or not hasattr(value, "__iter__")
    return [value] if one else list(value)


def _seeds(roots: Sequence[Variable], gradients: Any, create_graph: bool, caller: str) -> list[Any]:
    given = _sequence(gradients) if gradients is not None else [None] * len(roots)
    if len(given) != len(roots):
        raise ValueError(f"{caller}: got {len(given)} gradients for {len(roots)} tensors; expected one for each")
    for root in roots:
        if not isinstance(root, Variable):
            raise TypeError(f"{caller}: expected Tensors, got a {type(root).__name__}")
        if not root.requires_grad:
            raise RuntimeError(
                f"{caller}: the tensor does not require a gradient and no recorded operation made it. Was it "
                "computed under no_grad, detached, or from tensors without requires_grad=True?"
            )
    return [_seed(root, g, create_graph, caller) for root, g in zip(roots, given, strict=True)]


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """``leaf.grad += d(sum of tensors * grad_tensors) / d(leaf)`` for every leaf that requires a gradient.

    Parameters
    ----------
    tensors : Tensor or sequence of Tensors
        Where to start.
    grad_tensors : Tensor or sequence, optional
        The gradient with respect to each; 1 for scalars.
    retain_graph : bool, optional
        Keep what the rules need for another pass. Defaults to ``create_graph``.
    create_graph : bool
        Record the gradient computation itself, for higher derivatives.
    inputs : Tensor or sequence, optional
        Accumulate only into these.

    Raises
    ------
    RuntimeError
        No graph; not a scalar and no gradient given; shape or dtype differ; the graph was freed by an earlier pass; a
        value that is needed was overwritten. No ``.grad`` has then changed.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> x = tp.tensor([1.0, 2.0], requires_grad=True)
    >>> tp.autograd.backward((x * x).sum())
    >>> x.grad
    tensor([2., 4.])
    """
    roots = _sequence(tensors)
    seeds = _seeds(roots, grad_tensors, create_graph, "backward")
    retain = create_graph if retain_graph is None else retain_graph
    wanted = None
    if inputs is not None:
        wanted = _sequence(inputs)
        if not wanted:
            raise RuntimeError("backward: inputs is empty; pass the tensors whose .grad is wanted, or None for all")
        _check_inputs(wanted, "backward")
    engine.run(roots, seeds, wanted, retain, create_graph, True)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
    only_inputs: bool = True,
) -> tuple[Any, ...]:
    """``d(sum of outputs * grad_outputs) / d(inputs)``, returned rather than accumulated.

    Parameters
    ----------
    outputs, inputs : Tensor or sequence of Tensors
        What to differentiate, and with respect to what (leaves or not).
    grad_outputs : Tensor or sequence, optional
        The gradient with respect to each output; 1 for scalars.
    retain_graph : bool, optional
        Keep what the rules need for another pass. Defaults to ``create_graph``.
    create_graph : bool
        Record the gradient computation itself, so that the results can be differentiated.
    allow_unused : bool
        Return None for an input that the outputs do not depend on, instead of raising.
    materialize_grads : bool
        Return zeros instead of None for such an input.
    only_inputs : bool
        Accepted as True alone: nothing is accumulated into other leaves. ``backward`` does that.

    Returns
    -------
    tuple of Tensors
        One for each input, of its shape and dtype.

    Raises
    ------
    RuntimeError
        As ``backward``, and for an input that does not require a gradient or that the outputs do not depend on.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> x = tp.tensor(3.0, requires_grad=True)
    >>> (first,) = tp.autograd.grad(x**3, x, create_graph=True)
    >>> (second,) = tp.autograd.grad(first, x)
    >>> first.item(), second.item()
    (27.0, 18.0)
    """
    if not only_inputs:
        raise ValueError("grad: only_inputs=False is not offered; backward() accumulates into every leaf")
    roots, wanted = _sequence(outputs), _sequence(inputs)
    seeds = _seeds(roots, grad_outputs, create_graph, "grad")
    _check_inputs(wanted, "grad")
    retain = create_graph if retain_graph is None else retain_graph
    found = engine.run(roots, seeds, wanted, retain, create_graph, False)
    for i, g in enumerate(found):
        if g is None and materialize_grads:
            found[i] = engine.leaf(backend.at(wanted[i].array).xp.zeros_like(wanted[i].array))
        elif g is None and not allow_unused:
            raise RuntimeError(
                f"grad: the outputs do not depend on input {i}; pass allow_unused=True to get None for it"
            )
    return tuple(found)


def _check_inputs(inputs: Sequence[Any], caller: str) -> None:
    for i, tensor in enumerate(inputs):
        if not isinstance(tensor, Variable):
            raise TypeError(f"{caller}: input {i} is a {type(tensor).__name__}; expected a Tensor")
        if not tensor.requires_grad:
            raise RuntimeError(f"{caller}: input {i} does not require a gradient; create it with requires_grad=True")
