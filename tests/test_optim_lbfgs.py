"""L-BFGS: beside PyTorch's, on functions with a known minimum, and what happens when a closure fails."""

from __future__ import annotations

import numpy as np
import pytest

import tiny_pytorch as tp

RNG = np.random.default_rng(1)
X, Y = RNG.standard_normal((20, 3)), RNG.standard_normal(20)


def rosenbrock(p, q):
    return (1 - p) ** 2 + 100 * (q - p * p) ** 2


def regression(t, w, b):
    error = t.tanh(t.tensor(X) @ w + b) - t.tensor(Y)
    return (error * error).sum()


FUNCTIONS = {
    "rosenbrock": (lambda t, p, q: rosenbrock(p, q).sum(), [np.array([-1.2]), np.array([1.0])]),
    "regression": (regression, [np.zeros(3), np.array(0.1)]),
}


def run(t, name, steps=4, **options):
    function, start = FUNCTIONS[name]
    params = [t.tensor(p, requires_grad=True) for p in start]
    optimizer = t.optim.LBFGS(params, **options)
    losses = []

    def closure():
        optimizer.zero_grad()
        loss = function(t, *params)
        loss.backward()
        losses.append(loss.item())
        return loss

    returned = [optimizer.step(closure).item() for _ in range(steps)]
    return params, returned, losses


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(
    "options",
    [
        {"lr": 0.01},
        {"lr": 0.1, "max_iter": 7, "history_size": 3},
        {"lr": 0.01, "max_iter": 30, "max_eval": 9},
        {"line_search_fn": "strong_wolfe"},
        {"line_search_fn": "strong_wolfe", "max_iter": 5, "history_size": 2},
    ],
)
def test_goes_where_pytorch_goes(name, options):
    torch = pytest.importorskip("torch")
    ours, returned, losses = run(tp, name, **options)
    theirs, expected, their_losses = run(torch, name, **options)
    # Each rounding error grows on the way down a curved valley.
    np.testing.assert_allclose(returned, expected, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(losses[:20], their_losses[:20], rtol=1e-6, atol=1e-12)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-5, atol=1e-8)


def test_finds_the_minimum():
    params, _, _ = run(tp, "rosenbrock", steps=10, line_search_fn="strong_wolfe")
    np.testing.assert_allclose([p.item() for p in params], [1, 1], atol=1e-4)


def test_what_is_refused():
    p = tp.zeros(2, requires_grad=True)
    with pytest.raises(ValueError, match="one group"):
        tp.optim.LBFGS([{"params": [p]}, {"params": [tp.zeros(1, requires_grad=True)]}])
    with pytest.raises(ValueError, match="strong_wolfe"):
        tp.optim.LBFGS([p], line_search_fn="armijo")
    with pytest.raises(TypeError, match="closure"):
        tp.optim.LBFGS([p]).step()


def test_an_exception_of_the_closure_passes_through():
    p = tp.tensor([3.0], requires_grad=True)
    optimizer = tp.optim.LBFGS([p])

    def closure():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        optimizer.step(closure)
    assert p.tolist() == [3.0]


def test_weights_averaged_as_pytorch_does():
    torch = pytest.importorskip("torch")

    def trace(t):
        model = t.nn.Sequential(t.nn.Linear(2, 2), t.nn.BatchNorm1d(2)).double()
        utils = t.optim.swa_utils
        kinds = {"avg_fn": utils.get_ema_avg_fn(0.9)}, {"multi_avg_fn": utils.get_ema_multi_avg_fn(0.5)}
        averages = [utils.AveragedModel(model, **options) for options in ({}, {"use_buffers": True}, *kinds)]
        for i in range(4):
            with t.no_grad():
                for p in model.parameters():
                    p.fill_(float(i * i))
                model[1].running_mean.fill_(float(i))
            for average in averages:
                average.update_parameters(model)
        found = [p.sum().item() for average in averages for p in average.parameters()]
        found += [float(average.module[1].running_mean.sum()) for average in averages]
        found += [int(averages[0].n_averaged)]
        loader = [t.tensor(X[i : i + 5, :2]) for i in range(0, 20, 5)]
        utils.update_bn(loader, averages[0])
        found += averages[0].module[1].running_var.tolist()
        optimizer = t.optim.SGD(model.parameters(), lr=1.0)
        first = t.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        for strategy, epochs in (("cos", 3), ("linear", 4), ("cos", 0)):
            second = utils.SWALR(optimizer, swa_lr=0.05, anneal_epochs=epochs, anneal_strategy=strategy)
            for i in range(7):
                optimizer.step()
                (first if i < 2 else second).step()
                found.append(optimizer.param_groups[0]["lr"])
        return found

    np.testing.assert_allclose(trace(tp), trace(torch), rtol=1e-9)
