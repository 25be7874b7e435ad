"""Layers: against formulas in float64, against PyTorch where installed, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tiny_pytorch as tp
from tiny_pytorch import nn
from tiny_pytorch.nn import functional as F
from tiny_pytorch.testing import assert_close, gradcheck, gradgradcheck

RNG = np.random.default_rng(7)
X = RNG.standard_normal((6, 4))
WEIGHT = np.array([0.5, 2.0, 1.0, 3.0])


def erf(x):
    return np.vectorize(math.erf)(x)


def softmax(x, axis=1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def normalised(x, axis, eps):
    mean, var = x.mean(axis=axis, keepdims=True), x.var(axis=axis, keepdims=True)
    return (x - mean) / np.sqrt(var + eps)


# --- activations ---

# name: (ours, the formula)
ACTIVATIONS = {
    "relu": (nn.ReLU, lambda x: np.maximum(x, 0)),
    "tanh": (nn.Tanh, np.tanh),
    "sigmoid": (nn.Sigmoid, lambda x: 1 / (1 + np.exp(-x))),
    "logsigmoid": (nn.LogSigmoid, lambda x: -np.log1p(np.exp(-x))),
    "gelu": (nn.GELU, lambda x: x * (1 + erf(x / math.sqrt(2))) / 2),
    "gelu_tanh": (
        lambda: nn.GELU("tanh"),
        lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    ),
    "silu": (nn.SiLU, lambda x: x / (1 + np.exp(-x))),
    "leaky_relu": (lambda: nn.LeakyReLU(0.2), lambda x: np.where(x > 0, x, 0.2 * x)),
    "elu": (lambda: nn.ELU(0.7), lambda x: np.where(x > 0, x, 0.7 * np.expm1(x))),
    "softplus": (lambda: nn.Softplus(2.0), lambda x: np.log1p(np.exp(2 * x)) / 2),
    "softmax": (lambda: nn.Softmax(dim=1), softmax),
    "log_softmax": (lambda: nn.LogSoftmax(dim=-1), lambda x: np.log(softmax(x))),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_follow_their_formulas(name):
    make, formula = ACTIVATIONS[name]
    for dtype, rtol in ((tp.float64, 1e-12), (tp.float32, 2e-6)):
        y = make()(tp.tensor(X, dtype=dtype))
        assert y.dtype == dtype
        np.testing.assert_allclose(y.numpy(), formula(X), rtol=rtol, atol=rtol)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_gradients_of_activations(name):
    module = ACTIVATIONS[name][0]()
    x = tp.tensor(X, dtype=tp.float64, requires_grad=True)
    assert gradcheck(module, (x,))
    assert gradgradcheck(module, (x,))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_of_nothing_and_of_extremes(name):
    module = ACTIVATIONS[name][0]()
    assert module(tp.zeros(0, 4)).shape == (0, 4)
    x = tp.tensor([[1000.0, -1000.0, 0.0]], requires_grad=True)
    y = module(x)
    y.sum().backward()
    assert np.isfinite(y.detach().numpy()).all()
    assert np.isfinite(x.grad.numpy()).all()
    assert np.isnan(module(tp.tensor([[float("nan"), 1.0]])).numpy()).any()


@pytest.mark.parametrize(
    "make",
    [nn.ReLU, nn.SiLU, nn.LeakyReLU, nn.ELU],
    ids=lambda make: make.__name__,
)
def test_in_place_activations_write_into_the_input_and_have_the_same_gradient(make):
    plain, leaf = make(), tp.tensor(X, dtype=tp.float64, requires_grad=True)
    (plain(leaf) * 2).sum().backward()
    expected, leaf.grad = leaf.grad, None
    middle = leaf * 1
    y = make(inplace=True)(middle)
    assert y is middle
    assert_close(y.detach(), plain(leaf).detach())
    (y * 2).sum().backward()
    assert_close(leaf.grad, expected)


# --- linear, flatten, residual, dropout ---


def test_linear():
    layer = nn.Linear(4, 3, dtype=tp.float64)
    w, b = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    assert w.shape == (3, 4)
    np.testing.assert_allclose(layer(tp.tensor(X)).detach().numpy(), X @ w.T + b, rtol=1e-13)
    stacked = layer(tp.tensor(X.reshape(2, 3, 4)))
    np.testing.assert_allclose(stacked.detach().numpy(), (X @ w.T + b).reshape(2, 3, 3), rtol=1e-13)
    assert layer(tp.tensor(X[0])).shape == (3,)
    assert layer(tp.zeros(0, 4, dtype=tp.float64)).shape == (0, 3)
    x = tp.tensor(X, requires_grad=True)
    assert gradcheck(F.linear, (x, layer.weight, layer.bias))
    assert gradgradcheck(F.linear, (x, layer.weight, layer.bias))


def test_linear_without_bias_and_without_features():
    layer = nn.Linear(4, 3, bias=False)
    assert layer.bias is None
    assert layer(tp.ones(2, 4)).dtype == tp.float32
    assert (nn.Linear(0, 2)(tp.zeros(3, 0)) == 0).all()
    with pytest.raises(ValueError, match="in_features"):
        nn.Linear(-1, 2)


def test_linear_says_both_shapes():
    with pytest.raises(RuntimeError, match=r"2, 5.*3, 4"):
        nn.Linear(4, 3)(tp.ones(2, 5))


def test_flatten_and_unflatten():
    x = tp.arange(24).reshape(2, 3, 4)
    assert nn.Flatten()(x).shape == (2, 12)
    assert nn.Flatten(0, 1)(x).shape == (6, 4)
    assert nn.Unflatten(1, (3, -1))(nn.Flatten()(x)).shape == (2, 3, 4)
    assert (nn.Unflatten(-1, (3, 4))(nn.Flatten()(x)) == x).all()
    with pytest.raises(IndexError, match=r"unflatten: dim 3 is out of range for a tensor of 3 dimensions"):
        nn.Unflatten(3, (1,))(x)


def test_residual_and_identity():
    block = nn.Residual(nn.Linear(4, 4, dtype=tp.float64))
    x = tp.tensor(X)
    assert_close(block(x).detach(), x + block.fn(x).detach())
    assert nn.Identity(3, any="thing")(x) is x
    with pytest.raises(RuntimeError, match=r"\(6, 4\) into \(6, 1\)"):
        nn.Residual(nn.Linear(4, 1, dtype=tp.float64))(x)
    with pytest.raises(TypeError, match=r"nn\.Module"):
        nn.Residual(tp.relu)


def test_dropout_scales_what_it_keeps():
    tp.manual_seed(1)
    layer, x = nn.Dropout(0.25), tp.ones(200, 100, requires_grad=True)
    y = layer(x)
    y.sum().backward()
    assert y.dtype == tp.float32
    kept = y.detach().numpy() != 0
    assert abs(kept.mean() - 0.75) < 0.02
    np.testing.assert_allclose(y.detach().numpy(), kept / np.float32(0.75), rtol=1e-6)
    np.testing.assert_array_equal(x.grad.numpy(), y.detach().numpy())
    assert not np.array_equal(layer(x).detach().numpy() != 0, kept)
    tp.manual_seed(1)
    np.testing.assert_array_equal(layer(x).detach().numpy() != 0, kept)


def test_dropout_is_the_identity_in_evaluation_and_nothing_at_one():
    x = tp.tensor([1.0, float("inf")])
    assert nn.Dropout(0.9).eval()(x) is x
    assert nn.Dropout(0.0)(x) is x
    assert (nn.Dropout(1.0)(x) == 0).all()
    for p in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="probability"):
            nn.Dropout(p)
    with pytest.raises(TypeError, match="floating"):
        F.dropout(tp.arange(3))


def test_dropout_in_place_and_twice_differentiable():
    x = tp.ones(50)
    y = nn.Dropout(0.5, inplace=True)(x)
    assert y is x
    assert set(y.tolist()) == {0.0, 2.0}

    def same_mask(x):
        tp.manual_seed(0)
        return F.dropout(x, 0.5) ** 3

    assert gradgradcheck(same_mask, (tp.tensor(X, requires_grad=True),))


# --- normalisation ---


def test_layer_norm():
    x = RNG.standard_normal((2, 3, 4))
    for shape, axis in ((4, (2,)), ((3, 4), (1, 2))):
        layer = nn.LayerNorm(shape, eps=1e-3, dtype=tp.float64)
        nn.init.normal_(layer.weight)
        nn.init.normal_(layer.bias)
        w, b = layer.weight.detach().numpy(), layer.bias.detach().numpy()
        expected = normalised(x, axis, 1e-3) * w + b
        np.testing.assert_allclose(layer(tp.tensor(x)).detach().numpy(), expected, rtol=1e-12, atol=1e-12)
        layer.reset_parameters()
        assert (layer.weight == 1).all()
        assert (layer.bias == 0).all()


@pytest.mark.parametrize("affine, bias", [(True, True), (True, False), (False, True)])
def test_gradients_of_layer_norm(affine, bias):
    layer = nn.LayerNorm(4, elementwise_affine=affine, bias=bias, dtype=tp.float64)
    assert len(list(layer.parameters())) == affine + (affine and bias)
    inputs = (tp.tensor(X, requires_grad=True), *layer.parameters())

    def norm(x, weight=None, bias=None):
        return F.layer_norm(x, (4,), weight, bias)

    assert gradcheck(norm, inputs)
    assert gradgradcheck(norm, inputs)


def test_layer_norm_refuses_other_shapes():
    with pytest.raises(RuntimeError, match=r"\(5,\).*\(6, 4\)"):
        nn.LayerNorm(5)(tp.zeros(6, 4))
    with pytest.raises(RuntimeError, match=r"weight of shape \(4,\), got \(3,\)"):
        F.layer_norm(tp.zeros(6, 4), 4, tp.ones(3))
    for layer in (nn.LayerNorm, nn.RMSNorm):
        with pytest.raises(ValueError, match=f"{layer.__name__}: normalized_shape is empty"):
            layer(())


@pytest.mark.parametrize("shape", [(6, 4), (5, 4, 3)])
def test_batch_norm_in_training(shape):
    x = RNG.standard_normal(shape) * 3 + 1
    axis = (0, *range(2, len(shape)))
    layer = nn.BatchNorm1d(4, eps=1e-3, momentum=0.2, dtype=tp.float64)
    y = layer(tp.tensor(x)).detach().numpy()
    np.testing.assert_allclose(y, normalised(x, axis, 1e-3), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(layer.running_mean.numpy(), 0.2 * x.mean(axis), rtol=1e-12)
    np.testing.assert_allclose(layer.running_var.numpy(), 0.8 + 0.2 * x.var(axis, ddof=1), rtol=1e-12)
    assert layer.num_batches_tracked.item() == 1
    assert layer.num_batches_tracked.dtype == tp.int64


def test_batch_norm_in_evaluation_uses_and_keeps_the_running_statistics():
    layer = nn.BatchNorm1d(4, dtype=tp.float64)
    nn.init.normal_(layer.weight)
    layer(tp.tensor(X))
    mean, var = layer.running_mean.numpy().copy(), layer.running_var.numpy().copy()
    layer.eval()
    expected = (X[:1] - mean) / np.sqrt(var + 1e-5) * layer.weight.detach().numpy()
    np.testing.assert_allclose(layer(tp.tensor(X[:1])).detach().numpy(), expected, rtol=1e-12)
    np.testing.assert_array_equal(layer.running_mean.numpy(), mean)
    layer.reset_parameters()
    assert (layer.running_var == 1).all()
    assert layer.num_batches_tracked.item() == 0
    assert (layer.weight == 1).all()


def test_cumulative_average():
    layer = nn.BatchNorm1d(4, momentum=None, dtype=tp.float64)
    for i in range(3):
        layer(tp.tensor(X + i))
    np.testing.assert_allclose(layer.running_mean.numpy(), X.mean(0) + 1, rtol=1e-12)
    np.testing.assert_allclose(layer.running_var.numpy(), X.var(0, ddof=1), rtol=1e-12)


def test_batch_norm_without_statistics_uses_the_batch_always():
    layer = nn.BatchNorm1d(4, affine=False, track_running_stats=False, dtype=tp.float64).eval()
    assert list(layer.state_dict()) == []
    np.testing.assert_allclose(layer(tp.tensor(X)).numpy(), normalised(X, 0, 1e-5), rtol=1e-12)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(6, 4), (3, 4, 2)])
def test_gradients_of_batch_norm(training, shape):
    x = tp.tensor(RNG.standard_normal(shape), requires_grad=True)
    weight = tp.tensor(WEIGHT, requires_grad=True)
    bias = tp.tensor(WEIGHT - 1, requires_grad=True)

    def norm(x, weight, bias):
        return F.batch_norm(x, tp.tensor(WEIGHT), tp.tensor(WEIGHT), weight, bias, training)

    assert gradcheck(norm, (x, weight, bias))
    assert gradgradcheck(norm, (x, weight, bias))


def test_batch_norm_refuses_and_stays_unchanged():
    layer = nn.BatchNorm1d(4)
    for bad, message in (((1, 4), "more than one value"), ((2, 3), "4 channels"), ((4,), r"\(N, C\)")):
        with pytest.raises(ValueError, match=message):
            layer(tp.zeros(*bad))
    assert layer.num_batches_tracked.item() == 0
    assert (layer.running_var == 1).all()
    assert layer(tp.zeros(1, 4, 2)).shape == (1, 4, 2)
    assert layer.eval()(tp.zeros(1, 4)).shape == (1, 4)
    with pytest.raises(RuntimeError, match="running_mean"):
        F.batch_norm(tp.zeros(2, 4), None, None)
    with pytest.raises(RuntimeError, match=r"weight of shape \(4,\)"):
        F.batch_norm(tp.zeros(2, 4), None, None, tp.zeros(3), training=True)


# --- against PyTorch ---


def named(torch, name, *args, **kwargs):
    return getattr(nn, name)(*args, **kwargs), getattr(torch.nn, name)(*args, **kwargs)


MODULES = [
    ("Linear", (4, 3), {}),
    ("LayerNorm", (4,), {}),
    ("BatchNorm1d", (4,), {}),
    ("BatchNorm1d", (4,), {"momentum": None}),
    ("ReLU", (), {}),
    ("Tanh", (), {}),
    ("Sigmoid", (), {}),
    ("LogSigmoid", (), {}),
    ("GELU", (), {}),
    ("GELU", (), {"approximate": "tanh"}),
    ("SiLU", (), {}),
    ("LeakyReLU", (0.3,), {}),
    ("ELU", (1.5,), {}),
    ("Softplus", (2.0, 1.0), {}),
    ("Softmax", (1,), {}),
    ("LogSoftmax", (0,), {}),
    ("Flatten", (), {}),
]


@pytest.mark.parametrize("name, args, kwargs", MODULES)
def test_modules_agree_with_pytorch(name, args, kwargs):
    torch = pytest.importorskip("torch")
    ours, theirs = named(torch, name, *args, **kwargs)
    ours.double().load_state_dict(theirs.double().state_dict())
    g = RNG.standard_normal((6, 4))[:, : 3 if name == "Linear" else 4]
    for training in (True, True, False):
        ours.train(training)
        theirs.train(training)
        x, x_torch = tp.tensor(X, requires_grad=True), torch.tensor(X, requires_grad=True)
        y, y_torch = ours(x), theirs(x_torch)
        np.testing.assert_allclose(y.detach().numpy(), y_torch.detach().numpy(), rtol=1e-10, atol=1e-12)
        y.backward(tp.tensor(g))
        y_torch.backward(torch.tensor(g))
        np.testing.assert_allclose(x.grad.numpy(), x_torch.grad.numpy(), rtol=1e-9, atol=1e-12)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-9, atol=1e-12)
    for p, q in zip(ours.buffers(), theirs.buffers(), strict=True):
        np.testing.assert_allclose(p.numpy(), q.numpy(), rtol=1e-12)
