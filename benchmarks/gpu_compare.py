"""tiny_pytorch on CuPy beside PyTorch on the same NVIDIA GPU: the same steps, in alternation, in one process.

    python benchmarks/gpu_compare.py --rounds 15

The device is synchronised before the clock is read. The first table has training steps, eager and as a CUDA graph; the
second has Adam over 100 million parameters as a share of the card's copy bandwidth.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TINY_PYTORCH_BACKEND", "cupy")

import numpy

import tiny_pytorch as tp

Step = Callable[[], object]
NETWORKS = {"64-32-10, batch 32": ((64, 32, 10), 32), "784-512-512-10, batch 128": ((784, 512, 512, 10), 128)}
PARAMETERS = 100_000_000
ADAM_BYTES = 28  # read parameter, gradient and two means, write parameter and means: 7 float32 for each parameter


class Ours:
    """tiny_pytorch, eager."""

    name = "tiny_pytorch"
    library: Any = tp
    synchronize = staticmethod(tp.cuda.synchronize)

    def tensor(self, array: numpy.ndarray) -> Any:
        return tp.tensor(array)

    def place(self, model: Any) -> Any:
        return model

    def adam(self, params: Any) -> Any:
        return tp.optim.Adam(params, lr=1e-3)


class Theirs:
    """PyTorch, eager, with its fused Adam."""

    name = "PyTorch"

    def __init__(self) -> None:
        self.library: Any = importlib.import_module("torch")
        self.synchronize = self.library.cuda.synchronize

    def tensor(self, array: numpy.ndarray) -> Any:
        return self.library.from_numpy(array).cuda()

    def place(self, model: Any) -> Any:
        return model.cuda()

    def adam(self, params: Any) -> Any:
        return self.library.optim.Adam(params, lr=1e-3, fused=True)


def peers() -> list[Any]:
    """Us, and PyTorch if it is installed and finds the card."""
    found: list[Any] = [Ours()]
    try:
        theirs = Theirs()
        if theirs.library.cuda.is_available():
            found.append(theirs)
        else:
            print("PyTorch is installed without CUDA: its columns are missing")
    except ModuleNotFoundError:
        print("PyTorch is not installed here: its columns are missing")
    return found


def training_step(peer: Any, sizes: tuple[int, ...]) -> Callable[[Any, Any], Any]:
    """Forward, cross-entropy, backward and Adam of a ReLU network, as a function of a batch."""
    nn = peer.library.nn
    layers: list[Any] = []
    for n_in, n_out in itertools.pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    model = peer.place(nn.Sequential(*layers[:-1]))
    optimizer = peer.adam(list(model.parameters()))
    loss_of = nn.CrossEntropyLoss()

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def batch_of(peer: Any, sizes: tuple[int, ...], batch: int) -> tuple[Any, Any]:
    rng = numpy.random.default_rng(0)
    x = rng.standard_normal((batch, sizes[0])).astype(numpy.float32)
    return peer.tensor(x), peer.tensor(rng.integers(0, sizes[-1], batch))


def adam_step(peer: Any) -> Step:
    """Adam over one tensor of 100 million parameters."""
    p = peer.tensor(numpy.ones(PARAMETERS, numpy.float32)).requires_grad_()
    p.grad = peer.tensor(numpy.full(PARAMETERS, 0.5, numpy.float32))
    return peer.adam([p]).step


def time_rounds(steps: dict[str, tuple[Step, Step]], rounds: int, target: float) -> dict[str, list[float]]:
    """Seconds per call, once per round and in turn, of (step, synchronise) pairs."""
    calls = {}
    for name, (step, wait) in steps.items():
        for _ in range(10):  # compile, choose algorithms, warm up, capture
            step()
        wait()
        start = time.perf_counter()
        for _ in range(10):
            step()
        wait()
        calls[name] = max(1, int(target * 10 / max(time.perf_counter() - start, 1e-6)))
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, (step, wait) in steps.items():
            wait()
            start = time.perf_counter()
            for _ in range(calls[name]):
                step()
            wait()
            seconds[name].append((time.perf_counter() - start) / calls[name])
    return seconds


def compare_training(found: list[Any], rounds: int) -> None:
    names = ["tiny_pytorch", "tiny_pytorch captured", *[p.name for p in found[1:]]]
    heads = ["training step, Adam", *[f"{n}, µs" for n in names], "eager, times faster", "captured, times faster"]
    print("| " + " | ".join(heads) + " |")
    print("|---" * (len(names) + 3) + "|")
    for title, (sizes, batch) in NETWORKS.items():
        steps: dict[str, tuple[Step, Step]] = {}
        for peer in found:
            step, arguments = training_step(peer, sizes), batch_of(peer, sizes, batch)
            steps[peer.name] = (lambda step=step, arguments=arguments: step(*arguments)), peer.synchronize
        graph, arguments = tp.cuda.graph(training_step(found[0], sizes)), batch_of(found[0], sizes, batch)
        replay = lambda graph=graph, arguments=arguments: graph(*arguments)
        steps["tiny_pytorch captured"] = replay, tp.cuda.synchronize
        seconds = time_rounds(steps, rounds, 0.2)
        row = [f"{statistics.median(seconds[n]) * 1e6:.1f}" for n in names]
        for ours in ("tiny_pytorch", "tiny_pytorch captured"):
            ratios = [t / o for t, o in zip(seconds.get("PyTorch", []), seconds[ours], strict=False)]
            row.append(f"{statistics.median(ratios):.2f}" if ratios else "-")
        print(f"| {title} | " + " | ".join(row) + " |", flush=True)


def compare_adam(found: list[Any], rounds: int) -> None:
    import cupy

    a, b = cupy.ones(PARAMETERS, dtype=cupy.float32), cupy.zeros(PARAMETERS, dtype=cupy.float32)
    steps: dict[str, tuple[Step, Step]] = {"copy": (lambda: cupy.copyto(b, a), tp.cuda.synchronize)}
    steps |= {peer.name: (adam_step(peer), peer.synchronize) for peer in found}
    seconds = {name: statistics.median(times) for name, times in time_rounds(steps, rounds, 0.5).items()}
    bandwidth = 2 * 4 * PARAMETERS / seconds["copy"]
    print("| Adam, 100 million parameters | ms | GB/s | share of the copy bandwidth |")
    print("|---|---|---|---|")
    print(f"| (copy of 400 MB) | {seconds['copy'] * 1e3:.3f} | {bandwidth / 1e9:.0f} | 100 % |")
    for peer in found:
        rate = ADAM_BYTES * PARAMETERS / seconds[peer.name]
        print(f"| {peer.name} | {seconds[peer.name] * 1e3:.3f} | {rate / 1e9:.0f} | {100 * rate / bandwidth:.1f} % |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    if not tp.cuda.is_available():
        raise SystemExit("gpu_compare: no GPU here, or a backend without one (TINY_PYTORCH_BACKEND=cupy)")
    found = peers()
    versions = [f"tiny_pytorch {tp.__version__}", *[f"{p.name} {p.library.__version__}" for p in found[1:]]]
    print(f"{tp.cuda.get_device_name()}; {', '.join(versions)}; medians of {args.rounds} rounds, TF32 off.\n")
    compare_training(found, args.rounds)
    print()
    compare_adam(found, args.rounds)


if __name__ == "__main__":
    main()
