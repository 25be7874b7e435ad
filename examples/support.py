"""What the examples share and a reader may pass over: the command line's common part, and the colours of pictures."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

INK, PAPER, MUTED, LINE = "#1f2933", "#ffffff", "#8a94a0", "#d5dae0"
TRAIN, HELD_OUT, OTHER = "#8f9aa6", "#2864b4", "#c8452f"


def argument_parser(description: str, picture: str) -> argparse.ArgumentParser:
    """A parser with the options that every example has; ``description`` is its docstring."""
    parser = argparse.ArgumentParser(
        description=description.partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0, help="of everything random")
    parser.add_argument("--out", type=Path, default=Path(picture), help="where to save the picture")
    parser.add_argument("--no-plot", action="store_true", help="save no picture")
    return parser


def parse(parser: argparse.ArgumentParser, argv: list[str] | None) -> argparse.Namespace:
    """The arguments; ends the program if something is missing that it would need after the work is done."""
    args = parser.parse_args(argv)
    need("tqdm")
    if not args.no_plot:
        need("matplotlib")
        if not args.out.parent.is_dir():
            parser.error(f"--out: there is no directory {args.out.parent}")
    return args


def positive_int(text: str) -> int:
    """The type of an argument that counts something."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, got {value}")
    return value


def need(package: str) -> None:
    """End the program, and say what to install, if a package is missing."""
    try:
        __import__(package)
    except ModuleNotFoundError:
        sys.exit(f"This example needs {package}, which is not installed: pip install 'tiny_pytorch[examples]'")


def pyplot():
    """matplotlib.pyplot in the examples' style, for pictures that are saved and not shown."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update(
        {
            "font.size": 10,
            "axes.edgecolor": MUTED,
            "axes.titlesize": 12,
            "axes.titleweight": "bold",
            "figure.constrained_layout.use": True,
            "figure.facecolor": PAPER,
            "savefig.dpi": 130,
        }
    )
    return plt
