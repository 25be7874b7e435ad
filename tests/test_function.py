"""`autograd.Function`: operations that users define on Tensors."""

from __future__ import annotations

from typing import Any

import pytest

import tiny_pytorch as tp
from tiny_pytorch.autograd import Function


def leaf(*values: float) -> tp.Tensor:
    return tp.tensor(list(values), dtype=tp.float64, requires_grad=True)


class Cube(Function):
    @staticmethod
    def forward(ctx: Any, x: tp.Tensor) -> tp.Tensor:
        ctx.save_for_backward(x)
        return x * x * x

    @staticmethod
    def backward(ctx: Any, g: tp.Tensor) -> tp.Tensor:
        (x,) = ctx.saved_tensors
        return 3 * x * x * g


class Exp(Function):
    """Saves its output, in a context that is set up apart from the forward."""

    @staticmethod
    def forward(x: tp.Tensor) -> tp.Tensor:
        return x.exp()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: tp.Tensor) -> None:
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx: Any, g: tp.Tensor) -> tp.Tensor:
        (y,) = ctx.saved_tensors
        return g * y


class Scaled(Function):
    """``x * factor + bias``, with an argument that is no tensor; returns no more than is asked for."""

    needed: Any = None

    @staticmethod
    def forward(ctx: Any, x: tp.Tensor, factor: float, bias: tp.Tensor) -> tp.Tensor:
        ctx.factor = factor
        Scaled.needed = ctx.needs_input_grad
        return x * factor + bias

    @staticmethod
    def backward(ctx: Any, g: tp.Tensor) -> Any:
        return (g * ctx.factor if ctx.needs_input_grad[0] else None), None, (g if ctx.needs_input_grad[2] else None)


class SumAndProduct(Function):
    got: Any = None

    @staticmethod
    def forward(ctx: Any, a: tp.Tensor, b: tp.Tensor) -> tuple[tp.Tensor, tp.Tensor]:
        ctx.save_for_backward(a, b)
        return a + b, a * b

    @staticmethod
    def backward(ctx: Any, g_sum: tp.Tensor, g_product: tp.Tensor) -> tuple[tp.Tensor, tp.Tensor]:
        a, b = ctx.saved_tensors
        SumAndProduct.got = (g_sum, g_product)
        return g_sum + g_product * b, g_sum + g_product * a


def test_first_derivative() -> None:
    x = leaf(1.0, 2.0)
    y = Cube.apply(x)
    assert (y.requires_grad, y.is_leaf, y.grad_fn.name()) == (True, False, "Cube")
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 12.0]
    assert not Cube.apply(x.detach()).requires_grad
    with tp.no_grad():
        assert not Cube.apply(x).requires_grad


@pytest.mark.parametrize("function", [Cube.apply, Exp.apply, lambda x: Exp.apply(Cube.apply(x * 0.5))])
def test_every_derivative(function) -> None:
    x = leaf(0.3, -0.7)
    assert tp.autograd.gradcheck(function, x)
    assert tp.autograd.gradgradcheck(function, x)
    y = function(x).sum()
    for _ in range(3):
        (g,) = tp.autograd.grad(y, x, create_graph=True)
        y = g.sum()
    assert tp.autograd.gradcheck(lambda x: tp.autograd.grad(function(x).sum(), x, create_graph=True)[0], x)


def test_arguments_that_need_no_gradient() -> None:
    x, bias = leaf(1.0), leaf(2.0)
    Scaled.apply(x, 3.0, bias).sum().backward()
    assert Scaled.needed == (True, False, True)
    assert (x.grad.tolist(), bias.grad.tolist()) == ([3.0], [1.0])
    Scaled.apply(x.detach(), 3.0, bias).sum().backward()
    assert Scaled.needed == (False, False, True)
    assert bias.grad.tolist() == [2.0]


@pytest.mark.parametrize("create_graph", [False, True])
def test_several_outputs(create_graph: bool) -> None:
    a, b = leaf(2.0), leaf(5.0)
    s, p = SumAndProduct.apply(a, b)
    ga, gb = tp.autograd.grad((s * 10 + p * p).sum(), [a, b], create_graph=create_graph)
    assert (ga.tolist(), gb.tolist()) == ([110.0], [50.0])
    assert tp.autograd.gradgradcheck(SumAndProduct.apply, [leaf(2.0), leaf(5.0)])


def test_an_unused_output_gets_zeros_or_none() -> None:
    a, b = leaf(2.0), leaf(5.0)
    SumAndProduct.apply(a, b)[0].sum().backward()
    assert SumAndProduct.got[1].tolist() == [0.0]
    assert (a.grad.tolist(), b.grad.tolist()) == ([1.0], [1.0])

    class Plain(Function):
        @staticmethod
        def forward(ctx: Any, x: tp.Tensor) -> tuple[tp.Tensor, tp.Tensor]:
            ctx.set_materialize_grads(False)
            return x * 2, x * 3

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> tp.Tensor:
            assert grads[0] is None
            return grads[1] * 3

    Plain.apply(a)[1].sum().backward()
    assert a.grad.tolist() == [4.0]


def test_outputs_without_a_gradient() -> None:
    class Sorted(Function):
        @staticmethod
        def forward(ctx: Any, x: tp.Tensor) -> tuple[tp.Tensor, tp.Tensor, tp.Tensor]:
            values, order = x.sort()
            rounded = values.round()
            ctx.mark_non_differentiable(rounded)
            ctx.save_for_backward(order)
            return values, order, rounded

        @staticmethod
        def backward(ctx: Any, g: tp.Tensor, *others: Any) -> tp.Tensor:
            (order,) = ctx.saved_tensors
            return tp.zeros_like(g).scatter_add(0, order, g)

    x = leaf(3.0, 1.0, 2.0)
    values, order, rounded = Sorted.apply(x)
    assert [t.requires_grad for t in (values, order, rounded)] == [True, False, False]
    (values * tp.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert x.grad.tolist() == [100.0, 1.0, 10.0]


def test_none_where_a_gradient_is_wanted_is_none() -> None:
    class Cut(Function):
        @staticmethod
        def forward(ctx: Any, a: tp.Tensor, b: tp.Tensor) -> tp.Tensor:
            return a + b

        @staticmethod
        def backward(ctx: Any, g: tp.Tensor) -> Any:
            return None, g

    a, b = leaf(1.0), leaf(2.0)
    Cut.apply(a, b).sum().backward()
    assert (a.grad, b.grad.tolist()) == (None, [1.0])


def test_an_input_handed_back() -> None:
    class Same(Function):
        @staticmethod
        def forward(ctx: Any, x: tp.Tensor) -> tp.Tensor:
            return x

        @staticmethod
        def backward(ctx: Any, g: tp.Tensor) -> tp.Tensor:
            return g * 7

    x = leaf(1.0)
    y = Same.apply(x)
    assert y is not x
    assert x.is_leaf
    y.sum().backward()
    assert x.grad.tolist() == [7.0]


# --- in place ------------------------------------------------------------------------------------------


class Doubled(Function):
    """Writes its argument, whose gradient is that of twice it."""

    @staticmethod
    def forward(ctx: Any, x: tp.Tensor) -> tp.Tensor:
        ctx.mark_dirty(x)
        x.mul_(2)
        return x

    @staticmethod
    def backward(ctx: Any, g: tp.Tensor) -> tp.Tensor:
        return g * 2


def test_mark_dirty() -> None:
    x = leaf(1.0, 2.0)
    y = x * 3
    view = y[1:]
    assert Doubled.apply(y) is y
    assert (y.tolist(), view.tolist()) == ([6.0, 12.0], [12.0])
    (y.sum() + view.sum()).backward()
    assert x.grad.tolist() == [6.0, 12.0]


def test_mark_dirty_overwrites_what_others_saved() -> None:
    x = leaf(1.0, 2.0)
    y = x.exp()
    Doubled.apply(y)
    with pytest.raises(RuntimeError, match=r"exp: .*overwritten in place"):
        y.sum().backward()


def test_mark_dirty_refuses_leaves_and_views() -> None:
    x = leaf(1.0, 2.0)
    y = x * 3
    for tensor, match in ((x, "a leaf tensor that requires"), (y[0], "a view")):
        with pytest.raises(RuntimeError, match=f"mark_dirty: {match}.*clone"):
            Doubled.apply(tensor)
    assert (x.tolist(), x.is_leaf, y.tolist()) == ([1.0, 2.0], True, [3.0, 6.0])
    with tp.no_grad():
        assert Doubled.apply(x) is x
    assert (x.tolist(), x.requires_grad) == ([2.0, 4.0], True)


def test_a_saved_tensor_that_was_overwritten() -> None:
    x = leaf(1.0)
    y = x * 1
    z = Cube.apply(y)
    y.add_(1)
    with pytest.raises(RuntimeError, match=r"Cube: .*overwritten in place"):
        z.sum().backward()
    result = Exp.apply(x)
    result.detach().mul_(2)
    with pytest.raises(RuntimeError, match=r"Exp: .*overwritten in place"):
        result.sum().backward()
    assert x.grad is None


# --- mistakes ------------------------------------------------------------------------------------------


def returning(value: Any) -> type[Function]:
    class Broken(Function):
        @staticmethod
        def forward(ctx: Any, a: tp.Tensor, b: tp.Tensor) -> tp.Tensor:
            return a * b

        @staticmethod
        def backward(ctx: Any, g: tp.Tensor) -> Any:
            return value(g)

    return Broken


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize(
    "value, error, match",
    [
        (lambda g: g, RuntimeError, "Broken.backward returned 1 gradients; expected 2"),
        (lambda g: (g, g, g), RuntimeError, "returned 3 gradients; expected 2"),
        (lambda g: (g, 1.0), TypeError, "gradient 1 is a float; expected a Tensor or None"),
        (lambda g: (g, tp.ones(3, dtype=tp.float64)), RuntimeError, r"shape \(3,\) for an input of shape \(2,\)"),
        (lambda g: 1 // 0, ZeroDivisionError, "division"),
    ],
)
def test_a_backward_that_is_wrong(value, error: type, match: str, create_graph: bool) -> None:
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    y = (a + returning(value).apply(a, b)).sum()
    with pytest.raises(error, match=match):
        y.backward(create_graph=create_graph)
    assert (a.grad, b.grad, tp.is_grad_enabled()) == (None, None, True)


def test_more_gradients_than_arguments_if_they_are_none() -> None:
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    returning(lambda g: (g, g, None, None)).apply(a, b).sum().backward()
    assert a.grad.tolist() == [1.0, 1.0]


def test_a_gradient_is_converted_to_its_inputs_dtype_and_summed_to_its_shape() -> None:
    a, b = tp.ones(2, requires_grad=True), tp.ones(1, requires_grad=True)
    returning(lambda g: (g.double(), g * 3)).apply(a, b).sum().backward()
    assert (a.grad.dtype, a.grad.tolist(), b.grad.tolist()) == (tp.float32, [1.0, 1.0], [6.0])


def test_a_forward_that_fails_leaves_the_mode_on() -> None:
    class Failing(Function):
        @staticmethod
        def forward(ctx: Any, x: tp.Tensor) -> tp.Tensor:
            assert not tp.is_grad_enabled()
            raise KeyError("on purpose")

    with pytest.raises(KeyError, match="on purpose"):
        Failing.apply(leaf(1.0))
    assert tp.is_grad_enabled()


def test_missing_methods() -> None:
    class Nothing(Function):
        pass

    class NoBackward(Function):
        @staticmethod
        def forward(ctx: Any, x: tp.Tensor) -> tp.Tensor:
            return x * 2

    with pytest.raises(NotImplementedError, match="static method forward"):
        Nothing.apply(leaf(1.0))
    y = NoBackward.apply(leaf(1.0))
    with pytest.raises(NotImplementedError, match="static method backward"):
        y.sum().backward()


def test_saved_tensors_outside_backward_and_after_the_graph_was_freed() -> None:
    contexts = []

    class Peek(Cube):
        @staticmethod
        def forward(ctx: Any, x: tp.Tensor) -> tp.Tensor:
            contexts.append(ctx)
            return Cube.forward(ctx, x)

    x = leaf(2.0)
    y = Peek.apply(x).sum()
    with pytest.raises(RuntimeError, match="in backward only"):
        _ = contexts[0].saved_tensors
    y.backward()
    with pytest.raises(RuntimeError, match="Peek a second time"):
        y.backward()
    assert x.grad.tolist() == [12.0]


def test_gradients_inside_a_backward() -> None:
    """A backward may differentiate something of its own, as a checkpoint does."""

    class Checkpoint(Function):
        @staticmethod
        def forward(ctx: Any, x: tp.Tensor) -> tp.Tensor:
            ctx.save_for_backward(x)
            return x.sin()

        @staticmethod
        def backward(ctx: Any, g: tp.Tensor) -> tp.Tensor:
            x = ctx.saved_tensors[0].detach().requires_grad_()
            with tp.enable_grad():
                y = Cube.apply(x).sin() * 0 + x.sin()
            return tp.autograd.grad(y, x, g)[0]

    x = leaf(0.5)
    Checkpoint.apply(Checkpoint.apply(x)).sum().backward()
    (expected,) = tp.autograd.grad(x.sin().sin().sum(), x)
    tp.testing.assert_close(x.grad, expected)
