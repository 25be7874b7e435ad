"""tiny_pytorch beside its peers: the same workloads, in alternation, each library in a process of its own.

    python benchmarks/peers.py                        # every row, one thread
    python benchmarks/peers.py MLP --threads 1 2      # the rows whose title contains "MLP", on one and on two threads
    python benchmarks/peers.py --threads 1 2 --json runs.json --markdown README.md --picture docs/peers.png
    python benchmarks/peers.py --from runs.json --markdown README.md --picture docs/peers.png   # times nothing

Each round times every peer once, in turn, so that a drift of the machine's speed meets all of them. A row quotes
medians over the rounds, and the median and quartiles of the rounds' own ratios. Peers that are not installed are left
out, with a line that says why. ``--markdown`` replaces what stands between ``<!-- peers:begin -->`` and
``<!-- peers:end -->`` in a file that has these lines, and writes any other file anew.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import time
from pathlib import Path
from typing import Any

import report
from worker import CLOCKS, Worker
from workloads.rows import ROWS
from workloads.step import MODULES

OURS = next(iter(MODULES))
# Idle threads of OpenBLAS and OpenMP go on spinning for some tens of milliseconds, on the core that the next peer's
# second thread needs. With one thread for each there are none.
REST = 0.1


def start(names: list[str], threads: int, clock: str) -> tuple[list[Worker], dict[str, str]]:
    """A process for each peer that can take part, and their versions."""
    workers, versions = [], {}
    for worker in [Worker(name, threads, clock) for name in names]:
        try:
            versions[worker.name] = worker.version()
            workers.append(worker)
        except ImportError as error:
            print(f"{worker.name} is left out: {error}")
            worker.close()
    if OURS not in versions:
        raise SystemExit(f"peers: {OURS} itself did not load; install it first (pip install -e .)")
    return workers, versions


def alternate(workers: list[Worker], title: str, rounds: int, target: float, rest: float) -> dict[str, list[float]]:
    """Seconds of a step in each round, for each peer that has this row; a timing lasts about ``target`` seconds."""
    calls = {}
    for worker in workers:
        once = worker.build(title)
        if once is not None:
            calls[worker] = max(1, round(target / once))
    times: dict[str, list[float]] = {worker.name: [] for worker in calls}
    for _ in range(rounds):
        for worker, n in calls.items():
            time.sleep(rest)
            times[worker.name].append(worker.seconds(n))
    return times


def run(titles: list[str], args: argparse.Namespace) -> dict[str, Any]:
    """The rows ``titles`` at each number of threads, as JSON has them."""
    runs = {}
    for threads in args.threads:
        workers, versions = start(args.peers, threads, args.clock)
        rows = {}
        for title in titles:
            times = alternate(workers, title, args.rounds, args.target, REST if threads > 1 else 0.0)
            rows[title] = report.summarise(times, OURS)
            print(f"{threads} thread{'s' * (threads > 1)}: {title}: {report.sentence(rows[title])}", flush=True)
        for worker in workers:
            worker.close()
        runs[str(threads)] = rows
    about = {
        "machine": report.processor(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "date": datetime.date.today().isoformat(),
        "clock": args.clock,
        "rounds": args.rounds,
        "versions": versions,
    }
    return {"about": about, "threads": runs}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", help="parts of titles; all rows if none")
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument(
        "--peers",
        nargs="+",
        default=list(MODULES),
        choices=list(MODULES),
        metavar="PEER",
        help=f"of {', '.join(MODULES)}",
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--target", type=float, default=0.1, help="seconds of a timing")
    parser.add_argument("--clock", choices=list(CLOCKS), default="wall", help="cpu: for one thread on a busy machine")
    parser.add_argument("--from", dest="saved", type=Path, help="a JSON file of earlier runs, instead of running")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--picture", type=Path, help="a .svg or .png (needs matplotlib)")
    args = parser.parse_args()
    if OURS not in args.peers:
        args.peers.insert(0, OURS)
    titles = [title for title in ROWS if not args.rows or any(part in title for part in args.rows)]
    if not titles:
        parser.error(f"no row has {' or '.join(args.rows)} in its title; the rows are:\n  " + "\n  ".join(ROWS))

    results = json.loads(args.saved.read_text()) if args.saved else run(titles, args)
    print("\n" + report.markdown(results))
    if args.json:
        args.json.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    if args.markdown:
        report.write_markdown(results, args.markdown)
    if args.picture:
        import chart

        chart.draw(results, args.picture)


if __name__ == "__main__":
    main()
