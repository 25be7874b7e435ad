"""Embeddings summed, averaged or maximised over bags of indices."""

from __future__ import annotations

from typing import Any

from ..autograd import ShapeError
from .creation import arange
from .gathering import embedding, index_add
from .operands import index_tensor, shape_of
from .selection import maximum, where

__all__ = ["embedding_bag"]

Tensor = Any  # the class stands above the ops


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """``out[b] = the sum, mean or maximum of weight[i] over the indices i of bag b``; 0 for an empty bag.

    Parameters
    ----------
    input : integer Tensor (B, n) or (m,)
        Rows are bags; a line is cut into them at ``offsets``.
    weight : Tensor (number, dim)
    offsets : integer Tensor (B,), optional
        Where each bag of a line starts, from 0 on and not falling.
    max_norm, norm_type, scale_grad_by_freq, sparse
        PyTorch's; anything but the defaults is refused.
    mode : {"mean", "sum", "max"}
    per_sample_weights : Tensor of the input's shape, optional
        Factors of the vectors; with "sum" only.
    include_last_offset : bool, default False
        Whether ``offsets`` ends with the length of the line.
    padding_idx : int, optional
        An index that counts nowhere.

    Returns
    -------
    Tensor (B, dim)

    Raises
    ------
    ValueError
        For another mode, offsets that do not fit, and what is not supported.
    IndexError
        For an index out of range.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> weight = tp.tensor([[1.0], [2.0], [4.0]])
    >>> tp.nn.functional.embedding_bag(tp.tensor([0, 1, 2]), weight, tp.tensor([0, 2]), mode="sum").tolist()
    [[3.0], [4.0]]
    """
    name = "embedding_bag"
    if max_norm is not None or scale_grad_by_freq or sparse:
        raise ValueError(f"{name}: max_norm, scale_grad_by_freq and sparse are not supported; leave their defaults")
    if mode not in ("mean", "sum", "max"):
        raise ValueError(f"{name}: mode must be 'mean', 'sum' or 'max', got {mode!r}")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(f"{name}: per_sample_weights need mode='sum', got {mode!r}")
    shape = shape_of(name, input)
    if per_sample_weights is not None and shape_of(name, per_sample_weights) != shape:
        raise ShapeError(f"{name}: per_sample_weights must have the input's shape {shape}")
    bags, count = _bags(name, input, shape, offsets, include_last_offset)
    flat = index_tensor(name, input, weight).reshape(-1)
    rows = embedding(flat, weight, padding_idx)
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.reshape(-1, 1)
    counts = rows.new_ones(flat.shape[0])
    if padding_idx is not None:
        counted = flat != padding_idx % weight.shape[0]
        counts = counted.to(rows.dtype)
        rows = where(counted.unsqueeze(1), rows, rows.new_zeros(1))
    dim = weight.shape[1]
    if mode == "max":
        lowest = rows.new_full((count, dim), -float("inf"))
        rows = rows if padding_idx is None else where(counts.unsqueeze(1) > 0, rows, rows.new_full((1,), -float("inf")))
        index = bags.unsqueeze(1).expand(-1, dim)
        best = lowest.scatter_reduce(0, index, rows, "amax", include_self=False) if flat.shape[0] else lowest
        return where(best == -float("inf"), rows.new_zeros(1), best)
    total = index_add(rows.new_zeros(count, dim), 0, bags, rows)
    if mode == "sum":
        return total
    members = index_add(rows.new_zeros(count), 0, bags, counts)
    return total / maximum(members, rows.new_ones(1)).unsqueeze(1)


def _bags(name: str, input: Tensor, shape: tuple[int, ...], offsets: Tensor | None, last: bool) -> tuple[Tensor, int]:
    """The bag of each index, and how many bags there are."""
    if len(shape) == 2:
        if offsets is not None:
            raise ValueError(f"{name}: rows are bags, so that an input of shape {shape} takes no offsets")
        return arange(shape[0], device=input.device).unsqueeze(1).expand(shape).reshape(-1), shape[0]
    if len(shape) != 1 or offsets is None:
        raise ValueError(f"{name}: expected an input (B, n), or (m,) with offsets, got shape {shape} and {offsets}")
    starts = index_tensor(name, offsets, input).reshape(-1).tolist()
    end = starts[-1] if last and starts else shape[0]
    starts = starts[:-1] if last else starts
    if (starts and starts[0] != 0) or sorted(starts) != starts or any(not 0 <= s <= shape[0] for s in [*starts, end]):
        raise ValueError(f"{name}: offsets must rise from 0 to at most {shape[0]}, got {offsets.tolist()}")
    bags = [b for b, (a, z) in enumerate(zip(starts, [*starts[1:], end], strict=True)) for _ in range(z - a)]
    bags += [len(starts) - 1] * (shape[0] - len(bags))
    return index_tensor(name, bags, input), len(starts)
