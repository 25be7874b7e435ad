"""Linear: the fully connected layer."""

from __future__ import annotations

import math
from typing import Any

from .. import ops
from ..autograd import Direct
from ..ops.linalg import affine
from ..tensor import Tensor
from . import init
from .module import Module
from .parameter import Parameter

__all__ = ["Linear"]


class Linear(Module):
    """``y = x @ weight.T + bias``.

    Parameters
    ----------
    in_features, out_features : int
        Length of the last axis of the input and of the output.
    bias : bool, default True
        Whether to add a bias.
    device : optional
        As everywhere in tiny_pytorch.
    dtype : optional
        Of the parameters; the default dtype if None.

    Attributes
    ----------
    weight : Parameter, shape (out_features, in_features)
    bias : Parameter of shape (out_features,), or None
        Both are drawn from U(-b, b) with ``b = 1 / sqrt(in_features)``.

    Notes
    -----
    Input (..., in_features), output (..., out_features).

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.Linear(3, 2)(tp.ones(5, 3)).shape
    (5, 2)
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        for name, size in (("in_features", in_features), ("out_features", out_features)):
            if not hasattr(size, "__index__"):
                raise TypeError(f"Linear: {name} must be an integer, got {size!r} (a {type(size).__name__})")
            if size < 0:
                raise ValueError(f"Linear: {name} must not be negative, got {size}")
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(ops.empty((out_features, in_features), dtype=dtype, device=device))
        if bias:
            self.bias = Parameter(ops.empty((out_features,), dtype=dtype, device=device))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        # kaiming_uniform_ with a = sqrt(5) has exactly this bound.
        bound = 1 / math.sqrt(self.in_features) if self.in_features else 0.0
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        return ops.linear(input, self.weight, self.bias)

    _direct = Direct(affine, forward, "weight", "bias")

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
