"""All parameters of a model as one vector, and back."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ... import backend, ops
from ...autograd import assign
from ...tensor import Tensor

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters, one after another, as one vector; gradients flow through it.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.utils.parameters_to_vector(tp.nn.Linear(3, 2).parameters()).shape
    (8,)
    """
    return ops.cat([p.reshape(-1) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Write a vector into the parameters, one after another, in place: what :func:`parameters_to_vector` undoes.

    Raises
    ------
    TypeError
        If ``vec`` is not a Tensor.
    ValueError
        If it has another number of elements than the parameters; nothing is changed then.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> layer = tp.nn.Linear(3, 2)
    >>> tp.nn.utils.vector_to_parameters(tp.arange(8.0), layer.parameters())
    >>> layer.bias.tolist()
    [6.0, 7.0]
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"vector_to_parameters: expected a Tensor, got {type(vec).__name__}")
    params = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    sizes = [math.prod(p.shape) for p in params]
    if vec.shape != (sum(sizes),):
        raise ValueError(
            f"vector_to_parameters: expected a vector of {sum(sizes)} elements, as many as the parameters have "
            f"together, got shape {vec.shape}"
        )
    start = 0
    k = backend.at(vec.array).kernels
    for p, size in zip(params, sizes, strict=True):
        part = k.xp.reshape(vec.array[start : start + size], p.shape)
        assign(p, k.astype(part, p.array.dtype))
        start += size
