"""The floor of each row: what a step cannot do without, timed by NumPy in the same run.

    floor = the step's matrix products alone + the bytes that must move / the bandwidth

* **Products**: forward, gradient of the weight, gradient of the input (not for a first layer on data), each by
  ``np.matmul(out=)`` on operands that stay in cache, for whose start nothing is counted (a stack is one call).
  A convolution counts as the equal product, weight (O, C k k) times columns (C k k, places of all images), and the two
  of that size in its gradient, in tiles of at most 512 places; the columns exist already. Attention counts its full
  squares of scores: nothing is saved for the causal mask, and nothing is computed twice.
* **Bytes**: an optimizer reads parameter, gradient and moments and writes parameter and moments: 28 bytes for each
  parameter under Adam, 20 under SGD with momentum. Activations (each layer's output, counted once) are written by
  the forward pass and read by the backward pass: 8 bytes each.
* **Bandwidth**: of reading and writing in place (``x *= c``) a working set as large as the step's: parameters,
  gradients and moments (16 bytes for each parameter, SGD 12) and activations (4 bytes each). So what fits a cache
  moves at that cache's speed. A copy between two arrays would be a lenient yardstick: out of cache it first reads
  what it is going to overwrite, and moves its bytes at half the speed at which an optimizer can move its own.

Not counted: everything elementwise, all overhead, and the reading of operands that products share with nothing else. A
library can come below it where its products are faster than NumPy's.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy
from workloads.rows import RESNET9, Cnn, Gpt, LanguageModel, Mlp, OptimizerStep, ResNet9, Row
from workloads.step import Clock, Step

STACK = 2_000_000  # multiplications in a call of matmul, so that starting it (1 µs) is less than 2 % of it
ONE = numpy.float32(1)
TILE = 512  # places of a convolution in one product


@dataclass(frozen=True)
class Product:
    """``count`` products (m, k) @ (k, n), one after the other."""

    m: int
    k: int
    n: int
    count: int = 1

    def gradients(self, data: bool) -> Iterator[Product]:
        """Those that its gradient takes: (k, m) @ (m, n) for the weight, (m, n) @ (n, k) for the ``data``."""
        yield Product(self.k, self.m, self.n, self.count)
        if data:
            yield Product(self.m, self.n, self.k, self.count)


@dataclass
class Work:
    """What a step of a row must do."""

    products: list[Product] = field(default_factory=list)
    parameters: int = 0
    activations: int = 0
    update_bytes: int = 28  # for each parameter
    state_bytes: int = 16

    def layer(self, product: Product, parameters: int, trains: bool, data: bool = True) -> None:
        """A layer whose forward pass is ``product``."""
        self.products.append(product)
        if trains:
            self.products.extend(product.gradients(data))
            self.parameters += parameters
            self.activations += product.m * product.n * product.count

    @property
    def moved(self) -> int:
        return self.update_bytes * self.parameters + 8 * self.activations

    @property
    def working_set(self) -> int:
        return self.state_bytes * self.parameters + 4 * self.activations


def mlp(row: Mlp) -> Work:
    work = Work()
    for i, (n_in, n_out) in enumerate(itertools.pairwise(row.sizes)):
        work.layer(Product(row.batch, n_in, n_out), n_in * n_out + n_out, row.trains, data=i > 0)
    return work


def conv(work: Work, n_in: int, n_out: int, kernel: int, places: int, trains: bool, data: bool) -> None:
    taps, tiles = n_in * kernel * kernel, -(-places // TILE)
    work.layer(Product(n_out, taps, places // tiles, tiles), n_out * taps + n_out, trains, data)


def cnn(row: Cnn) -> Work:
    work = Work()
    conv(work, 1, 32, 3, row.batch * 28 * 28, row.trains, data=False)
    conv(work, 32, 64, 3, row.batch * 14 * 14, row.trains, data=True)
    for n_in, n_out in ((3136, 128), (128, 10)):
        work.layer(Product(row.batch, n_in, n_out), n_in * n_out + n_out, row.trains)
    return work


def resnet9(row: ResNet9) -> Work:
    """Batch norm keeps its input besides its output: its activations count too."""
    work, side = Work(), 32
    for i, (n_in, n_out, kernel, stride) in enumerate(RESNET9):
        side //= stride
        conv(work, n_in, n_out, kernel, row.batch * side * side, row.trains, data=i > 0)
        work.parameters += 2 * n_out
        work.activations += row.batch * n_out * side * side
    for n_in, n_out in ((128, 128), (128, 10)):
        work.layer(Product(row.batch, n_in, n_out), n_in * n_out + n_out, row.trains)
    return work


def language_model(row: LanguageModel) -> Work:
    """Layer by layer: the input's product over the whole sequence, the recurrent one step by step; then the head. Kept:
    embeddings, gates, cells and outputs."""
    work, tokens, hidden = Work(), row.length * row.batch, row.hidden
    for n_in in [row.embedding] + [hidden] * (row.layers - 1):
        work.layer(Product(tokens, n_in, 4 * hidden), 4 * hidden * (n_in + 1), row.trains)
        work.products += [Product(row.batch, hidden, 4 * hidden, row.length), Product(hidden, tokens, 4 * hidden)]
        work.products.append(Product(row.batch, 4 * hidden, hidden, row.length))
        work.parameters += 4 * hidden * (hidden + 1)
        work.activations += 2 * tokens * hidden
    work.layer(Product(tokens, hidden, row.vocabulary), (hidden + 1) * row.vocabulary, row.trains)
    work.parameters += row.vocabulary * row.embedding
    work.activations += tokens * row.embedding
    return work


def gpt(row: Gpt) -> Work:
    """Kept besides the products' results: what norms and GELU make (5 + 4 widths a token and block)."""
    work, tokens, width = Work(), row.batch * row.context, row.width
    heads, per_head = row.batch * row.heads, row.width // row.heads
    for _ in range(row.layers):
        for n_in, n_out in ((width, 3 * width), (width, width), (width, 4 * width), (4 * width, width)):
            work.layer(Product(tokens, n_in, n_out), n_in * n_out + n_out, row.trains)
        scores = Product(row.context, per_head, row.context, heads)
        mixed = Product(row.context, row.context, per_head, heads)
        work.products += [scores, *scores.gradients(data=True), mixed, *mixed.gradients(data=True)]
        work.activations += 9 * tokens * width
        work.parameters += 4 * width
    work.layer(Product(tokens, width, row.vocabulary), width * row.vocabulary, row.trains)
    work.parameters += (row.vocabulary + row.context + 2) * width
    work.activations += 2 * tokens * width
    return work


def optimizer_step(row: OptimizerStep) -> Work:
    parameters = sum(int(numpy.prod(shape)) for shape in row.shapes)
    if row.name == "SGD":
        return Work(parameters=parameters, update_bytes=20, state_bytes=12)
    return Work(parameters=parameters)


def work_of(row: Row) -> Work | None:
    """None for chains of scalars, which are overhead alone."""
    match row:
        case Mlp():
            return mlp(row)
        case Cnn():
            return cnn(row)
        case ResNet9():
            return resnet9(row)
        case LanguageModel():
            return language_model(row)
        case Gpt():
            return gpt(row)
        case OptimizerStep():
            return optimizer_step(row)
    return None


def stacked(array: numpy.ndarray, times: int) -> numpy.ndarray:
    """``times`` of the same memory, as a stack that matmul goes through."""
    return numpy.lib.stride_tricks.as_strided(array, (times, *array.shape), (0, *array.strides))


def multiply(product: Product, repeats: int) -> Callable[[], object]:
    """Does ``product`` ``repeats`` times, many in each call."""
    a, b = numpy.ones((product.m, product.k), numpy.float32), numpy.ones((product.k, product.n), numpy.float32)
    out, times = numpy.empty((product.m, product.n), numpy.float32), product.count * repeats
    if times == 1:
        return lambda: numpy.matmul(a, b, out=out)
    a, b, out = (stacked(array, times) for array in (a, b, out))
    return lambda: numpy.matmul(a, b, out=out)


def move(work: Work, threads: int) -> Callable[[], object]:
    """Moves ``work.moved`` bytes within ``work.working_set`` bytes, on ``threads`` threads where a pass is long."""
    memory = numpy.ones(work.working_set // 4, numpy.float32)
    passes, rest = divmod(work.moved // 8, memory.size)  # an element in place moves 8 bytes
    parts = [memory] * passes + [memory[:rest]] * (rest > 0)
    if threads == 1 or work.working_set < 1 << 20:

        def run() -> None:
            for part in parts:
                numpy.multiply(part, ONE, out=part)

        return run
    pool = ThreadPoolExecutor(threads)

    def share(i: int) -> None:
        for part in parts:
            mine = part[part.size * i // threads : part.size * (i + 1) // threads]
            numpy.multiply(mine, ONE, out=mine)

    return lambda: list(pool.map(share, range(threads)))


def load(name: str, threads: int) -> Floor:
    return Floor(threads)


class Floor:
    """The floor as if it were a peer."""

    version = numpy.__version__

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def build(self, row: Row) -> FloorStep | None:
        work = work_of(row)
        if work is None:
            return None
        parts = []
        for product in work.products:
            repeats = max(1, STACK // (product.m * product.k * product.n * product.count))
            parts.append((multiply(product, repeats), repeats))
        if work.moved:
            parts.append((move(work, self.threads), 1))
        return FloorStep(parts)


class FloorStep(Step):
    """Times its parts one by one, so that each finds its operands in the cache."""

    def __init__(self, parts: list[tuple[Callable[[], object], int]]) -> None:
        super().__init__(lambda: [run() for run, _ in parts])
        self.parts = parts

    def seconds(self, clock: Clock, calls: int) -> float:
        return sum(Step(run).seconds(clock, max(1, calls // repeats)) / repeats for run, repeats in self.parts)
