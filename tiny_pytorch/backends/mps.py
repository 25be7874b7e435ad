"""Apple's GPUs: there are no kernels for them here."""

from __future__ import annotations

__all__ = ["is_available", "is_built"]


def is_available() -> bool:
    """False.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> device = "mps" if tp.backends.mps.is_available() else "cpu"
    >>> device
    'cpu'
    """
    return False


def is_built() -> bool:
    """False."""
    return False
