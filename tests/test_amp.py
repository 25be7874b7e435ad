"""``tp.amp``: which dtypes operations compute in, and the scale of the loss."""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from cases.amp import FLOAT32, LOW, OTHERWISE_ON_CPU, OURS_ALONE, WIDEST, numbers
from hypothesis import given
from hypothesis import strategies as st

import tiny_pytorch as tp
from tiny_pytorch._ext import clip
from tiny_pytorch.autograd import autocast as machinery
from tiny_pytorch.backend.reference import clip as reference
from tiny_pytorch.data.datasets import Digits
from tiny_pytorch.testing import assert_close


def has(dtype: tp.dtype) -> bool:
    return hasattr(tp.backend.kernels().xp, dtype.name)


@pytest.fixture(params=["float16", "bfloat16"])
def low(request: pytest.FixtureRequest) -> Any:
    """Each 16-bit dtype that the backend has."""
    dtype = getattr(tp, request.param)
    if not has(dtype):
        pytest.skip(f"the library has no {request.param}")
    return dtype


@pytest.fixture(autouse=True)
def nothing_stays_on() -> Iterator[None]:
    yield
    assert not tp.is_autocast_enabled()
    assert not machinery._thread.casts


def here() -> str:
    return tp.zeros(()).device.type


def on(dtype: tp.dtype, **options: Any) -> tp.autocast:
    return tp.autocast(here(), dtype=dtype, **options)


# --- autocast: dtypes ---------------------------------------------------------------------------------------

EVERY = {**LOW, **FLOAT32, **WIDEST}


@pytest.mark.parametrize("of", ["float32", "float16"])
@pytest.mark.parametrize("name", EVERY)
def test_the_dtype_of_each_result(name: str, of: str) -> None:
    if not has(tp.float16):
        pytest.skip("the library has no float16")
    with on(tp.float16):
        result = EVERY[name](tp, tp.nn.functional, lambda *shape: numbers(tp, *shape, dtype=of))
    mixed = name in ("x + float32", "cat", "stack", "where", "outer", "atan2", "addcmul")
    wanted = "float16" if name in LOW else "float32" if name in FLOAT32 or mixed else of
    assert result.dtype.name == wanted
    assert bool(tp.isfinite(result).all())


@pytest.mark.numpy_only
@pytest.mark.parametrize("of", ["float32", "float16"])
@pytest.mark.parametrize("name", sorted(EVERY.keys() - OTHERWISE_ON_CPU - OURS_ALONE))
def test_dtypes_are_pytorchs(name: str, of: str) -> None:
    torch = pytest.importorskip("torch")
    found = []
    for lib, f in ((tp, tp.nn.functional), (torch, torch.nn.functional)):
        with lib.autocast("cpu", dtype=lib.float16):
            try:
                found.append(EVERY[name](lib, f, lambda *shape, lib=lib: numbers(lib, *shape, dtype=of)))
            except RuntimeError as error:
                if lib is torch and "dtype" in str(error):
                    pytest.skip(f"what PyTorch does not promote: {error}")
                raise
    assert str(found[0].dtype) == str(found[1].dtype).removeprefix("torch.")
    if "RNN" not in name:  # which draws its weights
        ours, theirs = (y.detach().float().numpy() for y in found)
        np.testing.assert_allclose(ours, theirs, rtol=4e-3, atol=4e-3)


def test_gradients_have_the_dtypes_of_what_they_are_of(low: Any) -> None:
    layer, x = tp.nn.Linear(3, 4), tp.randn(2, 3, requires_grad=True)
    with on(low):
        y = layer(x)
        seen = []
        y.register_hook(lambda g: seen.append(g.dtype))
        y.softmax(-1)[:, 0].sum().backward()
    assert (y.dtype, seen) == (low, [low])
    assert {t.grad.dtype for t in (x, layer.weight, layer.bias)} == {tp.float32}


def test_gradients_are_those_of_float32_to_rounding(low: Any) -> None:
    def gradients(dtype: Any) -> list[Any]:
        tp.manual_seed(3)
        model = tp.nn.Sequential(tp.nn.Linear(6, 8), tp.nn.GELU(), tp.nn.LayerNorm(8), tp.nn.Linear(8, 3))
        x, y = tp.randn(5, 6), tp.tensor([0, 1, 2, 1, 0])
        with on(dtype or tp.float16, enabled=dtype is not None):
            loss = tp.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        return [p.grad for p in model.parameters()]

    tolerance = 0.01 if low is tp.float16 else 0.08
    for found, exact in zip(gradients(low), gradients(None), strict=True):
        assert_close(found, exact, rtol=tolerance, atol=tolerance * float(exact.abs().max()))


@pytest.mark.parametrize("inside", [False, True])
def test_second_derivatives(low: Any, inside: bool) -> None:
    w = tp.tensor([[0.5, -0.25], [1.0, 0.75]], requires_grad=True)
    x = tp.tensor([[1.0, 2.0]], requires_grad=True)
    with on(low):
        y = ((x @ w) ** 3).sum()
        if inside:
            (g,) = tp.autograd.grad(y, x, create_graph=True)
    if not inside:
        (g,) = tp.autograd.grad(y, x, create_graph=True)
    g.sum().backward()
    a = np.array([2.5, 1.25])  # x @ w; dy/dx = 3 a^2 @ w.T
    weights = np.array([[0.5, -0.25], [1.0, 0.75]])
    np.testing.assert_allclose(g.tolist(), [3 * a**2 @ weights.T], rtol=2e-2)
    np.testing.assert_allclose(x.grad.tolist(), [(6 * a * weights.sum(0)) @ weights.T], rtol=2e-2)
    assert (x.grad.dtype, w.grad.dtype) == (tp.float32, tp.float32)


def test_float64_is_left_alone(low: Any) -> None:
    x = tp.ones(2, 2, dtype=tp.float64)
    with on(low):
        assert (x @ x).dtype is (x @ tp.ones(2, 2)).dtype is x.softmax(0).dtype is tp.float64


def test_in_place_results_keep_their_memory(low: Any) -> None:
    x = tp.ones(2, dtype=low)
    with on(low):
        assert x.exp_().dtype is low
        assert (tp.ones(2, 2) @ tp.ones(2, 2)).to(tp.float32).add_(1.0).dtype is tp.float32


def test_ints_and_scalars(low: Any) -> None:
    with on(low):
        assert tp.arange(3).sum().dtype is tp.int64
        assert tp.arange(3).softmax(0).dtype is tp.float32
        assert (tp.arange(4).reshape(2, 2) @ tp.arange(4).reshape(2, 2)).dtype is tp.int64


# --- autocast: where it is on -------------------------------------------------------------------------------


def product() -> Any:
    return (tp.ones(2, 2) @ tp.ones(2, 2)).dtype


def test_nesting(low: Any) -> None:
    with on(low):
        assert (product(), tp.amp.get_autocast_dtype(here())) == (low, low)
        with on(low, enabled=False):
            assert (product(), tp.is_autocast_enabled()) == (tp.float32, False)
            with on(low):
                assert product() is low
        assert (product(), tp.is_autocast_enabled(here()), tp.is_autocast_enabled("elsewhere")) == (low, True, False)
    assert (product(), tp.is_autocast_enabled()) == (tp.float32, False)


def test_two_dtypes_nested() -> None:
    if not (has(tp.float16) and has(tp.bfloat16)):
        pytest.skip("the library has one of them")
    with on(tp.float16):
        with on(tp.bfloat16):
            assert product() is tp.bfloat16
            assert (tp.ones(2, 2, dtype=tp.float16) @ tp.ones(2, 2)).dtype is tp.bfloat16
        assert product() is tp.float16


def test_it_ends_with_an_error(low: Any) -> None:
    with pytest.raises(ZeroDivisionError), on(low):
        1 / 0  # noqa: B018
    assert product() is tp.float32


def test_as_a_decorator(low: Any) -> None:
    @on(low)
    def compute(n: int) -> list[Any]:
        return [product()] + (compute(n - 1) if n else [])

    @on(low)
    def generate() -> Iterator[Any]:
        yield product()
        yield product()

    assert compute(2) == [low] * 3
    steps = generate()
    assert (next(steps), product(), next(steps), product()) == (low, tp.float32, low, tp.float32)


def test_each_thread_has_its_own(low: Any) -> None:
    found = []
    with on(low):
        thread = threading.Thread(target=lambda: found.append((product(), tp.is_autocast_enabled())))
        thread.start()
        thread.join()
    assert found == [(tp.float32, False)]


def test_another_device_is_left_alone(low: Any) -> None:
    here = tp.get_default_device().type
    other = "cuda" if here == "cpu" else "cpu"
    with pytest.warns(UserWarning, match=f"computes on '{here}': nothing is converted"), tp.autocast(other, dtype=low):
        assert product() is tp.float32


@pytest.mark.parametrize("dtype", [tp.float32, tp.float64, tp.int8])
def test_other_dtypes_are_refused(dtype: Any) -> None:
    with pytest.raises(ValueError, match=r"expected float16 or bfloat16.*enabled=False"):
        tp.autocast("cpu", dtype=dtype)


def test_default_dtypes() -> None:
    assert (tp.autocast("cpu").dtype, tp.autocast("cuda").dtype) == (tp.bfloat16, tp.float16)
    with pytest.raises(TypeError, match="expected 'cpu', 'cuda'"):
        tp.autocast(tp.float16)
    assert tp.autocast is tp.amp.autocast


# --- autocast: the casts of parameters ----------------------------------------------------------------------


@pytest.fixture
def casts(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    made: list[Any] = []
    plain = machinery.cast

    def counted(x: Any, *, dtype: Any) -> Any:
        made.append(x)
        return plain(x, dtype=dtype)

    monkeypatch.setattr(machinery, "cast", counted)
    return made


def test_a_parameter_is_cast_once(low: Any, casts: list[Any]) -> None:
    w, x = tp.ones(2, 2, requires_grad=True), tp.ones(2, 2, dtype=low)
    with on(low):
        with on(low):
            x @ w
        y = x @ w
        assert len(casts) == 1
        with tp.no_grad():
            x @ w  # the cast of before has a history
        assert len(casts) == 2
        with tp.no_grad():
            w += 1
        z = x @ w
        assert (len(casts), z.tolist()) == (3, [[4.0, 4.0], [4.0, 4.0]])
        w.data = tp.zeros(2, 2)
        assert (x @ w).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    with on(low):
        x @ w
    assert len(casts) == 5
    (y.sum() + z.sum()).backward()
    assert w.grad.tolist() == [[4.0, 4.0], [4.0, 4.0]]


def test_casts_are_not_kept_where_that_was_not_wanted(low: Any, casts: list[Any]) -> None:
    w, x = tp.ones(2, 2, requires_grad=True), tp.ones(2, 2)
    with on(low, cache_enabled=False):
        x @ w, x @ w
        assert len(casts) == 4
    with on(low):
        x @ x, x @ x  # not parameters
        assert len(casts) == 8


def test_backward_twice_through_a_kept_cast(low: Any) -> None:
    w, x = tp.ones(2, 2, requires_grad=True), tp.ones(2, 2)
    with on(low):
        for _ in range(2):
            (x @ w).sum().backward()
    assert w.grad.tolist() == [[4.0, 4.0], [4.0, 4.0]]


# --- GradScaler ---------------------------------------------------------------------------------------------


def scalers(**options: Any) -> list[tuple[Any, Any]]:
    """Ours, and PyTorch's where it is installed: libraries with their scalers."""
    found: list[tuple[Any, Any]] = [(tp, tp.amp.GradScaler(**options))]
    torch = pytest.importorskip("torch")
    return [*found, (torch, torch.amp.GradScaler("cpu", **options))]


@pytest.mark.numpy_only
@pytest.mark.parametrize(
    "options, script",
    [
        ({"init_scale": 8.0, "growth_interval": 2}, "ffffiffiifffnff"),
        ({"init_scale": 2.0**126, "growth_interval": 1}, "fffffif"),  # the largest scale is finite
        ({"init_scale": 1.5, "growth_factor": 1.1, "backoff_factor": 0.3, "growth_interval": 3}, "fffiffffff"),
        ({}, "ifif"),
    ],
)
def test_scales_are_pytorchs(options: dict[str, Any], script: str) -> None:
    histories = []
    for lib, scaler in scalers(**options):
        p = lib.ones(3, requires_grad=True)
        optimizer = lib.optim.SGD([p], lr=0.1)
        history = []
        for gradient in script:
            optimizer.zero_grad()
            scaler.scale((p * 1e-30).sum()).backward()
            p.grad[1] = {"f": 1e-30 * scaler.get_scale(), "i": math.inf, "n": math.nan}[gradient]
            scaler.step(optimizer)
            scaler.update()
            history.append((scaler.get_scale(), scaler.state_dict()["_growth_tracker"], p.tolist()))
        histories.append(history)
    assert histories[0] == histories[1]


@pytest.mark.numpy_only
def test_state_dicts_are_pytorchs() -> None:
    (_, ours), (_, theirs) = scalers(init_scale=4.0, growth_interval=7)
    assert ours.state_dict() == theirs.state_dict()
    theirs.load_state_dict(ours.state_dict())
    state = {**theirs.state_dict(), "scale": 2.0, "_growth_tracker": 3}
    ours.load_state_dict(state)
    assert ours.state_dict() == state
    for wrong in ({}, {**state, "scale": -1.0}, {**state, "growth_interval": 0}, {"scale": 1.0}):
        with pytest.raises((RuntimeError, ValueError, KeyError)):
            ours.load_state_dict(wrong)
        assert ours.state_dict() == state


def step_on(scaler: Any, optimizer: Any, p: Any, gradient: float) -> None:
    optimizer.zero_grad()
    scaler.scale((p * gradient).sum()).backward()


def test_a_step_that_overflows_is_skipped() -> None:
    p = tp.tensor([1.0, 2.0], requires_grad=True)
    optimizer, scaler = tp.optim.Adam([p], lr=0.1), tp.amp.GradScaler(init_scale=1024.0)
    step_on(scaler, optimizer, p, 1.0)
    scaler.step(optimizer)
    scaler.update()
    before, state = p.tolist(), {name: value.tolist() for name, value in optimizer.state[p].items()}
    assert before != [1.0, 2.0]
    step_on(scaler, optimizer, p, 1e38)
    assert not np.isfinite(p.grad.tolist()).all()
    assert scaler.step(optimizer) is None
    scaler.update()
    assert p.tolist() == before
    assert {name: value.tolist() for name, value in optimizer.state[p].items()} == state
    assert scaler.get_scale() == 512.0


def test_gradients_can_be_clipped_between() -> None:
    p = tp.tensor([3.0, 4.0], requires_grad=True)
    optimizer, scaler = tp.optim.SGD([p], lr=1.0), tp.amp.GradScaler(init_scale=64.0)
    scaler.scale((p * p / 2).sum()).backward()
    assert p.grad.tolist() == [192.0, 256.0]
    scaler.unscale_(optimizer)
    assert tp.nn.utils.clip_grad_norm_([p], 1.0).item() == 5.0
    scaler.step(optimizer)
    np.testing.assert_allclose(p.tolist(), [2.4, 3.2], rtol=1e-5)


def test_the_order_of_calls() -> None:
    p, other = tp.ones(2, requires_grad=True), tp.ones(2, requires_grad=True)
    optimizer, scaler = tp.optim.SGD([p], lr=1.0), tp.amp.GradScaler(init_scale=2.0)
    with pytest.raises(RuntimeError, match=r"call scaler\.step\(optimizer\) before"):
        scaler.update()
    with pytest.raises(RuntimeError, match="no parameter of this optimizer has a gradient"):
        scaler.step(tp.optim.SGD([other], lr=1.0))
    step_on(scaler, optimizer, p, 1.0)
    scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match=r"unscale_\(\) after unscale_\(\)"):
        scaler.unscale_(optimizer)
    assert p.grad.tolist() == [1.0, 1.0]
    with pytest.raises(RuntimeError, match="closure"):
        scaler.step(optimizer, lambda: None)
    scaler.step(optimizer)
    with pytest.raises(RuntimeError, match="already been called"):
        scaler.step(optimizer)
    with pytest.raises(RuntimeError, match=r"unscale_\(\) after step\(\)"):
        scaler.unscale_(optimizer)
    assert p.tolist() == [0.0, 0.0]
    scaler.update(4.0)
    assert scaler.get_scale() == 4.0
    scaler.update(tp.tensor(8.0))
    assert scaler.get_scale() == 8.0
    with pytest.raises(ValueError, match="new_scale must be above 0"):
        scaler.update(0.0)
    assert scaler.get_scale() == 8.0


def test_one_optimizer_that_overflows_does_not_stop_another() -> None:
    p, q = tp.ones(2, requires_grad=True), tp.ones(2, requires_grad=True)
    first, second = tp.optim.SGD([p], lr=1.0), tp.optim.SGD([q], lr=1.0)
    scaler = tp.amp.GradScaler(init_scale=2.0)
    scaler.scale(p.sum() + q.sum() * 3e38).backward()
    scaler.step(first), scaler.step(second)
    scaler.update()
    assert (p.tolist(), q.tolist(), scaler.get_scale()) == ([0.0, 0.0], [1.0, 1.0], 1.0)


def test_a_shared_gradient_is_divided_once() -> None:
    p, q = tp.ones(2, requires_grad=True), tp.ones(2, requires_grad=True)
    p.grad = q.grad = tp.tensor([8.0, 8.0])
    tp.amp.GradScaler(init_scale=2.0).unscale_(tp.optim.SGD([p, q], lr=1.0))
    assert p.grad.tolist() == [4.0, 4.0]


def test_what_is_scaled(low: Any) -> None:
    scaler = tp.amp.GradScaler()
    a, b = tp.tensor(2.0), tp.tensor(2.0, dtype=low)
    found = scaler.scale([a, (b, a)])
    assert [found[0].item(), found[1][0].item()] == [131072.0, 131072.0]
    assert (type(found[1]), found[1][0].dtype) == (tuple, tp.float32)
    for wrong in (1.0, "loss", {"loss": a}):
        with pytest.raises(TypeError, match="expected a Tensor"):
            scaler.scale(wrong)


def test_gradients_in_float16_are_refused() -> None:
    if not has(tp.float16):
        pytest.skip("the library has no float16")
    p = tp.ones(2, dtype=tp.float16, requires_grad=True)
    optimizer, scaler = tp.optim.SGD([p], lr=1.0), tp.amp.GradScaler(init_scale=2.0)
    step_on(scaler, optimizer, p, 1.0)
    with pytest.raises(ValueError, match="Keep the parameters in float32"):
        scaler.step(optimizer)
    assert (p.grad.tolist(), p.tolist()) == ([2.0, 2.0], [1.0, 1.0])


def test_a_disabled_scaler_passes_everything_on() -> None:
    p = tp.ones(2, requires_grad=True)
    optimizer, scaler = tp.optim.SGD([p], lr=1.0), tp.amp.GradScaler(enabled=False)
    step_on(scaler, optimizer, p, 1.0)
    scaler.unscale_(optimizer)
    assert scaler.step(optimizer, lambda: 7) == 7
    scaler.update()
    assert (p.tolist(), scaler.get_scale(), scaler.state_dict(), scaler.is_enabled()) == ([0.0, 0.0], 1.0, {}, False)
    assert repr(scaler) == "GradScaler(disabled)"
    assert repr(tp.amp.GradScaler()).startswith("GradScaler(scale=65536.0, growth_factor=2.0, ")


def test_settings() -> None:
    scaler = tp.amp.GradScaler("cpu", init_scale=4, growth_factor=3, backoff_factor=0.25, growth_interval=5)
    scaler.set_growth_factor(4), scaler.set_backoff_factor(0.5), scaler.set_growth_interval(6)
    assert (scaler.get_growth_factor(), scaler.get_backoff_factor(), scaler.get_growth_interval()) == (4.0, 0.5, 6)
    assert copy.deepcopy(scaler).state_dict() == scaler.state_dict()
    for name, wrong in [
        ("init_scale", 0.0), ("init_scale", math.inf), ("growth_factor", 1.0), ("backoff_factor", 1.0),
        ("backoff_factor", 0.0), ("growth_interval", 0), ("growth_interval", 1.5),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=name):
            tp.amp.GradScaler(**{name: wrong})


def test_an_interval_that_is_over_already() -> None:
    p = tp.ones(2, requires_grad=True)
    optimizer, scaler = tp.optim.SGD([p], lr=1.0), tp.amp.GradScaler(init_scale=4.0, growth_interval=5)
    scales = []
    for _ in range(3):
        step_on(scaler, optimizer, p, 1.0)
        scaler.step(optimizer)
        scaler.update()
        scales.append(scaler.get_scale())
        scaler.set_growth_interval(1 if len(scales) == 2 else 5)
    assert scales == [4.0, 4.0, 8.0]


# --- the kernel ---------------------------------------------------------------------------------------------

values = st.lists(st.floats(width=32) | st.sampled_from([math.inf, -math.inf, math.nan, 3.4e38]), max_size=9)


@pytest.mark.numpy_only
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(lists=st.lists(values, min_size=1, max_size=4))
def test_the_compiled_kernel_is_the_reference(dtype: Any, lists: list[list[float]]) -> None:
    arrays = [np.array(numbers, dtype) for numbers in lists]
    with np.errstate(all="ignore"):
        expected, found = reference.unscale(np, [a.copy() for a in arrays], 0.5)
    result, flag = clip.unscale(arrays, 0.5)
    assert result is arrays
    assert (bool(flag), flag.shape, flag.dtype) == (bool(found), (), np.bool_)
    for got, wanted in zip(result, expected, strict=True):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.numpy_only
def test_the_compiled_kernel_finds_one_in_many() -> None:
    for n in (1, 15, 16, 17, 1000, 100003):
        for bad in (math.inf, -math.inf, math.nan):
            for place in {0, n // 2, n - 1}:
                arrays = [np.ones(3, np.float32), np.full(n, -3e38, np.float32)]
                assert not clip.unscale(arrays, 1.0)[1]
                arrays[1][place] = bad
                assert clip.unscale(arrays, 1.0)[1]
    assert clip.unscale([np.ones(2, np.float16)], 1.0) is NotImplemented


def test_the_kernel_of_each_backend() -> None:
    k = tp.backend.kernels()
    for bad in (1.0, math.inf, math.nan):
        arrays = [tp.tensor([[1.0, -2.0]]).array, tp.tensor([bad, 3e38]).array]
        scaled, found = k.unscale(arrays, 0.25)
        assert bool(tp.backend.current().to_numpy(found)) == (bad != 1.0)
        assert tp.backend.current().to_numpy(scaled[0]).tolist() == [[0.25, -0.5]]


# --- training -----------------------------------------------------------------------------------------------


def accuracy(train: Callable[[Any, Any, Any, Any], None], epochs: int = 3) -> float:
    """What a small network reaches on held-out digits."""
    tp.manual_seed(1)
    model = tp.nn.Sequential(tp.nn.Linear(64, 32), tp.nn.ReLU(), tp.nn.Linear(32, 10))
    optimizer = tp.optim.Adam(model.parameters(), lr=5e-3)
    data, held_out = Digits(flatten=True), Digits(train=False, flatten=True)
    for _ in range(epochs):
        for first in range(0, len(data), 96):
            train(model, optimizer, data.images[first : first + 96], data.labels[first : first + 96])
    return float((model(held_out.images).argmax(1) == held_out.labels).float().mean())


def plain(model: Any, optimizer: Any, x: Any, y: Any) -> None:
    optimizer.zero_grad()
    tp.nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()


def test_digits_are_learned_in_16_bits(low: Any) -> None:
    scaler = tp.amp.GradScaler(init_scale=2.0**20, enabled=low is tp.float16)
    scales = []

    def step(model: Any, optimizer: Any, x: Any, y: Any) -> None:
        optimizer.zero_grad()
        with on(low):
            loss = tp.nn.functional.cross_entropy(model(x), y)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        scales.append(scaler.get_scale())

    reached = accuracy(step)
    assert reached >= accuracy(plain) - 0.02 >= 0.85
    if low is tp.float16:
        assert 2.0**10 < scales[-1] < 2.0**20, "the first steps overflow"
