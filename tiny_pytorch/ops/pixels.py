"""Channels rearranged into pixels and back, and among themselves."""

from __future__ import annotations

from typing import Any

from ..autograd import ShapeError
from .operands import shape_of
from .permutation import permute
from .shape import reshape

__all__ = ["channel_shuffle", "pixel_shuffle", "pixel_unshuffle"]

Tensor = Any  # the class stands above the ops


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """``y[c, h r + i, w r + j] = x[c r^2 + i r + j, h, w]``: r^2 channels become r x r pixels.

    Parameters
    ----------
    input : Tensor (..., C * r^2, H, W)
    upscale_factor : int
        r.

    Returns
    -------
    Tensor (..., C, H * r, W * r)

    Raises
    ------
    RuntimeError
        If the channels are no multiple of r^2, or there are fewer than three axes.

    References
    ----------
    W. Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel convolutional neural
    network", CVPR 2016.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.pixel_shuffle(tp.arange(4).reshape(4, 1, 1), 2)
    tensor([[[0, 1],
             [2, 3]]])
    """
    *front, c, h, w = _image("pixel_shuffle", input)
    r = _factor("pixel_shuffle", "upscale_factor", upscale_factor)
    if c % (r * r):
        raise ShapeError(f"pixel_shuffle: {c} channels are no multiple of {r} squared")
    n = len(front)
    x = reshape(input, (*front, c // (r * r), r, r, h, w))
    x = permute(x, (*range(n), n, n + 3, n + 1, n + 4, n + 2))
    return reshape(x, (*front, c // (r * r), h * r, w * r))


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """The inverse of :func:`pixel_shuffle`: (..., C, H * r, W * r) to (..., C * r^2, H, W).

    Raises
    ------
    RuntimeError
        If height or width are no multiple of r, or there are fewer than three axes.
    """
    *front, c, h, w = _image("pixel_unshuffle", input)
    r = _factor("pixel_unshuffle", "downscale_factor", downscale_factor)
    if h % r or w % r:
        raise ShapeError(f"pixel_unshuffle: an image of {h} x {w} cannot be divided by {r}")
    n = len(front)
    x = reshape(input, (*front, c, h // r, r, w // r, r))
    x = permute(x, (*range(n), n, n + 2, n + 4, n + 1, n + 3))
    return reshape(x, (*front, c * r * r, h // r, w // r))


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Channels (N, C, ...) dealt out: the first of each of ``groups`` runs, then the second of each, ...

    Raises
    ------
    RuntimeError
        If the groups do not divide the channels.

    References
    ----------
    X. Zhang et al., "ShuffleNet", CVPR 2018.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.channel_shuffle(tp.arange(4).reshape(1, 4, 1), 2).flatten()
    tensor([0, 2, 1, 3])
    """
    shape = shape_of("channel_shuffle", input)
    if len(shape) < 3:
        raise ShapeError(f"channel_shuffle: expected an input (N, C, ...), got shape {shape}")
    if groups < 1 or shape[1] % groups:
        raise ShapeError(f"channel_shuffle: {groups} groups do not divide {shape[1]} channels")
    n, c, *rest = shape
    x = reshape(input, (n, groups, c // groups, *rest))
    return reshape(permute(x, (0, 2, 1, *range(3, x.ndim))), shape)


def _image(name: str, input: Tensor) -> tuple[int, ...]:
    shape = shape_of(name, input)
    if len(shape) < 3:
        raise ShapeError(f"{name}: expected an input (..., C, H, W), got shape {shape}")
    return shape


def _factor(name: str, what: str, value: int) -> int:
    if value < 1:
        raise ShapeError(f"{name}: {what} must be at least 1, got {value}")
    return value
