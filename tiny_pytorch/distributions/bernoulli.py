"""The Bernoulli distribution."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from .. import ops
from ..autograd import no_grad
from ..tensor import Tensor
from .distribution import Distribution
from .parameters import broadcast_all, check_values, log_odds, one_of

__all__ = ["Bernoulli"]


class Bernoulli(Distribution):
    """``p(1) = probs``, ``p(0) = 1 - probs``.

    Parameters
    ----------
    probs : Tensor or number, optional
        The probability of 1.
    logits : Tensor or number, optional
        Its log-odds ``log(p / (1 - p))``; exactly one of the two is given.
    validate_args : bool, optional
        Whether parameters and values are checked; by default they are.

    Raises
    ------
    ValueError
        For probabilities outside 0 to 1, for values other than 0 and 1, and for both parameters or none.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> coin = tp.distributions.Bernoulli(probs=tp.tensor([0.5, 1.0]))
    >>> coin.log_prob(tp.tensor([0.0, 1.0])).exp()
    tensor([0.5, 1. ])
    """

    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        one_of("Bernoulli", probs, logits)
        self._by = "logits" if probs is None else "probs"
        (self._param,) = broadcast_all("Bernoulli", **{self._by: logits if probs is None else probs})
        setattr(self, self._by, self._param)
        super().__init__(self._param.shape, (), validate_args)
        if self._validate_args:
            p = self._param
            valid, expected = (p == p, "a real number")
            if self._by == "probs":
                valid, expected = ops.logical_and(p >= 0, p <= 1), "from 0 to 1"
            check_values("Bernoulli", self._by, valid, expected, p)

    @property
    def shown(self) -> tuple[str, ...]:  # type: ignore[override]
        """What ``repr`` shows: the parameter that was given."""
        return (self._by,)

    @cached_property
    def probs(self) -> Tensor:
        """The probability of 1."""
        return ops.sigmoid(self.logits)

    @cached_property
    def logits(self) -> Tensor:
        """The log-odds of 1."""
        return log_odds(self.probs)

    @property
    def param_shape(self) -> tuple[int, ...]:
        """The shape of the parameter."""
        return self._param.shape

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        p = self.probs
        return ops.where(p == 0.5, ops.full_like(p, float("nan")), (p >= 0.5).to(p.dtype))

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def expand(self, batch_shape: Sequence[int]) -> Bernoulli:
        return Bernoulli(**{self._by: ops.expand(self._param, batch_shape)}, validate_args=False)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            return ops.bernoulli(ops.expand(self.probs, self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check_value(value)
            check_values("Bernoulli", "a value", ops.logical_or(value == 0, value == 1), "0 or 1", value)
        logits, value = ops.broadcast_tensors(self.logits, value.to(self.logits.dtype))
        return -ops.binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Tensor:
        return ops.binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        values = ops.arange(2, dtype=self._param.dtype, device=self._param.device)
        values = ops.reshape(values, (2, *(1,) * len(self._batch_shape)))
        return ops.expand(values, (2, *self._batch_shape)) if expand else values
