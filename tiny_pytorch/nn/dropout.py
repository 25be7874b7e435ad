"""Dropout: noise that keeps a network from relying on single units."""

from __future__ import annotations

from ..tensor import Tensor
from . import functional as F
from .module import Module

__all__ = ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d"]


class _Dropout(Module):
    """What all kinds of dropout share."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"{type(self).__name__}: p is a probability, 0 to 1, got {p}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """In training ``y = x * mask / (1 - p)`` with a random mask that is 0 with probability ``p``; else ``y = x``.

    Parameters
    ----------
    p : float, default 0.5
        Probability of an element to be dropped, 0 to 1.
    inplace : bool, default False
        Write the result into the input.

    References
    ----------
    N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, "Dropout: a simple way to prevent
    neural networks from overfitting", JMLR 15 (2014).

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.Dropout(0.2).eval()(tp.ones(3))
    tensor([1., 1., 1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_Dropout):
    """In training whole channels of signals are 0 with probability ``p``, the others scaled by ``1 / (1 - p)``.

    Neighbours in a channel are alike, so that dropping single elements would hardly be noise.

    Parameters
    ----------
    p : float, default 0.5
        Probability of a channel to be dropped, 0 to 1.
    inplace : bool, default False
        Write the result into the input.

    Notes
    -----
    Input (N, C, L) or (C, L).

    References
    ----------
    J. Tompson, R. Goroshin, A. Jain, Y. LeCun, C. Bregler, "Efficient object localization using convolutional
    networks", CVPR 2015.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.Dropout1d(0.2).eval()(tp.ones(1, 2, 1)).sum()
    tensor(2.)
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_Dropout):
    """In training whole channels of images are 0 with probability ``p``, the others scaled by ``1 / (1 - p)``.

    Neighbours in a channel are alike, so that dropping single elements would hardly be noise.

    Parameters
    ----------
    p : float, default 0.5
        Probability of a channel to be dropped, 0 to 1.
    inplace : bool, default False
        Write the result into the input.

    Notes
    -----
    Input (N, C, H, W); one of three axes is (N, C, L), as in PyTorch.

    References
    ----------
    J. Tompson, R. Goroshin, A. Jain, Y. LeCun, C. Bregler, "Efficient object localization using convolutional
    networks", CVPR 2015.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.Dropout2d(0.2).eval()(tp.ones(1, 2, 1, 1)).sum()
    tensor(2.)
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_Dropout):
    """In training whole channels of volumes are 0 with probability ``p``, the others scaled by ``1 / (1 - p)``.

    Neighbours in a channel are alike, so that dropping single elements would hardly be noise.

    Parameters
    ----------
    p : float, default 0.5
        Probability of a channel to be dropped, 0 to 1.
    inplace : bool, default False
        Write the result into the input.

    Notes
    -----
    Input (N, C, D, H, W) or (C, D, H, W).

    References
    ----------
    J. Tompson, R. Goroshin, A. Jain, Y. LeCun, C. Bregler, "Efficient object localization using convolutional
    networks", CVPR 2015.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.Dropout3d(0.2).eval()(tp.ones(1, 2, 1, 1, 1)).sum()
    tensor(2.)
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout3d(input, self.p, self.training, self.inplace)
