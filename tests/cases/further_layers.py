"""Rows of `ops/shrinkage.py`, `alpha_dropout.py`, `response_norm.py`, `class_margin_loss.py`, `embedding_bag.py` and
`grid.py`."""

from __future__ import annotations

import numpy as np

from .activation import functional
from .case import Case, beside, floats, integers

CLASSES = np.array([2, 0])
LABELS = np.array([[2, 0, -1, 1], [1, -1, 3, 0]])
SIGNS = np.array([[1.0, -1.0, 1.0], [-1.0, 1.0, 1.0]])
LINE, STARTS = np.array([1, 0, 3, 3, 2, 0]), np.array([0, 2, 2, 5])
PLACES = np.random.default_rng(2).uniform(-1.3, 1.3, (2, 3, 2, 2))


def shrunk(x, soft):
    return np.where(np.abs(x) > 0.5, x - np.sign(x) * (0.5 if soft else 0.0), 0.0)


def instance(x, axes=(2, 3)):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)


def response(x, size=3, alpha=0.5, beta=0.75, k=1.5):
    squares = np.pad(x * x, ((0, 0), (size // 2, (size - 1) // 2), (0, 0)))
    total = sum(squares[:, i : i + x.shape[1]] for i in range(size))
    return x / (k + alpha * total / size) ** beta


def multi_margin(x, p=1, margin=1.0, weight=None):
    own = x[np.arange(2), CLASSES][:, None]
    found = np.maximum(margin - own + x, 0) ** p
    found = found if weight is None else found * weight[CLASSES][:, None]
    found[np.arange(2), CLASSES] = 0
    return np.asarray((found.sum(1) / x.shape[1]).mean())


def multilabel(x):
    total = []
    for row, labels in zip(x, LABELS, strict=True):
        own = list(labels[: list(labels).index(-1)])
        others = [i for i in range(4) if i not in own]
        total.append(sum(max(0, 1 - row[y] + row[i]) for y in own for i in others) / 4)
    return np.asarray(np.mean(total))


def bags(weight, mode, factors=None, skip=None):
    found = []
    for a, z in zip(STARTS, [*STARTS[1:], 6], strict=True):
        members = [i for i in range(a, z) if LINE[i] != skip]
        rows = np.array([weight[LINE[i]] * (1 if factors is None else factors[i]) for i in members])
        empty = np.zeros(weight.shape[1])
        found.append({"sum": np.sum, "mean": np.mean, "max": np.max}[mode](rows, axis=0) if members else empty)
    return np.stack(found)


def bag(mode, **more):
    def call(t, w):
        return t.nn.functional.embedding_bag(beside(t, w, LINE), w, beside(t, w, STARTS), mode=mode, **more)

    return Case("nn.functional.embedding_bag", call,
                lambda w: bags(w, mode, skip=more.get("padding_idx")), (floats(4, 3, distinct=True),),
                "-".join([mode, *more]), torch=mode != "max" or not more, second=mode != "max")  # fmt: skip


def sampled(mode, padding_mode, align_corners):
    return Case("nn.functional.grid_sample",
                lambda t, x, g: t.nn.functional.grid_sample(x, g, mode, padding_mode, align_corners), None,
                (floats(2, 2, 3, 4), floats(2, 3, 2, 2, values=PLACES, grad=mode == "bilinear")),
                f"{mode}-{padding_mode}-{align_corners}", second=False)  # fmt: skip


CASES = [
    functional("hardshrink", lambda f, x: f.hardshrink(x), lambda x: shrunk(x, False), away=(-0.5, 0.5)),
    functional("softshrink", lambda f, x: f.softshrink(x), lambda x: shrunk(x, True), away=(-0.5, 0.5)),
    functional("rrelu", lambda f, x: f.rrelu(x, 0.1, 0.3), lambda x: np.where(x > 0, x, 0.2 * x), away=(0.0,)),
    functional("rrelu", lambda f, x: f.rrelu(x, 0.2, 0.2, True), lambda x: np.where(x > 0, x, 0.2 * x), "training",
               away=(0.0,)),
    functional("alpha_dropout", lambda f, x: f.alpha_dropout(x, 0.0, True), lambda x: x),
    functional("alpha_dropout", lambda f, x: f.alpha_dropout(x, 0.3), lambda x: x, "evaluation"),
    Case("nn.functional.gumbel_softmax", lambda t, x: t.nn.functional.gumbel_softmax(x, hard=True).sum(-1),
         lambda x: np.ones(2), (floats(2, 3),)),
    Case("nn.functional.instance_norm", lambda t, x: t.nn.functional.instance_norm(x), instance, (floats(2, 3, 2, 2),)),
    Case("nn.functional.instance_norm", lambda t, x, w, b: t.nn.functional.instance_norm(x, weight=w, bias=b),
         lambda x, w, b: instance(x) * w[:, None, None] + b[:, None, None], (floats(2, 3, 2, 2), floats(3), floats(3)),
         "affine"),
    Case("nn.functional.local_response_norm",
         lambda t, x: t.nn.functional.local_response_norm(x, 3, 0.5, 0.75, 1.5), response, (floats(2, 4, 3),)),
    Case("nn.functional.soft_margin_loss",
         lambda t, x: t.nn.functional.soft_margin_loss(x, beside(t, x, SIGNS).to(x.dtype)),
         lambda x: np.asarray(np.log1p(np.exp(-SIGNS * x)).mean()), (floats(2, 3),)),
    Case("nn.functional.multi_margin_loss", lambda t, x: t.nn.functional.multi_margin_loss(x, beside(t, x, CLASSES)),
         multi_margin, (floats(2, 3),)),
    Case("nn.functional.multi_margin_loss",
         lambda t, x, w: t.nn.functional.multi_margin_loss(x, beside(t, x, CLASSES), 2, 0.5, w),
         lambda x, w: multi_margin(x, 2, 0.5, w), (floats(2, 3), floats(3, low=0.5, grad=False)), "square",
         second=False),
    Case("nn.functional.multilabel_margin_loss",
         lambda t, x: t.nn.functional.multilabel_margin_loss(x, beside(t, x, LABELS)), multilabel, (floats(2, 4),)),
    Case("nn.functional.triplet_margin_with_distance_loss",
         lambda t, x, y, z: t.nn.functional.triplet_margin_with_distance_loss(
             x, y, z, distance_function=lambda a, b: ((a - b) ** 2).sum(-1), swap=True),
         lambda x, y, z: np.asarray(np.maximum(((x - y) ** 2).sum(-1) + 1 - np.minimum(
             ((x - z) ** 2).sum(-1), ((y - z) ** 2).sum(-1)), 0).mean()), (floats(3, 4), floats(3, 4), floats(3, 4))),
    bag("sum"),
    bag("mean"),
    bag("max"),
    bag("sum", padding_idx=3),
    bag("mean", padding_idx=3),
    bag("max", padding_idx=3),
    Case("nn.functional.embedding_bag",
         lambda t, w, f: t.nn.functional.embedding_bag(beside(t, w, LINE), w, beside(t, w, STARTS), mode="sum",
                                                       per_sample_weights=f),
         lambda w, f: bags(w, "sum", f), (floats(4, 3), floats(6)), "factors"),
    Case("nn.functional.embedding_bag", lambda t, i, w: t.nn.functional.embedding_bag(i, w),
         lambda i, w: w[i].mean(1), (integers(2, 3, high=4), floats(4, 3)), "rows"),
    Case("nn.functional.affine_grid", lambda t, x: t.nn.functional.affine_grid(x, (2, 1, 3, 4), align_corners=False),
         None, (floats(2, 2, 3),)),
    Case("nn.functional.affine_grid", lambda t, x: t.nn.functional.affine_grid(x, (2, 1, 3, 1), align_corners=True),
         None, (floats(2, 2, 3),), "corners"),
    *[sampled(mode, padding_mode, align) for mode in ("bilinear", "nearest")
      for padding_mode in ("zeros", "border", "reflection") for align in (False, True)],
]  # fmt: skip
