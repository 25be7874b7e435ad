"""Rows of `ops/distance.py`."""

from __future__ import annotations

import numpy as np

from .case import Case, floats

two = (floats(2, 3), floats(2, 3))


def cosine(x, y, axis):
    return (x * y).sum(axis) / np.sqrt((x * x).sum(axis) * (y * y).sum(axis))


CASES = [
    Case("nn.functional.cosine_similarity", lambda t, x, y: t.nn.functional.cosine_similarity(x, y),
         lambda x, y: cosine(x, y, 1), two, empty=((0, 3), (0, 3))),
    Case("nn.functional.cosine_similarity", lambda t, x, y: t.nn.functional.cosine_similarity(x, y, dim=0),
         lambda x, y: cosine(x, y, 0), (floats(3, 2), floats(3, 1)), "broadcast"),
    Case("nn.functional.pairwise_distance", lambda t, x, y: t.nn.functional.pairwise_distance(x, y),
         lambda x, y: np.sqrt(((x - y + 1e-6) ** 2).sum(-1)), two, empty=((0, 3), (0, 3))),
    Case("nn.functional.pairwise_distance",
         lambda t, x, y: t.nn.functional.pairwise_distance(x, y, p=3, eps=0.1, keepdim=True),
         lambda x, y: (np.abs(x - y + 0.1) ** 3).sum(-1, keepdims=True) ** (1 / 3), two, "cubes"),
    Case("cdist", lambda t, x, y: t.cdist(x, y), lambda x, y: np.sqrt(((x[:, None] - y) ** 2).sum(-1)),
         (floats(2, 3), floats(4, 3)), empty=((0, 3), (4, 3))),
    Case("cdist", lambda t, x, y: t.cdist(x, y, p=1.0),
         lambda x, y: np.abs(x[..., :, None, :] - y[..., None, :, :]).sum(-1), (floats(2, 3, 2), floats(1, 4, 2)),
         "broadcast"),
    Case("cdist", lambda t, x, y: t.cdist(x, y, float("inf")), lambda x, y: np.abs(x[:, None] - y).max(-1),
         (floats(2, 3), floats(4, 3)), "largest"),
]  # fmt: skip
