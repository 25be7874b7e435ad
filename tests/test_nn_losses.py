"""Losses: against formulas in float64, against PyTorch where installed, and what they refuse."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import tiny_pytorch as tp
from tiny_pytorch import nn
from tiny_pytorch.nn import functional as F
from tiny_pytorch.testing import assert_close, gradcheck, gradgradcheck

RNG = np.random.default_rng(7)
X = RNG.standard_normal((6, 4))
POSITIVE = RNG.uniform(0.05, 0.95, (6, 4))
CLASSES = np.array([0, 3, 1, 1, 2, 0])
WEIGHT = np.array([0.5, 2.0, 1.0, 3.0])


def softmax(x, axis=1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def reduced(losses, reduction, weights=None):
    if reduction == "none":
        return losses
    if reduction == "sum":
        return losses.sum()
    return losses.sum() / (losses.size if weights is None else weights.sum())


def log_losses(x, classes=CLASSES):
    return -np.log(softmax(x))[np.arange(len(classes)), classes]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("dtype, rtol", [(tp.float64, 1e-12), (tp.float32, 2e-6)])
def test_softmax_loss(reduction, dtype, rtol):
    loss = nn.SoftmaxLoss(reduction=reduction)(tp.tensor(X, dtype=dtype), tp.tensor(CLASSES))
    assert loss.dtype == dtype
    np.testing.assert_allclose(loss.numpy(), reduced(log_losses(X), reduction), rtol=rtol)


def test_cross_entropy_loss_is_the_same_class():
    assert nn.CrossEntropyLoss is nn.SoftmaxLoss


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_class_weights_and_ignored_classes(reduction):
    counts = CLASSES != 1
    weights = WEIGHT[CLASSES] * counts
    expected = reduced(log_losses(X) * weights, reduction, weights)
    loss = nn.SoftmaxLoss(tp.tensor(WEIGHT), ignore_index=1, reduction=reduction)
    np.testing.assert_allclose(loss(tp.tensor(X), tp.tensor(CLASSES)).numpy(), expected, rtol=1e-12)
    nll = nn.NLLLoss(tp.tensor(WEIGHT), ignore_index=1, reduction=reduction)
    log_p = tp.log_softmax(tp.tensor(X), dim=1)
    np.testing.assert_allclose(nll(log_p, tp.tensor(CLASSES)).numpy(), expected, rtol=1e-12)


def test_ignored_rows_may_hold_anything():
    x, classes = X.copy(), CLASSES.copy()
    x[0], classes[0] = [np.inf, -np.inf, 0, 0], -100
    expected = log_losses(X)[1:].mean()
    leaf = tp.tensor(x, requires_grad=True)
    loss = nn.SoftmaxLoss()(leaf, tp.tensor(classes))
    loss.backward()
    np.testing.assert_allclose(loss.item(), expected, rtol=1e-12)
    assert (leaf.grad[0] == 0).all()
    assert np.isnan(nn.SoftmaxLoss()(tp.tensor(X), tp.full((6,), -100)).item())
    assert nn.SoftmaxLoss(reduction="sum")(tp.tensor(X), tp.full((6,), -100)).item() == 0


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_probabilities_as_targets(reduction, smoothing):
    target = softmax(X[::-1])
    smooth = target * (1 - smoothing) + smoothing / 4
    losses = -(smooth * np.log(softmax(X)) * WEIGHT).sum(1)
    loss = nn.SoftmaxLoss(tp.tensor(WEIGHT), reduction=reduction, label_smoothing=smoothing)
    result = loss(tp.tensor(X), tp.tensor(target.copy())).numpy()
    np.testing.assert_allclose(result, reduced(losses, reduction), rtol=1e-12)


def test_smoothed_classes_are_smoothed_probabilities():
    classes = nn.SoftmaxLoss(label_smoothing=0.2)(tp.tensor(X), tp.tensor(CLASSES))
    probabilities = nn.SoftmaxLoss(label_smoothing=0.2)(tp.tensor(X), tp.tensor(np.eye(4)[CLASSES]))
    assert_close(classes, probabilities)


def test_further_axes_are_more_rows():
    x = RNG.standard_normal((2, 4, 3, 5))
    classes = RNG.integers(0, 4, (2, 3, 5))
    rows = np.moveaxis(x, 1, -1).reshape(-1, 4)
    expected = log_losses(rows, classes.reshape(-1))
    for reduction in ("mean", "sum", "none"):
        loss = F.cross_entropy(tp.tensor(x), tp.tensor(classes), reduction=reduction).numpy()
        np.testing.assert_allclose(loss, reduced(expected.reshape(2, 3, 5), reduction), rtol=1e-12)
        log_p = tp.log_softmax(tp.tensor(x), dim=1)
        loss = F.nll_loss(log_p, tp.tensor(classes), reduction=reduction).numpy()
        np.testing.assert_allclose(loss, reduced(expected.reshape(2, 3, 5), reduction), rtol=1e-12)
    single = F.cross_entropy(tp.tensor(x[0, :, 0, 0]), tp.tensor(classes[0, 0, 0]), reduction="none")
    assert single.shape == ()
    np.testing.assert_allclose(single.numpy(), expected[0], rtol=1e-12)


CLASSIFICATION = {
    "mean": {},
    "sum": {"reduction": "sum"},
    "none": {"reduction": "none"},
    "ignore": {"ignore_index": 1},
    "weight": {"weight": WEIGHT},
    "smoothing": {"label_smoothing": 0.1, "weight": WEIGHT, "ignore_index": 2},
}


@pytest.mark.parametrize("name", CLASSIFICATION)
def test_gradients_of_cross_entropy(name):
    settings = {k: tp.tensor(v) if k == "weight" else v for k, v in CLASSIFICATION[name].items()}
    x = tp.tensor(X, requires_grad=True)

    def loss(x):
        return F.cross_entropy(x, tp.tensor(CLASSES), **settings)

    assert gradcheck(loss, (x,))
    assert gradgradcheck(loss, (x,))


BAD_TARGETS = {
    "class too large": ([0, 1, 2, 3, 4, 0], IndexError, "4.*size 4"),
    "class negative": ([0, 1, -1, 3, 3, 0], IndexError, "-1.*size 4"),
    "wrong length": ([0, 1, 2], ValueError, r"\(6,\).*\(6, 4\).*\(3,\)"),
    "a column": ([[0]] * 6, ValueError, r"\(6, 1\)"),
    "floating classes": ([0.0] * 6, ValueError, r"long\(\)"),
    "booleans": ([True] * 6, TypeError, "bool"),
}


@pytest.mark.parametrize("name", BAD_TARGETS)
def test_bad_targets(name):
    target, error, message = BAD_TARGETS[name]
    with pytest.raises(error, match=message):
        nn.SoftmaxLoss()(tp.tensor(X), tp.tensor(target))
    with pytest.raises((error, TypeError)):
        nn.NLLLoss()(tp.tensor(X), tp.tensor(target))


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda x, t: F.cross_entropy(x, t, reduction="max"), ValueError, "'max'"),
        (lambda x, t: F.mse_loss(x, x, reduction="max"), ValueError, "'max'"),
        (lambda x, t: F.cross_entropy(x, t, label_smoothing=2.0), ValueError, "label_smoothing"),
        (lambda x, t: F.cross_entropy(x, t, tp.ones(3)), ValueError, r"4 classes, got shape \(3,\)"),
        (lambda x, t: F.cross_entropy(tp.arange(6), t), TypeError, "floating input"),
        (lambda x, t: F.huber_loss(x, x, delta=0.0), ValueError, "delta"),
        (lambda x, t: F.smooth_l1_loss(x, x, beta=-1.0), ValueError, "beta"),
        (lambda x, t: F.binary_cross_entropy(x, x), RuntimeError, "0 to 1"),
        (lambda x, t: F.binary_cross_entropy(x, x[:1]), ValueError, r"\(1, 4\).*\(6, 4\)"),
        (lambda x, t: F.binary_cross_entropy_with_logits(x, x[:1]), ValueError, r"\(1, 4\).*\(6, 4\)"),
        (lambda x, t: F.softmax(x, dim=2), IndexError, "dim 2"),
        (lambda x, t: nn.GELU("fast"), ValueError, "tanh"),
    ],
)
def test_bad_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call(tp.tensor(X), tp.tensor(CLASSES))


D = X - POSITIVE
# name: (ours, the losses, whether the inputs are probabilities)
ELEMENTWISE = {
    "mse": (nn.MSELoss, D**2, False),
    "l1": (nn.L1Loss, np.abs(D), False),
    "huber": (
        lambda **kw: nn.HuberLoss(delta=0.7, **kw),
        np.where(np.abs(D) <= 0.7, D**2 / 2, 0.7 * (np.abs(D) - 0.35)),
        False,
    ),
    "smooth_l1": (
        lambda **kw: nn.SmoothL1Loss(beta=0.7, **kw),
        np.where(np.abs(D) < 0.7, D**2 / 1.4, np.abs(D) - 0.35),
        False,
    ),
    "smooth_l1 as l1": (lambda **kw: nn.SmoothL1Loss(beta=0.0, **kw), np.abs(D), False),
    "bce": (
        nn.BCELoss,
        -(POSITIVE * np.log(POSITIVE[::-1]) + (1 - POSITIVE) * np.log(1 - POSITIVE[::-1])),
        True,
    ),
    "bce weighted": (
        lambda **kw: nn.BCELoss(tp.tensor(WEIGHT), **kw),
        -WEIGHT * (POSITIVE * np.log(POSITIVE[::-1]) + (1 - POSITIVE) * np.log(1 - POSITIVE[::-1])),
        True,
    ),
    "bce logits": (nn.BCEWithLogitsLoss, np.log1p(np.exp(X)) - POSITIVE * X, False),
    "bce logits weighted": (
        lambda **kw: nn.BCEWithLogitsLoss(tp.tensor(WEIGHT), pos_weight=tp.tensor(WEIGHT[::-1].copy()), **kw),
        WEIGHT * (WEIGHT[::-1] * POSITIVE * np.log1p(np.exp(-X)) + (1 - POSITIVE) * np.log1p(np.exp(X))),
        False,
    ),
}


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_losses(name):
    make, losses, probabilities = ELEMENTWISE[name]
    x = tp.tensor((POSITIVE[::-1] if probabilities else X).copy(), requires_grad=True)
    y = tp.tensor(POSITIVE, requires_grad=True)
    for reduction in ("mean", "sum", "none"):
        loss = make(reduction=reduction)
        np.testing.assert_allclose(loss(x, y).detach().numpy(), reduced(losses, reduction), rtol=1e-11)
        assert gradcheck(loss, (x, y))
    assert gradgradcheck(make(), (x, y))


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_losses_stay_in_float32(name):
    make, _, probabilities = ELEMENTWISE[name]
    loss = make().float()
    x = tp.tensor(POSITIVE if probabilities else X, dtype=tp.float32, requires_grad=True)
    result = loss(x, tp.tensor(POSITIVE, dtype=tp.float32))
    result.backward()
    assert result.dtype == x.grad.dtype == tp.float32


def test_gradient_of_pos_weight():
    x, y, w = (tp.tensor(v, requires_grad=True) for v in (X, POSITIVE, WEIGHT))

    def loss(x, y, w):
        return F.binary_cross_entropy_with_logits(x, y, pos_weight=w)

    assert gradcheck(loss, (x, y, w))
    assert gradgradcheck(loss, (x, y, w))


def test_certain_answers_cost_a_finite_amount():
    x = tp.tensor([0.0, 1.0], requires_grad=True)
    loss = nn.BCELoss(reduction="sum")(x, tp.tensor([1.0, 0.0]))
    loss.backward()
    assert loss.item() == 200
    assert np.isfinite(x.grad.numpy()).all()
    x = tp.tensor([-1000.0, 1000.0], requires_grad=True)
    loss = nn.BCEWithLogitsLoss(reduction="sum")(x, tp.tensor([1.0, 0.0]))
    loss.backward()
    assert loss.item() == 2000
    assert x.grad.tolist() == [-1.0, 1.0]


@pytest.mark.parametrize("loss", [nn.MSELoss, nn.L1Loss, nn.HuberLoss, nn.SmoothL1Loss])
def test_broadcasting_targets_warns_at_the_callers_line(loss):
    x = tp.tensor(X[:, :1], requires_grad=True)
    with pytest.warns(UserWarning, match=r"\(6,\) is not the input's \(6, 1\)"):
        result = loss()(x, tp.tensor(X[:, 0]))
    result.backward()
    assert x.grad.shape == (6, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss()(x, tp.tensor(X[:, :1]))


# --- against PyTorch ---


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("ignore", [-100, 1])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("axes", [(), (2,)])
def test_cross_entropy_agrees_with_pytorch(reduction, weighted, ignore, smoothing, axes):
    torch = pytest.importorskip("torch")
    x = RNG.standard_normal((6, 4, *axes))
    classes = RNG.integers(0, 4, (6, *axes))
    settings = {"reduction": reduction, "ignore_index": ignore, "label_smoothing": smoothing}
    a, b = tp.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    ours = F.cross_entropy(a, tp.tensor(classes), tp.tensor(WEIGHT) if weighted else None, **settings)
    theirs = torch.nn.functional.cross_entropy(
        b, torch.tensor(classes), torch.tensor(WEIGHT) if weighted else None, **settings
    )
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-11)
    ours.sum().backward()
    theirs.sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-9, atol=1e-13)


# --- relative entropy, distances ----------------------------------------------------------------------------


def test_relative_entropy_of_a_target_with_zeros():
    p = tp.tensor([[0.0, 0.25, 0.75]], dtype=tp.float64)
    x = tp.log_softmax(tp.tensor([[1.0, 2.0, 3.0]], dtype=tp.float64), dim=1).requires_grad_()
    loss = nn.KLDivLoss(reduction="batchmean")(x, p)
    loss.backward()
    expected = 0.25 * (np.log(0.25) - x[0, 1].item()) + 0.75 * (np.log(0.75) - x[0, 2].item())
    np.testing.assert_allclose(loss.item(), expected, rtol=1e-12)
    np.testing.assert_array_equal(x.grad.numpy(), -p.numpy())
    in_logarithms = nn.KLDivLoss("sum", log_target=True)(x, tp.log_softmax(x, dim=1))
    np.testing.assert_allclose(in_logarithms.item(), 0.0, atol=1e-12)
    np.testing.assert_allclose(nn.KLDivLoss()(x, p).item(), expected / 3, rtol=1e-12)
    with pytest.raises(ValueError, match="'mean', 'batchmean', 'sum' or 'none', got 'batch'"):
        F.kl_div(x, p, reduction="batch")


def test_distances_as_modules():
    a, b = tp.tensor(X), tp.tensor(X[::-1].copy())
    lengths = np.linalg.norm(X, axis=1)
    np.testing.assert_allclose(nn.CosineSimilarity()(a, b).numpy(), (X * X[::-1]).sum(1) / (lengths * lengths[::-1]))
    np.testing.assert_array_equal(nn.CosineSimilarity()(tp.zeros(2, 3), tp.ones(2, 3)).numpy(), [0, 0])
    distance = nn.PairwiseDistance(p=1, eps=0.0, keepdim=True)(a, b)
    np.testing.assert_allclose(distance.numpy(), np.abs(X - X[::-1]).sum(1, keepdims=True))
