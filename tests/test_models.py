"""Whole models: what they compute, and that they learn."""

from __future__ import annotations

import numpy as np
import pytest

import tiny_pytorch as tp
from tiny_pytorch import nn
from tiny_pytorch.models import GPT, MLP

RNG = np.random.default_rng(5)


def host(x):
    return np.asarray(tp.backend.current().to_numpy(x.detach().array))


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


def test_gpt_of_the_benchmark_has_its_parameters():
    model = GPT(vocabulary=65, width=128, layers=4, heads=4, context=64)
    assert sum(p.numel() for p in model.parameters()) == 818_176
    first = host(model.blocks[0].expand.weight)
    assert abs(first.std() - 0.02) < 0.001
    assert abs(host(model.blocks[0].contract.weight).std() - 0.02 / 8**0.5) < 0.001
    assert (model.blocks[0].attention.in_proj_bias == 0).all()
    assert (model.norm.weight == 1).all()


@pytest.mark.numpy_only
def test_gpt_learns_a_sequence_and_says_it_again():
    model = small(dropout=0.0)
    line = np.array([3, 1, 4, 1, 5, 9, 2, 6])
    x, y = tp.tensor(line[None, :-1]), tp.tensor(line[1:])
    optimizer = tp.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(60):
        loss = nn.functional.cross_entropy(model(x)[0], y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05
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
