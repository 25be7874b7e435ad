"""The UCI handwritten digits: 1,797 real images of 8x8 pixels, embedded in the package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ... import ops
from ...tensor import Tensor
from ..dataset import BatchGetter, TensorDataset

__all__ = ["Digits"]

FILE = Path(__file__).with_name("digits.npz")
WHITE = 16  # grey levels run from 0 to 16
HELD_OUT_EVERY = 5


class Digits(TensorDataset):
    """Handwritten digits, 0 to 9, written by 13 people: 1,437 images to train on, 360 held out.

    ``digits[i]`` is ``(image, label)``: a float32 Tensor of shape (1, 8, 8), 0 for paper to 1 for ink, and an
    int.

    Which images are held out is fixed, and every class and every writer is in both parts in proportion: with
    the images sorted by label (stably: within a label they stay in the order of the file, in which writers
    follow one another), every fifth, from the first one on, is held out. That the writers are the same makes
    it an easier task than digits by a stranger's hand.

    Nothing is read before the first ``Digits`` is made.

    Parameters
    ----------
    train : bool, default True
        The training part, or the held-out one.
    transform : callable, optional
        Applied to an image whenever it is read; ``images`` stays as it is. Samples are then read one by one.
    target_transform : callable, optional
        The same for the label.
    flatten : bool, default False
        Images of shape (64,) instead of (1, 8, 8).

    Attributes
    ----------
    images : Tensor
        All images of the part, (N, 1, 8, 8) or (N, 64), float32 in [0, 1].
    labels, targets : Tensor
        All labels, (N,), int64; two names of one tensor.
    classes : tuple of str
        What the labels mean.

    Notes
    -----
    Source: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
    Repository, 1998, https://doi.org/10.24432/C50P49, licensed CC BY 4.0; the part that UCI calls its test
    set. See ATTRIBUTION.txt beside the data.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> train, held_out = tp.data.datasets.Digits(), tp.data.datasets.Digits(train=False)
    >>> len(train), len(held_out), tuple(train.images.shape)
    (1437, 360, (1437, 1, 8, 8))
    >>> image, label = train[0]
    >>> tuple(image.shape), label
    ((1, 8, 8), 1)
    """

    classes: tuple[str, ...] = tuple("0123456789")

    def __init__(
        self,
        train: bool = True,
        transform: Callable[[Tensor], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        flatten: bool = False,
    ) -> None:
        if not isinstance(train, bool):
            raise TypeError(f"Digits: train must be True or False, got {train!r}")
        images, labels = _read(train)
        shape = (len(images), 64) if flatten else (len(images), 1, 8, 8)
        scaled = images.reshape(shape).astype(np.float32) / np.float32(WHITE)
        super().__init__(ops.from_numpy(scaled), ops.from_numpy(labels.astype(np.int64)))
        self.train = train
        self.transform = transform
        self.target_transform = target_transform

    @property
    def images(self) -> Tensor:
        """All images of the part."""
        return self.tensors[0]

    @property
    def labels(self) -> Tensor:
        """All labels of the part."""
        return self.tensors[1]

    targets = labels

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image, label = self.images[index], self.labels[index].item()
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            label = self.target_transform(label)
        return image, label

    def batch_getter(self) -> BatchGetter | None:
        """As of any TensorDataset; None with a transform, which is a function of one sample."""
        if self.transform is not None or self.target_transform is not None:
            return None
        return super().batch_getter()

    def __repr__(self) -> str:
        return f"Digits(train={self.train}): {len(self)} images of shape {tuple(self.images.shape[1:])}"


def _read(train: bool) -> tuple[np.ndarray, np.ndarray]:
    """The images (N, 8, 8) and labels (N,) of one part, uint8, in the order of the file."""
    with np.load(FILE) as stored:
        images, labels = stored["images"], stored["labels"]
    held_out = np.zeros(len(labels), dtype=bool)
    held_out[np.argsort(labels, kind="stable")[::HELD_OUT_EVERY]] = True
    part = ~held_out if train else held_out
    return images[part], labels[part]
