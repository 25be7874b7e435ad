"""The normal distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import ops
from ..tensor import Tensor
from .distribution import Distribution
from .parameters import broadcast_all, check_values

__all__ = ["Normal"]


class Normal(Distribution):
    """``p(x) = e^(-((x - loc) / scale)^2 / 2) / (scale sqrt(2 pi))``.

    Parameters
    ----------
    loc : Tensor or number
        The mean.
    scale : Tensor or number
        The standard deviation, above 0. The two broadcast.
    validate_args : bool, optional
        Whether parameters and values are checked; by default they are.

    Raises
    ------
    ValueError
        For a scale that is not above 0, and for NaN.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> standard = tp.distributions.Normal(0.0, 1.0)
    >>> standard
    Normal(loc: 0.0, scale: 1.0)
    >>> round(standard.log_prob(tp.tensor(0.0)).item(), 4)
    -0.9189
    >>> standard.sample((2, 3)).shape
    (2, 3)
    """

    has_rsample = True
    shown = ("loc", "scale")

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all("Normal", loc=loc, scale=scale)
        super().__init__(self.loc.shape, (), validate_args)
        if self._validate_args:
            check_values("Normal", "loc", self.loc == self.loc, "a real number", self.loc)
            check_values("Normal", "scale", self.scale > 0, "above 0", self.scale)

    @property
    def mean(self) -> Tensor:
        return self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def stddev(self) -> Tensor:
        return self.scale

    @property
    def variance(self) -> Tensor:
        return self.scale * self.scale

    def expand(self, batch_shape: Sequence[int]) -> Normal:
        return Normal(ops.expand(self.loc, batch_shape), ops.expand(self.scale, batch_shape), validate_args=False)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """``loc + scale * e`` with standard normal ``e``: gradients flow to both parameters."""
        e = ops.randn(self._extended_shape(sample_shape), dtype=self.loc.dtype, device=self.loc.device)
        return self.loc + e * self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check_value(value)
            check_values("Normal", "a value", value == value, "a real number", value)
        z = (value - self.loc) / self.scale
        return -0.5 * (z * z) - ops.log(self.scale) - 0.5 * math.log(2 * math.pi)

    def cdf(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check_value(value)
        return 0.5 * (1 + ops.erf((value - self.loc) / (self.scale * math.sqrt(2))))

    def icdf(self, value: Tensor) -> Tensor:
        return self.loc + self.scale * ops.erfinv(2 * value - 1) * math.sqrt(2)

    def entropy(self) -> Tensor:
        return 0.5 + 0.5 * math.log(2 * math.pi) + ops.log(self.scale)
