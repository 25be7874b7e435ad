"""The CuPy backend: on a GPU where there is one, else on an emulation that runs the kernels' own code on the host.

The emulation (``tests/emulation``) compiles the CUDA sources with the C++ compiler, runs the threads of each block in
lockstep, forwards and backwards, and lends the backend enough of CuPy's interface. It shows that the arithmetic, the
indexing, the barriers and the launching code are right; what only a device can show is listed in docs/gpu.md.
"""

from __future__ import annotations

import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases.optim_kernels import RULES, assert_same, copied, make, tolerance
from test_kernels import ALL, CASES, Draw

import tiny_pytorch as tp
from tiny_pytorch.backend.table import reference_kernels

pytestmark = pytest.mark.numpy_only

EMULATION = str(Path(__file__).parent / "emulation")
OF_CUPY = ("cupy", "array_api_compat.cupy", "tiny_pytorch.backend.cupy", "tiny_pytorch.backend.cuda")


def forget() -> dict[str, Any]:
    """Un-import the library and what was built on it; returns what can be put back."""
    names = [name for name in sys.modules if any(name == own or name.startswith(f"{own}.") for own in OF_CUPY)]
    modules = {name: sys.modules.pop(name) for name in names}
    for name in names:
        parent, _, child = name.rpartition(".")
        if hasattr(sys.modules.get(parent), child):
            delattr(sys.modules[parent], child)
    return modules


def put_back(modules: dict[str, Any]) -> None:
    """Undo ``forget``."""
    for name in sorted(modules):
        sys.modules[name] = modules[name]
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, modules[name])


@pytest.fixture(scope="module")
def library() -> Iterator[Any]:
    """CuPy, or its emulation; the backend can be loaded meanwhile."""
    if "cupy" in tp.backend.available():
        yield sys.modules["cupy"]
        return
    if not sys.platform.startswith("linux") or shutil.which("c++") is None:
        pytest.skip("no GPU, and no C++ compiler on Linux to emulate one")
    before, known = forget(), [(names, dict(names)) for names in (tp.backend._loaded, tp.backend._places)]
    sys.path.insert(0, EMULATION)
    try:
        tp.backend.load("cupy")
        yield sys.modules["cupy"]
    finally:
        sys.path.remove(EMULATION)
        for names, content in known:
            names.clear()
            names.update(content)
        forget()
        put_back(before)


@pytest.fixture(params=["forwards", "backwards"])
def cupy(library: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The library, with the backend in use. An emulated block runs its threads in either order."""
    if hasattr(library, "emulate_backwards"):
        library.emulate_backwards(request.param == "backwards")
    elif request.param == "backwards":
        pytest.skip("a GPU has an order of its own")
    with tp.backend.use("cupy"):
        yield library


# --- the emulation itself -------------------------------------------------------------------------------------

SHARING = """
extern "C" __global__ void share(float* y) {
    __shared__ float given;
    if (threadIdx.x == 40) given = 1;
    BARRIER
    y[threadIdx.x] = given;
}
"""


@pytest.mark.parametrize("barrier, noticed", [("__syncthreads();", False), (";", True)])
def test_emulation_notices_a_missing_barrier(library: Any, barrier: str, noticed: bool) -> None:
    if not hasattr(library, "emulate_backwards"):
        pytest.skip("about the emulation, and this is a GPU")
    kernel = library.RawModule(SHARING.replace("BARRIER", barrier), ("-std=c++17",)).get_function("share")
    right = []
    for backwards in (False, True):
        library.emulate_backwards(backwards)
        y = library.zeros(96, dtype=np.float32)
        kernel((1,), (96,), (y,))
        right.append(bool((y.get() == 1).all()))
    assert all(right) != noticed


def test_emulation_refuses_threads_that_part(library: Any) -> None:
    if not hasattr(library, "emulate_backwards"):
        pytest.skip("about the emulation, and this is a GPU")
    code = SHARING.replace("BARRIER", "if (threadIdx.x < 64) __syncthreads();")
    kernel = library.RawModule(code, ("-std=c++17",)).get_function("share")
    y = library.zeros(96, dtype=np.float32)
    with pytest.raises(RuntimeError, match="do not meet at one barrier"):
        kernel((1,), (96,), (y,))
    with pytest.raises(TypeError, match="the arguments have"):
        kernel((1,), (96,), (y, 1.0))


# --- kernels against the reference ----------------------------------------------------------------------------


def _norm(d: Draw, *shape: int) -> np.ndarray:
    return d(*shape) * 3


# name -> the arguments of a call for sizes p, q, r; beside those of the compiled kernels.
MORE: dict[str, list[Callable[[Draw, int, int, int], tuple]]] = {
    **{name: [lambda d, p, q, r: (_norm(d, p, q),)] for name in ("sigmoid", "silu", "erf")},
    "silu_grad": [lambda d, p, q, r: (d(p, q), _norm(d, p, q))],
    "gelu": [lambda d, p, q, r: (_norm(d, p, q), "none"), lambda d, p, q, r: (_norm(d, p, q), "tanh")],
    "gelu_grad": [
        lambda d, p, q, r: (d(p, q), _norm(d, p, q), "none"),
        lambda d, p, q, r: (d(p, q), _norm(d, p, q), "tanh"),
    ],
    "softmax": [lambda d, p, q, r: (d(p, q, r), 1), lambda d, p, q, r: (d(p, q), 0)],
    "log_softmax": [lambda d, p, q, r: (d(p, q, r), -2)],
    "softmax_grad": [lambda d, p, q, r: (d(p, q, r), d(p, q, r), 0)],
    "batch_norm": [lambda d, p, q, r: (d(p, q, r, 2), d(q), d(q), 0.1)],
    "zero_at": [lambda d, p, q, r: (d(p, q), np.arange(p * q)[::3])],
}
OURS = set(CASES) - {"add", "subtract", "multiply", "divide", "matmul", "sum_to"} | set(MORE)
ROWS = [
    pytest.param(name, case, id=f"{name}-{i}")
    for name in sorted(OURS)
    for i, case in enumerate(CASES.get(name, []) + MORE.get(name, []))
]
SIZES = [(1, 1, 1), (3, 2, 5), (33, 10, 4), (5, 65, 33), (2, 0, 3), (0, 3, 2)]


def on_device(cupy: Any, args: tuple) -> list[Any]:
    return [cupy.asarray(a) if isinstance(a, np.ndarray) else a for a in args]


def parts_of(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple) else [result]


def assert_agrees(cupy: Any, name: str, args: tuple, slack: float = 300.0) -> None:
    """The backend's results against the reference's in double precision, and its dtypes and shapes."""
    reference = reference_kernels()[name]
    wide = [a.astype(np.float64) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in args]
    given = on_device(cupy, args)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # means of nothing
        exact, same = parts_of(reference(np, *wide)), parts_of(reference(np, *args))
    actual = parts_of(getattr(tp.backend.kernels(), name)(*given))
    assert len(actual) == len(exact)
    for part, expected, twin in zip(actual, exact, same, strict=True):
        if twin is None:
            assert part is None
            continue
        assert type(part) is cupy.ndarray
        host = part.get()
        assert (host.shape, host.dtype) == (np.shape(twin), np.asarray(twin).dtype)
        eps = slack * np.finfo(host.dtype).eps if host.dtype.kind == "f" else 0
        np.testing.assert_allclose(host, expected, rtol=eps, atol=eps)
    for a, b in zip(args, given, strict=True):
        if isinstance(a, np.ndarray):
            np.testing.assert_array_equal(b.get(), a, err_msg="an input was changed")


@pytest.mark.parametrize("name, case", ROWS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_kernel_agrees_with_reference(cupy: Any, name: str, case: Any, dtype: type) -> None:
    for seed, (p, q, r) in enumerate(SIZES):
        assert_agrees(cupy, name, case(Draw(np.random.default_rng(seed), dtype), p, q, r))


# Rows for whole blocks, rows shared by blocks of partial sums, a cross-entropy in several launches.
LARGE: list[tuple[str, Callable[[Draw], tuple]]] = [
    ("softmax", lambda d: (d(3, 2050), 1)),
    ("softmax", lambda d: (d(2, 1030, 3), 1)),
    ("log_softmax", lambda d: (d(3, 1024), -1)),
    ("softmax_grad", lambda d: (d(2, 1500), d(2, 1500), 1)),
    ("log_softmax_grad", lambda d: (d(2, 1500), d(2, 1500), 1)),
    ("layer_norm", lambda d: (d(3, 1025), d(1025), d(1025), 1, 0.1)),
    ("layer_norm_grad", lambda d: (d(2, 1025), d(2, 1025), d(1025), d(2, 1), d.positive(2, 1), 1, ALL)),
    ("layer_norm_grad", lambda d: (d(1100, 3), d(1100, 3), None, d(1100, 1), d.positive(1100, 1), 1, ALL)),
    ("linear_grad", lambda d: (d(1030, 3), d(1030, 2), d(3, 2), ALL)),
    ("linear_relu", lambda d: (d(70, 3), d(33, 3), d(33))),
    ("linear_relu", lambda d: (d(2, 5, 3), d(4, 3), None)),
    ("linear_relu_grad", lambda d: (d(70, 3), d(70, 3), d(70, 2), d(3, 2), ALL)),
    ("batch_norm", lambda d: (d(700, 2), d(2), d(2), 0.1)),
    ("batch_norm_grad", lambda d: (d(9, 2, 70), d(9, 2, 70), d(2), d(2), d.positive(2), ALL)),
    ("cross_entropy", lambda d: (d(70, 300), d.index(301, 70), "mean", 300)),
    ("cross_entropy", lambda d: (d(70, 300), d.index(300, 70), "sum", -100)),
    ("cross_entropy", lambda d: (d(3, 6000), d.index(6000, 3), "none", -100)),
    ("cross_entropy", lambda d: (d(700, 3), np.full(700, 1), "mean", 1)),
    ("scatter_add", lambda d: (d(4, 700), d.index(4, 9), d(9, 700))),
]


@pytest.mark.parametrize("row", range(len(LARGE)), ids=lambda i: f"{LARGE[i][0]}-{i}")
def test_large_arrays(cupy: Any, row: int) -> None:
    name, case = LARGE[row]
    assert_agrees(cupy, name, case(Draw(np.random.default_rng(row), np.float32)), slack=3000.0)


@pytest.mark.parametrize("name", ["relu", "relu_grad", "softmax", "log_softmax", "layer_norm", "sigmoid", "gelu"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity(cupy: Any, name: str, value: float) -> None:
    args = (CASES.get(name) or MORE[name])[0](Draw(np.random.default_rng(0), np.float32), 3, 40, 2)
    args[0][1, 7] = value
    assert_agrees(cupy, name, args)


@pytest.mark.parametrize("change", [lambda a: a[::2], lambda a: a.T, lambda a: a.astype(np.float16)])
def test_other_arrays_get_the_reference(cupy: Any, change: Any) -> None:
    x = change(cupy.asarray(np.random.default_rng(0).standard_normal((4, 4)).astype(np.float32)))
    host = x.get()
    got = tp.backend.kernels().relu(x)
    assert got.dtype == host.dtype
    np.testing.assert_array_equal(got.get(), np.maximum(host, 0))


# --- update rules ---------------------------------------------------------------------------------------------

FAMILIES = {
    "usual": [(), (0,), (7,), (5, 13)],
    "many": [(3,)] * 65 + [(0,)] + [(5,)] * 64,
    "chunks": [(16384,), (16385,), (2, 16384)],
    "none": [],
}


def updated(cupy: Any, rule: Any, lists: list[list[np.ndarray]]) -> tuple[Any, Any, list[Any]]:
    given = [[cupy.asarray(a) for a in arrays] for arrays in lists]
    result = getattr(tp.backend.kernels(), rule.name)(*rule._arguments(given))
    return result, [None if r is None else [a.get() for a in r] for r in result], given


LAST = {rule.name: rule for rule in RULES}.values()  # enough for the large arrays


@pytest.mark.parametrize(
    "family, rule",
    [pytest.param(f, r, id=f"{f}-{r}") for f in FAMILIES for r in (LAST if f == "chunks" else RULES)],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_update_rule_agrees_with_reference(cupy: Any, family: str, rule: Any, dtype: type) -> None:
    lists = make(rule, FAMILIES[family], dtype)
    expected = rule.reference(copied(lists))
    result, host, given = updated(cupy, rule, lists)
    if family != "none":
        assert result[0] is given[0], "the lists that were given come back"
    assert_same(host, expected, tolerance(dtype))


def test_first_step_of_a_dampened_velocity(cupy: Any) -> None:
    rule = next(r for r in RULES if r.name == "sgd_dampened" and r.n_state)
    lists = make(rule, [(3,), (4,)], np.float32)
    lists[2][0] = None
    expected = rule.reference(lists)
    given = [[None if a is None else cupy.asarray(a) for a in arrays] for arrays in lists]
    result = getattr(tp.backend.kernels(), rule.name)(*rule._arguments(given))
    assert_same([[a.get() for a in r] for r in result], expected, tolerance(np.float32))


def test_update_of_memory_that_is_not_aligned(cupy: Any) -> None:
    rule = RULES[-1]
    lists = make(rule, [(37,)], np.float32)
    expected = rule.reference(copied(lists))
    given = [[cupy.asarray(a) for a in arrays] for arrays in lists]
    for arrays in given[:4]:
        room = cupy.zeros(38, dtype=np.float32)
        room[1:] = arrays[0]
        arrays[0] = room[1:]
    result = tp.backend.kernels().adam(*rule._arguments(given))
    host = [None if r is None else [a.get() for a in r] for r in result]
    assert_same(host, expected, tolerance(np.float32))


def test_update_of_overlapping_arrays_is_left_to_the_reference(cupy: Any) -> None:
    room = cupy.asarray(np.arange(4, dtype=np.float32))
    result, _ = tp.backend.kernels().sgd([room[:3]], [room[1:]], None, 1.0, 0.0, 0.0, False)
    np.testing.assert_array_equal(result[0].get(), [-1, -1, -1])
    np.testing.assert_array_equal(room.get(), [0, 1, 2, 3])


@pytest.mark.parametrize("shapes", [[(), (7,), (5, 13)], [(3,)] * 65 + [(0,)], [(16384,), (16385,)]], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_unscale_finds_what_is_not_finite(cupy: Any, shapes: list[tuple[int, ...]], dtype: type) -> None:
    rng = np.random.default_rng(0)
    host = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
    for bad in (1.0, np.inf, -np.inf, np.nan):
        host[1].flat[-1] = bad
        given = [cupy.asarray(a) for a in host]
        result, found = tp.backend.kernels().unscale(given, 0.5)
        assert result is given
        assert (bool(found.get()), found.shape, found.dtype) == (bad != 1.0, (), np.bool_)
        for mine, array in zip(result, host, strict=True):
            np.testing.assert_array_equal(mine.get(), 0.5 * array)


# --- indices --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda k, c: k.check_indices(c.asarray(np.array([0, 5])), 5),
        lambda k, c: k.take(c.zeros((5, 2), dtype="f"), c.asarray(np.array([5])), 0),
        lambda k, c: k.take(c.zeros((2, 5), dtype="f"), c.asarray(np.array([5])), 1),
        lambda k, c: k.scatter_add(c.zeros((5, 2), dtype="f"), c.asarray(np.array([5])), c.zeros((1, 2), dtype="f")),
        lambda k, c: k.index(c.zeros(5, dtype="f"), c.asarray(np.array([5])), index=("array",)),
        lambda k, c: k.cross_entropy(c.zeros((1, 5), dtype="f"), c.asarray(np.array([5])), "mean", -100),
        lambda k, c: k.cross_entropy(c.zeros((4000, 5), dtype="f"), c.asarray(np.full(4000, 5)), "sum", -100),
    ],
)
def test_index_out_of_range(cupy: Any, call: Any) -> None:
    def found() -> None:
        call(tp.backend.kernels(), cupy)
        tp.cuda.synchronize()  # at the latest

    with pytest.raises(IndexError, match="index 5 is out of range for size 5: expected 0 to 4"):
        found()
    tp.cuda.synchronize()  # reported once


# --- whole steps ----------------------------------------------------------------------------------------------


def trainer(graphed: bool, optimizer: Any) -> tuple[Any, list[Any]]:
    """A function that makes one training step and returns its loss, and the parameters."""
    tp.manual_seed(0)
    model = tp.nn.Sequential(tp.nn.Linear(6, 8), tp.nn.LayerNorm(8), tp.nn.ReLU(), tp.nn.Linear(8, 4))
    updates = optimizer(model.parameters())

    def step(x: Any, y: Any) -> Any:
        updates.zero_grad()
        loss = tp.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        updates.step()
        return loss

    return tp.cuda.graph(step, warmup=2) if graphed else step, list(model.parameters())


def batches(n: int) -> list[tuple[Any, Any]]:
    rng = np.random.default_rng(0)
    return [
        (tp.tensor(rng.standard_normal((5, 6)).astype(np.float32)), tp.tensor(rng.integers(0, 4, 5))) for _ in range(n)
    ]


OPTIMIZERS = {
    "Adam": lambda p: tp.optim.Adam(p, lr=0.1, weight_decay=0.01),
    "SGD": lambda p: tp.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "dampened": lambda p: tp.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_agrees_with_numpy(cupy: Any, name: str) -> None:
    def losses() -> list[float]:
        step, _ = trainer(False, OPTIMIZERS[name])
        return [step(*batch).item() for batch in batches(5)]

    mine = losses()
    with tp.backend.use("numpy"):
        np.testing.assert_allclose(mine, losses(), rtol=1e-4)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_captured_step_is_the_step(cupy: Any, name: str) -> None:
    results = []
    for graphed in (False, True):
        step, parameters = trainer(graphed, OPTIMIZERS[name])
        losses = [step(*batch).item() for batch in batches(6)]
        results.append((losses, [p.detach().numpy() for p in parameters], [p.grad.numpy() for p in parameters]))
        if graphed:
            assert step.is_captured
    eager, captured = results
    np.testing.assert_allclose(captured[0], eager[0], rtol=1e-5)
    for a, b in zip(captured[1] + captured[2], eager[1] + eager[2], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def captured(function: Any, *args: Any) -> Any:
    graph = tp.cuda.graph(function, warmup=1)
    graph(*args)
    return graph(*args)


@pytest.mark.parametrize(
    "function, reason",
    [
        (lambda x: x * x.sum().item(), "the host cannot read"),
        (lambda x: x if x.sum() > 0 else -x, "the host cannot read"),
        (lambda x: tp.nn.functional.dropout(x), "the key of a random mask"),
        (lambda x: x + tp.rand(3), "values of the host"),
        (lambda x: x * float(x.array.sum()), "CUDA refused"),
    ],
)
def test_what_cannot_be_captured_says_why(cupy: Any, function: Any, reason: str) -> None:
    with pytest.raises(RuntimeError, match=f"cannot be captured as a CUDA graph: {reason}"):
        captured(function, tp.ones(3))
    assert tp.ones(3).sum().item() == 3  # and work goes on


def test_errors_of_the_function_itself_stay_what_they_are(cupy: Any) -> None:
    state = {"calls": 0}

    def function(x: Any) -> Any:
        state["calls"] += 1
        return x.reshape(7) if state["calls"] > 1 else x

    with pytest.raises(RuntimeError, match="reshape"):
        captured(function, tp.ones(3))


def test_changed_arguments_are_refused(cupy: Any) -> None:
    graph = tp.cuda.graph(lambda x, factor: x * factor, warmup=1)
    for _ in range(2):
        assert graph(tp.ones(3), 2.0).tolist() == [2.0] * 3
    assert graph(tp.full((3,), 5.0), 2.0).tolist() == [10.0] * 3
    for args in [(tp.ones(4), 2.0), (tp.ones(3, dtype=tp.float64), 2.0), (tp.ones(3), 3.0)]:
        with pytest.raises(ValueError, match="when the graph was recorded, and is now"):
            graph(*args)
    with pytest.raises(ValueError, match="recorded with 2 arguments, got 1"):
        graph(tp.ones(3))
    with pytest.raises(ValueError, match="requires a gradient"):
        graph(tp.ones(3, requires_grad=True), 2.0)
    graph.reset()
    assert graph(tp.ones(4), 3.0).tolist() == [3.0] * 4


def test_the_device_and_what_it_is_called(cupy: Any) -> None:
    assert tp.cuda.is_available()
    assert tp.cuda.device_count() >= 1
    assert tp.cuda.get_device_name()
    assert tp.ones(2).device.type == "cuda"


def test_without_cuda_the_error_names_the_backend() -> None:
    for call in (tp.cuda.allow_tf32, tp.cuda.get_device_name, tp.cuda.graph(lambda: None)):
        with pytest.raises(RuntimeError, match="'numpy', has no CUDA kernels; start with TINY_PYTORCH_BACKEND=cupy"):
            call()
    tp.cuda.synchronize()


@pytest.mark.parametrize("warmup", [0, True, 1.5])
def test_bad_arguments_of_graph(warmup: Any) -> None:
    with pytest.raises(ValueError, match="warmup"):
        tp.cuda.graph(lambda: None, warmup=warmup)
    with pytest.raises(TypeError, match="expected a function"):
        tp.cuda.Graph(3)  # type: ignore[arg-type]
