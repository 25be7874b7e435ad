"""Operations defined by users, on Tensors: a forward and a backward."""

from __future__ import annotations

from typing import Any

from .. import backend
from .._ext import engine
from .._ext.engine import Op, Variable

__all__ = ["Function", "FunctionCtx"]


class FunctionCtx:
    """What a ``Function``'s forward hands to its backward.

    Attributes
    ----------
    needs_input_grad : tuple of bool
        For each argument of ``apply``, whether its gradient is wanted.
    """

    needs_input_grad: tuple[bool, ...] = ()
    _materialize = True
    _node: Any = None

    def __init__(self) -> None:
        self._to_save: tuple[Any, ...] = ()
        self._constant: set[int] = set()
        self._dirty: set[int] = set()

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors (inputs, outputs, or others) for the backward, which finds them in ``saved_tensors``."""
        self._to_save = tensors

    def mark_non_differentiable(self, *outputs: Variable) -> None:
        """No gradient flows through these outputs."""
        self._constant = {id(o) for o in outputs}

    def mark_dirty(self, *inputs: Variable) -> None:
        """These inputs are written in place by the forward, and are among its outputs.

        Raises
        ------
        RuntimeError
            For a leaf that requires a gradient, and for a view, if the operation is recorded.
        """
        for tensor in inputs:
            if not any(self.needs_input_grad):
                break
            if tensor._view is not None or (tensor.requires_grad and tensor.is_leaf):
                what = "a view" if tensor._view is not None else "a leaf tensor that requires a gradient"
                raise RuntimeError(
                    f"mark_dirty: {what} cannot be written in place by a Function; clone it before, or return a new "
                    "tensor"
                )
        self._dirty = {id(i) for i in inputs}

    def set_materialize_grads(self, value: bool) -> None:
        """Whether an unused output's gradient arrives as zeros (True, the default) or as None."""
        self._materialize = value

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What ``save_for_backward`` kept, each in its place in the graph.

        Raises
        ------
        RuntimeError
            If the graph was freed, or a value was overwritten in place since.
        """
        if self._node is None:
            raise RuntimeError("saved_tensors can be read in backward only")
        return tuple(None if entry is None else entry(self._node) for entry in self._node.extra)


def _saved(tensor: Any, args: tuple[Any, ...], outputs: tuple[Any, ...]) -> Any:
    # A function (node of the op) -> Tensor, that holds the array but no Tensor, so that no cycle arises.
    if tensor is None:
        return None
    kept = engine.keep_variable(tensor)
    for i, output in enumerate(outputs):
        if output is tensor and not any(a is tensor for a in args):
            return lambda node: engine.output_of(node, i, engine.kept_array(kept, node.op.name))
    edge = engine.edge(tensor)
    return lambda node: engine.reattached(engine.kept_array(kept, node.op.name), edge)


class Function:
    """``y = forward(x)`` with a gradient of the user's own.

    Subclass with two static methods. ``forward(ctx, *args)`` computes on Tensors, unrecorded; ``backward(ctx, *grads)``
    gets one gradient per output and returns one per argument of ``apply``, None for those without. Written with
    differentiable operations, the backward can itself be differentiated. As in PyTorch,
    ``setup_context(ctx, inputs, output)`` may be split off the forward.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> class Square(tp.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return 2 * x * g
    >>> x = tp.tensor(3.0, requires_grad=True)
    >>> Square.apply(x).backward()
    >>> x.grad
    tensor(6.)
    """

    _op: Op

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)

        def rule(node: Any, grads: tuple[Any, ...], create: bool, ctx: FunctionCtx) -> tuple[Any, ...]:
            return cls._rule(node, grads, create, ctx)

        cls._op = Op(cls.apply, rule=rule, name=cls.__name__, custom=True)

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the outputs: a Tensor or a tuple of them."""
        raise NotImplementedError("a Function needs a static method forward(ctx, *args)")

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Compute the gradients of the arguments from those of the outputs."""
        raise NotImplementedError("a Function needs a static method backward(ctx, *grads) to be differentiated")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Fill the context, if ``forward`` does not take it."""

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run the forward and record it."""
        ctx = FunctionCtx()
        recording = engine.is_grad_enabled()
        ctx.needs_input_grad = tuple(recording and isinstance(a, Variable) and a.requires_grad for a in args)
        before = engine.set_grad_enabled(False)
        try:
            if cls.setup_context is Function.setup_context:
                result = cls.forward(ctx, *args, **kwargs)
            else:
                result = cls.forward(*args, **kwargs)
                cls.setup_context(ctx, args, result)
        finally:
            engine.set_grad_enabled(before)
        outputs = result if isinstance(result, tuple) else (result,)
        if not any(ctx.needs_input_grad):
            return result
        # An input handed back as it is must not become its own history: the output is another tensor on its memory.
        fresh = tuple(
            o
            if not isinstance(o, Variable) or id(o) in ctx._dirty or not any(o is a for a in args)
            else engine.shared(o)
            for o in outputs
        )
        tensors = tuple(o for o in fresh if isinstance(o, Variable))
        saved = tuple(_saved(t, args, outputs) for t in ctx._to_save)
        ctx._to_save = ()
        engine.attach(cls._op, args, tensors, {"ctx": ctx}, saved, ctx._constant)
        return fresh if isinstance(result, tuple) else fresh[0]

    @classmethod
    def _rule(cls, node: Any, grads: tuple[Any, ...], create: bool, ctx: FunctionCtx) -> tuple[Any, ...]:
        present: Any = next(g for g in grads if g is not None)
        k = backend.at(present.array if create else present).kernels
        inputs: list[Any] = []
        for g, (shape, dtype) in zip(grads, node.slots, strict=True):
            if g is not None:
                inputs.append(g if create else engine.leaf(g))
            elif ctx._materialize:
                inputs.append(engine.leaf(k.xp.zeros(shape, dtype=dtype)))
            else:
                inputs.append(None)
        before = engine.set_grad_enabled(create)
        ctx._node = node
        try:
            result = cls.backward(ctx, *inputs)
        finally:
            ctx._node = None
            engine.set_grad_enabled(before)
        results = list(result) if isinstance(result, (tuple, list)) else [result]
        expected = len(ctx.needs_input_grad)
        if len(results) > expected and all(r is None for r in results[expected:]):
            results = results[:expected]
        if len(results) != expected:
            raise RuntimeError(
                f"{cls.__name__}.backward returned {len(results)} gradients; expected {expected}, one for each "
                "argument of apply (None where there is none)"
            )
        for i, r in enumerate(results):
            if r is not None and not isinstance(r, Variable):
                raise TypeError(
                    f"{cls.__name__}.backward: gradient {i} is a {type(r).__name__}; expected a Tensor or None"
                )
        return tuple(r if r is None or create else r.array for r in results)
