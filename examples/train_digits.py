"""Train a multilayer perceptron on real handwritten digits, and look at what it learnt.

    python examples/train_digits.py

The images are in the package (tp.data.datasets.Digits): 1,437 to train on and 360 held out. Prints a line per
epoch and saves a picture with the learning curves, the confusion matrix and the images that the network got
wrong. The numbers are the same again for the same --seed.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

import tiny_pytorch as tp

INK, PAPER, MUTED = "#1f2933", "#ffffff", "#8a94a0"
TRAIN, HELD_OUT, WRONG = "#7a8794", "#2864b4", "#c8452f"


def main(argv: list[str] | None = None) -> None:
    args = parse_arguments(argv)
    start = time.perf_counter()
    tp.manual_seed(args.seed)
    train, held_out = tp.data.datasets.Digits(train=True), tp.data.datasets.Digits(train=False)
    model = build_model(args.hidden, args.dropout)
    history = fit(model, train, held_out, args)
    seconds = time.perf_counter() - start

    labels = held_out.labels.numpy()
    probabilities = predict(model, held_out)
    right = int((probabilities.argmax(axis=1) == labels).sum())
    print(
        f"held-out accuracy: {right / len(labels):.2%} ({right} of {len(labels)} digits) "
        f"after {args.epochs} epochs in {seconds:.1f} s"
    )
    if not args.no_plot:
        save_picture(args.out, history, held_out.images.numpy()[:, 0], labels, probabilities)
        print(f"picture: {args.out}")


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--epochs", type=positive_int, default=20, help="passes over the training images")
    parser.add_argument("--batch-size", type=positive_int, default=32, help="images in a step")
    parser.add_argument("--lr", type=float, default=2e-3, help="first learning rate; falls to 0 in a straight line")
    parser.add_argument("--hidden", type=positive_int, nargs="+", default=[256, 256], help="widths of hidden layers")
    parser.add_argument("--dropout", type=float, default=0.3, help="share of hidden units switched off in training")
    parser.add_argument("--seed", type=int, default=0, help="of everything random")
    parser.add_argument("--out", type=Path, default=Path("train_digits.png"), help="where to save the picture")
    parser.add_argument("--no-plot", action="store_true", help="save no picture")
    args = parser.parse_args(argv)
    # Before the work rather than after it.
    need("tqdm")
    if not args.no_plot:
        need("matplotlib")
        if not args.out.parent.is_dir():
            parser.error(f"--out: there is no directory {args.out.parent}")
    return args


def positive_int(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, got {value}")
    return value


def need(package: str) -> None:
    try:
        __import__(package)
    except ModuleNotFoundError:
        sys.exit(f"This example needs {package}, which is not installed: pip install 'tiny-pytorch[examples]'")


def build_model(hidden: list[int], dropout: float) -> tp.nn.Sequential:
    layers: list[tp.nn.Module] = [tp.nn.Flatten()]
    width = 64
    for units in hidden:
        layers += [tp.nn.Linear(width, units), tp.nn.ReLU(), tp.nn.Dropout(dropout)]
        width = units
    return tp.nn.Sequential(*layers, tp.nn.Linear(width, 10))


def fit(model, train, held_out, args) -> dict[str, list[float]]:
    """Train, and return the curves: one number per epoch."""
    from tqdm import tqdm

    loader = tp.data.DataLoader(train, batch_size=args.batch_size, shuffle=True)
    criterion = tp.nn.SoftmaxLoss()
    optimizer = tp.optim.Adam(model.parameters(), lr=args.lr)
    history = {"train loss": [], "train accuracy": [], "held-out loss": [], "held-out accuracy": []}
    steps = args.epochs * len(loader)

    print("epoch  train loss  train acc  held-out loss  held-out acc")
    with tqdm(total=steps, unit="step", leave=False) as bar:
        for epoch in range(1, args.epochs + 1):
            model.train()
            bar.set_description(f"epoch {epoch}/{args.epochs}")
            total_loss, right, seen = 0.0, 0, 0
            for images, labels in loader:
                for group in optimizer.param_groups:
                    group["lr"] = args.lr * (1 - bar.n / steps)
                logits = model(images)
                loss = criterion(logits, labels)
                loss.backward()
                optimizer.step()
                optimizer.reset_grad()

                total_loss += loss.item() * len(labels)
                right += (logits.argmax(dim=1) == labels).sum().item()
                seen += len(labels)
                bar.set_postfix_str(f"loss {total_loss / seen:.4f}, accuracy {right / seen:.2%}", refresh=False)
                bar.update()

            held_out_loss, held_out_accuracy = evaluate(model, held_out, criterion)
            numbers = (total_loss / seen, right / seen, held_out_loss, held_out_accuracy)
            for curve, number in zip(history.values(), numbers, strict=True):
                curve.append(number)
            tqdm.write("{:5d}  {:10.4f}  {:9.2%}  {:13.4f}  {:12.2%}".format(epoch, *numbers), file=sys.stdout)
    return history


@tp.no_grad()
def evaluate(model, dataset, criterion) -> tuple[float, float]:
    """Mean loss and accuracy over a whole data set."""
    model.eval()
    logits = model(dataset.images)
    return criterion(logits, dataset.labels).item(), (logits.argmax(dim=1) == dataset.labels).float().mean().item()


@tp.no_grad()
def predict(model, dataset) -> np.ndarray:
    """The probability of each class for each image, (N, 10)."""
    model.eval()
    return tp.softmax(model(dataset.images), dim=1).numpy()


def save_picture(path: Path, history: dict, images: np.ndarray, labels: np.ndarray, probabilities: np.ndarray) -> None:
    """Learning curves, confusion matrix and the images that were misread."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"font.size": 10, "axes.edgecolor": MUTED, "axes.titlesize": 12, "axes.titleweight": "bold"})
    figure = plt.figure(figsize=(12.5, 8.4), layout="constrained", facecolor=PAPER)
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.1)
    upper, lower = figure.subfigures(2, 1, height_ratios=[1.75, 1])
    left, right = upper.subfigures(1, 2, width_ratios=[1, 1.08])
    loss_axes, accuracy_axes = left.subplots(2, 1, sharex=True)
    draw_curves(loss_axes, history["train loss"], history["held-out loss"], "Loss (logarithmic)", "{:.3f}")
    draw_curves(accuracy_axes, history["train accuracy"], history["held-out accuracy"], "Accuracy", "{:.1%}")
    loss_axes.set_yscale("log")
    loss_axes.yaxis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 2, 5)))
    loss_axes.yaxis.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%g"))
    loss_axes.yaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())
    accuracy_axes.yaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1.0, decimals=0))
    accuracy_axes.set_xlabel("epoch")
    accuracy_axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    draw_confusion(right.subplots(), labels, probabilities.argmax(axis=1))
    draw_mistakes(lower, images, labels, probabilities)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def draw_curves(axes, train: list[float], held_out: list[float], title: str, form: str) -> None:
    epochs = range(1, len(train) + 1)
    for curve, color, name in (train, TRAIN, "training, with dropout"), (held_out, HELD_OUT, "held out"):
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
        axes.spines[:].set_color("#d5dae0")
        axes.set_title(
            f"{labels[i]}, said {said[i]}\n{probabilities[i, said[i]]:.0%} sure",
            fontsize=10,
            fontweight="normal",
            color=WRONG,
        )


if __name__ == "__main__":
    main()
