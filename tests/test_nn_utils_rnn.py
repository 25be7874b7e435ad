"""Sequences of different lengths: packing and padding, and recurrent layers over packed ones, as PyTorch has them."""

from __future__ import annotations

import numpy as np
import pytest

import tiny_pytorch as tp
from tiny_pytorch import nn
from tiny_pytorch.nn.utils.rnn import (
    PackedSequence,
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    pad_sequence,
    unpack_sequence,
    unpad_sequence,
)

LENGTHS = {
    "in order": [5, 4, 4, 2, 1],
    "mixed": [2, 5, 1, 4, 4],
    "equal": [3, 3, 3],
    "one": [4],
}
LAYERS = {
    "RNN": ("RNN", {}),
    "RNN, relu, both ways": ("RNN", {"nonlinearity": "relu", "bidirectional": True}),
    "LSTM": ("LSTM", {}),
    "LSTM, all": ("LSTM", {"num_layers": 2, "bidirectional": True}),
    "GRU, all": ("GRU", {"num_layers": 2, "bidirectional": True}),
    "GRU, no bias": ("GRU", {"bias": False}),
}
every_length = pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
I, H = 3, 4


def data(lengths, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((length, I)) for length in lengths]


def host(x):
    return x.detach().numpy()


def assert_packed_alike(ours, theirs):
    np.testing.assert_allclose(host(ours.data), theirs.data.detach().numpy(), rtol=1e-9, atol=1e-12)
    assert ours.batch_sizes.tolist() == theirs.batch_sizes.tolist()
    for mine, other in ((ours.sorted_indices, theirs.sorted_indices), (ours.unsorted_indices, theirs.unsorted_indices)):
        assert (mine is None) == (other is None)
        assert mine is None or mine.tolist() == other.tolist()


@every_length
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("side", ["right", "left"])
def test_padding_agrees_with_pytorch(lengths, batch_first, side):
    torch = pytest.importorskip("torch")
    arrays = data(lengths)
    xs = [tp.tensor(a, requires_grad=True) for a in arrays]
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    got = pad_sequence(xs, batch_first, 0.5, padding_side=side)
    expected = torch.nn.utils.rnn.pad_sequence(theirs, batch_first, 0.5, padding_side=side)
    np.testing.assert_array_equal(host(got), expected.detach().numpy())
    (got * got).sum().backward()
    (expected * expected).sum().backward()
    for x, y in zip(xs, theirs, strict=True):
        np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-12)
    if side == "right":
        for part, a in zip(unpad_sequence(got, tp.tensor(lengths), batch_first), arrays, strict=True):
            np.testing.assert_array_equal(host(part), a)


@every_length
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("total", [None, 7])
def test_packing_agrees_with_pytorch(lengths, batch_first, total):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    shape = (len(lengths), 6, I) if batch_first else (6, len(lengths), I)
    array = rng.standard_normal(shape)
    x, y = tp.tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)
    got = pack_padded_sequence(x, tp.tensor(lengths), batch_first, enforce_sorted=False)
    rnn = torch.nn.utils.rnn
    expected = rnn.pack_padded_sequence(y, torch.tensor(lengths), batch_first, enforce_sorted=False)
    assert_packed_alike(got, expected)
    padded, found = pad_packed_sequence(got, batch_first, -1.0, total)
    theirs, their_lengths = rnn.pad_packed_sequence(expected, batch_first, -1.0, total)
    np.testing.assert_array_equal(host(padded), theirs.detach().numpy())
    assert found.tolist() == their_lengths.tolist() == lengths
    assert found.dtype == tp.int64
    (padded * padded).sum().backward()
    (theirs * theirs).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-12)


@every_length
def test_sequences_come_back(lengths):
    arrays = data(lengths)
    packed = pack_sequence([tp.tensor(a) for a in arrays], enforce_sorted=False)
    assert packed.data.shape == (sum(lengths), I)
    for part, a in zip(unpack_sequence(packed), arrays, strict=True):
        np.testing.assert_array_equal(host(part), a)


@every_length
@pytest.mark.parametrize("name, options", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("with_states", [False, True])
def test_layers_agree_with_pytorch(name, options, lengths, with_states):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    ours = getattr(nn, name)(I, H, dtype=tp.float64, **options)
    theirs = getattr(torch.nn, name)(I, H, dtype=torch.float64, **options)
    theirs.load_state_dict({key: torch.tensor(host(value)) for key, value in ours.state_dict().items()})
    arrays = data(lengths)
    xs = [tp.tensor(a, requires_grad=True) for a in arrays]
    ys = [torch.tensor(a, requires_grad=True) for a in arrays]
    count = 2 if name == "LSTM" else 1
    shape = (options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1), len(lengths), H)
    rng = np.random.default_rng(1)
    first = [rng.standard_normal(shape) for _ in range(count)] if with_states else []
    mine = [tp.tensor(a, requires_grad=True) for a in first]
    other = [torch.tensor(a, requires_grad=True) for a in first]

    def run(layer, pack, xs, states):
        states = [] if not states else [tuple(states)] if count == 2 else states
        output, last = layer(pack(xs, enforce_sorted=False), *states)
        return output, list(last) if count == 2 else [last]

    got, last = run(ours, pack_sequence, xs, mine)
    expected, their_last = run(theirs, torch.nn.utils.rnn.pack_sequence, ys, other)
    assert isinstance(got, PackedSequence)
    assert_packed_alike(got, expected)
    for a, b in zip(last, their_last, strict=True):
        np.testing.assert_allclose(host(a), b.detach().numpy(), rtol=1e-9, atol=1e-12)
    loss = (got.data * got.data).sum()
    their_loss = (expected.data * expected.data).sum()
    for i, (a, b) in enumerate(zip(last, their_last, strict=True)):
        loss, their_loss = loss + (i + 1) * (a * a * a).sum(), their_loss + (i + 1) * (b * b * b).sum()
    loss.backward()
    their_loss.backward()
    for x, y in zip([*xs, *mine, *ours.parameters()], [*ys, *other, *theirs.parameters()], strict=True):
        np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-8, atol=1e-11)


def test_only_the_last_state_is_used():
    """Most blocks of the output then have no gradient of their own."""
    layer = nn.LSTM(I, H, bidirectional=True, dtype=tp.float64)
    arrays = data([4, 2, 1])
    xs = [tp.tensor(a, requires_grad=True) for a in arrays]
    _, (h, _) = layer(pack_sequence(xs))
    h.sum().backward()
    for i, a in enumerate(arrays):
        alone = tp.tensor(a, requires_grad=True)
        _, (h, _) = layer(alone)
        h.sum().backward()
        np.testing.assert_allclose(xs[i].grad.numpy(), alone.grad.numpy(), rtol=1e-9, atol=1e-13)


def test_a_frozen_input_and_dropout_between_layers():
    layer = nn.GRU(I, H, num_layers=2, dropout=0.5)
    packed = pack_sequence([tp.tensor(a, dtype=tp.float32) for a in data([3, 2])])
    output, _ = layer(packed)
    assert output.data.dtype == tp.float32
    output.data.sum().backward()
    assert all(p.grad is not None for p in layer.parameters())
    assert packed.double().data.dtype == packed.to(tp.float64).data.dtype == tp.float64
    assert packed.to("cpu").cpu().float().batch_sizes.tolist() == [2, 2, 1]


def x():
    """Made when it is asked for, on the backend that is then in use."""
    return tp.zeros(4, 2, 3)


ERRORS = [
    (lambda: pack_padded_sequence(x(), [2, 3]), RuntimeError, r"not in order.*enforce_sorted=False"),
    (lambda: pack_padded_sequence(x(), [5, 3]), RuntimeError, r"from 1 to 4 of each of 2 sequences, got \[5, 3\]"),
    (lambda: pack_padded_sequence(x(), [3, 0]), RuntimeError, r"from 1 to 4"),
    (lambda: pack_padded_sequence(x(), [3]), RuntimeError, r"2 sequences, got \[3\]"),
    (lambda: pack_padded_sequence(x(), [3.0, 2.0]), TypeError, "must be integers"),
    (lambda: pack_padded_sequence(tp.zeros(3), [3]), RuntimeError, r"\(T, N, ...\)"),
    (lambda: pad_sequence([]), ValueError, "at least one sequence"),
    (lambda: pad_sequence(x()), TypeError, "a list of Tensors"),
    (lambda: pad_sequence([[1.0]]), TypeError, "list as sequence 0"),
    (lambda: pad_sequence([tp.zeros(2, 3), tp.zeros(2, 4)]), RuntimeError, "one shape but for the first axis"),
    (lambda: pad_sequence([x()], padding_side="top"), ValueError, "'right' or 'left', got 'top'"),
    (lambda: pad_packed_sequence(pack_sequence([x()]), total_length=3), ValueError, "less than the longest length, 4"),
    (lambda: nn.LSTM(5, 2)(pack_sequence([tp.zeros(4, 3)])), RuntimeError, r"\(T_i, 5\) of input_size features"),
    (
        lambda: nn.GRU(3, 2)(pack_sequence([tp.zeros(4, 3)]), tp.zeros(1, 2, 2)),
        RuntimeError,
        r"state h of shape \(1, 1, 2\)",
    ),
]


@pytest.mark.parametrize("call, error, message", ERRORS)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
