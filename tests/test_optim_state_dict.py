"""State dicts of optimizers."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from cases.optim import assert_equal, every_algorithm, give, parameter, state_of, two_parameters, values

import tiny_pytorch as tp
from tiny_pytorch.optim import SGD, Adam


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
        rule = {"lr": 0.5, "momentum": 0.9, "dampening": 0, "weight_decay": 0, "nesterov": False}
        switches = {"maximize": False, "foreach": None, "differentiable": False, "fused": None}
        group = {**rule, **switches, "params": [0]}
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
            (lambda d: d["param_groups"][0].update(differentiable=True), ValueError, "differentiable"),
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
