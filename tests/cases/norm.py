"""Rows of `ops/norm.py`."""

from __future__ import annotations

import numpy as np

from .case import Case, floats


def normalised(x, axes, eps=1e-5):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


def channels(v):
    return v.reshape(1, -1, 1)


def grouped(x, groups, eps=1e-5):
    return normalised(x.reshape(len(x), groups, x[0].size // groups if len(x) else 1), -1, eps).reshape(x.shape)


def by_root_mean_square(x, axes, eps):
    return x / np.sqrt((x * x).mean(axes, keepdims=True) + eps)


CASES = [
    Case("nn.functional.layer_norm", lambda t, x, w, b: t.nn.functional.layer_norm(x, (3,), w, b),
         lambda x, w, b: normalised(x, -1) * w + b, (floats(2, 3), floats(3), floats(3)), empty=((0, 3),
                                                                                                 (3,), (3,))),
    Case("nn.functional.layer_norm", lambda t, x: t.nn.functional.layer_norm(x, (2, 3), eps=0.1),
         lambda x: normalised(x, (-2, -1), 0.1), (floats(2, 2, 3),), "two axes"),
    Case("nn.functional.batch_norm",
         lambda t, x, w, b: t.nn.functional.batch_norm(x, None, None, w, b, training=True),
         lambda x, w, b: normalised(x, 0) * w + b, (floats(4, 3), floats(3), floats(3)), "training"),
    Case("nn.functional.batch_norm", lambda t, x, w, b: t.nn.functional.batch_norm(x, None, None, w, b, True),
         lambda x, w, b: normalised(x, (0, 2)) * channels(w) + channels(b), (floats(2, 2, 3), floats(2),
                                                                             floats(2)),
         "signals"),
    Case("nn.functional.batch_norm", lambda t, x, m, v, w, b: t.nn.functional.batch_norm(x, m, v, w, b),
         lambda x, m, v, w, b: (x - channels(m)) / np.sqrt(channels(v) + 1e-5) * channels(w) + channels(b),
         (floats(2, 2, 3), floats(2, grad=False), floats(2, low=0.5, grad=False), floats(2),
          floats(2)), "evaluation",
         empty=((0, 2, 3), (2,), (2,), (2,), (2,))),
    Case("nn.functional.group_norm", lambda t, x, w, b: t.nn.functional.group_norm(x, 2, w, b),
         lambda x, w, b: grouped(x, 2) * channels(w) + channels(b), (floats(2, 4, 2), floats(4), floats(4)),
         empty=((0, 4, 2), (4,), (4,))),
    Case("nn.functional.group_norm", lambda t, x: t.nn.functional.group_norm(x, 1, eps=0.1),
         lambda x: grouped(x, 1, 0.1), (floats(2, 3),), "rows"),
    Case("nn.functional.rms_norm", lambda t, x, w: t.nn.functional.rms_norm(x, (3,), w, 1e-3),
         lambda x, w: by_root_mean_square(x, -1, 1e-3) * w, (floats(2, 3), floats(3)), empty=((0, 3), (3,))),
    Case("nn.functional.rms_norm", lambda t, x: t.nn.functional.rms_norm(x, (2, 3)),
         lambda x: by_root_mean_square(x, (-2, -1), 1e-16), (floats(2, 2, 3),), "two axes"),
]  # fmt: skip
