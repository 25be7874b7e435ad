"""Optimizer steps, each beside its reference twin; the sizes fit L1, L2, L3 and none."""

import tiny_pytorch as tp
from tiny_pytorch.backend.table import Kernels

from .devices import synchronised

SHAPES = {
    "64-32-10 network": [(32, 64), (32,), (10, 32), (10,)],
    "784-128-10 network": [(128, 784), (128,), (10, 128), (10,)],
    "200 of 64x64": [(64, 64)] * 200,
    "one of 20 million": [(20_000_000,)],
}


@synchronised
class Step:
    params = [["numpy", "reference"], list(SHAPES)]
    param_names = ["kernel", "parameters"]

    def setup(self, twin, shapes):
        self.tensors = [tp.ones(shape, requires_grad=True) for shape in SHAPES[shapes]]
        for p in self.tensors:
            p.grad = tp.full(p.shape, 0.5)
        self.adam = tp.optim.Adam(self.tensors, lr=1e-3)
        self.sgd = tp.optim.SGD(self.tensors, lr=1e-3, momentum=0.9)
        self.before = {}
        if twin == "reference":  # the reference kernels behind the same optimizer
            table = tp.backend.kernels()
            twins = Kernels(table.xp)
            for name in ("adam", "sgd"):
                self.before[name] = getattr(table, name)
                setattr(table, name, getattr(twins, name))
        self.adam.step()
        self.sgd.step()

    def teardown(self, twin, shapes):
        for name, kernel in self.before.items():
            setattr(tp.backend.kernels(), name, kernel)

    def time_adam(self, twin, shapes):
        self.adam.step()

    def time_sgd_momentum(self, twin, shapes):
        self.sgd.step()
