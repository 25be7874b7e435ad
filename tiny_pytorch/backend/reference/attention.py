"""Scaled dot-product attention, of separate queries, keys and values and of one projection that holds all three."""

from __future__ import annotations

import math

from ..dtypes import is_low

__all__ = ["attention", "attention_grad", "self_attention", "self_attention_grad"]


def attention(xp, q, k, v, mask, kept, causal, scale, gain):
    """``(y, lse)``: ``y = p @ v`` with ``p = softmax(scale * q @ k.T + mask)`` and ``lse = log(sum of e^scores)``.

    q (..., n, d), k (..., m, d), v (..., m, e), leading axes broadcast; y (..., n, e), lse (..., n). A boolean
    mask says which keys a query sees, a floating one is added (None: neither); both broadcast to (..., n, m).
    ``causal``: query i sees the keys up to i. ``kept`` (booleans, or None): p becomes ``p * gain`` where kept,
    else 0. A query that sees nothing gets ``y = 0`` and ``lse = 0``. Of 16-bit inputs scores and lse are float32.
    """
    scores = _scores(xp, q, k, mask, causal, scale)
    if 0 in scores.shape:
        return xp.matmul(_as(xp, scores, v), v), xp.zeros(scores.shape[:-1], dtype=scores.dtype)
    top = xp.max(scores, axis=-1, keepdims=True)
    top = xp.where(top == -math.inf, 0.0, top)
    e = xp.exp(scores - top)
    total = xp.sum(e, axis=-1, keepdims=True)
    total = xp.where(total == 0, 1.0, total)
    y = xp.matmul(_as(xp, _dropped(xp, e / total, kept, gain), v), v)
    return y, (top + xp.log(total))[..., 0]


def attention_grad(xp, g, q, k, v, mask, kept, y, lse, causal, scale, gain, needs):
    """``(gq, gk, gv, gmask)``, before broadcast axes are summed.

    With p computed again from ``lse``: ``gv = p.T @ g``, ``gs = p * (g @ v.T - sum of g * y)``, which is gmask,
    ``gq = scale * gs @ k``, ``gk = scale * gs.T @ q``.
    """
    p = xp.exp(_scores(xp, q, k, mask, causal, scale) - xp.expand_dims(lse, axis=-1))
    gv = xp.matmul(xp.matrix_transpose(_as(xp, _dropped(xp, p, kept, gain), g)), g) if needs[2] else None
    gp = _dropped(xp, _wide(xp, xp.matmul(g, xp.matrix_transpose(v))), kept, gain)
    gs = _as(xp, p * (gp - xp.sum(_wide(xp, g * y), axis=-1, keepdims=True)), q)
    gq = scale * xp.matmul(gs, k) if needs[0] else None
    gk = scale * xp.matmul(xp.matrix_transpose(gs), q) if needs[1] else None
    return gq, gk, gv, gs if needs[3] else None


def self_attention(xp, qkv, mask, kept, heads, causal, scale, gain):
    """``(y, lse)``: `attention` of each head of one projection.

    qkv (..., n, 3 * heads * d) holds queries, keys and values one behind the other, each cut into heads;
    y (..., n, heads * d), lse (..., heads, n).
    """
    y, lse = attention(xp, *_heads(xp, qkv, 3, heads), mask, kept, causal, scale, gain)
    return _merged(xp, [y]), lse


def self_attention_grad(xp, g, qkv, mask, kept, y, lse, heads, causal, scale, gain, needs):
    """``(gqkv, gmask)``; gmask before broadcast axes are summed."""
    (g,), (y,) = _heads(xp, g, 1, heads), _heads(xp, y, 1, heads)
    wanted = (needs[0],) * 3 + (needs[1],)
    *parts, gmask = attention_grad(xp, g, *_heads(xp, qkv, 3, heads), mask, kept, y, lse, causal, scale, gain, wanted)
    return _merged(xp, parts) if needs[0] else None, gmask


def _scores(xp, q, k, mask, causal, scale):
    """``scale * q @ k.T + mask``, -inf where a key is not seen."""
    scores = scale * _wide(xp, xp.matmul(q, xp.matrix_transpose(k)))
    if mask is not None:
        if xp.isdtype(mask.dtype, "bool"):
            scores = xp.where(mask, scores, -math.inf)
        else:
            scores = scores + mask
    if causal:
        n, m = scores.shape[-2:]
        scores = xp.where(xp.expand_dims(xp.arange(n), axis=-1) >= xp.arange(m), scores, -math.inf)
    return scores


def _wide(xp, x):
    """16-bit numbers as float32: exponentials, and the sums of a row, need its digits. Products stay in 16 bits."""
    return xp.astype(x, xp.float32) if is_low(x.dtype) else x


def _as(xp, x, other):
    return xp.astype(x, other.dtype) if x.dtype != other.dtype else x


def _dropped(xp, p, kept, gain):
    return p if kept is None else xp.where(kept, p * gain, 0.0)


def _heads(xp, x, parts, heads):
    """x (..., n, parts * heads * d) as ``parts`` arrays (..., heads, n, d)."""
    lead, n, ndim = tuple(x.shape[:-2]), x.shape[-2], len(x.shape)
    split = xp.reshape(x, (*lead, n, parts, heads, x.shape[-1] // (parts * heads)))
    order = (ndim - 1, *range(ndim - 2), ndim, ndim - 2, ndim + 1)
    split = xp.permute_dims(split, order)
    return [split[i, ...] for i in range(parts)]


def _merged(xp, parts):
    """The inverse of `_heads`."""
    ndim = len(parts[0].shape)
    joined = xp.permute_dims(xp.stack(parts), (*range(1, ndim - 2), ndim - 1, 0, ndim - 2, ndim))
    *lead, n, count, heads, width = joined.shape
    return xp.reshape(joined, (*lead, n, count * heads * width))
