"""The Transformer's decoder, and the whole: PyTorch's results and gradients from the same state dict."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tiny_pytorch as tp
from tiny_pytorch import nn

MADE = {
    "default": {},
    "batch first, gelu": {"batch_first": True, "activation": "gelu"},
    "norms first": {"norm_first": True},
    "no bias": {"bias": False, "batch_first": True},
}


def pair(name, *args, **options):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    ours = getattr(nn, name)(*args, dropout=0.0, dtype=tp.float64, **options)
    theirs = getattr(torch.nn, name)(*args, dropout=0.0, dtype=torch.float64, **options)
    theirs.load_state_dict({key: torch.tensor(value.detach().numpy()) for key, value in ours.state_dict().items()})
    assert list(ours.state_dict()) == list(theirs.state_dict())
    return torch, ours, theirs


def assert_alike(torch, ours, theirs, arrays, call):
    xs = [tp.tensor(a, requires_grad=True) for a in arrays]
    ys = [torch.tensor(a, requires_grad=True) for a in arrays]
    got, expected = call(tp, ours, *xs), call(torch, theirs, *ys)
    np.testing.assert_allclose(got.detach().numpy(), expected.detach().numpy(), rtol=1e-8, atol=1e-10)
    (got**3).sum().backward()
    (expected**3).sum().backward()
    for x, y in zip([*xs, *ours.parameters()], [*ys, *theirs.parameters()], strict=True):
        np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-6, atol=1e-8)


def arrays(batch_first):
    rng = np.random.default_rng(0)
    found = [rng.standard_normal((3, n, 8)) for n in (5, 4)]
    return found if batch_first else [a.swapaxes(0, 1).copy() for a in found]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("options", MADE.values(), ids=MADE)
def test_a_decoder_layer(options):
    def call(t, layer, memory, tgt):
        mask = t.nn.Transformer.generate_square_subsequent_mask(4, dtype=t.float64)
        padding = t.tensor([[False] * 4 + [i == 1] for i in range(3)])
        return layer(tgt, memory, tgt_mask=mask, memory_key_padding_mask=padding)

    torch, ours, theirs = pair("TransformerDecoderLayer", 8, 2, 16, **options)
    assert_alike(torch, ours, theirs, arrays(options.get("batch_first", False)), call)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("options", MADE.values(), ids=MADE)
def test_the_whole(options):
    def call(t, model, src, tgt):
        mask = model.generate_square_subsequent_mask(4, dtype=t.float64)
        return model(src, tgt, tgt_mask=mask, tgt_is_causal=True)

    torch, ours, theirs = pair("Transformer", 8, 2, 1, 2, 16, **options)
    assert_alike(torch, ours, theirs, arrays(options.get("batch_first", False)), call)


def test_the_causal_mask():
    mask = nn.Transformer.generate_square_subsequent_mask(3)
    assert mask.dtype == tp.float32
    assert mask.tolist() == [[0, -math.inf, -math.inf], [0, 0, -math.inf], [0, 0, 0]]


def test_errors():
    model = nn.Transformer(8, 2, 1, 1, 16)
    with pytest.raises(RuntimeError, match="src and tgt of one batch"):
        model(tp.ones(5, 3, 8), tp.ones(4, 2, 8))
    with pytest.raises(RuntimeError, match="8 features"):
        model(tp.ones(5, 3, 8), tp.ones(4, 3, 6))
    with pytest.raises(ValueError, match="TransformerDecoderLayer: activation must be"):
        nn.TransformerDecoderLayer(8, 2, activation="sine")
    with pytest.raises(ValueError, match="must not be negative, got -1"):
        nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2), -1)


def test_a_decoder_of_several_layers_with_a_norm():
    decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16), 2, nn.LayerNorm(8))
    y = decoder(tp.ones(4, 3, 8), tp.ones(5, 3, 8))
    assert y.shape == (4, 3, 8)
    y.sum().backward()
    assert all(p.grad is not None for p in decoder.parameters())
