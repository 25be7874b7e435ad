"""Train a convolutional network on real handwritten digits, until it reads 98.5 % of those that it never saw.

    python examples/digits_cnn.py

Beside the network, two things make the difference to train_digits.py. Every image is moved by up to one pixel each way
whenever it is trained on, so that the network never sees it twice in the same place. And a held-out image is shown nine
times, in all these places, and what the network says is averaged. Prints a line per epoch and saves a picture with the
learning curves, the confusion matrix and the images that the network got wrong. The numbers are the same again for the
same --seed.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
from digits_picture import save_picture
from support import argument_parser, parse, positive_int

import tiny_pytorch as tp
from tiny_pytorch import nn


def main(argv: list[str] | None = None) -> None:
    args = parse_arguments(argv)
    start = time.perf_counter()
    tp.manual_seed(args.seed)
    train, held_out = tp.data.datasets.Digits(train=True), tp.data.datasets.Digits(train=False)
    model = build_model(args.width, args.dropout)
    print(f"a network of {sum(p.numel() for p in model.parameters()):,} parameters")
    history = fit(model, train, held_out, args)
    seconds = time.perf_counter() - start

    labels = held_out.labels.numpy()
    probabilities = predict(model, held_out.images.numpy())
    right = int((probabilities.argmax(axis=1) == labels).sum())
    print(
        f"held-out accuracy: {right / len(labels):.2%} ({right} of {len(labels)} digits) "
        f"after {args.epochs} epochs in {seconds:.1f} s"
    )
    if not args.no_plot:
        save_picture(args.out, history, held_out.images.numpy()[:, 0], labels, probabilities)
        print(f"picture: {args.out}")


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argument_parser(__doc__, picture="digits_cnn.png")
    parser.add_argument("--epochs", type=positive_int, default=20, help="passes over the training images")
    parser.add_argument("--batch-size", type=positive_int, default=32, help="images in a step")
    parser.add_argument("--lr", type=float, default=2e-3, help="first learning rate; falls to 0 in a straight line")
    parser.add_argument(
        "--width", type=positive_int, default=32, help="channels of the first convolution; half the second's"
    )
    parser.add_argument("--dropout", type=float, default=0.3, help="share of features switched off in training")
    return parse(parser, argv)


def build_model(width: int, dropout: float) -> nn.Sequential:
    """Two convolutions at 8x8 pixels, and two linear layers over what is left of them at 4x4."""
    return nn.Sequential(
        nn.Conv2d(1, width, kernel_size=3, padding=1),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.Conv2d(width, 2 * width, kernel_size=3, padding=1),
        nn.BatchNorm2d(2 * width),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(2 * width * 4 * 4, 128),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(128, 10),
    )


def fit(model, train, held_out, args) -> dict[str, list[float]]:
    """Train, and return the curves: one number per epoch."""
    from tqdm import tqdm

    rng = np.random.default_rng(args.seed)
    loader = tp.data.DataLoader(train, batch_size=args.batch_size, shuffle=True)
    criterion = nn.SoftmaxLoss()
    optimizer = tp.optim.Adam(model.parameters(), lr=args.lr)
    steps = args.epochs * len(loader)
    scheduler = tp.optim.lr_scheduler.LinearLR(optimizer, start_factor=1.0, end_factor=0.0, total_iters=steps)
    history = {"train loss": [], "train accuracy": [], "held-out loss": [], "held-out accuracy": []}

    print("epoch  train loss  train acc  held-out loss  held-out acc")
    with tqdm(total=steps, unit="step", leave=False) as bar:
        for epoch in range(1, args.epochs + 1):
            model.train()
            bar.set_description(f"epoch {epoch}/{args.epochs}")
            total_loss, right, seen = 0.0, 0, 0
            for images, labels in loader:
                moved = shifts(images.numpy())[rng.integers(0, 9, len(images)), np.arange(len(images))]
                logits = model(tp.from_numpy(moved))
                loss = criterion(logits, labels)
                loss.backward()
                optimizer.step()
                optimizer.reset_grad()
                scheduler.step()

                total_loss += loss.item() * len(labels)
                right += (logits.argmax(dim=1) == labels).sum().item()
                seen += len(labels)
                bar.set_postfix_str(f"loss {total_loss / seen:.4f}, accuracy {right / seen:.2%}", refresh=False)
                bar.update()

            probabilities = predict(model, held_out.images.numpy())
            truth = held_out.labels.numpy()
            held_out_loss = -np.log(probabilities[np.arange(len(truth)), truth]).mean()
            numbers = (total_loss / seen, right / seen, held_out_loss, (probabilities.argmax(axis=1) == truth).mean())
            for curve, number in zip(history.values(), numbers, strict=True):
                curve.append(float(number))
            tqdm.write("{:5d}  {:10.4f}  {:9.2%}  {:13.4f}  {:12.2%}".format(epoch, *numbers), file=sys.stdout)
    return history


def shifts(images: np.ndarray) -> np.ndarray:
    """The images (N, 1, H, W) moved by -1, 0 and 1 pixels each way: (9, N, 1, H, W)."""
    height, width = images.shape[2:]
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    return np.stack([padded[:, :, i : i + height, j : j + width] for i in range(3) for j in range(3)])


@tp.no_grad()
def predict(model, images: np.ndarray) -> np.ndarray:
    """The probability of each class for each image, (N, 10): the mean over its nine places."""
    model.eval()
    return np.mean([tp.softmax(model(tp.from_numpy(moved)), dim=1).numpy() for moved in shifts(images)], axis=0)


if __name__ == "__main__":
    main()
