"""Functional transforms: gradients of functions, modules with other parameters, functions over a batch axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import autograd, ops
from .autograd.functional import jacobian
from .nn.module import Module
from .tensor import Tensor

__all__ = ["functional_call", "grad", "hessian", "jacrev", "vmap"]


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: Any,
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    **options: Any,
) -> Any:
    """``module(*args, **kwargs)`` with other tensors in the place of its parameters and buffers, for this call.

    Parameters
    ----------
    module : Module
    parameter_and_buffer_dicts : mapping of str to Tensor, or tuple of them
        By their names in ``named_parameters`` and ``named_buffers``; what is not named stays.
    args : object or tuple, optional
    kwargs : mapping, optional
    **options
        ``tie_weights`` and ``strict`` of PyTorch, without effect.

    Raises
    ------
    KeyError
        For a name that the module does not have; nothing is called then.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> layer = tp.nn.Linear(1, 1, bias=False)
    >>> tp.func.functional_call(layer, {"weight": tp.tensor([[3.0]])}, (tp.ones(1, 1),)).item()
    3.0
    """
    dicts = parameter_and_buffer_dicts
    given: dict[str, Any] = {}
    for each in dicts if isinstance(dicts, (tuple, list)) else (dicts,):
        given.update(each)
    places = []
    known = dict(module.named_parameters(remove_duplicate=False)) | dict(module.named_buffers(remove_duplicate=False))
    for name, value in given.items():
        if name not in known:
            raise KeyError(f"functional_call: {type(module).__name__} has no parameter or buffer {name!r}")
        path, _, leaf = name.rpartition(".")
        places.append((module.get_submodule(path).__dict__, leaf, value))
    before = [(own, leaf, own[leaf]) for own, leaf, _ in places]
    inputs = () if args is None else args if isinstance(args, tuple) else (args,)
    try:
        for own, leaf, value in places:
            own[leaf] = value
        return module(*inputs, **(kwargs or {}))
    finally:
        for own, leaf, value in before:
            own[leaf] = value


def grad(func: Callable[..., Any], argnums: Any = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The gradient of a function that returns one number, as a function of the same arguments.

    Gradients flow on through the result to arguments that require one, but not to what the function captured.

    Parameters
    ----------
    func : callable
    argnums : int or tuple of ints, default 0
        The arguments to differentiate by: tensors, or dicts, lists or tuples of them.
    has_aux : bool, default False
        Whether ``func`` returns a pair, whose second entry is handed on.

    Raises
    ------
    RuntimeError
        If the function does not return one number.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> cube = lambda x: x**3
    >>> tp.func.grad(cube)(tp.tensor(2.0)).item(), tp.func.grad(tp.func.grad(cube))(tp.tensor(2.0)).item()
    (12.0, 12.0)
    """
    numbers = argnums if isinstance(argnums, tuple) else (argnums,)

    def transformed(*args: Any, **kwargs: Any) -> Any:
        leaves: list[Tensor] = []
        inputs = list(args)
        for i in numbers:
            inputs[i] = _with_leaves(args[i], leaves)
        with autograd.enable_grad():
            found = func(*inputs, **kwargs)
            value, aux = found if has_aux else (found, None)
            if not isinstance(value, Tensor) or value.numel() != 1:
                raise RuntimeError("grad: the function must return a tensor of one element")
            flows = any(not leaf.is_leaf for leaf in leaves)
            grads = autograd.grad(value, leaves, create_graph=flows, materialize_grads=True)
        left = list(grads)
        results = tuple([_rebuilt(args[i], left) for i in numbers])
        result = results if isinstance(argnums, tuple) else results[0]
        return (result, aux) if has_aux else result

    return transformed


def _with_leaves(value: Any, leaves: list[Tensor]) -> Any:
    """The same structure with tensors of its own to differentiate by, which are added to ``leaves``."""
    if isinstance(value, Tensor):
        leaves.append(value * 1 if value.requires_grad else value.detach().clone().requires_grad_())
        return leaves[-1]
    if isinstance(value, Mapping):
        return {key: _with_leaves(entry, leaves) for key, entry in value.items()}
    return type(value)([_with_leaves(entry, leaves) for entry in value])


def _rebuilt(like: Any, values: list[Tensor]) -> Any:
    """The structure of ``like`` with the next of ``values`` in place of each tensor."""
    if isinstance(like, Tensor):
        return values.pop(0)
    if isinstance(like, Mapping):
        return {key: _rebuilt(entry, values) for key, entry in like.items()}
    return type(like)([_rebuilt(entry, values) for entry in like])


def vmap(func: Callable[..., Any], in_dims: Any = 0, out_dims: int = 0, **options: Any) -> Callable[..., Any]:
    """``func`` over an axis of its arguments: called for one entry after another, its results stacked.

    Parameters
    ----------
    func : callable
        Of tensors, returning a tensor or a tuple of them.
    in_dims : int, None or tuple of them, default 0
        The axis of each argument; None for one that every call gets whole.
    out_dims : int, default 0
        Where the results are stacked.
    **options
        ``randomness`` and ``chunk_size`` of PyTorch, without effect.

    Raises
    ------
    ValueError
        If no argument has an axis to go over, or they differ in size there.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.vmap(tp.dot)(tp.ones(3, 2), tp.ones(3, 2))
    tensor([2., 2., 2.])
    """

    def mapped(*args: Any, **kwargs: Any) -> Any:
        axes = in_dims if isinstance(in_dims, tuple) else (in_dims,) * len(args)
        if len(axes) != len(args):
            raise ValueError(f"vmap: in_dims has {len(axes)} entries for {len(args)} arguments")
        sizes = {arg.shape[axis] for arg, axis in zip(args, axes, strict=True) if axis is not None}
        if len(sizes) != 1:
            raise ValueError(f"vmap: expected arguments of one size along in_dims, got {sorted(sizes) or 'none'}")
        rows = [
            [arg] * max(sizes) if axis is None else ops.unbind(arg, axis) for arg, axis in zip(args, axes, strict=True)
        ]
        results = [func(*row, **kwargs) for row in zip(*rows, strict=True)]
        if results and isinstance(results[0], tuple):
            return tuple([ops.stack(column, out_dims) for column in zip(*results, strict=True)])
        return ops.stack(results, out_dims)

    return mapped


def jacrev(func: Callable[..., Any], argnums: int = 0) -> Callable[..., Tensor]:
    """The Jacobian of a function by one argument, as a function; see ``tp.autograd.functional.jacobian``."""

    def transformed(*args: Any) -> Any:
        def of_one(x: Tensor) -> Any:
            return func(*args[:argnums], x, *args[argnums + 1 :])

        return jacobian(of_one, args[argnums], create_graph=args[argnums].requires_grad)

    return transformed


def hessian(func: Callable[..., Any], argnums: int = 0) -> Callable[..., Tensor]:
    """The matrix of second derivatives of a function that returns one number, as a function."""
    return jacrev(jacrev(func, argnums), argnums)
