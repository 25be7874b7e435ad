"""tiny_pytorch beside its peers: the same workloads, in alternation, in one process.

    python benchmarks/peers.py                      # every workload, one thread
    python benchmarks/peers.py --threads 2 mlp      # the workloads whose name contains "mlp", two threads
    python benchmarks/peers.py --json out.json --markdown out.md

Each round times every peer once, in turn, so that a drift of the machine's speed meets all of them; a row quotes the
medians over the rounds, and the median of the rounds' own ratios with its quartiles. Peers that are not installed are
left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TINY_PYTORCH_NUM_THREADS")


def time_rounds(steps: dict[str, Callable[[], object]], rounds: int, target: float) -> dict[str, list[float]]:
    """Seconds per call of each step, once per round, the steps in turn. Each timing lasts about ``target`` seconds."""
    calls = {}
    for peer, step in steps.items():
        for _ in range(5):
            step()
        start = time.perf_counter()
        step()
        once = max(time.perf_counter() - start, 1e-7)
        calls[peer] = max(1, int(target / once))
    seconds: dict[str, list[float]] = {peer: [] for peer in steps}
    for _ in range(rounds):
        for peer, step in steps.items():
            n = calls[peer]
            start = time.perf_counter()
            for _ in range(n):
                step()
            seconds[peer].append((time.perf_counter() - start) / n)
    return seconds


def summarise(seconds: dict[str, list[float]], ours: str) -> dict[str, dict[str, float]]:
    """For each peer: its median time, and how many times longer it takes than ``ours``, with quartiles."""
    summary = {}
    for peer, times in seconds.items():
        ratios = sorted(t / o for t, o in zip(times, seconds[ours], strict=True))
        low, _, high = statistics.quantiles(ratios, n=4)
        summary[peer] = {
            "median_us": statistics.median(times) * 1e6,
            "ratio": statistics.median(ratios),
            "ratio_q1": low,
            "ratio_q3": high,
        }
    return summary


def show(seconds: float) -> str:
    """A time with a unit that suits it."""
    us = seconds * 1e6
    return f"{us:.1f} µs" if us < 100 else f"{us:.0f} µs" if us < 1000 else f"{us / 1000:.2f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="parts of workload names; all if none")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--target", type=float, default=0.1, help="seconds per timing")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    args = parser.parse_args()

    for variable in THREAD_VARIABLES:  # before any library reads them
        os.environ[variable] = str(args.threads)
    sys.path.insert(0, str(Path(__file__).parent))
    import workloads

    peers = workloads.load_peers(args.threads)
    lines = [
        f"| workload ({args.threads} thread{'s' if args.threads > 1 else ''}) | tiny_pytorch | "
        + " | ".join(f"{p} | times faster (quartiles)" for p in peers if p != "tiny_pytorch")
        + " |"
    ]
    lines.append("|---" * (2 + 2 * (len(peers) - 1)) + "|")
    print("\n".join(lines))
    results = {}
    for name, build in workloads.WORKLOADS.items():
        if args.names and not any(part in name for part in args.names):
            continue
        steps = {peer: step for peer, library in peers.items() if (step := build(peer, library)) is not None}
        summary = summarise(time_rounds(steps, args.rounds, args.target), "tiny_pytorch")
        results[name] = summary
        row = f"| {name} | {show(summary['tiny_pytorch']['median_us'] / 1e6)} |"
        for peer in peers:
            if peer == "tiny_pytorch":
                continue
            s = summary.get(peer)
            row += (
                " - | - |"
                if s is None
                else (
                    f" {show(s['median_us'] / 1e6)} | {s['ratio']:.2f} ({s['ratio_q1']:.2f} to {s['ratio_q3']:.2f}) |"
                )
            )
        print(row, flush=True)
        lines.append(row)
    if args.json:
        about = {
            "python": platform.python_version(),
            "machine": workloads.processor(),
            "threads": args.threads,
            "versions": workloads.versions(peers),
        }
        args.json.write_text(json.dumps({"about": about, "results": results}, indent=1) + "\n")
    if args.markdown:
        args.markdown.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
