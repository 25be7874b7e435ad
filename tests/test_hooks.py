"""Hooks on gradients, `retain_grad`, and the modes that switch recording off and on."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

import tiny_pytorch as tp


def leaf(*values: float) -> tp.Tensor:
    return tp.tensor(list(values), requires_grad=True)


# --- hooks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("create_graph", [False, True])
def test_hook_of_a_leaf_sees_the_whole_gradient_once(create_graph: bool) -> None:
    x = leaf(2.0)
    seen: list[list[float]] = []
    x.register_hook(lambda g: seen.append(g.tolist()))
    (x * 3 + x * x).sum().backward(create_graph=create_graph)
    assert seen == [[7.0]]
    assert x.grad.tolist() == [7.0]


def test_what_a_hook_returns_replaces_the_gradient() -> None:
    x = leaf(2.0)
    y = x * 3
    y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: g + 1)
    (y * y).sum().backward()
    assert x.grad.tolist() == [3 * (12.0 * 10 + 1)]


def test_hooks_run_for_grad_too() -> None:
    x = leaf(2.0)
    y = x * 3
    x.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: g * 100)
    gy, gx = tp.autograd.grad((y * 1).sum(), [y, x])
    assert (gy.tolist(), gx.tolist()) == ([100.0], [3000.0])


def test_a_hook_can_be_removed() -> None:
    x = leaf(2.0)
    y = x * 1
    handles = [t.register_hook(lambda g: g * 10) for t in (x, y)]
    for handle in handles:
        handle.remove()
        handle.remove()
    with x.register_hook(lambda g: g * 7):
        pass
    y.sum().backward()
    assert x.grad.tolist() == [1.0]


def test_a_hook_that_keeps_the_gradient_does_not_share_it() -> None:
    x = leaf(2.0)
    kept: list[tp.Tensor] = []
    x.register_hook(kept.append)
    for _ in range(2):
        (x * 3).sum().backward()
    assert [g.tolist() for g in kept] == [[3.0], [3.0]]
    assert x.grad.tolist() == [6.0]


@pytest.mark.parametrize(
    "wrong, error, match",
    [
        (lambda g: 1.0, TypeError, "returned a float"),
        (lambda g: tp.ones(3), RuntimeError, r"shape \(3,\) for a gradient of shape \(1,\)"),
        (lambda g: g.double(), RuntimeError, r"dtype .*float64 for a gradient of dtype .*float32"),
        (lambda g: 1 // 0, ZeroDivisionError, "division"),
    ],
)
@pytest.mark.parametrize("of_a_leaf", [False, True])
def test_a_hook_that_fails_changes_no_gradient(wrong, error: type, match: str, of_a_leaf: bool) -> None:
    x, w = leaf(1.0), leaf(2.0)
    y = w * 3
    (w if of_a_leaf else y).register_hook(wrong)
    with pytest.raises(error, match=match):
        (x * 2 + y).sum().backward()
    assert x.grad is None
    assert w.grad is None


def test_a_hook_needs_a_gradient() -> None:
    for method in ("register_hook", "retain_grad"):
        with pytest.raises(RuntimeError, match="does not require a gradient"):
            getattr(tp.ones(1), method)(*([print] if method == "register_hook" else []))


# --- retain_grad ---------------------------------------------------------------------------------------


def test_retain_grad() -> None:
    x = leaf(2.0)
    y = x * x
    assert not y.retains_grad
    y.retain_grad()
    y.retain_grad()
    assert y.retains_grad
    assert not x.retains_grad
    (y * 3).sum().backward(retain_graph=True)
    assert (y.grad.tolist(), x.grad.tolist()) == ([3.0], [12.0])
    tp.autograd.grad((y * 3).sum(), x)
    assert (y.grad.tolist(), x.grad.tolist()) == ([6.0], [12.0])


def test_without_retain_grad_only_leaves_keep_gradients() -> None:
    x = leaf(2.0)
    y = x * x
    y.sum().backward()
    assert y.grad is None


def test_retained_gradients_are_those_after_the_hooks() -> None:
    x = leaf(2.0)
    y = x * x
    y.retain_grad()
    y.register_hook(lambda g: g * 10)
    y.sum().backward()
    assert (y.grad.tolist(), x.grad.tolist()) == ([10.0], [40.0])


def test_a_retaining_tensor_may_be_gone() -> None:
    x = leaf(2.0)
    y = x * x
    y.retain_grad()
    z = y.sum()
    del y
    z.backward()
    assert x.grad.tolist() == [4.0]


# --- grad modes ----------------------------------------------------------------------------------------


def recorded() -> bool:
    return (leaf(1.0) * 2).requires_grad


def test_modes_nest() -> None:
    assert recorded()
    with tp.no_grad():
        assert not recorded()
        with tp.enable_grad():
            assert recorded()
            with tp.set_grad_enabled(False):
                assert not recorded()
            assert recorded()
        assert not recorded()
    with tp.inference_mode():
        assert not recorded()
        with tp.inference_mode(mode=False):
            assert recorded()
    assert recorded()
    assert not tp.inference_mode(recorded)()
    assert not tp.inference_mode()(recorded)()


@pytest.mark.parametrize("mode", [tp.no_grad, tp.enable_grad, tp.inference_mode])
def test_a_mode_that_is_given_something_else(mode) -> None:
    with pytest.raises(TypeError, match=r"expected nothing, or a function.*set_grad_enabled\(mode\)"):
        mode(1)


def test_a_mode_ends_with_an_error() -> None:
    with pytest.raises(KeyError), tp.no_grad():
        raise KeyError
    assert recorded()


@pytest.mark.parametrize("make", [tp.no_grad, lambda: tp.set_grad_enabled(False)], ids=["no_grad", "set_grad_enabled"])
def test_a_mode_can_be_used_again_and_inside_itself(make) -> None:
    mode = make()
    with mode:
        assert not recorded()
        with mode:
            assert not recorded()
        assert not recorded()
    assert recorded()
    with mode:
        assert not recorded()
    assert recorded()


def test_set_grad_enabled_as_a_function() -> None:
    tp.set_grad_enabled(False)
    try:
        assert not recorded()
    finally:
        tp.set_grad_enabled(True)
    assert recorded()


def test_modes_as_decorators() -> None:
    @tp.no_grad()
    def called() -> bool:
        return recorded()

    @tp.no_grad
    def bare() -> bool:
        """Its own."""
        return recorded()

    @tp.set_grad_enabled(False)
    def switched() -> bool:
        return recorded()

    @tp.enable_grad()
    def on() -> bool:
        return recorded()

    assert recorded()  # decorating switched nothing
    assert not any([called(), bare(), switched()])
    assert (bare.__name__, bare.__doc__) == ("bare", "Its own.")
    with tp.no_grad():
        assert on()
    assert recorded()


def test_a_decorated_generator_sets_the_mode_only_while_it_runs() -> None:
    ended = []

    @tp.no_grad()
    def generate() -> Iterator[object]:
        try:
            received = yield recorded()
            try:
                yield received, recorded()
            except KeyError:
                yield "caught", recorded()
            return "returned"
        finally:
            ended.append(recorded())

    generator = generate()
    assert next(generator) is False
    assert recorded()
    assert generator.send("sent") == ("sent", False)
    assert generator.throw(KeyError()) == ("caught", False)
    assert recorded()
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == "returned"
    early = generate()
    next(early)
    early.close()
    assert ended == [False, False]
    assert recorded()


def test_the_mode_is_each_threads_own() -> None:
    found = {}

    def other() -> None:
        found["start"] = recorded()
        tp.set_grad_enabled(False)
        found["changed"] = recorded()

    with tp.no_grad():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert found == {"start": True, "changed": False}
    assert recorded()


def test_backward_works_inside_no_grad() -> None:
    x = leaf(3.0)
    y = (x * x).sum()
    with tp.no_grad():
        y.backward()
        assert not tp.is_grad_enabled()
    assert x.grad.tolist() == [6.0]


def test_threads_may_run_backward_at_the_same_time() -> None:
    leaves = [leaf(float(i)) for i in range(4)]

    def work(x: tp.Tensor) -> None:
        for _ in range(50):
            (x * x).sum().backward()

    threads = [threading.Thread(target=work, args=(x,)) for x in leaves]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [x.grad.item() for x in leaves] == [100.0 * i for i in range(4)]
