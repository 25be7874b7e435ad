"""Whole models: what they compute, and that they learn."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from tensors import host

import tiny_pytorch as tp
from tiny_pytorch import nn
from tiny_pytorch.models import GPT, MLP, LanguageModel, LeNet, ResNet9

RNG = np.random.default_rng(5)


def count(model):
    return sum(p.numel() for p in model.parameters())


# (what makes a model, its parameters): the sizes that benchmarks name
SIZES = {
    "mlp": (lambda: MLP([784, 512, 512, 10]), 669_706),
    "lenet-5": (LeNet, 61_706),
    "cnn": (lambda: LeNet(image_size=28, channels=(32, 64), hidden=(128,), kernel_size=3, padding=1), 421_642),
    "resnet9": (ResNet9, 431_946),
    "char lstm": (lambda: LanguageModel(65, 32, 128), 93_409),
    "word lstm": (lambda: LanguageModel(5000, 128, 256, layers=2), 2_846_600),
    "tied": (lambda: LanguageModel(50, 16, 16, cell="gru", tied=True), 50 * 16 + 3 * 16 * 34 + 50),
    "gpt": (lambda: GPT(vocabulary=65, width=128, layers=4, heads=4, context=64), 818_176),
}


@pytest.mark.parametrize("make, parameters", SIZES.values(), ids=SIZES)
def test_sizes(make, parameters):
    assert count(make()) == parameters


def learn(model, x, y, steps, lr=1e-2):
    """The losses of some steps of Adam."""
    optimizer = tp.optim.Adam(model.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        output = model(x)
        logits = output[0] if isinstance(output, tuple) else output
        loss = nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_mlp_is_its_layers():
    model = MLP([4, 8, 6, 3], activation=nn.Tanh, dropout=0.2)
    kinds = [type(layer).__name__ for layer in model]
    assert kinds == ["Linear", "Tanh", "Dropout", "Linear", "Tanh", "Dropout", "Linear"]
    assert [type(layer).__name__ for layer in MLP([4, 8, 3])] == ["Linear", "ReLU", "Linear"]
    assert len(MLP([4, 3])) == 1
    model.eval()
    x = tp.tensor(RNG.standard_normal((5, 4)), dtype=tp.float32)
    expected = x
    for i, layer in enumerate(m for m in model if isinstance(m, nn.Linear)):
        expected = layer(expected if i == 0 else tp.tanh(expected))
    np.testing.assert_array_equal(host(model(x)), host(expected))
    with pytest.raises(ValueError, match="at least two"):
        MLP([4])


def small(**settings):
    return GPT(vocabulary=11, width=16, layers=2, heads=4, context=8, **settings)


def test_gpt_sees_only_what_came_before():
    model = small()
    tokens = RNG.integers(0, 11, (3, 8))
    changed = tokens.copy()
    changed[:, 5:] = (changed[:, 5:] + 1) % 11
    a, b = host(model(tp.tensor(tokens))), host(model(tp.tensor(changed)))
    np.testing.assert_allclose(a[:, :5], b[:, :5], rtol=1e-5, atol=1e-6)
    assert np.abs(a[:, 5:] - b[:, 5:]).max() > 1e-3
    np.testing.assert_allclose(host(model(tp.tensor(tokens[:, :3]))), a[:, :3], rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="9 tokens"):
        model(tp.zeros(1, 9, dtype=tp.int64))


def test_gpt_starts_small():
    model = GPT(vocabulary=65, width=128, layers=4, heads=4, context=64)
    first = host(model.blocks[0].expand.weight)
    assert abs(first.std() - 0.02) < 0.001
    assert abs(host(model.blocks[0].contract.weight).std() - 0.02 / 8**0.5) < 0.001
    assert (model.blocks[0].attention.in_proj_bias == 0).all()
    assert (model.norm.weight == 1).all()


@pytest.mark.numpy_only
def test_gpt_learns_a_sequence_and_says_it_again():
    model = small(dropout=0.0)
    line = np.array([3, 1, 4, 1, 5, 9, 2, 6])
    assert learn(model, tp.tensor(line[None, :-1]), tp.tensor(line[1:]), 60)[-1] < 0.05
    said = model.eval().generate(tp.tensor([[3]]), 7, temperature=0)
    np.testing.assert_array_equal(host(said), line[None])
    assert model.generate(tp.tensor([[3], [1]]), 12).shape == (2, 13)
    with pytest.raises(ValueError, match="temperature"):
        model.generate(tp.tensor([[3]]), 1, temperature=-1.0)


def test_gpt_trains_with_dropout():
    model = small(dropout=0.3)
    tokens = tp.tensor(RNG.integers(0, 11, (2, 8)))
    model(tokens).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    assert not np.array_equal(host(model(tokens)), host(model(tokens)))


# --- images -------------------------------------------------------------------------------------------------


def images(*shape):
    return tp.tensor(RNG.standard_normal(shape), dtype=tp.float32)


def test_lenet_is_its_layers():
    model = LeNet(3, 2, (12, 8), channels=(4, 5), hidden=(6,), kernel_size=3, padding=1, activation=nn.Tanh)
    assert list(model.state_dict()) == [
        *("features.0.weight", "features.0.bias", "features.3.weight", "features.3.bias"),
        *("classifier.0.weight", "classifier.0.bias", "classifier.2.weight", "classifier.2.bias"),
    ]
    assert tuple(model.classifier[0].weight.shape) == (6, 5 * 3 * 2)
    x = images(7, 2, 12, 8)
    y = x
    for conv in model.features[0], model.features[3]:
        y = nn.functional.max_pool2d(tp.tanh(conv(y)), 2)
    y = model.classifier[2](tp.tanh(model.classifier[0](y.flatten(1))))
    np.testing.assert_array_equal(host(model(x)), host(y))
    assert tuple(y.shape) == (7, 3)


def test_lenet_of_odd_sizes_rounds_down():
    assert tuple(LeNet(image_size=29)(images(2, 1, 29, 29)).shape) == (2, 10)
    with pytest.raises(ValueError, match="image of size 12 is too small for 2 convolutions of kernel size 5"):
        LeNet(image_size=12)


def test_lenet_with_batch_norm_and_dropout_has_two_modes():
    model = LeNet(3, 1, 8, channels=(4,), hidden=(16,), kernel_size=3, padding=1, batch_norm=True, dropout=0.5)
    assert [type(layer).__name__ for layer in model.features] == ["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d"]
    x = images(5, 1, 8, 8)
    assert not np.array_equal(host(model(x)), host(model(x)))
    before = host(model.features[1].running_mean)
    assert before.any()
    model.eval()
    whole = host(model(x))
    np.testing.assert_array_equal(host(model(x)), whole)
    np.testing.assert_allclose(host(model(x[:1])), whole[:1], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(host(model.features[1].running_mean), before)


def test_resnet9_reads_images_of_any_size():
    model = ResNet9(5, in_channels=1, width=2)
    for height, width in (32, 32), (40, 90), (8, 8):
        assert tuple(model(images(2, 1, height, width)).shape) == (2, 5)
    keys = list(model.state_dict())
    assert keys[:2] == ["features.0.0.weight", "features.0.0.bias"]
    assert "features.2.fn.1.1.running_var" in keys
    assert keys[-2:] == ["classifier.2.weight", "classifier.2.bias"]
    assert len(keys) == 8 * 7 + 4  # of each convolution weight and bias, and five of its normalisation


def test_resnet9_in_eval_mode_treats_images_alone():
    model = ResNet9(5, width=2)
    x = images(4, 3, 32, 32)
    model(x)
    together = host(model.eval()(x))
    np.testing.assert_allclose(host(model(x[1:2])), together[1:2], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "model, shape",
    [
        (lambda: LeNet(3, 1, 8, channels=(4, 8), hidden=(16,), kernel_size=3, padding=1), (9, 1, 8, 8)),
        (lambda: ResNet9(3, width=2), (9, 3, 32, 32)),
    ],
    ids=["LeNet", "ResNet9"],
)
def test_networks_for_images_learn(model, shape):
    losses = learn(model(), images(*shape), tp.tensor(np.arange(9) % 3), 20)
    assert losses[-1] < 0.5 * losses[0]


# --- text ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell, kind", [("lstm", nn.LSTM), ("gru", nn.GRU), ("rnn", nn.RNN)])
def test_a_text_can_be_read_in_pieces(cell, kind):
    model = LanguageModel(11, 4, 6, layers=2, cell=cell)
    assert type(model.rnn) is kind
    text = tp.tensor(RNG.integers(0, 11, (3, 9)))
    logits, end = model(text)
    assert tuple(logits.shape) == (3, 9, 11)
    first, state = model(text[:, :4])
    second, state = model(text[:, 4:], model.detach(state))
    np.testing.assert_allclose(host(tp.cat([first, second], dim=1)), host(logits), rtol=1e-5, atol=1e-6)
    parts = (lambda s: s) if cell == "lstm" else (lambda s: (s,))
    for carried, whole in zip(parts(state), parts(end), strict=True):
        assert tuple(carried.shape) == (2, 3, 6)
        np.testing.assert_allclose(host(carried), host(whole), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("cell", ["lstm", "rnn"])
def test_a_detached_state_keeps_no_history(cell):
    model = LanguageModel(11, 4, 6, cell=cell)
    before, after = tp.tensor([[1, 2]]), tp.tensor([[3, 4]])

    def gradient(cut):
        model.zero_grad()
        _, state = model(before)
        model(after, cut(state))[0].sum().backward()
        return host(model.tokens.weight.grad)

    assert gradient(lambda state: state)[[1, 2]].all()
    through = gradient(model.detach)
    assert not through[[1, 2]].any()
    assert through[[3, 4]].all()


def test_tied_weights_are_one_parameter():
    model = LanguageModel(11, 6, 6, tied=True)
    assert model.head.weight is model.tokens.weight
    assert [name for name, _ in model.named_parameters()].count("tokens.weight") == 1
    assert "head.weight" not in dict(model.named_parameters())
    assert {"tokens.weight", "head.weight"} <= set(model.state_dict())
    assert count(model) == 11 * 6 + 4 * 6 * (6 + 6 + 2) + 11
    for other in copy.deepcopy(model), copy.deepcopy(model).double():
        assert other.head.weight is other.tokens.weight
        assert other.head.weight is not model.head.weight
    other = LanguageModel(11, 6, 6, tied=True)
    other.load_state_dict(model.state_dict())
    text = tp.tensor(RNG.integers(0, 11, (2, 5)))
    np.testing.assert_array_equal(host(other(text)[0]), host(model(text)[0]))
    with pytest.raises(ValueError, match="embedding=4 and hidden=6"):
        LanguageModel(11, 4, 6, tied=True)


def test_language_model_starts_small():
    model = LanguageModel(200, 32, 16)
    for weight in model.tokens.weight, model.head.weight:
        assert 0.09 < np.abs(host(weight)).max() <= 0.1
    assert not host(model.head.bias).any()
    with pytest.raises(ValueError, match="cell must be one of rnn, lstm, gru, got 'LSTM'"):
        LanguageModel(11, 4, 6, cell="LSTM")


def test_language_model_drops_in_training_only():
    model = LanguageModel(11, 8, 8, layers=2, dropout=0.5)
    assert model.rnn.dropout == 0.5
    text = tp.tensor(RNG.integers(0, 11, (2, 5)))
    assert not np.array_equal(host(model(text)[0]), host(model(text)[0]))
    model.eval()
    np.testing.assert_array_equal(host(model(text)[0]), host(model(text)[0]))
    assert LanguageModel(11, 8, 8, dropout=0.5).rnn.dropout == 0  # nothing is between the layers of one


@pytest.mark.numpy_only
@pytest.mark.parametrize("settings", [{}, {"cell": "gru"}, {"cell": "rnn", "layers": 2}, {"tied": True}], ids=repr)
def test_language_model_learns_a_sequence_and_says_it_again(settings):
    model = LanguageModel(11, 16, 16, **settings)
    line = np.array([3, 1, 4, 1, 5, 9, 2, 6])
    losses = learn(model, tp.tensor(line[None, :-1]), tp.tensor(line[1:]), 100, lr=3e-2)
    assert losses[-1] < 0.05
    said = model.eval().generate(tp.tensor([[3]]), 7, temperature=0)
    np.testing.assert_array_equal(host(said), line[None])
    assert tuple(model.generate(tp.tensor([[3, 1], [1, 5]]), 12).shape) == (2, 14)
    with pytest.raises(ValueError, match="temperature must not be negative, got -1"):
        model.generate(tp.tensor([[3]]), 1, temperature=-1.0)


def test_drawn_tokens_follow_the_logits():
    logits = tp.tensor(np.log([[0.7, 0.2, 0.1]] * 4000), dtype=tp.float32)
    shares = np.bincount(host(tp.models.sampling.draw(logits))[:, 0], minlength=3) / 4000
    np.testing.assert_allclose(shares, [0.7, 0.2, 0.1], atol=0.03)
    colder = np.bincount(host(tp.models.sampling.draw(logits, 0.5))[:, 0], minlength=3) / 4000
    np.testing.assert_allclose(colder, np.array([0.49, 0.04, 0.01]) / 0.54, atol=0.03)
    assert not host(tp.models.sampling.draw(logits, 0)).any()
    with pytest.raises(ValueError, match="got nan"):
        tp.models.sampling.draw(logits, float("nan"))
