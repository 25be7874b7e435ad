"""Optimizers: update rules against their equations and PyTorch, in-place updates, gradients."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
from cases.optim import assert_equal, every_algorithm, give, parameter, two_parameters, values
from hypothesis import given
from hypothesis import strategies as st

import tiny_pytorch as tp
from tiny_pytorch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

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


def adam_equations(p, g, s, lr=0.01, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0, amsgrad=False):
    g = g + weight_decay * p
    t = s["t"] = s.get("t", 0) + 1
    m = s["m"] = beta1 * s.get("m", 0) + (1 - beta1) * g
    v = s["v"] = beta2 * s.get("v", 0) + (1 - beta2) * g**2
    if amsgrad:
        v = s["w"] = np.maximum(s.get("w", 0), v)
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return p - lr * m_hat / (np.sqrt(v_hat) + eps)


def adamw_equations(p, g, s, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01, amsgrad=False):
    return adam_equations(p * (1 - lr * weight_decay), g, s, lr, beta1, beta2, eps, amsgrad=amsgrad)


def rmsprop_equations(p, g, s, lr=0.01, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False):
    g = g + weight_decay * p
    v = variance = s["v"] = alpha * s.get("v", 0) + (1 - alpha) * g**2
    if centered:
        m = s["m"] = alpha * s.get("m", 0) + (1 - alpha) * g
        variance = np.maximum(v - m**2, 0)
    d = g / (np.sqrt(variance) + eps)
    if momentum:
        d = s["u"] = momentum * s.get("u", 0) + d
    return p - lr * d


numbers = {
    "alpha": st.floats(0.01, 0.99),
    "centered": st.booleans(),
    "lr": st.floats(0, 1),
    "momentum": st.floats(0, 0.99),
    "weight_decay": st.floats(0, 1),
    "dampening": st.floats(0, 1),
    "beta1": st.floats(0, 0.99),
    "beta2": st.floats(0, 0.9999),
    "eps": st.floats(1e-8, 1e-2),
    "nesterov": st.booleans(),
    "amsgrad": st.booleans(),
}


def adamw(params, beta1, beta2, **more):
    return AdamW(params, betas=(beta1, beta2), **more)


@st.composite
def algorithms(draw) -> tuple[type[Optimizer], Any, dict[str, Any]]:
    """An optimizer class, its equations, and hyper-parameters that go together."""
    name = draw(st.sampled_from(["sgd", "sgd_dampened", "adam", "adamw", "rmsprop"]))
    if name == "rmsprop":
        names, cls, equations = ["lr", "alpha", "weight_decay", "momentum", "centered"], RMSprop, rmsprop_equations
    elif name in ("adam", "adamw"):
        names, cls, equations = ["lr", "beta1", "beta2", "eps", "weight_decay", "amsgrad"], Adam, adam_equations
    else:
        names, cls, equations = ["lr", "momentum", "weight_decay", "nesterov"], SGD, sgd_equations
    if name == "sgd_dampened":
        names, equations = [*names, "dampening"], sgd_dampened_equations
    chosen = {n: draw(numbers[n]) for n in names}
    if name == "adamw":
        cls, equations = adamw, adamw_equations
    if name == "rmsprop":
        chosen["eps"] = draw(st.floats(1e-2, 1e-1))  # a centered variance may vanish
        if chosen["centered"]:
            chosen["alpha"] = max(chosen["alpha"], 0.5)  # with less it is a difference of almost equal numbers
    if chosen.get("nesterov"):
        chosen["momentum"] = max(chosen["momentum"], 0.1)
        if "dampening" in chosen:
            chosen["dampening"] = 0.0
    return cls, equations, chosen


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
            assert value.dtype == (tp.float32 if name in ("step", "mu_product") else p.dtype)


@every_algorithm
def test_updates_the_memory_that_aliases_see(cls, options, backend):
    params = two_parameters()
    aliases = [p.detach() for p in params]
    arrays = [p.array for p in params]
    optimizer = cls(params, **options)
    for _ in range(2):
        optimizer.step()
    for p, alias, array in zip(params, aliases, arrays, strict=True):
        assert p.array is array or not tp.backend.current().writes
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
    with pytest.raises(RuntimeError, match=r"in.place|modified|overwritten"):
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
    if mine.state:
        assert saved["state"].keys() == reference["state"].keys()
        assert saved["state"][0].keys() == reference["state"][0].keys()
    assert saved["param_groups"][0].keys() <= reference["param_groups"][0].keys()
