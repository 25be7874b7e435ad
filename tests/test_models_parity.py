"""Whole models: PyTorch's results and training from the same state dict."""

from __future__ import annotations

import numpy as np
import pytest

import tiny_pytorch as tp
from tiny_pytorch.models import GPT, MLP, LanguageModel, LeNet, ResNet9

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.numpy_only

STEPS = 20


@pytest.fixture(autouse=True)
def one_thread():
    """PyTorch's threads wait for one another where other processes run; of such small products, for milliseconds."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class TorchLeNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        n = torch.nn
        self.features = n.Sequential(
            *(n.Conv2d(2, 3, 3, padding=1), n.BatchNorm2d(3), n.ReLU(), n.MaxPool2d(2)),
            *(n.Conv2d(3, 5, 3, padding=1), n.BatchNorm2d(5), n.ReLU(), n.MaxPool2d(2)),
        )
        self.classifier = n.Sequential(n.Linear(5 * 2 * 3, 7), n.ReLU(), n.Linear(7, 4))

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


class TorchResidual(torch.nn.Module):
    def __init__(self, fn):
        super().__init__()
        self.fn = fn

    def forward(self, x):
        return x + self.fn(x)


class TorchResNet9(torch.nn.Module):
    def __init__(self):
        super().__init__()
        n = torch.nn

        def conv(a, b, kernel=3, stride=1):
            return n.Sequential(n.Conv2d(a, b, kernel, stride, kernel // 2), n.BatchNorm2d(b), n.ReLU())

        self.features = n.Sequential(
            *(conv(3, 2, 7, 4), conv(2, 4, 3, 2), TorchResidual(n.Sequential(conv(4, 4), conv(4, 4)))),
            *(conv(4, 8, 3, 2), conv(8, 16, 3, 2), TorchResidual(n.Sequential(conv(16, 16), conv(16, 16)))),
        )
        self.classifier = n.Sequential(n.Linear(16, 16), n.ReLU(), n.Linear(16, 4))

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


class TorchLanguageModel(torch.nn.Module):
    def __init__(self, cell, embedding, hidden, layers, tied):
        super().__init__()
        self.tokens = torch.nn.Embedding(11, embedding)
        self.rnn = getattr(torch.nn, cell.upper())(embedding, hidden, layers, batch_first=True)
        self.head = torch.nn.Linear(hidden, 11)
        if tied:
            self.head.weight = self.tokens.weight

    def forward(self, x, state=None):
        output, state = self.rnn(self.tokens(x), state)
        return self.head(output), state


class TorchBlock(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = torch.nn.LayerNorm(8)
        self.attention = torch.nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm2 = torch.nn.LayerNorm(8)
        self.expand = torch.nn.Linear(8, 32)
        self.contract = torch.nn.Linear(32, 8)

    def forward(self, x):
        h = self.norm1(x)
        unseen = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
        x = x + self.attention(h, h, h, attn_mask=unseen, need_weights=False)[0]
        return x + self.contract(torch.nn.functional.gelu(self.expand(self.norm2(x))))


class TorchGPT(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = torch.nn.Embedding(11, 8)
        self.positions = torch.nn.Embedding(6, 8)
        self.blocks = torch.nn.Sequential(TorchBlock(), TorchBlock())
        self.norm = torch.nn.LayerNorm(8)
        self.head = torch.nn.Linear(8, 11, bias=False)

    def forward(self, x):
        return self.head(self.norm(self.blocks(self.tokens(x) + self.positions.weight[: x.shape[1]])))


def torch_mlp():
    n = torch.nn
    return n.Sequential(n.Linear(5, 8), n.Tanh(), n.Linear(8, 6), n.Tanh(), n.Linear(6, 4))


def language_model(cell, **how):
    ours = {"embedding": 5, "hidden": 7, "layers": 2, "tied": False} | how
    return lambda: LanguageModel(11, cell=cell, **ours), lambda: TorchLanguageModel(cell, **ours)


# name: (ours, PyTorch's, shape of the input, whether it reads tokens)
MODELS = {
    "MLP": (lambda: MLP([5, 8, 6, 4], activation=tp.nn.Tanh), torch_mlp, (9, 5), False),
    "LeNet": (
        lambda: LeNet(4, 2, (8, 12), channels=(3, 5), hidden=(7,), kernel_size=3, padding=1, batch_norm=True),
        *(TorchLeNet, (6, 2, 8, 12), False),
    ),
    "ResNet9": (lambda: ResNet9(4, width=2), TorchResNet9, (6, 3, 32, 32), False),
    "ResNet9, larger images": (lambda: ResNet9(4, width=2), TorchResNet9, (3, 3, 70, 64), False),
    "LSTM": (*language_model("lstm"), (3, 6), True),
    "GRU": (*language_model("gru", layers=1), (3, 6), True),
    "RNN": (*language_model("rnn"), (3, 6), True),
    "LSTM, tied": (*language_model("lstm", embedding=7, tied=True), (3, 6), True),
    "GPT": (lambda: GPT(vocabulary=11, width=8, layers=2, heads=2, context=6), TorchGPT, (3, 6), True),
}


@pytest.mark.parametrize("ours, theirs, shape, tokens", MODELS.values(), ids=MODELS)
def test_training_goes_as_in_pytorch(ours, theirs, shape, tokens):
    a, b = ours().double(), theirs().double()
    assert list(a.state_dict()) == list(b.state_dict())
    assert [(n, p.shape) for n, p in a.named_parameters()] == [(n, tuple(p.shape)) for n, p in b.named_parameters()]
    b.load_state_dict({key: torch.tensor(value.numpy()) for key, value in a.state_dict().items()})
    rng = np.random.default_rng(0)
    x = rng.integers(0, 11, shape) if tokens else rng.standard_normal(shape)
    y = rng.integers(0, 4, x.size if tokens else len(x))

    def train(library, model):
        optimizer = library.optim.Adam(model.parameters(), lr=1e-2)
        for _ in range(STEPS):
            logits = model(library.tensor(x))
            logits = logits[0] if isinstance(logits, tuple) else logits
            loss = library.nn.functional.cross_entropy(logits.reshape(len(y), -1), library.tensor(y))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield loss.item()

    ours_losses, theirs_losses = list(train(tp, a)), list(train(torch, b))
    np.testing.assert_allclose(ours_losses, theirs_losses, rtol=1e-9)
    assert ours_losses[-1] < 0.9 * ours_losses[0]
    for key, value in b.state_dict().items():
        # Adam makes steps of rounding errors, where a gradient is 0 (a bias in front of batch normalisation).
        np.testing.assert_allclose(a.state_dict()[key].numpy(), value.numpy(), rtol=0, atol=1e-8, err_msg=key)
    a.eval()
    b.eval()
    for mine, other in zip(flat(a(tp.tensor(x))), flat(b(torch.tensor(x))), strict=True):
        np.testing.assert_allclose(mine.detach().numpy(), other.detach().numpy(), rtol=1e-9, atol=1e-9)


def flat(results):
    """The tensors of nested tuples."""
    return [r for part in results for r in flat(part)] if isinstance(results, tuple) else [results]


def test_a_state_is_carried_as_in_pytorch():
    ours, theirs = (make().double() for make in language_model("lstm"))
    theirs.load_state_dict({key: torch.tensor(value.numpy()) for key, value in ours.state_dict().items()})
    x = np.random.default_rng(1).integers(0, 11, (2, 3, 5))
    for library, model in (tp, ours), (torch, theirs):
        _, state = model(library.tensor(x[0]))
        logits, _ = model(library.tensor(x[1]), tuple(part.detach() for part in state))
        logits.sum().backward()
    for (name, mine), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(mine.grad.numpy(), other.grad.numpy(), rtol=1e-9, atol=1e-9, err_msg=name)
