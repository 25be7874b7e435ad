"""scikit-learn: MLPClassifier with its Adam.

What is timed is the inside of its loop over batches (gradients, then the optimizer), by its private names: a call of
``partial_fit`` also checks, encodes and shuffles the data, which takes several times longer than a small step.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from .batches import batch_of
from .rows import Mlp, Row
from .step import Step


def load(name: str, threads: int) -> Sklearn:
    warnings.simplefilter("ignore", ConvergenceWarning)
    return Sklearn()


class Sklearn:
    version = sklearn.__version__

    def build(self, row: Row) -> Step | None:
        return Step(self.mlp(row)) if isinstance(row, Mlp) else None

    def mlp(self, row: Mlp) -> Callable[[], object]:
        x, y = batch_of(row)
        net = MLPClassifier(row.sizes[1:-1], alpha=0.0, batch_size=row.batch, learning_rate_init=1e-3)
        net.partial_fit(x, y, classes=numpy.arange(row.sizes[-1]))  # makes parameters and optimizer
        if not row.trains:
            return lambda: net._forward_pass_fast(x, check_input=False)
        target = numpy.eye(row.sizes[-1], dtype=numpy.float32)[y]
        hs = [x] + [None] * (len(row.sizes) - 1)
        deltas, weight_grads, bias_grads = ([None] * (len(row.sizes) - 1) for _ in range(3))
        params = net.coefs_ + net.intercepts_

        def train() -> None:
            net._backprop(x, target, None, hs, deltas, weight_grads, bias_grads)
            net._optimizer.update_params(params, weight_grads + bias_grads)

        return train
