"""Every compiled kernel of the layers against its reference twin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import array_api_strict
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_pytorch._ext import conv, elementwise, gemm, indexing, linalg, nn, norm, pooling
from tiny_pytorch.backend.reference import conv as conv_reference
from tiny_pytorch.backend.reference import elementwise as elementwise_reference
from tiny_pytorch.backend.reference import indexing as indexing_reference
from tiny_pytorch.backend.reference import linalg as linalg_reference
from tiny_pytorch.backend.reference import nn as nn_reference
from tiny_pytorch.backend.reference import norm as norm_reference
from tiny_pytorch.backend.reference import pooling as pooling_reference
from tiny_pytorch.backend.reference import random as random_reference

pytestmark = pytest.mark.numpy_only

FAMILIES = [
    (elementwise, elementwise_reference),
    (elementwise, random_reference),
    (indexing, indexing_reference),
    (linalg, linalg_reference),
    (nn, nn_reference),
    (norm, norm_reference),
    (conv, conv_reference),
    (pooling, pooling_reference),
]
COMPILED = {name: getattr(c, name) for c, r in FAMILIES for name in r.__all__ if hasattr(c, name)}
REFERENCE = {name: getattr(r, name) for _, r in FAMILIES for name in r.__all__}
ARITHMETIC = ("add", "subtract", "multiply", "divide")
ALL = (True, True, True)


@dataclass
class Draw:
    """Random arguments of one dtype."""

    rng: np.random.Generator
    dtype: type

    def __call__(self, *shape: int) -> np.ndarray:
        return np.asarray(self.rng.standard_normal(shape), dtype=self.dtype)

    def positive(self, *shape: int) -> np.ndarray:
        return np.asarray(self.rng.uniform(0.5, 2.0, shape), dtype=self.dtype)

    def index(self, size: int, *shape: int) -> np.ndarray:
        return self.rng.integers(0, max(size, 1), shape if size else tuple(0 for _ in shape))

    def mask(self, *shape: int) -> np.ndarray:
        return np.asarray(self.rng.random(shape) < 0.5)


def _cross_entropy(reduction: str) -> Callable[..., tuple]:
    def arguments(d: Draw, p: int, q: int, r: int) -> tuple:
        target = d.index(q + 1, p)  # one too many: that class is the one to ignore
        return d(p, q + 1), target, reduction, q

    return arguments


# name -> the arguments of a call, for sizes p, q, r. Statistics are given, not computed: any values will do.
CASES: dict[str, list[Callable[[Draw, int, int, int], tuple]]] = {
    **{
        name: [
            lambda d, p, q, r: (d(p, q), d.positive(p, q)),
            lambda d, p, q, r: (d(p, q), 2.5),
            lambda d, p, q, r: (3, d.positive(p, q)),
            lambda d, p, q, r: (d(), d.positive()),
            lambda d, p, q, r: (d(p), d.positive()),
            lambda d, p, q, r: (d(), d.positive(p, q)),
        ]
        for name in ARITHMETIC
    },
    "relu": [lambda d, p, q, r: (d(p, q),), lambda d, p, q, r: (d(),)],
    "relu_grad": [lambda d, p, q, r: (d(p, q), d(p, q))],
    "keep_mask": [lambda d, p, q, r: ((p, q), 0.25, d.rng.integers(2**63).item())],
    "masked_scale": [lambda d, p, q, r: (d(p, q), d.mask(p, q), 2.0)],
    "sum_to": [
        lambda d, p, q, r: (d(p, q), (q,)),
        lambda d, p, q, r: (d(p, q), (p, 1)),
        lambda d, p, q, r: (d(p, q), (1, q)),
        lambda d, p, q, r: (d(p, q), ()),
        lambda d, p, q, r: (d(p, q), (p, q)),
        lambda d, p, q, r: (d(2, p, q), (2, 1, q)),
        lambda d, p, q, r: (d(2, p, q), (1, q)),
    ],
    "matmul": [
        lambda d, p, q, r: (d(p, q), d(q, r)),
        lambda d, p, q, r: (d(2, p, q), d(2, q, r)),
        lambda d, p, q, r: (d(2, p, q), d(q, r)),
    ],
    "linear": [
        lambda d, p, q, r: (d(p, q), d(r, q), d(r)),
        lambda d, p, q, r: (d(q), d(r, q), d(r)),
        lambda d, p, q, r: (d(2, p, q), d(r, q), None),
    ],
    "linear_relu": [
        lambda d, p, q, r: (d(p, q), d(r, q), d(r)),
        lambda d, p, q, r: (d(2, p, q), d(r, q), None),
    ],
    "linear_relu_grad": [
        lambda d, p, q, r: (d(p, r), d(p, r), d(p, q), d(r, q), ALL),
        lambda d, p, q, r: (d(r), d(r), d(q), d(r, q), (True, True, False)),
    ],
    "linear_grad": [
        lambda d, p, q, r: (d(p, r), d(p, q), d(r, q), ALL),
        lambda d, p, q, r: (d(r), d(q), d(r, q), ALL),
        lambda d, p, q, r: (d(2, p, r), d(2, p, q), None, (False, True, False)),
        lambda d, p, q, r: (d(p, r), None, d(r, q), (True, False, True)),
    ],
    "softmax": [lambda d, p, q, r: (d(p, q), -1), lambda d, p, q, r: (d(2, p, q), 2)],
    "log_softmax": [lambda d, p, q, r: (d(p, q), 1)],
    "softmax_grad": [lambda d, p, q, r: (d(p, q), d(p, q), 1)],
    "log_softmax_grad": [lambda d, p, q, r: (d(p, q), d(p, q), -1)],
    "cross_entropy": [_cross_entropy(reduction) for reduction in ("mean", "sum", "none")],
    "cross_entropy_grad": [lambda d, p, q, r: (np.ones((), d.dtype), d(p, q))],
    "rms_norm": [
        lambda d, p, q, r: (d(p, q), d(q), 1, 0.1),
        lambda d, p, q, r: (d(2, p, q), d(p, q), 2, 0.1),
        lambda d, p, q, r: (d(p, q), None, 1, 0.1),
    ],
    "rms_norm_grad": [
        lambda d, p, q, r: (d(p, q), d(p, q), d(q), d.positive(p, 1), 1, (True, True)),
        lambda d, p, q, r: (d(p, q), d(p, q), d(p, q), d.positive(1, 1), 2, (True, False)),
        lambda d, p, q, r: (d(2, p, q), d(2, p, q), None, d.positive(2, p, 1), 1, (False, True)),
    ],
    "group_norm": [
        lambda d, p, q, r: (d(p, 2 * q, r), d(2 * q), d(2 * q), 2, 0.1),
        lambda d, p, q, r: (d(p, q), d(q), None, 1, 0.1),
        lambda d, p, q, r: (d(p, 2 * q, r, 2), None, d(2 * q), 2 * max(q, 1), 0.1),
    ],
    "group_norm_grad": [
        lambda d, p, q, r: (d(p, 2 * q, r), d(p, 2 * q, r), d(2 * q), d(p, 2), d.positive(p, 2), ALL),
        lambda d, p, q, r: (d(p, q), d(p, q), None, d(p, 1), d.positive(p, 1), (True, False, True)),
        lambda d, p, q, r: (d(p, q, r, 2), d(p, q, r, 2), d(q), d(p, 1), d.positive(p, 1), (False, True, False)),
    ],
    "layer_norm": [
        lambda d, p, q, r: (d(p, q), d(q), d(q), 1, 0.1),
        lambda d, p, q, r: (d(2, p, q), d(p, q), None, 2, 0.1),
        lambda d, p, q, r: (d(p, q), None, d(p, q), 2, 0.1),
        lambda d, p, q, r: (d(p, q), None, None, 1, 0.1),
    ],
    "layer_norm_grad": [
        lambda d, p, q, r: (d(p, q), d(p, q), d(q), d(p, 1), d.positive(p, 1), 1, ALL),
        lambda d, p, q, r: (
            d(2, p, q),
            d(2, p, q),
            None,
            d(2, 1, 1),
            d.positive(2, 1, 1),
            2,
            (True, False, True),
        ),
    ],
    "batch_norm": [
        lambda d, p, q, r: (d(p, q), d(q), d(q), 0.1),
        lambda d, p, q, r: (d(3, p, q), None, d(p), 0.1),
        lambda d, p, q, r: (d(3, p, q, 2), d(p), None, 0.1),
    ],
    "batch_norm_eval": [
        lambda d, p, q, r: (d(p, q), d(q), d.positive(q), d(q), d(q), 0.1),
        lambda d, p, q, r: (d(3, p, q), d(p), d.positive(p), None, d(p), 0.1),
        lambda d, p, q, r: (d(3, p, 9, 9), d(p), d.positive(p), d(p), None, 0.1),
    ],
    "batch_norm_grad": [
        lambda d, p, q, r: (d(p, q), d(p, q), d(q), d(q), d.positive(q), ALL),
        lambda d, p, q, r: (d(3, p, q), d(3, p, q), None, d(p), d.positive(p), (True, True, False)),
        lambda d, p, q, r: (d(p, q, 2), d(p, q, 2), d(q), d(q), d.positive(q), (False, False, True)),
    ],
    "scatter_add": [
        lambda d, p, q, r: (d(p, q), d.index(p, r), d(r if p else 0, q)),
        lambda d, p, q, r: (d(p), d.index(p, r), d(r if p else 0)),
    ],
    "scatter_rows": [
        lambda d, p, q, r: (d(*d.index(p, r).shape, q), d.index(p, r), p, None),
        lambda d, p, q, r: (d(*d.index(p, 2, r).shape), d.index(p, 2, r), p, p // 2 if p else None),
    ],
    "take": [
        lambda d, p, q, r: (d(p, q), d.index(p, r), 0),
        lambda d, p, q, r: (d(p, q), d.index(q, 2, r), -1),
        lambda d, p, q, r: (d.index(9, p, q), d.index(p, r), -2),
    ],
    "conv": [
        lambda d, p, q, r: (d(3, p, q), d(r, p, 2), d(r), (1,), ((1, 0),), (1,), 1),
        lambda d, p, q, r: (d(2, p, 4, q), d(3, p, 3, 2), None, (2, 1), ((1, 1), (1, 1)), (1, 2), 1),
        lambda d, p, q, r: (d(1, 2 * q, p, 5), d(2 * r, q, 1, 3), d(2 * r), (1, 3), ((0, 0), (2, 2)), (1, 1), 2),
    ],
    "conv_grad": [
        lambda d, p, q, r: (d(3, r, q), d(3, p, q), d(r, p, 2), (3, p, q), (1,), ((1, 0),), (1,), 1, ALL),
        lambda d, p, q, r: (
            d(2, q, 2, p),
            d(2, r, 4, p),
            d(q, r, 3, 3),
            (2, r, 4, p),
            (2, 1),
            ((1, 0), (1, 1)),
            (1, 1),
            1,
            (False, True, False),
        ),
        lambda d, p, q, r: (
            d(2, 4, p, 3),
            None,
            d(4, q, 1, 2),
            (2, 2 * q, p, 5),
            (1, 2),
            ((0, 0), (1, 0)),
            (1, 1),
            2,
            (True, False, True),
        ),
    ],
    "conv_relu": [
        lambda d, p, q, r: (d(3, p, q), d(r, p, 2), d(r), (1,), ((1, 0),), (1,), 1),
        lambda d, p, q, r: (d(2, p, 4, q), d(3, p, 3, 2), None, (2, 1), ((1, 1), (1, 1)), (1, 2), 1),
    ],
    "conv_relu_grad": [
        lambda d, p, q, r: (d(3, r, q), d(3, r, q), d(3, p, q), d(r, p, 2), (3, p, q), (1,), ((1, 0),), (1,), 1, ALL),
        lambda d, p, q, r: (
            d(2, 4, p, 3),
            d(2, 4, p, 3),
            None,
            d(4, q, 1, 2),
            (2, 2 * q, p, 5),
            (1, 2),
            ((0, 0), (1, 0)),
            (1, 1),
            2,
            (True, False, True),
        ),
    ],
    "max_pool": [
        lambda d, p, q, r: (d(2, 2, p, q), (2, 2), (2, 2), ((0, 1), (0, 1)), (1, 1)),
        lambda d, p, q, r: (d(1, p, q), (2,), (1,), ((1, 1),), (1,)),
        lambda d, p, q, r: (d(1, 2, p + 3, q + 2), (2, 3), (1, 2), ((1, 0), (1, 1)), (2, 1)),
    ],
    "max_pool_grad": [
        lambda d, p, q, r: (d(2, p, q), d.index(r, 2, p, q), (2, p, r)),
        lambda d, p, q, r: (d(1, 2, p, q), d.index(3 * r, 1, 2, p, q), (1, 2, 3, r)),
    ],
    "avg_pool": [
        lambda d, p, q, r: (d(1, p, q), (2,), (1,), ((1, 1),), ((1, 1),), None),
        lambda d, p, q, r: (d(2, 2, p + 1, q + 1), (2, 2), (2, 2), ((0, 1), (0, 1)), ((0, 0), (0, 0)), None),
        lambda d, p, q, r: (d(2, 1, p + 2, q + 2), (2, 3), (1, 2), ((0, 0), (1, 1)), ((0, 0), (1, 1)), 5),
    ],
    "avg_pool_grad": [
        lambda d, p, q, r: (d(1, p, q + 2), (1, p, q + 1), (2,), (1,), ((1, 1),), ((1, 1),), None),
        lambda d, p, q, r: (
            d(2, 2, p + 1, q + 1),
            (2, 2, 2 * p + 1, 2 * q + 1),
            (2, 2),
            (2, 2),
            ((0, 1), (0, 1)),
            ((0, 0), (0, 0)),
            None,
        ),
        lambda d, p, q, r: (d(1, 2, p, q), (1, 2, p + 1, 2 * q), (2, 3), (1, 2), ((0, 0), (1, 1)), ((0, 0), (1, 1)), 5),
    ],
    "check_indices": [lambda d, p, q, r: (d.index(p, q), p)],
}
ROWS = [pytest.param(name, case, id=f"{name}-{i}") for name, cases in CASES.items() for i, case in enumerate(cases)]

sizes = st.sampled_from([0, 1, 2, 3, 10, 31, 32, 33, 65])
dtypes = st.sampled_from([np.float32, np.float64])
seeds = st.integers(0, 2**32 - 1)


def call_reference(name: str, args: tuple, xp: Any = np, dtype: Any = None) -> Any:
    """The reference's results as NumPy arrays, optionally computed in another floating dtype."""

    def convert(value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return value
        return xp.asarray(value.astype(dtype) if dtype and value.dtype.kind == "f" else value)

    with np.errstate(all="ignore"):
        result = REFERENCE[name](xp, *map(convert, args))
    parts = result if isinstance(result, tuple) else (result,)
    return [part if part is None else np.asarray(part) for part in parts]


def assert_agrees(name: str, args: tuple, actual: Any, slack: float = 300.0) -> None:
    """Compiled results against the reference's in double precision; dtypes as the reference has them."""
    parts = actual if isinstance(actual, tuple) else (actual,)
    exact, same = call_reference(name, args, dtype=np.float64), call_reference(name, args)
    assert len(parts) == len(exact) == len(same)
    for part, expected, twin in zip(parts, exact, same, strict=True):
        if twin is None:
            assert part is None
            continue
        assert type(part) is np.ndarray
        assert (part.shape, part.dtype) == (twin.shape, twin.dtype)
        if part.dtype.kind != "f":
            np.testing.assert_array_equal(part, expected)
            continue
        eps = slack * np.finfo(part.dtype).eps
        np.testing.assert_allclose(part, expected, rtol=eps, atol=eps)


def is_declined(result: Any) -> bool:
    return result is NotImplemented


def test_every_compiled_kernel_is_tested() -> None:
    assert set(CASES) == set(COMPILED)
    assert gemm.available, "this compiler has no vector types; products fall back to numpy.matmul"


@pytest.mark.parametrize("name, case", ROWS)
@given(p=sizes, q=sizes, r=sizes, dtype=dtypes, seed=seeds)
def test_agrees_with_reference(name: str, case: Any, p: int, q: int, r: int, dtype: type, seed: int) -> None:
    args = case(Draw(np.random.default_rng(seed), dtype), p, q, r)
    before = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    actual = COMPILED[name](*args)
    if is_declined(actual):
        assert any(isinstance(a, np.ndarray) and (a.size == 0 or a.ndim == 0) for a in args), "declined what it handles"
        return
    assert_agrees(name, args, actual)
    for a, b in zip(args, before, strict=True):
        assert a is b or np.array_equal(a, b), "an input was changed"


@pytest.mark.parametrize("name, case", ROWS)
@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_reference_runs_on_the_strict_standard(name: str, case: Any, size: int, dtype: type) -> None:
    args = case(Draw(np.random.default_rng(size), dtype), size, size + 1, 3)
    strict = call_reference(name, args, array_api_strict)
    for a, b in zip(strict, call_reference(name, args), strict=True):
        if b is not None:
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


# What a kernel must hand to the reference, or (arithmetic) to NumPy.
def _strided(a: np.ndarray) -> np.ndarray:
    return np.repeat(a, 2, axis=-1)[..., ::2]


def _misaligned(a: np.ndarray) -> np.ndarray:
    raw = np.empty(a.nbytes + 1, dtype=np.uint8)
    out = raw[1:].view(a.dtype).reshape(a.shape)
    out[...] = a
    return out


class _Subclass(np.ndarray):
    pass


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "strided": _strided,
    "reversed": lambda a: np.ascontiguousarray(a[..., ::-1])[..., ::-1],
    "misaligned": _misaligned,
    "swapped": lambda a: a.astype(a.dtype.newbyteorder("S")),
    "subclass": lambda a: a.view(_Subclass),
    "half": lambda a: a.astype(np.float16),
    "complex": lambda a: a.astype(np.complex128),
    "objects": lambda a: a.astype(object),
    "shorter": lambda a: a[..., :-1].copy(),
    "one axis more": lambda a: a[None].copy(),
}


LINEAR = {"linear", "linear_grad", "linear_relu", "linear_relu_grad"}
TAKES_STRIDES = {"scatter_rows", "matmul", *LINEAR}


def _is_plain(a: Any) -> bool:
    return type(a) is np.ndarray and a.flags.c_contiguous and a.flags.aligned and a.dtype.isnative and a.dtype != object


@pytest.mark.parametrize("name, case", ROWS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_other_layouts_are_declined(name: str, case: Any, layout: str) -> None:
    args = case(Draw(np.random.default_rng(1), np.float32), 4, 6, 5)
    for i, a in enumerate(args):
        if not isinstance(a, np.ndarray) or a.ndim == 0:
            continue
        changed = (*args[:i], LAYOUTS[layout](a), *args[i + 1 :])
        if name not in ARITHMETIC:
            actual = COMPILED[name](*changed)
            if not _is_plain(changed[i]) and not (name in TAKES_STRIDES and not is_declined(actual)):
                assert is_declined(actual), f"argument {i} was not declined"
            elif not is_declined(actual):  # another shape or dtype that is fine in this place
                assert_agrees(name, changed, actual)
            continue
        try:
            expected = call_reference(name, changed)[0]
        except (TypeError, ValueError) as error:
            with pytest.raises(type(error)):
                COMPILED[name](*changed)
            continue
        actual = COMPILED[name](*changed)
        assert isinstance(actual, np.ndarray)
        assert actual.dtype == expected.dtype
        np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("name, case", ROWS)
def test_read_only_inputs(name: str, case: Any) -> None:
    args = case(Draw(np.random.default_rng(2), np.float64), 4, 6, 5)
    for a in args:
        if isinstance(a, np.ndarray):
            a.flags.writeable = False
    assert_agrees(name, args, COMPILED[name](*args))


# A product's zeros times infinity are its own affair; check_indices and keep_mask take no floats.
CONV = {"conv", "conv_grad", "conv_relu", "conv_relu_grad"}
SPECIAL = sorted(set(COMPILED) - LINEAR - CONV - {"matmul", "check_indices", "keep_mask"})


@pytest.mark.parametrize("name", SPECIAL)
@given(
    size=st.sampled_from([5, 40]),
    dtype=dtypes,
    seed=seeds,
    kinds=st.sets(st.sampled_from([0, 1, 2]), min_size=1),
)
def test_nan_and_infinity(name: str, size: int, dtype: type, seed: int, kinds: set[int]) -> None:
    rng = np.random.default_rng(seed)
    args = CASES[name][0](Draw(rng, dtype), 4, size, 5)
    values = np.array([np.nan, np.inf, -np.inf], dtype)[sorted(kinds)]
    floats = [a for a in args if isinstance(a, np.ndarray) and a.dtype.kind == "f"]
    floats = floats[:2] if name.endswith("norm_grad") else floats  # the statistics come from numbers
    target = floats[rng.integers(len(floats))].reshape(-1)
    target[rng.integers(0, target.size, 2)] = rng.choice(values, 2)
    assert_agrees(name, args, COMPILED[name](*args))


@pytest.mark.parametrize("rows", [1, 300, 3000])
def test_cross_entropy_of_many_rows(rows: int) -> None:
    """The logarithm is taken of products of the rows' totals, which must not overflow."""
    rng = np.random.default_rng(0)
    x, target = rng.standard_normal((rows, 1000)) * 0.1, rng.integers(0, 1000, rows)
    loss, _ = nn.cross_entropy(x, target, "sum", -100)
    each = np.log(np.exp(x).sum(1)) - x[np.arange(rows), target]
    np.testing.assert_allclose(loss, each.sum(), rtol=1e-13)
    np.testing.assert_allclose(nn.cross_entropy(x, target, "none", -100)[0], each, rtol=1e-13)
    target[0] = -100
    np.testing.assert_allclose(nn.cross_entropy(x, target, "sum", -100)[0], each[1:].sum(), rtol=1e-13)
