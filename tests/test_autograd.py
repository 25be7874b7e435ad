"""`backward` and `grad`: what they accumulate, keep, return and refuse. Hooks and modes have a file of their own."""

from __future__ import annotations

import numpy as np
import pytest

import tiny_pytorch as tp
from tiny_pytorch.testing import assert_close


def leaf(*values: float) -> tp.Tensor:
    return tp.tensor(list(values), requires_grad=True)


class Failing(tp.autograd.Function):
    """The identity, whose gradient rule fails."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        raise ZeroDivisionError("on purpose")


# --- backward ------------------------------------------------------------------------------------------


def test_backward_accumulates_until_the_gradient_is_reset() -> None:
    x = leaf(1.0, 2.0)
    for times in (1, 2, 3):
        (x * x).sum().backward()
        assert x.grad.tolist() == [2.0 * times, 4.0 * times]
    x.grad = None
    (x * x).sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]
    del x.grad
    assert x.grad is None


def test_accumulation_is_seen_by_whoever_holds_the_gradient() -> None:
    x = leaf(1.0)
    x.sum().backward()
    held = x.grad
    x.sum().backward()
    assert x.grad is held
    assert held.tolist() == [2.0]


def test_a_gradient_has_no_history_and_its_tensors_dtype() -> None:
    for dtype in (tp.float32, tp.float64):
        x = tp.ones(3, dtype=dtype, requires_grad=True)
        (x * 2).exp().sum().backward()
        assert (x.grad.dtype, x.grad.requires_grad, x.grad.grad_fn, x.grad.shape) == (dtype, False, None, (3,))


def test_starting_gradient() -> None:
    x = leaf(1.0, 2.0)
    (x * 3).backward(tp.tensor([1.0, 10.0]))
    assert x.grad.tolist() == [3.0, 30.0]


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_one_element_needs_no_starting_gradient(shape: tuple[int, ...]) -> None:
    x = tp.full(shape, 3.0, requires_grad=True)
    (x * x).backward()
    assert_close(x.grad, tp.full(shape, 6.0))


def test_backward_of_a_leaf_itself() -> None:
    x, seed = leaf(1.0, 2.0), tp.tensor([5.0, 6.0])
    x.backward(seed)
    x.backward(seed)
    assert x.grad.tolist() == [10.0, 12.0]
    assert seed.tolist() == [5.0, 6.0]


def test_backward_of_several_tensors() -> None:
    x = leaf(1.0, 2.0)
    tp.autograd.backward([x.sum(), x * x], [None, tp.tensor([1.0, 1.0])])
    assert x.grad.tolist() == [3.0, 5.0]
    with pytest.raises(ValueError, match="got 1 gradients for 2 tensors"):
        tp.autograd.backward([x.sum(), x.sum()], [tp.tensor(1.0)])


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_root_that_another_root_depends_on(create_graph: bool) -> None:
    x = leaf(3.0)
    y = x * x
    z = y * y
    tp.autograd.backward([y.sum(), z.sum()], create_graph=create_graph)
    assert x.grad.tolist() == [6.0 + 4 * 27.0]


def test_backward_with_inputs_touches_no_other_gradient() -> None:
    a, b = leaf(2.0), leaf(3.0)
    y = a * b
    (y * y).sum().backward(inputs=[a])
    assert (a.grad.tolist(), b.grad) == ([36.0], None)
    (a * b).sum().backward(inputs=b)
    assert b.grad.tolist() == [2.0]
    with pytest.raises(RuntimeError, match="inputs is empty"):
        (a * b).sum().backward(inputs=[])


@pytest.mark.parametrize("retain", [False, True])
@pytest.mark.parametrize("times", [1, 2])
def test_backward_with_an_input_that_is_no_leaf(times: int, retain: bool) -> None:
    x = leaf(2.0)
    y = x * x
    if retain:
        y.retain_grad()
    (y * 3).sum().backward(inputs=[y] * times)
    assert (y.grad.tolist(), x.grad) == ([3.0], None)


def test_second_pass_through_a_freed_graph() -> None:
    x = leaf(2.0)
    y = (x * x).exp().sum()
    y.backward()
    before = x.grad.tolist()
    with pytest.raises(RuntimeError, match=r"a second time.*retain_graph=True"):
        y.backward()
    with pytest.raises(RuntimeError, match="a second time"):
        tp.autograd.grad(y, x)
    assert x.grad.tolist() == before


def test_retain_graph_keeps_it_for_another_pass() -> None:
    x = leaf(2.0)
    y = (x * x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [24.0]
    with pytest.raises(RuntimeError, match="a second time"):
        y.backward()


def test_create_graph_keeps_the_graph_unless_told_otherwise() -> None:
    x = leaf(2.0)
    y = (x * x * x).sum()
    y.backward(create_graph=True)
    assert x.grad.requires_grad
    (second,) = tp.autograd.grad(x.grad.sum(), x, retain_graph=True)
    assert second.tolist() == [12.0]
    tp.autograd.grad(y, x, create_graph=True, retain_graph=False)
    with pytest.raises(RuntimeError, match="a second time"):
        tp.autograd.grad(y, x)


def test_gradients_of_gradients_accumulate_beside_those_already_there() -> None:
    """The gradient penalty: backward through .grad itself."""
    x = leaf(2.0)
    (x**3).sum().backward(create_graph=True)
    (x.grad**2).sum().backward()  # d/dx 9 x^4 = 36 x^3
    assert x.grad.tolist() == [12.0 + 288.0]


def test_three_derivatives() -> None:
    x = tp.tensor(0.5, dtype=tp.float64, requires_grad=True)
    y = x.sin()
    found = []
    for _ in range(4):
        (y,) = tp.autograd.grad(y, x, create_graph=True)
        found.append(y.item())
    s, c = x.detach().sin().item(), x.detach().cos().item()
    assert found == pytest.approx([c, -s, -c, s], rel=1e-14)


# --- grad ----------------------------------------------------------------------------------------------


def test_grad_returns_and_accumulates_nothing() -> None:
    a, b = leaf(2.0), leaf(3.0)
    ga, gb = tp.autograd.grad((a * b).sum(), [a, b])
    assert (ga.tolist(), gb.tolist()) == ([3.0], [2.0])
    assert a.grad is None
    assert b.grad is None


def test_grad_with_starting_gradients_and_several_outputs() -> None:
    x = leaf(1.0, 2.0)
    (g,) = tp.autograd.grad([x * 2, x * x], x, [tp.tensor([1.0, 0.0]), tp.tensor([0.0, 1.0])])
    assert g.tolist() == [2.0, 4.0]


def test_grad_with_respect_to_a_result_on_the_way() -> None:
    x = leaf(3.0)
    y = x * x
    z = y * y
    gy, gx = tp.autograd.grad(z.sum(), [y, x])
    assert (gy.tolist(), gx.tolist()) == ([18.0], [108.0])


def test_grad_of_a_tensor_with_respect_to_itself() -> None:
    x = leaf(3.0)
    y = x * x
    assert [g.tolist() for g in tp.autograd.grad(y, [y, x], tp.tensor([5.0]))] == [[5.0], [30.0]]
    assert tp.autograd.grad(x, x, tp.tensor([7.0]))[0].tolist() == [7.0]


def test_grad_of_the_same_input_twice() -> None:
    x = leaf(3.0)
    assert [g.tolist() for g in tp.autograd.grad((x * x).sum(), [x, x])] == [[6.0], [6.0]]


def test_unused_inputs() -> None:
    x, other = leaf(1.0), tp.ones(2, 3, dtype=tp.float64, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"do not depend on input 1.*allow_unused=True"):
        tp.autograd.grad((x * 2).sum(), [x, other])
    g, none = tp.autograd.grad((x * 2).sum(), [x, other], allow_unused=True)
    assert (g.tolist(), none) == ([2.0], None)
    _, zeros = tp.autograd.grad((x * 2).sum(), [x, other], materialize_grads=True)
    assert_close(zeros, tp.zeros(2, 3, dtype=tp.float64))


def test_grad_of_one_of_several_outputs() -> None:
    x = leaf(1.0, 5.0, 3.0)
    parts = x.unbind()
    assert tp.autograd.grad(parts[1] * 4, x)[0].tolist() == [0.0, 4.0, 0.0]
    whole = (x * x).split(2)
    gp, gx = tp.autograd.grad(whole[1].sum(), [whole[1], x])
    assert (gp.tolist(), gx.tolist()) == ([1.0], [0.0, 0.0, 6.0])


# --- what is refused, with nothing changed --------------------------------------------------------------


def test_not_a_scalar() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"shape \(2,\) needs a starting gradient"):
        (x * 2).backward()
    with pytest.raises(RuntimeError, match="starting gradient"):
        tp.autograd.grad(x * 2, x)
    assert x.grad is None


@pytest.mark.parametrize(
    "gradient, error, match",
    [
        (lambda: tp.ones(3), RuntimeError, r"shape \(3,\); expected .* \(2,\)"),
        (lambda: tp.ones(2, dtype=tp.float64), RuntimeError, "dtype .*float64.*float32"),
        (lambda: 1.0, TypeError, "float; expected a Tensor"),
        (lambda: np.ones(2), TypeError, "ndarray; expected a Tensor"),
    ],
)
def test_starting_gradient_that_does_not_fit(gradient, error, match: str) -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(error, match=match):
        (x * 2).backward(gradient())
    assert x.grad is None


def test_no_graph() -> None:
    x = leaf(1.0)
    with tp.no_grad():
        unrecorded = x * 2
    for y in (tp.tensor(1.0), x.detach(), unrecorded, tp.tensor(1)):
        with pytest.raises(RuntimeError, match="does not require a gradient"):
            y.sum().backward()
    with pytest.raises(RuntimeError, match="input 0 does not require a gradient"):
        tp.autograd.grad((x * 2).sum(), tp.tensor(1.0))
    with pytest.raises(TypeError, match="expected Tensors"):
        tp.autograd.backward([1.0])
    with pytest.raises(TypeError, match="input 0 is a float"):
        tp.autograd.grad((x * 2).sum(), [1.0])


@pytest.mark.parametrize("data", [[1, 2], [True, False]])
def test_only_floating_tensors_require_gradients(data: list) -> None:
    with pytest.raises(RuntimeError, match=r"only floating-point tensors.*\.float\(\)"):
        tp.tensor(data, requires_grad=True)
    x = tp.tensor(data)
    with pytest.raises(RuntimeError, match="only floating-point tensors"):
        x.requires_grad_()
    assert not x.requires_grad


def test_integer_results_carry_no_gradient() -> None:
    x = leaf(1.5, 2.5)
    for y in (x.argmax(), x > 2, x.long(), x.round().int()):
        assert (y.requires_grad, y.grad_fn) == (False, None)


def test_requires_grad_of_a_result_cannot_be_switched_off() -> None:
    x = leaf(1.0)
    y = x * 2
    with pytest.raises(RuntimeError, match=r"only a leaf's.*\.detach\(\)"):
        y.requires_grad = False
    assert y.requires_grad
    x.requires_grad_(False)
    assert not (x * 2).requires_grad


@pytest.mark.parametrize("shape", [(4,), (1,), (3, 1), ()])
def test_data_of_another_shape_after_it_was_used(shape: tuple[int, ...]) -> None:
    x, w = tp.ones(3, requires_grad=True), tp.ones(3, requires_grad=True)
    y = ((x + 1) * w).sum()
    x.data = tp.ones(shape)
    with pytest.raises(RuntimeError, match="another shape"):
        y.backward()
    assert x.grad is None
    assert w.grad is None
    (x * 2).sum().backward()
    assert x.grad.shape == shape


def test_an_old_gradient_of_another_shape() -> None:
    x, w = tp.ones(3, requires_grad=True), tp.ones(1, requires_grad=True)
    (x * w).sum().backward()
    x.data = tp.ones(2)
    with pytest.raises(RuntimeError, match=r"shape \(2,\).*\.grad of shape \(3,\).*reset it"):
        (w * x).sum().backward()
    assert (x.grad.tolist(), w.grad.tolist()) == ([1.0] * 3, [3.0])


def test_assigning_a_gradient_that_does_not_fit() -> None:
    x = leaf(1.0, 2.0)
    x.grad = tp.ones(2)
    for wrong, error, match in (
        (tp.ones(3), RuntimeError, r"shape \(3,\) for a tensor of shape \(2,\)"),
        (tp.ones(2, dtype=tp.float64), RuntimeError, "dtype"),
        ([1.0, 1.0], TypeError, "expected a Tensor or None"),
        (x, ValueError, "its own gradient"),
    ):
        with pytest.raises(error, match=match):
            x.grad = wrong
        assert x.grad.tolist() == [1.0, 1.0]


def test_an_error_on_the_way_changes_no_gradient() -> None:
    a, b, c = leaf(1.0), leaf(2.0), leaf(3.0)
    (a * b * c).sum().backward()
    before = [t.grad.tolist() for t in (a, b, c)]
    kept = a * b
    kept.retain_grad()
    y = (Failing.apply(c) * 2 + kept).sum()  # b and a are ready before the rule of c fails
    for _ in range(2):
        with pytest.raises(ZeroDivisionError, match="on purpose"):
            y.backward(retain_graph=True)
        assert [t.grad.tolist() for t in (a, b, c)] == before
        assert kept.grad is None
    assert tp.is_grad_enabled()


def test_variable_of_old_scripts() -> None:
    """``Variable(x)``, from before it became the Tensor itself: on x's memory, without its history."""
    x = tp.tensor([1.0, 2.0], requires_grad=True) * 2
    for v, wanted in ((tp.autograd.Variable(x), False), (tp.autograd.Variable(x, requires_grad=True), True)):
        assert type(v) is tp.Tensor
        assert (v.requires_grad, v.is_leaf, v.tolist()) == (wanted, True, [2.0, 4.0])
    with pytest.raises(TypeError, match=r"expected a Tensor, got a list.*tp\.tensor"):
        tp.autograd.Variable([1.0])


# --- many gradients under way at once ----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_gradients_of_a_random_wide_graph(seed: int) -> None:
    """Hundreds of sums are open at a time and close in another order than they were opened in."""
    rng = np.random.default_rng(seed)
    leaves = [tp.tensor(rng.standard_normal(), dtype=tp.float64, requires_grad=True) for _ in range(60)]
    values, slopes = list(leaves), [np.eye(60)[i] for i in range(60)]  # each value's gradient, known by hand
    for _ in range(600):
        i, j = rng.integers(0, len(values), 2)
        a = float(rng.uniform(-0.5, 0.5))
        values.append(values[i] + a * values[j])
        slopes.append(slopes[i] + a * slopes[j])
    chosen = rng.permutation(len(values))[:200]
    total = sum(values[i] for i in chosen)
    expected = sum(slopes[i] for i in chosen)
    total.backward()
    found = [0.0 if leaf.grad is None else leaf.grad.item() for leaf in leaves]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_gradients_meet_leaves_in_the_order_of_the_graph() -> None:
    """Hooks of leaves run in the order in which their gradients arrived, whatever their addresses."""
    order: list[int] = []
    leaves = [tp.tensor(float(i), requires_grad=True) for i in range(40)]
    for i, leaf in enumerate(leaves):
        leaf.register_hook(lambda g, i=i: order.append(i))
    total = tp.tensor(0.0)
    for leaf in leaves:
        total = total + leaf
    total.backward()
    assert order == list(reversed(range(40)))
