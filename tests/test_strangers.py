"""What is told who brings something that does not fit: another library's tensor, a wrong switch, a file of junk."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pytest

import tiny_pytorch as tp
from tiny_pytorch import nn
from tiny_pytorch.nn import functional as F


@pytest.mark.numpy_only
@pytest.mark.parametrize(
    "call",
    [
        lambda x: nn.Linear(2, 2)(x),
        lambda x: nn.ReLU()(x),
        lambda x: tp.softmax(x, 0),
        lambda x: tp.ones(2) + x,
        lambda x: tp.cat([x, x]),
    ],
    ids=["linear", "relu", "softmax", "add", "cat"],
)
def test_a_tensor_of_pytorch(call):
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"torch\.Tensor.*tp\.tensor\(x\)"):
        call(torch.ones(2))


@pytest.mark.numpy_only
def test_the_remedies_work():
    torch = pytest.importorskip("torch")
    theirs = torch.ones(2)
    shared, copied = tp.from_dlpack(theirs), tp.tensor(theirs)
    theirs[0] = 5
    assert (shared.tolist(), copied.tolist()) == ([5.0, 1.0], [1.0, 1.0])
    with pytest.raises(TypeError, match=r"relu: argument 0 is a list; expected a Tensor \(tp\.tensor"):
        tp.relu([1.0])


@pytest.mark.parametrize(
    "call",
    [
        lambda x: F.softmax(x, 0),
        lambda x: F.log_softmax(x, 0),
        lambda x: F.dropout(x),
        lambda x: F.dropout1d(x),
        lambda x: F.layer_norm(x, (1,)),
        lambda x: F.rms_norm(x, (1,)),
        lambda x: F.group_norm(x, 1),
        lambda x: F.batch_norm(x, None, None, training=True),
        lambda x: F.mse_loss(x, tp.ones(1)),
        lambda x: F.mse_loss(tp.ones(1), x),
        lambda x: F.binary_cross_entropy(tp.ones(1), x),
    ],
    ids=["softmax", "log_softmax", "dropout", "channels", "layer", "rms", "group", "batch", "input", "target", "bce"],
)
@pytest.mark.parametrize("value", [[1.0], 1.0, None], ids=["list", "number", "None"])
def test_what_is_no_tensor_is_named_with_a_remedy(call, value):
    with pytest.raises(TypeError, match=rf"the (input|target) is a {type(value).__name__}; .*tp\.tensor\(\.\.\.\)"):
        call(value)


@pytest.mark.parametrize("mode", ["a", 1, None])
def test_grad_mode_is_a_bool(mode):
    with pytest.raises(TypeError, match="set_grad_enabled: expected True or False"):
        tp.set_grad_enabled(mode)
    assert tp.is_grad_enabled()


def test_digits_are_for_training_or_not():
    with pytest.raises(TypeError, match="Digits: train must be True or False, got 'a'"):
        tp.data.datasets.Digits(train="a")


@pytest.mark.parametrize(
    "call",
    [
        lambda g: tp.data.DataLoader(range(3), generator=g),
        lambda g: tp.data.DataLoader(range(3), shuffle=True, generator=g),
        lambda g: tp.data.RandomSampler(range(3), generator=g),
        lambda g: tp.data.SubsetRandomSampler([1], generator=g),
        lambda g: tp.data.WeightedRandomSampler([1.0], 1, generator=g),
        lambda g: tp.data.random_split(range(3), [1, 2], generator=g),
        lambda g: tp.nn.init.normal_(tp.zeros(2), generator=g),
        lambda g: tp.nn.init.kaiming_uniform_(tp.zeros(2, 2), generator=g),
    ],
)
def test_generators(call):
    with pytest.raises(TypeError, match=r"generator must be a tiny_pytorch\.Generator or None, got int: 3"):
        call(3)


@pytest.mark.parametrize(
    "junk", [b"", b"junk", b"PK\x03\x04 zip", b"\x80\x05\x95"], ids=["empty", "text", "zip", "cut"]
)
@pytest.mark.parametrize("weights_only", [True, False])
def test_files_of_junk(junk, weights_only, tmp_path):
    path = tmp_path / "junk.pt"
    path.write_bytes(junk)
    for f, name in ((path, "junk.pt"), (io.BytesIO(junk), "the file")):
        with pytest.raises(
            pickle.UnpicklingError, match=rf"(?s){name} does not hold what tp\.save writes .*zip archive"
        ):
            tp.load(f, weights_only=weights_only)


def test_both_spellings_of_betas():
    p = [tp.zeros(1, requires_grad=True)]
    for given in ({"beta1": 0.8}, {"beta2": 0.9}, {"beta1": 0.5, "beta2": 0.7}):
        with pytest.raises(ValueError, match=r"either beta1 and beta2, .* or betas"):
            tp.optim.Adam(p, betas=(0.7, 0.7), **given)
    same = tp.optim.Adam(p, beta1=0.8, beta2=0.9, betas=(0.8, 0.9))
    assert same.param_groups[0]["betas"] == (0.8, 0.9)
    assert tp.optim.Adam(p, betas=(0.7, 0.8)).param_groups[0]["betas"] == (0.7, 0.8)


def test_an_expansion_without_repetition_may_be_written_to():
    x = tp.zeros(1, 3)
    for shape in ((1, 3), (-1, 3), (1, 1, 3)):
        x.expand(*shape).add_(1.0)
    assert x.tolist() == [[3.0, 3.0, 3.0]]


def test_flipping_a_number():
    x = tp.tensor(3.0, requires_grad=True)
    y = x.flip(0) * x.flip(-1)
    assert y.item() == 9.0
    y.backward()
    assert x.grad.item() == 6.0
    with pytest.raises(IndexError, match="dim 1 is out of range"):
        x.flip(1)


def test_numpy_generator():
    with pytest.raises(TypeError, match=r"got numpy\.random.*Generator"):
        tp.data.RandomSampler(range(3), generator=np.random.default_rng(0))
