"""Teach a small network to write Python, one character after another.

    python examples/char_lm.py
    python examples/char_lm.py --model gpt

The text is the source of the Python standard library, which every machine has that can run this: 95 % of it to read,
the rest held out. The network is an LSTM, which reads the text in order and keeps its state from one passage to the
next, or a GPT, which sees one passage at a time. Prints the bits that it needs for each held-out character as it learns
(zlib's number is printed beside it), then a sample of what it writes, and saves a picture with the learning curve and a
held-out passage, coloured by how much each character surprised the network. The numbers are the same again for the same
--seed and the same version of Python.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
import sysconfig
import time
import zlib
from pathlib import Path

import numpy as np
from support import HELD_OUT, INK, LINE, MUTED, OTHER, TRAIN, argument_parser, parse, positive_int, pyplot

import tiny_pytorch as tp


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
    zlib_limit = zlib_bits(text[border:])
    print(f"zlib needs {zlib_limit:.3f} bits per held-out character")

    model = build_model(len(alphabet), args)
    print(f"{args.model.upper()} of {sum(p.numel() for p in model.parameters()):,} parameters")
    history = fit(model, train, held_out, args)
    bits = surprise(model, held_out, args, passages=24)
    seconds = time.perf_counter() - start
    print(f"held out: {bits.mean():.3f} bits per character after {args.steps} steps in {seconds:.0f} s")

    written = write(model, alphabet, args)
    print(f"\nWhat it writes after {args.prompt!r}:\n\n{written}")
    if not args.no_plot:
        passage = "".join(alphabet[c] for c in held_out[1 : bits.shape[1] + 1])
        save_picture(args.out, history, passage, bits[0], zlib_limit)
        print(f"\npicture: {args.out}")


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argument_parser(__doc__, picture="char_lm.png")
    parser.add_argument("--model", choices=["lstm", "gpt"], default="lstm", help="the kind of network")
    parser.add_argument("--steps", type=positive_int, default=1500, help="updates of the parameters")
    parser.add_argument("--batch-size", type=positive_int, default=32, help="passages in a step")
    parser.add_argument("--context", type=positive_int, default=64, help="characters in a passage")
    parser.add_argument("--width", type=positive_int, help="features of each character; 256 of an LSTM, 96 of a GPT")
    parser.add_argument("--layers", type=positive_int, help="LSTM layers or Transformer blocks; 1 and 3")
    parser.add_argument("--heads", type=positive_int, default=4, help="a GPT's heads of attention; divides the width")
    parser.add_argument(
        "--lr", type=float, default=3e-3, help="highest learning rate: up in 5 %% of the steps, then down"
    )
    parser.add_argument("--sample", type=positive_int, default=500, help="characters to write")
    parser.add_argument("--temperature", type=float, default=0.7, help="of the sample; lower is more careful")
    parser.add_argument("--prompt", default="def ", help="what the sample begins with")
    args = parse(parser, argv)
    width, layers = {"lstm": (256, 1), "gpt": (96, 3)}[args.model]
    args.width, args.layers = args.width or width, args.layers or layers
    # Before the work rather than after it.
    if args.model == "gpt" and args.width % args.heads:
        parser.error(f"--heads: {args.heads} heads do not divide a width of {args.width}")
    if args.temperature < 0:
        parser.error(f"--temperature: must not be negative, got {args.temperature}")
    if not args.prompt or not args.prompt.isascii() or not args.prompt.isprintable():
        parser.error("--prompt: expected at least one printable ASCII character")
    return args


def read_library() -> str:
    """The top-level modules of the standard library, in an order that has nothing to do with the alphabet's."""
    root = Path(sysconfig.get_paths()["stdlib"])
    paths = sorted(root.glob("*.py"), key=lambda path: zlib.crc32(path.name.encode()))
    text = "".join(path.read_text(encoding="utf-8", errors="replace") for path in paths)
    return "".join(c for c in text if c == "\n" or (c.isascii() and c.isprintable()))


def zlib_bits(text: str) -> float:
    """Bits per character in which zlib stores a text."""
    return 8 * len(zlib.compress(text.encode(), 9)) / len(text)


def build_model(vocabulary: int, args) -> tp.nn.Module:
    if args.model == "gpt":
        return tp.models.GPT(vocabulary, args.width, args.layers, args.heads, args.context)
    return tp.models.LanguageModel(vocabulary, args.width // 4, args.width, args.layers)


def read(model, inputs: np.ndarray, state):
    """The logits behind each character of (N, T) codes, and the state to go on with; a GPT has none."""
    if isinstance(model, tp.models.GPT):
        return model(tp.tensor(inputs)), None
    logits, state = model(tp.tensor(inputs), state)
    return logits, model.detach(state)


def read_in_rows(codes: np.ndarray, count: int, length: int):
    """Pairs (characters, those that follow them), (count, length) each: the text in ``count`` rows, read in parallel.

    Each row goes on where its last passage ended. A text too short for that is an error.
    """
    row = (len(codes) - 1) // count
    if row < length:
        sys.exit(f"{len(codes):,} characters are too few for {count} passages of {length}")
    starts = np.arange(count)[:, None] * row + np.arange(length)
    for i in range(0, row - length + 1, length):
        yield codes[starts + i], codes[starts + i + 1]


def fit(model, train: np.ndarray, held_out: np.ndarray, args) -> dict[str, list[tuple[int, float]]]:
    """Train, and return the curves: (step, bits per character)."""
    from tqdm import tqdm

    optimizer = tp.optim.Adam(model.parameters(), lr=args.lr)
    scheduler = tp.optim.lr_scheduler.LambdaLR(optimizer, lambda step: warm_up_and_decay((step + 1) / args.steps))
    history: dict[str, list[tuple[int, float]]] = {"train": [], "held out": []}
    report = max(1, args.steps // 10)
    print(" step  train bits  held-out bits")
    with tqdm(total=args.steps, unit="step", leave=False) as bar:
        step = 0
        while step < args.steps:
            state = None
            for inputs, targets in read_in_rows(train, args.batch_size, args.context):
                step += 1
                logits, state = read(model, inputs, state)
                loss = tp.nn.functional.cross_entropy(logits.flatten(0, 1), tp.tensor(targets.reshape(-1)))
                loss.backward()
                tp.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                optimizer.reset_grad()
                scheduler.step()

                history["train"].append((step, loss.item() / math.log(2)))
                bar.set_postfix_str(f"{history['train'][-1][1]:.3f} bits", refresh=False)
                bar.update()
                if step % report == 0 or step == args.steps:
                    recent = float(np.mean([bits for _, bits in history["train"][-report:]]))
                    history["held out"].append((step, float(surprise(model, held_out, args, passages=24).mean())))
                    tqdm.write(f"{step:5d}  {recent:10.3f}  {history['held out'][-1][1]:13.3f}", file=sys.stdout)
                if step == args.steps:
                    break
    return history


def warm_up_and_decay(progress: float) -> float:
    """Up in a straight line, then down along a cosine to a tenth."""
    if progress < 0.05:
        return progress / 0.05
    return 0.55 + 0.45 * math.cos(math.pi * (progress - 0.05) / 0.95)


@tp.no_grad()
def surprise(model, held_out: np.ndarray, args, passages: int) -> np.ndarray:
    """The bits for each character, (rows, characters), of the first passages of 32 rows of the held-out text."""
    model.eval()
    state, bits = None, []
    for inputs, targets in itertools.islice(read_in_rows(held_out, 32, args.context), passages):
        logits, state = read(model, inputs, state)
        nats = tp.nn.functional.cross_entropy(
            logits.flatten(0, 1), tp.tensor(targets.reshape(-1)), reduction="none"
        ).numpy()
        bits.append(nats.reshape(inputs.shape) / math.log(2))
    model.train()
    return np.concatenate(bits, axis=1)


@tp.no_grad()
def write(model, alphabet: list[str], args) -> str:
    """The prompt, and what the model goes on with."""
    tokens = tp.tensor(np.searchsorted(alphabet, list(args.prompt))[None])
    return "".join(alphabet[c] for c in model.eval().generate(tokens, args.sample, args.temperature).numpy()[0])


def save_picture(path: Path, history: dict, passage: str, bits: np.ndarray, zlib_limit: float) -> None:
    """The learning curve, and the held-out passage coloured by what each character cost."""
    plt = pyplot()
    figure, (curves, text) = plt.subplots(1, 2, figsize=(14, 6.4), width_ratios=[1, 1.35])
    draw_curves(curves, history, zlib_limit)
    draw_passage(text, passage, bits)
    figure.savefig(path)
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
    axes.spines[:].set_color(LINE)
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.6, pad=0.01, extend="max", label="bits")
    bar.outline.set_visible(False)


if __name__ == "__main__":
    main()
