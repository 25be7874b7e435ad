"""How long things live: deep graphs, released values, no reference cycles, memory that stays flat."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tiny_pytorch as tp


def deep() -> int:
    """As many operations as no recursion survives; fewer where each one is slow, since the engine is the same."""
    return 100_000 if tp.backend.current().name == "numpy" else 3_000


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Garbage collection off: what a reference cycle holds stays."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def chain(length: int) -> tuple[tp.Tensor, tp.Tensor]:
    x = tp.tensor(1.0, dtype=tp.float64, requires_grad=True)
    y = x
    for i in range(length):
        y = y * 1.0 if i % 2 else y + 1.0
    return x, y


# --- depth ---------------------------------------------------------------------------------------------


def test_a_long_chain_forward_and_backward() -> None:
    x, y = chain(deep())
    assert y.item() == 1.0 + deep() // 2
    y.backward()
    assert x.grad.item() == 1.0
    del y


def test_a_long_chain_that_is_dropped_without_backward() -> None:
    x, y = chain(deep())
    alive = weakref.ref(y)
    del y
    assert alive() is None
    assert x.grad is None


def test_a_long_chain_towards_chosen_inputs() -> None:
    x, y = chain(deep())
    (g,) = tp.autograd.grad(y, x)
    assert g.item() == 1.0


def test_a_long_chain_with_create_graph() -> None:
    x, y = chain(deep() // 10)
    (g,) = tp.autograd.grad(y * y, x, create_graph=True)
    (second,) = tp.autograd.grad(g, x)
    assert second.item() == 2.0


def test_a_long_chain_in_place() -> None:
    x = tp.ones(2, requires_grad=True)
    y = x * 1
    for _ in range(deep() // 10):
        y += x
    y.sum().backward()
    assert x.grad.tolist() == [1.0 + deep() // 10] * 2


def test_a_long_chain_of_functions() -> None:
    class Same(tp.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: tp.Tensor) -> tp.Tensor:
            ctx.save_for_backward(x)
            return x * 1

        @staticmethod
        def backward(ctx: Any, g: tp.Tensor) -> tp.Tensor:
            return g

    x = tp.ones((), requires_grad=True)
    y = x
    for _ in range(deep() // 10):
        y = Same.apply(y)
    y.backward()
    assert x.grad.item() == 1.0
    del y


@pytest.mark.numpy_only
def test_a_wide_sum() -> None:
    x = tp.ones((), requires_grad=True)
    tp.stack([x] * 20_000).sum().backward()
    assert x.grad.item() == 20_000.0


# --- what dies when ------------------------------------------------------------------------------------


class Doubled(tp.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: tp.Tensor) -> tuple[tp.Tensor, tp.Tensor]:
        y = x * 2
        ctx.save_for_backward(x, y)
        return y, x + 1

    @staticmethod
    def backward(ctx: Any, g: tp.Tensor, h: tp.Tensor) -> tp.Tensor:
        x, y = ctx.saved_tensors
        return g * 2 + h + 0 * x * y


def retained(x: tp.Tensor) -> tp.Tensor:
    y = x.exp()
    y.retain_grad()
    return y


def hooked(x: tp.Tensor) -> tp.Tensor:
    y = x.exp()
    y.register_hook(lambda g: g * 2)
    return y


def written(x: tp.Tensor) -> tp.Tensor:
    y = x * 1
    y[0].mul_(x[1])
    y += x
    return y


GRAPHS: dict[str, Callable[[tp.Tensor], tp.Tensor]] = {
    "output kept": lambda x: x.exp().tanh(),
    "inputs kept": lambda x: x * x.sin() @ x,
    "view": lambda x: x.reshape(1, -1).T[0] * 2,
    "several outputs": lambda x: x.unbind()[1] * x.split(1)[0],
    "softmax": lambda x: x.softmax(0).log_softmax(0),
    "layer": lambda x: tp.nn.functional.layer_norm(x, (2,)),
    "function": lambda x: Doubled.apply(x)[0] * Doubled.apply(x)[1],
    "retained": retained,
    "hooked": hooked,
    "written in place": written,
    "gradient": lambda x: tp.autograd.grad((x**3).sum(), x, create_graph=True)[0],
}  # fmt: skip


@pytest.mark.parametrize("build", GRAPHS.values(), ids=list(GRAPHS))
@pytest.mark.parametrize("backward", [False, True])
def test_no_cycles(build: Callable[[tp.Tensor], tp.Tensor], backward: bool, no_collector: None) -> None:
    """Everything dies with the last name for it, whether it was differentiated or not."""

    def step() -> list[weakref.ref]:
        x = tp.tensor([0.5, 1.5], requires_grad=True)
        y = build(x)
        loss = y.sum()
        if backward:
            loss.backward(retain_graph=True)
            loss.backward()
        return [weakref.ref(t) for t in (x, y, loss)]

    step()
    assert [alive() for alive in step()] == [None] * 3


def test_a_result_keeps_no_tensor_on_the_way_alive(no_collector: None) -> None:
    x = tp.ones(3, requires_grad=True)
    y = x.exp()
    z = (y * 2).sum()
    alive = weakref.ref(y)
    del y
    assert alive() is None
    z.backward()
    assert x.grad.tolist() == pytest.approx([2 * np.e] * 3)


def array_of(x: tp.Tensor) -> weakref.ref:
    return weakref.ref(x.array)


@pytest.mark.numpy_only
def test_only_what_a_rule_reads_is_kept() -> None:
    x, w = tp.ones(3, requires_grad=True), tp.ones(3)
    dead = [x * 2, x + 1, (x * 3).exp()]
    arrays = [array_of(t) for t in dead]
    results = [dead[0] * w, dead[1].sum(), (dead[2] - 1) * 2]
    kept = array_of(dead[2])
    del dead
    assert [a() is None for a in arrays] == [True, True, False]  # exp reads its output
    assert kept() is not None
    del results
    assert kept() is None


@pytest.mark.numpy_only
def test_saved_values_are_released_by_backward() -> None:
    x = tp.ones(3, requires_grad=True)
    y = x.exp()
    loss = y.sum()
    kept = array_of(y)
    del y
    loss.backward(retain_graph=True)
    assert kept() is not None
    loss.backward()
    assert kept() is None


@pytest.mark.numpy_only
def test_saved_values_are_released_as_soon_as_they_were_used() -> None:
    """When the rule of the first operation runs, those after it have let go of theirs, and of their gradients."""
    alive: list[bool] = []
    kept: list[weakref.ref] = []

    class First(tp.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: tp.Tensor) -> tp.Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: tp.Tensor) -> tp.Tensor:
            alive.extend(a() is not None for a in kept)
            return g

    x = tp.ones(3, requires_grad=True)
    y = First.apply(x)
    for _ in range(3):
        y = y.exp().log()
        y.register_hook(lambda g: kept.append(array_of(g)))
        kept.append(array_of(y))
        y = y.sqrt()
        kept.append(array_of(y))
    loss = y.sum()
    del y
    loss.backward()
    assert alive == [False] * 9


@pytest.mark.numpy_only
def test_the_peak_of_a_backward_pass_does_not_grow_with_the_depth() -> None:
    """Gradients on the way die, too: beside what the forward kept, two or three are alive at a time."""
    size = 50_000

    def peak(depth: int) -> float:
        x = tp.ones(size, requires_grad=True)
        y = x
        for _ in range(depth):
            y = y + 1.0  # keeps nothing
        loss = y.sum()
        del y
        tracemalloc.start()
        loss.backward()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found / (4 * size)

    assert peak(50) < peak(5) + 1.5


# --- memory --------------------------------------------------------------------------------------------


def training_step(model: tp.nn.Module, optimizer: tp.optim.Optimizer, x: tp.Tensor, y: tp.Tensor) -> None:
    optimizer.reset_grad()
    tp.nn.CrossEntropyLoss()(model(x), y).backward()
    optimizer.step()


def penalised_step(model: tp.nn.Module, optimizer: tp.optim.Optimizer, x: tp.Tensor, y: tp.Tensor) -> None:
    """With a second derivative, an in-place operation and a hook."""
    optimizer.reset_grad()
    loss = tp.nn.CrossEntropyLoss()(model(x), y)
    weight = next(iter(model.parameters()))
    (g,) = tp.autograd.grad(loss, weight, create_graph=True)
    penalty = g * g
    penalty[0].mul_(2)
    penalty.register_hook(lambda g: g * 1)
    (loss + penalty.sum()).backward()
    optimizer.step()


@pytest.mark.parametrize(
    "step, times", [(training_step, 3000), (penalised_step, 300)], ids=["training", "with a penalty"]
)
def test_memory_is_flat_with_the_collector_off(step: Callable[..., None], times: int, no_collector: None) -> None:
    if tp.backend.current().name != "numpy":
        times //= 60  # the others are slower, and the same engine drives them
    model = tp.nn.Sequential(
        tp.nn.Linear(4, 8), tp.nn.LayerNorm(8), tp.nn.ReLU(), tp.nn.Dropout(0.1), tp.nn.Linear(8, 3)
    )
    optimizer = tp.optim.Adam(model.parameters())
    x, y = tp.randn(5, 4), tp.tensor([0, 1, 2, 1, 0])
    for _ in range(280 if tp.backend.current().name == "cupy" else 20):  # its optimizers remember 256 sets of addresses
        step(model, optimizer, x, y)
    objects = len(gc.get_objects())
    tracemalloc.start(1)
    step(model, optimizer, x, y)
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(times):
        step(model, optimizer, x, y)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 200_000 + 20 * times  # free lists fill up for a while; an array for each step would be more
    assert len(gc.get_objects()) - objects < 50


@pytest.mark.parametrize("fail", ["rule", "hook", "forward"])
def test_errors_leak_nothing(fail: str, no_collector: None) -> None:
    class Failing(tp.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: tp.Tensor) -> tp.Tensor:
            if fail == "forward":
                raise KeyError
            return x * 1

        @staticmethod
        def backward(ctx: Any, g: tp.Tensor) -> tp.Tensor:
            raise KeyError

    def hook(g: tp.Tensor) -> None:
        raise KeyError

    def attempt() -> weakref.ref:
        x = tp.ones(3, requires_grad=True)
        y = (x * x).exp()
        alive = weakref.ref(y)
        try:
            if fail == "hook":
                y.register_hook(hook)
                y.sum().backward()
            else:
                Failing.apply(y).sum().backward()
        except KeyError:
            pass
        return alive

    attempt()
    assert attempt()() is None
