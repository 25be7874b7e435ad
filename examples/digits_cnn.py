"""Train a convolutional network on real handwritten digits, until it reads 98.5 % of those that it never saw.

    python examples/digits_cnn.py

Three things make the difference to train_digits.py, beside the convolutions. Every image is distorted anew each time
that it is trained on: turned, sheared, stretched and shifted a little, as handwriting is. Three networks learn side by
side, and what they say is averaged. And they are shown a held-out image nine times, moved by up to one pixel each way.
Prints a line per epoch and saves a picture with the learning curves, the confusion matrix and the images that were read
wrong. The numbers are the same again for the same --seed.
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
    models = nn.ModuleList([build_model(args.width, args.dropout) for _ in range(args.networks)])
    print(f"{len(models)} networks of {sum(p.numel() for p in models[0].parameters()):,} parameters")
    history = fit(models, train, held_out, args)
    seconds = time.perf_counter() - start

    labels = held_out.labels.numpy()
    probabilities = predict(models, held_out.images.numpy())
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
    parser.add_argument("--networks", type=positive_int, default=3, help="how many learn side by side")
    parser.add_argument("--width", type=positive_int, default=32, help="channels of the first two convolutions")
    parser.add_argument("--dropout", type=float, default=0.3, help="share of features switched off in training")
    return parse(parser, argv)


def build_model(width: int, dropout: float) -> nn.Sequential:
    """Two convolutions at 8x8 pixels, two at 4x4, and a linear layer over what is left of them at 2x2."""

    def convolution(before: int, after: int) -> list[nn.Module]:
        return [nn.Conv2d(before, after, kernel_size=3, padding=1), nn.BatchNorm2d(after), nn.ReLU()]

    return nn.Sequential(
        *convolution(1, width),
        *convolution(width, width),
        nn.MaxPool2d(2),
        *convolution(width, 2 * width),
        *convolution(2 * width, 2 * width),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(2 * width * 2 * 2, 10),
    )


def fit(models, train, held_out, args) -> dict[str, list[float]]:
    """Train, and return the curves: one number per epoch."""
    from tqdm import tqdm

    rng = np.random.default_rng(args.seed)
    loader = tp.data.DataLoader(train, batch_size=args.batch_size, shuffle=True)
    criterion = nn.SoftmaxLoss()
    optimizer = tp.optim.Adam(models.parameters(), lr=args.lr)
    steps = args.epochs * len(loader)
    scheduler = tp.optim.lr_scheduler.LinearLR(optimizer, start_factor=1.0, end_factor=0.0, total_iters=steps)
    history = {"train loss": [], "train accuracy": [], "held-out loss": [], "held-out accuracy": []}

    print("epoch  train loss  train acc  held-out loss  held-out acc")
    with tqdm(total=steps, unit="step", leave=False) as bar:
        for epoch in range(1, args.epochs + 1):
            models.train()
            bar.set_description(f"epoch {epoch}/{args.epochs}")
            total_loss, right, seen = 0.0, 0, 0
            for images, labels in loader:
                answers = [model(tp.from_numpy(distort(images.numpy(), rng))) for model in models]
                loss = sum(criterion(logits, labels) for logits in answers)
                loss.backward()
                optimizer.step()
                optimizer.reset_grad()
                scheduler.step()

                total_loss += loss.item() / len(models) * len(labels)
                right += (sum(answers).argmax(dim=1) == labels).sum().item()
                seen += len(labels)
                bar.set_postfix_str(f"loss {total_loss / seen:.4f}, accuracy {right / seen:.2%}", refresh=False)
                bar.update()

            probabilities = predict(models, held_out.images.numpy())
            truth = held_out.labels.numpy()
            held_out_loss = -np.log(probabilities[np.arange(len(truth)), truth]).mean()
            numbers = (total_loss / seen, right / seen, held_out_loss, (probabilities.argmax(axis=1) == truth).mean())
            for curve, number in zip(history.values(), numbers, strict=True):
                curve.append(float(number))
            tqdm.write("{:5d}  {:10.4f}  {:9.2%}  {:13.4f}  {:12.2%}".format(epoch, *numbers), file=sys.stdout)
    return history


def distort(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each image (N, 1, H, W) by an affine map of its own near the identity, interpolated between four pixels."""
    count, _, height, width = images.shape
    angle, shear = rng.normal(0.0, 0.12, count), rng.normal(0.0, 0.1, count)
    matrix = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], axis=1).reshape(count, 2, 2)
    matrix[:, :, 1] += shear[:, None] * matrix[:, :, 0]
    matrix *= np.exp(rng.normal(0.0, 0.06, (count, 2, 1)))
    shift = rng.uniform(-0.7, 0.7, (count, 2, 1, 1))

    # Where each pixel comes from, in an image with two pixels of paper around it.
    centre = np.array([height - 1, width - 1])[:, None, None] / 2
    grid = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij")) - centre
    source = np.einsum("nij,jhw->nihw", matrix, grid) + shift + centre + 2
    row, column = np.clip(source, 0, np.array([height + 2, width + 2])[:, None, None]).transpose(1, 0, 2, 3)
    padded = np.pad(images[:, 0], ((0, 0), (2, 2), (2, 2)))
    n, r, c = np.arange(count)[:, None, None], row.astype(int), column.astype(int)
    down, right = row - r, column - c
    upper = padded[n, r, c] * (1 - right) + padded[n, r, c + 1] * right
    lower = padded[n, r + 1, c] * (1 - right) + padded[n, r + 1, c + 1] * right
    return (upper * (1 - down) + lower * down).astype(images.dtype)[:, None]


@tp.no_grad()
def predict(models, images: np.ndarray) -> np.ndarray:
    """The probability of each class for each image, (N, 10): the mean over the networks and nine shifts."""
    models.eval()
    height, width = images.shape[2:]
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    shifted = [tp.tensor(padded[:, :, i : i + height, j : j + width]) for i in range(3) for j in range(3)]
    return np.mean([tp.softmax(model(view), dim=1).numpy() for model in models for view in shifted], axis=0)


if __name__ == "__main__":
    main()
