"""Normalisation over neighbouring channels, and of each channel of each sample."""

from __future__ import annotations

import math
from typing import Any

from ..autograd import no_grad
from .indexing import narrow
from .moments import var
from .norm import batch_norm, group_norm
from .operands import shape_of
from .padding import pad
from .reduction import mean

__all__ = ["instance_norm", "local_response_norm"]

Tensor = Any  # the class stands above the ops


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """``y = x / (k + alpha * mean of x^2 over size neighbouring channels)^beta``.

    Parameters
    ----------
    input : Tensor (N, C, ...)
    size : int
        How many channels, ``size // 2`` of them before; those that are not there count as 0.
    alpha, beta, k : float

    Raises
    ------
    ValueError
        For fewer than three dimensions.

    References
    ----------
    A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet classification with deep convolutional neural networks", 2012.
    """
    shape = shape_of("local_response_norm", input)
    if len(shape) < 3:
        raise ValueError(f"local_response_norm: expected an input (N, C, ...), got shape {shape}")
    if size < 1:
        raise ValueError(f"local_response_norm: size must be at least 1, got {size}")
    front = (0, 0) * (len(shape) - 2)
    squares = pad(input * input, (*front, size // 2, (size - 1) // 2))
    total = narrow(squares, 1, 0, shape[1])
    for i in range(1, size):
        total = total + narrow(squares, 1, i, shape[1])
    return input / (total * (alpha / size) + k) ** beta


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """``y = (x - mean) / sqrt(var + eps) * weight + bias`` for each channel of each sample.

    Parameters
    ----------
    input : Tensor (N, C, ...), with at least one axis behind the channels
    running_mean, running_var : Tensor (C,), optional
        Moved towards the means over all samples where ``use_input_stats``, else used.
    weight, bias : Tensor (C,), optional
    use_input_stats : bool, default True
    momentum : float, default 0.1
    eps : float, default 1e-5

    Raises
    ------
    ValueError
        If there is one place for each channel only, whose variance says nothing.
    RuntimeError
        Without statistics to use, and for parameters of another shape.

    References
    ----------
    D. Ulyanov, A. Vedaldi, V. Lempitsky, "Instance normalization: the missing ingredient for fast stylization", 2016.
    """
    shape = shape_of("instance_norm", input)
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    if len(shape) < 3 or math.prod(shape[2:]) == 1:
        raise ValueError(f"instance_norm: expected more than one place for each channel, got an input of shape {shape}")
    output = group_norm(input, shape[1], weight, bias, eps)
    if running_mean is not None and running_var is not None and shape[0]:
        places = tuple(range(2, len(shape)))
        with no_grad():
            for running, found in ((running_mean, mean(input, places)), (running_var, var(input, places))):
                running.mul_(1 - momentum).add_(mean(found, 0) * momentum)
    return output
