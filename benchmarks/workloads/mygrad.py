"""MyGrad: networks of linear layers, and chains of scalars. It has no optimizers: Adam is NumPy's, by hand."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import mygrad
import numpy
from mygrad.nnet.activations import relu
from mygrad.nnet.losses import softmax_crossentropy

from .batches import batch_of
from .numpy_optim import Adam
from .rows import Mlp, Row, ScalarChain
from .step import Step


def load(name: str, threads: int) -> MyGrad:
    mygrad.turn_memory_guarding_off()  # a check that MyGrad's manual advises to turn off for speed
    return MyGrad()


class MyGrad:
    version = mygrad.__version__

    def build(self, row: Row) -> Step | None:
        match row:
            case ScalarChain():
                return Step(self.scalar_chain(row.times))
            case Mlp():
                return Step(self.mlp(row))
        return None

    def mlp(self, row: Mlp) -> Callable[[], object]:
        rng = numpy.random.default_rng(0)
        params: list[Any] = []
        for n_in, n_out in itertools.pairwise(row.sizes):
            weight = (rng.standard_normal((n_in, n_out)) / n_in**0.5).astype(numpy.float32)
            params += [mygrad.tensor(weight), mygrad.tensor(numpy.zeros(n_out, numpy.float32))]
        x, y = batch_of(row)

        def forward() -> Any:
            h: Any = x
            for weight, bias in zip(params[:-2:2], params[1:-2:2], strict=True):
                h = relu(h @ weight + bias)
            return h @ params[-2] + params[-1]

        def infer() -> None:
            with mygrad.no_autodiff:
                forward()

        if not row.trains:
            return infer
        adam = Adam([p.data for p in params])

        def train() -> None:
            softmax_crossentropy(forward(), y).backward()
            adam.step([p.grad for p in params])

        return train

    def scalar_chain(self, times: int) -> Callable[[], object]:
        x, y0 = mygrad.tensor(0.5, dtype=numpy.float32), mygrad.tensor(1.01, dtype=numpy.float32)

        def step() -> None:
            y = y0
            for _ in range(times):
                y = y * x + x
            y.backward()

        return step
