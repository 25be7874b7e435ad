"""Whether there is CUDA below, and TF32."""

from __future__ import annotations

from .. import backend
from .. import cuda as devices

__all__ = ["is_built", "matmul"]


def is_built() -> bool:
    """Whether the backend in use has kernels for CUDA devices; see ``tp.cuda.is_available``.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.backends.cuda.is_built() or not tp.cuda.is_available()
    True
    """
    return backend.current().cuda is not None or devices.is_available()


class _MatrixProducts:
    """``tp.backends.cuda.matmul``: its attribute ``allow_tf32`` is the switch of :func:`tiny_pytorch.cuda.allow_tf32`.

    Where the backend has no CUDA device it may be set, without effect, and reads as it was set.
    """

    def __init__(self) -> None:
        self._asked = False

    @property
    def allow_tf32(self) -> bool:
        """Whether matrix products of float32 may round their factors to TF32."""
        return self._asked

    @allow_tf32.setter
    def allow_tf32(self, allow: bool) -> None:
        if not isinstance(allow, bool):
            raise TypeError(f"allow_tf32: expected True or False, got {allow!r}")
        if backend.current().cuda is not None:
            devices.allow_tf32(allow)
        self._asked = allow


matmul = _MatrixProducts()
