"""Elements added around signals, images and volumes, as modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..tensor import Tensor
from . import functional as F
from .module import Module

__all__ = [
    "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d",
    "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d", "ReplicationPad3d",
    "ZeroPad1d", "ZeroPad2d", "ZeroPad3d",
]  # fmt: skip


class _Pad(Module):
    """What all kinds of padding share."""

    axes: ClassVar[int]
    mode: ClassVar[str]

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__()
        count = 2 * self.axes
        found = (padding,) * count if isinstance(padding, int) else tuple(padding)
        if len(found) != count:
            raise ValueError(
                f"{type(self).__name__}: expected padding to be an int or {count} of them, got {padding!r}"
            )
        self.padding = found

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPad(_Pad):
    """What the paddings with a number share."""

    mode = "constant"

    def __init__(self, padding: int | Sequence[int], value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad(_ConstantPad):
    """What the paddings with zeros share."""

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ConstantPad1d(_ConstantPad):
    """A number added at both ends of the last axis.

    Parameters
    ----------
    padding : int or (left, right)
    value : float

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.ConstantPad1d((0, 2), 9.0)(tp.ones(1, 1))
    tensor([[1., 9., 9.]])
    """

    axes = 1


class ConstantPad2d(_ConstantPad):
    """A number added around the last two axes.

    Parameters
    ----------
    padding : int or (left, right, top, bottom)
    value : float
    """

    axes = 2


class ConstantPad3d(_ConstantPad):
    """A number added around the last three axes.

    Parameters
    ----------
    padding : int or (left, right, top, bottom, front, back)
    value : float
    """

    axes = 3


class ZeroPad1d(_ZeroPad):
    """Zeros added at both ends of the last axis; ``padding`` is an int or (left, right)."""

    axes = 1


class ZeroPad2d(_ZeroPad):
    """Zeros added around the last two axes; ``padding`` is an int or (left, right, top, bottom)."""

    axes = 2


class ZeroPad3d(_ZeroPad):
    """Zeros added around the last three axes; ``padding`` is an int or (left, right, top, bottom, front, back)."""

    axes = 3


class ReflectionPad1d(_Pad):
    """The mirror image without the edge added at both ends; ``padding`` is an int or (left, right).

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.ReflectionPad1d(1)(tp.tensor([[1.0, 2.0, 3.0]]))
    tensor([[2., 1., 2., 3., 2.]])
    """

    axes, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """The mirror image without the edge added around; ``padding`` is an int or (left, right, top, bottom)."""

    axes, mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """The mirror image without the edge added around; ``padding`` is an int or six of them, as of ConstantPad3d."""

    axes, mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """The edge repeated at both ends; ``padding`` is an int or (left, right)."""

    axes, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """The edge repeated around; ``padding`` is an int or (left, right, top, bottom)."""

    axes, mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """The edge repeated around; ``padding`` is an int or six of them, as of ConstantPad3d."""

    axes, mode = 3, "replicate"


class CircularPad1d(_Pad):
    """The other end added at both ends; ``padding`` is an int or (left, right)."""

    axes, mode = 1, "circular"


class CircularPad2d(_Pad):
    """The other end added around; ``padding`` is an int or (left, right, top, bottom)."""

    axes, mode = 2, "circular"


class CircularPad3d(_Pad):
    """The other end added around; ``padding`` is an int or six of them, as of ConstantPad3d."""

    axes, mode = 3, "circular"
