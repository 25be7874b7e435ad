"""The uniform distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..tensor import Tensor
from .distribution import Distribution
from .parameters import broadcast_all, check_values

__all__ = ["Uniform"]


class Uniform(Distribution):
    """``p(x) = 1 / (high - low)`` for ``low <= x < high``, else 0.

    Parameters
    ----------
    low, high : Tensor or number
        The ends, ``low`` below ``high``; they broadcast.
    validate_args : bool, optional
        Whether parameters and values are checked; by default they are.

    Raises
    ------
    ValueError
        If ``low`` is not below ``high``, and for values outside.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.distributions.Uniform(0.0, 4.0).entropy().exp().item()
    4.0
    """

    has_rsample = True
    shown = ("low", "high")

    def __init__(self, low: Any, high: Any, validate_args: bool | None = None) -> None:
        self.low, self.high = broadcast_all("Uniform", low=low, high=high)
        super().__init__(self.low.shape, (), validate_args)
        if self._validate_args:
            check_values("Uniform", "low", self.low < self.high, "below high", self.low)

    @property
    def mean(self) -> Tensor:
        return (self.low + self.high) / 2

    @property
    def mode(self) -> Tensor:
        return self.high * float("nan")

    @property
    def variance(self) -> Tensor:
        width = self.high - self.low
        return width * width / 12

    def expand(self, batch_shape: Sequence[int]) -> Uniform:
        return Uniform(ops.expand(self.low, batch_shape), ops.expand(self.high, batch_shape), validate_args=False)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """``low + u * (high - low)`` with ``u`` uniform on [0, 1): gradients flow to both ends."""
        u = ops.rand(self._extended_shape(sample_shape), dtype=self.low.dtype, device=self.low.device)
        return self.low + u * (self.high - self.low)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check_value(value)
            inside = ops.logical_and(value >= self.low, value <= self.high)
            check_values("Uniform", "a value", inside, "from low to high", value)
        inside = ops.logical_and(value >= self.low, value < self.high)
        return ops.log(inside.to(self.low.dtype)) - ops.log(self.high - self.low)

    def cdf(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check_value(value)
        return ops.clamp((value - self.low) / (self.high - self.low), 0, 1)

    def icdf(self, value: Tensor) -> Tensor:
        return value * (self.high - self.low) + self.low

    def entropy(self) -> Tensor:
        return ops.log(self.high - self.low)
