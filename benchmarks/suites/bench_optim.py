"""Optimizer steps, each beside its reference twin; the sizes fit L1, L2, L3 and none."""

import tiny_pytorch as tp

from .devices import synchronised
from .twins import TWINS, put

SHAPES = {
    "L1: 64-32-10 network": [(32, 64), (32,), (10, 32), (10,)],
    "L2: 784-128-10 network": [(128, 784), (128,), (10, 128), (10,)],
    "L3: 200 of 64x64": [(64, 64)] * 200,
    "memory: one of 20 million": [(20_000_000,)],
}
OPTIMIZERS = {
    "SGD": lambda optim, params: optim.SGD(params, lr=1e-3),
    "SGD, momentum": lambda optim, params: optim.SGD(params, lr=1e-3, momentum=0.9),
    "Adam": lambda optim, params: optim.Adam(params, lr=1e-3),
    "AdamW": lambda optim, params: optim.AdamW(params, lr=1e-3),
    "RMSprop": lambda optim, params: optim.RMSprop(params, lr=1e-3),
}


@synchronised
class Step:
    params = [TWINS, list(OPTIMIZERS), list(SHAPES)]
    param_names = ["kernel", "optimizer", "parameters"]

    def setup(self, twin, optimizer, shapes):
        self.put_back = put(twin)
        tensors = [tp.ones(shape, requires_grad=True) for shape in SHAPES[shapes]]
        for p in tensors:
            p.grad = tp.full(p.shape, 0.5)
        self.optimizer = OPTIMIZERS[optimizer](tp.optim, tensors)
        self.optimizer.step()

    def teardown(self, twin, optimizer, shapes):
        self.put_back()

    def time_step(self, twin, optimizer, shapes):
        self.optimizer.step()


@synchronised
class Clip:
    """``clip_grad_norm_`` over all gradients."""

    params = [list(SHAPES)]
    param_names = ["parameters"]

    def setup(self, shapes):
        self.tensors = [tp.ones(shape, requires_grad=True) for shape in SHAPES[shapes]]
        for p in self.tensors:
            p.grad = tp.full(p.shape, 0.5)

    def time_clip_grad_norm(self, shapes):
        tp.nn.utils.clip_grad_norm_(self.tensors, 1.0)
