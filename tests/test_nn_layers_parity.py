"""Layers beside PyTorch's: representation, results, gradients, and what their state dicts are called."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import tiny_pytorch as tp
from tiny_pytorch import nn

RNG = np.random.default_rng(4)
SIGNAL, IMAGE = RNG.standard_normal((2, 4, 6)), RNG.standard_normal((2, 4, 4, 6))
VOLUME = RNG.standard_normal((2, 2, 3, 4, 3))
ROWS = RNG.standard_normal((3, 4))
WORDS = np.array([[0, 2, 1], [2, 3, 3]])

LAYERS = [
    (lambda nn: nn.ConstantPad1d((1, 2), 0.5), [SIGNAL]),
    (lambda nn: nn.ConstantPad2d(1, -1.5), [IMAGE]),
    (lambda nn: nn.ConstantPad3d(1, 2), [VOLUME]),
    (lambda nn: nn.ZeroPad1d(2), [SIGNAL]),
    (lambda nn: nn.ZeroPad2d((1, 0, 2, -1)), [IMAGE]),
    (lambda nn: nn.ZeroPad3d(1), [VOLUME]),
    (lambda nn: nn.ReflectionPad1d(2), [SIGNAL]),
    (lambda nn: nn.ReflectionPad2d((1, 2, 3, 0)), [IMAGE]),
    (lambda nn: nn.ReflectionPad3d(1), [VOLUME]),
    (lambda nn: nn.ReplicationPad1d((2, 1)), [SIGNAL]),
    (lambda nn: nn.ReplicationPad2d(1), [IMAGE]),
    (lambda nn: nn.ReplicationPad3d(1), [VOLUME]),
    (lambda nn: nn.CircularPad1d(2), [SIGNAL]),
    (lambda nn: nn.CircularPad2d(1), [IMAGE]),
    (lambda nn: nn.CircularPad3d(1), [VOLUME]),
    (lambda nn: nn.PixelShuffle(2), [IMAGE]),
    (lambda nn: nn.PixelUnshuffle(2), [IMAGE]),
    (lambda nn: nn.ChannelShuffle(2), [IMAGE]),
    (lambda nn: nn.Unfold(2, padding=1), [IMAGE]),
    (lambda nn: nn.Fold((2, 5), (2, 1)), [RNG.standard_normal((2, 8, 5))]),
    (lambda nn: nn.Hardshrink(0.3), [ROWS]),
    (lambda nn: nn.Softshrink(0.3), [ROWS]),
    (lambda nn: nn.RReLU().eval(), [ROWS]),
    (lambda nn: nn.AlphaDropout(0.2).eval(), [ROWS]),
    (lambda nn: nn.LocalResponseNorm(3, alpha=0.1), [IMAGE]),
    (lambda nn: nn.InstanceNorm1d(4), [SIGNAL]),
    (lambda nn: nn.InstanceNorm1d(4), [SIGNAL[0]]),
    (lambda nn: nn.InstanceNorm2d(4, affine=True, track_running_stats=True), [IMAGE]),
    (lambda nn: nn.InstanceNorm2d(4, affine=True, track_running_stats=True).eval(), [IMAGE]),
    (lambda nn: nn.InstanceNorm3d(2, eps=0.1), [VOLUME]),
    (lambda nn: nn.BatchNorm3d(2), [VOLUME]),
    (lambda nn: nn.Bilinear(4, 4, 2), [ROWS, ROWS + 1]),
    (lambda nn: nn.EmbeddingBag(4, 3), [WORDS]),
    (lambda nn: nn.EmbeddingBag(4, 3, mode="max"), [WORDS]),
    (lambda nn: nn.EmbeddingBag(4, 3, mode="sum", padding_idx=2, include_last_offset=True),
     [WORDS[0], np.array([0, 1, 3])]),
    (lambda nn: nn.SoftMarginLoss(), [ROWS, np.sign(ROWS)]),
    (lambda nn: nn.MultiMarginLoss(p=2, margin=0.5), [ROWS, np.array([0, 3, 1])]),
    (lambda nn: nn.MultiLabelMarginLoss(reduction="sum"),
     [ROWS, np.array([[0, -1, 1, 1], [2, 3, 1, 0], [-1, 0, 0, 0]])]),
    (lambda nn: nn.TripletMarginWithDistanceLoss(margin=0.5, swap=True), [ROWS, ROWS + 0.5, ROWS[::-1].copy()]),
    (lambda nn: nn.Upsample(scale_factor=2), [IMAGE]),
    (lambda nn: nn.Upsample(scale_factor=(2, 1), mode="bilinear"), [IMAGE]),
]  # fmt: skip


def built(t, make, state=None):
    layer = make(t.nn)
    layer = layer.double()
    if state is not None:
        layer.load_state_dict({key: t.tensor(value) for key, value in state.items()})
    return layer


@pytest.mark.parametrize("make, arrays", LAYERS)
def test_what_pytorch_computes(make, arrays):
    torch = pytest.importorskip("torch")
    theirs = built(torch, make)
    for _, p in theirs.named_parameters():
        p.data.normal_()
    ours = built(tp, make, {key: value.numpy() for key, value in theirs.state_dict().items()})
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    wanted = [a.dtype.kind == "f" and not set(a.flat) <= {-1.0, 1.0} for a in arrays]
    xs = [tp.tensor(a, requires_grad=wants) for a, wants in zip(arrays, wanted, strict=True)]
    ys = [torch.tensor(a, requires_grad=wants) for a, wants in zip(arrays, wanted, strict=True)]
    got, expected = ours(*xs), theirs(*ys)
    np.testing.assert_allclose(got.detach().numpy(), expected.detach().numpy(), rtol=1e-9, atol=1e-12)
    weights = RNG.standard_normal(got.shape)
    (got * tp.tensor(weights)).sum().backward()
    (expected * torch.tensor(weights)).sum().backward()
    for x, y in zip([*xs, *ours.parameters()], [*ys, *theirs.parameters()], strict=True):
        if x.requires_grad and y.grad is not None:
            np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-9, atol=1e-12)
    for key, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[key].numpy(), value.numpy(), rtol=1e-9, atol=1e-12)


def test_random_slopes_and_alpha_dropout_keep_the_moments():
    tp.manual_seed(0)
    x = tp.randn(20_000)
    y = nn.AlphaDropout(0.3)(x)
    assert abs(y.mean().item()) < 0.05
    assert abs(y.std().item() - 1) < 0.05
    slopes = nn.RReLU(0.1, 0.3)(-tp.ones(1000))
    assert -0.3 <= slopes.min().item() < slopes.max().item() <= -0.1


def test_gumbel_softmax_follows_the_classes():
    tp.manual_seed(0)
    logits = tp.tensor([0.0, 1.0, 2.0]).expand(20_000, 3)
    chosen = nn.functional.gumbel_softmax(logits, hard=True)
    np.testing.assert_allclose(chosen.mean(0).numpy(), np.exp([0, 1, 2]) / np.exp([0, 1, 2]).sum(), atol=0.02)
    x = tp.zeros(4, 3, requires_grad=True)
    (nn.functional.gumbel_softmax(x, tau=0.5, hard=True) * tp.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert x.grad.abs().sum().item() > 0


def test_parameter_lists_and_dicts():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rows = nn.ParameterList([nn.Parameter(tp.ones(2)), tp.zeros(3)])
            self.named = nn.ParameterDict({"left": tp.ones(1)})

    net = Net()
    assert list(net.state_dict()) == ["rows.0", "rows.1", "named.left"]
    assert len(list(net.parameters())) == 3
    net.rows.append(tp.ones(1))
    net.rows += [tp.ones(4)]
    net.rows[0] = tp.zeros(5)
    net.named["right"] = tp.ones(2)
    assert [p.shape for p in net.rows] == [(5,), (3,), (1,), (4,)]
    assert [p.shape for p in net.rows[1:3]] == [(3,), (1,)]
    assert net.rows[-1].shape == (4,)
    assert sorted(net.named.keys()) == ["left", "right"]
    assert net.named.pop("left").shape == (1,)
    assert "left" not in net.named
    assert list(dict(net.named.items())) == ["right"]
    for again in (copy.deepcopy(net), pickle.loads(pickle.dumps(net.rows))):
        assert len(list(again.parameters())) in (4, 5)
    with pytest.raises(IndexError, match="holds 4"):
        net.rows[4]
    with pytest.raises(KeyError):
        net.named["nothing"]
    with pytest.raises(KeyError, match="attribute"):
        net.named["forward"] = tp.ones(1)
    torch = pytest.importorskip("torch")
    mine, its = (repr(t.nn.ParameterList([t.ones(2, 3)])) for t in (tp, torch))
    assert mine.replace("tiny_pytorch.", "torch.") == its


@pytest.mark.parametrize(
    "build, kind",
    [
        (lambda: nn.ZeroPad2d((1, 2)), ValueError),
        (lambda: nn.Softshrink(-1.0)(tp.ones(1)), ValueError),
        (lambda: nn.RReLU(0.5, 0.1)(tp.ones(1)), ValueError),
        (lambda: nn.AlphaDropout(2.0), ValueError),
        (lambda: nn.PixelShuffle(2)(tp.ones(1, 3, 2, 2)), RuntimeError),
        (lambda: nn.InstanceNorm2d(3)(tp.ones(2, 3, 1, 1)), ValueError),
        (lambda: nn.InstanceNorm2d(3)(tp.ones(2, 3)), ValueError),
        (lambda: nn.InstanceNorm2d(3, affine=True)(tp.ones(2, 4, 2, 2)), ValueError),
        (lambda: nn.EmbeddingBag(4, 3)(tp.tensor([0, 4]), tp.tensor([0])), IndexError),
        (lambda: nn.EmbeddingBag(4, 3)(tp.tensor([0, 1]), tp.tensor([1])), ValueError),
        (lambda: nn.EmbeddingBag(4, 3)(tp.tensor([0, 1]), tp.tensor([0, 9])), ValueError),
        (lambda: nn.EmbeddingBag(4, 3, mode="median"), ValueError),
        (lambda: nn.MultiMarginLoss(p=3), ValueError),
        (lambda: nn.MultiMarginLoss()(tp.ones(2, 3), tp.tensor([0, 3])), (IndexError, RuntimeError)),
        (lambda: nn.Fold((4, 4), 2)(tp.ones(1, 4, 8)), RuntimeError),
        (lambda: nn.Unfold(5)(tp.ones(1, 1, 3, 3)), RuntimeError),
        (lambda: nn.Bilinear(0, 1, 1), ValueError),
        (lambda: nn.Bilinear(2, 2, 2)(tp.ones(1, 3), tp.ones(1, 2)), RuntimeError),
        (lambda: nn.functional.grid_sample(tp.ones(1, 1, 2, 2), tp.ones(2, 1, 1, 2)), RuntimeError),
        (lambda: tp.quantile(tp.ones(3), 1.5), RuntimeError),
        (lambda: tp.median(tp.ones(0)), RuntimeError),
        (lambda: tp.kthvalue(tp.ones(3), 4), RuntimeError),
        (lambda: tp.cross(tp.ones(2), tp.ones(2)), RuntimeError),
        (lambda: tp.ones(3).unfold(0, 4, 1), RuntimeError),
        (lambda: tp.masked_scatter(tp.zeros(3), tp.ones(3).bool(), tp.ones(2)), RuntimeError),
        (lambda: tp.index_copy(tp.zeros(3), 0, tp.tensor([3]), tp.ones(1)), IndexError),
        (lambda: tp.zeros(3).scatter_reduce(0, tp.tensor([0]), tp.ones(1), "median"), ValueError),
    ],
)
def test_what_is_refused(build, kind):
    with pytest.raises(kind):
        build()


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax", "Softmin"])
@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 3, 2), (2, 3, 2, 2)])
def test_softmax_without_an_axis_takes_pytorchs(name, shape):
    torch = pytest.importorskip("torch")
    x = RNG.standard_normal(shape)
    with pytest.warns(UserWarning, match="no dim was given"):
        got = getattr(nn, name)()(tp.tensor(x))
    with pytest.warns(UserWarning, match="Implicit dimension"):
        expected = getattr(torch.nn, name)()(torch.tensor(x))
    np.testing.assert_allclose(got.numpy(), expected.numpy(), rtol=1e-9)
    assert repr(getattr(nn, name)()) == repr(getattr(torch.nn, name)())


@pytest.mark.parametrize("kind", ["MaxPool", "AvgPool"])
@pytest.mark.parametrize("n", range(1, 9))
@pytest.mark.parametrize("kernel, stride, padding", [(3, 3, 0), (3, 3, 1), (5, 3, 1), (5, 2, 2), (4, 1, 0)])
def test_windows_in_ceil_mode(kind, n, kernel, stride, padding):
    """Also where not even the first window fits."""
    torch = pytest.importorskip("torch")
    x = RNG.standard_normal((1, 2, n))
    results = []
    for t in (tp, torch):
        try:
            results.append(getattr(t.nn, f"{kind}1d")(kernel, stride, padding, ceil_mode=True)(t.tensor(x)).numpy())
        except RuntimeError:
            results.append(None)
    ours, theirs = results
    assert (ours is None) == (theirs is None)
    if theirs is not None:
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
