"""The compiled update rules against their reference twins, on raw arrays; and the thread pool below them."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiny_pytorch._ext import optim as compiled
from tiny_pytorch._ext import parallel
from tiny_pytorch.backend.reference import optim as reference

pytestmark = pytest.mark.numpy_only

DTYPES = [np.float32, np.float64]
BETWEEN = 8192  # elements in a block: cuts between threads lie at its multiples
SHAPES = [(), (0,), (1,), (3, 0, 2), (7,), (5, 13), (2, 3, 4), (BETWEEN,), (BETWEEN + 1,)]


class Rule:
    """A rule with values for its hyper-parameters, and how many lists of state it has."""

    def __init__(self, name: str, n_state: int, *hyperparameters: Any):
        self.name, self.n_state, self.hyperparameters = name, n_state, hyperparameters
        self.has_steps = name == "adam"

    def __repr__(self) -> str:
        return f"{self.name}{self.hyperparameters}"

    def _arguments(self, lists: list[Any]) -> list[Any]:
        state = lists[2:] or [None]
        return [lists[0], lists[1], *state, *self.hyperparameters]

    def compiled(self, lists: list[Any]) -> Any:
        return getattr(compiled, self.name)(*self._arguments(lists))

    def reference(self, lists: list[Any]) -> Any:
        return getattr(reference, self.name)(np, *self._arguments(lists))


RULES = [
    Rule("sgd", 0, 0.1, 0.0, 0.0, False),
    Rule("sgd", 0, 0.1, 0.0, 0.3, False),
    Rule("sgd", 1, 0.1, 0.9, 0.3, False),
    Rule("sgd", 1, 0.1, 0.9, 0.0, True),
    Rule("sgd_dampened", 0, 0.1, 0.0, 0.0, 0.0, False),
    Rule("sgd_dampened", 0, 0.1, 0.0, 0.0, 0.3, False),
    Rule("sgd_dampened", 1, 0.1, 0.9, 0.2, 0.0, False),
    Rule("sgd_dampened", 1, 0.1, 0.9, 0.2, 0.3, False),
    Rule("sgd_dampened", 1, 0.1, 0.9, 0.0, 0.0, True),
    Rule("sgd_dampened", 1, 0.1, 0.9, 0.0, 0.3, True),
    Rule("adam", 2, 0.1, 0.9, 0.999, 1e-8, 0.0),
    Rule("adam", 2, 0.1, 0.8, 0.95, 1e-3, 0.3),
]
every_rule = pytest.mark.parametrize("rule", RULES, ids=repr)


def make(rule: Rule, shapes: list[tuple[int, ...]], dtype: Any, seed: int = 0) -> list[list[np.ndarray]]:
    """Lists of parameters, gradients and state; each parameter has a count of steps of its own."""
    rng = np.random.default_rng(seed)
    lists = [
        [np.asarray(rng.standard_normal(s)).astype(dtype) for s in shapes] for _ in range(2 + rule.n_state)
    ]
    if rule.has_steps:
        lists[3] = [np.abs(v) for v in lists[3]]
        lists[3] = [np.asarray(v) for v in lists[3]]  # np.abs of shape () is a scalar
        lists.append([np.full((), 3 * i, np.float32) for i in range(len(shapes))])
    return lists


def copied(lists: list[list[np.ndarray]]) -> list[list[np.ndarray]]:
    return [[a.copy() for a in arrays] for arrays in lists]


def written(rule: Rule, lists: list[list[np.ndarray]]) -> list[list[np.ndarray]]:
    """The lists that a rule changes: all but the gradients."""
    return [lists[0], *lists[2:]]


def assert_same(actual: Any, expected: Any, rtol: float) -> None:
    for a, e in zip(actual, expected, strict=True):
        if e is None:
            assert a is None
            continue
        for x, y in zip(a, e, strict=True):
            y = np.asarray(y)
            assert x.dtype == y.dtype
            assert x.shape == y.shape
            np.testing.assert_allclose(x, y, rtol=rtol, atol=rtol)


def tolerance(dtype: Any) -> float:
    return 16 * float(np.finfo(dtype).eps)


@every_rule
@pytest.mark.parametrize("dtype", DTYPES)
def test_equals_reference(rule, dtype):
    lists = make(rule, SHAPES, dtype)
    expected = rule.reference(copied(lists))
    before = copied(lists)
    result = rule.compiled(lists)
    assert result[0] is lists[0]
    assert_same(result, expected, tolerance(dtype))
    assert_same([lists[1]], [before[1]], 0)


@every_rule
@given(data=st.data())
def test_equals_reference_on_any_shapes(rule, data):
    shapes = data.draw(st.lists(st.lists(st.integers(0, 40), max_size=3).map(tuple), max_size=6))
    dtype = data.draw(st.sampled_from(DTYPES))
    lists = make(rule, shapes, dtype, seed=data.draw(st.integers(0, 2**32 - 1)))
    expected = rule.reference(copied(lists))
    assert_same(rule.compiled(lists), expected, tolerance(dtype))


@every_rule
def test_both_dtypes_in_one_list(rule):
    narrow, wide = make(rule, [(5, 7)], np.float32), make(rule, [(300,)], np.float64)
    lists = [n + w for n, w in zip(narrow, wide, strict=True)]
    expected = rule.reference(copied(lists))
    assert_same(rule.compiled(lists), expected, tolerance(np.float32))


@every_rule
@pytest.mark.parametrize("dtype", DTYPES)
def test_nan_and_infinity(rule, dtype):
    lists = make(rule, [(64,)] * 4, dtype)
    for k, value in enumerate([np.nan, np.inf, -np.inf]):
        lists[0][k][k::5] = lists[1][k][k + 1 :: 7] = value
    with np.errstate(all="ignore"):
        expected = rule.reference(copied(lists))
    assert_same(rule.compiled(lists), expected, tolerance(dtype))


@every_rule
@pytest.mark.parametrize(
    "odd",
    [
        lambda g: np.repeat(g, 2, axis=-1)[..., ::2],
        lambda g: np.asfortranarray(g),
        lambda g: g[:, ::-1].copy()[:, ::-1],
        lambda g: np.frombuffer(b"\0" + g.tobytes(), g.dtype, offset=1).reshape(g.shape),
    ],
    ids=["strided", "column-major", "reversed", "misaligned and read-only"],
)
def test_gradient_of_odd_layout(rule, odd):
    lists = make(rule, [(6, 5), (4, 3)], np.float32)
    expected = rule.reference(copied(lists))
    lists[1][0] = odd(lists[1][0])
    result = rule.compiled(lists)
    assert result[0] is lists[0]
    assert_same(result, expected, tolerance(np.float32))


@every_rule
def test_gradient_may_be_read_only_and_broadcast(rule):
    lists = make(rule, [(6, 5)], np.float64)
    gradient = np.broadcast_to(np.float64(0.5), (6, 5))
    expected = rule.reference([copied(lists)[0], [gradient.copy()], *copied(lists)[2:]])
    lists[1] = [gradient]
    assert_same(rule.compiled(lists), expected, tolerance(np.float64))


class Subclass(np.ndarray):
    pass


CHANGES = {
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "column-major": lambda a: np.asfortranarray(a),
    "read-only": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
    "byte-swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "misaligned": lambda a: np.frombuffer(bytearray(b"\0" + a.tobytes()), a.dtype, offset=1).reshape(a.shape),
    "float16": lambda a: a.astype(np.float16),
    "int64": lambda a: a.astype(np.int64),
    "complex": lambda a: a.astype(np.complex64),
    "subclass": lambda a: a.view(Subclass),
    "other dtype": lambda a: a.astype(np.float64),
    "other shape": lambda a: a[:-1].copy(),
    "other rank": lambda a: a.reshape(-1),
    "list": lambda a: a.tolist(),
    "None": lambda a: None,
}


@every_rule
@pytest.mark.parametrize("change", CHANGES)
def test_refuses_without_changing_anything(rule, change):
    for role in range(2 + rule.n_state):
        if role == 1 and change in ("strided", "column-major", "read-only", "misaligned"):
            continue  # such gradients are handled
        lists = make(rule, [(6, 5), (4, 3)], np.float32)
        before = copied(lists)
        lists[role][1] = CHANGES[change](lists[role][1])
        assert rule.compiled(lists) is NotImplemented
        assert_same([a[:1] for a in lists], [b[:1] for b in before], 0)


@every_rule
def test_refuses_lists_of_other_lengths_and_other_sequences(rule):
    for role in range(len(make(rule, [(2,)], np.float32))):
        lists = make(rule, [(6, 5), (4, 3)], np.float32)
        lists[role] = lists[role][:1]
        assert rule.compiled(lists) is NotImplemented
        lists = make(rule, [(6, 5)], np.float32)
        lists[role] = tuple(lists[role])
        assert rule.compiled(lists) is NotImplemented


@every_rule
def test_reference_names_what_does_not_fit(rule):
    lists = make(rule, [(6, 5), (4, 3)], np.float32)
    with pytest.raises(ValueError, match=r"parameter 1 .*\(4, 3\).*gradient.*\(3, 4\)"):
        rule.reference([lists[0], [lists[1][0], lists[1][1].T], *lists[2:]])
    with pytest.raises(TypeError, match=r"parameter 0 .*float32.*gradient.*float64"):
        rule.reference([lists[0], [lists[1][0].astype(np.float64), lists[1][1]], *lists[2:]])
    with pytest.raises(ValueError, match="gradient: expected one for each of 2 parameters, got 1"):
        rule.reference([lists[0], lists[1][:1], *lists[2:]])


@pytest.mark.parametrize("bad", [np.zeros((), np.float64), np.zeros(2, np.float32), 3], ids=repr)
def test_adam_refuses_other_counts(bad):
    lists = make(RULES[-1], [(6, 5), (4, 3)], np.float32)
    before = copied(lists)
    lists[4][1] = bad
    assert RULES[-1].compiled(lists) is NotImplemented
    assert_same([a[:1] for a in lists], [b[:1] for b in before], 0)


def test_parameters_may_share_a_count():
    rule = RULES[-1]
    lists = make(rule, [(6, 5), (4, 3)], np.float32)
    lists[4] = [lists[4][1]] * 2
    expected = rule.reference(copied(lists))
    assert_same(rule.compiled(lists), expected, tolerance(np.float32))


class TestSharedMemory:
    """An array that a rule writes must share memory with no other of the call."""

    momentum = RULES[2]

    def lists(self, *indices: tuple[int, int], n: int = 8) -> list[list[np.ndarray]]:
        """Two parameters, gradients, velocities as slices of one buffer; ``indices`` are their first elements."""
        buffer = np.arange(100, dtype=np.float32)
        return [[buffer[i : i + n] for i in pair] for pair in indices]

    @pytest.mark.parametrize(
        "indices",
        [
            [(0, 10), (0, 20), (30, 40)],
            [(0, 10), (20, 0), (30, 40)],
            [(0, 0), (20, 30), (40, 50)],
            [(0, 7), (20, 30), (40, 50)],
            [(0, 10), (20, 30), (40, 17)],
            [(0, 10), (20, 30), (40, 40)],
            [(0, 10), (20, 30), (25, 50)],
            [(90, 10), (83, 30), (25, 50)],
        ],
        ids=repr,
    )
    def test_refused(self, indices):
        lists = self.lists(*indices)
        before = copied(lists)
        assert self.momentum.compiled(lists) is NotImplemented
        assert_same(lists, before, 0)

    @pytest.mark.parametrize(
        "indices",
        [[(0, 8), (16, 24), (32, 40)], [(40, 8), (16, 16), (32, 0)], [(0, 10), (20, 24), (40, 50)]],
        ids=repr,
    )
    def test_neighbours_and_gradients_that_overlap_are_handled(self, indices):
        lists = self.lists(*indices)
        expected = self.momentum.reference(copied(lists))
        assert_same(self.momentum.compiled(lists), expected, tolerance(np.float32))

    def test_empty_arrays_share_nothing(self):
        empty = np.zeros(0, np.float32)
        assert self.momentum.compiled([[empty] * 2] * 3) is not NotImplemented

    @given(
        starts=st.lists(st.integers(0, 60), min_size=12, max_size=12, unique=True),
        sizes=st.lists(st.integers(0, 12), min_size=4, max_size=4),
    )
    def test_agrees_with_numpy(self, starts, sizes):
        buffer = np.zeros(80, np.float32)
        lists = [[buffer[s : s + n] for s, n in zip(starts[k::3], sizes, strict=True)] for k in range(3)]
        arrays = [(k, a) for k, some in enumerate(lists) for a in some]
        shares = any(
            np.shares_memory(a, b)
            for i, (k, a) in enumerate(arrays)
            for j, b in arrays[i + 1 :]
            if not (k == 1 and j == 1)
        )
        assert (self.momentum.compiled(lists) is NotImplemented) == shares


class TestDenormals:
    """Numbers below the smallest normal one count as zero in a kernel, and only there, and only if nobody can tell."""

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_state_does_not_linger_in_them(self, dtype):
        tiny = np.finfo(dtype).tiny
        p, g, m, v = (np.full(100, x, dtype) for x in (1.0, 0.0, tiny / 2, tiny / 2))
        compiled.adam([p], [g], [m], [v], [np.zeros((), np.float32)], 0.1, 0.9, 0.999, 1e-8, 0.0)
        assert (p == 1).all()
        assert (m <= tiny / 2).all()
        assert dtype(tiny) / dtype(2) != 0  # the mode of the calling thread is as it was

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_a_tiny_eps_keeps_them(self, dtype):
        g = np.full(100, np.sqrt(np.finfo(dtype).tiny) * 4, dtype)
        lists = [[np.zeros(100, dtype)], [g], [np.zeros(100, dtype)], [np.zeros(100, dtype)]]
        lists.append([np.zeros((), np.float32)])
        hyperparameters = (0.1, 0.9, 0.999, 0.0, 0.0)
        expected = reference.adam(np, *copied(lists), *hyperparameters)
        result = compiled.adam(*lists, *hyperparameters)
        np.testing.assert_allclose(result[0][0], expected[0][0], rtol=1e-3)
        assert np.isfinite(result[0][0]).all()


@pytest.fixture
def threads():
    """Sets the number of threads, and puts it back."""
    before = parallel.get_num_threads()
    yield parallel.set_num_threads
    parallel.set_num_threads(before)


LARGE = [(700, 501), (3,), (1,), (0,), (40 * BETWEEN,), (BETWEEN - 1, 3)]


@every_rule
@pytest.mark.parametrize("dtype", DTYPES)
def test_threads_do_not_change_results(rule, dtype, threads):
    lists = make(rule, LARGE, dtype)
    results = {}
    for n in (1, 2, 5):
        threads(n)
        mine = copied(lists)
        for _ in range(3):
            assert rule.compiled(mine) is not NotImplemented
        results[n] = written(rule, mine)
    assert_same(results[2], results[1], 0)
    assert_same(results[5], results[1], 0)


def test_many_python_threads_at_once(threads):
    threads(3)
    rule = RULES[-1]
    lists = make(rule, LARGE, np.float32)
    expected = copied(lists)
    for _ in range(4):
        rule.compiled(expected)
    mine = [copied(lists) for _ in range(4)]

    def work(some):
        for _ in range(4):
            rule.compiled(some)

    workers = [threading.Thread(target=work, args=(some,)) for some in mine]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for some in mine:
        assert_same(some, expected, 0)


def test_allocates_nothing(threads):
    threads(2)
    rule = RULES[-1]
    lists = make(rule, [(64, 64)] * 10 + [(300_000,)], np.float32)
    rule.compiled(lists)
    gc.collect()
    numpy_domain = np.lib.tracemalloc_domain
    tracemalloc.start()
    try:
        for _ in range(5):
            rule.compiled(lists)
        traces = tracemalloc.take_snapshot().filter_traces([tracemalloc.DomainFilter(True, numpy_domain)])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert not traces.traces
    assert peak < 4096


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


USE_POOL = """
import numpy as np
from tiny_pytorch._ext import optim, parallel
p, g = np.zeros(600_000, np.float32), np.ones(600_000, np.float32)
def work():
    optim.sgd([p], [g], None, 1.0, 0.0, 0.0, False)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_fork_starts_afresh():
    code = USE_POOL + (
        "import os, warnings\n"
        "warnings.simplefilter('ignore')\n"  # Python 3.12 warns of forking with threads, which is the point
        "parallel.set_num_threads(4)\n"
        "for _ in range(20): work()\n"
        "child = os.fork()\n"
        "for _ in range(20): work()\n"
        "assert (p == -40).all()\n"
        "if child == 0:\n"
        "    parallel.set_num_threads(2)\n"
        "    work()\n"
        "    os._exit(0 if (p == -41).all() else 1)\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    done = run_python(code)
    assert done.returncode == 0, done.stderr


def test_exit_is_clean():
    done = run_python(USE_POOL + "parallel.set_num_threads(4)\nwork()\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


class TestNumThreads:
    def test_set_and_get(self, threads):
        for n in (1, 2, 3, np.int64(2)):
            threads(n)
            assert parallel.get_num_threads() == n

    @pytest.mark.parametrize("bad", [0, -1, 257])
    def test_out_of_range(self, bad):
        before = parallel.get_num_threads()
        with pytest.raises(ValueError, match=rf"from 1 to 256, got {bad}"):
            parallel.set_num_threads(bad)
        assert parallel.get_num_threads() == before

    @pytest.mark.parametrize("bad", [1.5, "2", None, True])
    def test_not_an_integer(self, bad):
        with pytest.raises(TypeError, match="must be an integer"):
            parallel.set_num_threads(bad)

    def test_environment_variable(self):
        code = "from tiny_pytorch._ext import parallel; print(parallel.get_num_threads())"
        assert run_python(code, TINY_PYTORCH_NUM_THREADS="3").stdout == "3\n"
        assert int(run_python(code, TINY_PYTORCH_NUM_THREADS="").stdout) == parallel.usable_cores()

    @pytest.mark.parametrize("bad", ["0", "-1", "many", "1.5", "1000"])
    def test_bad_environment_variable(self, bad):
        done = run_python("import tiny_pytorch._ext.parallel", TINY_PYTORCH_NUM_THREADS=bad)
        assert done.returncode != 0
        assert "TINY_PYTORCH_NUM_THREADS must be an integer from 1 to 256" in done.stderr
