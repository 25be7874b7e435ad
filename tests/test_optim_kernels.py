"""The compiled update rules against their reference twins, on raw arrays."""

from __future__ import annotations

import gc
import threading
import tracemalloc

import numpy as np
import pytest
from cases.optim_kernels import (
    BETWEEN,
    DTYPES,
    RULES,
    SHAPES,
    assert_same,
    copied,
    every_rule,
    make,
    tolerance,
    written,
)
from hypothesis import given
from hypothesis import strategies as st

from tiny_pytorch._ext import optim as compiled
from tiny_pytorch.backend.reference import optim as reference

pytestmark = pytest.mark.numpy_only


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
    lists[-1][1] = bad
    assert RULES[-1].compiled(lists) is NotImplemented
    assert_same([a[:1] for a in lists], [b[:1] for b in before], 0)


def test_parameters_may_share_a_count():
    rule = RULES[-1]
    lists = make(rule, [(6, 5), (4, 3)], np.float32)
    lists[-1] = [lists[-1][1]] * 2
    expected = rule.reference(copied(lists))
    assert_same(rule.compiled(lists), expected, tolerance(np.float32))


class TestSharedMemory:
    """An array that a rule writes must share memory with no other of the call."""

    momentum = RULES[2]

    def lists(self, *indices: tuple[int, int], n: int = 8) -> list[list[np.ndarray]]:
        """Two parameters, gradients, velocities as slices of one buffer, from these elements on."""
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

    @pytest.mark.parametrize("same", [(0, 0, 1, 0), (0, 0, 0, 1), (2, 0, 2, 1), (0, 1, 2, 0), (1, 0, 2, 1)], ids=repr)
    def test_the_same_array_twice_is_refused(self, same):
        lists = make(self.momentum, [(8,), (8,), (8,)], np.float32)
        one, i, other, j = same
        lists[other][j] = lists[one][i]
        before = copied(lists)
        assert self.momentum.compiled(lists) is NotImplemented
        assert_same(lists, before, 0)

    def test_parameters_may_share_a_gradient(self):
        lists = make(self.momentum, [(8,), (8,)], np.float32)
        lists[1][1] = lists[1][0]
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


@pytest.mark.parametrize("dtype", DTYPES)
def test_adam_takes_roots_of_any_second_moment(dtype):
    """In float32 they may come from multiplications alone (``sqrt.h``)."""
    info = np.finfo(dtype)
    special = [0, -0.0, info.tiny, 1e-37, 1e-30, 1, info.max, np.inf, np.nan, -1e-30, -1, -np.inf]
    v = np.concatenate([special, np.logspace(-28, 38, 4000)]).astype(dtype)
    m = np.ones_like(v)
    lists = [[np.zeros_like(v)], [np.zeros_like(v)], [m], [v], [np.full((), 1000, np.float32)]]
    hyperparameters = (1.0, 0.5, 0.5, 1e-8, 0.0)
    with np.errstate(all="ignore"):
        expected = reference.adam(np, *copied(lists[:4]), None, *copied(lists[4:]), *hyperparameters)
    compiled.adam(*lists[:4], None, lists[4], *hyperparameters)
    np.testing.assert_allclose(lists[0][0], expected[0][0], rtol=4 * info.eps)


class TestDenormals:
    """Numbers below the smallest normal one count as zero in a kernel, only there, if nobody can tell."""

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_state_does_not_linger_in_them(self, dtype):
        tiny = np.finfo(dtype).tiny
        p, g, m, v = (np.full(100, x, dtype) for x in (1.0, 0.0, tiny / 2, tiny / 2))
        compiled.adam([p], [g], [m], [v], None, [np.zeros((), np.float32)], 0.1, 0.9, 0.999, 1e-8, 0.0)
        assert (p == 1).all()
        assert (m <= tiny / 2).all()
        assert dtype(tiny) / dtype(2) != 0  # the mode of the calling thread is as it was

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_a_tiny_eps_keeps_them(self, dtype):
        g = np.full(100, np.sqrt(np.finfo(dtype).tiny) * 4, dtype)
        lists = [[np.zeros(100, dtype)], [g], [np.zeros(100, dtype)], [np.zeros(100, dtype)]]
        lists.append([np.zeros((), np.float32)])
        hyperparameters = (0.1, 0.9, 0.999, 0.0, 0.0)
        expected = reference.adam(np, *copied(lists[:4]), None, *copied(lists[4:]), *hyperparameters)
        result = compiled.adam(*lists[:4], None, lists[4], *hyperparameters)
        np.testing.assert_allclose(result[0][0], expected[0][0], rtol=1e-3)
        assert np.isfinite(result[0][0]).all()


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
