"""Modules that are their functions with settings: PyTorch's results, gradients, representations and errors."""

from __future__ import annotations

import numpy as np
import pytest

import tiny_pytorch as tp
from tiny_pytorch import nn

KINKS = np.array([[-7.0, -3.0, -1.0, -0.5], [0.0, 0.5, 1.0, 3.0], [4.0, 6.0, 7.0, -0.0]])
ACTIVATIONS = [
    ("Hardtanh", (), {}),
    ("Hardtanh", (-2.0, 0.5), {}),
    ("ReLU6", (), {}),
    ("Hardsigmoid", (), {}),
    ("Hardswish", (), {}),
    ("SELU", (), {}),
    ("CELU", (0.5,), {}),
    ("Threshold", (0.5, 20.0), {}),
    ("PReLU", (), {}),
    ("PReLU", (4,), {"init": 0.1}),
    ("Mish", (), {}),
    ("Softsign", (), {}),
    ("Tanhshrink", (), {}),
    ("GLU", (), {}),
    ("GLU", (1,), {}),
    ("Softmin", (1,), {}),
]
LOSSES = [
    ("TripletMarginLoss", {"margin": 0.5, "p": 1.0, "swap": True}, 3, None),
    ("MarginRankingLoss", {"margin": 0.5}, 2, "signs"),
    ("HingeEmbeddingLoss", {"margin": 0.5}, 1, "signs"),
    ("CosineEmbeddingLoss", {"margin": 0.2}, 2, "sign of each"),
    ("MultiLabelSoftMarginLoss", {}, 1, "truth"),
    ("GaussianNLLLoss", {"full": True}, 2, "variances"),
    ("PoissonNLLLoss", {"full": True}, 1, "counts"),
]


def agree(ours, theirs, arrays, fixed=()):
    """Results and gradients of two modules, the arrays being differentiated."""
    torch = pytest.importorskip("torch")
    xs, ys = ([make(a) for a in arrays] for make in (tp.tensor, torch.tensor))
    for x, y in zip(xs, ys, strict=True):
        x.requires_grad, y.requires_grad = True, True
    got = ours(*xs, *map(tp.tensor, fixed))
    expected = theirs(*ys, *map(torch.tensor, fixed))
    np.testing.assert_allclose(got.detach().numpy(), expected.detach().numpy(), rtol=1e-5, atol=1e-6)
    ((got + 2.0) ** 2).sum().backward()  # of 0 too the gradient is not 0
    ((expected + 2.0) ** 2).sum().backward()
    for x, y in zip([*xs, *ours.parameters()], [*ys, *theirs.parameters()], strict=True):
        np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name, args, options", ACTIVATIONS)
def test_activations(name, args, options):
    torch = pytest.importorskip("torch")
    ours, theirs = getattr(nn, name)(*args, **options), getattr(torch.nn, name)(*args, **options)
    assert repr(ours) == repr(theirs)
    agree(ours, theirs, [KINKS.astype("float32")])


@pytest.mark.parametrize("name", ["Hardtanh", "ReLU6", "Hardsigmoid", "Hardswish", "SELU", "CELU", "Mish"])
def test_in_place(name):
    x = tp.tensor(KINKS)
    expected = getattr(nn, name)()(x)
    assert getattr(nn, name)(inplace=True)(x) is x
    np.testing.assert_array_equal(x.numpy(), expected.numpy())
    leaf = tp.tensor(KINKS, requires_grad=True)
    straight = tp.tensor(KINKS, requires_grad=True)
    getattr(nn, name)(inplace=True)(leaf * 1.0).sum().backward()
    getattr(nn, name)()(straight).sum().backward()
    np.testing.assert_allclose(leaf.grad.numpy(), straight.grad.numpy())


def test_softmax_of_channels():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    agree(nn.Softmax2d(), torch.nn.Softmax2d(), [rng.standard_normal((2, 3, 2, 2)).astype("float32")])
    with pytest.raises(ValueError, match=r"Softmax2d: .*got shape \(2, 3\)"):
        nn.Softmax2d()(tp.ones(2, 3))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name, options, count, last", LOSSES)
def test_losses(name, options, count, last, reduction):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((5, 3)) for _ in range(count)]
    fixed = {
        None: [],
        "signs": [np.sign(rng.standard_normal((5, 3)))],
        "sign of each": [np.sign(rng.standard_normal(5))],
        "truth": [(rng.random((5, 3)) < 0.5) * 1.0],
        "variances": [rng.uniform(0.0, 2.0, (5, 1))],
        "counts": [rng.integers(0, 9, (5, 3)) * 1.0],
    }[last]
    theirs = getattr(torch.nn, name)(reduction=reduction, **options)
    agree(getattr(nn, name)(reduction=reduction, **options), theirs, arrays, fixed)


@pytest.mark.parametrize("var", [np.full((5, 3), 1e-9), np.full(5, 0.5), 0.5])
def test_small_and_broadcast_variances(var):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 5, 3))
    mine = tp.tensor(var, requires_grad=True) if np.ndim(var) else var
    other = torch.tensor(var, requires_grad=True) if np.ndim(var) else var
    got = nn.functional.gaussian_nll_loss(tp.tensor(x), tp.tensor(y), mine)
    expected = torch.nn.functional.gaussian_nll_loss(torch.tensor(x), torch.tensor(y), other)
    np.testing.assert_allclose(got.item(), expected.item(), rtol=1e-9)
    if np.ndim(var):
        got.backward()
        expected.backward()
        np.testing.assert_allclose(mine.grad.numpy(), other.grad.numpy(), rtol=1e-9)


UPSAMPLES = [
    ("Upsample", {"scale_factor": 2}, 4),
    ("Upsample", {"size": (7, 3)}, 4),
    ("Upsample", {"scale_factor": 1.5, "mode": "bilinear"}, 4),
    ("Upsample", {"scale_factor": (0.5, 3.0), "mode": "bilinear", "align_corners": True}, 4),
    ("Upsample", {"scale_factor": 2, "mode": "bicubic"}, 4),
    ("Upsample", {"scale_factor": 2.6, "mode": "linear"}, 3),
    ("Upsample", {"size": 4, "mode": "nearest"}, 3),
    ("UpsamplingNearest2d", {"scale_factor": 2}, 4),
    ("UpsamplingBilinear2d", {"size": (9, 9)}, 4),
]


@pytest.mark.parametrize("name, options, ndim", UPSAMPLES)
def test_upsampling(name, options, ndim):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, 5, 6)[:ndim])
    ours, theirs = getattr(nn, name)(**options), getattr(torch.nn, name)(**options)
    agree(ours, theirs, [x])
    assert ours(tp.tensor(x, dtype=tp.float32)).dtype == tp.float32


# The last ones: two elements equally near, of which single precision chooses another than double precision.
SIZES = [*[(n, m) for n in (1, 2, 3, 7, 10) for m in (1, 2, 3, 5, 14, 20, 33)], (14, 46), (26, 22), (26, 44)]


@pytest.mark.parametrize("n, m", SIZES)
def test_which_element_is_nearest(n, m):
    torch = pytest.importorskip("torch")
    x = np.arange(n, dtype="float32").reshape(1, 1, n)
    for mode in ("nearest", "nearest-exact"):
        for target in ({"size": m}, {"scale_factor": m / 7}):
            if "scale_factor" in target and int(n * m / 7) < 1:
                continue
            got = nn.functional.interpolate(tp.tensor(x), mode=mode, **target)
            expected = torch.nn.functional.interpolate(torch.tensor(x), mode=mode, **target)
            np.testing.assert_array_equal(got.numpy(), expected.numpy())


F = nn.functional
ERRORS = [
    (lambda: F.interpolate(tp.ones(1, 1, 4)), ValueError, "either size or scale_factor"),
    (lambda: F.interpolate(tp.ones(1, 1, 4), 2, 2.0), ValueError, "either size or scale_factor"),
    (lambda: F.interpolate(tp.ones(1, 1, 4), (2, 3)), ValueError, "each of 1 axes"),
    (lambda: F.interpolate(tp.ones(1, 1, 4), 2, mode="cubic"), ValueError, "mode must be .* got 'cubic'"),
    (lambda: F.interpolate(tp.ones(1, 1, 4), 2, align_corners=True), ValueError, "not of 'nearest'"),
    (lambda: F.interpolate(tp.ones(1, 1, 4), 2, mode="bilinear"), RuntimeError, r"\(N, C, H, W\), got \(1, 1, 4\)"),
    (lambda: F.interpolate(tp.ones(4), 2), RuntimeError, r"\(N, C, L\) or \(N, C, H, W\), got \(4,\)"),
    (lambda: F.interpolate(tp.ones(1, 1, 0), 2), RuntimeError, "no elements"),
    (lambda: F.interpolate(tp.ones(1, 1, 4), scale_factor=0.1), RuntimeError, "sizes from 1 on"),
    (lambda: F.interpolate(tp.ones(1, 1, 4), 2, antialias=True), NotImplementedError, "antialias"),
    (lambda: F.interpolate(tp.ones(1, 1, 4), 2, recompute_scale_factor=True), ValueError, "size was given"),
    (lambda: F.interpolate(tp.arange(4).reshape(1, 1, 4), 2, mode="linear"), TypeError, "floating input, got .*int64"),
    (lambda: F.hardtanh(tp.ones(1), 1.0, 0.0), ValueError, "must not be above max_val"),
    (lambda: nn.Hardtanh(1.0, 1.0), ValueError, "max_val must be above min_val"),
    (lambda: F.celu(tp.ones(1), 0.0), ValueError, "above 0, got 0.0"),
    (lambda: nn.PReLU(0), ValueError, "at least 1, got 0"),
    (lambda: F.prelu(tp.ones(2, 3), tp.ones(2)), RuntimeError, "each of 3 channels"),
    (lambda: F.glu(tp.ones(2, 3)), RuntimeError, r"even size along dim -1, .* got shape \(2, 3\)"),
    (lambda: tp.cdist(tp.ones(2, 3), tp.ones(2, 4)), RuntimeError, r"\(\.\.\., R, D\), got shapes"),
    (lambda: tp.cdist(tp.ones(2, 3), tp.ones(2, 3), -1.0), ValueError, "at least 0, got -1.0"),
    (lambda: nn.TripletMarginLoss(margin=0.0), ValueError, "margin must be above 0, got 0.0"),
    (lambda: F.triplet_margin_loss(tp.ones(2, 3), tp.ones(2, 3), tp.ones(3)), RuntimeError, "as many dimensions"),
    (lambda: F.margin_ranking_loss(tp.ones(2), tp.ones(2), tp.ones(())), RuntimeError, "as many dimensions"),
    (lambda: F.cosine_embedding_loss(tp.ones(2, 3), tp.ones(2, 3), tp.ones(2, 1)), RuntimeError, r"a target \(N,\)"),
    (lambda: F.multilabel_soft_margin_loss(tp.ones(2, 3), tp.ones(2)), RuntimeError, "of one shape"),
    (lambda: F.gaussian_nll_loss(tp.ones(2), tp.ones(2), -tp.ones(2)), ValueError, "a variance is negative"),
    (lambda: F.gaussian_nll_loss(tp.ones(2, 3), tp.ones(2, 3), tp.ones(3)), ValueError, r"var has shape \(3,\)"),
]


@pytest.mark.parametrize("call, error, message", ERRORS)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call()
