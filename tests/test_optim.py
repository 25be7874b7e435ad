"""Optimizers on Tensors: update rules against their equations, groups, state, state dicts, errors."""

from __future__ import annotations

import copy
import gc
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny_pytorch as tp
from tiny_pytorch.optim import SGD, Adam, Optimizer

# The equations, transcribed for one parameter in float64; `s` is its state.


def sgd_equations(p, g, s, lr=0.01, momentum=0.0, weight_decay=0.0, nesterov=False):
    u = g
    if momentum:
        u = s["u"] = momentum * s.get("u", np.zeros_like(p)) + (1 - momentum) * g
        if nesterov:
            u = momentum * u + (1 - momentum) * g
    return p * (1 - lr * weight_decay) - lr * u


def sgd_dampened_equations(p, g, s, lr=0.01, momentum=0.0, weight_decay=0.0, dampening=0.0, nesterov=False):
    g = u = g + weight_decay * p
    if momentum:
        u = s["u"] = momentum * s["u"] + (1 - dampening) * g if "u" in s else g
        if nesterov:
            u = g + momentum * u
    return p - lr * u


def adam_equations(p, g, s, lr=0.01, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    g = g + weight_decay * p
    t = s["t"] = s.get("t", 0) + 1
    m = s["m"] = beta1 * s.get("m", 0) + (1 - beta1) * g
    v = s["v"] = beta2 * s.get("v", 0) + (1 - beta2) * g**2
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return p - lr * m_hat / (np.sqrt(v_hat) + eps)


numbers = {
    "lr": st.floats(0, 1),
    "momentum": st.floats(0, 0.99),
    "weight_decay": st.floats(0, 1),
    "dampening": st.floats(0, 1),
    "beta1": st.floats(0, 0.99),
    "beta2": st.floats(0, 0.9999),
    "eps": st.floats(1e-8, 1e-2),
    "nesterov": st.booleans(),
}


@st.composite
def algorithms(draw) -> tuple[type[Optimizer], Any, dict[str, Any]]:
    """An optimizer class, its equations, and hyper-parameters that go together."""
    name = draw(st.sampled_from(["sgd", "sgd_dampened", "adam"]))
    if name == "adam":
        names, cls, equations = ["lr", "beta1", "beta2", "eps", "weight_decay"], Adam, adam_equations
    else:
        names, cls, equations = ["lr", "momentum", "weight_decay", "nesterov"], SGD, sgd_equations
    if name == "sgd_dampened":
        names, equations = [*names, "dampening"], sgd_dampened_equations
    chosen = {n: draw(numbers[n]) for n in names}
    if chosen.get("nesterov"):
        chosen["momentum"] = max(chosen["momentum"], 0.1)
        if "dampening" in chosen:
            chosen["dampening"] = 0.0
    return cls, equations, chosen


def parameter(array: Any, dtype: Any = None) -> Any:
    return tp.tensor(np.asarray(array), dtype=dtype or tp.float64).requires_grad_()


def give(p: Any, gradient: Any) -> None:
    p.grad = tp.tensor(np.asarray(gradient), dtype=p.dtype)


@given(
    algorithm=algorithms(),
    shapes=st.lists(st.lists(st.integers(0, 5), max_size=3).map(tuple), min_size=1, max_size=4),
    n_steps=st.integers(1, 12),
    seed=st.integers(0, 2**32 - 1),
)
@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-12), ("float32", 2e-5)])
def test_equations(dtype, tolerance, algorithm, shapes, n_steps, seed):
    cls, equations, hyperparameters = algorithm
    rng = np.random.default_rng(seed)
    expected = [rng.standard_normal(s).astype(dtype).astype(np.float64) for s in shapes]
    params = [parameter(e, getattr(tp, dtype)) for e in expected]
    optimizer = cls(params, **hyperparameters)
    states: list[dict[str, Any]] = [{} for _ in params]
    for _ in range(n_steps):
        for i, p in enumerate(params):
            if rng.random() < 0.25:
                p.grad = None
                continue
            # Away from 0, where Adam in float32 rounds the sign of an update.
            g = rng.choice([-1, 1], p.shape) * rng.uniform(0.1, 1, p.shape)
            g = np.asarray(g).astype(dtype).astype(np.float64)
            give(p, g)
            expected[i] = equations(expected[i], g, states[i], **hyperparameters)
        gradients = [None if p.grad is None else p.grad.numpy().copy() for p in params]
        optimizer.step()
        for p, gradient in zip(params, gradients, strict=True):
            assert (p.grad is None) == (gradient is None)
            if gradient is not None:
                np.testing.assert_array_equal(p.grad.numpy(), gradient)
    for p, e in zip(params, expected, strict=True):
        assert p.dtype == getattr(tp, dtype)
        np.testing.assert_allclose(p.detach().numpy(), e, rtol=tolerance, atol=tolerance)


ALGORITHMS = {
    "SGD": (SGD, {}),
    "SGD with momentum": (SGD, {"momentum": 0.9, "weight_decay": 0.1}),
    "SGD, nesterov": (SGD, {"momentum": 0.9, "nesterov": True}),
    "SGD, PyTorch's": (SGD, {"momentum": 0.9, "weight_decay": 0.1, "dampening": 0.5}),
    "SGD, PyTorch's nesterov": (SGD, {"momentum": 0.9, "dampening": 0, "nesterov": True}),
    "Adam": (Adam, {}),
    "Adam with decay": (Adam, {"weight_decay": 0.1, "betas": (0.8, 0.99)}),
}
every_algorithm = pytest.mark.parametrize("cls, options", ALGORITHMS.values(), ids=ALGORITHMS)


def two_parameters(dtype: Any = None) -> list[Any]:
    params = [parameter(np.arange(6.0).reshape(2, 3), dtype), parameter([1.0, -2.0], dtype)]
    for i, p in enumerate(params):
        give(p, np.ones(p.shape) * (i + 1))
    return params


def values(params: list[Any]) -> list[np.ndarray]:
    return [p.detach().numpy().copy() for p in params]


def state_of(optimizer: Optimizer, params: list[Any]) -> list[dict[str, Any]]:
    return [
        {k: v.numpy().copy() for k, v in optimizer.state.get(p, {}).items() if v is not None} for p in params
    ]


def assert_equal(actual: Any, expected: Any) -> None:
    np.testing.assert_equal(actual, expected)


@every_algorithm
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_state_has_the_dtype_of_its_parameter(cls, options, dtype):
    params = two_parameters(getattr(tp, dtype))
    optimizer = cls(params, **options)
    for _ in range(2):
        optimizer.step()
    for p in params:
        assert p.dtype == getattr(tp, dtype)
        for name, value in optimizer.state[p].items():
            assert isinstance(value, tp.Tensor)
            assert value.dtype == (tp.float32 if name == "step" else p.dtype)


@every_algorithm
def test_updates_the_memory_that_aliases_see(cls, options, backend):
    params = two_parameters()
    aliases = [p.detach() for p in params]
    arrays = [p.array for p in params]
    optimizer = cls(params, **options)
    for _ in range(2):
        optimizer.step()
    for p, alias, array in zip(params, aliases, arrays, strict=True):
        assert p.array is array
        assert_equal(alias.numpy(), p.detach().numpy())


@pytest.mark.numpy_only
@every_algorithm
def test_odd_layouts_get_the_same_update_in_place(cls, options):
    plain = parameter(np.arange(12.0).reshape(3, 4), tp.float32)
    memory = np.zeros((4, 6), np.float32)
    view = memory.T[::2]
    view[...] = plain.detach().numpy()
    odd = tp.nn.Parameter(tp.from_numpy(view))
    assert odd.array.base is not None
    g = np.arange(12, dtype=np.float32).reshape(3, 4) - 5
    optimizer = cls([plain, odd], **options)
    for _ in range(3):
        give(plain, g)
        odd.grad = tp.from_numpy(np.asfortranarray(g))
        optimizer.step()
    np.testing.assert_allclose(view, plain.detach().numpy(), rtol=1e-6, atol=1e-6)


@pytest.mark.numpy_only
@every_algorithm
def test_nothing_is_allocated_after_the_first_step(cls, options):
    params = two_parameters(tp.float32)
    optimizer = cls(params, **options)
    optimizer.step()
    before = {(i, k): v.array for i, p in enumerate(params) for k, v in optimizer.state[p].items()}
    for _ in range(3):
        optimizer.step()
    after = {(i, k): v.array for i, p in enumerate(params) for k, v in optimizer.state[p].items()}
    assert before.keys() == after.keys()
    assert all(before[key] is after[key] for key in before)


@every_algorithm
def test_notes_the_write_for_gradients_that_need_the_old_values(cls, options):
    (p, _) = params = two_parameters()
    loss = (p * p).sum()
    cls(params, **options).step()
    with pytest.raises(RuntimeError, match="in.place|modified|overwritten"):
        loss.backward()


def test_gradients_accumulate_until_reset():
    p = parameter([1.0, 2.0])
    optimizer = SGD([p], lr=0.5)
    (2 * p).sum().backward()
    (3 * p).sum().backward()
    optimizer.step()
    assert_equal(p.tolist(), [-1.5, -0.5])
    optimizer.reset_grad()
    assert p.grad is None
    optimizer.step()
    assert_equal(p.tolist(), [-1.5, -0.5])


@pytest.mark.parametrize("name", ["reset_grad", "zero_grad"])
def test_reset_in_place(name):
    p, q = parameter([1.0]), parameter([2.0])
    optimizer = SGD([p, q])
    (3 * p).sum().backward()
    gradient = p.grad
    getattr(optimizer, name)(set_to_none=False)
    assert p.grad is gradient
    assert_equal(p.grad.tolist(), [0.0])
    assert q.grad is None
    getattr(optimizer, name)()
    assert p.grad is None


def test_reset_in_place_drops_the_graph():
    p = parameter([1.0])
    optimizer = SGD([p])
    (p**3).sum().backward(create_graph=True)
    optimizer.reset_grad(set_to_none=False)
    assert not p.grad.requires_grad
    assert_equal(p.grad.tolist(), [0.0])


def test_trains():
    tp.manual_seed(0)
    model = tp.nn.Sequential(tp.nn.Linear(4, 8), tp.nn.ReLU(), tp.nn.Linear(8, 1))
    x = tp.randn(32, 4)
    y = x[:, :1] - x[:, 1:2]
    optimizer = Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(100):
        loss = tp.nn.MSELoss()(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.reset_grad()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 20


def test_closure_runs_with_gradients_on():
    p = parameter([1.0, 2.0])
    optimizer = SGD([p], lr=0.5)

    def closure():
        optimizer.reset_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with tp.no_grad():
        loss = optimizer.step(closure)
    assert loss.item() == 5
    assert_equal(p.tolist(), [0.0, 0.0])
    assert optimizer.step() is None


class TestGroups:
    def test_hyperparameters_of_their_own(self):
        p, q = two_parameters()
        expected = [values([p])[0] - 1.0 * 1, values([q])[0] - 0.1 * 2]
        optimizer = SGD([{"params": [p], "lr": 1.0}, {"params": q}], lr=0.1)
        optimizer.step()
        assert_equal(values([p, q]), expected)
        assert [g["lr"] for g in optimizer.param_groups] == [1.0, 0.1]

    def test_what_is_written_there_takes_effect(self):
        p, q = two_parameters()
        optimizer = SGD([p, q], lr=0.1)
        for lr in (0.5, 0, np.float64(0.25), np.float32(0.125)):
            before = values([p])[0]
            optimizer.param_groups[0]["lr"] = lr
            optimizer.step()
            np.testing.assert_allclose(values([p])[0], before - float(lr))

    def test_a_numpy_scalar_does_not_widen(self):
        p, q = two_parameters(tp.float32)
        for optimizer in (
            SGD([p], lr=np.float64(0.1), momentum=np.float64(0.5)),
            Adam([q], lr=np.float64(0.1)),
        ):
            optimizer.step()
        assert p.dtype == q.dtype == tp.float32

    def test_add_param_group(self):
        p, q = two_parameters()
        optimizer = Adam([p], lr=0.1)
        optimizer.step()
        optimizer.add_param_group({"params": [q], "betas": (0.5, 0.5), "name": "head"})
        optimizer.step()
        assert optimizer.state[p]["step"].item() == 2
        assert optimizer.state[q]["step"].item() == 1
        assert optimizer.param_groups[1]["lr"] == 0.1
        assert optimizer.param_groups[1]["name"] == "head"

    def test_names_are_kept(self):
        p, q = two_parameters()
        optimizer = SGD([("weight", p), ("bias", q)])
        assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
        assert optimizer.param_groups[0]["params"][0] is p
        assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]
        optimizer = SGD(tp.nn.Linear(2, 1).named_parameters())
        assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]

    def test_generator(self):
        model = tp.nn.Linear(2, 1)
        assert len(SGD(p for p in model.parameters()).param_groups[0]["params"]) == 2

    def test_state_follows_a_parameter_that_is_put_in_anothers_place(self):
        p, q = two_parameters()
        optimizer = Adam([p])
        optimizer.step()
        optimizer.param_groups[0]["params"][0] = q
        optimizer.state[q] = {"step": optimizer.state.pop(p)["step"]}
        optimizer.step()
        assert optimizer.state[q]["step"].item() == 2
        assert optimizer.state[q]["exp_avg"].shape == q.shape

    def test_state_that_is_replaced_is_used(self):
        p, _ = two_parameters()
        optimizer = SGD([p], lr=1.0, momentum=0.5)
        optimizer.step()
        before = values([p])[0]
        optimizer.state[p]["momentum_buffer"] = tp.zeros_like(p.detach())
        optimizer.step()
        assert_equal(values([p])[0], before - 0.5)

    def test_momentum_that_is_switched_on_later(self):
        p, _ = two_parameters()
        optimizer = SGD([p], lr=1.0)
        optimizer.step()
        before = values([p])[0]
        optimizer.param_groups[0]["momentum"] = 0.5
        optimizer.step()
        assert_equal(values([p])[0], before - 0.5)

    def test_repr(self):
        p, q = two_parameters()
        assert repr(SGD([p, q], lr=0.5)) == (
            "SGD (\nParameter Group 0\n    dampening: None\n    lr: 0.5\n    momentum: 0.0\n    nesterov: False\n"
            "    weight_decay: 0.0\n)"
        )

    def test_switches_of_pytorch_scripts(self):
        p, q = two_parameters()
        Adam([p], 1e-3, betas=(0.5, 0.75), fused=True, foreach=None)
        optimizer = Adam([p, q], fused=True)
        assert optimizer.param_groups[0]["betas"] == (0.9, 0.999)
        SGD([p], momentum=0.9, fused=True, foreach=False)


BAD_PARAMS = {
    "a Tensor": (lambda p: p, TypeError, "one Tensor"),
    "a dict": (lambda p: {"params": [p]}, TypeError, "one dict"),
    "a set": (lambda p: {p}, TypeError, "order"),
    "a number": (lambda p: 3, TypeError, "iterable of Tensors, got int"),
    "nothing": (lambda p: [], ValueError, "empty"),
    "no Tensor": (lambda p: [p, np.ones(2)], TypeError, "entry 1 must be a Tensor, got ndarray"),
    "a constant": (lambda p: [p, tp.zeros(2)], ValueError, "entry 1 does not require a gradient"),
    "a result": (lambda p: [p * 2], ValueError, "entry 0 is the result of an operation"),
    "integers": (lambda p: [p, tp.tensor([1, 2])], ValueError, "entry 1 has dtype .*int64"),
    "twice": (lambda p: [p, p], ValueError, "entry 1 is the same tensor as entry 0"),
    "twice in groups": (lambda p: [{"params": [p]}, {"params": [p]}], ValueError, "the same tensor"),
    "some named": (lambda p: [("weight", p), parameter([1.0])], TypeError, "all or none .* entry 1"),
    "a named constant": (lambda p: [("weight", tp.zeros(2))], ValueError, r"entry 0 \(weight\)"),
    "a group without params": (lambda p: [{"lr": 0.1}], TypeError, "'params'"),
    "what is not supported": (lambda p: [{"params": [p], "amsgrad": True}], ValueError, "amsgrad=True"),
}


@pytest.mark.parametrize("make, error, message", BAD_PARAMS.values(), ids=BAD_PARAMS)
def test_bad_parameters(make, error, message):
    p, q = two_parameters()
    with pytest.raises(error, match=message):
        SGD(make(p))
    optimizer = SGD([q])
    if isinstance(group := {"params": make(p)}["params"], list) and group and not isinstance(group[0], dict):
        with pytest.raises(error, match=message):
            optimizer.add_param_group({"params": group})
    assert len(optimizer.param_groups) == 1


BAD_HYPERPARAMETERS = [
    (SGD, {"lr": -0.1}, ValueError, "lr must be finite, at least 0, got -0.1"),
    (SGD, {"lr": math.nan}, ValueError, "lr must be finite"),
    (SGD, {"lr": math.inf}, ValueError, "lr must be finite"),
    (SGD, {"lr": "0.1"}, TypeError, "lr must be a number, got '0.1'"),
    (SGD, {"lr": None}, TypeError, "lr must be a number"),
    (SGD, {"momentum": -0.1}, ValueError, "momentum"),
    (SGD, {"momentum": 1.0}, ValueError, "momentum must be finite, at least 0 and below 1, got 1.0"),
    (SGD, {"momentum": True}, TypeError, "momentum must be a number"),
    (SGD, {"momentum": -1, "dampening": 0}, ValueError, "momentum"),
    (SGD, {"momentum": 0.5, "dampening": math.nan}, ValueError, "dampening"),
    (SGD, {"weight_decay": -1e-4}, ValueError, "weight_decay"),
    (SGD, {"nesterov": True}, ValueError, "nesterov needs momentum"),
    (SGD, {"nesterov": True, "momentum": 0.9, "dampening": 0.5}, ValueError, "nesterov needs"),
    (Adam, {"lr": -0.1}, ValueError, "lr"),
    (Adam, {"betas": (-0.1, 0.9)}, ValueError, "beta1 must be finite, at least 0 and below 1, got -0.1"),
    (Adam, {"betas": (0.9, 1.0)}, ValueError, "beta2"),
    (Adam, {"betas": 0.9}, TypeError, "betas must be a pair"),
    (Adam, {"betas": (0.9, 0.9, 0.9)}, TypeError, "betas must be a pair"),
    (Adam, {"eps": -1e-8}, ValueError, "eps"),
    (Adam, {"weight_decay": -1}, ValueError, "weight_decay"),
]


@pytest.mark.parametrize("cls, bad, error, message", BAD_HYPERPARAMETERS)
class TestBadHyperparameters:
    def test_when_made(self, cls, bad, error, message):
        with pytest.raises(error, match=message):
            cls(two_parameters(), **bad)

    def test_in_a_group(self, cls, bad, error, message):
        p, q = two_parameters()
        optimizer = cls([p])
        with pytest.raises(error, match=message):
            optimizer.add_param_group({"params": [q], **bad})
        assert len(optimizer.param_groups) == 1

    def test_when_written_later(self, cls, bad, error, message):
        params = two_parameters()
        optimizer = cls([{"params": [p]} for p in params])
        optimizer.step()
        before, state = values(params), state_of(optimizer, params)
        optimizer.param_groups[1].update(bad)
        for _ in range(2):
            with pytest.raises(error, match=message):
                optimizer.step()
        assert_equal(values(params), before)
        assert_equal(state_of(optimizer, params), state)


def test_betas_by_position():
    with pytest.raises(TypeError, match=r"write betas=\(0.9, 0.99\)"):
        Adam(two_parameters(), 0.1, (0.9, 0.99))
    assert Adam(two_parameters(), 0.1, 0.5, 0.75).param_groups[0]["betas"] == (0.5, 0.75)


@every_algorithm
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("first_step", [True, False])
@pytest.mark.parametrize("what, error", [("shape", ValueError), ("dtype", TypeError)])
def test_a_gradient_that_does_not_fit_changes_nothing(cls, options, groups, first_step, what, error):
    params = two_parameters()
    optimizer = cls(params if groups == 1 else [{"params": [p]} for p in params], **options)
    if not first_step:
        optimizer.step()
    # The engine refuses to assign such a gradient, so the parameter is changed under it.
    q = params[1]
    xp = tp.backend.current().xp
    q.array = xp.concat([q.array, q.array]) if what == "shape" else xp.astype(q.array, xp.float32)
    before, state = values(params), state_of(optimizer, params)
    with pytest.raises(error, match=what):
        optimizer.step()
    assert_equal(values(params), before)
    assert_equal(state_of(optimizer, params), state)


@pytest.mark.numpy_only
@every_algorithm
def test_read_only_memory_changes_nothing(cls, options):
    params = two_parameters()
    memory = params[1].array
    memory.flags.writeable = False
    optimizer = cls(params, **options)
    before = values(params)
    with pytest.raises(ValueError, match="read-only"):
        optimizer.step()
    assert_equal(values(params), before)
    assert not optimizer.state


class TestStateDict:
    @every_algorithm
    def test_goes_on_where_it_was(self, cls, options):
        params = two_parameters()
        optimizer = cls(params, **options)
        for _ in range(3):
            optimizer.step()
        saved = copy.deepcopy(optimizer.state_dict())
        others = [parameter(v) for v in values(params)]
        resumed = cls(others, lr=0.7)
        resumed.load_state_dict(saved)
        for _ in range(2):
            for p, q in zip(params, others, strict=True):
                give(q, p.grad.numpy())
            optimizer.step()
            resumed.step()
        assert_equal(values(others), values(params))
        assert_equal(state_of(resumed, others), state_of(optimizer, params))

    def test_layout_is_pytorchs(self):
        p, q = two_parameters()
        q.grad = None
        optimizer = Adam([{"params": [p]}, {"params": [q], "lr": 0.5}])
        optimizer.step()
        saved = optimizer.state_dict()
        assert set(saved) == {"state", "param_groups"}
        assert set(saved["state"]) == {0}
        assert set(saved["state"][0]) == {"step", "exp_avg", "exp_avg_sq"}
        assert [g["params"] for g in saved["param_groups"]] == [[0], [1]]
        assert saved["param_groups"][1]["lr"] == 0.5

    def test_reads_pytorchs(self):
        p, _ = two_parameters(tp.float32)
        optimizer = SGD([p])
        group = {"lr": 0.5, "momentum": 0.9, "dampening": 0, "weight_decay": 0, "nesterov": False, "maximize": False,
                 "foreach": None, "differentiable": False, "fused": None, "params": [0]}  # fmt: skip
        optimizer.load_state_dict({"state": {0: {"momentum_buffer": None}}, "param_groups": [group]})
        before = values([p])[0]
        optimizer.step()
        np.testing.assert_allclose(values([p])[0], before - 0.5)
        optimizer.step()
        np.testing.assert_allclose(values([p])[0], before - 0.5 - 0.5 * 1.9)
        adam = Adam([p])
        moments = {"exp_avg": tp.zeros(2, 3), "exp_avg_sq": tp.ones(2, 3)}
        for step in (4, 4.0, tp.tensor(4.0)):
            loaded = {
                "state": {0: {"step": step, **moments}},
                "param_groups": adam.state_dict()["param_groups"],
            }
            adam.load_state_dict(loaded)
            adam.step()
            assert adam.state[p]["step"].item() == 5
            assert moments["exp_avg"].sum().item() == 0  # a copy was loaded

    def test_takes_the_parameters_dtype(self):
        params = two_parameters()
        optimizer = Adam(params)
        optimizer.step()
        narrow = two_parameters(tp.float32)
        other = Adam(narrow)
        other.load_state_dict(optimizer.state_dict())
        assert other.state[narrow[0]]["exp_avg"].dtype == tp.float32
        other.step()

    @pytest.mark.parametrize(
        "spoil, error, message",
        [
            (lambda d: d.pop("state"), TypeError, "keys 'state' and 'param_groups'"),
            (
                lambda d: d["param_groups"].append(d["param_groups"][0]),
                ValueError,
                r"\[2, 2\] parameters, .* \[2\]",
            ),
            (lambda d: d["param_groups"][0]["params"].pop(), ValueError, r"\[1\] parameters, .* \[2\]"),
            (lambda d: d["param_groups"][0].update(lr=-1), ValueError, "lr"),
            (lambda d: d["param_groups"][0].update(amsgrad=True), ValueError, "amsgrad"),
            (lambda d: d["state"].update({7: {}}), ValueError, "parameter 7"),
            (lambda d: d["state"][1].update(exp_avg=tp.zeros(5)), ValueError, r"exp_avg .*\(5,\).*\(2,\)"),
            (lambda d: d["state"][1].update(exp_avg=memoryview(b"12")), TypeError, "exp_avg .* memoryview"),
        ],
    )
    def test_what_does_not_fit_changes_nothing(self, spoil, error, message):
        params = two_parameters()
        optimizer = Adam(params, lr=0.25)
        optimizer.step()
        state = state_of(optimizer, params)
        loaded = copy.deepcopy(optimizer.state_dict())
        spoil(loaded)
        with pytest.raises(error, match=message):
            optimizer.load_state_dict(loaded)
        assert_equal(state_of(optimizer, params), state)
        assert optimizer.param_groups[0]["lr"] == 0.25


class TestOwnAlgorithms:
    def test_update_and_state(self):
        class Averaged(Optimizer):
            """Moves by the sum of all gradients so far."""

            def state_names(self, group):
                return ("total",)

            def new_state(self, k, array, group):
                return {"total": k.xp.zeros_like(array)}

            def update(self, k, params, grads, state, group):
                totals = [t + g for t, g in zip(state["total"], grads, strict=True)]
                return [p - group["lr"] * t for p, t in zip(params, totals, strict=True)], {"total": totals}

        params = two_parameters()
        arrays, before = [p.array for p in params], values(params)
        optimizer = Averaged(params, {"lr": 0.5})
        optimizer.step()
        optimizer.step()
        assert_equal(values(params), [b - 0.5 * 3 * (i + 1) for i, b in enumerate(before)])
        assert all(p.array is a for p, a in zip(params, arrays, strict=True))

    def test_step_of_its_own(self):
        class Mine(Optimizer):
            def step(self, closure=None):
                with tp.no_grad():
                    for group in self.param_groups:
                        for p in group["params"]:
                            p -= group["lr"] * p.grad

        params = two_parameters()
        before = values(params)
        Mine(params, {"lr": 0.5}).step()
        assert_equal(values(params), [b - 0.5 * (i + 1) for i, b in enumerate(before)])

    def test_base_class_alone(self):
        optimizer = Optimizer(two_parameters())
        optimizer.reset_grad()
        optimizer.step()
        optimizer = Optimizer(two_parameters())
        with pytest.raises(NotImplementedError, match="Optimizer defines neither"):
            optimizer.step()


def test_no_cycles():
    params = two_parameters()
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            optimizer = Adam(params)
            optimizer.step()
            optimizer.load_state_dict(optimizer.state_dict())
            del optimizer
        assert gc.collect() == 0
    finally:
        gc.enable()


@every_algorithm
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_agrees_with_pytorch(cls, options, dtype):
    torch = pytest.importorskip("torch")
    options = dict(options)
    if cls is SGD:
        options.setdefault("dampening", 0)
    rng = np.random.default_rng(0)
    ours = [parameter(rng.standard_normal(s), getattr(tp, dtype)) for s in ((3, 4), (5,), ())]
    theirs = [torch.tensor(v, requires_grad=True) for v in values(ours)]
    mine = cls(ours, lr=0.05, **options)
    other = getattr(torch.optim, cls.__name__)(theirs, lr=0.05, **options)
    for _ in range(20):
        for p, q in zip(ours, theirs, strict=True):
            give(p, rng.uniform(0.1, 1, p.shape))
            q.grad = torch.tensor(p.grad.numpy().copy())
        mine.step()
        other.step()
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=tolerance, atol=tolerance)
    saved, reference = mine.state_dict(), other.state_dict()
    assert saved["state"].keys() == reference["state"].keys()
    assert saved["state"][0].keys() == reference["state"][0].keys() or not options.get("momentum", 1)
    assert saved["param_groups"][0].keys() <= reference["param_groups"][0].keys()
