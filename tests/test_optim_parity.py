"""Optimizers beside PyTorch's: the same gradients and switches for twenty steps, and state dicts both ways."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import tiny_pytorch as tp

torch = pytest.importorskip("torch")

OPTIONS = {
    "SGD": [
        {"lr": 0.1, "dampening": 0},
        {"lr": 0.1, "momentum": 0.9, "dampening": 0.1, "weight_decay": 0.1, "maximize": True},
    ],
    "Adam": [{"lr": 0.01}, {"lr": 0.01, "amsgrad": True, "weight_decay": 0.1}, {"lr": 0.01, "maximize": True}],
    "AdamW": [{}, {"amsgrad": True, "maximize": True}],
    "RMSprop": [{}, {"maximize": True, "momentum": 0.5}],
    "Adagrad": [{}, {"lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5, "maximize": True}],
    "Adadelta": [{}, {"rho": 0.5, "weight_decay": 0.1, "lr": 0.5, "maximize": True}],
    "Adamax": [{}, {"betas": (0.5, 0.9), "weight_decay": 0.1, "maximize": True}],
    "NAdam": [{}, {"weight_decay": 0.1, "momentum_decay": 0.1}, {"weight_decay": 0.1, "decoupled_weight_decay": True}],
    "RAdam": [{}, {"weight_decay": 0.1, "betas": (0.8, 0.9)}, {"weight_decay": 0.1, "decoupled_weight_decay": True}],
}
ROWS = [(name, options) for name, rows in OPTIONS.items() for options in rows]
rows = pytest.mark.parametrize("name, options", ROWS, ids=[f"{name}-{'-'.join(o)}" for name, o in ROWS])
RNG = np.random.default_rng(3)
START = [RNG.standard_normal((3, 4)), RNG.standard_normal(5)]
GRADIENTS = [[RNG.standard_normal(p.shape) for p in START] for _ in range(20)]


def made(t, name, options, dtype):
    params = [t.tensor(p, dtype=getattr(t, dtype), requires_grad=True) for p in START]
    return params, getattr(t.optim, name)(params, **options)


def step(t, params, optimizer, gradients):
    for p, g in zip(params, gradients, strict=True):
        p.grad = t.tensor(g, dtype=p.dtype)
    optimizer.step()


def assert_close(ours, theirs, dtype):
    limit = 1e-9 if dtype == "float64" else 1e-5
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=limit, atol=limit)


@rows
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_twenty_steps(name, options, dtype):
    (ours, mine), (theirs, its) = made(tp, name, options, dtype), made(torch, name, options, dtype)
    for gradients in GRADIENTS:
        step(tp, ours, mine, gradients)
        step(torch, theirs, its, gradients)
    assert_close(ours, theirs, dtype)


def exchanged(state, convert):
    """A state dict with the other library's tensors."""
    return {
        "state": {
            i: {k: convert(v) if hasattr(v, "numpy") else v for k, v in s.items()} for i, s in state["state"].items()
        },
        "param_groups": state["param_groups"],
    }


@rows
def test_state_dicts_both_ways(name, options):
    (ours, mine), (theirs, its) = made(tp, name, options, "float64"), made(torch, name, options, "float64")
    for gradients in GRADIENTS[:3]:
        step(tp, ours, mine, gradients)
        step(torch, theirs, its, gradients)
    there, back = mine.state_dict(), its.state_dict()
    assert {k: set(v) for k, v in there["state"].items()} == {k: set(v) for k, v in back["state"].items()}
    mine.load_state_dict(exchanged(back, lambda v: tp.tensor(v.numpy())))
    its.load_state_dict(exchanged(there, lambda v: torch.tensor(v.numpy())))
    for gradients in GRADIENTS[3:8]:
        step(tp, ours, mine, gradients)
        step(torch, theirs, its, gradients)
    assert_close(ours, theirs, "float64")


@pytest.mark.parametrize("name", ["Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam", "AdamW", "RMSprop"])
def test_arguments_are_pytorchs(name):
    def words(cls):
        return [(p.name, p.default) for p in inspect.signature(cls).parameters.values() if p.kind != p.KEYWORD_ONLY]

    assert words(getattr(tp.optim, name)) == words(getattr(torch.optim, name))


def test_what_only_pytorch_has_is_refused():
    p = tp.zeros(2, requires_grad=True)
    for name in ("Adam", "AdamW", "RMSprop", "SGD"):
        with pytest.raises(ValueError, match="differentiable=True is not supported"):
            getattr(tp.optim, name)([p], differentiable=True)
