"""The two functions of weights that PyTorch has names for: direction times length, and division by the largest
singular value."""

from __future__ import annotations

from typing import Any

from ... import ops
from ...autograd import no_grad
from ...tensor import Tensor

__all__ = ["as_matrix", "direction_times_length", "lengths", "power_iteration"]


def lengths(weight: Tensor, dim: int | None) -> Tensor:
    """The Euclidean norms of the slices of a weight along ``dim``, which keep their axes; of all of it for None."""
    if dim is None or dim == -1:
        return ops.norm(weight)
    axes = tuple(i for i in range(weight.ndim) if i != dim % weight.ndim)
    return ops.sqrt(ops.sum(weight * weight, axes, keepdim=True)) if axes else ops.abs(weight)


def direction_times_length(v: Tensor, g: Tensor, dim: int | None) -> Tensor:
    """``g * v / |v|``."""
    return v * (g / lengths(v, dim))


def as_matrix(weight: Tensor, dim: int) -> Tensor:
    """The weight as a matrix whose rows are its slices along ``dim``."""
    if dim % weight.ndim:
        weight = ops.movedim(weight, dim, 0)
    return ops.reshape(weight, (weight.shape[0], -1))


def power_iteration(matrix: Tensor, u: Tensor, v: Tensor, steps: int, eps: float) -> None:
    """Bring u and v nearer to the singular vectors of the largest singular value, in place."""
    with no_grad():
        fixed: Any = matrix.detach()
        for _ in range(steps):
            u.copy_(ops.normalize(ops.mv(fixed, v), dim=0, eps=eps))
            v.copy_(ops.normalize(ops.mv(fixed.T, u), dim=0, eps=eps))
