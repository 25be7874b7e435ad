"""Layers and losses, forward and backward, at batch sizes whose inputs and outputs fit each cache and none."""

import math

import tiny_pytorch as tp

from .devices import indices, synchronised, tensor
from .sizes import NAMES, how_many
from .twins import TWINS, put

PLANES = (8, 8, 8)  # channels, height, width
STEPS = (16, 16)  # time steps, features


def attend(attention):
    """Self-attention of one tensor."""
    return lambda x: attention(x, x, x, need_weights=False)[0]


def first(layer):
    """Of a recurrent layer, the outputs."""
    return lambda x: layer(x)[0]


# name -> (shape of one sample, what makes the layer)
LAYERS = {
    "Linear 64-64": ((64,), lambda nn: nn.Linear(64, 64)),
    "ReLU": ((64,), lambda nn: nn.ReLU()),
    "GELU": ((64,), lambda nn: nn.GELU()),
    "Dropout": ((64,), lambda nn: nn.Dropout(0.5)),
    "Conv1d 8-8, 3": ((8, 64), lambda nn: nn.Conv1d(8, 8, 3, padding=1)),
    "Conv2d 8-8, 3x3": (PLANES, lambda nn: nn.Conv2d(8, 8, 3, padding=1)),
    "Conv2d 8-8, 3x3, groups 8": (PLANES, lambda nn: nn.Conv2d(8, 8, 3, padding=1, groups=8)),
    "MaxPool2d 2": (PLANES, lambda nn: nn.MaxPool2d(2)),
    "AvgPool2d 2": (PLANES, lambda nn: nn.AvgPool2d(2)),
    "BatchNorm2d": (PLANES, lambda nn: nn.BatchNorm2d(8)),
    "GroupNorm 2": (PLANES, lambda nn: nn.GroupNorm(2, 8)),
    "LayerNorm": ((64,), lambda nn: nn.LayerNorm(64)),
    "RMSNorm": ((64,), lambda nn: nn.RMSNorm(64)),
    "LSTM 16-16": (STEPS, lambda nn: first(nn.LSTM(16, 16, batch_first=True))),
    "GRU 16-16": (STEPS, lambda nn: first(nn.GRU(16, 16, batch_first=True))),
    "MultiheadAttention 16, 2 heads": (STEPS, lambda nn: attend(nn.MultiheadAttention(16, 2, batch_first=True))),
    "TransformerEncoderLayer 16, 2 heads": (
        STEPS,
        lambda nn: nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True),
    ),
}


class Layer:
    def setup(self, layer, size):
        sample, make = LAYERS[layer]
        tp.manual_seed(0)
        self.layer = make(tp.nn)
        self.x = tensor(how_many(size, 2 * 4 * math.prod(sample)), *sample, requires_grad=True)
        self.g = tp.ones_like(self.layer(self.x).detach())

    def step(self):
        self.layer(self.x).backward(self.g)
        self.x.grad = None


@synchronised
class Layers(Layer):
    params = [list(LAYERS), NAMES]
    param_names = ["layer", "working set"]

    def time_forward(self, layer, size):
        self.layer(self.x)

    def time_forward_backward(self, layer, size):
        self.step()


@synchronised
class Twins(Layer):
    """Every kernel of a layer, compiled or by the reference."""

    params = [TWINS, list(LAYERS)]
    param_names = ["kernel", "layer"]

    def setup(self, twin, layer):
        self.put_back = put(twin)
        super().setup(layer, "L2: 256 KiB")

    def teardown(self, twin, layer):
        self.put_back()

    def time_forward_backward(self, twin, layer):
        self.step()


@synchronised
class Embedding:
    params = [NAMES]
    param_names = ["working set"]

    def setup(self, size):
        self.layer = tp.nn.Embedding(1000, 32)
        self.i = indices(1000, how_many(size, 4 * 32))
        self.g = tp.ones_like(self.layer(self.i).detach())

    def time_forward(self, size):
        self.layer(self.i)

    def time_forward_backward(self, size):
        self.layer(self.i).backward(self.g)
        self.layer.weight.grad = None


@synchronised
class Losses:
    params = [["CrossEntropyLoss", "NLLLoss", "MSELoss", "BCEWithLogitsLoss", "HuberLoss"], NAMES]
    param_names = ["loss", "working set"]

    def setup(self, loss, size):
        n = how_many(size, 4 * 10)
        self.loss = getattr(tp.nn, loss)()
        self.x = tensor(n, 10, requires_grad=True)
        self.y = indices(10, n) if loss in ("CrossEntropyLoss", "NLLLoss") else tp.sigmoid(tensor(n, 10))

    def time_forward(self, loss, size):
        self.loss(self.x, self.y)

    def time_forward_backward(self, loss, size):
        self.loss(self.x, self.y).backward()
        self.x.grad = None
