"""Rows of `ops/special.py`, `statistics.py` and `differences.py`."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from .case import Case, binary, floats, integers, unary

inverse = np.vectorize(lambda x: NormalDist().inv_cdf((x + 1) / 2) / math.sqrt(2), otypes=[float])
spread = floats(3, 5, distinct=True)
line = floats(7, distinct=True)
GAPS = np.array([[1.0, np.nan, 3.0], [4.0, 5.0, 6.0]])


def sorted_at(k, axis):
    return lambda x: (np.sort(x, axis).take(k, axis), np.argsort(x, axis).take(k, axis))


def quantiles(variant, q, dim, **more):
    method = more.get("interpolation", "linear")
    return Case("quantile", lambda t, x: t.quantile(x, t.tensor(q, dtype=x.dtype, device=x.device), dim, **more),
                lambda x: np.quantile(x, q, dim, method=method, keepdims=more.get("keepdim", False)), (spread,),
                variant)  # fmt: skip


CASES = [
    unary("erfinv", inverse, low=-0.95, high=0.95),
    unary("logit", lambda x: np.log(x / (1 - x)), low=0.1, high=0.9),
    Case("logit", lambda t, x: t.logit(x, 0.2), lambda x: np.log(np.clip(x, 0.2, 0.8) / (1 - np.clip(x, 0.2, 0.8))),
         (floats(2, 3, low=0.1, high=0.9, away=(0.2, 0.8)),), "eps", True),
    binary("xlogy", lambda x, y: x * np.log(y), floats(2, 3, away=(0.0,)), floats(2, 3, low=0.2)),
    Case("xlogy", lambda t, x, y: t.xlogy(x, y), lambda x, y: np.array([0.0, 0.0, math.log(2)]),
         (floats(3, values=[0.0, 0.0, 1.0], grad=False), floats(3, values=[0.0, 1.0, 2.0], grad=False)), "zero"),
    Case("median", lambda t, x: t.median(x), lambda x: np.sort(x, None)[7], (spread,)),
    Case("median", lambda t, x: t.median(x, 1), sorted_at(2, 1), (spread,), "dim"),
    Case("median", lambda t, x: x.median(0, keepdim=True), lambda x: tuple(p[None] for p in sorted_at(1, 0)(x)),
         (spread,), "keepdim"),
    Case("kthvalue", lambda t, x: t.kthvalue(x, 2), sorted_at(1, 1), (spread,)),
    Case("kthvalue", lambda t, x: t.kthvalue(x, 3, 0), sorted_at(2, 0), (spread,), "dim"),
    quantiles("one", 0.3, 1),
    quantiles("several", [0.0, 0.25, 1.0], 0, keepdim=True),
    quantiles("all", 0.45, None),
    quantiles("lower", 0.3, 1, interpolation="lower"),
    quantiles("higher", 0.3, 1, interpolation="higher"),
    quantiles("nearest", 0.3, 1, interpolation="nearest"),
    quantiles("midpoint", 0.3, 1, interpolation="midpoint"),
    Case("nansum", lambda t, x: t.nansum(x, 1), lambda x: np.nansum(x, 1), (floats(2, 3, values=GAPS, grad=False),)),
    Case("nansum", lambda t, x: t.nansum(x), np.nansum, (floats(2, 3),), "finite"),
    Case("nanmean", lambda t, x: t.nanmean(x, 1, keepdim=True), lambda x: np.nanmean(x, 1, keepdims=True),
         (floats(2, 3, values=GAPS, grad=False),)),
    Case("nanmean", lambda t, x: t.nanmean(x), np.nanmean, (floats(2, 3),), "finite"),
    Case("histc", lambda t, x: t.histc(x, 4, -1.0, 1.5), lambda x: np.histogram(x, 4, (-1.0, 1.5))[0].astype(float),
         (floats(20, grad=False),)),
    Case("histc", lambda t, x: t.histc(x, 3), lambda x: np.histogram(x, 3)[0].astype(float), (floats(20, grad=False),),
         "of all"),
    Case("cov", lambda t, x: t.cov(x), np.cov, (floats(3, 5),)),
    Case("cov", lambda t, x: t.cov(x, correction=0), lambda x: np.cov(x, ddof=0), (floats(5),), "line"),
    Case("cov", lambda t, x, f, a: t.cov(x, fweights=f, aweights=a), lambda x, f, a: np.cov(x, fweights=f, aweights=a),
         (floats(3, 5), integers(5, low=1, high=4), floats(5, low=0.5, grad=False)), "weights"),
    Case("corrcoef", lambda t, x: t.corrcoef(x), np.corrcoef, (floats(3, 5),)),
    unary("frac", lambda x: x - np.trunc(x), away=(-1.0, 0.0, 1.0, 2.0)),
    unary("deg2rad", np.deg2rad),
    unary("rad2deg", np.rad2deg),
    Case("clamp_min", lambda t, x: t.clamp_min(x, 0.5), lambda x: np.maximum(x, 0.5), (floats(2, 3, away=(0.5,)),)),
    Case("clamp_max", lambda t, x: x.clamp_max(0.5), lambda x: np.minimum(x, 0.5), (floats(2, 3, away=(0.5,)),)),
    Case("clamp_max", lambda t, x: t.clamp_max(x, 0.5), lambda x: np.minimum(x, 0.5), (floats(2, 3, away=(0.5,)),),
         "function"),
    Case("aminmax", lambda t, x: t.aminmax(x, dim=1), lambda x: (x.min(1), x.max(1)), (spread,)),
    Case("aminmax", lambda t, x: x.aminmax(), lambda x: (x.min(), x.max()), (spread,), "all"),
    Case("diff", lambda t, x: t.diff(x), np.diff, (floats(2, 4),)),
    Case("diff", lambda t, x: t.diff(x, 2, 0), lambda x: np.diff(x, 2, 0), (floats(4, 2),), "twice"),
    Case("diff", lambda t, x, y: t.diff(x, prepend=y, append=y), lambda x, y: np.diff(x, prepend=y, append=y),
         (floats(2, 3), floats(2, 1)), "ends"),
    Case("logcumsumexp", lambda t, x: t.logcumsumexp(x, 1), lambda x: np.log(np.cumsum(np.exp(x), 1)), (floats(2, 5),)),
    Case("logcumsumexp", lambda t, x: t.logcumsumexp(x, 0), lambda x: np.logaddexp.accumulate(x),
         (floats(5, low=-500.0, high=500.0),), "far apart"),
    Case("cross", lambda t, x, y: t.cross(x, y, dim=-1), lambda x, y: np.cross(x, y), (floats(2, 3), floats(2, 3))),
    Case("cross", lambda t, x, y: x.cross(y, dim=0), lambda x, y: np.cross(x, y, axis=0), (floats(3, 2), floats(3, 1)),
         "broadcast", torch=False),
]  # fmt: skip
