"""The compiled attention against its reference twin: tiles, masks, layouts, and what it declines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_pytorch._ext import attention as compiled
from tiny_pytorch.backend.reference import attention as reference

pytestmark = pytest.mark.numpy_only

dtypes = st.sampled_from([np.float32, np.float64])
seeds = st.integers(0, 2**32 - 1)
# Lengths around a vector, and beyond a tile: 2100 keys make tiles of 32 queries.
lengths = st.sampled_from([1, 2, 15, 33, 64])
masks = st.sampled_from(["none", "seen", "added", "padding", "head"])


def masked(rng: np.random.Generator, kind: str, dtype: type, lead: tuple[int, ...], n: int, m: int) -> Any:
    if kind == "none":
        return None
    if kind == "added":
        return rng.standard_normal((n, m)).astype(dtype)
    shape = {"seen": (n, m), "padding": (*lead[:-1], 1, 1, m) if lead else (1, m), "head": (*lead, n, m)}[kind]
    return rng.random(shape) < 0.7


def agree(actual: Any, expected: Any, dtype: type) -> None:
    assert actual is not NotImplemented
    eps = 400 * np.finfo(dtype).eps
    for a, e in zip(actual, expected, strict=True):
        if e is None:
            assert a is None
            continue
        assert (a.shape, a.dtype) == (e.shape, dtype)
        np.testing.assert_allclose(a, e, rtol=eps, atol=eps)


def wide(arrays: Any) -> list[Any]:
    return [a.astype(np.float64) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in arrays]


def both(q: Any, k: Any, v: Any, g: Any, mask: Any, kept: Any, causal: bool, needs: tuple[bool, ...]) -> None:
    dtype = q.dtype.type
    more = (causal, 0.4, 1.5)
    y, lse = compiled.attention(q, k, v, mask, kept, *more)
    agree((y, lse), reference.attention(np, *wide((q, k, v, mask, kept)), *more), dtype)
    grads = compiled.attention_grad(g, q, k, v, mask, kept, y, lse, *more, needs)
    agree(grads, reference.attention_grad(np, *wide((g, q, k, v, mask, kept, y, lse)), *more, needs), dtype)


@given(
    lead=st.sampled_from([(), (3,), (2, 3)]),
    n=lengths, m=lengths, d=st.sampled_from([1, 4, 17]), e=st.sampled_from([1, 8]),
    kind=masks, drop=st.booleans(), causal=st.booleans(), dtype=dtypes, seed=seeds,
    needs=st.tuples(*[st.booleans()] * 3),
)  # fmt: skip
def test_attention_agrees_with_reference(lead, n, m, d, e, kind, drop, causal, dtype, seed, needs) -> None:
    rng = np.random.default_rng(seed)
    q, k, v, g = (rng.standard_normal((*lead, *s)).astype(dtype) for s in ((n, d), (m, d), (m, e), (n, e)))
    mask = masked(rng, kind, dtype, lead, n, m)
    kept = rng.random((*lead, n, m)) < 0.6 if drop else None
    both(q, k, v, g, mask, kept, causal, (*needs, False))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("n, m", [(130, 2100), (2100, 130), (700, 700)])
@pytest.mark.parametrize("drop", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_several_tiles(n: int, m: int, causal: bool, drop: bool, dtype: type) -> None:
    rng = np.random.default_rng(0)
    q, k, v, g = (rng.standard_normal(s).astype(dtype) for s in ((2, n, 8), (2, m, 8), (2, m, 8), (2, n, 8)))
    kept = rng.random((2, n, m)) < 0.9 if drop else None
    both(q, k, v, g, None, kept, causal, (True, True, True, False))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_scores_and_nan(dtype: type) -> None:
    """The largest score is subtracted, in each query's own column; a NaN reaches its query's result alone."""
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((40, 8)).astype(dtype) for _ in range(3))
    q[:16] *= 1e4
    y, lse = compiled.attention(q, k, v, None, None, False, 1.0, 1.0)
    agree((y, lse), reference.attention(np, *wide((q, k, v)), None, None, False, 1.0, 1.0), dtype)
    q[5] = np.nan
    y, lse = compiled.attention(q, k, v, None, None, True, 1.0, 1.0)
    assert np.isnan(y).all(1).nonzero()[0].tolist() == np.isnan(lse).nonzero()[0].tolist() == [5]
    assert np.isfinite(np.delete(y, 5, 0)).all()


@given(
    lead=st.sampled_from([(), (3,), (2, 3)]), n=lengths, heads=st.sampled_from([1, 2, 3]),
    d=st.sampled_from([1, 4, 9]), kind=masks, drop=st.booleans(), causal=st.booleans(), dtype=dtypes, seed=seeds,
)  # fmt: skip
def test_self_attention_agrees_with_reference(lead, n, heads, d, kind, drop, causal, dtype, seed) -> None:
    rng = np.random.default_rng(seed)
    qkv, g = (rng.standard_normal((*lead, n, parts * heads * d)).astype(dtype) for parts in (3, 1))
    mask = masked(rng, kind, dtype, (*lead, heads), n, n)
    kept = rng.random((*lead, heads, n, n)) < 0.6 if drop else None
    more = (heads, causal, 0.4, 1.5)
    y, lse = compiled.self_attention(qkv, mask, kept, *more)
    agree((y, lse), reference.self_attention(np, *wide((qkv, mask, kept)), *more), dtype)
    needs = (True, False)
    grads = compiled.self_attention_grad(g, qkv, mask, kept, y, lse, *more, needs)
    agree(grads, reference.self_attention_grad(np, *wide((g, qkv, mask, kept, y, lse)), *more, needs), dtype)


def test_threads_share_the_heads(threads: Callable[[int], None]) -> None:
    rng = np.random.default_rng(0)
    q, k, v, g = (rng.standard_normal((64, 64, 32)).astype(np.float32) for _ in range(4))
    threads(2)
    both(q, k, v, g, None, None, True, (True, True, True, False))


Q, K, V = (np.random.default_rng(0).standard_normal(s) for s in ((2, 3, 5, 4), (2, 3, 7, 4), (2, 3, 7, 6)))
REST = (None, None, False, 0.5, 1.0)
FITS = {
    "rows apart": (np.repeat(Q, 2, 2)[:, :, ::2], K, V),
    "heads behind rows": tuple(x.swapaxes(1, 2).copy().swapaxes(1, 2) for x in (Q, K, V)),
    "one head for all": (np.broadcast_to(Q[:1, :1], Q.shape), K, V),
    "read-only": (Q, K, V),
}  # fmt: skip
DECLINED = {
    "columns apart": (np.repeat(Q, 2, -1)[..., ::2], K, V),
    "rows backwards": (Q[:, :, ::-1], K, V),
    "one row for all": (np.broadcast_to(Q[:, :, :1], Q.shape), K, V),
    "columns first": (np.asfortranarray(Q), K, V),
    "mixed dtypes": (Q.astype(np.float32), K, V),
    "half": tuple(x.astype(np.float16) for x in (Q, K, V)),
    "swapped bytes": tuple(x.astype(x.dtype.newbyteorder("S")) for x in (Q, K, V)),
    "heads broadcast": (Q[:1], K, V),
    "no keys": (Q, K[:, :, :0], V[:, :, :0]),
    "no queries": (Q[:, :, :0], K, V),
    "width differs": (Q[..., :3].copy(), K, V),
    "keys differ": (Q, K[:, :, :3].copy(), V),
    "one axis": (Q[0, 0, 0], K[0, 0, 0], V[0, 0, 0]),
}


@pytest.mark.parametrize("name", FITS)
def test_layouts_that_it_takes(name: str) -> None:
    before = [x.flags.writeable for x in (Q, K, V)]
    for x in (Q, K, V):
        x.flags.writeable = False
    agree(compiled.attention(*FITS[name], *REST), reference.attention(np, *FITS[name], *REST), np.float64)
    for x, flag in zip((Q, K, V), before, strict=True):
        x.flags.writeable = flag


@pytest.mark.parametrize("name", DECLINED)
def test_layouts_that_it_declines(name: str) -> None:
    assert compiled.attention(*DECLINED[name], *REST) is NotImplemented


@pytest.mark.parametrize(
    "mask",
    [
        np.ones((5, 1)), np.ones((5, 7), np.float32), np.ones((7, 5)), np.ones((5, 7), int), np.ones(()),
        np.ones((1, 2, 3, 5, 7), bool), np.ones((5, 14), bool)[:, ::2], [[True]],
    ],
)  # fmt: skip
def test_masks_that_it_declines(mask: Any) -> None:
    assert compiled.attention(Q, K, V, mask, None, False, 0.5, 1.0) is NotImplemented


@pytest.mark.parametrize("heads", [0, -1, 5, 2.0, True])
def test_heads_that_it_declines(heads: Any) -> None:
    assert compiled.self_attention(np.ones((3, 12)), None, None, heads, False, 0.5, 1.0) is NotImplemented


def test_gradients_that_it_declines() -> None:
    y, lse = compiled.attention(Q, K, V, *REST)
    g, all_ = np.ones_like(y), (True, True, True, False)
    for changed in (
        (g[..., :5], y, lse, all_), (g, y[..., ::-1], lse, all_), (g, y, lse[..., None], all_),
        (g, y, lse.astype(np.float32), all_), (g, y, lse, (True, True, True, True)),
    ):  # fmt: skip
        g_, y_, lse_, needs = changed
        assert compiled.attention_grad(g_, Q, K, V, None, None, y_, lse_, False, 0.5, 1.0, needs) is NotImplemented
