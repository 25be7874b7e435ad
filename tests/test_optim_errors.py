"""Bad parameters, hyper-parameters and gradients: an error, and nothing is changed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from cases.optim import assert_equal, every_algorithm, parameter, state_of, two_parameters, values

import tiny_pytorch as tp
from tiny_pytorch.optim import SGD, Adam, AdamW, RMSprop

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
    (AdamW, {"betas": (-0.1, 0.9)}, ValueError, "beta1"),
    (AdamW, {"weight_decay": -1}, ValueError, "weight_decay"),
    (RMSprop, {"alpha": 1.1}, ValueError, "alpha must be at most 1, got 1.1"),
    (RMSprop, {"alpha": -0.1}, ValueError, "alpha"),
    (RMSprop, {"momentum": -0.1}, ValueError, "momentum"),
    (RMSprop, {"eps": math.nan}, ValueError, "eps"),
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


def test_what_only_pytorchs_adamw_has():
    for optimizer in Adam, AdamW:
        optimizer(two_parameters(), capturable=False)
        with pytest.raises(ValueError, match="capturable=True is not supported"):
            optimizer(two_parameters(), capturable=True)
    optimizer = AdamW(two_parameters())
    optimizer.param_groups[0]["decoupled_weight_decay"] = False
    with pytest.raises(ValueError, match="decoupled_weight_decay must be True"):
        optimizer.step()


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
