"""Teach a small GPT to write Python, one character after another.

    python examples/char_lm.py

The text is the source of the Python standard library, which every machine has that can run this: 95 % of it to read,
the rest held out. Prints the bits that the model needs for each held-out character as it learns (zlib's number is
printed beside it), then a sample of what it writes, and saves a picture with the learning curve and a held-out
passage, coloured by how much each character surprised the model. The numbers are the same again for the same --seed
and the same version of Python.
"""

from __future__ import annotations

import argparse
import math
import sys
import sysconfig
import time
import zlib
from pathlib import Path

import numpy as np

import tiny_pytorch as tp

INK, PAPER, MUTED = "#1f2933", "#ffffff", "#8a94a0"
TRAIN, HELD_OUT, OTHER = "#b3bcc6", "#2864b4", "#c8452f"


def main(argv: list[str] | None = None) -> None:
    args = parse_arguments(argv)
    start = time.perf_counter()
    tp.manual_seed(args.seed)
    text = read_library()
    alphabet = sorted(set(text))
    codes = np.searchsorted(alphabet, list(text))
    border = int(len(codes) * 0.95)
    train, held_out = codes[:border], codes[border:]
    print(
        f"{len(text):,} characters of the standard library, {len(alphabet)} different ones; {len(held_out):,} held out"
    )
    print(f"zlib needs {zlib_bits(text[border:]):.3f} bits per held-out character")

    model = tp.models.GPT(len(alphabet), args.width, args.layers, args.heads, args.context)
    print(f"a GPT of {sum(p.numel() for p in model.parameters()):,} parameters, {args.layers} layers")
    history = fit(model, train, held_out, args)
    bits = surprise(model, held_out, 200 * args.context)
    seconds = time.perf_counter() - start
    print(f"held out: {bits.mean():.3f} bits per character after {args.steps} steps in {seconds:.0f} s")

    written = write(model, alphabet, args)
    print(f"\nWhat it writes after {args.prompt!r}:\n\n{written}")
    if not args.no_plot:
        passage = "".join(alphabet[c] for c in held_out[1 : len(bits) + 1])
        save_picture(args.out, history, passage, bits, zlib_bits(text[border:]))
        print(f"\npicture: {args.out}")


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--steps", type=positive_int, default=1500, help="updates of the parameters")
    parser.add_argument("--batch-size", type=positive_int, default=32, help="passages in a step")
    parser.add_argument("--context", type=positive_int, default=64, help="characters in a passage")
    parser.add_argument("--width", type=positive_int, default=96, help="features of each character")
    parser.add_argument("--layers", type=positive_int, default=3, help="Transformer blocks")
    parser.add_argument("--heads", type=positive_int, default=4, help="heads of attention in each; divides the width")
    parser.add_argument(
        "--lr", type=float, default=3e-3, help="highest learning rate: up in 5 %% of the steps, then down"
    )
    parser.add_argument("--sample", type=positive_int, default=500, help="characters to write")
    parser.add_argument("--temperature", type=float, default=0.7, help="of the sample; lower is more careful")
    parser.add_argument("--prompt", default="def ", help="what the sample begins with")
    parser.add_argument("--seed", type=int, default=0, help="of everything random")
    parser.add_argument("--out", type=Path, default=Path("char_lm.png"), help="where to save the picture")
    parser.add_argument("--no-plot", action="store_true", help="save no picture")
    args = parser.parse_args(argv)
    # Before the work rather than after it.
    if args.width % args.heads:
        parser.error(f"--heads: {args.heads} heads do not divide a width of {args.width}")
    if not args.prompt or not args.prompt.isascii() or not args.prompt.isprintable():
        parser.error("--prompt: expected at least one printable ASCII character")
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


def read_library() -> str:
    """The top-level modules of the standard library, in an order that has nothing to do with the alphabet's."""
    root = Path(sysconfig.get_paths()["stdlib"])
    paths = sorted(root.glob("*.py"), key=lambda path: zlib.crc32(path.name.encode()))
    text = "".join(path.read_text(encoding="utf-8", errors="replace") for path in paths)
    return "".join(c for c in text if c == "\n" or (c.isascii() and c.isprintable()))


def zlib_bits(text: str) -> float:
    """Bits per character in which zlib stores a text."""
    return 8 * len(zlib.compress(text.encode(), 9)) / len(text)


def fit(model, train: np.ndarray, held_out: np.ndarray, args) -> dict[str, list[tuple[int, float]]]:
    """Train, and return the curves: (step, bits per character)."""
    from tqdm import tqdm

    optimizer = tp.optim.Adam(model.parameters(), lr=args.lr)
    history: dict[str, list[tuple[int, float]]] = {"train": [], "held out": []}
    rng = np.random.default_rng(args.seed)
    report = max(1, args.steps // 10)
    print(" step  train bits  held-out bits")
    with tqdm(total=args.steps, unit="step", leave=False) as bar:
        for step in range(1, args.steps + 1):
            for group in optimizer.param_groups:
                group["lr"] = args.lr * schedule(step / args.steps)
            starts = rng.integers(0, len(train) - args.context, args.batch_size)
            passages = train[starts[:, None] + np.arange(args.context + 1)]
            loss = mean_loss(model, passages)
            loss.backward()
            tp.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.reset_grad()

            history["train"].append((step, loss.item() / math.log(2)))
            bar.set_postfix_str(f"{history['train'][-1][1]:.3f} bits", refresh=False)
            bar.update()
            if step % report == 0 or step == args.steps:
                recent = float(np.mean([bits for _, bits in history["train"][-report:]]))
                history["held out"].append((step, float(surprise(model, held_out, 50 * args.context).mean())))
                tqdm.write(f"{step:5d}  {recent:10.3f}  {history['held out'][-1][1]:13.3f}", file=sys.stdout)
    return history


def schedule(progress: float) -> float:
    """Up in a straight line, then down along a cosine to a tenth."""
    if progress < 0.05:
        return progress / 0.05
    return 0.55 + 0.45 * math.cos(math.pi * (progress - 0.05) / 0.95)


def mean_loss(model, passages: np.ndarray) -> tp.Tensor:
    """Nats for each character of (N, T + 1) codes, of which the first are only read."""
    logits = model(tp.tensor(passages[:, :-1]))
    return tp.nn.functional.cross_entropy(logits.flatten(0, 1), tp.tensor(passages[:, 1:].reshape(-1)))


@tp.no_grad()
def surprise(model, codes: np.ndarray, most: int) -> np.ndarray:
    """The bits for each character of the text but the first, each passage read from its beginning."""
    length = model.context
    count = min(len(codes) - 1, most) // length
    inputs = codes[: count * length].reshape(count, length)
    targets = codes[1 : count * length + 1]
    losses = [
        tp.nn.functional.cross_entropy(
            model(tp.tensor(inputs[i : i + 32])).flatten(0, 1),
            tp.tensor(targets[i * length : (i + 32) * length]),
            reduction="none",
        ).numpy()
        for i in range(0, count, 32)
    ]
    return np.concatenate(losses) / math.log(2)


def write(model, alphabet: list[str], args) -> str:
    """The prompt, and what the model goes on with."""
    tokens = tp.tensor(np.searchsorted(alphabet, list(args.prompt))[None])
    model.eval()
    return "".join(alphabet[c] for c in model.generate(tokens, args.sample, args.temperature).numpy()[0])


def save_picture(path: Path, history: dict, passage: str, bits: np.ndarray, zlib_limit: float) -> None:
    """The learning curve, and a passage coloured by surprise."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"font.size": 10, "axes.edgecolor": MUTED, "axes.titlesize": 12, "axes.titleweight": "bold"})
    figure, (curves, text) = plt.subplots(
        1, 2, figsize=(14, 6.4), layout="constrained", facecolor=PAPER, width_ratios=[1, 1.35]
    )
    draw_curves(curves, history, zlib_limit)
    draw_passage(text, passage, bits)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def draw_curves(axes, history: dict, zlib_limit: float) -> None:
    steps, train = zip(*history["train"], strict=True)
    held_steps, held_out = zip(*history["held out"], strict=True)
    axes.plot(steps, train, color=TRAIN, linewidth=0.8, label="training, each step")
    label = f"held out: {held_out[-1]:.2f} at the end"
    axes.plot(held_steps, held_out, color=HELD_OUT, linewidth=2, marker="o", markersize=4, label=label)
    axes.axhline(zlib_limit, color=OTHER, linewidth=1.2, linestyle="--", label=f"zlib: {zlib_limit:.2f}")
    axes.set_title("Bits per character", loc="left", color=INK)
    axes.set_xlabel("step")
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color=MUTED, alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)


def draw_passage(axes, passage: str, bits: np.ndarray, rows: int = 30, columns: int = 78) -> None:
    """Held-out text in a grid of characters; the redder, the less the model expected it."""
    cells = np.zeros((rows, columns))
    row = column = 0
    for character, cost in zip(passage, bits, strict=True):
        if character == "\n" or column == columns:
            row, column = row + 1, 0
        if row == rows:
            break
        if character == "\n":
            continue
        cells[row, column] = cost
        axes.text(column, row, character, ha="center", va="center", family="monospace", fontsize=7.5, color=INK)
        column += 1
    image = axes.imshow(cells, cmap="Reds", vmin=0, vmax=10, aspect="auto", alpha=0.75)
    axes.set_title("A held-out passage, and the bits that each character cost", loc="left", color=INK)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color("#d5dae0")
    axes.figure.colorbar(image, ax=axes, shrink=0.6, pad=0.01, extend="max").outline.set_visible(False)


if __name__ == "__main__":
    main()
