"""What goes wrong around a computation: inputs of no size, things that are no tensors, and copies of everything."""

from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pytest

import tiny_pytorch as tp
from tiny_pytorch import nn

LAYERS = {
    "BatchNorm1d": (lambda: nn.BatchNorm1d(4), (3, 4)),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(2), (3, 2, 4, 4)),
    "LayerNorm": (lambda: nn.LayerNorm(4), (3, 4)),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), (3, 4, 2)),
    "Linear": (lambda: nn.Linear(4, 2), (3, 4)),
    "Conv1d": (lambda: nn.Conv1d(2, 3, 3), (3, 2, 7)),
    "Conv2d": (lambda: nn.Conv2d(2, 3, 3), (3, 2, 7, 7)),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(2, 3, 3), (3, 2, 5, 5)),
    "LSTM": (lambda: nn.LSTM(3, 4, batch_first=True), (3, 5, 3)),
    "GRU": (lambda: nn.GRU(3, 4, batch_first=True), (3, 5, 3)),
    "LSTMCell": (lambda: nn.LSTMCell(3, 4), (3, 3)),
    "MultiheadAttention": (lambda: nn.MultiheadAttention(4, 2, batch_first=True), (3, 5, 4)),
    "TransformerEncoderLayer": (lambda: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), (3, 5, 4)),
    "MaxPool2d": (lambda: nn.MaxPool2d(2), (3, 2, 4, 4)),
}
each = pytest.mark.parametrize("name", LAYERS)


def run(layer, x):
    found = layer(x, x, x) if isinstance(layer, nn.MultiheadAttention) else layer(x)
    return found[0] if isinstance(found, tuple) else found


@each
def test_a_batch_of_none_gives_none_and_leaves_the_state(name):
    make, shape = LAYERS[name]
    layer = make()
    before = {key: value.numpy().copy() for key, value in layer.state_dict().items() if key != "num_batches_tracked"}
    x = tp.zeros(0, *shape[1:], requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = run(layer, x)
        y.sum().backward()
    assert y.shape[0] == 0
    assert x.grad.shape == x.shape
    for p in layer.parameters():
        assert p.grad is None or not p.grad.any()
    for key, value in before.items():
        np.testing.assert_array_equal(layer.state_dict()[key].numpy(), value)


@each
@pytest.mark.parametrize("wrong", [None, [1.0], "x"], ids=repr)
def test_what_is_no_tensor_is_a_type_error(name, wrong):
    with pytest.raises(TypeError):
        run(LAYERS[name][0](), wrong)


OPS = [value for value in vars(tp).values() if isinstance(value, tp.autograd.Op)]


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_an_op_is_copied_and_pickled_by_its_name(op):
    assert copy.deepcopy(op) is op
    assert pickle.loads(pickle.dumps(op)) is op


def test_a_module_that_holds_an_op_can_be_copied_and_pickled():
    class Net(nn.Module):
        def __init__(self, act):
            super().__init__()
            self.layer, self.act = nn.Linear(2, 2), act

        def forward(self, x):
            return self.act(self.layer(x))

    model = copy.deepcopy(Net(tp.tanh))
    assert model.act is tp.tanh
    assert copy.deepcopy(model)(tp.zeros(1, 2)).shape == (1, 2)


def test_samples_of_different_shapes_are_both_libraries_error():
    loader = tp.data.DataLoader([tp.ones(2), tp.ones(3)], batch_size=2)
    for kind in (RuntimeError, ValueError):
        with pytest.raises(kind, match="agree in shape"):
            next(iter(loader))
