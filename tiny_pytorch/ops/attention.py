"""Scaled dot-product attention: each query's average of the values, weighted by how well their keys fit."""

from __future__ import annotations

import math
from typing import Any

from .. import backend
from ..autograd import ShapeError, leaf, op
from ..backend.dtypes import as_dtype
from ..random import default_generator
from .joining import repeat_interleave
from .operands import is_bool, shape_of
from .shape import broadcast_shapes

__all__ = ["packed_attention", "scaled_dot_product_attention"]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any  # the class stands above the ops
Shape = tuple[int, ...]


# Of the scores nothing is kept but the logarithm of each row's sum: the rule computes them again.
@op(extra=True, keeps="output", name="scaled_dot_product_attention", autocast="low")
def _attention(
    k: K, q: Array, key: Array, v: Array, mask: Array, kept: Array, *, causal: bool, scale: float, gain: float
) -> tuple:
    _check_dtypes("scaled_dot_product_attention", q, key, v, mask)
    y, lse = k.attention(q, key, v, mask, kept, causal, scale, gain)
    return y, (lse,)


@_attention.gradient
def _(k: K, g: Array, saved: Any, *, causal: bool, scale: float, gain: float) -> tuple:
    q, key, v, mask, kept = saved.inputs
    (lse,) = saved.extra
    grads = k.attention_grad(g, q, key, v, mask, kept, saved.output, lse, causal, scale, gain, saved.needs[:4])
    return *grads, None


@op(extra=True, keeps="output", name="packed_attention", autocast="low")
def _self_attention(
    k: K, qkv: Array, mask: Array, kept: Array, *, heads: int, causal: bool, scale: float, gain: float
) -> tuple:
    _check_dtypes("packed_attention", qkv, qkv, qkv, mask)
    y, lse = k.self_attention(qkv, mask, kept, heads, causal, scale, gain)
    return y, (lse,)


@_self_attention.gradient
def _(k: K, g: Array, saved: Any, *, heads: int, causal: bool, scale: float, gain: float) -> tuple:
    qkv, mask, kept = saved.inputs
    (lse,) = saved.extra
    grads = k.self_attention_grad(g, qkv, mask, kept, saved.output, lse, heads, causal, scale, gain, saved.needs[:2])
    return *grads, None


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """``y = dropout(softmax(scale * query @ key.T + mask)) @ value``.

    Parameters
    ----------
    query : Tensor (..., L, E)
    key : Tensor (..., S, E)
    value : Tensor (..., S, Ev)
        The leading axes broadcast. All three have one floating dtype.
    attn_mask : Tensor that broadcasts to (..., L, S), optional
        Booleans, True where a query sees a key; or numbers of the query's dtype, which are added to the scores.
    dropout_p : float, default 0.0
        Probability of a weight to be dropped. There is no evaluation mode here: pass 0 then.
    is_causal : bool, default False
        Query i sees the keys up to i. Not together with a mask.
    scale : float, optional
        Default ``1 / sqrt(E)``.
    enable_gqa : bool, default False
        Axis -3 counts heads, and key and value may have fewer, each of which serves several of the query's.

    Returns
    -------
    Tensor (..., L, Ev)
        A query that sees nothing gets zeros.

    Raises
    ------
    RuntimeError
        Shapes that do not fit, or a mask and ``is_causal``.
    TypeError
        Dtypes that differ or are not floating.
    ValueError
        For ``dropout_p`` outside 0..1.

    References
    ----------
    A. Vaswani et al., "Attention is all you need", NeurIPS 2017. That the scores need not be kept: T. Dao, D. Fu,
    S. Ermon, A. Rudra, C. Re, "FlashAttention", NeurIPS 2022.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> value = tp.tensor([[1.0], [3.0]])
    >>> tp.nn.functional.scaled_dot_product_attention(tp.zeros(2, 4), tp.zeros(2, 4), value, is_causal=True)
    tensor([[1.],
            [2.]])
    """
    name = "scaled_dot_product_attention"
    if enable_gqa:
        key, value = _repeated(name, query, key, value)
    q, k, v = shape_of(name, query), shape_of(name, key), shape_of(name, value)
    if min(len(q), len(k), len(v)) < 2 or q[-1] != k[-1] or k[-2] != v[-2]:
        raise ShapeError(
            f"{name}: got query {q}, key {k} and value {v}; expected (..., L, E), (..., S, E) and (..., S, Ev)"
        )
    lead = q[:-2] if q[:-2] == k[:-2] == v[:-2] else broadcast_shapes(q[:-2], k[:-2], v[:-2])
    shape = (*lead, q[-2], k[-2])
    _check_mask(name, attn_mask, is_causal, shape)
    kept, gain = _dropout(name, dropout_p, shape, query)
    if scale is None:
        scale = 1.0 / math.sqrt(q[-1]) if q[-1] else 1.0
    return _attention(query, key, value, attn_mask, kept, causal=bool(is_causal), scale=float(scale), gain=gain)


def packed_attention(
    input: Tensor,
    num_heads: int,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """Self-attention on one projection: `scaled_dot_product_attention` of its heads, without cutting them out.

    Parameters
    ----------
    input : Tensor (..., L, 3 * num_heads * E)
        Queries, keys and values one behind the other, each of ``num_heads`` times E columns.
    num_heads : int
    attn_mask, dropout_p, is_causal, scale
        As in `scaled_dot_product_attention`, for scores (..., num_heads, L, L).

    Returns
    -------
    Tensor (..., L, num_heads * E)

    Raises
    ------
    RuntimeError, TypeError, ValueError
        As there, and for a last axis that ``3 * num_heads`` does not divide.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.packed_attention(tp.zeros(2, 5, 3 * 8), num_heads=4, is_causal=True).shape
    (2, 5, 8)
    """
    name = "packed_attention"
    shape = shape_of(name, input)
    if num_heads < 1 or len(shape) < 2 or shape[-1] % (3 * num_heads):
        raise ShapeError(f"{name}: got shape {shape} for {num_heads} heads; expected (..., L, 3 * num_heads * E)")
    scores = (*shape[:-2], num_heads, shape[-2], shape[-2])
    _check_mask(name, attn_mask, is_causal, scores)
    kept, gain = _dropout(name, dropout_p, scores, input)
    if scale is None:
        width = shape[-1] // (3 * num_heads)
        scale = 1.0 / math.sqrt(width) if width else 1.0
    return _self_attention(
        input, attn_mask, kept, heads=num_heads, causal=bool(is_causal), scale=float(scale), gain=gain
    )


def _check_mask(name: str, mask: Tensor | None, is_causal: bool, shape: Shape) -> None:
    if mask is None:
        return
    found = shape_of(name, mask)
    if is_causal:
        raise ShapeError(f"{name}: got a mask and is_causal; expected one of them (put the causal part into the mask)")
    if len(found) > len(shape) or any(m not in (1, n) for m, n in zip(found[::-1], shape[::-1], strict=False)):
        raise ShapeError(f"{name}: the mask has shape {found}; expected one that broadcasts to {shape}")


def _check_dtypes(name: str, query: Array, key: Array, value: Array, mask: Array | None) -> None:
    # On what the op computes with: autocast has converted it by then.
    dtypes = {as_dtype(x.dtype) for x in (query, key, value)}
    if len(dtypes) > 1 or as_dtype(query.dtype).kind != "float":
        found = sorted(map(str, dtypes))
        raise TypeError(f"{name}: query, key and value have the dtypes {found}; expected one floating dtype")
    if mask is not None and not is_bool(mask) and mask.dtype != query.dtype:
        raise TypeError(f"{name}: the mask is {mask.dtype}; expected bool, or {query.dtype} like the query")


def _dropout(name: str, p: float, shape: Shape, like: Tensor) -> tuple[Tensor | None, float]:
    """Which weights are kept (None: all), beside ``like``, and what those are multiplied with."""
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"{name}: dropout_p is a probability, 0 to 1, got {p}")
    if p == 0.0:
        return None, 1.0
    kept = backend.at(like.array).kernels.keep_mask(shape, float(p), default_generator().key())
    return leaf(kept), 0.0 if p == 1.0 else 1.0 / (1.0 - p)


def _repeated(name: str, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """Key and value with as many heads (axis -3) as the query."""
    q, k, v = shape_of(name, query), shape_of(name, key), shape_of(name, value)
    if min(len(q), len(k), len(v)) < 3 or not k[-3] or not v[-3] or q[-3] % k[-3] or q[-3] % v[-3]:
        raise ShapeError(
            f"{name}: got query {q}, key {k} and value {v}; with enable_gqa the query's number of heads (axis -3) is "
            "a multiple of theirs"
        )
    return repeat_interleave(key, q[-3] // k[-3], -3), repeat_interleave(value, q[-3] // v[-3], -3)
