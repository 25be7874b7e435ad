"""Batch axes read as axes of one value."""

from __future__ import annotations

from collections.abc import Sequence

from .. import ops
from ..tensor import Tensor
from .distribution import Distribution

__all__ = ["Independent"]


class Independent(Distribution):
    """``p(x) = product of base.p(x)`` over the last batch axes, which become axes of the value.

    Parameters
    ----------
    base_distribution : Distribution
    reinterpreted_batch_ndims : int
        How many batch axes, from the last one.
    validate_args : bool, optional

    Raises
    ------
    ValueError
        If the base has fewer batch axes.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> base = tp.distributions.Normal(tp.zeros(5, 3), 1.0)
    >>> joint = tp.distributions.Independent(base, 1)
    >>> joint.batch_shape, joint.event_shape, joint.log_prob(tp.zeros(5, 3)).shape
    ((5,), (3,), (5,))
    """

    def __init__(
        self,
        base_distribution: Distribution,
        reinterpreted_batch_ndims: int,
        validate_args: bool | None = None,
    ) -> None:
        shape, count = base_distribution.batch_shape, reinterpreted_batch_ndims
        if not 0 <= count <= len(shape):
            raise ValueError(f"Independent: cannot take {count} axes from a batch of shape {shape}")
        self.base_dist, self.reinterpreted_batch_ndims = base_distribution, count
        kept = len(shape) - count
        super().__init__(shape[:kept], (*shape[kept:], *base_distribution.event_shape), validate_args)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """Whether the base has one."""
        return self.base_dist.has_rsample

    @property
    def mean(self) -> Tensor:
        return self.base_dist.mean

    @property
    def mode(self) -> Tensor:
        return self.base_dist.mode

    @property
    def variance(self) -> Tensor:
        return self.base_dist.variance

    def expand(self, batch_shape: Sequence[int]) -> Independent:
        behind = self._event_shape[: self.reinterpreted_batch_ndims]
        base = self.base_dist.expand((*batch_shape, *behind))
        return Independent(base, self.reinterpreted_batch_ndims, validate_args=False)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        return self._summed(self.base_dist.log_prob(value))

    def entropy(self) -> Tensor:
        return self._summed(self.base_dist.entropy())

    def _summed(self, x: Tensor) -> Tensor:
        count = self.reinterpreted_batch_ndims
        return ops.sum(x, tuple(range(-count, 0))) if count else x

    def __repr__(self) -> str:
        return f"Independent({self.base_dist}, {self.reinterpreted_batch_ndims})"
