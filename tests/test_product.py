"""The matrix products of ``_ext/product.h`` against longer arithmetic: every layout, size, instruction set and way."""

from __future__ import annotations

import ctypes
import itertools
import mmap
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tiny_pytorch as tp
from tiny_pytorch._ext import linalg

ROOT = Path(__file__).parent.parent
FLAGS = ["-O3", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC", "-fvisibility=hidden"]
LEVELS = [1, 3, 4]
WAYS: list[dict[str, int] | None] = [
    None,  # as planned
    {"dots": 1},
    {"pack_b": 0},
    {"pack_b": 1},
    {"pack_a": 1, "pack_b": 0},
    {"pack_a": 1, "pack_b": 1},
]


class Operand(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("row", ctypes.c_ssize_t), ("column", ctypes.c_ssize_t)]

    @classmethod
    def of(cls, a: np.ndarray | None) -> Operand:
        return cls() if a is None else cls(a.ctypes.data, *(s // a.itemsize for s in a.strides))


class Plan(ctypes.Structure):
    _fields_ = [
        *((size, ctypes.c_ssize_t) for size in "nkm"),
        *((name, Operand) for name in ("a", "b", "c", "base")),
        *((name, ctypes.c_int) for name in ("dots", "pack_a", "pack_b")),
    ]


@pytest.fixture(scope="module", params=LEVELS, ids=lambda level: f"x86-64-v{level}")
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        pytest.skip("needs a C compiler")
    target = tmp_path_factory.mktemp("product") / "product.so"
    source = ROOT / "tests" / "product.c"
    options = [*FLAGS, f"-DTP_SIMD_LEVEL={request.param}", f"-I{ROOT / '_ext'}"]
    subprocess.run([compiler, *options, source, "-o", target], check=True)
    library = ctypes.CDLL(str(target))
    library.level.restype = ctypes.c_char_p
    return library


def widths(library: Any) -> list[int]:
    """The sizes of vectors that this processor takes, in bytes."""
    return [width for width in (16, 32, 64) if width <= library.vector_bytes()]


def multiply(library: Any, bytes_: int, c: np.ndarray, a: np.ndarray, b: np.ndarray, base: Any, way: Any) -> bool:
    plan = Plan(*a.shape, b.shape[1], *map(Operand.of, (a, b, c, base)), **(way or {}))
    return bool(library.multiply(int(c.dtype == np.float64), bytes_, ctypes.byref(plan), int(way is not None)))


def assert_product(c: np.ndarray, a: np.ndarray, b: np.ndarray, base: Any) -> None:
    """c is a @ b + base to within the bound of a sum in any order (N. Higham, Accuracy and Stability, 3.1), twice that
    in float64, where NumPy is no more exact."""
    exact = a.astype(np.float64) @ b.astype(np.float64)
    size = np.abs(a).astype(np.float64) @ np.abs(b).astype(np.float64)
    if base is not None:
        exact, size = exact + base, size + np.abs(base)
    error = np.abs(c - exact)
    bound = (a.shape[1] + 1) * np.finfo(c.dtype).eps / (2 if c.dtype == np.float32 else 1) * size
    assert np.all(error <= bound), f"{np.max(error / bound)} of the bound at {a.shape} @ {b.shape}"


class Drawn:
    """Matrices in the middle of larger ones, in one layout or another."""

    def __init__(self, seed: int, dtype: type) -> None:
        self.rng, self.dtype = np.random.default_rng(seed), dtype

    def __call__(self, rows: int, columns: int, layout: str) -> np.ndarray:
        shape = (rows + 3, columns + 5)
        whole = self.rng.standard_normal(shape[::-1] if layout == "T" else shape).astype(self.dtype)
        whole = whole.T if layout == "T" else whole
        if layout == "S":  # strided both ways, one of them backwards
            whole = self.rng.standard_normal((2 * shape[0], 3 * shape[1])).astype(self.dtype)[::2, ::-3]
        return whole[1 : 1 + rows, 2 : 2 + columns]


def whole_of(a: np.ndarray) -> np.ndarray:
    while a.base is not None:
        a = a.base
    return a


def check(library: Any, draw: Drawn, sizes: tuple[int, int, int], layouts: str, added: str, way: Any) -> None:
    n, k, m = sizes
    a, b, c = draw(n, k, layouts[0]), draw(k, m, layouts[1]), draw(n, m, layouts[2])
    base = {
        "nothing": None,
        "itself": c,
        "a row": np.broadcast_to(draw(1, m, "N"), (n, m)),
        "a column": np.broadcast_to(draw(n, 1, "N"), (n, m)),
        "a matrix": draw(n, m, "T"),
    }[added]
    before = None if base is None else base.copy()
    start, outside = c.copy(), whole_of(c).copy()
    for bytes_ in widths(library):
        c[...] = start
        if not multiply(library, bytes_, c, a, b, base, way):
            continue
        assert_product(c, a, b, before)
        c[...] = start
        assert np.array_equal(whole_of(c), outside), "written beside the result"


ADDED = ["nothing", "itself", "a row", "a column", "a matrix"]


LAYOUTS = ["".join(x) for x in itertools.product("NTS", repeat=3)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_small_products(library: Any, dtype: type) -> None:
    draw = Drawn(0, dtype)
    sizes = list(itertools.product([1, 2, 3, 5, 8, 9], [1, 2, 7, 16, 17], [1, 2, 4, 7, 8, 15, 16, 17]))
    draw.rng.shuffle(sizes)
    for size, case in zip(itertools.cycle(sizes), itertools.product(LAYOUTS, ADDED, WAYS), strict=False):
        check(library, draw, tuple(size), *case)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_at_the_edges_of_tiles_and_blocks(library: Any, way: Any, dtype: type) -> None:
    draw = Drawn(1, dtype)
    edges = [*range(1, 41), 47, 48, 49, 63, 64, 65, 95, 96, 97, 144, 145, 240, 241, 255, 256, 257, 300, 513, 700]
    for i in range(60):
        sizes = tuple(int(draw.rng.choice(edges if i % 3 else edges[:48])) for _ in range(3))
        layouts = "".join(draw.rng.choice(list("NNTTS"), 3))
        check(library, draw, sizes, layouts, ADDED[int(draw.rng.integers(5))], way)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_blocks_of_rows(library: Any, way: Any, dtype: type) -> None:
    """More rows than are taken at once, the last ones fewer than a tile's, with one and with several passes."""
    draw = Drawn(7, dtype)
    for sizes, layouts in (((1307, 130, 21), "NNN"), ((1306, 257, 50), "TNN"), ((21, 140, 1309), "NTT")):
        check(library, draw, sizes, layouts, "itself", way)


def before_a_wall(a: np.ndarray) -> np.ndarray:
    """A copy in row order, of which the last byte stands before a page that may be neither read nor written."""
    pages = -(-a.nbytes // mmap.PAGESIZE)
    memory = np.frombuffer(mmap.mmap(-1, (pages + 1) * mmap.PAGESIZE), np.uint8)
    wall = memory.ctypes.data + pages * mmap.PAGESIZE
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(wall), ctypes.c_size_t(mmap.PAGESIZE), 0) == 0
    copy = memory[pages * mmap.PAGESIZE - a.nbytes : pages * mmap.PAGESIZE].view(a.dtype).reshape(a.shape)
    copy[...] = a
    return copy


@pytest.mark.skipif(os.name != "posix", reason="needs mprotect")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_contiguous_up_to_the_last_byte(library: Any, way: Any, dtype: type) -> None:
    """Nothing behind the ends is touched, and narrow results, rows of which share a vector, are whole."""
    draw = Drawn(8, dtype)
    for n, k, m in itertools.product([1, 8, 19, 70], [3, 270], [1, 10, 17, 65]):
        for layouts in ("NN", "NT", "TN"):
            a = before_a_wall(draw(n, k, "N")) if layouts[0] == "N" else before_a_wall(draw(k, n, "N")).T
            b = before_a_wall(draw(k, m, "N")) if layouts[1] == "N" else before_a_wall(draw(m, k, "N")).T
            row, c = before_a_wall(draw(1, m, "N")), before_a_wall(draw(n, m, "N"))
            for base in (None, np.broadcast_to(row, (n, m)), c):
                before = None if base is None else base.copy()
                for bytes_ in widths(library):
                    if before is not None and base is c:
                        c[...] = before
                    if multiply(library, bytes_, c, a, b, base, way):
                        assert_product(c, a, b, before)


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_nothing_to_add_up(library: Any, way: Any) -> None:
    check(library, Drawn(2, np.float32), (5, 0, 7), "NTN", "nothing", way)
    check(library, Drawn(3, np.float64), (20, 0, 7), "TNT", "a row", way)


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_nan_and_infinity_are_not_skipped(library: Any, way: Any) -> None:
    for sizes in ((2, 9, 9), (17, 33, 50)):
        draw = Drawn(4, np.float32)
        for bytes_, layouts in itertools.product(widths(library), ("NT", "NN", "TN")):
            a, b = draw(*sizes[:2], layouts[0]), draw(*sizes[1:], layouts[1])
            a[0, 1], a[1, 0], b[1, 2], b[0, :] = np.nan, 0, np.inf, np.inf
            c = draw(sizes[0], sizes[2], "N")
            if not multiply(library, bytes_, c, a, b, None, way):
                continue
            with np.errstate(invalid="ignore"):
                expected = a.astype(np.float64) @ b.astype(np.float64)
            assert np.array_equal(np.isnan(c), np.isnan(expected))  # 0 * inf too
            assert np.isnan(c[0]).all()
            assert np.isnan(c[1]).all()
            assert np.array_equal(np.isinf(c), np.isinf(expected))


def test_levels_of_x86_64(library: Any, request: pytest.FixtureRequest) -> None:
    level = request.node.callspec.params["library"]
    assert library.level() in {1: (b"baseline", b"neon"), 3: (b"x86-64-v3", b"baseline", b"neon")}.get(
        level, (b"x86-64-v4", b"x86-64-v3", b"baseline", b"neon")
    )


@pytest.fixture
def threads() -> Iterator[None]:
    before = tp.get_num_threads()
    yield
    tp.set_num_threads(before)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1200, 60, 90), (70, 80, 1300), (300, 600, 257), (1, 3000, 2000), (2000, 3000, 1)])
def test_results_do_not_depend_on_the_number_of_threads(shape: tuple[int, int, int], dtype: type) -> None:
    draw, (n, k, m) = Drawn(5, dtype), shape
    for layouts in ("NN", "NT", "TN", "TT"):
        a, b = draw(n, k, layouts[0]), draw(k, m, layouts[1])
        results = []
        for count in (1, 2, 3, 5):
            tp.set_num_threads(count)
            results.append(linalg.matmul(a, b))
        assert_product(results[0], a, b, None)
        for other in results[1:]:
            assert np.array_equal(results[0], other)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [2, 70])
def test_batches(count: int, dtype: type) -> None:
    rng = np.random.default_rng(6)
    many = rng.standard_normal((count, 7, 9)).astype(dtype)
    heads = rng.standard_normal((count, 9, 2, 7)).astype(dtype)[:, :, 1]  # rows far apart
    single = rng.standard_normal((9, 7)).astype(dtype)
    pairs = [(many, heads), (many, many.swapaxes(1, 2)), (heads, many), (many[None, 1:], heads[None, :-1])]
    pairs += [(many, single), (many[::-1], single), (many[:, ::2], single), (heads, single.T)]
    for a, b in [*pairs, (single, many), (single.T, heads)]:
        product = linalg.matmul(a, b)
        assert product is not NotImplemented
        np.testing.assert_allclose(product, a.astype(np.float64) @ b, rtol=1e-4, atol=1e-5)
        assert product.dtype == dtype
        assert product.flags.c_contiguous


def test_batches_without_one_stride_are_declined() -> None:
    a = np.zeros((4, 5, 3, 3), np.float32)
    assert linalg.matmul(a[::2, ::2], a[::2, ::2]) is NotImplemented
    assert linalg.matmul(a, a[0]) is NotImplemented
    assert linalg.matmul(a, a[:, :, :2]) is NotImplemented
