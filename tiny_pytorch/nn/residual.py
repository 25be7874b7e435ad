"""Identity and Residual: a path around a module."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from .module import Module

__all__ = ["Identity", "Residual"]


class Identity(Module):
    """``y = x``. It takes and ignores any arguments, so that it can stand in for another module.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.Identity(64, bias=False)(tp.ones(2))
    tensor([1., 1.])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input


class Residual(Module):
    """``y = x + fn(x)``.

    Parameters
    ----------
    fn : Module
        Its output must have its input's shape.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", 2015.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.Residual(tp.nn.Identity())(tp.ones(2))
    tensor([2., 2.])
    """

    def __init__(self, fn: Module) -> None:
        super().__init__()
        if not isinstance(fn, Module):
            raise TypeError(f"Residual: fn must be an nn.Module, not {type(fn).__name__}")
        self.fn = fn

    def forward(self, input: Tensor) -> Tensor:
        output = self.fn(input)
        if output.shape != input.shape:
            # Broadcasting would add the two all the same, and train something else.
            raise RuntimeError(
                f"Residual: fn turned shape {input.shape} into {output.shape}; to be added they must be equal"
            )
        return input + output
