"""The cache of large blocks of memory behind the compiled kernels' results."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

import tiny_pytorch as tp
from tiny_pytorch._ext import activation, elementwise, memory

pytestmark = pytest.mark.numpy_only

SIZE = 1 << 16  # float32 numbers: 256 KB
PAGE = 4096


@pytest.fixture(autouse=True)
def nothing_idle() -> Iterator[None]:
    """Starts with no idle block, and puts the limit back."""
    before = memory.idle_limit()
    memory.set_idle_limit(0)
    memory.set_idle_limit(None)
    yield
    memory.set_idle_limit(before)


def result(size: int = SIZE) -> np.ndarray:
    return elementwise.relu(np.ones(size, np.float32))


def test_memory_that_was_given_back_comes_again():
    y = result()
    address = y.ctypes.data
    del y
    assert memory.idle_memory() == 4 * SIZE
    y = result()
    assert y.ctypes.data == address
    assert address % 64 == 0
    assert memory.idle_memory() == 0
    np.testing.assert_array_equal(y, 1)


def test_it_serves_what_is_a_little_smaller_but_not_much():
    result(16 * SIZE)  # so much may be held from now on
    memory.set_idle_limit(0)
    memory.set_idle_limit(None)
    result()
    y = result(SIZE - SIZE // 16)
    assert memory.idle_memory() == 0
    del y
    y = result(SIZE // 2)
    assert memory.idle_memory() == 4 * SIZE
    assert len(y) == SIZE // 2


def test_a_view_keeps_its_memory():
    y = result()
    view = y[5:7]
    del y
    assert memory.idle_memory() == 0
    others = [result() for _ in range(3)]
    assert not any(np.shares_memory(view, other) for other in others)
    np.testing.assert_array_equal(view, 1)


def test_small_arrays_and_those_of_numpy_are_not_kept():
    result(64)
    np.ones(SIZE, np.float32)
    assert memory.idle_memory() == 0
    assert np.ones(SIZE, np.float32).ctypes.data % PAGE != 0  # NumPy's own allocator is back in its place


def test_no_more_is_held_than_was_in_use_at_once():
    for size in (SIZE, 3 * SIZE, 9 * SIZE, 27 * SIZE, SIZE):
        y = [result(size), result(size)]
        assert 8 * size <= memory.idle_memory() + 8 * size <= memory.peak_memory()
        y.clear()


def test_a_limit_gives_back_what_is_more():
    y = [result() for _ in range(4)]
    memory.set_idle_limit(2 * 4 * SIZE)
    y.clear()
    assert memory.idle_memory() == 2 * 4 * SIZE
    memory.set_idle_limit(0)
    assert memory.idle_memory() == 0
    result()
    assert memory.idle_memory() == 0


def test_what_nobody_wants_goes_back():
    result(4 * SIZE)
    assert memory.idle_memory() == 16 * SIZE
    for _ in range(5000):
        result()
    assert memory.idle_memory() == 4 * SIZE


def test_arrays_can_still_be_resized():
    y = result()
    y.resize(3 * SIZE, refcheck=False)
    assert y[SIZE - 1] == 1
    assert not y[SIZE:].any()
    y.resize(10, refcheck=False)
    np.testing.assert_array_equal(y, 1)


def test_many_threads():
    kept = [result() for _ in range(8)]

    def work():
        for k in range(50):
            y = activation.silu(kept[k % 8])
            assert np.all(y == y[0])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    kept_later = [result(SIZE + 1024 * k) for k in range(20)]
    for thread in threads:
        thread.join()
    assert all(np.all(y == 1) for y in kept + kept_later)


@pytest.mark.parametrize(
    ("text", "limit"), [("", "None"), ("0", "0"), ("12", str(12 << 20)), ("much", "ValueError"), ("-1", "ValueError")]
)
def test_the_environment_variable(text, limit):
    code = (
        "try:\n"
        "    from tiny_pytorch._ext import memory\n"
        "    print(memory.idle_limit())\n"
        "except ValueError as error:\n"
        "    assert 'TINY_PYTORCH_IDLE_MEMORY' in str(error)\n"
        "    print('ValueError')\n"
    )
    environment = {**os.environ, "TINY_PYTORCH_IDLE_MEMORY": text}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == limit


def test_a_negative_limit_is_refused():
    with pytest.raises(ValueError, match="set_idle_limit"):
        memory.set_idle_limit(-1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_fork():
    code = (
        "import os, warnings\n"
        "import numpy as np\n"
        "from tiny_pytorch._ext import elementwise\n"
        "warnings.simplefilter('ignore')\n"
        "make = lambda: elementwise.relu(np.ones(1 << 20, np.float32))\n"
        "kept = make(); make()\n"
        "child = os.fork()\n"
        "assert (make() == 1).all() and (kept == 1).all()\n"
        "if child == 0: os._exit(0)\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    "shape, other", [((16, 64, 128), (64, 128)), ((64, 1, 32), (1, 128, 1)), ((512, 1), (512, 128))]
)
def test_results_of_broadcasting_come_from_the_cache(shape: tuple[int, ...], other: tuple[int, ...]):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(shape).astype(np.float32), rng.standard_normal(other).astype(np.float32)
    for ours, theirs in ((elementwise.subtract, np.subtract), (elementwise.divide, np.divide)):
        for a, b in ((x, y), (y, x)):
            np.testing.assert_array_equal(z := ours(a, b), theirs(a, b))
            held = memory.idle_memory()
            size = z.nbytes
            del z
            assert memory.idle_memory() >= min(held + size, memory.peak_memory())


def test_shapes_that_do_not_broadcast_are_refused():
    with pytest.raises(ValueError, match="broadcast"):
        elementwise.add(np.ones((512, 256), np.float32), np.ones(255, np.float32))


@pytest.mark.parametrize("optimizer", [tp.optim.Adam, tp.optim.RMSprop])
def test_a_first_step_makes_no_more_than_its_state(optimizer):
    p = tp.zeros(1000, 1000, requires_grad=True)
    p.grad = tp.ones(1000, 1000)
    steps = optimizer([p])
    tracemalloc.start()
    steps.step()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    state = sum(s.array.nbytes for s in steps.state[p].values() if s is not None)
    assert peak < 1.1 * state
