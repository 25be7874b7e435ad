"""Hooks: functions that are called around a module's forward and backward pass."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..autograd import ForwardCall, Function, RemovableHandle
from ..tensor import Tensor

if TYPE_CHECKING:
    from .module import Module

__all__ = ["Hooked", "Hooks"]

_STAGES = ("forward_pre", "forward", "backward_pre", "backward")
_ids = itertools.count()


class Hooks:
    """The hooks of one module, and the slow path of a module's call, which runs them."""

    def __init__(self) -> None:
        # Of each stage, {id: (hook, with_kwargs)} in the order of calling.
        self.stages: dict[str, dict[int, tuple[Callable[..., Any], bool]]] = {name: {} for name in _STAGES}

    def add(self, stage: str, hook: Callable[..., Any], prepend: bool, with_kwargs: bool) -> RemovableHandle:
        """Register ``hook`` last (or first, if ``prepend``) in its stage."""
        if not callable(hook):
            raise TypeError(f"a hook must be callable, not {type(hook).__name__}")
        hooks = self.stages[stage]
        key = next(_ids)
        later = dict(hooks) if prepend else {}
        if prepend:
            hooks.clear()
        hooks[key] = (hook, with_kwargs)
        hooks.update(later)
        return RemovableHandle(lambda: hooks.pop(key, None))

    def call(self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """``module.forward(*args, **kwargs)`` with every hook in its place."""
        for hook, with_kwargs in list(self.stages["forward_pre"].values()):
            args, kwargs = _replaced_inputs(hook, module, args, kwargs, with_kwargs)
        watch = None
        if self.stages["backward_pre"] or self.stages["backward"]:
            watch = _Watch(module, self)
            args = watch.inputs(args)
        output = module.forward(*args, **kwargs)
        for hook, with_kwargs in list(self.stages["forward"].values()):
            result = hook(module, args, kwargs, output) if with_kwargs else hook(module, args, output)
            output = output if result is None else result
        return output if watch is None else watch.outputs(output)


def _replaced_inputs(
    hook: Callable[..., Any], module: Module, args: tuple[Any, ...], kwargs: dict[str, Any], with_kwargs: bool
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if not with_kwargs:
        result = hook(module, args)
        if result is None:
            return args, kwargs
        return (result if isinstance(result, tuple) else (result,)), kwargs
    result = hook(module, args, kwargs)
    if result is None:
        return args, kwargs
    if not (isinstance(result, tuple) and len(result) == 2):
        raise RuntimeError(
            f"a forward pre-hook with_kwargs=True must return None or the pair (args, kwargs), got {result!r}"
        )
    return result


class _Watch:
    """Follows one call of a module into the backward pass.

    Two identities in the graph, one over the inputs and one over the outputs, see exactly the gradients of
    this call: a hook on the input tensors themselves would also see what flows to them from elsewhere.
    """

    def __init__(self, module: Module, hooks: Hooks) -> None:
        self.module = module
        self.hooks = hooks
        self.places: list[int] = []  # of the arguments, those that carry a gradient
        self.count = 0
        self.grad_output: tuple[Any, ...] = ()

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        self.count = len(args)
        self.places = [i for i, arg in enumerate(args) if isinstance(arg, Tensor) and arg.requires_grad]
        if not self.places:
            return args
        watched = iter(_Identity.through(self.after, [args[i] for i in self.places]))
        return tuple(next(watched) if i in self.places else arg for i, arg in enumerate(args))

    def outputs(self, output: Any) -> Any:
        parts = output if isinstance(output, tuple) else (output,)
        places = [i for i, part in enumerate(parts) if isinstance(part, Tensor) and part.requires_grad]
        if not places:
            return output

        def before(grads: tuple[Any, ...]) -> tuple[Any, ...]:
            return self.before(grads, places, len(parts))

        watched = iter(_Identity.through(before, [parts[i] for i in places]))
        result = tuple(next(watched) if i in places else part for i, part in enumerate(parts))
        return result if isinstance(output, tuple) else result[0]

    def before(self, grads: tuple[Any, ...], places: list[int], count: int) -> tuple[Any, ...]:
        self.grad_output = _spread(grads, places, count)
        for hook, _ in list(self.hooks.stages["backward_pre"].values()):
            self.grad_output = _replaced(hook(self.module, self.grad_output), self.grad_output, "backward pre-hook")
        passed_on = tuple(self.grad_output[i] for i in places)
        if not self.places:  # no gradient will arrive at the inputs: this is the last that is seen of the call
            self.after(())
        return passed_on

    def after(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        grad_input = _spread(grads, self.places, self.count)
        grad_output = self.grad_output
        self.grad_output = ()  # with create_graph they lead back to this call's nodes
        for hook, _ in list(self.hooks.stages["backward"].values()):
            grad_input = _replaced(hook(self.module, grad_input, grad_output), grad_input, "backward hook")
        return tuple(grad_input[i] for i in self.places)


class _Identity(Function):
    """The identity, whose gradients pass together through the function ``see``; None for an unused tensor."""

    @staticmethod
    def through(see: Callable[[tuple[Any, ...]], tuple[Any, ...]], tensors: list[Tensor]) -> tuple[Tensor, ...]:
        return _Identity.apply(see, *tensors)

    @staticmethod
    def forward(ctx: Any, see: Any, *tensors: Tensor) -> Any:
        ctx.see = see
        ctx.set_materialize_grads(False)
        return tensors

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        return None, *ctx.see(grads)


def _spread(grads: tuple[Any, ...], places: list[int], count: int) -> tuple[Any, ...]:
    spread: list[Any] = [None] * count
    for i, grad in zip(places, grads, strict=bool(grads)):
        spread[i] = grad
    return tuple(spread)


def _replaced(result: Any, before: tuple[Any, ...], what: str) -> tuple[Any, ...]:
    if result is None:
        return before
    result = result if isinstance(result, tuple) else (result,)
    if len(result) != len(before):
        raise RuntimeError(f"a {what} must return None or {len(before)} gradients, got {len(result)}")
    return result


class Hooked(ForwardCall):
    """What a Module knows about hooks: where they are, and how to register them. Its call is compiled."""

    _hooks: Hooks | None = None  # made when the first hook is registered, so that a call checks one attribute

    def _hook(self, stage: str, hook: Callable[..., Any], prepend: bool, with_kwargs: bool = False) -> RemovableHandle:
        hooks = vars(self).get("_hooks")
        if hooks is None:
            hooks = self._hooks = Hooks()
        return hooks.add(stage, hook, prepend, with_kwargs)

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before ``forward``; what it returns (unless None) replaces the arguments.

        With ``with_kwargs`` it is called ``hook(module, args, kwargs)`` and returns the pair.
        """
        return self._hook("forward_pre", hook, prepend, with_kwargs)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after ``forward``; what it returns (unless None) replaces the output.

        With ``with_kwargs`` it is called ``hook(module, args, kwargs, output)``.
        """
        return self._hook("forward", hook, prepend, with_kwargs)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` before the inputs' gradients are known; may replace them."""
        return self._hook("backward_pre", hook, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the gradients are known; may replace the first.

        Both are tuples with one entry for each positional argument or output, None where it is not a tensor
        that requires a gradient.
        """
        return self._hook("backward", hook, prepend)
