"""The rows of the comparison, as data: sizes, and the speed that this project has set itself as a goal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Row:
    """``goal``: how many times faster than PyTorch on one thread (eager, fused optimizers) a step is to be."""

    goal: float
    trains: ClassVar[bool] = True  # a step is forward, cross-entropy, backward and Adam


@dataclass(frozen=True)
class Mlp(Row):
    """Linear layers with ReLU between them."""

    sizes: tuple[int, ...]
    batch: int


@dataclass(frozen=True)
class MlpInference(Mlp):
    """The forward pass alone, nothing recorded."""

    trains: ClassVar[bool] = False


@dataclass(frozen=True)
class Cnn(Row):
    """28x28: conv 1 -> 32, ReLU, pool, conv 32 -> 64, ReLU, pool, linear 3136 -> 128, ReLU, linear 128 -> 10."""

    batch: int


@dataclass(frozen=True)
class CnnInference(Cnn):
    trains: ClassVar[bool] = False


@dataclass(frozen=True)
class ResNet9(Row):
    """3x32x32: the convolutions of ``RESNET9`` with batch norm and ReLU, a shortcut around two pairs of them."""

    batch: int


@dataclass(frozen=True)
class LanguageModel(Row):
    """Embedding, LSTM layers, a linear layer to the logits of each next token. Sequence first."""

    vocabulary: int
    embedding: int
    hidden: int
    layers: int
    length: int
    batch: int


@dataclass(frozen=True)
class Gpt(Row):
    """Blocks of norm, causal attention, norm, linear 4x wider, GELU, linear; learned positions; a norm and a head."""

    width: int
    layers: int
    heads: int
    context: int
    batch: int
    vocabulary: int = 65


@dataclass(frozen=True)
class ScalarChain(Row):
    """``y = y * x + x`` fifty times on scalars, and its gradient."""

    trains: ClassVar[bool] = False
    times: int = 50


@dataclass(frozen=True)
class OptimizerStep(Row):
    """One update of parameters that have gradients."""

    name: str  # "Adam", or "SGD" with momentum 0.9
    shapes: tuple[tuple[int, ...], ...]
    trains: ClassVar[bool] = False


# (inputs, outputs, kernel, stride) of ResNet9's convolutions in order; a pair of equals has a shortcut around it.
RESNET9 = (
    (3, 16, 7, 4),
    (16, 32, 3, 2),
    (32, 32, 3, 1),
    (32, 32, 3, 1),
    (32, 64, 3, 2),
    (64, 128, 3, 2),
    (128, 128, 3, 1),
    (128, 128, 3, 1),
)

ROWS: dict[str, Row] = {
    "MLP 64-32-10, batch 32": Mlp(16, (64, 32, 10), 32),
    "MLP 64-32-32-32-32-10, batch 16": Mlp(10, (64, 32, 32, 32, 32, 10), 16),
    "MLP 784-128-10, batch 32": Mlp(2.0, (784, 128, 10), 32),
    "MLP 784-128-10, batch 256": Mlp(1.5, (784, 128, 10), 256),
    "MLP 784-512-512-10, batch 128": Mlp(1.2, (784, 512, 512, 10), 128),
    "CNN 1-32-64, 28x28, batch 64": Cnn(1.4, 64),
    "ResNet9, 32x32, batch 128": ResNet9(1.2, 128),
    "LSTM 65-32-128-65, sequence 64, batch 32": LanguageModel(1.15, 65, 32, 128, 1, 64, 32),
    "LSTM 5000-128-256x2-5000, sequence 35, batch 16": LanguageModel(1.25, 5000, 128, 256, 2, 35, 16),
    "GPT, width 32, 2 layers, context 16, batch 8": Gpt(3, 32, 2, 4, 16, 8),
    "GPT, width 128, 4 layers, context 64, batch 16": Gpt(1.35, 128, 4, 4, 64, 16),
    "inference, MLP 64-32-10, batch 1": MlpInference(4, (64, 32, 10), 1),
    "inference, CNN 1-32-64, batch 1": CnnInference(2, 1),
    "100 scalar operations, forward and backward": ScalarChain(4),
    "Adam, 200 tensors of 64x64": OptimizerStep(6, "Adam", ((64, 64),) * 200),
    "Adam, one tensor of 20 million": OptimizerStep(1.0, "Adam", ((20_000_000,),)),
    "SGD with momentum, one tensor of 20 million": OptimizerStep(1.0, "SGD", ((20_000_000,),)),
    "Adam, parameters of 784-128-10": OptimizerStep(1.6, "Adam", ((128, 784), (128,), (10, 128), (10,))),
}
