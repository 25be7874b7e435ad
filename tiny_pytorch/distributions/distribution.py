"""What all distributions share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from .. import ops
from ..autograd import no_grad
from ..tensor import Tensor

__all__ = ["Distribution"]


class Distribution:
    """Base class: ``batch_shape`` independent distributions over values of ``event_shape``.

    Parameters
    ----------
    batch_shape : sequence of ints
        The shape of the parameters, of which each makes a distribution of its own.
    event_shape : sequence of ints
        The shape of one value.
    validate_args : bool, optional
        Whether parameters and values are checked (default), which reads them.

    Notes
    -----
    ``sample(shape)`` has shape ``shape + batch_shape + event_shape``, and ``log_prob`` of it ``shape + batch_shape``.
    """

    has_rsample: ClassVar[bool] = False
    has_enumerate_support: ClassVar[bool] = False
    shown: ClassVar[tuple[str, ...]] = ()  # attributes in ``repr``
    _validates: ClassVar[bool] = True

    def __init__(
        self,
        batch_shape: Sequence[int] = (),
        event_shape: Sequence[int] = (),
        validate_args: bool | None = None,
    ) -> None:
        self._batch_shape, self._event_shape = tuple(batch_shape), tuple(event_shape)
        self._validate_args = self._validates if validate_args is None else bool(validate_args)

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether distributions made from now on check parameters and values, unless they are told."""
        if not isinstance(value, bool):
            raise ValueError(f"set_default_validate_args: expected True or False, got {value!r}")
        Distribution._validates = value

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The shape of the parameters."""
        return self._batch_shape

    @property
    def event_shape(self) -> tuple[int, ...]:
        """The shape of one value."""
        return self._event_shape

    @property
    def mean(self) -> Tensor:
        """The expectation."""
        raise NotImplementedError(f"{type(self).__name__} has no mean")

    @property
    def mode(self) -> Tensor:
        """The likeliest value."""
        raise NotImplementedError(f"{type(self).__name__} has no mode")

    @property
    def variance(self) -> Tensor:
        """The expected square of the distance from the mean."""
        raise NotImplementedError(f"{type(self).__name__} has no variance")

    @property
    def stddev(self) -> Tensor:
        """The root of the variance."""
        return ops.sqrt(self.variance)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Values drawn at random, through which no gradient flows.

        Parameters
        ----------
        sample_shape : sequence of ints, default ()
            How many, as axes in front.
        """
        with no_grad():
            return self.rsample(sample_shape)

    def sample_n(self, n: int) -> Tensor:
        """``sample((n,))``."""
        return self.sample((n,))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Values drawn at random as a differentiable function of the parameters.

        Raises
        ------
        NotImplementedError
            If the values are discrete.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no rsample: no gradient flows through its values; use sample and log_prob"
        )

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density, or probability, of ``value``."""
        raise NotImplementedError(f"{type(self).__name__} has no log_prob")

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of values up to ``value``."""
        raise NotImplementedError(f"{type(self).__name__} has no cdf")

    def icdf(self, value: Tensor) -> Tensor:
        """The value up to which the probability is ``value``."""
        raise NotImplementedError(f"{type(self).__name__} has no icdf")

    def entropy(self) -> Tensor:
        """The expectation of ``-log_prob``, of shape ``batch_shape``."""
        raise NotImplementedError(f"{type(self).__name__} has no entropy")

    def perplexity(self) -> Tensor:
        """``e^entropy``."""
        return ops.exp(self.entropy())

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values, along a new first axis, of a distribution that has finitely many."""
        raise NotImplementedError(f"{type(self).__name__} has no enumerate_support")

    def expand(self, batch_shape: Sequence[int]) -> Distribution:
        """The same distribution with its parameters broadcast to ``batch_shape``."""
        raise NotImplementedError(f"{type(self).__name__} has no expand")

    def _extended_shape(self, sample_shape: Sequence[int] = ()) -> tuple[int, ...]:
        return (*sample_shape, *self._batch_shape, *self._event_shape)

    def _check_value(self, value: Any) -> None:
        """Raise unless ``value`` is a Tensor of a shape that fits."""
        name = type(self).__name__
        if not isinstance(value, Tensor):
            raise ValueError(f"{name}: log_prob expects a Tensor, got {type(value).__name__}")
        shape, events = self._extended_shape(), len(self._event_shape)
        here = tuple(value.shape)
        if events and here[len(here) - events :] != self._event_shape:
            raise ValueError(f"{name}: the last axes of a value must be {self._event_shape}, got shape {here}")
        for mine, its in zip(reversed(shape), reversed(here), strict=False):
            if mine != 1 and its != 1 and mine != its:
                raise ValueError(f"{name}: a value of shape {here} does not broadcast with {shape}")

    def __repr__(self) -> str:
        parts = []
        for name in self.shown:
            value = getattr(self, name)
            many = isinstance(value, Tensor) and value.numel() != 1
            parts.append(f"{name}: {tuple(value.shape) if many else getattr(value, 'item', lambda v=value: v)()}")
        return f"{type(self).__name__}({', '.join(parts)})"
