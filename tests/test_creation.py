"""New tensors: of one value, of a range, from Python and NumPy, at random."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensors import host

import tiny_pytorch as tp
from tiny_pytorch.testing import assert_close


def check(x: tp.Tensor, expected: Any, dtype: str) -> None:
    expected = np.asarray(expected)
    assert (x.shape, str(x.dtype)) == (expected.shape, dtype)
    np.testing.assert_array_equal(host(x), expected)


# --- of one value --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name, value", [("zeros", 0.0), ("ones", 1.0)])
def test_zeros_and_ones(name: str, value: float) -> None:
    make = getattr(tp, name)
    for shape in ((), (0,), (3,), (2, 0, 3), (2, 3)):
        check(make(shape), np.full(shape, value), "float32")
        check(make(size=shape), np.full(shape, value), "float32")
        check(make(list(shape), dtype=tp.int64), np.full(shape, value), "int64")
    check(make(2, 3, dtype="float64"), np.full((2, 3), value), "float64")
    check(make(2, dtype=bool), np.full(2, bool(value)), "bool")
    check(getattr(tp, f"{name}_like")(tp.arange(3)), np.full(3, value), "int64")
    check(getattr(tp, f"{name}_like")(tp.arange(3), dtype=tp.float64), np.full(3, value), "float64")


def test_empty() -> None:
    assert (tp.empty(2, 3).shape, tp.empty(2, 3).dtype) == ((2, 3), tp.float32)
    assert (tp.empty_like(tp.arange(3)).shape, tp.empty_like(tp.arange(3)).dtype) == ((3,), tp.int64)


def test_full() -> None:
    check(tp.full((2,), 7), [7, 7], "int64")
    check(tp.full((2,), True), [True, True], "bool")
    check(tp.full((2,), 0.5), [0.5, 0.5], "float32")
    check(tp.full((), tp.tensor([3])), 3, "int64")
    check(tp.full([1, 2], 1, dtype=tp.float64), [[1.0, 1.0]], "float64")
    check(tp.full_like(tp.ones(2), 3), [3.0, 3.0], "float32")
    check(tp.full_like(tp.ones(2), 3.7, dtype=tp.int64), [3, 3], "int64")
    assert host(tp.full((1,), math.nan)).tolist() != [0.0]


def test_eye() -> None:
    check(tp.eye(3), np.eye(3), "float32")
    check(tp.eye(2, 4, dtype=tp.int64), np.eye(2, 4), "int64")
    check(tp.eye(0), np.eye(0), "float32")


MAKERS: dict[str, Callable[..., tp.Tensor]] = {
    "zeros": lambda **k: tp.zeros(2, **k),
    "ones": lambda **k: tp.ones(2, **k),
    "empty": lambda **k: tp.empty(2, **k),
    "full": lambda **k: tp.full((2,), 1.0, **k),
    "eye": lambda **k: tp.eye(2, **k),
    "arange": lambda **k: tp.arange(0.0, 2.0, **k),
    "linspace": lambda **k: tp.linspace(0, 1, 2, **k),
    "logspace": lambda **k: tp.logspace(0, 1, 2, **k),
    "zeros_like": lambda **k: tp.zeros_like(tp.zeros(2), **k),
    "ones_like": lambda **k: tp.ones_like(tp.zeros(2), **k),
    "empty_like": lambda **k: tp.empty_like(tp.zeros(2), **k),
    "full_like": lambda **k: tp.full_like(tp.zeros(2), 1.0, **k),
    "tensor": lambda **k: tp.tensor([1.0, 2.0], **k),
    "asarray": lambda **k: tp.asarray([1.0, 2.0], **k),
    "rand": lambda **k: tp.rand(2, **k),
    "randn": lambda **k: tp.randn(2, **k),
    "rand_like": lambda **k: tp.rand_like(tp.zeros(2), **k),
    "randn_like": lambda **k: tp.randn_like(tp.zeros(2), **k),
    "normal": lambda **k: tp.normal(0.0, 1.0, (2,), **k),
    "randint": lambda **k: tp.randint(0, 9, (2,), **({"dtype": tp.float32} | k)),
    "randint_like": lambda **k: tp.randint_like(tp.zeros(2), 0, 9, **k),
    "randperm": lambda **k: tp.randperm(2, **({"dtype": tp.float32} | k)),
}
CONTINUOUS = [MAKERS[name] for name in ("rand", "randn", "rand_like", "randn_like", "normal")]
OTHERS = {"as_tensor", "from_numpy", "tril", "triu", "meshgrid", "bernoulli", "multinomial"}


@pytest.mark.parametrize("make", MAKERS.values(), ids=list(MAKERS))
def test_what_all_have_in_common(make: Callable[..., tp.Tensor]) -> None:
    here = tp.get_default_device()
    x = make()
    assert (x.dtype, x.requires_grad, x.is_leaf, x.device) == (tp.float32, False, True, here)
    x = make(requires_grad=True, dtype=tp.float64, device=here)
    assert (x.dtype, x.requires_grad, x.is_leaf) == (tp.float64, True, True)
    (x * 2).sum().backward()
    assert host(x.grad).tolist() == np.full(x.shape, 2.0).tolist()
    with pytest.raises(RuntimeError, match=f"no device 'cuda:9', only '{tp.backend.current().devices[0]}'"):
        make(device="cuda:9")
    with pytest.raises(TypeError if make in CONTINUOUS else RuntimeError, match="floating"):
        make(dtype=tp.int64, requires_grad=True)
    with pytest.raises(TypeError, match="dtype"):
        make(dtype="float3")


@pytest.mark.numpy_only
def test_every_function_that_makes_tensors_is_here() -> None:
    found = set()
    for module in ("creation", "conversion", "sampling"):
        found |= set(sys.modules[f"tiny_pytorch.ops.{module}"].__all__)
    assert found == set(MAKERS) | OTHERS
    for name in found:
        assert callable(getattr(tp, name))
        assert inspect.getdoc(getattr(tp, name))


def test_the_default_dtype() -> None:
    tp.set_default_dtype(tp.float64)
    try:
        for x in (tp.zeros(2), tp.tensor(1.0), tp.arange(0.5), tp.rand(1), tp.linspace(0, 1, 2), tp.tensor([1]) / 2):
            assert x.dtype == tp.float64
        assert tp.tensor(1).dtype == tp.int64
        assert tp.as_tensor(np.float32(1)).dtype == tp.float32
    finally:
        tp.set_default_dtype(tp.float32)
    with pytest.raises(TypeError, match=r"floating dtype.*int64"):
        tp.set_default_dtype(tp.int64)


@pytest.mark.parametrize("make", [tp.zeros, tp.ones, tp.empty, tp.rand, tp.randn])
def test_sizes_that_are_none(make: Callable[..., tp.Tensor]) -> None:
    with pytest.raises((RuntimeError, ValueError), match="negative"):
        make(2, -1)
    for wrong in ((2.0,), ("2",), ([2], 3)):
        with pytest.raises(TypeError, match="expected integers"):
            make(*wrong)
    with pytest.raises(TypeError, match="expected sizes"):
        make()
    with pytest.raises(TypeError, match="one of them"):
        make(2, size=(2,))


# --- of a range ----------------------------------------------------------------------------------------


@given(start=st.integers(-20, 20), count=st.integers(0, 20), step=st.integers(-3, 3).filter(bool))
def test_arange_of_integers(start: int, count: int, step: int) -> None:
    end = start + count * step
    check(tp.arange(start, end, step), np.arange(start, end, step), "int64")


def test_arange() -> None:
    check(tp.arange(3), [0, 1, 2], "int64")
    check(tp.arange(3.0), [0.0, 1.0, 2.0], "float32")
    check(tp.arange(1, 2, 0.25), [1.0, 1.25, 1.5, 1.75], "float32")
    check(tp.arange(1, -1, -0.5), [1.0, 0.5, 0.0, -0.5], "float32")
    check(tp.arange(2, dtype=tp.float64), [0.0, 1.0], "float64")
    check(tp.arange(tp.tensor(2)), [0, 1], "int64")
    check(tp.arange(0), [], "int64")
    assert_close(tp.arange(0, 1, 0.1), np.arange(0, 1, 0.1).astype("float32"))


@pytest.mark.parametrize("wrong", [(0, 3, 0), (3, 0), (0, 3, -1), (0, math.inf), (0, math.nan), (0.0, 1.0, math.nan)])
def test_arange_that_leads_nowhere(wrong: tuple) -> None:
    with pytest.raises(ValueError, match="arange"):
        tp.arange(*wrong)


def test_linspace_and_logspace() -> None:
    check(tp.linspace(0, 1, 5), [0.0, 0.25, 0.5, 0.75, 1.0], "float32")
    check(tp.linspace(2, 2, 1), [2.0], "float32")
    check(tp.linspace(0, 1, 0), [], "float32")
    check(tp.linspace(0, 10, 3, dtype=tp.int64), [0, 5, 10], "int64")
    assert_close(tp.logspace(-1, 1, 3), np.array([0.1, 1.0, 10.0], "float32"))
    check(tp.logspace(0, 3, 4, base=2.0, dtype=tp.float64), [1.0, 2.0, 4.0, 8.0], "float64")
    with pytest.raises((RuntimeError, ValueError), match="negative"):
        tp.linspace(0, 1, -1)


def test_grids_and_triangles() -> None:
    a, b = tp.tensor([1.0, 2.0], requires_grad=True), tp.tensor([3.0, 4.0, 5.0])
    for indexing in ("ij", "xy"):
        for got, wanted in zip(
            tp.meshgrid(a, b, indexing=indexing), np.meshgrid(host(a), host(b), indexing=indexing), strict=True
        ):
            check(got, wanted, "float32")
    tp.meshgrid([a, b])[0].sum().backward()
    assert a.grad.tolist() == [3.0, 3.0]
    with pytest.raises(ValueError, match="indexing"):
        tp.meshgrid(a, b, indexing="yx")
    m = tp.arange(12).reshape(3, 4)
    for k in range(-4, 5):
        check(tp.tril(m, k), np.tril(host(m), k), "int64")
        check(m.triu(k), np.triu(host(m), k), "int64")
    with pytest.raises(RuntimeError, match="at least 2 dimensions"):
        tp.tril(tp.ones(3))


# --- from Python and NumPy -----------------------------------------------------------------------------


def test_dtypes_of_python_data() -> None:
    for data, dtype in (
        (1, "int64"),
        (1.0, "float32"),
        (True, "bool"),
        ([1, 2.5], "float32"),
        ([True, 2], "int64"),
        ([[1, 2], [3, 4]], "int64"),
        ([], "float32"),
        ([[], []], "float32"),
        (range(3), "int64"),
        ((1, (2,))[:1], "int64"),
        (np.float64(1.5), "float64"),
        (np.arange(3, dtype="int8"), "int8"),
        ([np.float64(1.0), 2], "float64"),
    ):
        check(tp.tensor(data), np.asarray(data), dtype)
    check(tp.tensor([1.7, -1.7], dtype=tp.int64), [1, -1], "int64")
    check(tp.tensor([tp.tensor([1.0, 2.0]), tp.tensor([3.0, 4.0])]), [[1.0, 2.0], [3.0, 4.0]], "float32")


def test_data_that_is_none() -> None:
    for wrong, error, match in (
        ([[1, 2], [3]], ValueError, "unequal lengths"),
        ([1, [2]], ValueError, "unequal lengths"),
        ("text", TypeError, "str"),
        ([None], TypeError, "NoneType"),
        ({1: 2}, TypeError, "dict"),
        (np.array(["a"]), TypeError, "dtype"),
        (np.array([object()]), TypeError, "dtype"),
        (np.zeros(2, ">f4"), TypeError, "byte-swapped"),
    ):
        with pytest.raises(error, match=match):
            tp.tensor(wrong)
    with pytest.raises((ValueError, OverflowError), match="fit"):
        tp.tensor([2**70])
    with pytest.raises((ValueError, OverflowError)):
        tp.tensor([300], dtype=tp.uint8)


def test_what_is_copied() -> None:
    source = tp.tensor([1.0, 2.0], requires_grad=True)
    copied, same = tp.tensor(source), tp.as_tensor(source)
    assert same is source
    assert (copied.is_leaf, copied.requires_grad) == (True, False)
    with tp.no_grad():
        source[0] = 9.0
    assert copied.tolist() == [1.0, 2.0]
    wide = tp.as_tensor(source, dtype=tp.float64)
    assert (wide.dtype, wide.requires_grad) == (tp.float64, True)
    assert tp.asarray(source, copy=True).tolist() == [9.0, 2.0]
    assert tp.asarray(source, copy=False) is source
    for wrong in ([1.0], 1.0):
        with pytest.raises(ValueError, match="without a copy"):
            tp.asarray(wrong, copy=False)
    with pytest.raises(ValueError, match="without a copy"):
        tp.asarray(source, dtype=tp.float64, copy=False)
    array = np.array([1.0, 2.0])
    fresh = tp.tensor(array)
    array[0] = 5.0
    assert fresh.tolist() == [1.0, 2.0]


@pytest.mark.numpy_only
def test_numpy_arrays_share_memory() -> None:
    array = np.zeros(3)
    for x in (tp.from_numpy(array), tp.as_tensor(array), tp.asarray(array), tp.Tensor(array)):
        x += 1
    assert array.tolist() == [4.0] * 3
    assert tp.from_numpy(array).numpy() is array
    with pytest.raises(TypeError, match=r"expected a numpy.ndarray.*tp\.tensor"):
        tp.from_numpy([1.0])
    with pytest.raises(TypeError, match="byte-swapped"):
        tp.from_numpy(np.zeros(2, ">f8"))


def test_from_numpy_gives_the_values() -> None:
    for dtype in ("float32", "float64", "int64", "int32", "uint8", "bool"):
        check(tp.from_numpy(np.array([[1, 0], [1, 1]], dtype)), [[1, 0], [1, 1]], dtype)


@pytest.mark.numpy_only
def test_from_dlpack_shares_the_memory() -> None:
    array = np.zeros(3)
    x = tp.from_dlpack(array)
    array[1] = 5.0
    check(x, [0.0, 5.0, 0.0], "float64")
