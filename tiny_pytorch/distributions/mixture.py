"""Mixtures."""

from __future__ import annotations

from collections.abc import Sequence

from .. import ops
from ..autograd import no_grad
from ..tensor import Tensor
from .categorical import Categorical
from .distribution import Distribution

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """``p(x) = sum over i of mixture.p(i) * component.p(x | i)``.

    Parameters
    ----------
    mixture_distribution : Categorical
        Over the components: of as many classes as the last batch axis of the components is long.
    component_distribution : Distribution
        Its last batch axis is that of the components.
    validate_args : bool, optional

    Raises
    ------
    ValueError
        If the mixture is no Categorical, or does not fit the components.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> D = tp.distributions
    >>> mixture = D.MixtureSameFamily(D.Categorical(tp.ones(2)), D.Normal(tp.tensor([-1.0, 1.0]), tp.ones(2)))
    >>> mixture.mean.item(), mixture.variance.item()
    (0.0, 2.0)
    """

    def __init__(
        self,
        mixture_distribution: Categorical,
        component_distribution: Distribution,
        validate_args: bool | None = None,
    ) -> None:
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(f"MixtureSameFamily: the mixture must be a Categorical, got {mixture_distribution}")
        if not isinstance(component_distribution, Distribution):
            raise ValueError(f"MixtureSameFamily: the component must be a Distribution, got {component_distribution!r}")
        shape, parts = component_distribution.batch_shape, mixture_distribution.param_shape[-1]
        if not shape or shape[-1] != parts:
            raise ValueError(f"MixtureSameFamily: {parts} classes for components of batch shape {shape}")
        ops.broadcast_shapes(mixture_distribution.batch_shape, shape[:-1])
        self.mixture_distribution, self.component_distribution = mixture_distribution, component_distribution
        self._events = len(component_distribution.event_shape)
        super().__init__(shape[:-1], component_distribution.event_shape, validate_args)

    def _mixed(self, x: Tensor) -> Tensor:
        """The components' ``x``, weighted by their probabilities."""
        probs = self.mixture_distribution.probs
        return ops.sum(ops.reshape(probs, (*probs.shape, *(1,) * self._events)) * x, -1 - self._events)

    @property
    def mean(self) -> Tensor:
        return self._mixed(self.component_distribution.mean)

    @property
    def variance(self) -> Tensor:
        component = self.component_distribution
        distance = component.mean - self.mean.unsqueeze(-1 - self._events)
        return self._mixed(component.variance + distance * distance)

    def log_prob(self, value: Tensor) -> Tensor:
        if self._validate_args:
            self._check_value(value)
        parts = self.component_distribution.log_prob(value.unsqueeze(-1 - self._events))
        return ops.logsumexp(parts + self.mixture_distribution.logits, -1)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            chosen = self.mixture_distribution.expand(self._batch_shape).sample(sample_shape)
            values = self.component_distribution.sample(sample_shape)
            axis = values.ndim - 1 - self._events
            index = ops.reshape(chosen, (*chosen.shape, *(1,) * (1 + self._events)))
            index = ops.expand(index, (*values.shape[:axis], 1, *values.shape[axis + 1 :]))
            return ops.gather(values, axis, index).squeeze(axis)

    def __repr__(self) -> str:
        return f"MixtureSameFamily(\n  {self.mixture_distribution},\n  {self.component_distribution})"
