"""PyTorch and tiny_pytorch: one text, since their faces are the same."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from . import eager_nets
from .batches import batch_of
from .rows import Cnn, Gpt, LanguageModel, Mlp, OptimizerStep, ResNet9, Row, ScalarChain
from .step import Step


def load(name: str, threads: int) -> Eager:
    return Eager(importlib.import_module({"PyTorch": "torch"}.get(name, name)), threads)


class Eager:
    """A library that speaks as PyTorch does."""

    def __init__(self, library: Any, threads: int) -> None:
        library.set_num_threads(threads)
        self.lib = library
        self.version = library.__version__

    def build(self, row: Row) -> Step:
        match row:
            case ScalarChain():
                return Step(self.scalar_chain(row.times))
            case OptimizerStep():
                return Step(self.optimizer_step(row))
            case _:
                model, arrays = self.model_of(row), batch_of(row)
                x, y = (self.lib.from_numpy(a) for a in arrays)
                return Step(self.training(model, x, y) if row.trains else self.inference(model, x))

    def model_of(self, row: Row) -> Any:
        match row:
            case Mlp():
                return eager_nets.mlp(self.lib, row)
            case Cnn():
                return eager_nets.cnn(self.lib)
            case ResNet9():
                return eager_nets.resnet9(self.lib)
            case LanguageModel():
                return eager_nets.language_model(self.lib, row)
            case Gpt():
                return eager_nets.gpt(self.lib, row)
        raise TypeError(f"{row} is no network")

    def training(self, model: Any, x: Any, y: Any) -> Callable[[], object]:
        """Forward, softmax cross-entropy, backward and Adam, as a training script writes them."""
        optimizer = self.lib.optim.Adam(model.parameters(), lr=1e-3, fused=True)
        loss_of = self.lib.nn.CrossEntropyLoss()

        def step() -> None:
            optimizer.zero_grad()
            loss = loss_of(model(x), y)
            loss.backward()
            optimizer.step()

        return step

    def inference(self, model: Any, x: Any) -> Callable[[], object]:
        model.eval()
        no_grad = self.lib.no_grad

        def step() -> None:
            with no_grad():
                model(x)

        return step

    def optimizer_step(self, row: OptimizerStep) -> Callable[[], object]:
        params = [self.lib.ones(shape, requires_grad=True) for shape in row.shapes]
        for p in params:
            p.grad = self.lib.full(p.shape, 0.5)
        if row.name == "SGD":
            return self.lib.optim.SGD(params, lr=1e-3, momentum=0.9, dampening=0.0, fused=True).step
        return self.lib.optim.Adam(params, lr=1e-3, fused=True).step

    def scalar_chain(self, times: int) -> Callable[[], object]:
        x = self.lib.tensor(0.5, requires_grad=True)
        y0 = self.lib.tensor(1.01, requires_grad=True)

        def step() -> None:
            y = y0
            for _ in range(times):
                y = y * x + x
            y.backward()
            x.grad = None
            y0.grad = None

        return step

    def warm_up(self) -> None:
        """Load what is loaded at first use, so that a count of a step's memory does not meet it."""
        self.build(Mlp(1, (256, 256), 256)).run()
