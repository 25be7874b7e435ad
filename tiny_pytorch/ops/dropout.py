"""Dropout."""

from __future__ import annotations

from typing import Any

from .. import backend
from ..autograd import ShapeError, leaf, op
from ..autograd import inplace as write
from ..random import default_generator
from .operands import shape_of

__all__ = ["dropout", "dropout1d", "dropout2d", "dropout3d"]


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
    return _drop("dropout", input, shape_of("dropout", input), p, training, inplace)


def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Dropout of whole channels of signals, (N, C, L) or (C, L): each is 0 with probability ``p``, else scaled by
    ``1 / (1 - p)``.

    Parameters and errors are those of :func:`dropout`; a RuntimeError for an input of other axes.

    References
    ----------
    J. Tompson, R. Goroshin, A. Jain, Y. LeCun, C. Bregler, "Efficient object localization using convolutional
    networks", CVPR 2015.
    """
    return _drop_channels("dropout1d", input, {2: 1, 3: 2}, p, training, inplace)


def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Dropout of whole channels of images, (N, C, H, W); as in PyTorch an input of three axes is (N, C, L).

    See :func:`dropout1d`.
    """
    return _drop_channels("dropout2d", input, {3: 2, 4: 2}, p, training, inplace)


def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Dropout of whole channels of volumes, (N, C, D, H, W) or (C, D, H, W).

    See :func:`dropout1d`.
    """
    return _drop_channels("dropout3d", input, {4: 1, 5: 2}, p, training, inplace)


def _drop_channels(name: str, input: Any, leading: dict[int, int], p: float, training: bool, inplace: bool) -> Any:
    """Dropout by one number for each channel; ``leading`` says how many axes, N and C, an input has in front."""
    shape = shape_of(name, input)
    if len(shape) not in leading:
        axes = " or ".join(map(str, leading))
        raise ShapeError(f"{name}: expected an input of {axes} axes, got shape {shape}")
    front = leading[len(shape)]
    return _drop(name, input, shape[:front] + (1,) * (len(shape) - front), p, training, inplace)


def _drop(name: str, input: Any, shape: tuple[int, ...], p: float, training: bool, inplace: bool) -> Any:
    """The input times a random mask of ``shape``, and the scale that keeps its mean."""
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"{name}: p is a probability, 0 to 1, got {p}")
    if not training or p == 0.0:
        return input
    if input.dtype.kind != "float":
        raise TypeError(f"{name}: expected a floating input, got {input.dtype}; convert it with .float()")
    scale = 0.0 if p == 1.0 else 1.0 / (1.0 - p)
    kept = leaf(backend.at(input.array).kernels.keep_mask(shape, float(p), default_generator().key()))
    return write(_masked_scale, input, kept, scale=scale) if inplace else _masked_scale(input, kept, scale=scale)
