"""The workloads of ``peers.py``: each builds, for one peer, a function that does one step."""

from __future__ import annotations

import importlib
import itertools
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy

Step = Callable[[], object]


def load_peers(threads: int) -> dict[str, Any]:
    """The installed libraries that are compared, ready to use ``threads`` threads."""
    peers = {"tiny_pytorch": importlib.import_module("tiny_pytorch")}
    peers["tiny_pytorch"].set_num_threads(threads)
    try:
        peers["PyTorch"] = importlib.import_module("torch")
        peers["PyTorch"].set_num_threads(threads)
    except ModuleNotFoundError:
        print("PyTorch is not installed here: its columns are missing (pip install torch==2.13.0)")
    return peers


def versions(peers: dict[str, Any]) -> dict[str, str]:
    """The version of each peer, and of NumPy."""
    return {"numpy": numpy.__version__, **{name: library.__version__ for name, library in peers.items()}}


def processor() -> str:
    """The processor's name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _adam(peer: str, library: Any, params: Any) -> Any:
    if peer == "PyTorch":
        return library.optim.Adam(params, lr=1e-3, fused=True)
    return library.optim.Adam(params, lr=1e-3)


def mlp_step(sizes: tuple[int, ...], batch: int) -> Callable[[str, Any], Step]:
    """Forward, softmax cross-entropy, backward and Adam of a ReLU network, as a training script writes it."""

    def build(peer: str, library: Any) -> Step:
        rng = numpy.random.default_rng(0)
        layers: list[Any] = []
        for n_in, n_out in itertools.pairwise(sizes):
            layers += [library.nn.Linear(n_in, n_out), library.nn.ReLU()]
        model = library.nn.Sequential(*layers[:-1])
        x = library.from_numpy(rng.standard_normal((batch, sizes[0])).astype(numpy.float32))
        y = library.from_numpy(rng.integers(0, sizes[-1], batch))
        loss_of = library.nn.CrossEntropyLoss()
        optimizer = _adam(peer, library, model.parameters())

        def step() -> None:
            loss = loss_of(model(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

        return step

    return build


def adam_step(shapes: list[tuple[int, ...]]) -> Callable[[str, Any], Step]:
    """One Adam step over given tensors."""

    def build(peer: str, library: Any) -> Step:
        params = [library.ones(shape, requires_grad=True) for shape in shapes]
        for p in params:
            p.grad = library.full(p.shape, 0.5)
        return _adam(peer, library, params).step

    return build


def sgd_step(shapes: list[tuple[int, ...]]) -> Callable[[str, Any], Step]:
    """One step of SGD with momentum over given tensors."""

    def build(peer: str, library: Any) -> Step:
        params = [library.ones(shape, requires_grad=True) for shape in shapes]
        for p in params:
            p.grad = library.full(p.shape, 0.5)
        extra = {"fused": True} if peer == "PyTorch" else {}
        return library.optim.SGD(params, lr=1e-3, momentum=0.9, **extra).step

    return build


def scalar_chain(peer: str, library: Any) -> Step:
    """``y = y * x + x`` fifty times on scalars, and its gradient."""
    x = library.tensor(0.5, requires_grad=True)
    y0 = library.tensor(1.01, requires_grad=True)

    def step() -> None:
        y = y0
        for _ in range(50):
            y = y * x + x
        y.backward()
        x.grad = None
        y0.grad = None

    return step


WORKLOADS: dict[str, Callable[[str, Any], Step | None]] = {
    "mlp 64-32-10, batch 32, Adam": mlp_step((64, 32, 10), 32),
    "mlp 784-128-10, batch 32, Adam": mlp_step((784, 128, 10), 32),
    "mlp 784-512-512-10, batch 128, Adam": mlp_step((784, 512, 512, 10), 128),
    "Adam, 200 tensors of 64x64": adam_step([(64, 64)] * 200),
    "Adam, one tensor of 20 million": adam_step([(20_000_000,)]),
    "SGD with momentum, one tensor of 20 million": sgd_step([(20_000_000,)]),
    "100 scalar ops, forward and backward": scalar_chain,
}
