"""Methods of a tensor that overwrite what it holds: with a number, with another tensor, with random numbers."""

from __future__ import annotations

import builtins
from typing import Any

from . import ops
from .autograd import Variable, inplace

__all__ = ["Filling"]

Tensor = Any  # the class stands above these methods


class Filling:
    """The methods of Tensor that fill it in place. They are recorded, or refused, as every in-place operation is."""

    __slots__ = ()

    def copy_(self: Tensor, other: Any, non_blocking: builtins.bool = False) -> Tensor:
        """Overwrite with ``other``, broadcast and converted to this dtype. Gradients flow to ``other``."""
        other = other if isinstance(other, Variable) else ops.tensor(other)
        return inplace(_copy, self, other)

    def fill_(self: Tensor, value: Any) -> Tensor:
        """Overwrite every element with ``value``."""
        return inplace(_fill, self, value)

    def zero_(self: Tensor) -> Tensor:
        """Overwrite with zeros."""
        return inplace(_zero, self)

    def normal_(self: Tensor, mean: Any = 0.0, std: Any = 1.0, *, generator: Any = None) -> Tensor:
        """Overwrite with samples of the normal distribution ``N(mean, std^2)``."""
        return inplace(_normal, self, mean=mean, std=std, generator=generator)

    def uniform_(self: Tensor, from_: Any = 0.0, to: Any = 1.0, *, generator: Any = None) -> Tensor:
        """Overwrite with samples of the uniform distribution on ``[from_, to)``."""
        return inplace(_uniform, self, low=from_, high=to, generator=generator)

    def exponential_(self: Tensor, lambd: builtins.float = 1.0, *, generator: Any = None) -> Tensor:
        """Overwrite with samples of the exponential distribution, of density ``lambd e^(-lambd x)``."""
        if not lambd > 0:
            raise ValueError(f"exponential_: lambd must be above 0, got {lambd}")
        return inplace(_exponential, self, lambd=lambd, generator=generator)

    def random_(self: Tensor, from_: Any = 0, to: Any = None, *, generator: Any = None) -> Tensor:
        """Overwrite with integers from ``from_`` to ``to - 1``, each as likely; ``random_(to)`` starts at 0.

        Without ``to``, up to the largest that the dtype holds exactly, 2^24 for float32 and 2^53 for float64.
        """
        low, high = (from_, to) if to is not None else (0, from_ or None)
        if high is None:
            bits = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}.get(self.dtype.name)
            high = 2**bits if bits else 2 ** min(8 * self.itemsize - self.dtype.name.startswith("int"), 62)
        return inplace(_random, self, low=int(low), high=int(high), generator=generator)

    def index_put_(self: Tensor, indices: Any, values: Any, accumulate: builtins.bool = False) -> Tensor:
        """``self[indices] = values``, or with ``accumulate`` added there, also where an index comes twice.

        Parameters
        ----------
        indices : tuple of integer or boolean Tensors
        values : Tensor
        accumulate : bool, default False
        """
        if not accumulate:
            self[tuple(indices)] = values
            return self
        return inplace(_index_added, self, values, indices=tuple(indices))

    def fill_diagonal_(self: Tensor, fill_value: Any, wrap: builtins.bool = False) -> Tensor:
        """Overwrite the diagonal of a matrix with a number.

        Raises
        ------
        RuntimeError
            If it is no matrix, and for ``wrap=True``, which is not here.
        """
        if self.ndim != 2 or wrap:
            raise RuntimeError(f"fill_diagonal_: expected a matrix and wrap=False, got shape {self.shape} and {wrap=}")
        return inplace(_diagonal_filled, self, fill_value)


def _copy(x: Tensor, other: Tensor) -> Tensor:
    result = ops.broadcast_to(other, x.shape)
    return ops.clone(result.to(x))  # a copy between devices that was asked for


# What follows is named after the method it serves: errors name it.


def _fill(x: Tensor, value: Any) -> Tensor:
    return ops.full_like(x, value)


def _zero(x: Tensor) -> Tensor:
    return ops.zeros_like(x)


def _normal(x: Tensor, mean: Any, std: Any, generator: Any) -> Tensor:
    return ops.randn(x.shape, dtype=x.dtype, generator=generator, device=x.device) * std + mean


def _exponential(x: Tensor, lambd: Any, generator: Any) -> Tensor:
    return ops.log1p(-ops.rand(x.shape, dtype=x.dtype, generator=generator, device=x.device)) * (-1 / lambd)


def _random(x: Tensor, low: Any, high: Any, generator: Any) -> Tensor:
    return ops.randint(low, high, x.shape, generator=generator, device=x.device).to(x.dtype)


def _index_added(x: Tensor, values: Any, indices: Any) -> Tensor:
    basic, arrays = ops.parse_index("index_put_", x, indices)
    shape = ops.take_part(x.detach(), *arrays, index=basic).shape
    return x + ops.getitem_adjoint(ops.broadcast_to(values, shape), *arrays, index=basic, shape=x.shape)


def _diagonal_filled(x: Tensor, value: Any) -> Tensor:
    return ops.where(ops.eye(*x.shape, device=x.device).bool(), ops.full_like(x, value), x)


def _uniform(x: Tensor, low: Any, high: Any, generator: Any) -> Tensor:
    return ops.rand(x.shape, dtype=x.dtype, generator=generator, device=x.device) * (high - low) + low
