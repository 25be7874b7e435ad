"""JAX: each step is one ``jax.jit`` whose state is donated, with optax's Adam where optax is installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy

from . import jax_nets
from .batches import batch_of
from .rows import Cnn, Gpt, LanguageModel, Mlp, OptimizerStep, ResNet9, Row, ScalarChain
from .step import Step

try:
    import optax
except ModuleNotFoundError:
    optax = None


def load(name: str, threads: int) -> Jax:  # threads: peers.py sets NPROC, which sizes XLA's pool
    return Jax()


class HandWrittenAdam:
    """Adam in optax's two calls."""

    def __init__(self, lr: float) -> None:
        self.lr = lr

    def init(self, params: Any) -> Any:
        zeros = lambda: jax.tree.map(jnp.zeros_like, params)
        return jnp.zeros(()), zeros(), zeros()

    def update(self, grads: Any, state: Any) -> tuple[Any, Any]:
        t, m, v = state[0] + 1, *state[1:]
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)
        size, shrink = -self.lr / (1 - 0.9**t), 1 / jnp.sqrt(1 - 0.999**t)
        return jax.tree.map(lambda m, v: size * m / (jnp.sqrt(v) * shrink + 1e-8), m, v), (t, m, v)


class Jax:
    version = jax.__version__ + (f" with optax {optax.__version__}" if optax else " (Adam by hand)")

    def build(self, row: Row) -> Step | None:
        match row:
            case ScalarChain():
                return self.scalar_chain(row.times)
            case OptimizerStep():
                return self.optimizer_step(row)
        params, forward = self.net_of(row)
        x, y = batch_of(row)
        if isinstance(row, (Cnn, ResNet9)):
            x = x.transpose(0, 2, 3, 1)  # channels last, which XLA's convolutions on the CPU are made for
        x = jnp.asarray(x, None if x.dtype == numpy.float32 else jnp.int32)
        if row.trains:
            return self.training(params, forward, x, jnp.asarray(y, jnp.int32))
        return self.inference(params, forward, x)

    def net_of(self, row: Row) -> tuple[Any, Callable[[Any, Any], Any]]:
        match row:
            case Mlp():
                return jax_nets.mlp(row)
            case Cnn():
                return jax_nets.cnn()
            case ResNet9():
                return jax_nets.resnet9()
            case LanguageModel():
                return jax_nets.language_model(row)
            case Gpt():
                return jax_nets.gpt(row)
        raise TypeError(f"{row} is no network")

    def adam(self) -> Any:
        return optax.adam(1e-3) if optax else HandWrittenAdam(1e-3)

    def training(self, params: Any, forward: Callable[[Any, Any], Any], x: Any, y: Any) -> Step:
        def loss_of(params: Any) -> Any:
            log_p = jax.nn.log_softmax(forward(params, x))
            return -jnp.take_along_axis(log_p, y[:, None], 1).mean()

        return self.updating(self.adam(), params, jax.grad(loss_of))

    def optimizer_step(self, row: OptimizerStep) -> Step | None:
        if row.name == "Adam":
            optimizer = self.adam()
        elif optax:
            optimizer = optax.sgd(1e-3, momentum=0.9)
        else:
            return None
        params = [jnp.ones(shape) for shape in row.shapes]
        grads = [jnp.full(shape, 0.5) for shape in row.shapes]

        return self.updating(optimizer, params, lambda params, grads: grads, grads)

    def updating(self, optimizer: Any, params: Any, grads_of: Callable[..., Any], *rest: Any) -> Step:
        """Each step hands its result to the next. Only the end of a timing waits: steps may be queued meanwhile."""

        def update(params: Any, state: Any, *rest: Any) -> tuple[Any, Any]:
            change, state = optimizer.update(grads_of(params, *rest), state)
            return jax.tree.map(jnp.add, params, change), state

        compiled, held = jax.jit(update, donate_argnums=(0, 1)), [(params, optimizer.init(params))]

        def step() -> None:
            held[0] = compiled(*held[0], *rest)

        return Step(step, wait=lambda: jax.block_until_ready(held[0]))

    def inference(self, params: Any, forward: Callable[[Any, Any], Any], x: Any) -> Step:
        compiled, held = jax.jit(forward), [x]

        def step() -> None:
            held[0] = compiled(params, x)

        return Step(step, wait=lambda: jax.block_until_ready(held[0]))

    def scalar_chain(self, times: int) -> Step:
        def chain(x: Any, y: Any) -> Any:
            for _ in range(times):
                y = y * x + x
            return y

        compiled, x, y = jax.jit(jax.grad(chain, (0, 1))), jnp.float32(0.5), jnp.float32(1.01)
        held = [x]

        def step() -> None:
            held[0] = compiled(x, y)

        return Step(step, wait=lambda: jax.block_until_ready(held[0]))
