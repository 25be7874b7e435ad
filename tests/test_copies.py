"""What PyTorch copies is a copy here too, and what a gradient does not need may be overwritten."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import tiny_pytorch as tp

COPIES: dict[str, Callable[[tp.Tensor], tp.Tensor]] = {
    "flip": lambda x: x.flip(0),
    "fliplr": lambda x: x.fliplr(),
    "flipud": lambda x: x.flipud(),
    "rot90": lambda x: x.rot90(),
    "diag": lambda x: x.diag(),
    "x[True]": lambda x: x[True],
    "x[0-d mask]": lambda x: x[tp.tensor(True)],
    "x[mask]": lambda x: x[x > 0],
    "x[[0, 1]]": lambda x: x[[0, 1]],
    "repeat once": lambda x: x.repeat(1, 1),
    "repeat_interleave once": lambda x: x.repeat_interleave(1, 0),
    "repeat_interleave of one": lambda x: x[:1].repeat_interleave(2, 0),
}


@pytest.mark.parametrize("make", COPIES.values(), ids=list(COPIES))
def test_writing_into_a_copy_leaves_the_original_alone(make: Callable[[tp.Tensor], tp.Tensor]) -> None:
    x = tp.tensor([[1.0, 2.0], [3.0, 4.0]])
    make(x).mul_(100)
    assert x.tolist() == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize("make", COPIES.values(), ids=list(COPIES))
def test_a_copy_of_a_leaf_can_be_written(make: Callable[[tp.Tensor], tp.Tensor]) -> None:
    x = tp.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    (expected,) = tp.autograd.grad((make(x) * 3).sum(), x)
    make(x).mul_(3).sum().backward()
    tp.testing.assert_close(x.grad, expected)


@pytest.mark.parametrize("extreme", [tp.max, tp.min])
def test_the_input_of_an_extreme_may_be_overwritten(extreme: Callable) -> None:
    x = tp.tensor([[1.0, 5.0, 2.0]], requires_grad=True)
    y = x * 1
    values, places = extreme(y, 1, keepdim=True)
    y -= values
    chosen = int(places)
    places += 1  # what the user was given is his
    (y * tp.tensor([1.0, 10.0, 100.0])).sum().backward()
    expected = [1.0, 10.0, 100.0]
    expected[chosen] -= 111.0
    assert x.grad.tolist() == [expected]


@pytest.mark.parametrize("operation", [tp.sort, lambda x: tp.topk(x, 2)], ids=["sort", "topk"])
def test_the_input_of_a_sort_may_be_overwritten(operation: Callable) -> None:
    x = tp.tensor([3.0, 1.0, 2.0], requires_grad=True)
    weights = tp.tensor([1.0, 10.0, 100.0])
    (expected,) = tp.autograd.grad((operation(x * 1)[0] * weights[: len(operation(x)[0])]).sum(), x)
    y = x * 1
    values, places = operation(y)
    y.zero_()
    places.zero_()
    (values * weights[: len(values)]).sum().backward()
    tp.testing.assert_close(x.grad, expected)


def test_the_result_of_logaddexp_may_be_overwritten() -> None:
    x = tp.tensor([1.0, float("inf"), float("-inf")], requires_grad=True)
    tp.logaddexp(x, x.detach()).mul_(2).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0, 1.0]
