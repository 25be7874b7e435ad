"""The memory that a training step takes at its peak, here and in PyTorch, and whether it stays what it is.

    python benchmarks/memory.py                      # every row
    python benchmarks/memory.py --where "CNN 1-32-64, 28x28, batch 64"   # what is alive at the peak, and who made it
    python benchmarks/memory.py --steps 100000       # the first row that many times, without and with the collector

Each number comes from a fresh process, and covers everything that the row makes: parameters, gradients, moments, the
batch, activations, scratch, caches.

* **heap**: the most bytes that were allocated at once, counted by memray (``pip install memray``), which sees every
  malloc and mmap of a process, compiled or not.
* **resident**: by how much the process's own pages (without those of files, which are code) grew at most, as Linux has
  it: a little more, and what libraries set up for the shapes at hand.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from worker import THREAD_VARIABLES
from workloads import ROWS, peer_of

PEERS = ("tiny_pytorch", "PyTorch")
STEPS = 10  # until everything that is reused is there
MB = 1e6
GROWTH = 1_000_000  # bytes that a long run may gain by fragmentation


def status(field: str) -> int:
    """A figure in bytes that Linux keeps of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


def loaded(peer_name: str, threads: int) -> Any:
    peer = peer_of(peer_name, threads)
    peer.warm_up()
    gc.collect()
    return peer


def resident(peer_name: str, title: str, threads: int) -> float:
    """Peak growth of the process's own pages in bytes."""
    peer = loaded(peer_name, threads)
    Path("/proc/self/clear_refs").write_text("5")  # sets the highest resident size back to the present one
    before = status("RssAnon")
    step = peer.build(ROWS[title])
    for _ in range(STEPS):
        step.run()
    return status("VmHWM") - status("RssFile") - status("RssShmem") - before


def heap(peer_name: str, title: str, threads: int) -> tuple[float, list[tuple[int, str]]]:
    """Peak of allocated bytes, and the largest parts of it with the Python lines that asked for them."""
    import memray

    peer = loaded(peer_name, threads)
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "allocations")
        with memray.Tracker(log):
            step = peer.build(ROWS[title])
            for _ in range(STEPS):
                step.run()
        reader = memray.FileReader(log)
        records = reader.get_high_watermark_allocation_records(merge_threads=True)
        parts = [(r.size, line(r.stack_trace())) for r in sorted(records, key=lambda r: -r.size)[:12]]
        return reader.metadata.peak_memory, parts


def line(stack: list[tuple[str, str, int]]) -> str:
    """The innermost frames of a stack."""
    return " < ".join(f"{name} ({os.path.basename(file)}:{number})" for name, file, number in stack[:4])


def alone(function: Callable[..., Any], *args: Any) -> Any:
    """``function(*args)`` in a new process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *args).result()


def compare(titles: list[str], threads: int) -> None:
    heads = [f"{what}, {peer}" for what in ("heap", "resident") for peer in PEERS]
    print("| MB | " + " | ".join([heads[0], heads[1], "ratio", heads[2], heads[3]]) + " |")
    print("|---" + "|--:" * 5 + "|")
    for title in titles:
        ours, theirs = (alone(heap, peer, title, threads)[0] / MB for peer in PEERS)
        pages = [f"{alone(resident, peer, title, threads) / MB:.1f}" for peer in PEERS]
        print(f"| {title} | {ours:.3g} | {theirs:.3g} | {ours / theirs:.2f} | {pages[0]} | {pages[1]} |", flush=True)


def where(title: str, threads: int) -> None:
    """What is alive at the peak. Nothing idle is kept for it, since that goes by the name of its first user."""
    os.environ["TINY_PYTORCH_IDLE_MEMORY"] = "0"
    for peer in PEERS:
        peak, parts = alone(heap, peer, title, threads)
        print(f"{peer}: {peak / MB:.2f} MB at the peak of {title}")
        for size, who in parts:
            print(f"  {size / MB:8.3f} MB  {who}")


def long_run(title: str, steps: int, collector: bool) -> int:
    """Resident bytes gained over ``steps`` steps, printed ten times on the way."""
    step = loaded("tiny_pytorch", 1).build(ROWS[title])
    if not collector:
        gc.disable()
    for _ in range(1000):
        step.run()
    before = status("VmRSS")
    print(f"{title}, collector {'on' if collector else 'off'}: {before / MB:.1f} MB after 1000 steps", end="")
    for _ in range(10):
        for _ in range(steps // 10):
            step.run()
        print(f", {(status('VmRSS') - before) / MB:+.2f}", end="", flush=True)
    print(f" MB after {steps} more", flush=True)
    return status("VmRSS") - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", help="parts of titles; all rows that train if none")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--where", metavar="ROW", choices=list(ROWS))
    parser.add_argument("--steps", type=int)
    args = parser.parse_args()
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(args.threads)))
    if args.where:
        where(args.where, args.threads)
        return
    titles = [t for t, row in ROWS.items() if (any(part in t for part in args.rows) if args.rows else row.trains)]
    if args.steps:
        grown = [alone(long_run, titles[0], args.steps, collector) for collector in (False, True)]
        sys.exit("memory: it grew" if max(grown) > GROWTH else None)
    compare(titles, args.threads)


if __name__ == "__main__":
    main()
