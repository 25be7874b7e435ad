"""From seconds to tables."""

from __future__ import annotations

import platform
import statistics
from pathlib import Path
from typing import Any

from workloads.rows import ROWS

BEGIN, END = "<!-- peers:begin -->", "<!-- peers:end -->"
ON_MORE_THREADS = 0.85  # of a goal, which is for one thread

Summary = dict[str, dict[str, float]]


def summarise(times: dict[str, list[float]], ours: str) -> Summary:
    """For each peer: its median time, and how many times longer it takes than ``ours``, with quartiles."""
    summary = {}
    for peer, seconds in times.items():
        ratios = [s / o for s, o in zip(seconds, times[ours], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
        summary[peer] = {
            "median_us": statistics.median(seconds) * 1e6,
            "ratio": middle,
            "ratio_q1": low,
            "ratio_q3": high,
        }
    return summary


def goal(title: str, threads: int) -> float:
    """How many times faster than PyTorch a row is to be."""
    return ROWS[title].goal * (ON_MORE_THREADS if threads > 1 else 1)


def show(us: float) -> str:
    """A time with a unit that suits it."""
    return f"{us:.1f} µs" if us < 100 else f"{us:.0f} µs" if us < 1000 else f"{us / 1000:.2f} ms"


def times(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.1f}"


def sentence(summary: Summary) -> str:
    """A row as one line of progress."""
    return ", ".join(f"{peer} {show(s['median_us'])} ({times(s['ratio'])})" for peer, s in summary.items())


def table(rows: dict[str, Summary], threads: int) -> list[str]:
    """One number of threads as a table; the columns of the other peers have ratios only."""
    found = dict.fromkeys(peer for summary in rows.values() for peer in summary)
    others = [peer for peer in found if peer not in ("tiny_pytorch", "PyTorch", "floor")]
    heads = [f"{threads} thread{'s' * (threads > 1)}", "tiny_pytorch"]
    heads += ["PyTorch", "times faster (quartiles)", "goal"] if "PyTorch" in found else []
    heads += [*others, *(["times its floor"] if "floor" in found else [])]
    lines = ["| " + " | ".join(heads) + " |", "|---" + "|--:" * (len(heads) - 1) + "|"]
    for title, summary in rows.items():
        cells = [title, show(summary["tiny_pytorch"]["median_us"])]
        if "PyTorch" in found:
            theirs = summary["PyTorch"]
            faster = f"**{times(theirs['ratio'])}** ({times(theirs['ratio_q1'])} to {times(theirs['ratio_q3'])})"
            cells += [show(theirs["median_us"]), faster, f"{goal(title, threads):.3g}"]
        cells += [times(summary[peer]["ratio"]) if peer in summary else "" for peer in others]
        if "floor" in found:
            cells.append(times(1 / summary["floor"]["ratio"]) if "floor" in summary else "")
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def markdown(results: dict[str, Any]) -> str:
    """What was run and where, then a table for each number of threads."""
    about = results["about"]
    versions = ", ".join(f"{peer} {v}" for peer, v in about["versions"].items() if peer != "floor")
    text = (
        f"Medians of {about['rounds']} alternating rounds ({about['clock']} time), each library in a process of its "
        f"own, on {about['machine']} ({about['system']}), {about['date']}: {versions}. A training step is forward, "
        "cross-entropy, backward and Adam; PyTorch is eager, with fused optimizers. *times faster* is PyTorch's time "
        "over ours, and *goal* what this project aims at; the columns of the other libraries are their time over ours. "
        "*times its floor* is our time over what no library can do without: the matrix products alone, and the bytes "
        "that must move, at this machine's speed (`benchmarks/floors.py`)."
    )
    tables = ["\n".join(table(rows, int(threads))) for threads, rows in results["threads"].items()]
    return "\n\n".join([text, *tables]) + "\n"


def write_markdown(results: dict[str, Any], path: Path) -> None:
    """Between the marks of a file that has them, else as the whole file."""
    text = markdown(results)
    before, begin, rest = path.read_text().partition(BEGIN) if path.exists() else ("", "", "")
    _, end, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n{text}{END}{after}" if begin and end else text)


def processor() -> str:
    """The processor's name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
