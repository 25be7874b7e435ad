"""Weight and bias of a normalisation."""

from __future__ import annotations

from . import init
from .parameter import Parameter

__all__ = ["reset_affine"]


def reset_affine(weight: Parameter | None, bias: Parameter | None) -> None:
    """Set the weight to 1 and the bias to 0, where there are such."""
    if weight is not None:
        init.ones_(weight)
    if bias is not None:
        init.zeros_(bias)
