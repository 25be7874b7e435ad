"""Functions of functions: Jacobians, Hessians, gradients, batches; and names of torch.jit and torch.utils."""

from __future__ import annotations

import numpy as np
import pytest

import tiny_pytorch as tp
from tiny_pytorch import nn
from tiny_pytorch.autograd import functional

X = np.array([[0.3, -1.2], [0.7, 2.0]])
Y = np.array([0.5, -0.4])


def f(x):
    return (x**3).sum(1) * x[:, 0]


def two(x, y):
    return (x @ y, (x * x).sum() * y)


def scalar(x, y):
    return (x**3 * y).sum() * y[0]


def flat(value):
    return [v for part in value for v in flat(part)] if isinstance(value, tuple) else [value]


def same(ours, theirs):
    ours, theirs = flat(ours), flat(theirs)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.filterwarnings("ignore")  # theirs, about their own
def test_what_pytorch_computes():
    torch = pytest.importorskip("torch")
    theirs = torch.autograd.functional
    x, y, tx, ty = tp.tensor(X), tp.tensor(Y), torch.tensor(X), torch.tensor(Y)
    same(functional.jacobian(f, x), theirs.jacobian(f, tx))
    same(functional.jacobian(two, (x, y)), theirs.jacobian(two, (tx, ty)))
    same(functional.hessian(scalar, (x, y)), theirs.hessian(scalar, (tx, ty)))
    same(functional.hessian(lambda z: scalar(z, y), x), theirs.hessian(lambda z: scalar(z, ty), tx))
    same(functional.vjp(two, (x, y), (y, y)), theirs.vjp(two, (tx, ty), (ty, ty)))
    same(tp.func.grad(scalar)(x, y), torch.func.grad(scalar)(tx, ty))
    same(tp.func.grad(scalar, (0, 1))(x, y), torch.func.grad(scalar, (0, 1))(tx, ty))
    same(tp.func.jacrev(f)(x), torch.func.jacrev(f)(tx))
    same(tp.func.hessian(scalar, 1)(x, y), torch.func.hessian(scalar, 1)(tx, ty))
    same(tp.vmap(scalar, (0, None))(x[:, None], y), torch.vmap(scalar, (0, None))(tx[:, None], ty))
    same(tp.vmap(lambda a: a * 2, 1, 1)(x), torch.vmap(lambda a: a * 2, 1, 1)(tx))
    same(tp.vmap(tp.func.grad(scalar), (0, None))(x, y), torch.vmap(torch.func.grad(scalar), (0, None))(tx, ty))


def test_results_are_plain_unless_a_graph_is_asked_for():
    x = tp.tensor(X, requires_grad=True)
    assert not functional.jacobian(f, x).requires_grad
    functional.jacobian(f, x, create_graph=True).sum().backward()
    assert x.grad is not None
    assert not tp.func.grad(scalar)(tp.tensor(X), tp.tensor(Y)).requires_grad


def test_independent_results():
    assert not functional.jacobian(lambda x: tp.ones(2), tp.ones(3)).any()
    with pytest.raises(RuntimeError, match="does not depend"):
        functional.jacobian(lambda x: tp.ones(2), tp.ones(3), strict=True)
    with pytest.raises(RuntimeError, match="one element"):
        functional.hessian(lambda x: x, tp.ones(2))
    with pytest.raises(RuntimeError, match="one element"):
        tp.func.grad(lambda x: x)(tp.ones(2))
    with pytest.raises(TypeError, match="must be Tensors"):
        functional.jacobian(f, 1.0)


def test_structures_of_parameters():
    grads = tp.func.grad(lambda p, x: (p["w"] * x).sum() + p["b"][0])(
        {"w": tp.ones(2), "b": [tp.zeros(())]}, tp.ones(2)
    )
    assert grads["w"].tolist() == [1.0, 1.0]
    assert grads["b"][0].item() == 1.0
    value, aux = tp.func.grad(lambda x: (x.sum(), "more"), has_aux=True)(tp.ones(2))
    assert (value.tolist(), aux) == ([1.0, 1.0], "more")


def test_a_module_called_with_other_parameters():
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.BatchNorm1d(2))
    before = {name: p.detach().numpy().copy() for name, p in model.named_parameters()}
    other = {"0.weight": tp.zeros(2, 2, requires_grad=True), "0.bias": tp.ones(2)}
    found = tp.func.functional_call(model[:2], other, (tp.ones(3, 2),))
    assert found.tolist() == [[1.0, 1.0]] * 3
    found.sum().backward()
    assert other["0.weight"].grad is not None
    with pytest.raises(KeyError, match="nothing"):
        tp.func.functional_call(model, {"nothing": tp.ones(1)}, tp.ones(3, 2))
    with pytest.raises(RuntimeError):
        tp.func.functional_call(model, {"0.weight": tp.ones(5, 5)}, tp.ones(3, 2))
    for name, p in model.named_parameters():
        np.testing.assert_array_equal(p.detach().numpy(), before[name])


def test_sizes_that_do_not_fit():
    with pytest.raises(ValueError, match="one size"):
        tp.vmap(tp.add)(tp.ones(2), tp.ones(3))
    with pytest.raises(ValueError, match="entries"):
        tp.vmap(tp.add, (0,))(tp.ones(2), tp.ones(2))


def test_models_are_run_as_they_are():
    layer = nn.Linear(2, 1)
    assert tp.jit.script(layer) is layer
    assert tp.jit.trace(layer, tp.ones(1, 2)) is layer
    assert tp.jit.ignore(f) is f
    assert tp.jit.ignore(drop=True)(f) is f
    assert not tp.jit.is_scripting()
    with pytest.raises(RuntimeError):
        tp.jit.trace(layer, tp.ones(1, 3))
    with pytest.raises(TypeError):
        tp.jit.script(3)
    for function in (lambda: tp.jit.save(layer, "x.pt"), lambda: tp.jit.load("x.pt")):
        with pytest.raises(NotImplementedError, match="state_dict"):
            function()
    x = tp.ones(1, 2, requires_grad=True)
    tp.utils.checkpoint.checkpoint(layer, x, use_reentrant=False, preserve_rng_state=True).sum().backward()
    assert x.grad is not None
    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    same(tp.utils.checkpoint.checkpoint_sequential(model, 2, x, use_reentrant=False), model(x))


def test_what_is_not_here_says_what_to_do():
    from tiny_pytorch.utils.tensorboard import SummaryWriter

    with pytest.raises(ImportError, match="tensorboardX"):
        SummaryWriter("runs")
    with pytest.warns(UserWarning, match="not available"):
        tp.autograd.set_detect_anomaly(True)
    with pytest.warns(UserWarning, match="not available"), tp.autograd.detect_anomaly():
        pass
    with tp.autograd.set_detect_anomaly(False):
        pass
