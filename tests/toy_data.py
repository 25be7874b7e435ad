"""Small data sets whose elements say where they come from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import tiny_pytorch as tp
from tiny_pytorch.data import Dataset, IterableDataset, TensorDataset

__all__ = ["Squares", "Stream", "numbers", "seeded"]


def seeded(seed: int = 0) -> tp.Generator:
    return tp.Generator().manual_seed(seed)


def numbers(n: int, width: int = 3) -> TensorDataset:
    """n rows ``10 i + column`` with the label i."""
    rows = 10.0 * np.arange(n)[:, None] + np.arange(width)
    return TensorDataset(tp.from_numpy(rows.astype(np.float32)), tp.arange(n))


class Squares(Dataset):
    """A data set without any short cut."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __getitem__(self, i: int) -> tuple[int, int]:
        if not 0 <= i < self.n:
            raise IndexError(i)
        return i, i * i

    def __len__(self) -> int:
        return self.n


class Stream(IterableDataset):
    def __init__(self, n: int) -> None:
        self.n = n

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.n))
