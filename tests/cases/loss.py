"""Rows of `ops/loss.py`, `ops/cross_entropy.py`, `ops/margin_loss.py` and `ops/likelihood.py`."""

from __future__ import annotations

import numpy as np

from .activation import sigmoid, softmax
from .case import Case, floats, integers

probabilities = floats(2, 3, low=0.1, high=0.9)
classes = integers(4, high=3)
REDUCE = {"mean": np.mean, "sum": np.sum, "none": lambda x: x}


def log_softmax(x):
    return np.log(softmax(x, 1))


def pick(x, target):
    return x[np.arange(len(target)), target]


def loss(name, reference, args, kwargs=None, variant="", reductions=("mean", "sum", "none")):
    """A row for each reduction."""
    kwargs = kwargs or {}

    def row(reduction):
        return Case(
            f"nn.functional.{name}",
            lambda t, *xs: getattr(t.nn.functional, name)(*xs, reduction=reduction, **kwargs),
            lambda *xs: REDUCE[reduction](reference(*xs)),
            args,
            f"{variant}-{reduction}" if variant else reduction,
            empty=tuple((0, *arg.shape[1:]) for arg in args) if reduction != "mean" and not variant else None,
        )

    return [row(reduction) for reduction in reductions]


def huber(d, delta):
    return np.where(np.abs(d) <= delta, d * d / 2, delta * (np.abs(d) - delta / 2))


def with_logits(x, y, pos=1.0):
    return -(pos * y * np.log(sigmoid(x)) + (1 - y) * np.log(sigmoid(-x)))


def weighted_mean(x, target, weight):
    return np.sum(-pick(log_softmax(x), target) * weight[target]) / np.sum(weight[target])


def smoothed(x, target):
    return -0.9 * pick(log_softmax(x), target) - 0.1 / x.shape[1] * log_softmax(x).sum(1)


def distance(x, y, p=2.0):
    return (np.abs(x - y + 1e-6) ** p).sum(-1) ** (1 / p)


def triplet(a, p, n):
    return np.maximum(distance(a, p) - distance(a, n) + 1, 0)


def swapped(a, p, n):
    return np.maximum(distance(a, p, 3) - np.minimum(distance(a, n, 3), distance(p, n, 3)) + 2, 0)


def angles(x, y, target):
    cos = (x * y).sum(-1) / np.sqrt((x * x).sum(-1) * (y * y).sum(-1))
    return np.where(target == 1, 1 - cos, np.maximum(cos - 0.1, 0))


def gaussian(x, y, v):
    return (np.log(v) + (x - y) ** 2 / v) / 2


def stirling(x, y):
    above = np.maximum(y, 1)
    return np.exp(x) - y * x + (y > 1) * (above * np.log(above) - above + np.log(2 * np.pi * above) / 2)


two = (floats(2, 3), floats(2, 3))
three = (floats(4, 3), floats(4, 3), floats(4, 3))
signs = floats(4, values=[1, -1, -1, 1], grad=False)
counts = floats(2, 3, values=[[0, 3, 1], [5, 2, 0]], grad=False)
variances = floats(2, 3, low=0.2, high=2.0)
logits = (floats(4, 3), classes)
weight = floats(3, low=0.5, grad=False)

CASES = [
    *loss("mse_loss", lambda x, y: (x - y) ** 2, two),
    *loss("l1_loss", lambda x, y: np.abs(x - y), two),
    *loss("huber_loss", lambda x, y: huber(x - y, 0.7), two, {"delta": 0.7}),
    *loss("smooth_l1_loss", lambda x, y: huber(x - y, 0.7) / 0.7, two, {"beta": 0.7}),
    *loss("smooth_l1_loss", lambda x, y: np.abs(x - y), two, {"beta": 0.0}, "sharp", ["mean"]),
    *loss("kl_div", lambda x, y: y * (np.log(y) - x), (floats(2, 3), probabilities), None, "", ["sum", "none"]),
    *loss("kl_div", lambda x, y: np.exp(y) * (y - x), two, {"log_target": True}, "logarithms", ["sum", "none"]),
    Case("nn.functional.kl_div", lambda t, x, y: t.nn.functional.kl_div(x, y, reduction="batchmean"),
         lambda x, y: np.sum(y * (np.log(y) - x)) / len(x), (floats(2, 3), probabilities), "batchmean"),
    *loss("binary_cross_entropy", lambda p, y: -(y * np.log(p) + (1 - y) * np.log1p(-p)),
          (probabilities, probabilities)),
    *loss("binary_cross_entropy_with_logits", with_logits, (floats(2, 3), probabilities)),
    Case("nn.functional.binary_cross_entropy_with_logits",
         lambda t, x, y, w: t.nn.functional.binary_cross_entropy_with_logits(x, y, pos_weight=w),
         lambda x, y, w: np.mean(with_logits(x, y, w)), (floats(2, 3), probabilities, weight), "weighted"),
    *loss("multilabel_soft_margin_loss", lambda x, y: with_logits(x, y).mean(-1), (floats(2, 3), probabilities)),
    *loss("triplet_margin_loss", triplet, three),
    *loss("triplet_margin_loss", swapped, three, {"swap": True, "p": 3.0, "margin": 2.0}, "swapped"),
    *loss("margin_ranking_loss", lambda x, y, s: np.maximum(-s * (x - y) + 0.2, 0),
          (floats(4), floats(4), signs), {"margin": 0.2}, "margin"),
    *loss("hinge_embedding_loss", lambda x, s: np.where(s == 1, x, np.maximum(0.7 - x, 0)), (floats(4), signs),
          {"margin": 0.7}, "margin"),
    *loss("cosine_embedding_loss", angles, (floats(4, 3), floats(4, 3), signs), {"margin": 0.1}, "margin"),
    *loss("gaussian_nll_loss", gaussian, (floats(2, 3), floats(2, 3), variances)),
    *loss("gaussian_nll_loss", lambda x, y, v: gaussian(x, y, v[:, None]) + np.log(2 * np.pi) / 2,
          (floats(2, 3), floats(2, 3), floats(2, low=0.2, high=2.0)), {"full": True}, "one for a row"),
    *loss("poisson_nll_loss", lambda x, y: np.exp(x) - y * x, (floats(2, 3), counts), None, "logarithms"),
    *loss("poisson_nll_loss", lambda x, y: x - y * np.log(x + 1e-8), (floats(2, 3, low=0.2), counts),
          {"log_input": False}, "rates"),
    *loss("poisson_nll_loss", stirling, (floats(2, 3), counts), {"full": True}, "with Stirling's term"),
    *loss("nll_loss", lambda x, target: -pick(x, target), logits),
    *loss("cross_entropy", lambda x, target: -pick(log_softmax(x), target), logits),
    *loss("cross_entropy", lambda x, target: -pick(log_softmax(x), target) * (target != 1), logits,
          {"ignore_index": 1},
          "ignoring", ["sum", "none"]),
    *loss("cross_entropy", smoothed, logits, {"label_smoothing": 0.1}, "smoothed"),
    *loss("cross_entropy", lambda x, p: -(p * log_softmax(x)).sum(1),
          (floats(4, 3), floats(4, 3, low=0.1, high=0.9)),
          None, "probabilities"),
    *loss("cross_entropy", lambda x, target: -np.take_along_axis(log_softmax(x), target[:, None], 1)[:, 0],
          (floats(2, 3, 2), integers(2, 2, high=3)), None, "images"),
    Case("nn.functional.cross_entropy",
         lambda t, x, target, w: t.nn.functional.cross_entropy(x, target, weight=w),
         weighted_mean, (floats(4, 3), classes, weight), "weighted"),
]  # fmt: skip
