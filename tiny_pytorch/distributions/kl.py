"""How far one distribution is from another: the Kullback-Leibler divergence."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import ops
from ..tensor import Tensor
from .bernoulli import Bernoulli
from .categorical import Categorical, OneHotCategorical
from .distribution import Distribution
from .independent import Independent
from .normal import Normal
from .uniform import Uniform

__all__ = ["kl_divergence", "register_kl"]

Rule = Callable[[Any, Any], Tensor]
RULES: dict[tuple[type[Distribution], type[Distribution]], Rule] = {}


def register_kl(type_p: type[Distribution], type_q: type[Distribution]) -> Callable[[Rule], Rule]:
    """Decorator of ``rule(p, q)``, which :func:`kl_divergence` then uses for these two classes and their subclasses.

    Raises
    ------
    TypeError
        If one is no class of distributions.
    """
    for given in (type_p, type_q):
        if not (isinstance(given, type) and issubclass(given, Distribution)):
            raise TypeError(f"register_kl: expected a class of distributions, got {given!r}")

    def register(rule: Rule) -> Rule:
        RULES[type_p, type_q] = rule
        return rule

    return register


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """``KL(p || q)``: the expectation under p of ``log p(x) - log q(x)``.

    Parameters
    ----------
    p, q : Distribution
        Two of :class:`Normal`, :class:`Uniform`, :class:`Bernoulli`, :class:`Categorical`, :class:`OneHotCategorical`
        or :class:`Independent` of one of them, or of classes for which :func:`register_kl` has a rule.

    Returns
    -------
    Tensor
        Of shape ``batch_shape``; infinite where q excludes what p allows.

    Raises
    ------
    NotImplementedError
        If there is no rule for the two.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> D = tp.distributions
    >>> D.kl_divergence(D.Normal(1.0, 1.0), D.Normal(0.0, 1.0)).item()
    0.5
    """
    for mine in type(p).__mro__:
        for its in type(q).__mro__:
            if (mine, its) in RULES:
                return RULES[mine, its](p, q)
    raise NotImplementedError(
        f"kl_divergence: no rule for {type(p).__name__} and {type(q).__name__}; define one with register_kl, or "
        "average p.log_prob(x) - q.log_prob(x) over samples x of p"
    )


@register_kl(Normal, Normal)
def _normal(p: Normal, q: Normal) -> Tensor:
    ratio, distance = p.scale / q.scale, (p.loc - q.loc) / q.scale
    return 0.5 * (ratio * ratio + distance * distance - 1) - ops.log(ratio)


@register_kl(Uniform, Uniform)
def _uniform(p: Uniform, q: Uniform) -> Tensor:
    found = ops.log((q.high - q.low) / (p.high - p.low))
    outside = ops.logical_or(q.low > p.low, q.high < p.high)
    return ops.where(outside, ops.full_like(found, math.inf), found)


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Bernoulli, q: Bernoulli) -> Tensor:
    ones = _term(p.probs, q.probs, ops.softplus(-q.logits) - ops.softplus(-p.logits))
    zeros = -p.probs + 1, -q.probs + 1
    return ones + _term(*zeros, ops.softplus(q.logits) - ops.softplus(p.logits))


@register_kl(Categorical, Categorical)
def _categorical(p: Categorical, q: Categorical) -> Tensor:
    return ops.sum(_term(p.probs, q.probs, p.logits - q.logits), -1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot(p: OneHotCategorical, q: OneHotCategorical) -> Tensor:
    return kl_divergence(p._categorical, q._categorical)


@register_kl(Independent, Independent)
def _independent(p: Independent, q: Independent) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError(f"kl_divergence: {p} and {q} have different numbers of axes in a value")
    return p._summed(kl_divergence(p.base_dist, q.base_dist))


def _term(p: Tensor, q: Tensor, ratio: Tensor) -> Tensor:
    """``p * ratio``: 0 where p is 0, else infinite where q is 0."""
    found = p * ratio
    found = ops.where(q == 0, ops.full_like(found, math.inf), found)
    return ops.where(p == 0, ops.zeros_like(found), found)
