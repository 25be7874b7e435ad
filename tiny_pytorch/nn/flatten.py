"""Flatten and Unflatten: changes of shape between layers."""

from __future__ import annotations

from .. import ops
from ..tensor import Tensor
from .module import Module

__all__ = ["Flatten", "Unflatten"]


class Flatten(Module):
    """Join the axes ``start_dim`` to ``end_dim`` into one; by default all but the first, the batch.

    Parameters
    ----------
    start_dim : int, default 1
    end_dim : int, default -1

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.Flatten()(tp.zeros(32, 8, 8)).shape
    (32, 64)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        return ops.flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Split the axis ``dim`` into axes of the lengths ``unflattened_size``.

    Parameters
    ----------
    dim : int
    unflattened_size : sequence of ints
        One of them may be -1.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.Unflatten(1, (8, 8))(tp.zeros(32, 64)).shape
    (32, 8, 8)
    """

    def __init__(self, dim: int, unflattened_size: tuple[int, ...]) -> None:
        super().__init__()
        self.dim = dim
        self.unflattened_size = tuple(unflattened_size)

    def forward(self, input: Tensor) -> Tensor:
        return ops.unflatten(input, self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
