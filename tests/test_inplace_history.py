"""In-place operations on tensors with history: gradients of what the memory holds now, also through views.

The judge is the same computation written out of place, in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tensors import host

import tiny_pytorch as tp
from tiny_pytorch.testing import assert_close


def leaf(*values: float) -> tp.Tensor:
    return tp.tensor(list(values), dtype=tp.float64, requires_grad=True)


def test_the_history_is_that_of_the_content() -> None:
    x = leaf(1.0, 2.0)
    y = x * 3
    assert y.mul_(2) is y
    y += x
    y.sum().backward()
    assert (y.tolist(), x.grad.tolist()) == ([7.0, 14.0], [7.0, 7.0])
    assert not y.is_leaf


def test_a_rule_reads_the_old_content_though_it_was_overwritten() -> None:
    x = leaf(2.0, 3.0)
    y = x * 1
    y.mul_(y)  # needs the old y twice
    y.pow_(2)
    y.sum().backward()
    assert x.grad.tolist() == [32.0, 108.0]


def test_a_tensor_without_history_gets_one() -> None:
    x, y = leaf(2.0, 3.0), tp.zeros(2, dtype=tp.float64)
    y += x * 5
    y[0] = x[1] * 7
    assert (y.requires_grad, y.is_leaf) == (True, False)
    y.sum().backward()
    assert x.grad.tolist() == [0.0, 12.0]


def test_overwriting_cuts_off_what_was() -> None:
    x, w = leaf(2.0, 3.0), leaf(5.0, 7.0)
    y = x * w
    y[0] = 1.0
    y.sum().backward()
    assert (x.grad.tolist(), w.grad.tolist()) == ([0.0, 7.0], [0.0, 3.0])
    y = x * 1
    y.zero_()
    assert y.requires_grad  # as in PyTorch: the old history goes on, with gradients of zero
    assert tp.autograd.grad(y.sum(), x)[0].tolist() == [0.0, 0.0]
    y.copy_(w * 2)
    assert [g.tolist() for g in tp.autograd.grad(y.sum(), [w])] == [[2.0, 2.0]]


def test_fill_and_copy_in_another_dtype() -> None:
    x = tp.ones(2, requires_grad=True)
    y = tp.zeros(3, 2, dtype=tp.float64)
    y.copy_(x * 2)
    y.sum().backward()
    assert (x.grad.dtype, x.grad.tolist()) == (tp.float32, [6.0, 6.0])


def test_writing_to_a_view_changes_the_history_of_its_base() -> None:
    x, w = leaf(1.0, 2.0, 3.0), leaf(10.0)
    base = x * 2
    view = base[1:]
    view.mul_(w)
    assert base.tolist() == [2.0, 40.0, 60.0]
    gx, gw = tp.autograd.grad(base.sum(), [x, w], retain_graph=True)
    assert (gx.tolist(), gw.tolist()) == ([2.0, 20.0, 20.0], [10.0])
    gx, gw = tp.autograd.grad(view.sum(), [x, w])
    assert (gx.tolist(), gw.tolist()) == ([0.0, 20.0, 20.0], [10.0])


def test_writing_to_a_base_changes_the_history_of_its_views() -> None:
    x = leaf(1.0, 2.0, 3.0)
    base = x * 2
    early, late = base[1:], base.reshape(3, 1)[::2]
    base.mul_(base)
    assert early.tolist() == [16.0, 36.0]
    (g,) = tp.autograd.grad(early.sum(), x, retain_graph=True)
    assert g.tolist() == [0.0, 16.0, 24.0]
    (g,) = tp.autograd.grad(late.sum(), x)
    assert g.tolist() == [8.0, 0.0, 24.0]


def test_writing_to_a_view_is_seen_by_the_other_views() -> None:
    x = leaf(1.0, 2.0, 3.0, 4.0)
    base = x * 1
    matrix, middle, other = base.reshape(2, 2), base[1:3], base[2:]
    matrix.T[0].mul_(10)  # elements 0 and 2
    middle.mul_(middle)
    assert base.tolist() == [10.0, 4.0, 900.0, 4.0]
    assert [v.tolist() for v in (matrix, middle, other)] == [[[10.0, 4.0], [900.0, 4.0]], [4.0, 900.0], [900.0, 4.0]]
    for value, g in (
        (other, [0.0, 0.0, 600.0, 1.0]),
        (middle, [0.0, 4.0, 600.0, 0.0]),
        (base, [10.0, 4.0, 600.0, 1.0]),
    ):
        assert tp.autograd.grad(value.sum(), x, retain_graph=True)[0].tolist() == g


def test_a_base_without_history_gets_one_through_its_view() -> None:
    x = leaf(1.0, 2.0)
    base = tp.zeros(3, dtype=tp.float64)
    base[1:].add_(x * 3)
    base[0] = x[1]
    assert base.requires_grad
    (base * tp.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert x.grad.tolist() == [30.0, 301.0]


def test_rows_filled_one_by_one() -> None:
    """The usual loop: a buffer to which each step writes its row."""
    x = leaf(1.0, 2.0)
    rows = tp.zeros(4, 2, dtype=tp.float64)
    state = x
    for i in range(4):
        state = state * 2
        rows[i] = state
    rows.sum().backward()
    assert x.grad.tolist() == [30.0, 30.0]


def test_duplicates_in_an_assigned_index() -> None:
    values = leaf(5.0, 6.0)
    x = tp.zeros(3, dtype=tp.float64)
    x[tp.tensor([2, 0])] = values
    (x * tp.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert (x.tolist(), values.grad.tolist()) == ([6.0, 0.0, 5.0], [100.0, 1.0])


def test_a_masked_assignment() -> None:
    x, value = leaf(-1.0, 2.0, -3.0), leaf(9.0)
    y = x * 1
    y[y.detach() < 0] = value
    (y * tp.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert (y.tolist(), x.grad.tolist(), value.grad.tolist()) == ([9.0, 2.0, 9.0], [0.0, 10.0, 0.0], [101.0])


def test_views_under_no_grad_update_their_base() -> None:
    x = leaf(1.0, 2.0)
    with tp.no_grad():
        x[0] = 5.0
        x[1:].add_(1)
        x.reshape(2, 1).mul_(2)
    assert (x.tolist(), x.is_leaf) == ([10.0, 6.0], True)
    (x * x).sum().backward()
    assert x.grad.tolist() == [20.0, 12.0]


def test_second_derivatives_through_an_in_place_operation() -> None:
    def function(x: tp.Tensor) -> tp.Tensor:
        y = x * x
        y[1:].mul_(x[:1])
        y[0] = y[2].clone() * x[1]
        return y.sin()

    x = leaf(0.5, 1.5, -0.7)
    assert tp.autograd.gradcheck(function, x)
    assert tp.autograd.gradgradcheck(function, x)


def test_hooks_and_retained_gradients_after_a_write() -> None:
    """They belong to the content: of the tensor as it is when they are registered."""
    x = leaf(1.0, 2.0)
    y = x * 3
    y.mul_(2)
    y.retain_grad()
    seen: list[Any] = []
    y.register_hook(lambda g: seen.append(g.tolist()))
    (y * 5).sum().backward()
    assert (y.grad.tolist(), seen, x.grad.tolist()) == ([5.0, 5.0], [[5.0, 5.0]], [30.0, 30.0])


BACK_AND_FORTH: dict[str, Callable[[tp.Tensor], tp.Tensor]] = {
    "the same": lambda x: x.view(2, 3),
    "all of it": lambda x: x[:],
    "transposed": lambda x: x.t(),
    "an axis more and less": lambda x: x.unsqueeze(0).squeeze(0),
    "another shape": lambda x: x.reshape(3, 2).reshape(2, 3),
}


@pytest.mark.parametrize("step", BACK_AND_FORTH.values(), ids=list(BACK_AND_FORTH))
@pytest.mark.parametrize("start", [lambda x: x, lambda x: x[1:3]], ids=["from all", "from a part"])
def test_views_of_views_in_a_loop_do_not_grow(step: Callable, start: Callable) -> None:
    """``x = x.view(...)`` in a loop: the way from the base to the view is as long as its last layout needs."""
    x, w = leaf(*range(12)), leaf(*range(6))
    base = x.reshape(4, 3) * 1
    view = start(base)[:2]
    for _ in range(20):
        view = step(view)
    if isinstance(base.array, np.ndarray) and view._view is not None:
        assert len(view._view.chain) <= 5
    view.mul_(w.reshape(view.shape))
    (base * base).sum().backward()
    places = np.zeros((4, 3))
    seen = host(step(step(start(tp.arange(12).reshape(4, 3))[:2])))  # 20 steps and 2: the same layout
    places.reshape(-1)[seen.reshape(-1).astype(int)] = np.arange(6)
    factors = np.where(np.isin(np.arange(12).reshape(4, 3), seen), places, 1)
    assert_close(x.grad, tp.tensor((2 * np.arange(12).reshape(4, 3) * factors**2).reshape(-1), dtype=tp.float64))


def test_views_of_one_shape_and_place_are_told_apart_by_their_strides() -> None:
    x, w = leaf(*range(9)), leaf(1, 2, 3)
    base = x.reshape(3, 3) * 1
    view = base[:].t()[:, :1].squeeze(1)  # the first row of the base, and not its first column
    view.mul_(w)
    base.sum().backward()
    assert (view.tolist(), x.grad.tolist()) == ([0.0, 2.0, 6.0], [1.0, 2.0, 3.0] + [1.0] * 6)


# --- random programs of views and writes ----------------------------------------------------------------

N = 4
VIEWS: dict[str, Callable[[Any], Any]] = {
    "all": lambda t: t[...],
    "tail": lambda t: t[1:],
    "every other": lambda t: t[::2],
    "backwards": lambda t: t[::-1],
    "transposed": lambda t: t.T,
    "one column": lambda t: t[:, 1],
    "one element": lambda t: t[1, 2],
    "flat tail": lambda t: t.reshape(-1)[3:],
    "tail of the transposed": lambda t: t.T[2:],
    "two steps": lambda t: t[1:][:, ::2],
}
# on the view, a matrix (N, N) and its twin on arrays: the new content of the view
WRITES: dict[str, tuple[Callable[[tp.Tensor, tp.Tensor], Any], Callable[[Any, Any], Any]]] = {
    "scale": (lambda v, w: v.mul_(1.5), lambda v, w: v * 1.5),
    "add": (lambda v, w: v.add_(w[1, 1]), lambda v, w: v + w[1, 1]),
    "multiply": (lambda v, w: v.mul_(w[0, 2]), lambda v, w: v * w[0, 2]),
    "square": (lambda v, w: v.mul_(v), lambda v, w: v * v),
    "sin": (lambda v, w: v.sin_(), lambda v, w: v.sin()),
    "constant": (lambda v, w: v.fill_(0.5), lambda v, w: v * 0 + 0.5),
    "assign": (lambda v, w: v.__setitem__(..., w[2, 3] * 2), lambda v, w: v * 0 + w[2, 3] * 2),
}
steps = st.lists(st.tuples(st.sampled_from(sorted(VIEWS)), st.sampled_from(sorted(WRITES))), min_size=1, max_size=4)


def out_of_place(base: tp.Tensor, view: str, write: str, w: tp.Tensor) -> tp.Tensor:
    """What the memory holds afterwards, as a new tensor: the positions of the view get the new content."""
    places = host(VIEWS[view](tp.arange(N * N).reshape(N, N)))
    content = WRITES[write][1](VIEWS[view](base), w)
    selector = np.zeros((N * N, places.size))
    selector[places.reshape(-1), np.arange(places.size)] = 1.0
    scattered = (tp.tensor(selector) @ content.reshape(-1)).reshape(N, N)
    return base * tp.tensor(1.0 - selector.sum(axis=1).reshape(N, N)) + scattered


@settings(max_examples=40)
@given(steps=steps, ahead=st.booleans(), last=st.sampled_from(sorted(VIEWS)))
def test_any_views_and_writes(steps: list[tuple[str, str]], ahead: bool, last: str) -> None:
    """Views made before the writes (``ahead``) or just then; read through the base, or through yet another view."""
    if VIEWS["backwards"](tp.zeros(N, N))._view is None:  # a copy where the library has no negative strides
        assume("backwards" not in {last, *(view for view, _ in steps)})
    rng = np.random.default_rng(0)
    arrays = [rng.uniform(-1, 1, (N, N)) for _ in range(2)]
    results = []
    for in_place in (True, False):
        x, w = (tp.tensor(a, requires_grad=True) for a in arrays)
        base = x * 1
        if in_place:
            views = [VIEWS[view](base) for view, _ in steps] if ahead else []
            reader = VIEWS[last](base) if ahead else None
            for i, (view, write) in enumerate(steps):
                WRITES[write][0](views[i] if ahead else VIEWS[view](base), w)
            reader = VIEWS[last](base) if reader is None else reader
        else:
            for view, write in steps:
                base = out_of_place(base, view, write, w)
            reader = VIEWS[last](base)
        y = (base * base).sum() + (reader * 3).sin().sum()
        results.append([base, reader, y, *tp.autograd.grad(y, [x, w], materialize_grads=True)])
    for got, wanted in zip(*results, strict=True):
        assert_close(got, wanted, rtol=1e-12, atol=1e-12)


def test_many_writes_in_a_row() -> None:
    times = 1000 if tp.backend.current().name == "numpy" else 30
    x = leaf(1.0, 2.0)
    y = x * 1
    for i in range(times):
        y[i % 2] += x[0]
    y.sum().backward()
    assert x.grad.tolist() == [1.0 + times, 1.0]
