"""Gradients of all parameters together, clipped."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ... import backend, ops
from ...autograd import assign, leaf
from ...tensor import Tensor

__all__ = ["clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """``g = g * min(1, max_norm / (norm + 1e-6))``, in place, with the norm of all gradients as one vector.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensors
        Those without a gradient are passed over.
    max_norm : float
        At least 0; inf only computes the norm.
    norm_type : float, default 2.0
        The order p of the norm ``(sum of |g|^p) ^ (1/p)``, above 0; inf is the largest ``|g|``.
    error_if_nonfinite : bool, default False
        Whether a norm that is NaN or infinite is an error; else it makes the gradients NaN or 0.
    foreach : bool, optional
        Accepted because PyTorch's scripts pass it.

    Returns
    -------
    Tensor, shape ()
        The norm before clipping.

    Raises
    ------
    ValueError
        If ``max_norm`` is negative or NaN, or ``norm_type`` not above 0.
    RuntimeError
        If the norm is not finite and that was asked for; nothing is changed then.

    References
    ----------
    R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> p = tp.tensor([3.0, 4.0], requires_grad=True)
    >>> (p * p / 2).sum().backward()
    >>> tp.nn.utils.clip_grad_norm_([p], max_norm=1.0)
    tensor(5.)
    >>> p.grad
    tensor([0.6, 0.8])
    """
    grads = _gradients(parameters)
    _check_limit("clip_grad_norm_: max_norm", max_norm)
    norm = get_total_norm(grads, norm_type, error_if_nonfinite)
    _scale(grads, max_norm, norm)
    return norm


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """:func:`clip_grad_norm_` with a norm that is known already."""
    _check_limit("clip_grads_with_norm_: max_norm", max_norm)
    _scale(_gradients(parameters), max_norm, total_norm)


def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of all elements of the tensors as one vector, outside the graph; the arguments of
    :func:`clip_grad_norm_`.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.utils.get_total_norm([tp.tensor([3.0]), tp.tensor([[4.0]])])
    tensor(5.)
    """
    order = float(norm_type)
    if not order > 0:
        raise ValueError(f"norm_type must be above 0, got {norm_type!r}")
    arrays = [tensor.array for tensor in _listed(tensors)]
    if not arrays:
        return ops.zeros(())
    norm = leaf(backend.at(arrays[0]).kernels.total_norm(arrays, order))
    if error_if_nonfinite and not math.isfinite(float(norm)):
        raise RuntimeError(
            f"the norm of order {norm_type} of the gradients is {float(norm)}, so they cannot be clipped; look for "
            "what overflowed, or pass error_if_nonfinite=False to go on"
        )
    return norm


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None) -> None:
    """``g = min(max(g, -clip_value), clip_value)``, in place, for every gradient.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensors
        Those without a gradient are passed over.
    clip_value : float
        At least 0.
    foreach : bool, optional
        Accepted because PyTorch's scripts pass it.

    Raises
    ------
    ValueError
        If ``clip_value`` is negative or NaN.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> p = tp.tensor([3.0, -0.5], requires_grad=True)
    >>> (p * p / 2).sum().backward()
    >>> tp.nn.utils.clip_grad_value_([p], 1.0)
    >>> p.grad
    tensor([ 1. , -0.5])
    """
    grads = _gradients(parameters)
    limit = _check_limit("clip_grad_value_: clip_value", clip_value)
    for grad in grads:
        xp = backend.at(grad.array).xp
        assign(grad, xp.clip(grad.array, -limit, limit))


def _listed(tensors: Tensor | Iterable[Tensor]) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    """Every gradient once, though parameters may share one."""
    return list({id(p.grad): p.grad for p in _listed(parameters) if p.grad is not None}.values())


def _check_limit(name: str, value: Any) -> float:
    if not float(value) >= 0:
        raise ValueError(f"{name} must be at least 0, got {value!r}")
    return float(value)


def _scale(grads: list[Tensor], max_norm: float, norm: Tensor) -> None:
    """Scale the gradients down to a norm; PyTorch's small addend keeps a norm of 0 from dividing."""
    factor = float(max_norm) / (float(norm) + 1e-6)
    if factor >= 1:
        return
    arrays = [grad.array for grad in grads]
    with np.errstate(all="ignore"):  # infinite gradients become NaN, which is the caller's to look at
        scaled = backend.at(arrays[0]).kernels.rescale(arrays, factor)
    for grad, array in zip(grads, scaled, strict=True):
        assign(grad, array)
