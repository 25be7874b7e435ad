"""Parameter: a tensor that a module learns."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor

__all__ = ["Parameter"]


class Parameter(Tensor):
    """A tensor that becomes part of ``module.parameters()`` when it is assigned to an attribute of a Module.

    Parameters
    ----------
    data : Tensor or array, default None
        The values; memory is shared, not copied. ``None`` makes an empty parameter of shape ``(0,)``.
    requires_grad : bool, default True
        Whether ``backward()`` accumulates a gradient into ``grad``.

    Raises
    ------
    TypeError, RuntimeError
        For data that cannot require a gradient (integers, booleans).

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.Parameter(tp.zeros(2, 3)).requires_grad
    True
    """

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        super().__init__([] if data is None else data, requires_grad=requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"
