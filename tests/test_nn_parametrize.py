"""Parameters that are computed from others: weight and spectral normalisation, and users' own functions."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import tiny_pytorch as tp
from tiny_pytorch import nn
from tiny_pytorch.nn.utils import parametrizations, parametrize

RNG = np.random.default_rng(0)
ROWS, IMAGE, STEPS = RNG.standard_normal((5, 4)), RNG.standard_normal((2, 2, 5, 5)), RNG.standard_normal((3, 2, 4))


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).T


class Doubled(nn.Module):
    def forward(self, x):
        return 2 * x

    def right_inverse(self, y):
        return y / 2


LAYERS = {
    "linear": (lambda t: t.nn.Linear(4, 3), "weight", 0, ROWS),
    "linear, columns": (lambda t: t.nn.Linear(4, 3), "weight", 1, ROWS),
    "linear, one length": (lambda t: t.nn.Linear(4, 3), "weight", None, ROWS),
    "conv": (lambda t: t.nn.Conv2d(2, 3, 3), "weight", 0, IMAGE),
    "transposed": (lambda t: t.nn.ConvTranspose2d(2, 3, 3), "weight", 1, IMAGE),
    "lstm": (lambda t: t.nn.LSTM(4, 2), "weight_hh_l0", 0, STEPS),
}
each = pytest.mark.parametrize("name", LAYERS)
WAYS = {
    "new weight": lambda t, m, n, d: t.nn.utils.parametrizations.weight_norm(m, n, d),
    "old weight": lambda t, m, n, d: t.nn.utils.weight_norm(m, n, d),
    "new spectral": lambda t, m, n, d: t.nn.utils.parametrizations.spectral_norm(m, n),
    "old spectral": lambda t, m, n, d: t.nn.utils.spectral_norm(m, n),
}


@each
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.filterwarnings("ignore")
def test_training_as_pytorch_does(name, way):
    torch = pytest.importorskip("torch")
    make, weight, dim, x = LAYERS[name]
    if name == "lstm" and way != "new weight":
        pytest.skip("PyTorch's LSTM looks at its weights at other times")
    theirs = WAYS[way](torch, make(torch).double(), weight, dim)
    ours = WAYS[way](tp, make(tp).double(), weight, dim)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({key: tp.tensor(value.numpy()) for key, value in theirs.state_dict().items()})
    results = []
    for t, m in ((tp, ours), (torch, theirs)):
        optimizer, losses = t.optim.SGD(m.parameters(), lr=0.1, momentum=0.5, dampening=0), []
        for _ in range(5):
            y = m(t.tensor(x))
            loss = ((y[0] if isinstance(y, tuple) else y) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        m.eval()
        losses.append(getattr(m, weight).detach().sum().item())
        results.append(losses)
    np.testing.assert_allclose(results[0], results[1], rtol=1e-9, atol=1e-12)
    for key, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[key].numpy(), value.numpy(), rtol=1e-9, atol=1e-12)


def test_a_weight_computed_by_a_function():
    layer = nn.Linear(3, 3)
    before = layer.weight
    parametrize.register_parametrization(layer, "weight", Symmetric())
    assert (layer.weight == layer.weight.T).all()
    assert layer.parametrizations.weight.original is before
    assert parametrize.is_parametrized(layer)
    assert parametrize.is_parametrized(layer, "weight")
    assert not parametrize.is_parametrized(layer, "bias")
    assert isinstance(layer, nn.Linear)
    assert [name for name, _ in layer.named_parameters()] == ["bias", "parametrizations.weight.original"]
    layer(tp.ones(2, 3)).sum().backward()
    assert before.grad is not None
    with pytest.raises(RuntimeError, match="no right_inverse"):
        layer.weight = tp.eye(3)
    torch = pytest.importorskip("torch")

    class Theirs(torch.nn.Module):
        def forward(self, x):
            return x

    Theirs.__name__ = "Symmetric"
    other = torch.nn.Linear(3, 3)
    torch.nn.utils.parametrize.register_parametrization(other, "weight", Theirs())
    assert repr(layer) == repr(other)


def test_functions_in_a_row_and_assignment():
    layer = nn.Linear(2, 2)
    value = layer.weight.detach().clone()
    parametrize.register_parametrization(layer, "weight", Doubled())
    parametrize.register_parametrization(layer, "weight", Doubled())
    np.testing.assert_allclose(layer.weight.detach().numpy(), value.numpy())
    np.testing.assert_allclose(layer.parametrizations.weight.original.detach().numpy(), value.numpy() / 4)
    layer.weight = tp.eye(2)
    np.testing.assert_allclose(layer.parametrizations.weight.original.detach().numpy(), np.eye(2) / 4)


@pytest.mark.parametrize("leave", [True, False])
def test_a_weight_can_be_made_plain_again(leave):
    layer = nn.Linear(3, 3)
    original = layer.weight
    start, value = original.detach().numpy().copy(), Symmetric()(original).detach().numpy()
    parametrize.register_parametrization(layer, "weight", Symmetric())
    parametrize.remove_parametrizations(layer, "weight", leave)
    assert type(layer) is nn.Linear
    assert layer.weight is original
    np.testing.assert_array_equal(layer.weight.detach().numpy(), value if leave else start)
    assert sorted(layer.state_dict()) == ["bias", "weight"]
    layer(tp.ones(1, 3)).sum().backward()
    with pytest.raises(ValueError, match="does not compute"):
        parametrize.remove_parametrizations(layer, "weight")


def test_several_originals_end_in_a_new_parameter():
    layer = parametrizations.weight_norm(nn.Linear(3, 2))
    value = layer.weight.detach().numpy()
    with pytest.raises(ValueError, match="which of them"):
        parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    parametrize.remove_parametrizations(layer, "weight")
    assert isinstance(layer.weight, nn.Parameter)
    np.testing.assert_allclose(layer.weight.detach().numpy(), value)


def test_the_old_ones_can_be_removed():
    for put, take in (
        (nn.utils.weight_norm, nn.utils.remove_weight_norm),
        (nn.utils.spectral_norm, nn.utils.remove_spectral_norm),
    ):
        layer = put(nn.Linear(3, 2)).eval()
        value = layer(tp.ones(1, 3)).detach().numpy()
        take(layer)
        assert sorted(layer.state_dict()) == ["bias", "weight"]
        np.testing.assert_allclose(layer(tp.ones(1, 3)).detach().numpy(), value, rtol=1e-6)
        with pytest.raises(ValueError, match="not normalised"):
            take(layer)


def test_copies_and_pickles_compute_their_own():
    layer = parametrizations.weight_norm(nn.Linear(3, 2))
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(other.weight.detach().numpy(), layer.weight.detach().numpy())
        tp.nn.init.zeros_(other.parametrizations.weight.original0)
        assert not other.weight.any()
        assert layer.weight.any()


def test_largest_singular_value_becomes_one():
    tp.manual_seed(0)
    layer = parametrizations.spectral_norm(nn.Linear(5, 4), n_power_iterations=50)
    assert np.linalg.svd(layer.weight.detach().numpy())[1][0] == pytest.approx(1, abs=1e-3)


def test_what_is_refused():
    layer = nn.Linear(3, 2)
    with pytest.raises(ValueError, match="no parameter or buffer 'nothing'"):
        parametrize.register_parametrization(layer, "nothing", Doubled())
    with pytest.raises(ValueError, match="returns"):
        parametrize.register_parametrization(layer, "weight", nn.Flatten(0))
    assert type(layer) is nn.Linear
    assert sorted(layer.state_dict()) == ["bias", "weight"]
    for function in (nn.utils.weight_norm, nn.utils.spectral_norm, parametrizations.spectral_norm):
        with pytest.raises(ValueError, match="no parameter"):
            function(nn.ReLU())
    nn.utils.weight_norm(layer)
    with pytest.raises((ValueError, RuntimeError)):
        nn.utils.weight_norm(layer)
