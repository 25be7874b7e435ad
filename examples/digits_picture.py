"""The picture of a network that reads digits: learning curves, confusion matrix, and what it got wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from support import HELD_OUT, INK, LINE, MUTED, OTHER, TRAIN, pyplot


def save_picture(path: Path, history: dict, images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray) -> None:
    """Learning curves, confusion matrix and the images that were misread."""
    plt = pyplot()
    from matplotlib import ticker

    figure = plt.figure(figsize=(12.5, 8.4))
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.1)
    upper, lower = figure.subfigures(2, 1, height_ratios=[1.75, 1])
    left, right = upper.subfigures(1, 2, width_ratios=[1, 1.08])
    loss_axes, accuracy_axes = left.subplots(2, 1, sharex=True)
    draw_curves(loss_axes, history["train loss"], history["held-out loss"], "Loss (logarithmic)", "{:.3f}")
    draw_curves(accuracy_axes, history["train accuracy"], history["held-out accuracy"], "Accuracy", "{:.1%}")
    loss_axes.set_yscale("log")
    loss_axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    loss_axes.yaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
    loss_axes.yaxis.set_minor_formatter(ticker.NullFormatter())
    accuracy_axes.yaxis.set_major_formatter(ticker.PercentFormatter(1.0, decimals=0))
    accuracy_axes.set_xlabel("epoch")
    accuracy_axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    draw_confusion(right.subplots(), labels, probabilities.argmax(axis=1))
    draw_mistakes(lower, images, labels, probabilities)
    figure.savefig(path)
    plt.close(figure)


def draw_curves(axes, train: list[float], held_out: list[float], title: str, form: str) -> None:
    epochs = range(1, len(train) + 1)
    for curve, color, name in (train, TRAIN, "training"), (held_out, HELD_OUT, "held out"):
        label = f"{name}: {form.format(curve[-1])} at the end"
        axes.plot(epochs, curve, color=color, linewidth=2, marker="o", markersize=3.5, label=label)
    axes.set_xlim(0.5, len(train) + 0.5)
    axes.set_title(title, loc="left", color=INK)
    axes.grid(axis="y", color=MUTED, alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)


def draw_confusion(axes, labels: np.ndarray, said: np.ndarray) -> None:
    """Counts of (digit, answer): right ones in blue, wrong ones in red, each on a scale of its own."""
    counts = np.zeros((10, 10), dtype=int)
    np.add.at(counts, (labels, said), 1)
    diagonal = np.eye(10, dtype=bool)
    axes.imshow(np.where(diagonal, counts, np.nan), cmap="Blues", vmin=0, vmax=1.6 * counts.max())
    wrong = np.where(~diagonal & (counts > 0), counts, np.nan)
    axes.imshow(wrong, cmap="Reds", vmin=-1, vmax=max(4, 1.6 * counts[~diagonal].max()))
    for (digit, answer), count in np.ndenumerate(counts):
        if count:
            axes.text(
                answer,
                digit,
                count,
                ha="center",
                va="center",
                color=INK,
                fontweight="normal" if digit == answer else "bold",
            )
    axes.set_xticks(range(10))
    axes.set_yticks(range(10))
    axes.set_xticks(np.arange(-0.5, 10), minor=True)
    axes.set_yticks(np.arange(-0.5, 10), minor=True)
    axes.grid(which="minor", color=MUTED, alpha=0.25)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("the network said")
    axes.set_ylabel("digit")
    accuracy = counts.trace() / counts.sum()
    axes.set_title(f"{counts.trace()} of {counts.sum()} held-out digits read right: {accuracy:.2%}", color=INK)


def draw_mistakes(figure, images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, most: int = 20) -> None:
    """The images that were misread, the most confident answers first."""
    said = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(said != labels)
    wrong = wrong[np.argsort(-probabilities[wrong, said[wrong]], kind="stable")]
    shown = wrong[:most]
    title = f"The {len(wrong)} it got wrong" if len(wrong) <= most else f"{most} of the {len(wrong)} it got wrong"
    figure.suptitle(
        "It got none wrong" if len(wrong) == 0 else f"{title}, the most confident first",
        fontsize=12,
        fontweight="bold",
        color=INK,
    )
    columns = min(max(len(shown), 1), 10)
    grid = figure.subplots(max(1, -(-len(shown) // columns)), columns, squeeze=False)
    for axes in grid.flat[len(shown) :]:
        axes.set_axis_off()
    for axes, i in zip(grid.flat, shown, strict=False):
        axes.imshow(images[i], cmap="gray_r", vmin=0, vmax=1)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_color(LINE)
        axes.set_title(
            f"{labels[i]}, said {said[i]}\n{probabilities[i, said[i]]:.0%} sure",
            fontsize=10,
            fontweight="normal",
            color=OTHER,
        )
