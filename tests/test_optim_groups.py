"""Parameter groups of optimizers, and algorithms of one's own."""

from __future__ import annotations

import numpy as np
import pytest
from cases.optim import assert_equal, two_parameters, values

import tiny_pytorch as tp
from tiny_pytorch.optim import SGD, Adam, Optimizer


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
            "SGD (\nParameter Group 0\n    dampening: None\n    lr: 0.5\n    maximize: False\n    momentum: 0.0\n"
            "    nesterov: False\n    weight_decay: 0.0\n)"
        )

    def test_switches_of_pytorch_scripts(self):
        p, q = two_parameters()
        Adam([p], 1e-3, betas=(0.5, 0.75), fused=True, foreach=None)
        optimizer = Adam([p, q], fused=True)
        assert optimizer.param_groups[0]["betas"] == (0.9, 0.999)
        SGD([p], momentum=0.9, fused=True, foreach=False)


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
        assert all(p.array is a for p, a in zip(params, arrays, strict=True)) or not tp.backend.current().writes

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
