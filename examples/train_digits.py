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

import numpy as np
from digits_picture import save_picture
from support import argument_parser, parse, positive_int

import tiny_pytorch as tp


def main(argv: list[str] | None = None) -> None:
    args = parse_arguments(argv)
    start = time.perf_counter()
    tp.manual_seed(args.seed)
    train, held_out = tp.data.datasets.Digits(train=True), tp.data.datasets.Digits(train=False)
    model = tp.nn.Sequential(tp.nn.Flatten(), tp.models.MLP([64, *args.hidden, 10], dropout=args.dropout))
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
    parser = argument_parser(__doc__, picture="train_digits.png")
    parser.add_argument("--epochs", type=positive_int, default=20, help="passes over the training images")
    parser.add_argument("--batch-size", type=positive_int, default=32, help="images in a step")
    parser.add_argument("--lr", type=float, default=2e-3, help="first learning rate; falls to 0 in a straight line")
    parser.add_argument("--hidden", type=positive_int, nargs="+", default=[256, 256], help="widths of hidden layers")
    parser.add_argument("--dropout", type=float, default=0.3, help="share of hidden units switched off in training")
    return parse(parser, argv)


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


if __name__ == "__main__":
    main()
