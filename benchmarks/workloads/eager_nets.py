"""The networks over ``lib.nn``, where ``lib`` is PyTorch or tiny_pytorch."""

from __future__ import annotations

import itertools
from typing import Any

from .rows import RESNET9, Gpt, LanguageModel, Mlp


def mlp(lib: Any, row: Mlp) -> Any:
    layers: list[Any] = []
    for n_in, n_out in itertools.pairwise(row.sizes):
        layers += [lib.nn.Linear(n_in, n_out), lib.nn.ReLU()]
    return lib.nn.Sequential(*layers[:-1])


def cnn(lib: Any) -> Any:
    """421,642 parameters."""
    nn = lib.nn
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def resnet9(lib: Any) -> Any:
    """431,946 parameters."""
    nn = lib.nn

    class Residual(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, body: Any) -> None:
            super().__init__()
            self.body = body

        def forward(self, x: Any) -> Any:
            return self.body(x) + x

    def block(n_in: int, n_out: int, kernel: int, stride: int) -> Any:
        return nn.Sequential(nn.Conv2d(n_in, n_out, kernel, stride, kernel // 2), nn.BatchNorm2d(n_out), nn.ReLU())

    a, b, c, d, e, f, g, h = (block(*sizes) for sizes in RESNET9)
    blocks = [a, b, Residual(nn.Sequential(c, d)), e, f, Residual(nn.Sequential(g, h))]
    return nn.Sequential(*blocks, nn.Flatten(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))


def language_model(lib: Any, row: LanguageModel) -> Any:
    nn = lib.nn

    class Model(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(row.vocabulary, row.embedding)
            self.lstm = nn.LSTM(row.embedding, row.hidden, row.layers)
            self.head = nn.Linear(row.hidden, row.vocabulary)

        def forward(self, tokens: Any) -> Any:
            hidden, _ = self.lstm(self.embedding(tokens))
            return self.head(hidden).reshape(-1, row.vocabulary)

    return Model()


def causal_attention(lib: Any, width: int, heads: int) -> Any:
    """Projections in, attention of each position to those before it, projection out: in each library's quicker form.

    With its own MultiheadAttention PyTorch's whole step takes 15 % longer; with this one here tiny_pytorch's does.
    """
    nn = lib.nn

    class Layer(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(width, heads, batch_first=True)

        def forward(self, x: Any) -> Any:
            return self.attention(x, x, x, need_weights=False, is_causal=True)[0]

    class Function(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

        def forward(self, x: Any) -> Any:
            q, k, v = self.qkv(x).unflatten(2, (3, heads, width // heads)).permute(2, 0, 3, 1, 4)
            y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            return self.out(y.transpose(1, 2).reshape(x.shape))

    return Function() if lib.__name__ == "torch" else Layer()


def gpt(lib: Any, row: Gpt) -> Any:
    """Width 128, 4 layers, context 64: 818,176 parameters."""
    nn, width = lib.nn, row.width

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.attention = causal_attention(lib, width, row.heads)
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.expand, self.gelu, self.contract = nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)

        def forward(self, x: Any) -> Any:
            x = x + self.attention(self.norm1(x))
            return x + self.contract(self.gelu(self.expand(self.norm2(x))))

    class Model(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.positions = nn.Embedding(row.vocabulary, width), nn.Embedding(row.context, width)
            self.blocks = nn.Sequential(*[Block() for _ in range(row.layers)])
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, row.vocabulary, bias=False)

        def forward(self, tokens: Any) -> Any:
            x = self.blocks(self.tokens(tokens) + self.positions.weight)
            return self.head(self.norm(x)).reshape(-1, row.vocabulary)

    return Model()
