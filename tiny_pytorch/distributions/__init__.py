"""Probability distributions: samples, log-densities, entropies and divergences that gradients flow through."""

from .bernoulli import Bernoulli
from .categorical import Categorical, OneHotCategorical
from .distribution import Distribution
from .independent import Independent
from .kl import kl_divergence, register_kl
from .mixture import MixtureSameFamily
from .normal import Normal
from .uniform import Uniform

__all__ = [
    "Bernoulli", "Categorical", "Distribution", "Independent", "MixtureSameFamily", "Normal", "OneHotCategorical",
    "Uniform", "kl_divergence", "register_kl",
]  # fmt: skip
