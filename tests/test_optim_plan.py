"""The compiled step sees whatever was changed since the last one: beside it, the same optimizer without it."""

from __future__ import annotations

import copy
import pickle
import sys
import threading

import numpy as np
import pytest
from cases.optim import assert_equal, every_algorithm, every_compiled_algorithm, give, parameter, state_of, values

import tiny_pytorch as tp
from tiny_pytorch.optim import SGD, Adam

pytestmark = pytest.mark.numpy_only


class General:
    """A plan that takes no step."""

    def take(self, optimizer):
        return False


def make(cls, options, groups=1):
    rng = np.random.default_rng(0)
    params = [parameter(rng.standard_normal(s), tp.float32) for s in [(3, 4), (5,), (), (2, 3)]]
    give_all(params, rng)
    split = [params] if groups == 1 else [params[:2], params[2:]]
    return cls([{"params": some} for some in split], lr=0.1, **options), params


def give_all(params, rng):
    for p in params:
        give(p, rng.uniform(0.5, 1, p.shape))


def first_state(optimizer, p):
    """The first Tensor of a parameter's state in its shape, by name."""
    return next(((n, v) for n, v in optimizer.state[p].items() if v.shape == p.shape and n != "step"), (None, None))


def replace_state(optimizer, params):
    name, value = first_state(optimizer, params[0])
    if name is not None:
        optimizer.state[params[0]][name] = tp.full_like(value, 0.5)


def write_state(optimizer, params):
    name, value = first_state(optimizer, params[1])
    if name is not None:
        value.fill_(0.25)


def reload_state(optimizer, params):
    loaded = copy.deepcopy(optimizer.state_dict())
    loaded["param_groups"][0]["lr"] = 0.3
    optimizer.load_state_dict(loaded)


def share_state(optimizer, params):
    name, value = first_state(optimizer, params[0])
    if name is not None:
        optimizer.state[params[3]][name] = tp.from_numpy(value.numpy().reshape(-1)[2:8].reshape(2, 3))


def share_count(optimizer, params):
    if "step" in optimizer.state[params[0]]:
        optimizer.state[params[3]]["step"] = optimizer.state[params[0]]["step"]


def change(name, value):
    def edit(optimizer, params):
        optimizer.param_groups[0][name] = value

    return edit


def give_view(optimizer, params):
    memory = tp.from_numpy(np.linspace(0.5, 1, 12, dtype=np.float32))
    params[0].grad, params[1].grad = memory.view(3, 4), memory[3:8]


def give_strided(optimizer, params):
    params[0].grad = tp.from_numpy(np.linspace(0.5, 1, 12, dtype=np.float32).reshape(4, 3).T)


def give_itself(optimizer, params):
    params[0].grad = params[0].detach()


def give_itself_later(optimizer, params):
    memory = tp.from_numpy(np.linspace(0.5, 1, 14, dtype=np.float32))
    params[0].data = memory[:12].view(3, 4)
    params[1].grad = memory[9:14]


def new_data(optimizer, params):
    params[0].data = tp.full((3, 4), 2.0)


def same_data(optimizer, params):
    params[3].data = params[0].detach().view(12)[:6].view(2, 3)


def other_shape(optimizer, params):
    params[2].data = tp.full((2,), 2.0)
    params[2].grad = tp.full((2,), 1.0)
    optimizer.state.pop(params[2], None)


def swap(optimizer, params):
    listed = optimizer.param_groups[0]["params"]
    listed[0], listed[1] = listed[1], listed[0]


def drop(optimizer, params):
    del optimizer.param_groups[0]["params"][1]


def add(optimizer, params):
    params.append(parameter([1.0, 2.0], tp.float32))
    give(params[-1], [1.0, 2.0])
    optimizer.add_param_group({"params": [params[-1]], "lr": 0.5})


def freeze(optimizer, params):
    params[1].grad = None


def copy_group(optimizer, params):
    optimizer.param_groups[0] = {**optimizer.param_groups[0], "lr": 0.7}


def other_params(optimizer, params):
    optimizer.param_groups[0] = {**optimizer.param_groups[0], "params": optimizer.param_groups[0]["params"][1:]}


EDITS = {
    "lr": change("lr", 0.25),
    "lr, equal": change("lr", float("0.1")),
    "lr, an integer": change("lr", 1),
    "lr, NumPy's": change("lr", np.float32(0.125)),
    "weight decay": change("weight_decay", 0.5),
    "what nothing reads": change("name", "head"),
    "a state Tensor": replace_state,
    "a state's values": write_state,
    "a state dict": reload_state,
    "state that overlaps": share_state,
    "a shared count": share_count,
    "no state": lambda optimizer, params: optimizer.state.clear(),
    "another dict of state": lambda optimizer, params: setattr(optimizer, "state", copy.copy(optimizer.state)),
    "no state of one": lambda optimizer, params: optimizer.state.pop(params[1], None),
    "a new gradient": lambda optimizer, params: give(params[0], np.full((3, 4), 0.75)),
    "a gradient in float64": lambda optimizer, params: setattr(params[0], "grad", params[0].grad * 2),
    "no gradient": freeze,
    "no gradients": lambda optimizer, params: optimizer.zero_grad(),
    "gradients that are views": give_view,
    "a strided gradient": give_strided,
    "a parameter as its gradient": give_itself,
    "a gradient that overlaps": give_itself_later,
    "new data": new_data,
    "data that overlaps": same_data,
    "another shape": other_shape,
    "another order": swap,
    "a parameter less": drop,
    "another group": add,
    "another dict": copy_group,
    "another dict of other parameters": other_params,
}


@every_algorithm
@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
@pytest.mark.parametrize("groups", [1, 2])
def test_sees_what_was_changed(cls, options, edit, groups):
    mine, other = make(cls, options, groups), make(cls, options, groups)
    other[0]._plan = General()
    results = []
    for optimizer, params in (mine, other):
        seen = []
        for _ in range(3):
            optimizer.step()
        edit(optimizer, params)
        for _ in range(2):
            versions = [p._version for p in params]
            optimizer.step()
            written = [p._version - before for p, before in zip(params, versions, strict=True)]
            seen.append((values(params), state_of(optimizer, params), written))
        results.append(seen)
    assert_equal(results[0], results[1])


@every_compiled_algorithm
def test_takes_every_step_but_the_first(cls, options):
    optimizer, params = make(cls, options)
    optimizer.step()
    rng = np.random.default_rng(1)
    for lr in (0.1, 0.1, 0.2, 0.05):
        give_all(params, rng)
        optimizer.param_groups[0]["lr"] = lr
        params[1].grad = None if lr == 0.2 else params[1].grad
        assert optimizer._plan.take(optimizer)


def test_asks_again_only_for_what_has_changed(monkeypatch):
    asked = []
    check = Adam.check
    monkeypatch.setattr(Adam, "check", lambda self, group: asked.append(group["lr"]) or check(self, group))
    optimizer, _ = make(Adam, {})
    for _ in range(3):
        optimizer.step()
    optimizer.param_groups[0]["lr"] = 0.5
    for _ in range(3):
        optimizer.step()
    assert asked == [0.1, 0.1, 0.5]  # when made, in the first step, when changed


def test_sees_a_list_that_was_changed():
    mine, other = make(Adam, {"betas": [0.9, 0.99]}), make(Adam, {"betas": [0.9, 0.99]})
    other[0]._plan = General()
    for optimizer, _ in (mine, other):
        optimizer.step()
        optimizer.param_groups[0]["betas"][0] = 0.5
        optimizer.step()
    expected, params = make(Adam, {"betas": (0.9, 0.99)})
    expected.step()
    expected.param_groups[0]["betas"] = (0.5, 0.99)
    expected.step()
    for _, changed in (mine, other):
        assert_equal(values(changed), values(params))


def bad_lr(optimizer, params):
    optimizer.param_groups[-1]["lr"] = -1.0


def bad_shape(optimizer, params):
    params[-1].array = np.zeros((5, 5), np.float32)


def bad_dtype(optimizer, params):
    params[-1].array = params[-1].array.astype(np.float64)


def read_only(optimizer, params):
    params[-1].array.flags.writeable = False


@every_algorithm
@pytest.mark.parametrize(
    "groups, spoil",
    [(1, bad_lr), (2, bad_lr), (1, bad_shape), (2, bad_shape), (1, bad_dtype), (2, bad_dtype), (1, read_only)],
)
def test_an_error_changes_nothing(cls, options, groups, spoil):
    optimizer, params = make(cls, options, groups)
    for _ in range(2):
        optimizer.step()
    spoil(optimizer, params)
    before = values(params), state_of(optimizer, params)
    for _ in range(2):
        with pytest.raises((TypeError, ValueError)):
            optimizer.step()
        assert_equal((values(params), state_of(optimizer, params)), before)


def test_memory_that_becomes_read_only_again_writeable():
    optimizer, params = make(SGD, {})
    optimizer.step()
    params[0].array.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        optimizer.step()
    params[0].array.flags.writeable = True
    assert optimizer._plan.take(optimizer)


class TestOverrides:
    def test_update_and_check(self):
        class Halved(SGD):
            def check(self, group):
                return super().check(group) | {"lr": group["lr"] / 2}

        class Twice(SGD):
            def update(self, k, params, grads, state, group):
                return super().update(k, params, [2 * g for g in grads], state, group)

        for cls, factor in ((Halved, 0.5), (Twice, 2.0)):
            optimizer, params = make(cls, {})
            before = values(params)
            for _ in range(3):
                optimizer.step()
            for p, b in zip(params, before, strict=True):
                np.testing.assert_allclose(p.detach().numpy(), b - 0.3 * factor * p.grad.numpy(), rtol=1e-5)

    def test_step(self):
        class Counted(Adam):
            steps = 0

            def step(self, closure=None):
                self.steps += 1
                return super().step(closure)

        optimizer, _ = make(Counted, {})
        for _ in range(3):
            optimizer.step()
        assert optimizer.steps == 3

    def test_a_kernel_that_was_replaced(self, monkeypatch):
        k = tp.backend.kernels()
        called = []
        original = k.sgd
        monkeypatch.setattr(k, "sgd", lambda *args: called.append(1) or original(*args))
        optimizer, _ = make(SGD, {})
        optimizer.step()
        optimizer.step()
        assert called == [1, 1]


def test_another_backend_takes_over():
    pytest.importorskip("array_api_strict")
    optimizer, params = make(Adam, {})
    optimizer.step()
    before = values(params)
    with tp.backend.use("array_api_strict"), pytest.raises(TypeError, match="numpy"):
        optimizer.step()
    assert_equal(values(params), before)
    assert optimizer._plan.take(optimizer)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_have_plans_of_their_own(duplicate):
    optimizer, params = make(Adam, {})
    optimizer.step()
    other = duplicate(optimizer)
    mine = other.param_groups[0]["params"]
    for p, q in zip(params, mine, strict=True):
        give(q, p.grad.numpy())
    for _ in range(2):
        optimizer.step()
        other.step()
    assert_equal(values(mine), values(params))


def test_a_step_inside_a_step():
    """``check`` may run anything, also a step of the same optimizer."""

    class Nested(SGD):
        depth = 0

        def check(self, group):
            if group["lr"] == 0.25 and self.depth == 0:
                self.depth = 1
                self.step()
            return super().check(group)

    results = []
    for plan in (None, General()):
        optimizer, params = make(Nested, {"momentum": 0.5}, groups=2)
        optimizer._plan = plan or optimizer._plan
        for _ in range(2):
            optimizer.step()
        optimizer.param_groups[1]["lr"] = 0.25
        optimizer.step()
        assert optimizer.depth == 1
        results.append(values(params))
    assert_equal(results[0], results[1])


def test_holds_its_arrays_while_other_threads_run():
    p = tp.zeros(1_000_000, requires_grad=True)
    p.grad = tp.ones(1_000_000)
    optimizer = SGD([p], lr=1.0, momentum=0.5)
    optimizer.step()
    arrays = [p.array, p.grad.array, optimizer.state[p]["momentum_buffer"].array]
    before, seen = [sys.getrefcount(a) for a in arrays], []
    stop = threading.Event()

    def look():
        while not stop.is_set():
            seen.append([sys.getrefcount(a) for a in arrays])

    thread = threading.Thread(target=look)
    thread.start()
    try:
        for _ in range(20):
            assert optimizer._plan.take(optimizer)
    finally:
        stop.set()
        thread.join()
    assert all(n > b for n, b in zip(map(max, zip(*seen, strict=True)), before, strict=True))


def test_holds_nothing_after_a_step():
    optimizer, params = make(Adam, {})
    for _ in range(2):
        optimizer.step()
    arrays = [p.grad.array for p in params] + [p.array for p in params]
    counts = [sys.getrefcount(a) for a in arrays]
    for _ in range(3):
        optimizer.step()
    assert [sys.getrefcount(a) for a in arrays] == counts
