"""From a list of samples to one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import ops
from ..autograd import ShapeError
from ..tensor import Tensor
from .structure import filled

__all__ = ["default_collate", "default_convert"]


def default_collate(batch: Sequence[Any]) -> Any:
    """Stack samples into a batch, along a new axis 0.

    What the first sample is decides:

    =========================  ==============================================================
    Tensor, ``numpy.ndarray``  a Tensor of the same dtype, (samples, ...)
    NumPy scalar               a Tensor of the same dtype, (samples,)
    ``bool``, ``int``          a Tensor of bool, int64
    ``float``                  a Tensor of the default dtype (PyTorch would give float64)
    ``str``, ``bytes``         the list as it is
    mapping                    the same mapping, each value collated
    named tuple                the same named tuple, each field collated
    tuple, other sequence      a list, each position collated
    =========================  ==============================================================

    Raises
    ------
    TypeError
        If samples are of another type.
    ValueError
        If the batch is empty, or samples differ in shape, in length or in keys.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.data.default_collate([{"x": 0.5, "name": "a"}, {"x": 1.5, "name": "b"}])
    {'x': tensor([0.5, 1.5]), 'name': ['a', 'b']}
    """
    if len(batch) == 0:
        raise ValueError("default_collate: the batch has no samples")
    first = batch[0]
    if isinstance(first, Tensor):
        _check_same([tuple(sample.shape) for sample in batch], "shape")
        return ops.stack(batch)
    if isinstance(first, (np.ndarray, np.generic)):
        _check_same([np.shape(sample) for sample in batch], "shape")
        if first.dtype.kind not in "biufc":
            raise TypeError(f"default_collate: cannot make a Tensor of NumPy dtype {first.dtype}; pass a collate_fn")
        return ops.from_numpy(np.stack(batch))
    if isinstance(first, (bool, int, float, complex)):
        return ops.tensor(list(batch))
    if isinstance(first, (str, bytes)):
        return list(batch)
    if isinstance(first, Mapping):
        _check_same([sorted(map(repr, sample)) for sample in batch], "keys")
        values = {key: default_collate([sample[key] for sample in batch]) for key in first}
        return filled(first, values)
    if isinstance(first, Sequence):
        _check_same([len(sample) for sample in batch], "length")
        columns = [default_collate(column) for column in zip(*batch, strict=True)]
        return type(first)(*columns) if hasattr(first, "_fields") else columns
    raise TypeError(
        f"default_collate: cannot batch samples of type {type(first).__name__}; expected Tensors, NumPy "
        "arrays, numbers, strings, or tuples, lists or dicts of them. Pass DataLoader a collate_fn for them"
    )


def default_convert(sample: Any) -> Any:
    """NumPy arrays inside a single sample become Tensors; everything else stays what it is."""
    if isinstance(sample, (np.ndarray, np.generic)) and sample.dtype.kind in "biufc":
        return ops.from_numpy(np.asarray(sample))
    if isinstance(sample, Mapping):
        return filled(sample, {key: default_convert(value) for key, value in sample.items()})
    if isinstance(sample, tuple) and hasattr(sample, "_fields"):
        return type(sample)(*map(default_convert, sample))
    if isinstance(sample, Sequence) and not isinstance(sample, (str, bytes, range)):
        return [default_convert(value) for value in sample]
    return sample


def _check_same(traits: list, what: str) -> None:
    for position, trait in enumerate(traits):
        if trait != traits[0]:
            raise ShapeError(
                f"default_collate: samples of one batch must agree in {what}, but sample 0 of the batch has "
                f"{traits[0]} and sample {position} has {trait}; pad them, or pass DataLoader a collate_fn"
            )
