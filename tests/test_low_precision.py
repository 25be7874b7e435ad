"""float16 and bfloat16: what exists, what it converts to, and that results are right to its rounding."""

from __future__ import annotations

import copy
import inspect
import io
import pickle
from typing import Any

import numpy as np
import pytest

import tiny_pytorch as tp
from tiny_pytorch.backend import half
from tiny_pytorch.backend.table import reference_kernels
from tiny_pytorch.testing import assert_close


@pytest.fixture
def bfloat16(backend: tp.backend.Backend) -> Any:
    if not hasattr(backend.kernels.xp, "bfloat16"):
        pytest.skip("the library has no bfloat16")
    return tp.bfloat16


@pytest.fixture(params=["float16", "bfloat16"])
def low(request: pytest.FixtureRequest, backend: tp.backend.Backend) -> Any:
    if not hasattr(backend.kernels.xp, request.param):
        pytest.skip(f"the library has no {request.param}")
    return getattr(tp, request.param)


# --- bfloat16 -----------------------------------------------------------------------------------------------

MADE = {
    "zeros": lambda d: tp.zeros(2, dtype=d),
    "full": lambda d: tp.full((2,), 1.0, dtype=d),
    "tensor": lambda d: tp.tensor([1.0, 2.0], dtype=d),
    "tensor of an array": lambda d: tp.tensor(np.ones(2), dtype=d),
    "as_tensor": lambda d: tp.as_tensor(np.ones(2), dtype=d),
    "arange": lambda d: tp.arange(3, dtype=d),
    "linspace": lambda d: tp.linspace(0, 1, 3, dtype=d),
    "eye": lambda d: tp.eye(2, dtype=d),
    "rand": lambda d: tp.rand(2, dtype=d),
    "randn": lambda d: tp.randn(2, dtype=d),
    "to": lambda d: tp.ones(2).to(d),
    "bfloat16": lambda d: tp.ones(2).bfloat16(),
    "astype": lambda d: tp.array_api.astype(tp.ones(2), d),
    "Linear": lambda d: tp.nn.Linear(2, 3, dtype=d).weight,
    "Module.bfloat16": lambda d: tp.nn.Linear(2, 3).bfloat16().weight,
}


@pytest.mark.parametrize("name", MADE)
def test_bfloat16_is_made_or_refused(name: str, backend: tp.backend.Backend) -> None:
    if hasattr(backend.kernels.xp, "bfloat16"):
        assert MADE[name](tp.bfloat16).dtype is tp.bfloat16
        return
    before = tp.get_rng_state()
    with pytest.raises(TypeError, match=r"bfloat16 was asked for, .*torch and jax have it.*here, use tp\.float\d\d"):
        MADE[name](tp.bfloat16)
    if name.startswith("rand"):
        assert str(tp.get_rng_state()) == str(before), "numbers were drawn"


def test_autocast_in_bfloat16_is_refused_where_it_is_missing(backend: tp.backend.Backend) -> None:
    if hasattr(backend.kernels.xp, "bfloat16"):
        pytest.skip("the library has it")
    here = tp.get_default_device().type
    with pytest.raises(TypeError, match="bfloat16 was asked for"), tp.autocast(here, dtype=tp.bfloat16):
        pass
    assert not tp.is_autocast_enabled()


def test_bfloat16_values(bfloat16: Any) -> None:
    x = tp.tensor([1.0, 1.00390625, -3.14159265, 3e38], dtype=bfloat16)
    assert x.tolist() == [1.0, 1.0, -3.140625, 3.00405527047391e38]
    assert repr(x[:3]) == "tensor([ 1.    ,  1.    , -3.1406], dtype=tiny_pytorch.bfloat16)"
    assert x[2].item() == -3.140625
    assert (x.float().dtype, x.half().dtype, x.double().dtype) == (tp.float32, tp.float16, tp.float64)
    assert x.element_size() == 2


def test_numpy_has_no_bfloat16(bfloat16: Any) -> None:
    x = tp.ones(2, dtype=bfloat16)
    for convert in (lambda: x.numpy(), lambda: np.asarray(x), lambda: np.dtype(tp.bfloat16)):
        with pytest.raises(TypeError, match=r"NumPy has no bfloat16.*\.float\(\)"):
            convert()
    assert x.float().numpy().dtype == np.float32


@pytest.mark.numpy_only
def test_promotion_is_pytorchs() -> None:
    torch = pytest.importorskip("torch")
    names = ["bfloat16", "float16", "float32", "float64", "int64", "bool", "uint8"]
    for a in names:
        for b in names:
            expected = str(torch.promote_types(getattr(torch, a), getattr(torch, b))).removeprefix("torch.")
            assert tp.result_type(getattr(tp, a), getattr(tp, b)).name == expected, (a, b)


def test_promotion_of_results(bfloat16: Any) -> None:
    x = tp.ones(2, dtype=bfloat16)
    assert (x + 1.5).dtype is (x * tp.arange(2)).dtype is (x + tp.ones(())).dtype is bfloat16
    assert (x + tp.ones(2, dtype=tp.float16)).dtype is (x + tp.ones(2)).dtype is tp.float32


@pytest.mark.numpy_only
@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", "float64"])
def test_finfo_is_pytorchs(name: str) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = tp.finfo(getattr(tp, name)), torch.finfo(getattr(torch, name))
    for field in ("bits", "eps", "max", "min", "smallest_normal"):
        assert getattr(ours, field) == getattr(theirs, field)
    assert ours.dtype is getattr(tp, name)


def test_copies_and_files(bfloat16: Any) -> None:
    model = tp.nn.Linear(3, 2, dtype=bfloat16)
    for copied in (copy.deepcopy(model.weight), pickle.loads(pickle.dumps(model.weight))):
        assert (copied.dtype, copied.tolist()) == (bfloat16, model.weight.tolist())
    file = io.BytesIO()
    tp.save(model.state_dict(), file)
    file.seek(0)
    other = tp.nn.Linear(3, 2, dtype=bfloat16)
    other.load_state_dict(tp.load(file))
    assert other.weight.tolist() == model.weight.tolist()
    with pytest.raises(TypeError, match=r"weight.* would be float32"):
        tp.save(model.state_dict(), "never_written.safetensors")


def test_gradients_in_bfloat16(bfloat16: Any) -> None:
    x = tp.tensor([0.5, 2.0], dtype=bfloat16, requires_grad=True)
    (x * x).sum().backward()
    assert (x.grad.dtype, x.grad.tolist()) == (bfloat16, [1.0, 4.0])


# --- models in 16 bits --------------------------------------------------------------------------------------


def test_a_model_in_16_bits_learns(low: Any) -> None:
    def losses(dtype: Any) -> list[float]:
        tp.manual_seed(0)
        model = tp.nn.Sequential(
            tp.nn.Conv1d(2, 4, 3), tp.nn.BatchNorm1d(4), tp.nn.GELU(), tp.nn.Flatten(), tp.nn.LayerNorm(24),
            tp.nn.Linear(24, 3),
        ).to(dtype)  # fmt: skip
        optimizer = tp.optim.Adam(model.parameters(), lr=1e-2)
        x, y, found = tp.randn(12, 2, 8).to(dtype), tp.tensor([0, 1, 2] * 4), []
        for _ in range(25):
            loss = tp.nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            found.append(loss.item())
        assert {p.dtype for p in model.parameters()} == {loss.dtype} == {dtype}
        return found

    exact, found = losses(tp.float32), losses(low)
    assert found[-1] < 0.25 * found[0]
    np.testing.assert_allclose(found[:5], exact[:5], rtol=0.02 if low is tp.float16 else 0.1)


@pytest.mark.parametrize(
    "make",
    [
        lambda p: tp.optim.Adam(p, lr=1e-2),
        lambda p: tp.optim.AdamW(p, lr=1e-2),
        lambda p: tp.optim.RMSprop(p, lr=1e-2, centered=True, momentum=0.5),
        lambda p: tp.optim.SGD(p, lr=1e-2, momentum=0.9),
        lambda p: tp.optim.SGD(p, lr=1e-2, momentum=0.9, dampening=0.1),
    ],
)
def test_optimizers_of_16_bit_parameters(low: Any, make: Any) -> None:
    # Gradients whose squares are zero in float16, and steps whose means bfloat16 would not hold.
    rng = np.random.default_rng(0)
    start, grads = rng.standard_normal(6), 1e-4 * rng.standard_normal((40, 6))
    p = tp.tensor(start, dtype=low, requires_grad=True)
    optimizer = make([p])
    for g in grads:
        # The same step from the same parameters, in float32: what a step is to be but for the rounding of its result.
        exact = tp.tensor(p.tolist(), requires_grad=True)
        twin = make([exact])
        p.grad = tp.tensor(g, dtype=low)
        exact.grad = p.grad.float()
        if optimizer.state:
            twin.load_state_dict(
                copy.deepcopy({**optimizer.state_dict(), "param_groups": twin.state_dict()["param_groups"]})
            )
        optimizer.step()
        twin.step()
        assert p.dtype is low
        assert_close(p, exact.to(low), rtol=tp.finfo(low).eps, atol=0)
        for name, value in optimizer.state[p].items():
            assert value.dtype is tp.float32
            assert_close(value, twin.state[exact][name], rtol=1e-6, atol=1e-6 * float(value.abs().max()))
    loaded = make([tp.tensor(start, dtype=low, requires_grad=True)])
    loaded.load_state_dict(optimizer.state_dict())
    (state,) = loaded.state.values()
    for name, value in optimizer.state[p].items():
        assert_close(state[name], value, rtol=0, atol=0)


# --- float16 on NumPy ---------------------------------------------------------------------------------------


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(np.float16)


ONE, NO, ALL = (1, 1), ((1, 1), (1, 1)), (True, True, True)
CALLS: dict[str, tuple] = {
    "matmul": (random(9, 300), random(300, 7)),
    "linear": (random(9, 300), random(7, 300), random(7)),
    "linear_relu": (random(9, 300), random(7, 300), random(7)),
    "linear_relu_grad": (random(300, 7), random(300, 7), random(300, 9), random(7, 9), ALL),
    "linear_grad": (random(300, 7), random(300, 9), random(7, 9), ALL),
    "conv": (random(2, 16, 9, 9), random(4, 16, 3, 3), random(4), ONE, NO, ONE, 1),
    "conv_grad": (random(2, 4, 9, 9), random(2, 3, 9, 9), random(4, 3, 3, 3), (2, 3, 9, 9), ONE, NO, ONE, 1, ALL),
    "conv_relu": (random(2, 16, 9, 9), random(4, 16, 3, 3), random(4), ONE, NO, ONE, 1),
    "conv_relu_grad": (
        *(random(2, 4, 9, 9), random(2, 4, 9, 9), random(2, 3, 9, 9), random(4, 3, 3, 3)),
        *((2, 3, 9, 9), ONE, NO, ONE, 1, ALL),
    ),
    "softmax": (random(5, 300), 1),
    "softmax_grad": (random(5, 300), random(5, 300), 1),
    "log_softmax": (random(5, 300), 1),
    "log_softmax_grad": (random(5, 300), random(5, 300), 1),
    "cross_entropy": (random(5, 300), np.arange(5), "mean", -100),
    "layer_norm": (random(5, 300), random(300), random(300), 1, 1e-5),
    "layer_norm_grad": (
        random(5, 30), random(5, 30), random(30), np.zeros((5, 1), np.float32), np.ones((5, 1), np.float32), 1, ALL,
    ),
    "rms_norm": (random(5, 300), random(300), 1, 1e-5),
    "rms_norm_grad": (random(5, 30), random(5, 30), random(30), np.ones((5, 1), np.float32), 1, (True, True)),
    "batch_norm": (400 * random(50, 3), random(3), random(3), 1e-5),
    "batch_norm_grad": (
        random(50, 3), random(50, 3), random(3), np.zeros(3, np.float32), np.ones(3, np.float32), ALL
    ),
    "attention": (random(2, 9, 8), random(2, 40, 8), random(2, 40, 8), None, None, False, 0.3, 1.0),
    "attention_grad": (
        random(2, 9, 8), random(2, 9, 8), random(2, 40, 8), random(2, 40, 8), None, None, random(2, 9, 8),
        np.full((2, 9), 5, np.float32), False, 0.3, 1.0, (True, True, True, False),
    ),
    "self_attention": (random(2, 9, 24), None, None, 2, True, 0.3, 1.0),
    "self_attention_grad": (
        random(2, 9, 8), random(2, 9, 24), None, None, random(2, 9, 8), np.full((2, 2, 9), 3, np.float32), 2, True, 0.3,
        1.0, (True, False),
    ),
    "avg_pool": (random(2, 2, 12, 12), (6, 6), (6, 6), ((0, 0), (0, 0)), ((0, 0), (0, 0)), None),
    "avg_pool_grad": (
        random(2, 2, 2, 2), (2, 2, 12, 12), (6, 6), (6, 6), ((0, 0), (0, 0)), ((0, 0), (0, 0)), None
    ),
    "max_pool_grad": (random(2, 2, 3), np.zeros((2, 2, 3), np.int64), (2, 2, 9)),
    "gelu": (random(300), "none"),
    "gelu_grad": (random(300), random(300), "tanh"),
    "sigmoid": (random(300),),
    "sigmoid_grad": (random(300), random(300)),
    "silu": (random(300),),
    "silu_grad": (random(300), random(300)),
    "tanh_grad": (random(300), random(300)),
    "sum_to": (random(500, 3), (3,)),
    "scatter_add": (random(2, 3), np.arange(500) % 2, random(500, 3)),
    "scatter_rows": (random(500, 3), np.arange(500) % 2, 2, None),
    "rnn": (random(5, 2, 3), random(2, 4), random(4, 3), random(4, 4), random(4), None, "tanh", False),
    "lstm": (random(5, 2, 3), random(2, 4), random(2, 4), random(16, 3), random(16, 4), random(16), random(16), False),
    "gru": (random(5, 2, 3), random(2, 4), random(12, 3), random(12, 4), random(12), random(12), True),
}  # fmt: skip


@pytest.mark.numpy_only
@pytest.mark.parametrize("name", sorted(half.RESULTS))
def test_float16_is_right_to_its_rounding(name: str) -> None:
    k = tp.backend.kernels()
    if name in ("rnn_grad", "lstm_grad", "gru_grad"):
        forward = name.removesuffix("_grad")
        args = recurrent_gradient(forward, CALLS[forward])
    else:
        args = CALLS[name]
    found = getattr(k, name)(*args)
    exact = getattr(k, name)(*[a.astype(np.float64) if is_float(a) else a for a in args])
    found, exact = (r if isinstance(r, tuple) else (r,) for r in (found, exact))
    for i, (y, wanted) in enumerate(zip(found, exact, strict=True)):
        if y is None:
            continue
        assert y.dtype == (np.float16 if i < half.RESULTS[name] else np.float32)
        with np.errstate(over="ignore"):
            nearest = np.asarray(wanted).astype(np.float16).astype(np.float64)
        size = np.maximum(np.abs(nearest), 0.03 * np.abs(nearest).max())  # float32 where terms cancelled
        assert (np.abs(y.astype(np.float64) - nearest) <= 2.0**-10 * size).all()


def is_float(a: Any) -> bool:
    return isinstance(a, np.ndarray) and a.dtype.kind == "f"


def recurrent_gradient(name: str, args: tuple) -> list[Any]:
    """The arguments of a recurrent kernel's gradient, from those of the kernel."""
    values = dict(zip(inspect.signature(getattr(tp.backend.kernels(), name)).parameters, args, strict=True))
    results = getattr(tp.backend.kernels(), name)(*args)
    kept = {"rnn": ["states"], "lstm": ["gates", "cells"], "gru": ["gates"]}[name]
    values |= dict(zip(kept, results[-len(kept) :], strict=True))
    values |= {"gy": random(*results[0].shape), "gh": None, "gc": None, "needs": (True,) * 7}
    parameters = list(inspect.signature(reference_kernels()[f"{name}_grad"]).parameters)[1:]
    if name != "lstm":
        values["needs"] = (True,) * 6
    return [values[p] for p in parameters]


@pytest.mark.numpy_only
def test_float32_and_float64_do_not_pass_there() -> None:
    table = tp.backend.kernels()
    for dtype in (np.float32, np.float64):
        x = np.ones((2, 3), dtype)
        assert table.rms_norm(x, None, 1, 1e-5)[0].dtype == dtype
        assert table.linear(x, x, None).dtype == dtype
