"""Adam and SGD with momentum by hand, in place, with nothing allocated after the start."""

from __future__ import annotations

from collections.abc import Sequence

import numpy

Arrays = Sequence[numpy.ndarray]


class Adam:
    def __init__(self, params: Arrays, lr: float = 1e-3) -> None:
        self.params, self.lr, self.t = params, lr, 0
        self.means = [(numpy.zeros_like(p), numpy.zeros_like(p), numpy.empty_like(p)) for p in params]

    def step(self, grads: Arrays) -> None:
        self.t += 1
        size, shrink = self.lr / (1 - 0.9**self.t), (1 - 0.999**self.t) ** -0.5
        for p, g, (m, v, scratch) in zip(self.params, grads, self.means, strict=True):
            m *= 0.9
            m += numpy.multiply(g, 0.1, out=scratch)
            v *= 0.999
            numpy.multiply(g, g, out=scratch)
            scratch *= 0.001
            v += scratch
            numpy.sqrt(v, out=scratch)
            scratch *= shrink
            scratch += 1e-8
            numpy.divide(m, scratch, out=scratch)
            scratch *= size
            p -= scratch


class SGD:
    """Momentum 0.9."""

    def __init__(self, params: Arrays, lr: float = 1e-3) -> None:
        self.params, self.lr = params, lr
        self.buffers = [(numpy.zeros_like(p), numpy.empty_like(p)) for p in params]

    def step(self, grads: Arrays) -> None:
        for p, g, (m, scratch) in zip(self.params, grads, self.buffers, strict=True):
            m *= 0.9
            m += g
            p -= numpy.multiply(m, self.lr, out=scratch)
