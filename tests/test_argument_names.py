"""What PyTorch lets callers name, callers may name here: the inputs of ops as functions and as methods."""

from __future__ import annotations

import numpy as np
import pytest

import tiny_pytorch as tp

OPS = {name: value for name, value in vars(tp).items() if isinstance(value, tp.autograd.Op)}
UNARY = [name for name, op in OPS.items() if op.arguments == ("input",)]
BINARY = [name for name, op in OPS.items() if op.arguments == ("input", "other")]
INTEGERS = {name for name in OPS if name.startswith("bitwise")}


def arguments(name=""):
    x, y = tp.tensor([0.25, 0.5]), tp.tensor([2.0, 3.0])
    return (x.long() + 5, y.long()) if name in INTEGERS else (x, y)


def same(a, b):
    np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.parametrize("name", UNARY)
def test_the_only_input_has_its_name(name):
    x, _ = arguments(name)
    same(getattr(tp, name)(input=x), getattr(tp, name)(x))


@pytest.mark.parametrize("name", BINARY)
def test_both_inputs_have_their_names(name):
    function, (x, y) = getattr(tp, name), arguments(name)
    expected = function(x, y)
    same(function(input=x, other=y), expected)
    same(function(x, other=y), expected)
    same(function(other=y, input=x), expected)
    if hasattr(x, name):
        same(getattr(x, name)(other=y), expected)


def test_there_are_many():
    assert {"exp", "neg", "clone", "tanh"} <= set(UNARY)
    assert {"add", "mul", "eq", "maximum", "matmul"} <= set(BINARY)


def test_names_beside_switches_and_in_place():
    x, y = arguments()
    same(tp.add(x, other=y, alpha=2), x + 2 * y)
    same(tp.pow(input=x, exponent=2), x * x)
    same(x.clone().add_(other=y, alpha=2), x + 2 * y)


def test_gradients_flow_as_ever():
    x = tp.tensor([1.0, 2.0], requires_grad=True)
    tp.mul(input=x, other=x).sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_a_wrong_name_is_an_error():
    x, y = arguments()
    with pytest.raises(TypeError, match="nonsense"):
        tp.add(x, y, nonsense=1)
    with pytest.raises(TypeError):
        tp.add(x, y, other=y)
