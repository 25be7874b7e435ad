"""The embedded data set."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

import tiny_pytorch as tp
from tiny_pytorch.data import DataLoader, default_collate, random_split
from tiny_pytorch.data.datasets import Digits, digits


def test_the_digits_are_the_real_ones() -> None:
    with np.load(digits.FILE) as stored:
        images, labels = stored["images"], stored["labels"]
    digest = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
    assert digest == "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"
    assert (images.shape, int(images.max()), labels.shape) == ((1797, 8, 8), 16, (1797,))


@pytest.mark.numpy_only
def test_the_digits_are_scikit_learns() -> None:
    original = pytest.importorskip("sklearn.datasets").load_digits()
    parts = [Digits(train=True), Digits(train=False)]
    ours = sorted(
        (label, *(16 * image).ravel())
        for part in parts
        for image, label in zip(part.images.numpy(), part.labels.numpy(), strict=True)
    )
    assert np.array_equal(
        ours,
        sorted((label, *image.ravel()) for image, label in zip(original.images, original.target, strict=True)),
    )


def test_the_two_parts_of_the_digits() -> None:
    train, held_out = Digits(), Digits(train=False)
    assert (len(train), len(held_out)) == (1437, 360)
    for part, (fewest, most) in ((train, (138, 147)), (held_out, (35, 37))):
        assert tuple(part.images.shape) == (len(part), 1, 8, 8)
        assert (str(part.images.dtype), str(part.labels.dtype)) == ("float32", "int64")
        assert part.targets is part.labels
        assert (float(part.images.min()), float(part.images.max())) == (0.0, 1.0)
        counts = np.bincount(part.labels.tolist(), minlength=10)
        assert fewest <= counts.min() <= counts.max() <= most
    assert train.classes == tuple("0123456789")
    # Fixed for all time: results are compared across versions.
    assert train.labels.tolist()[:12] == [1, 3, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4]
    assert float(held_out.images.sum()) == 6987.75


def test_a_digit() -> None:
    data = Digits()
    image, label = data[5]
    assert (tuple(image.shape), str(image.dtype), type(label)) == ((1, 8, 8), "float32", int)
    assert tuple(Digits(flatten=True)[0][0].shape) == (64,)
    assert "1437 images of shape (1, 8, 8)" in repr(data)


def test_transforms_are_applied_to_each_sample() -> None:
    plain = Digits(train=False)
    data = Digits(train=False, transform=lambda image: 1.0 - image, target_transform=lambda label: label % 2)
    images, labels = next(iter(DataLoader(data, 8)))
    assert images.tolist() == (1.0 - plain.images[:8]).tolist()
    assert labels.tolist() == [label % 2 for label in plain.labels[:8].tolist()]


def test_digits_in_batches() -> None:
    loader = DataLoader(Digits(), 100, shuffle=True, generator=tp.Generator().manual_seed(0))
    labels = [int(label) for _, y in loader for label in y.tolist()]
    assert sorted(labels) == sorted(Digits().labels.tolist())
    first, _ = random_split(Digits(), [0.5, 0.5])
    images, labels = next(iter(DataLoader(first, 32)))
    assert (tuple(images.shape), tuple(labels.shape), str(labels.dtype)) == ((32, 1, 8, 8), (32,), "int64")


def test_digits_samples_equal_its_batches() -> None:
    data = Digits(train=False)
    fast = next(iter(DataLoader(data, 7)))
    slow = default_collate([data[i] for i in range(7)])
    assert [t.tolist() for t in fast] == [t.tolist() for t in slow]
    assert [t.dtype for t in fast] == [t.dtype for t in slow]
