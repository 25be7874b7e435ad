"""Recurrent layers: PyTorch's results, gradients and training from the same state dict; shapes, modes, errors."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import tiny_pytorch as tp
from tiny_pytorch import nn

LAYERS = {
    "RNN": ("RNN", {}),
    "RNN, relu": ("RNN", {"nonlinearity": "relu", "num_layers": 2}),
    "RNN, all": ("RNN", {"num_layers": 2, "bidirectional": True, "batch_first": True, "bias": False}),
    "LSTM": ("LSTM", {}),
    "LSTM, all": ("LSTM", {"num_layers": 2, "bidirectional": True, "batch_first": True}),
    "LSTM, no bias": ("LSTM", {"bias": False}),
    "GRU": ("GRU", {}),
    "GRU, all": ("GRU", {"num_layers": 2, "bidirectional": True, "batch_first": True}),
    "GRU, no bias": ("GRU", {"bias": False}),
}
CELLS = {
    "RNNCell": ("RNNCell", {}),
    "RNNCell, relu": ("RNNCell", {"nonlinearity": "relu", "bias": False}),
    "LSTMCell": ("LSTMCell", {}),
    "LSTMCell, no bias": ("LSTMCell", {"bias": False}),
    "GRUCell": ("GRUCell", {}),
    "GRUCell, no bias": ("GRUCell", {"bias": False}),
}
every_layer = pytest.mark.parametrize("name, options", LAYERS.values(), ids=LAYERS)
every_cell = pytest.mark.parametrize("name, options", CELLS.values(), ids=CELLS)
both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
TOLERANCE = {"float32": 1e-5, "float64": 1e-9}
T, N, I, H = 5, 3, 4, 6


@pytest.fixture(autouse=True)
def one_thread():
    """PyTorch's threads wait for one another where other processes run; of such small products, for milliseconds."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    if torch:
        torch.set_num_threads(1)
    yield
    if torch:
        torch.set_num_threads(before)


def flat(results):
    """The Tensors of nested tuples."""
    return [r for part in results for r in flat(part)] if isinstance(results, tuple | list) else [results]


def pair(name, options, dtype):
    """Our module and PyTorch's, with the same parameters."""
    torch = pytest.importorskip("torch")
    ours = getattr(nn, name)(I, H, dtype=getattr(tp, dtype), **options)
    theirs = getattr(torch.nn, name)(I, H, dtype=getattr(torch, dtype), **options)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict({key: torch.tensor(value.numpy()) for key, value in ours.state_dict().items()})
    assert repr(ours) == repr(theirs)
    return torch, ours, theirs


def draw(dtype, *shapes):
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def shapes_of(options, batched):
    states = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    if not batched:
        return (T, I), (states, H)
    return (N, T, I) if options.get("batch_first") else (T, N, I), (states, N, H)


@both_dtypes
@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("first", [True, False])
@every_layer
def test_layers_agree_with_pytorch(name, options, first, batched, dtype):
    torch, ours, theirs = pair(name, options, dtype)
    x, *states = draw(dtype, *(shapes_of(options, batched)[k] for k in (0, 1, 1)))
    states = states[: 2 if name == "LSTM" else 1]
    compare(ours, theirs, torch, x, states if first else [], name == "LSTM", TOLERANCE[dtype])


@both_dtypes
@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("first", [True, False])
@every_cell
def test_cells_agree_with_pytorch(name, options, first, batched, dtype):
    torch, ours, theirs = pair(name, options, dtype)
    x, *states = draw(dtype, *([(N, I), (N, H), (N, H)] if batched else [(I,), (H,), (H,)]))
    states = states[: 2 if name == "LSTMCell" else 1]
    compare(ours, theirs, torch, x, states if first else [], name == "LSTMCell", TOLERANCE[dtype])


def compare(ours, theirs, torch, x, states, paired, tolerance):
    """Results, and gradients of all results together, by inputs, states and parameters."""
    mine = [tp.tensor(a).requires_grad_() for a in (x, *states)]
    other = [torch.tensor(a, requires_grad=True) for a in (x, *states)]
    results, expected = (
        flat(module(leaves[0], *([tuple(leaves[1:])] if paired and states else leaves[1:])))
        for module, leaves in ((ours, mine), (theirs, other))
    )
    for i, (r, e) in enumerate(zip(results, expected, strict=True)):
        assert r.dtype == mine[0].dtype
        np.testing.assert_allclose(r.detach().numpy(), e.detach().numpy(), rtol=tolerance, atol=tolerance)
        assert r.shape == tuple(e.shape), i
    sum((r * r * (i + 1)).sum() for i, r in enumerate(results)).backward()
    sum((e * e * (i + 1)).sum() for i, e in enumerate(expected)).backward()
    for p, q in zip([*mine, *ours.parameters()], [*other, *theirs.parameters()], strict=True):
        scale = max(1.0, float(q.grad.abs().max()))
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=tolerance, atol=tolerance * scale)


@both_dtypes
@every_layer
def test_trains_as_pytorch(name, options, dtype):
    torch, ours, theirs = pair(name, options, dtype)
    (x,) = draw(dtype, shapes_of(options, True)[0])
    mine, other = tp.optim.Adam(ours.parameters(), lr=0.01), torch.optim.Adam(theirs.parameters(), lr=0.01)
    for _ in range(20):
        for module, optimizer, tensor in ((ours, mine, tp.tensor), (theirs, other, torch.tensor)):
            optimizer.zero_grad()
            output = module(tensor(x))[0]
            ((output - 0.5) ** 2).mean().backward()
            optimizer.step()
    # Adam divides by gradients that may vanish: in float32, 20 of its steps lose more digits than a result does.
    tolerance = 1e-9 if dtype == "float64" else 1e-4
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_what_is_not_used_has_no_gradient_to_give(name):
    """Only the output, or only a last state, goes on: the gradients are the same as those of all, the rest zero."""
    for chosen in range(3 if name == "LSTM" else 2):
        layer = getattr(nn, name)(I, H, dtype=tp.float64)
        x = tp.tensor(draw("float64", (T, N, I))[0], requires_grad=True)
        results = flat(layer(x))
        (results[chosen] ** 2).sum().backward()
        got, x.grad = x.grad, None
        sum((r**2 if i == chosen else r * 0.0).sum() for i, r in enumerate(flat(layer(x)))).backward()
        np.testing.assert_allclose(got.numpy(), x.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_a_result_may_be_overwritten(name):
    """What the gradient needs lies in memory of its own."""
    layer = getattr(nn, name)(I, H, dtype=tp.float64)
    x = tp.tensor(draw("float64", (T, N, I))[0], requires_grad=True)
    (layer(x)[0] * 2.0).sum().backward()
    expected, x.grad = x.grad, None
    output = layer(x)[0]
    output.mul_(2.0)
    output.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), expected.numpy(), rtol=1e-12)


def test_dropout_acts_between_layers_in_training():
    layer = nn.LSTM(I, H, num_layers=2, dropout=0.5)
    x = tp.tensor(draw("float32", (T, N, I))[0])
    assert not bool((layer(x)[0] == layer(x)[0]).all())
    layer.eval()
    assert bool((layer(x)[0] == layer(x)[0]).all())
    all_dropped = nn.GRU(I, H, num_layers=2, dropout=1.0)
    assert bool((all_dropped(x)[0] == all_dropped(x * 2.0)[0]).all())
    with pytest.warns(UserWarning, match="acts between layers"):
        nn.RNN(I, H, dropout=0.5)


def test_an_empty_batch():
    for name in ("RNN", "LSTM", "GRU"):
        layer = getattr(nn, name)(I, H)
        output = layer(tp.zeros(T, 0, I))[0]
        assert output.shape == (T, 0, H)
        output.sum().backward()
        assert bool((layer.weight_hh_l0.grad == 0).all())


def test_parameters():
    tp.manual_seed(0)
    layer = nn.LSTM(I, H, num_layers=2, bidirectional=True)
    assert [tuple(p.shape for p in some) for some in layer.all_weights][2] == ((24, 12), (24, 6), (24,), (24,))
    flat_weights = np.concatenate([p.detach().numpy().reshape(-1) for p in layer.parameters()])
    assert 0.95 * H**-0.5 < np.abs(flat_weights).max() <= H**-0.5
    layer.flatten_parameters()
    assert layer.double()(tp.zeros(T, I, dtype=tp.float64))[0].dtype == tp.float64


ERRORS = [
    (lambda: nn.RNN(I, 0), ValueError, "hidden_size and num_layers from 1 on, got 4, 0 and 1"),
    (lambda: nn.LSTM(I, H, num_layers=0), ValueError, "num_layers"),
    (lambda: nn.LSTM(I, H, dropout=1.5), ValueError, "dropout is a probability, 0 to 1, got 1.5"),
    (lambda: nn.RNN(I, H, nonlinearity="gelu"), ValueError, "'tanh' or 'relu', got 'gelu'"),
    (lambda: nn.RNNCell(I, H, nonlinearity="gelu"), ValueError, "'tanh' or 'relu', got 'gelu'"),
    (lambda: nn.GRUCell(I, 0), ValueError, "hidden_size from 1 on, got 4 and 0"),
    (lambda: nn.GRU(I, H)(tp.zeros(T)), ValueError, r"expected an input of shape \(T, N, I\)"),
    (
        lambda: nn.GRU(I, H)(tp.zeros(T, N, 5)),
        RuntimeError,
        r"expected 4 features .* of shape \(5, 3, 5\)",
    ),
    (lambda: nn.GRU(I, H)(tp.zeros(0, N, I)), RuntimeError, "at least one step"),
    (lambda: nn.GRU(I, H)(tp.zeros(T, N, I), tp.zeros(1, H)), RuntimeError, "states of 3 dimensions"),
    (lambda: nn.GRU(I, H)(tp.zeros(T, N, I), tp.zeros(2, N, H)), RuntimeError, r"shape \(1, 3, 6\).* got \(2, 3, 6\)"),
    (lambda: nn.LSTM(I, H)(tp.zeros(T, N, I), tp.zeros(1, N, H)), TypeError, r"a pair \(h, c\), got Tensor"),
    (lambda: nn.LSTMCell(I, H)(tp.zeros(N, I), tp.zeros(N, H)), TypeError, r"a pair \(h, c\), got Tensor"),
    (lambda: nn.LSTMCell(I, H)(tp.zeros(N, I), tp.zeros(2, H)), TypeError, r"a pair \(h, c\), got Tensor"),
    (lambda: nn.LSTMCell(I, H)(tp.zeros(N, I), (tp.zeros(N, H),)), TypeError, r"a pair \(h, c\), got tuple"),
    (lambda: nn.LSTMCell(I, H)(tp.zeros(N, 5)), RuntimeError, r"shape \(N, 4\) or \(4,\), got \(3, 5\)"),
    (lambda: nn.GRUCell(I, H)(tp.zeros(N, I), tp.zeros(2, H)), RuntimeError, r"shape \(3, 6\) .* got \(2, 6\)"),
    (
        lambda: tp.gru_cell(tp.zeros(N, I), tp.zeros(N, H), tp.zeros(18, I), tp.zeros(18, H), tp.zeros(18)),
        RuntimeError,
        "both biases or none",
    ),
    (lambda: tp.gru_cell(tp.zeros(I), tp.zeros(H), tp.zeros(18, I), tp.zeros(18, H)), RuntimeError, r"\(N, I\), got"),
    (
        lambda: tp.gru(tp.zeros(T, N, I), tp.zeros(1, N, H), [tp.zeros(18, I)], False, 1, 0.0, False, False, False),
        RuntimeError,
        "expected 2 parameters, 2 for each of 1 layers and 1 directions, got 1",
    ),
    (
        lambda: tp.gru_cell(tp.zeros(N, I), tp.zeros(N, H), tp.zeros(12, I), tp.zeros(18, H)),
        RuntimeError,
        r"w_ih of layer 0 of shape \(18, 4\) .* got \(12, 4\)",
    ),
]


@pytest.mark.parametrize("call, error, message", ERRORS)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
