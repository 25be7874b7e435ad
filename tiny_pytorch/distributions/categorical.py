"""The distribution over finitely many classes, by their index or as a row that is 1 at it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from .. import ops
from ..array_api import finfo
from ..autograd import no_grad
from ..tensor import Tensor
from .distribution import Distribution
from .parameters import check_values, clamped, one_of

__all__ = ["Categorical", "OneHotCategorical"]


class Categorical(Distribution):
    """``p(i) = probs[..., i] / sum of probs``; from logits, ``p`` is their softmax.

    Parameters
    ----------
    probs : Tensor (..., classes), optional
        Weights, not negative.
    logits : Tensor (..., classes), optional
        Logarithms of weights; exactly one of the two is given.
    validate_args : bool, optional
        Whether parameters and values are checked; by default they are.

    Attributes
    ----------
    probs, logits : Tensor
        Normalised: ``probs`` sums to 1, ``logits`` are its logarithms.

    Raises
    ------
    ValueError
        For negative or NaN parameters, for values that are no class, and for both parameters or none.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> policy = tp.distributions.Categorical(logits=tp.zeros(4))
    >>> action = policy.sample()
    >>> round(policy.log_prob(action).exp().item(), 6), action.dtype
    (0.25, tiny_pytorch.int64)
    """

    has_enumerate_support = True

    def __init__(
        self, probs: Tensor | None = None, logits: Tensor | None = None, validate_args: bool | None = None
    ) -> None:
        one_of("Categorical", probs, logits)
        self._by = "logits" if probs is None else "probs"
        given: Any = logits if probs is None else probs
        if not isinstance(given, Tensor):
            raise TypeError(f"Categorical: {self._by} must be a Tensor, got {type(given).__name__}")
        if given.ndim < 1:
            raise ValueError(f"Categorical: {self._by} must have an axis of classes, got a tensor of no dimensions")
        super().__init__(given.shape[:-1], (), validate_args)
        if self._validate_args:
            valid, expected = (given == given, "real numbers") if probs is None else (given >= 0, "0 or more")
            check_values("Categorical", self._by, valid, expected, given)
        if probs is None:
            self.logits = given - ops.logsumexp(given, -1, keepdim=True)
        else:
            self.probs = given / ops.sum(given, -1, keepdim=True)
        self._param = self.logits if probs is None else self.probs

    @property
    def shown(self) -> tuple[str, ...]:  # type: ignore[override]
        """What ``repr`` shows: the parameter that was given."""
        return (self._by,)

    @cached_property
    def probs(self) -> Tensor:
        """The classes' probabilities."""
        return ops.softmax(self.logits, -1)

    @cached_property
    def logits(self) -> Tensor:
        """The logarithms of the classes' probabilities."""
        return ops.log(clamped(self.probs))

    @property
    def param_shape(self) -> tuple[int, ...]:
        """The shape of the parameter."""
        return self._param.shape

    @property
    def mean(self) -> Tensor:
        return ops.full(self._batch_shape, float("nan"), dtype=self._param.dtype, device=self._param.device)

    @property
    def variance(self) -> Tensor:
        return self.mean

    @property
    def mode(self) -> Tensor:
        return ops.argmax(self._param, -1)

    def expand(self, batch_shape: Sequence[int]) -> Categorical:
        wide = ops.expand(self._param, (*batch_shape, self._param.shape[-1]))
        return Categorical(**{self._by: wide}, validate_args=False)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        count = 1
        for n in sample_shape:
            count *= n
        shape = self._extended_shape(sample_shape)
        with no_grad():
            if not count * max(self._param.numel(), 1):
                return ops.zeros(shape, dtype=ops.argmax(ops.zeros(1)).dtype, device=self._param.device)
            rows = ops.reshape(self.probs, (-1, self._param.shape[-1]))
            return ops.reshape(ops.t(ops.multinomial(rows, count, replacement=True)), shape)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check_value(value)
            classes = self._param.shape[-1]
            inside = ops.logical_and(value == ops.floor(value), ops.logical_and(value >= 0, value < classes))
            check_values("Categorical", "a value", inside, f"a class from 0 to {classes - 1}", value)
        shape = ops.broadcast_shapes(value.shape, self._batch_shape)
        logits = ops.expand(self.logits, (*shape, self._param.shape[-1]))
        return ops.gather(logits, -1, ops.expand(value.long(), shape).unsqueeze(-1)).squeeze(-1)

    def entropy(self) -> Tensor:
        # A class of probability 0 counts 0, though its logarithm is infinite.
        finite = ops.clamp(self.logits, min=float(finfo(self._param.dtype).min))
        return -ops.sum(finite * self.probs, -1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        values = ops.arange(self._param.shape[-1], device=self._param.device)
        values = ops.reshape(values, (-1, *(1,) * len(self._batch_shape)))
        return ops.expand(values, (-1, *self._batch_shape)) if expand else values


class OneHotCategorical(Distribution):
    """:class:`Categorical` whose values are rows of zeros with a 1 at the class.

    Parameters
    ----------
    probs, logits, validate_args
        As of :class:`Categorical`.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.distributions.OneHotCategorical(probs=tp.tensor([0.0, 1.0])).sample()
    tensor([0., 1.])
    """

    def __init__(
        self, probs: Tensor | None = None, logits: Tensor | None = None, validate_args: bool | None = None
    ) -> None:
        self._categorical = Categorical(probs, logits, validate_args)
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args)

    @property
    def shown(self) -> tuple[str, ...]:  # type: ignore[override]
        """What ``repr`` shows: the parameter that was given."""
        return self._categorical.shown

    @property
    def probs(self) -> Tensor:
        """The classes' probabilities."""
        return self._categorical.probs

    @property
    def logits(self) -> Tensor:
        """The logarithms of the classes' probabilities."""
        return self._categorical.logits

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        return self._row(self._categorical.mode)

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def _row(self, index: Tensor) -> Tensor:
        return ops.one_hot(index, self._event_shape[0]).to(self.probs.dtype)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self._row(self._categorical.sample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check_value(value)
            one = ops.logical_and(ops.sum(value, -1) == 1, ops.amax(value, -1) == 1)
            check_values("OneHotCategorical", "the largest of a value", one, "its only 1", ops.amax(value, -1))
        return self._categorical.log_prob(ops.argmax(value, -1))

    def entropy(self) -> Tensor:
        return self._categorical.entropy()
