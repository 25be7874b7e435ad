"""Embedding, attention and Transformer layers: against PyTorch where installed, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tensors import host

import tiny_pytorch as tp
from tiny_pytorch import nn
from tiny_pytorch.nn import functional as F
from tiny_pytorch.testing import gradcheck, gradgradcheck

RNG = np.random.default_rng(11)
TOLERANCE = {"float64": {"rtol": 1e-9, "atol": 1e-9}, "float32": {"rtol": 1e-5, "atol": 1e-5}}
both_dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])


def draw(*shape, dtype="float64"):
    return RNG.standard_normal(shape).astype(dtype)


def close(ours, theirs, dtype):
    np.testing.assert_allclose(host(ours), theirs.detach().numpy(), **TOLERANCE[dtype])
    assert str(ours.dtype) == dtype


def twins(torch, name, *args, dtype="float64", **kwargs):
    """The same module twice, with one state dict, whose keys must be the same."""
    ours = getattr(nn, name)(*args, **kwargs).to(getattr(tp, dtype))
    theirs = getattr(torch.nn, name)(*args, **kwargs).to(getattr(torch, dtype))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def train_side_by_side(torch, ours, theirs, loss, dtype, steps=20):
    """Twenty steps from one state dict end in one state dict.

    Not of Adam: the bias of the keys has no gradient but rounding, which Adam would blow up to full steps.
    """
    optimizers = tp.optim.SGD(ours.parameters(), lr=0.05), torch.optim.SGD(theirs.parameters(), lr=0.05)
    for _ in range(steps):
        for library, module, optimizer in zip((tp, torch), (ours, theirs), optimizers, strict=True):
            optimizer.zero_grad()
            loss(library, module).backward()
            optimizer.step()
    for p, q in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
        close(p, q, dtype)


# --- embedding ----------------------------------------------------------------------------------------------


@both_dtypes
@pytest.mark.parametrize("padding", [None, 0, -1])
def test_embedding_agrees_with_pytorch(padding, dtype):
    torch = pytest.importorskip("torch")
    ours, theirs = twins(torch, "Embedding", 7, 3, padding_idx=padding, dtype=dtype)
    index, g = RNG.integers(0, 7, (4, 5)), draw(4, 5, 3, dtype=dtype)
    y, z = ours(tp.tensor(index)), theirs(torch.tensor(index))
    close(y, z, dtype)
    y.backward(tp.tensor(g))
    z.backward(torch.tensor(g))
    close(ours.weight.grad, theirs.weight.grad, dtype)
    target = draw(4, 5, 3, dtype=dtype)
    train_side_by_side(torch, ours, theirs, lambda t, m: ((m(t.tensor(index)) - t.tensor(target)) ** 2).sum(), dtype)


def test_embedding_starts_normal_and_its_padding_at_zero():
    layer = nn.Embedding(2000, 4, padding_idx=-2)
    weight = host(layer.weight)
    assert layer.padding_idx == 1998
    assert (weight[1998] == 0).all()
    assert abs(weight.std() - 1) < 0.05
    assert repr(layer) == "Embedding(2000, 4, padding_idx=1998)"


def test_embedding_from_a_given_table():
    table = tp.tensor(draw(3, 2))
    layer = nn.Embedding.from_pretrained(table)
    assert not layer.weight.requires_grad
    assert layer.weight.dtype == tp.float64
    np.testing.assert_array_equal(host(layer(tp.tensor([2, 0]))), host(table)[[2, 0]])
    assert nn.Embedding.from_pretrained(table, freeze=False).weight.requires_grad
    with pytest.raises(ValueError, match="two dimensions"):
        nn.Embedding.from_pretrained(table[0])


@pytest.mark.parametrize("index", [[0, 7], [-1]])
def test_embedding_checks_indices_before_anything(index):
    with pytest.raises(IndexError, match="out of range for size 7"):
        nn.Embedding(7, 3)(tp.tensor(index))


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"padding_idx": 7}, "padding_idx 7"),
        ({"sparse": True}, "sparse"),
        ({"max_norm": 1.0}, "max_norm"),
        ({"scale_grad_by_freq": True}, "scale_grad_by_freq"),
        ({"_weight": tp.zeros(3, 7)}, r"\(7, 3\), got \(3, 7\)"),
    ],
)
def test_embedding_refuses(settings, message):
    with pytest.raises(ValueError, match=message):
        nn.Embedding(7, 3, **settings)


def test_second_derivative_of_embedding():
    weight = tp.tensor(draw(4, 3), requires_grad=True)

    def slope(weight):
        y = F.embedding(tp.tensor([[2, 0], [2, 1]]), weight, padding_idx=0)
        (g,) = tp.autograd.grad((y**3).sum(), weight, create_graph=True)
        return g[1:]

    assert gradcheck(slope, (weight,))


def test_embedding_gradient_of_every_layout():
    index = np.array([[1, 0, 1], [2, 2, 1]])
    expected = np.zeros((4, 5))
    g = draw(2, 3, 5)
    np.add.at(expected, index, g)
    for start in (g, np.ascontiguousarray(g.transpose(2, 0, 1)).transpose(1, 2, 0), np.repeat(g, 2, 1)[:, ::2]):
        weight = tp.zeros(4, 5, dtype=tp.float64, requires_grad=True)
        F.embedding(tp.tensor(index), weight).backward(tp.tensor(start))
        np.testing.assert_allclose(host(weight.grad), expected, rtol=1e-14)
    weight = tp.zeros(4, 5, dtype=tp.float64, requires_grad=True)
    F.embedding(tp.tensor(index), weight).sum().backward()
    np.testing.assert_array_equal(host(weight.grad), np.array([1, 3, 2, 0])[:, None] * np.ones(5))


# --- scaled_dot_product_attention ---------------------------------------------------------------------------

SIZES = {  # query, key, value, mask
    "plain": ((2, 3, 5, 4), (2, 3, 7, 4), (2, 3, 7, 6), None),
    "two axes": ((5, 4), (7, 4), (7, 6), None),
    "one key": ((2, 5, 4), (2, 1, 4), (2, 1, 3), None),
    "one query": ((2, 1, 4), (2, 6, 4), (2, 6, 4), None),
    "width one": ((2, 3, 1), (2, 3, 1), (2, 3, 1), None),
    "broadcast": ((2, 3, 5, 4), (1, 3, 7, 4), (3, 7, 6), None),
    "many keys": ((2, 130, 8), (2, 2100, 8), (2, 2100, 8), None),
    "floating mask": ((2, 3, 5, 4), (2, 3, 7, 4), (2, 3, 7, 6), (5, 7)),
    "mask of each head": ((2, 3, 5, 4), (2, 3, 7, 4), (2, 3, 7, 6), (2, 3, 5, 7)),
    "padding": ((2, 3, 5, 4), (2, 3, 7, 4), (2, 3, 7, 6), (2, 1, 1, 7)),
    "mask of one column": ((2, 3, 5, 4), (2, 3, 7, 4), (2, 3, 7, 6), (5, 1)),
}


def side_by_side(torch, arrays, mask, dtype, **settings):
    xs = [tp.tensor(a, requires_grad=True) for a in arrays]
    ys = [torch.tensor(a, requires_grad=True) for a in arrays]
    m, n = (None, None) if mask is None else (tp.tensor(mask), torch.tensor(mask))
    if mask is not None and mask.dtype.kind == "f":
        xs, ys = [*xs, m.requires_grad_()], [*ys, n.requires_grad_()]
    ours = F.scaled_dot_product_attention(*xs[:3], m, **settings)
    theirs = torch.nn.functional.scaled_dot_product_attention(*ys[:3], n, **settings)
    close(ours, theirs, dtype)
    g = draw(*theirs.shape, dtype=dtype)
    ours.backward(tp.tensor(g))
    theirs.backward(torch.tensor(g))
    for x, y in zip(xs, ys, strict=True):
        close(x.grad, y.grad, dtype)


@both_dtypes
@pytest.mark.parametrize("name", SIZES)
def test_attention_agrees_with_pytorch(name, dtype):
    torch = pytest.importorskip("torch")
    *shapes, mask = SIZES[name]
    arrays = [draw(*shape, dtype=dtype) for shape in shapes]
    side_by_side(torch, arrays, None if mask is None else draw(*mask, dtype=dtype), dtype)
    if mask is None:
        side_by_side(torch, arrays, None, dtype, is_causal=True, scale=0.3)
    else:
        seen = RNG.random(mask) < 0.6
        seen[..., 0] = True
        side_by_side(torch, arrays, seen, dtype)


@both_dtypes
def test_heads_that_share_keys(dtype):
    torch = pytest.importorskip("torch")
    arrays = draw(2, 6, 5, 4, dtype=dtype), draw(2, 2, 7, 4, dtype=dtype), draw(2, 2, 7, 4, dtype=dtype)
    side_by_side(torch, arrays, None, dtype, enable_gqa=True)


@pytest.mark.parametrize("large", [False, True])
def test_a_query_that_sees_nothing_gets_zeros_and_gives_none(large):
    n = 300 if large else 4
    mask = np.ones((n, n), bool)
    mask[1] = False
    xs = [tp.tensor(draw(n, 3), requires_grad=True) for _ in range(3)]
    for m in (tp.tensor(mask), tp.tensor(np.where(mask, 0.0, -np.inf))):
        y = F.scaled_dot_product_attention(*xs, m)
        assert (host(y)[1] == 0).all()
        grads = [host(g) for g in tp.autograd.grad(y.sum(), xs)]
        assert (grads[0][1] == 0).all()
        assert all(np.isfinite(g).all() for g in grads)


def test_large_scores_do_not_overflow():
    x = tp.tensor(draw(6, 4) * 1e4, dtype=tp.float32)
    y = F.scaled_dot_product_attention(x, x, x, is_causal=True)
    assert np.isfinite(host(y)).all()


def test_dropout_of_weights():
    q = tp.zeros(1, 1, 4)
    value = tp.ones(1, 20_000, 1, requires_grad=True)
    y = F.scaled_dot_product_attention(q, tp.zeros(1, 20_000, 4), value, dropout_p=0.25)
    assert abs(y.item() - 1) < 0.05
    (g,) = tp.autograd.grad(y, value, tp.ones_like(y))
    assert set(np.round(host(g).reshape(-1) * 20_000 * 0.75, 3)) == {0, 1}
    np.testing.assert_array_equal(host(F.scaled_dot_product_attention(q, q, q + 1, dropout_p=1.0)), 0)


@pytest.mark.parametrize("layout", ["contiguous", "heads cut out", "transposed"])
def test_attention_of_strided_heads(layout):
    packed = draw(2, 5, 3, 4, 6)
    parts = [packed[:, :, i].transpose(0, 2, 1, 3) for i in range(3)]
    if layout == "contiguous":
        parts = [np.ascontiguousarray(p) for p in parts]
    elif layout == "transposed":
        parts = [np.asfortranarray(p) for p in parts]
    xs = [tp.autograd.leaf(tp.backend.current().from_numpy(p)) for p in parts]
    y = host(F.scaled_dot_product_attention(*xs, is_causal=True))
    expected = F.packed_attention(tp.tensor(packed.reshape(2, 5, 72)), 4, is_causal=True)
    np.testing.assert_allclose(y.transpose(0, 2, 1, 3).reshape(2, 5, 24), host(expected), rtol=1e-12)


@pytest.mark.parametrize("length", [1, 6, 300])
def test_packed_attention_is_attention_of_its_parts(length):
    x = tp.tensor(draw(2, length, 24), requires_grad=True)
    mask = tp.tensor(RNG.random((length, length)) < 0.7)

    def composed(x, **settings):
        heads = [part.reshape(2, length, 2, 4).transpose(1, 2) for part in x.chunk(3, -1)]
        return F.scaled_dot_product_attention(*heads, **settings).transpose(1, 2).reshape(2, length, 8)

    g = tp.tensor(draw(2, length, 8))
    for settings in ({}, {"is_causal": True}, {"attn_mask": mask, "scale": 0.2}):
        ours, expected = F.packed_attention(x, 2, **settings), composed(x, **settings)
        np.testing.assert_allclose(host(ours), host(expected), rtol=1e-11, atol=1e-13)
        (a,), (b,) = tp.autograd.grad(ours, x, g), tp.autograd.grad(expected, x, g)
        np.testing.assert_allclose(host(a), host(b), rtol=1e-10, atol=1e-12)


def test_third_derivative_of_attention():
    x = tp.tensor(draw(3, 6), requires_grad=True)

    def slope(x):
        (g,) = tp.autograd.grad((F.packed_attention(x, 1) ** 2).sum(), x, create_graph=True)
        return g

    assert gradcheck(slope, (x,))
    assert gradgradcheck(slope, (x,))


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda x: F.scaled_dot_product_attention(x, x[..., :2], x), RuntimeError, r"\(4, 6\).*\(4, 2\)"),
        (lambda x: F.scaled_dot_product_attention(x, x, x[:2]), RuntimeError, r"\(S|\(2, 6\)"),
        (lambda x: F.scaled_dot_product_attention(x, x, x.double()), TypeError, "one floating dtype"),
        (lambda x: F.scaled_dot_product_attention(x, x, x, tp.ones(3, 4)), RuntimeError, r"\(3, 4\).*\(4, 4\)"),
        (lambda x: F.scaled_dot_product_attention(x, x, x, tp.ones(4, 4).double()), TypeError, "mask is"),
        (lambda x: F.scaled_dot_product_attention(x, x, x, tp.ones(4, 4), is_causal=True), RuntimeError, "causal"),
        (lambda x: F.scaled_dot_product_attention(x, x, x, dropout_p=1.5), ValueError, "1.5"),
        (lambda x: F.scaled_dot_product_attention(x, x, x, enable_gqa=True), RuntimeError, "enable_gqa"),
        (lambda x: F.packed_attention(x, 4), RuntimeError, r"\(4, 6\) for 4 heads"),
        (lambda x: F.packed_attention(x.long(), 2), TypeError, "floating"),
        (lambda x: nn.MultiheadAttention(6, 4), ValueError, "divide"),
        (lambda x: nn.MultiheadAttention(6, 2, dropout=2.0), ValueError, "probability"),
        (lambda x: nn.MultiheadAttention(6, 2, add_zero_attn=True), ValueError, "not supported"),
        (lambda x: nn.MultiheadAttention(8, 2)(x, x, x), RuntimeError, r"\(4, 6\).*8, 8 and 8 features"),
        (lambda x: nn.MultiheadAttention(6, 2)(x, x, x, attn_mask=x), RuntimeError, r"attn_mask.*\(4, 4\)"),
        (lambda x: nn.MultiheadAttention(6, 2)(x, x, x, x), RuntimeError, "key_padding_mask"),
        (lambda x: nn.TransformerEncoderLayer(6, 2, activation="tanh"), ValueError, "'tanh'"),
        (lambda x: nn.TransformerEncoder(nn.Identity(), -1), ValueError, "-1"),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call(tp.zeros(4, 6))


# --- MultiheadAttention -------------------------------------------------------------------------------------

MULTIHEAD = {
    "plain": {},
    "batch first": {"batch_first": True},
    "no bias": {"bias": False},
    "other features": {"kdim": 5, "vdim": 3},
}


@both_dtypes
@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("kind", ["self", "cross"])
@pytest.mark.parametrize("name", MULTIHEAD)
def test_multihead_attention_agrees_with_pytorch(name, kind, need_weights, dtype):
    torch = pytest.importorskip("torch")
    settings = MULTIHEAD[name]
    if kind == "self" and "kdim" in settings:
        pytest.skip("self-attention has one number of features")
    ours, theirs = twins(torch, "MultiheadAttention", 8, 2, dtype=dtype, **settings)
    batch_first = ours.batch_first
    shape = (2, 5, 8) if batch_first else (5, 2, 8)
    arrays = [draw(*shape, dtype=dtype)]
    if kind == "cross":
        keys = (2, 7) if batch_first else (7, 2)
        arrays += [draw(*keys, settings.get("kdim", 8), dtype=dtype), draw(*keys, settings.get("vdim", 8), dtype=dtype)]
    length, keys = 5, 5 if kind == "self" else 7
    allowed = RNG.random((length, keys)) < 0.3
    allowed[:, 0] = False
    padded = np.zeros((2, keys), bool)
    padded[1, 3:] = True
    masks = [
        {},
        {"attn_mask": allowed},
        {"key_padding_mask": padded},
        {"attn_mask": allowed, "key_padding_mask": padded},
        {"attn_mask": draw(length, keys, dtype=dtype)},
        {"attn_mask": draw(4, length, keys, dtype=dtype), "average_attn_weights": False},
    ]
    g = draw(*shape, dtype=dtype)
    for given in masks:
        results = []
        for library, module in ((tp, ours), (torch, theirs)):
            xs = [library.tensor(a, requires_grad=True) for a in arrays]
            inputs = xs * 3 if kind == "self" else xs
            more = {k: library.tensor(v) if isinstance(v, np.ndarray) else v for k, v in given.items()}
            module.zero_grad()
            y, weights = module(*inputs, need_weights=need_weights, **more)
            y.backward(library.tensor(g))
            grads = [p.grad for p in module.parameters()]
            results.append([y, *([weights] if need_weights else []), *(x.grad for x in xs), *grads])
            assert (weights is None) != need_weights
        for a, b in zip(*results, strict=True):
            close(a, b, dtype)


@pytest.mark.parametrize("need_weights", [True, False])
def test_unbatched_and_causal_multihead_attention(need_weights):
    torch = pytest.importorskip("torch")
    ours, theirs = twins(torch, "MultiheadAttention", 8, 2)
    x = draw(5, 8)
    causal = np.triu(np.ones((5, 5), bool), 1)
    y, _ = ours(*[tp.tensor(x)] * 3, need_weights=need_weights, is_causal=True)
    z, _ = theirs(*[torch.tensor(x)] * 3, attn_mask=torch.tensor(causal), need_weights=need_weights)
    close(y, z, "float64")
    y, _ = ours(*[tp.tensor(x)] * 3, need_weights=need_weights, is_causal=True, attn_mask=tp.tensor(causal))
    close(y, z, "float64")


def test_multihead_attention_starts_as_in_pytorch():
    layer = nn.MultiheadAttention(64, 4)
    bound = math.sqrt(6 / (64 + 3 * 64))
    weight = host(layer.in_proj_weight)
    assert np.abs(weight).max() <= bound
    assert np.abs(weight).max() > 0.99 * bound
    assert (layer.in_proj_bias == 0).all()
    assert (layer.out_proj.bias == 0).all()
    assert np.abs(host(layer.out_proj.weight)).max() <= 1 / math.sqrt(64)
    layer.out_proj.bias.data.fill_(1.0)
    layer.reset_parameters()
    assert (layer.out_proj.bias == 0).all()


def test_dropout_in_multihead_attention_ends_with_training():
    x = tp.tensor(draw(2, 5, 8), dtype=tp.float32)
    layer = nn.MultiheadAttention(8, 2, dropout=0.5, batch_first=True)
    for need_weights in (True, False):
        first, second = (host(layer(x, x, x, need_weights=need_weights)[0]) for _ in range(2))
        assert not np.array_equal(first, second)
    layer.eval()
    first, second = (host(layer(x, x, x, need_weights=n)[0]) for n in (True, False))
    np.testing.assert_allclose(first, second, rtol=1e-5, atol=1e-6)


# --- Transformer --------------------------------------------------------------------------------------------


@both_dtypes
@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_transformer_encoder_layer_agrees_with_pytorch(norm_first, activation, dtype):
    torch = pytest.importorskip("torch")
    settings = {"batch_first": True, "norm_first": norm_first, "activation": activation, "dropout": 0.0}
    ours, theirs = twins(torch, "TransformerEncoderLayer", 8, 2, 16, dtype=dtype, **settings)
    x, target = draw(3, 5, 8, dtype=dtype), draw(3, 5, 8, dtype=dtype)
    a, b = tp.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, z = ours(a), theirs(b)
    close(y, z, dtype)
    y.backward(tp.tensor(target))
    z.backward(torch.tensor(target))
    close(a.grad, b.grad, dtype)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        close(p.grad, q.grad, dtype)
    train_side_by_side(torch, ours, theirs, lambda t, m: ((m(t.tensor(x)) - t.tensor(target)) ** 2).mean(), dtype)


@pytest.mark.parametrize("batch_first", [False, True])
def test_transformer_encoder_agrees_with_pytorch(batch_first):
    torch = pytest.importorskip("torch")

    def build(library):
        layer = library.nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=batch_first, bias=False)
        return library.nn.TransformerEncoder(layer, 2, library.nn.LayerNorm(8), enable_nested_tensor=False)

    ours, theirs = build(tp).double(), build(torch).double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    x = draw(*((3, 5, 8) if batch_first else (5, 3, 8)))
    padded = np.zeros((3, 5), bool)
    padded[0, 4:] = True
    later = np.triu(np.ones((5, 5), bool), 1)
    y = ours(tp.tensor(x), tp.tensor(later), tp.tensor(padded))
    z = theirs(torch.tensor(x), torch.tensor(later), torch.tensor(padded))
    close(y, z, "float64")
    close(ours(tp.tensor(x), is_causal=True), theirs(torch.tensor(x), torch.tensor(later), is_causal=True), "float64")


def test_encoder_layers_are_copies():
    layer = nn.TransformerEncoderLayer(8, 2, 16)
    encoder = nn.TransformerEncoder(layer, 3)
    assert len(encoder.layers) == 3
    assert len({id(p) for p in encoder.parameters()}) == 3 * len(list(layer.parameters()))
    assert encoder.layers[0].linear1.weight is not layer.linear1.weight


def test_dropout_in_the_encoder_layer():
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.5, batch_first=True, activation=tp.tanh)
    x = tp.tensor(draw(2, 5, 8), dtype=tp.float32)
    assert not np.array_equal(host(layer(x)), host(layer(x)))
    layer.eval()
    np.testing.assert_array_equal(host(layer(x)), host(layer(x)))
