"""The standard's face: every name, every signature, the results of NumPy, and gradients through all of it."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
from tensors import host, tensor

import tiny_pytorch as tp
from tiny_pytorch import array_api, testing
from tiny_pytorch.array_api.table import tensor_kernels
from tiny_pytorch.backend.table import reference_kernels

NAMES = [
    "__array_api_version__", "__array_namespace_info__", "e", "inf", "nan", "newaxis", "pi", "bool", "int8",
    "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64", "complex64",
    "complex128", "astype", "can_cast", "finfo", "iinfo", "isdtype", "result_type", "arange", "asarray",
    "empty", "empty_like", "eye", "from_dlpack", "full", "full_like", "linspace", "meshgrid", "ones",
    "ones_like", "tril", "triu", "zeros", "zeros_like", "abs", "acos", "acosh", "add", "asin", "asinh",
    "atan", "atan2", "atanh", "bitwise_and", "bitwise_invert", "bitwise_left_shift", "bitwise_or",
    "bitwise_right_shift", "bitwise_xor", "ceil", "clip", "conj", "copysign", "cos", "cosh", "divide",
    "equal", "exp", "expm1", "floor", "floor_divide", "greater", "greater_equal", "hypot", "imag",
    "isfinite", "isinf", "isnan", "less", "less_equal", "log", "log10", "log1p", "log2", "logaddexp",
    "logical_and", "logical_not", "logical_or", "logical_xor", "maximum", "minimum", "multiply", "negative",
    "nextafter", "not_equal", "positive", "pow", "real", "reciprocal", "remainder", "round", "sign",
    "signbit", "sin", "sinh", "sqrt", "square", "subtract", "tan", "tanh", "trunc", "take",
    "take_along_axis", "matmul", "matrix_transpose", "tensordot", "vecdot", "broadcast_arrays",
    "broadcast_to", "concat", "expand_dims", "flip", "moveaxis", "permute_dims", "repeat", "reshape",
    "roll", "squeeze", "stack", "tile", "unstack", "argmax", "argmin", "count_nonzero", "nonzero",
    "searchsorted", "where", "unique_all", "unique_counts", "unique_inverse", "unique_values", "argsort",
    "sort", "cumulative_prod", "cumulative_sum", "max", "mean", "min", "prod", "std", "sum", "var", "all",
    "any", "diff",
]  # fmt: skip
ELEMENTWISE = NAMES[NAMES.index("abs") : NAMES.index("take")]


def values(*shape: int, dtype: str = "float64", low: float = 0.2, high: float = 0.9) -> np.ndarray:
    rng = np.random.default_rng(sum(shape))
    if dtype == "bool":
        return rng.random(shape) < 0.5
    return (
        rng.integers(1, 6, shape).astype(dtype)
        if dtype.startswith("int")
        else rng.uniform(low, high, shape).astype(dtype)
    )


# --- names and signatures -----------------------------------------------------------------------------------


def test_every_name_of_the_standard_is_there() -> None:
    missing = [name for name in NAMES if not hasattr(array_api, name)]
    assert not missing
    assert set(NAMES) == set(array_api.__all__)


@pytest.mark.numpy_only
@pytest.mark.parametrize("name", [n for n in NAMES if inspect.isfunction(getattr(array_api, n))])
def test_signatures_are_the_standards(name: str) -> None:
    strict = pytest.importorskip("array_api_strict")
    ours = inspect.signature(getattr(array_api, name)).parameters.values()
    theirs = inspect.signature(getattr(strict, name)).parameters.values()
    assert [(p.name, p.kind) for p in ours] == [(p.name, p.kind) for p in theirs]
    for own, other in zip(ours, theirs, strict=True):
        if own.name not in (
            "device",
            "copy",
            "axis",
        ):  # where we say None or a default, they have a mark or none
            assert own.default == other.default, f"{name}: the default of {own.name}"


def test_tensors_hand_it_out() -> None:
    x = tensor([1.0, 2.0])
    assert x.__array_namespace__() is array_api
    assert x.__array_namespace__(api_version="2024.12") is array_api
    with pytest.raises(ValueError, match="1999"):
        x.__array_namespace__(api_version="1999.01")


def test_other_libraries_find_it() -> None:
    compat = pytest.importorskip("array_api_compat")
    assert compat.array_namespace(tensor([1.0]), tensor([2.0])) is array_api


# --- results ------------------------------------------------------------------------------------------------


def same(got: Any, expected: Any, **tolerances: Any) -> None:
    """Tensors against arrays: values, shapes, dtypes; tuples of them, one by one."""
    if isinstance(expected, (tuple, list)):
        assert len(got) == len(expected)
        for g, e in zip(got, expected, strict=True):
            same(g, e)
    else:
        testing.assert_close(host(got), np.asarray(expected), equal_nan=True)


FLOATING = {
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "copysign", "cos", "cosh", "divide",
    "exp", "expm1", "hypot", "log", "log10", "log1p", "log2", "logaddexp", "nextafter", "reciprocal",
    "signbit", "sin", "sinh", "sqrt", "tan", "tanh",
}  # fmt: skip


def defined_for(name: str) -> list[str]:
    """The dtypes for which the standard defines an elementwise function."""
    if name.startswith("logical"):
        return ["bool"]
    if name.startswith("bitwise"):
        return ["int64"] if "shift" in name else ["int64", "bool"]
    if name in FLOATING:
        return ["float32", "float64"]
    return ["float32", "float64", "int64", *(["bool"] if name in ("equal", "not_equal") else [])]


@pytest.mark.parametrize(
    "name, dtype",
    [(n, dtype) for n in ELEMENTWISE if n not in ("clip", "conj", "imag", "real") for dtype in defined_for(n)],
)
def test_elementwise(name: str, dtype: str) -> None:
    function = getattr(array_api, name)
    above = 1.0 if name == "acosh" else 0.0
    arrays = [values(2, 3, dtype=dtype), values(3, dtype=dtype)][: len(inspect.signature(function).parameters)]
    if dtype.startswith("float"):
        arrays = [a + np.asarray(above, dtype) for a in arrays]
    same(function(*map(tensor, arrays)), getattr(np, name)(*arrays))


x23, x34, v3 = values(2, 3), values(3, 4), values(3)
i23, b23 = values(2, 3, dtype="int64"), values(2, 3, dtype="bool")
index = np.array([2, 0])
many = np.array([3, 1, 3, 2, 1, 3])

# One call for the namespace and for NumPy, and the arrays that both are called with.
CALLS: dict[str, tuple[Any, ...]] = {
    "arange": (lambda xp: xp.arange(2, 9, 3),),
    "arange float": (lambda xp: xp.arange(0, 1, 0.25, dtype=xp.float64),),
    "asarray": (lambda xp, x: xp.asarray(x), x23),
    "asarray copy": (lambda xp, x: xp.asarray(x, dtype=xp.float32, copy=True), x23),
    "astype": (lambda xp, x: xp.astype(x, xp.int32), x23),
    "astype same": (lambda xp, x: xp.astype(x, xp.float64, copy=False), x23),
    "broadcast_arrays": (lambda xp, x, y: tuple(xp.broadcast_arrays(x, y)), x23, v3),
    "broadcast_to": (lambda xp, x: xp.broadcast_to(x, (2, 2, 3)), x23),
    "clip": (lambda xp, x: xp.clip(x, 0.3, 0.6), x23),
    "clip below": (lambda xp, x: xp.clip(x, 0.5, None), x23),
    "clip arrays": (lambda xp, x, v: xp.clip(x, v, v + 0.1), x23, v3),
    "concat": (lambda xp, x, y: xp.concat([x, y], axis=-1), x23, i23.astype("float64")),
    "concat flat": (lambda xp, x, y: xp.concat([x, y], axis=None), x23, v3),
    "expand_dims": (lambda xp, x: xp.expand_dims(x, axis=-1), x23),
    "eye": (lambda xp: xp.eye(2, 3, k=1, dtype=xp.float64),),
    "flip": (lambda xp, x: xp.flip(x), x23),
    "flip axis": (lambda xp, x: xp.flip(x, axis=1), x23),
    "full": (lambda xp: xp.full((2, 1), 7),),
    "full float": (lambda xp: xp.full((2,), 0.5, dtype=xp.float32),),
    "full_like": (lambda xp, x: xp.full_like(x, 3), x23),
    "linspace": (lambda xp: xp.linspace(0, 1, 5, dtype=xp.float64),),
    "meshgrid": (lambda xp, x, y: tuple(xp.meshgrid(x, y)), v3, values(2)),
    "meshgrid ij": (lambda xp, x, y: tuple(xp.meshgrid(x, y, indexing="ij")), v3, values(2)),
    "moveaxis": (lambda xp, x: xp.moveaxis(x, 0, -1), values(2, 3, 4)),
    "ones": (lambda xp: xp.ones((2, 3), dtype=xp.int64),),
    "ones_like": (lambda xp, x: xp.ones_like(x, dtype=xp.float32), x23),
    "permute_dims": (lambda xp, x: xp.permute_dims(x, (2, 0, 1)), values(2, 3, 4)),
    "repeat": (lambda xp, x: xp.repeat(x, 2, axis=0), x23),
    "repeat flat": (lambda xp, x: xp.repeat(x, 2), x23),
    "repeat each": (lambda xp, x, n: xp.repeat(x, n, axis=1), x23, np.array([2, 0, 1])),
    "reshape": (lambda xp, x: xp.reshape(x, (3, -1)), x23),
    "roll": (lambda xp, x: xp.roll(x, 1), x23),
    "roll axes": (lambda xp, x: xp.roll(x, 1, axis=(0, 1)), x23),
    "squeeze": (lambda xp, x: xp.squeeze(x, axis=1), values(2, 1)),
    "stack": (lambda xp, x, y: xp.stack([x, y], axis=1), x23, x23 * 2),
    "tile": (lambda xp, x: xp.tile(x, (2, 1, 2)), x23),
    "tril": (lambda xp, x: xp.tril(x, k=-1), x34),
    "triu": (lambda xp, x: xp.triu(x, k=1), x34),
    "zeros": (lambda xp: xp.zeros(3, dtype=xp.bool),),
    "zeros_like": (lambda xp, x: xp.zeros_like(x), x23),
    "matmul": (lambda xp, x, y: xp.matmul(x, y), x23, x34),
    "matmul vector": (lambda xp, x, y: xp.matmul(x, y), x23, v3),
    "matrix_transpose": (lambda xp, x: xp.matrix_transpose(x), values(2, 3, 4)),
    "tensordot": (lambda xp, x, y: xp.tensordot(x, y, axes=1), x23, x34),
    "tensordot axes": (lambda xp, x, y: xp.tensordot(x, y, axes=((0, 1), (0, 1))), x23, x23),
    "argmax": (lambda xp, x: xp.argmax(x, axis=1), x23),
    "argmin": (lambda xp, x: xp.argmin(x, axis=0, keepdims=True), x23),
    "argsort": (lambda xp, x: xp.argsort(x, stable=True), many),
    "count_nonzero": (lambda xp, x: xp.count_nonzero(x, axis=1), b23),
    "nonzero": (lambda xp, x: xp.nonzero(x), b23),
    "searchsorted": (lambda xp, x, y: xp.searchsorted(x, y, side="right"), np.sort(v3), x23),
    "searchsorted sorter": (lambda xp, x, y, s: xp.searchsorted(x, y, sorter=s), v3, x23, np.argsort(v3)),
    "sort": (lambda xp, x: xp.sort(x, axis=0), x23),
    "take": (lambda xp, x, i: xp.take(x, i, axis=1), x23, index),
    "take_along_axis": (lambda xp, x, i: xp.take_along_axis(x, i, axis=1), x23, np.array([[0, 2], [1, 1]])),
    "where": (lambda xp, c, x: xp.where(c, x, 0.5), b23, x23),
    "unique_all": (lambda xp, x: tuple(xp.unique_all(x)), many),
    "unique_counts": (lambda xp, x: tuple(xp.unique_counts(x)), many),
    "unique_inverse": (lambda xp, x: tuple(xp.unique_inverse(x)), many),
    "unique_values": (lambda xp, x: xp.unique_all(x).values if xp is np else xp.unique_values(x), many),
    "max": (lambda xp, x: xp.max(x, axis=1), x23),
    "max all": (lambda xp, x: xp.max(x, keepdims=True), x23),
    "mean": (lambda xp, x: xp.mean(x, axis=(0, 1)), x23),
    "min": (lambda xp, x: xp.min(x, axis=(0, -1)), x23),
    "prod": (lambda xp, x: xp.prod(x, axis=1), x23),
    "prod narrow": (lambda xp, x: xp.prod(x), i23.astype("int8")),
    "std": (lambda xp, x: xp.std(x, axis=1, correction=1), x23),
    "std default": (lambda xp, x: xp.std(x), x23),
    "sum": (lambda xp, x: xp.sum(x, axis=0, keepdims=True), x23),
    "sum nothing": (lambda xp, x: xp.sum(x, axis=()), x23),
    "sum narrow": (lambda xp, x: xp.sum(x), i23.astype("int16")),
    "sum unsigned": (lambda xp, x: xp.sum(x), i23.astype("uint8")),
    "sum dtype": (lambda xp, x: xp.sum(x, dtype=xp.float64), i23),
    "var": (lambda xp, x: xp.var(x, axis=0), x23),
    "all": (lambda xp, x: xp.all(x, axis=0), b23),
    "any": (lambda xp, x: xp.any(x), b23),
    "diff": (lambda xp, x: xp.diff(x, n=2), x23),
    "diff ends": (lambda xp, x, y: xp.diff(x, axis=0, prepend=y, append=y), x23, x23[:1] * 2),
    "getitem": (lambda xp, x, m: x[m], x23, b23),
}


@pytest.mark.parametrize("call, arrays", [(c, a) for c, *a in CALLS.values()], ids=list(CALLS))
def test_results_are_numpys(call: Any, arrays: list[np.ndarray]) -> None:
    same(call(array_api, *map(tensor, arrays)), call(np, *arrays))


DIFFERENTIABLE = {
    "asarray", "broadcast_arrays", "broadcast_to", "clip", "concat", "diff", "expand_dims", "flip",
    "getitem", "matmul", "matrix_transpose", "max", "mean", "meshgrid", "min", "moveaxis",
    "permute_dims", "prod", "repeat", "reshape", "roll", "sort", "squeeze", "stack", "std", "sum",
    "take", "take_along_axis", "tensordot", "tile", "tril", "triu", "var", "where",
}  # fmt: skip
WITHOUT = {"narrow", "unsigned", "copy", "dtype"}  # calls on integers, or to float32


@pytest.mark.parametrize("name", [n for n in CALLS if n.split()[0] in DIFFERENTIABLE and not WITHOUT & set(n.split())])
def test_gradients_flow_through_it(name: str) -> None:
    call, *arrays = CALLS[name]
    xs = [tensor(a) for a in arrays]
    for x, a in zip(xs, arrays, strict=True):
        x.requires_grad = a.dtype.kind == "f"
    testing.gradcheck(lambda *args: call(array_api, *args), xs)
    testing.gradgradcheck(lambda *args: call(array_api, *args), xs)


def test_running_sums() -> None:
    same(array_api.cumulative_sum(tensor(v3)), np.cumsum(v3))
    same(
        array_api.cumulative_sum(tensor(x23), axis=1, include_initial=True),
        np.cumsum(np.pad(x23, ((0, 0), (1, 0))), 1),
    )
    same(array_api.cumulative_prod(tensor(x23), axis=0), np.cumprod(x23, 0))
    with pytest.raises(ValueError, match="axis"):
        array_api.cumulative_sum(tensor(x23))


def test_unstack_and_vecdot() -> None:
    same(array_api.unstack(tensor(x23), axis=1), tuple(x23[:, i] for i in range(3)))
    same(array_api.vecdot(tensor(x23), tensor(v3)), x23 @ v3)


def test_sorting_downwards_is_stable() -> None:
    order = host(array_api.argsort(tensor(many), descending=True))
    assert order.tolist() == [0, 2, 5, 3, 1, 4]
    assert host(array_api.sort(tensor(many), descending=True)).tolist() == [3, 3, 3, 2, 1, 1]


# --- dtypes -------------------------------------------------------------------------------------------------


def test_zero_dimensional_arrays_count_for_the_dtype() -> None:
    wide, narrow = tensor(np.float64(1)), tensor(np.ones(2, dtype="float32"))
    assert array_api.add(narrow, wide).dtype == array_api.float64
    assert array_api.where(tensor(np.array([True, False])), narrow, wide).dtype == array_api.float64
    assert array_api.result_type(narrow, wide) == array_api.float64
    assert array_api.add(narrow, 1.5).dtype == array_api.float32


def test_defaults_are_the_packages() -> None:
    assert array_api.zeros(2).dtype == array_api.linspace(0, 1, 3).dtype == array_api.asarray(0.5).dtype == tp.float32
    assert array_api.arange(3).dtype == array_api.asarray([1]).dtype == array_api.full(2, 1).dtype == tp.int64
    assert array_api.full(2, True).dtype == array_api.asarray(True).dtype == array_api.bool
    info = array_api.__array_namespace_info__()
    assert info.default_dtypes()["real floating"] == tp.float32
    assert set(info.dtypes(kind="real floating")) == {"float32", "float64"}
    assert len(info.dtypes()) == 13
    assert info.default_device() in info.devices()


def test_questions_about_dtypes() -> None:
    xp = array_api
    assert xp.isdtype(xp.float32, "real floating")
    assert xp.isdtype(xp.uint8, ("bool", "integral"))
    assert not xp.isdtype(xp.bool, "numeric")
    assert xp.can_cast(xp.int8, xp.int16)
    assert not xp.can_cast(tensor(x23), xp.float32)
    assert xp.finfo(xp.float32).eps == np.finfo("float32").eps
    assert xp.finfo(tensor(x23)).bits == 64
    assert tp.finfo is xp.finfo
    assert tp.finfo(tp.float32).tiny == np.finfo("float32").tiny
    assert tp.iinfo(tp.int16).max == 32767
    assert xp.iinfo(xp.int8).max == 127
    assert xp.result_type(xp.int8, xp.uint8) == xp.int16
    with pytest.raises(ValueError, match="floatish"):
        xp.isdtype(xp.float32, "floatish")
    with pytest.raises(TypeError, match="iinfo"):
        xp.finfo(xp.int8)


# --- what rules hand in -------------------------------------------------------------------------------------


def test_raw_arrays_are_accepted_beside_tensors() -> None:
    here = tp.backend.current()
    x, mask, rows = tensor(x23), here.from_numpy(b23), here.from_numpy(np.array([1, 0]))
    same(array_api.where(mask, x, 0.0), np.where(b23, x23, 0.0))
    same(array_api.take(x, rows, axis=0), x23[[1, 0]])
    same(array_api.multiply(x, here.from_numpy(v3)), x23 * v3)
    assert array_api.astype(x, here.xp.float32).dtype == tp.float32
    assert array_api.zeros((2,), dtype=x.array.dtype).dtype == tp.float64


def test_copies() -> None:
    x = tensor(x23)
    assert array_api.asarray(x) is x
    assert array_api.asarray(x, copy=True) is not x
    with pytest.raises(ValueError, match="copy"):
        array_api.asarray(x, dtype=array_api.float32, copy=False)
    with pytest.raises(ValueError, match="copy"):
        array_api.asarray([1, 2], copy=False)
    with pytest.raises(ValueError, match="device"):
        array_api.zeros(2, device="nowhere")


def test_complex_parts() -> None:
    z = tensor(np.array([1 + 2j, 3 - 1j]))
    assert host(array_api.imag(z)).tolist() == [2, -1]
    assert host(array_api.conj(z)).tolist() == [1 - 2j, 3 + 1j]
    x = tensor(v3)
    assert array_api.conj(x) is x
    with pytest.raises(TypeError, match="complex"):
        array_api.real(x)


# --- the kernels of the second world ------------------------------------------------------------------------


def test_kernel_ops_take_the_references_arguments() -> None:
    table = tensor_kernels()
    for name, twin in reference_kernels().items():
        expected = list(inspect.signature(twin).parameters)[1:]
        assert list(inspect.signature(getattr(table, name)).parameters) == expected
    x, positions = tensor(v3), tensor(np.array([1]))
    expected = np.array([v3[0], 0, v3[2]])
    same(table.zero_at(x, positions), expected)
    same(table.zero_at(x, positions=positions.array), expected)
    with pytest.raises(TypeError):
        table.zero_at(x)


KERNELS: dict[str, tuple[Any, ...]] = {
    "sigmoid": (lambda k, x: k.sigmoid(x), x23),
    "erf": (lambda k, x: k.erf(x), x23),
    "gelu": (lambda k, x: k.gelu(x, "none"), x23),
    "gelu_grad": (lambda k, g, x: k.gelu_grad(g, x, "tanh"), x23, x23),
    "silu_grad": (lambda k, g, x: k.silu_grad(g, x), x23, x23),
    "softmax": (lambda k, x: k.softmax(x, 1), x23),
    "log_softmax_grad": (lambda k, g, y: k.log_softmax_grad(g, y, 1), x23, x23),
    "sum_to": (lambda k, x: k.sum_to(x, (2, 1)), x23),
    "scatter_add": (lambda k, x, i, s: k.scatter_add(x, i, s), x34, np.array([0, 2, 0, 0]), values(4, 4)),
    "take": (lambda k, x, i: k.take(x, i, 0), x34, np.array([0, 2, 0])),
    "linear": (lambda k, x, w, b: k.linear(x, w, b), x23, values(4, 3), values(4)),
    "linear_grad": (
        lambda k, g, x, w: k.linear_grad(g, x, w, (True, True, True)),
        values(2, 4),
        x23,
        values(4, 3),
    ),
    "layer_norm": (lambda k, x, w, b: k.layer_norm(x, w, b, 1, 1e-5), x23, v3, v3 * 2),
    "batch_norm": (lambda k, x, w, b: k.batch_norm(x, w, b, 1e-5), x23, v3, v3 * 2),
    "batch_norm_eval": (lambda k, x, w, b: k.batch_norm_eval(x, w, w * w + 1.0, w, b, 1e-5), x23, v3, v3 * 2),
    "cross_entropy": (lambda k, x, t: k.cross_entropy(x, t, "mean", -100), x23, np.array([2, 0])),
    "astype": (lambda k, x: k.astype(x, tp.float64), x23),
    "copy": (lambda k, x: k.copy(x), x23),
}


@pytest.mark.parametrize("name", KERNELS)
def test_reference_kernels_differentiate(name: str) -> None:
    """The reference over Tensors computes what the backend's kernel computes, and gradients flow through it."""
    call, *arrays = KERNELS[name]
    table = tensor_kernels()
    xs = [tensor(a) for a in arrays]
    expected = call(tp.backend.kernels(), *(x.array for x in xs))
    expected = expected if isinstance(expected, tuple) else (expected,)
    got = call(table, *xs)
    for g, e in zip(got if isinstance(got, tuple) else (got,), expected, strict=True):
        testing.assert_close(host(g), host(tp.autograd.leaf(e)))
    for x, a in zip(xs, arrays, strict=True):
        x.requires_grad = a.dtype.kind == "f"
    testing.gradcheck(lambda *args: call(table, *args), xs)
