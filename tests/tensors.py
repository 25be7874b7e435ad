"""Tensors from NumPy arrays and back, on whatever backend a test runs."""

from __future__ import annotations

import numpy as np

import tiny_pytorch as tp

__all__ = ["host", "tensor"]


def tensor(array: np.ndarray) -> tp.Tensor:
    """A leaf of the array's dtype; on NumPy it shares the memory, and the layout."""
    return tp.autograd.leaf(tp.backend.current().from_numpy(np.asarray(array)))


def host(x: tp.Tensor) -> np.ndarray:
    return np.asarray(tp.backend.current().to_numpy(x.array))
