"""Every op, from its row in the table: forward, gradients of first and second order, dtypes, shapes, layouts."""

from __future__ import annotations

import sys
import warnings
from types import CodeType
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from cases import CASES, Case
from hypothesis import given
from hypothesis import strategies as st
from tensors import host, tensor

import tiny_pytorch as tp
from tiny_pytorch import testing

DIFFERENTIABLE = [case for case in CASES if case.differentiable]
ELEMENTWISE = [case for case in CASES if case.elementwise]
TOLERANCE = {"float64": {"rtol": 1e-9, "atol": 1e-11}, "float32": {"rtol": 2e-5, "atol": 2e-5}}


def each(cases: list[Case]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=[case.id for case in cases])


both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


def tensors(case: Case, arrays: list[np.ndarray]) -> list[tp.Tensor]:
    """Leaves, which require a gradient where the row says that there is one."""
    made = [tensor(array) for array in arrays]
    for arg, x in zip(case.args, made, strict=True):
        x.requires_grad = arg.differentiable
    return made


def outputs(result: Any) -> tuple[Any, ...]:
    return tuple(result) if isinstance(result, (tuple, list)) else (result,)


def seeds(results: list[tp.Tensor]) -> list[tp.Tensor]:
    """Fixed gradients to start from, in the results' dtype."""
    rng = np.random.default_rng(1)
    return [tensor(rng.uniform(0.5, 1.5, r.shape).astype(host(r).dtype)) for r in results]


def gradients(case: Case, xs: list[tp.Tensor]) -> list[tp.Tensor]:
    """Of all floating results together, by every differentiable argument."""
    results = [r for r in outputs(case.call(tp, *xs)) if r.requires_grad]
    wanted = [x for x in xs if x.requires_grad]
    return list(tp.autograd.grad(results, wanted, seeds(results), materialize_grads=True))


def close(actual: tp.Tensor, expected: Any, dtype: str) -> None:
    testing.assert_close(host(actual), np.asarray(expected), **TOLERANCE[dtype], equal_nan=True, check_dtype=False)


def check_forward(case: Case, arrays: list[np.ndarray], dtype: str) -> None:
    results = outputs(case.call(tp, *tensors(case, arrays)))
    wide = [a.astype("float64") if a.dtype.kind == "f" else a for a in arrays]
    assert case.reference is not None
    with np.errstate(all="ignore"):
        expected = outputs(case.reference(*wide))
    assert len(results) == len(expected)
    for got, wanted in zip(results, expected, strict=True):
        close(got, wanted, dtype)
        kind = np.asarray(wanted).dtype.kind
        assert str(got.dtype) == {"f": dtype, "b": "bool", "i": "int64", "u": "int64"}[kind]


@both_dtypes
@each([case for case in CASES if case.reference is not None])
def test_forward(case: Case, dtype: str) -> None:
    check_forward(case, case.arrays(dtype), dtype)


@both_dtypes
@each(DIFFERENTIABLE)
def test_gradients_have_the_inputs_shape_and_dtype(case: Case, dtype: str) -> None:
    xs = tensors(case, case.arrays(dtype))
    for x, g in zip([x for x in xs if x.requires_grad], gradients(case, xs), strict=True):
        assert (g.shape, str(g.dtype)) == (x.shape, dtype)
        assert np.isfinite(host(g)).all()


@each(DIFFERENTIABLE)
def test_first_and_second_derivatives(case: Case) -> None:
    xs = tensors(case, case.arrays())
    testing.gradcheck(lambda *args: case.call(tp, *args), xs)
    if case.second:
        testing.gradgradcheck(lambda *args: case.call(tp, *args), xs)


def summed_to(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    added = tuple(range(array.ndim - len(shape)))
    array = array.sum(axis=added)
    return array.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True).reshape(shape)


@each(ELEMENTWISE)
@given(data=st.data())
def test_broadcasting(case: Case, data: st.DataObject) -> None:
    """Any shapes that fit together, with no elements and no dimensions among them: the gradient is that of
    the inputs stretched beforehand, summed."""
    shapes = data.draw(
        hnp.mutually_broadcastable_shapes(num_shapes=len(case.args), max_dims=3, min_side=0, max_side=3)
    ).input_shapes
    arrays = case.arrays(shapes=shapes)
    if case.reference is not None:
        check_forward(case, arrays, "float64")
    if case.differentiable:
        stretched = [np.array(a) for a in np.broadcast_arrays(*arrays)]
        wanted = [a.shape for a, arg in zip(arrays, case.args, strict=True) if arg.differentiable]
        expected = gradients(case, tensors(case, stretched))
        for shape, g, e in zip(wanted, gradients(case, tensors(case, arrays)), expected, strict=True):
            assert g.shape == shape
            close(g, summed_to(host(e), shape), "float64")


def strided(array: np.ndarray) -> Any:
    """The same values with gaps between them."""
    return tp.backend.current().from_numpy(np.repeat(array, 2, axis=-1))[..., ::2]


def backwards(array: np.ndarray) -> Any:
    """The same values, lying backwards."""
    here = tp.backend.current()
    return here.kernels.index(
        here.from_numpy(np.ascontiguousarray(array[::-1, ...])), index=(slice(None, None, -1), ...)
    )


def transposed(array: np.ndarray) -> Any:
    """The same values, the first axis running fastest."""
    here = tp.backend.current()
    order = tuple(range(array.ndim))[::-1]
    return here.xp.permute_dims(here.from_numpy(np.ascontiguousarray(array.transpose(order))), order)


@pytest.mark.parametrize("layout", [strided, backwards, transposed], ids=lambda layout: layout.__name__)
@each(CASES)
def test_layouts(case: Case, layout: Any) -> None:
    arrays = case.arrays()
    plain, laid_out = tensors(case, arrays), tensors(case, arrays)
    for x, array in zip(laid_out, arrays, strict=True):
        if array.ndim:
            x.array = layout(array)
    for got, expected in zip(outputs(case.call(tp, *laid_out)), outputs(case.call(tp, *plain)), strict=True):
        close(got, host(expected), "float64")
    if case.differentiable:
        for got, expected in zip(gradients(case, laid_out), gradients(case, plain), strict=True):
            close(got, host(expected), "float64")


@each(CASES)
def test_inputs_are_only_read(case: Case) -> None:
    arrays = case.arrays()
    before = [a.copy() for a in arrays]
    for a in arrays:
        a.flags.writeable = False
    xs = tensors(case, arrays)
    if case.differentiable:
        gradients(case, xs)
    else:
        case.call(tp, *xs)
    for x, was in zip(xs, before, strict=True):
        np.testing.assert_array_equal(host(x), was)


@both_dtypes
@each([case for case in CASES if case.empty is not None])
def test_no_elements(case: Case, dtype: str) -> None:
    arrays = case.arrays(dtype, case.empty)
    if case.reference is not None:
        check_forward(case, arrays, dtype)
    if case.differentiable:
        xs = tensors(case, arrays)
        for x, g in zip([x for x in xs if x.requires_grad], gradients(case, xs), strict=True):
            assert (g.shape, g.dtype) == (x.shape, x.dtype)


@each([case for case in CASES if case.also_integers])
def test_integers(case: Case) -> None:
    """Integers give what the definition gives: integers, or floating values in the default dtype."""
    arrays = [
        np.round(a).astype("int64") if arg.kind == "float" else a
        for arg, a in zip(case.args, case.arrays(), strict=True)
    ]
    assert case.reference is not None
    with np.errstate(all="ignore"):
        expected = outputs(case.reference(*arrays))
    for got, wanted in zip(outputs(case.call(tp, *(tensor(a) for a in arrays))), expected, strict=True):
        close(got, wanted, "float32")
        kind = np.asarray(wanted).dtype.kind
        assert str(got.dtype) == {"f": "float32", "b": "bool", "i": "int64", "u": "int64"}[kind]


@each([case for case in CASES if case.torch])
def test_pytorch_agrees(case: Case) -> None:
    torch = pytest.importorskip("torch")
    arrays = case.arrays()
    theirs = [torch.tensor(a) for a in arrays]
    for arg, x in zip(case.args, theirs, strict=True):
        x.requires_grad_(arg.differentiable)
    xs = tensors(case, arrays)
    got = outputs(case.call(tp, *xs))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # theirs, about their own
        expected = outputs(case.call(torch, *theirs))
    assert len(got) == len(expected)
    for g, e in zip(got, expected, strict=True):
        assert (g.shape, str(g.dtype)) == (tuple(e.shape), str(e.dtype).removeprefix("torch."))
        close(g, e.detach().numpy(), "float64")
    if not case.differentiable:
        return
    ends = [e for e in expected if e.requires_grad]
    assert [g.requires_grad for g in got] == [e.requires_grad for e in expected]
    start = [torch.tensor(host(s)) for s in seeds([g for g in got if g.requires_grad])]
    found = torch.autograd.grad(ends, [x for x in theirs if x.requires_grad], start, allow_unused=True)
    for g, e in zip(gradients(case, xs), found, strict=True):
        close(g, np.zeros(g.shape) if e is None else e.numpy(), "float64")


SPECIAL = [0.0, -0.0, 1.0, -1.0, 100.0, -100.0, 1e30, np.inf, -np.inf, np.nan]
ELSEWHERE = {
    "sign": "of NaN PyTorch gives 0, we NaN, as the standard says",
    "lerp": "PyTorch computes it from the nearer end",
    "addcmul": "products overflow in another order",
    "addcdiv": "products overflow in another order",
    "acosh": "the sign of the infinite derivative at -1, where there is no value",
    "copysign": "its derivative at infinities",
    "fmax": "equal values share the gradient here, as in maximum",
    "fmin": "equal values share the gradient here, as in minimum",
    "nn.functional.gelu": "at infinity PyTorch gives NaN, we the limit",
}


@both_dtypes
@each([c for c in ELEMENTWISE if c.torch and c.name not in ELSEWHERE and all(arg.kind == "float" for arg in c.args)])
def test_special_values(case: Case, dtype: str) -> None:
    """Infinities, NaN, zeros and large numbers, every one with every other: what PyTorch gives, without a warning.

    Derivatives at the finite ones only: at the others there are as many opinions as libraries.
    """
    torch = pytest.importorskip("torch")
    arrays = [a.reshape(-1).astype(dtype) for a in np.meshgrid(*[SPECIAL] * len(case.args))]
    theirs = [torch.tensor(a, requires_grad=arg.differentiable) for arg, a in zip(case.args, arrays, strict=True)]
    xs = tensors(case, arrays)
    got, expected = case.call(tp, *xs), case.call(torch, *theirs)
    close(got, expected.detach().numpy(), dtype)
    if case.differentiable:
        finite = np.isfinite(arrays).all(axis=0)
        found = torch.autograd.grad(expected.sum(), [x for x in theirs if x.requires_grad])
        mine = tp.autograd.grad(got, [x for x in xs if x.requires_grad], tp.ones_like(got))
        for g, e in zip(mine, found, strict=True):
            testing.assert_close(host(g)[finite], e.numpy()[finite], **TOLERANCE[dtype], equal_nan=True)


# --- is anything missing? ------------------------------------------------------------------------------


def code_run_by_the_table() -> set[CodeType]:
    """Every Python function that runs when each row is computed and differentiated.

    On the strict backend: compiled kernels are called without the Python forward that stands for them.
    """
    seen: set[CodeType] = set()
    with tp.backend.use("array_api_strict"):
        sys.setprofile(lambda frame, event, arg: seen.add(frame.f_code) if event == "call" else None)
        try:
            for case in CASES:
                xs = tensors(case, case.arrays())
                if case.differentiable:
                    gradients(case, xs)
                else:
                    case.call(tp, *xs)
        finally:
            sys.setprofile(None)
    return seen


def declared_ops() -> dict[str, tp.autograd.Op]:
    """Every op of the modules of `ops`, by `module.name`."""
    found = {}
    for name, module in sys.modules.items():
        if name.startswith("tiny_pytorch.ops."):
            for attribute, value in vars(module).items():
                if isinstance(value, tp.autograd.Op) and value.forward.__module__ == name:
                    found[f"{name.rpartition('.')[2]}.{attribute}"] = value
    return found


@pytest.mark.numpy_only
def test_every_op_has_a_row() -> None:
    run = code_run_by_the_table()
    ops = declared_ops()
    assert len(ops) > 50
    missing = [name for name, op in ops.items() if op.forward.__code__ not in run]
    assert not missing, f"no row of tests/cases computes {', '.join(missing)}"
    missing = [name for name, op in ops.items() if op.rule is not None and op.rule.__code__ not in run]
    assert not missing, f"no row of tests/cases differentiates {', '.join(missing)}"


def public_functions() -> dict[str, Any]:
    """What `tp` and `tp.nn.functional` offer on Tensors: everything that comes from `ops`, but what makes new
    ones (their other tests are in test_creation.py) and what knows shapes only."""
    others = {f"tiny_pytorch.ops.{name}" for name in ("creation", "conversion", "sampling")}
    found = {}
    for namespace, prefix in ((tp, ""), (tp.nn.functional, "nn.functional.")):
        for name, value in vars(namespace).items():
            owner = value.forward if isinstance(value, tp.autograd.Op) else value
            module = getattr(owner, "__module__", None) or ""
            if callable(value) and module.startswith("tiny_pytorch.ops.") and module not in others:
                found[prefix + name] = value
    found.pop("broadcast_shapes")
    return {name: value for name, value in found.items() if not isinstance(value, type)}


def named(name: str) -> Any:
    """What a row's name means: `exp`, or `nn.functional.gelu`."""
    value: Any = tp
    for part in name.split("."):
        value = getattr(value, part, None)
    return value


@pytest.mark.numpy_only
def test_every_public_function_on_tensors_has_a_row() -> None:
    rows = {id(named(case.name)) for case in CASES}
    missing = [name for name, value in public_functions().items() if id(value) not in rows]
    assert not missing, f"no row of tests/cases is named {', '.join(missing)}"


@pytest.mark.numpy_only
def test_rows_have_names_of_their_own() -> None:
    names = [case.id for case in CASES]
    assert len(set(names)) == len(names)
