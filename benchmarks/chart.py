"""The comparison as a picture: how many times faster than PyTorch each row is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import report

matplotlib.use("Agg")  # no window
from matplotlib import pyplot
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, NullLocator

OURS = {"1": "#2563a8", "2": "#9dc1e6"}  # by number of threads
PEERS = {
    "JAX": ("o", "#d1682b"),
    "NumPy": ("D", "#3f9d6b"),
    "MyGrad": ("s", "#8a5fb0"),
    "scikit-learn": ("^", "#b08d1e"),
}
INK, FAINT, GOAL = "#222222", "#d9d9d9", "#c0392b"


def draw(results: dict[str, Any], path: Path) -> None:
    """Bars for tiny_pytorch with whiskers at the quartiles, marks for goals and for the other peers, PyTorch at 1."""
    runs = {n: {t: s for t, s in rows.items() if "PyTorch" in s} for n, rows in results["threads"].items()}
    titles = list(dict.fromkeys(title for rows in runs.values() for title in rows))
    if not titles:
        raise SystemExit("chart: the runs have no row that PyTorch took part in, and it is what all are compared with")
    style = {"font.family": "DejaVu Sans", "font.size": 9, "text.color": INK, "svg.hashsalt": "peers"}
    with pyplot.rc_context(style):
        figure, axes = pyplot.subplots(figsize=(9, 1.3 + 0.16 * len(titles) * (1 + len(runs))), layout="constrained")
        height = 0.76 / len(runs)
        for i, (threads, rows) in enumerate(runs.items()):
            for title, summary in rows.items():
                y = titles.index(title) + (i - (len(runs) - 1) / 2) * height
                goal = report.goal(title, int(threads))
                bar(axes, y, height, summary["PyTorch"], goal, OURS.get(threads, "#777777"))
                shown = marks(axes, titles.index(title), summary) if i == 0 else []
                write(axes, y, summary["PyTorch"], [goal, *shown])
        frame(axes, titles)
        legend(axes, runs)
        about = results["about"]
        figure.suptitle("How many times faster than PyTorch on the CPU", x=0.01, ha="left", size=12, weight="bold")
        versions = (
            f"PyTorch {about['versions']['PyTorch']}, eager, fused optimizers; {about['machine']}; {about['date']}"
        )
        axes.set_title(versions, size=8, color="#666666")
        figure.savefig(path, dpi=150, facecolor="white", metadata={"Date": None} if path.suffix == ".svg" else None)
        pyplot.close(figure)


def bar(axes: Any, y: float, height: float, summary: dict[str, float], goal: float, color: str) -> None:
    ratio, low, high = (summary[key] for key in ("ratio", "ratio_q1", "ratio_q3"))
    axes.barh(y, ratio - 1, height * 0.92, left=1, color=color, zorder=2)
    axes.plot([low, high], [y, y], color=INK, lw=1.1, zorder=3, solid_capstyle="butt")
    axes.plot([goal, goal], [y - height / 2, y + height / 2], color=GOAL, lw=1.6, zorder=4)


def write(axes: Any, y: float, summary: dict[str, float], marks: list[float]) -> None:
    """The number behind the bar, and behind the ``marks`` that it would stand on."""
    end = max(summary["ratio"], summary["ratio_q3"], 1)
    for mark in sorted(marks):
        if end < mark < 1.6 * end:
            end = mark
    number = report.times(summary["ratio"])
    axes.annotate(number, (end, y), (5, 0), textcoords="offset points", va="center", fontsize=8)


def marks(axes: Any, y: float, summary: report.Summary) -> list[float]:
    """The other peers, against PyTorch too; where they stand."""
    faster = {p: summary["PyTorch"]["ratio"] / summary[p]["ratio"] for p in PEERS if p in summary}
    for peer, x in faster.items():
        marker, color = PEERS[peer]
        axes.plot(x, y, marker, color=color, ms=4.5, mec="white", mew=0.6, zorder=5)
    return list(faster.values())


def frame(axes: Any, titles: list[str]) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(matplotlib.ticker.FixedLocator([0.25, 0.5, 1, 2, 4, 8, 16, 32, 64]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}×"))
    axes.axvline(1, color=INK, lw=1, zorder=3)
    axes.grid(axis="x", color=FAINT, lw=0.7, zorder=0)
    axes.set_yticks(range(len(titles)), titles)
    axes.set_ylim(len(titles) - 0.4, -0.6)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    low, high = axes.get_xlim()
    axes.set_xlim(max(low, 0.2), high * 1.15)


def legend(axes: Any, runs: dict[str, Any]) -> None:
    named = {n: f"{n} thread{'s' * (n != '1')}" for n in runs}
    handles: list[Any] = [Patch(color=OURS.get(n, "#777777"), label=f"tiny_pytorch, {named[n]}") for n in runs]
    handles.append(Line2D([], [], color=GOAL, lw=1.6, label="goal"))
    first = next(iter(runs))
    found = {peer for summary in runs[first].values() for peer in summary}
    handles += [
        Line2D([], [], ls="", marker=marker, color=color, mec="white", label=f"{peer}, {named[first]}")
        for peer, (marker, color) in PEERS.items()
        if peer in found
    ]
    axes.legend(handles=handles, loc="lower right", fontsize=8, frameon=True, framealpha=0.95, edgecolor=FAINT)
