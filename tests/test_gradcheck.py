"""`gradcheck` and `gradgradcheck`: they pass what is right, and notice what is wrong, at each order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tiny_pytorch as tp
from tiny_pytorch.autograd import Function, GradcheckError, gradcheck, gradgradcheck, op


def leaf(*values: float) -> tp.Tensor:
    return tp.tensor(list(values), dtype=tp.float64, requires_grad=True)


def cube(factor: float, second: float = 1.0) -> Any:
    """x³ with the gradient ``3 x² factor``, whose own gradient is that times ``second``."""

    class Slope(Function):
        @staticmethod
        def forward(ctx: Any, x: tp.Tensor) -> tp.Tensor:
            ctx.save_for_backward(x)
            return 3 * factor * x * x

        @staticmethod
        def backward(ctx: Any, g: tp.Tensor) -> tp.Tensor:
            (x,) = ctx.saved_tensors
            return 6 * factor * second * x * g

    class Cube(Function):
        @staticmethod
        def forward(ctx: Any, x: tp.Tensor) -> tp.Tensor:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, g: tp.Tensor) -> tp.Tensor:
            (x,) = ctx.saved_tensors
            return Slope.apply(x) * g

    return Cube.apply


def test_right_rules_pass() -> None:
    x = leaf(0.5, -1.5)
    assert gradcheck(cube(1.0), x)
    assert gradgradcheck(cube(1.0), x)


@pytest.mark.parametrize("factor", [0.0, 1.01, -1.0, 2.0])
def test_a_wrong_first_derivative(factor: float) -> None:
    x = leaf(0.5, -1.5)
    with pytest.raises(GradcheckError, match=r"(?s)output 0 with respect to input 0.*analytical.*numerical"):
        gradcheck(cube(factor), x)
    assert gradcheck(cube(factor), x, raise_exception=False) is False


@pytest.mark.parametrize("second", [0.0, 1.01, -1.0])
def test_a_wrong_second_derivative(second: float) -> None:
    x = leaf(0.5, -1.5)
    assert gradcheck(cube(1.0, second), x)
    with pytest.raises(GradcheckError):
        gradgradcheck(cube(1.0, second), x)
    assert gradgradcheck(cube(1.0, second), x, raise_exception=False) is False


def test_the_right_derivative_of_one_input_does_not_hide_the_others() -> None:
    a, b = leaf(0.5, 2.0), leaf(1.0)
    assert gradcheck(lambda a, b: a * b, [a, b])
    with pytest.raises(GradcheckError, match="input 1"):
        gradcheck(lambda a, b: a * b.detach() + 0 * b, [a, b])
    with pytest.raises(GradcheckError, match="output 1 with respect to input 0"):
        gradcheck(lambda a, b: (a * b, a.detach() * b), [a, b])
    with pytest.raises(GradcheckError, match="output 0 with respect to input 0"):
        gradcheck(lambda a: a.detach() * 2, [a])


def test_a_single_wrong_element() -> None:
    @op(keeps="inputs")
    def square(k: Any, x: Any) -> Any:
        return x * x

    @square.gradient
    def rule(k: Any, g: Any, saved: Any) -> tuple:
        (x,) = saved.inputs
        size = x.shape[0]
        wrong = k.xp.where(k.xp.arange(size) == size - 1, k.xp.ones_like(x) * 1.01, k.xp.ones_like(x))
        return (2.0 * g * x * wrong,)

    with pytest.raises(GradcheckError):
        gradcheck(square, leaf(1.0, 2.0, 3.0))


def test_elements_without_an_effect_on_each_other() -> None:
    """A Jacobian that is not diagonal, of inputs and outputs of different sizes, some of them empty."""
    m = tp.tensor(np.arange(6.0).reshape(3, 2) / 5, requires_grad=True)
    assert gradcheck(lambda m: (m.sum(0) * m[0], m.reshape(-1)[2:], m[:0], m.argmax(), 3), m)
    assert gradgradcheck(lambda m: (m.sum(0) * m[0]).sin(), m)
    assert gradcheck(lambda x: x * 2, tp.zeros(0, 3, dtype=tp.float64, requires_grad=True))
    assert gradcheck(lambda x: x * 2, tp.tensor(0.3, dtype=tp.float64, requires_grad=True))


def test_inputs_that_need_no_gradient() -> None:
    index = tp.tensor([1, 1, 0])
    assert gradcheck(lambda x, i, n: x[i] * n, [leaf(0.5, 2.0), index, 3.0])
    assert gradgradcheck(lambda x, i, n: x[i] ** n, [leaf(0.5, 2.0), index, 3.0])


def test_given_starting_gradients() -> None:
    x, g = leaf(0.5, 1.5), tp.tensor([1.0, -2.0], dtype=tp.float64, requires_grad=True)
    assert gradgradcheck(tp.sin, x, g)
    with pytest.raises(GradcheckError):
        gradgradcheck(cube(1.0, 0.5), x, [g])


def test_tolerances() -> None:
    x = leaf(0.5)
    assert gradcheck(cube(1.01), x, rtol=0.05)
    assert gradcheck(cube(1.01), x, atol=0.05)
    with pytest.raises(GradcheckError):
        gradcheck(cube(1.01), x, rtol=1e-4)


def test_nothing_is_left_behind() -> None:
    x = leaf(0.5, 1.5)
    gradcheck(tp.sin, x)
    gradgradcheck(tp.sin, x)
    assert (x.grad, x.tolist(), x._version) == (None, [0.5, 1.5], 0)


def test_inputs_that_cannot_be_checked() -> None:
    with pytest.raises(ValueError, match="no input requires a gradient"):
        gradcheck(tp.sin, tp.ones(2, dtype=tp.float64))
    with pytest.raises(ValueError, match=r"input 0 is float32.*float64"):
        gradcheck(tp.sin, tp.ones(2, requires_grad=True))
