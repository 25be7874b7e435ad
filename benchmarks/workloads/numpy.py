"""NumPy by hand: networks of linear layers with their gradients written out, and the optimizers."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy

from .batches import batch_of
from .numpy_optim import SGD, Adam
from .rows import Mlp, OptimizerStep, Row
from .step import Step


def load(name: str, threads: int) -> NumPy:
    return NumPy()


class NumPy:
    version = numpy.__version__

    def build(self, row: Row) -> Step | None:
        match row:
            case OptimizerStep():
                params = [numpy.ones(shape, numpy.float32) for shape in row.shapes]
                grads = [numpy.full(shape, 0.5, numpy.float32) for shape in row.shapes]
                optimizer = {"Adam": Adam, "SGD": SGD}[row.name](params)
                return Step(lambda: optimizer.step(grads))
            case Mlp():
                return Step(self.mlp(row))
        return None

    def mlp(self, row: Mlp) -> Callable[[], object]:
        rng = numpy.random.default_rng(0)
        layers = [
            ((rng.standard_normal((n_in, n_out)) / n_in**0.5).astype(numpy.float32), numpy.zeros(n_out, numpy.float32))
            for n_in, n_out in itertools.pairwise(row.sizes)
        ]
        x, y = batch_of(row)

        def forward() -> list[numpy.ndarray]:
            """The inputs of each layer, and the logits."""
            hs = [x]
            for weight, bias in layers:
                h = hs[-1] @ weight
                h += bias
                hs.append(h if weight is layers[-1][0] else numpy.maximum(h, 0, out=h))
            return hs

        if not row.trains:
            return forward
        adam = Adam([array for layer in layers for array in layer])
        rows, share = numpy.arange(row.batch), numpy.float32(1 / row.batch)

        def train() -> None:
            *hs, g = forward()
            g -= g.max(1, keepdims=True)
            numpy.exp(g, out=g)
            g /= g.sum(1, keepdims=True)
            g[rows, y] -= 1
            g *= share
            grads: list[numpy.ndarray] = []
            for (weight, _), h in zip(reversed(layers), reversed(hs), strict=True):
                grads += [g.sum(0), h.T @ g]
                if h is not x:
                    g = g @ weight.T
                    g *= h > 0
            adam.step(grads[::-1])

        return train
