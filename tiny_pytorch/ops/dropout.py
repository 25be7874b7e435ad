"""Dropout."""

from __future__ import annotations

from typing import Any

from .. import backend
from ..autograd import inplace as write
from ..autograd import leaf, op
from ..random import default_generator

__all__ = ["dropout"]


@op(keeps={1: (0,)}, kernel="masked_scale", name="dropout")
def _masked_scale(k: Any, x: Any, mask: Any, *, scale: float) -> Any:
    return k.masked_scale(x, mask, scale)


@_masked_scale.gradient
def _(k: Any, g: Any, saved: Any, *, scale: float) -> tuple:
    return k.masked_scale(g, saved.inputs[1], scale), None


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """``y = input * mask / (1 - p)``, the random mask 0 with probability ``p`` and else 1; ``y = input`` when
    not training.

    Parameters
    ----------
    input : Tensor
        Of a floating dtype, which the result keeps.
    p : float, default 0.5
        Probability of an element to be dropped, 0 to 1.
    training : bool, default True
    inplace : bool, default False
        Write the result into the input.

    Raises
    ------
    ValueError
        For ``p`` outside 0..1.
    TypeError
        For an input that is not floating.

    References
    ----------
    N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, "Dropout: a simple way to prevent
    neural networks from overfitting", JMLR 15 (2014).
    """
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout: p is a probability, 0 to 1, got {p}")
    if not training or p == 0.0:
        return input
    if input.dtype.kind != "float":
        raise TypeError(f"dropout: expected a floating input, got {input.dtype}; convert it with .float()")
    scale = 0.0 if p == 1.0 else 1.0 / (1.0 - p)
    kept = leaf(backend.kernels().keep_mask(tuple(input.shape), float(p), default_generator().key()))
    return write(_masked_scale, input, kept, scale=scale) if inplace else _masked_scale(input, kept, scale=scale)
