"""Ops on Tensors, as a script calls them: recorded, and with their gradients."""

import tiny_pytorch as tp

from .devices import indices, synchronised, tensor
from .sizes import NAMES, how_many

WIDTH = 64  # columns of every operand
ROW = 2 * 4 * WIDTH  # bytes of a row of an operand and of the result

OPS = {
    "add": lambda x, y, row, w, i: x + y,
    "add a row": lambda x, y, row, w, i: x + row,
    "multiply": lambda x, y, row, w, i: x * y,
    "exp": lambda x, y, row, w, i: tp.exp(x),
    "tanh": lambda x, y, row, w, i: tp.tanh(x),
    "where": lambda x, y, row, w, i: tp.where(x > 0, x, y),
    "matmul 64x64": lambda x, y, row, w, i: x @ w,
    "sum of rows": lambda x, y, row, w, i: x.sum(1),
    "sum of columns": lambda x, y, row, w, i: x.sum(0),
    "var": lambda x, y, row, w, i: x.var(1),
    "max of rows": lambda x, y, row, w, i: x.amax(1),
    "softmax": lambda x, y, row, w, i: tp.softmax(x, 1),
    "slice": lambda x, y, row, w, i: x[:, ::2],
    "rows by index": lambda x, y, row, w, i: x[i],
    "cat": lambda x, y, row, w, i: tp.cat([x, y]),
    "transpose, copied": lambda x, y, row, w, i: x.T.contiguous(),
}


@synchronised
class Ops:
    params = [list(OPS), NAMES]
    param_names = ["op", "working set"]

    def setup(self, op, size):
        n = how_many(size, ROW)
        self.op = OPS[op]
        self.x, self.y = tensor(n, WIDTH, requires_grad=True), tensor(n, WIDTH)
        self.row, self.w, self.i = tensor(WIDTH), tensor(WIDTH, WIDTH), indices(n, n)
        result = self.op(self.x, self.y, self.row, self.w, self.i)
        self.g = tp.ones_like(result.detach())

    def time_forward(self, op, size):
        self.op(self.x, self.y, self.row, self.w, self.i)

    def time_forward_backward(self, op, size):
        self.op(self.x, self.y, self.row, self.w, self.i).backward(self.g)
        self.x.grad = None
