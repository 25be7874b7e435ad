"""Recording, the backward pass, and accumulation."""

import tiny_pytorch as tp

from .devices import synchronised, tensor


@synchronised
class ScalarChain:
    """``y = y * x + x`` fifty times: what an op costs by itself."""

    def setup(self):
        self.x = tp.tensor(0.5, requires_grad=True)
        self.y = tp.tensor(1.01, requires_grad=True)

    def time_forward(self):
        y = self.y
        for _ in range(50):
            y = y * self.x + self.x

    def time_no_grad(self):
        with tp.no_grad():
            self.time_forward()

    def time_forward_backward(self):
        y = self.y
        for _ in range(50):
            y = y * self.x + self.x
        y.backward()
        self.x.grad = self.y.grad = None


@synchronised
class FanOut:
    """One tensor used by many: gradients that are summed into one buffer."""

    params = [[100, 100_000], [2, 32]]
    param_names = ["elements", "uses"]

    def setup(self, n, uses):
        self.x = tensor(n, requires_grad=True)
        self.parts = [tensor(n) for _ in range(uses)]

    def time_accumulate(self, n, uses):
        total = self.x * self.parts[0]
        for part in self.parts[1:]:
            total = total + self.x * part
        total.sum().backward()
        self.x.grad = None


@synchronised
class DeepChain:
    def setup(self):
        self.x = tensor(1, requires_grad=True)

    def time_10_000_ops(self):
        y = self.x
        for _ in range(10_000):
            y = y + 1.0
        y.sum().backward()


@synchronised
class SecondOrder:
    def setup(self):
        self.x, self.w = tensor(32, 16), tensor(16, 8, requires_grad=True)

    def time_grad_of_grad(self):
        loss = (self.x @ self.w).tanh().sum()
        (g,) = tp.autograd.grad(loss, self.w, create_graph=True)
        tp.autograd.grad((g * g).sum(), self.w)
