"""Rows of `ops/attention.py`."""

from __future__ import annotations

import numpy as np

from .activation import seeded, softmax
from .case import Case, floats, truths


def attention(q, k, v, mask=None, causal=False, scale=None):
    scores = q @ k.swapaxes(-1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    if causal:
        scores = np.where(np.tril(np.ones(scores.shape[-2:], bool)), scores, -np.inf)
    return softmax(scores, -1) @ v


def packed(x, heads, **settings):
    *lead, n, width = x.shape
    parts = np.moveaxis(x.reshape(*lead, n, 3, heads, width // (3 * heads)), (-3, -2), (0, -3))
    return np.moveaxis(attention(*parts, **settings), -3, -2).reshape(*lead, n, width // 3)


def row(variant, shapes, *more, reference=None, torch=True, **settings):
    """A call with queries, keys, values and perhaps a mask."""
    name = "nn.functional.scaled_dot_product_attention"
    return Case(name, lambda t, *xs: t.nn.functional.scaled_dot_product_attention(*xs, **settings), reference,
                (*(floats(*shape) for shape in shapes), *more), variant, torch=torch)  # fmt: skip


heads = ((2, 3, 2), (2, 4, 2), (2, 4, 3))
seen = truths(3, 4, values=[[True, False, True, True], [True, True, False, False], [False, True, True, True]])

CASES = [
    row("", heads, reference=attention),
    row("causal", heads, reference=lambda *xs: attention(*xs, causal=True), is_causal=True),
    row("mask", heads, seen, reference=attention),
    row("added mask", heads, floats(3, 4), reference=attention),
    row("broadcast", ((3, 2), (2, 4, 2), (1, 4, 3)), reference=lambda *xs: attention(*xs, scale=0.7), scale=0.7),
    Case("nn.functional.scaled_dot_product_attention",
         seeded(lambda t, *xs: t.nn.functional.scaled_dot_product_attention(*xs, dropout_p=0.4)), None,
         tuple(floats(*shape) for shape in heads), "dropout", torch=False),
    Case("nn.functional.packed_attention", lambda t, x: t.nn.functional.packed_attention(x, 2, is_causal=True),
         lambda x: packed(x, 2, causal=True), (floats(2, 3, 12),), torch=False),
    Case("nn.functional.packed_attention", lambda t, x, m: t.nn.functional.packed_attention(x, 1, m),
         lambda x, m: packed(x, 1, mask=m), (floats(3, 6), floats(3, 3)), "added mask", torch=False),
]  # fmt: skip
