"""Switches of cuDNN, which is not used here: convolutions are this package's own kernels and cuBLAS.

They may be set, as scripts do, without any effect: nothing is measured to choose an algorithm, so there is nothing to
switch off.

Attributes
----------
benchmark : bool, default False
deterministic : bool, default False
    For reproducible results see ``tp.use_deterministic_algorithms``.
enabled : bool, default True
allow_tf32 : bool, default False
    Convolutions go by matrix products: ``tp.backends.cuda.matmul.allow_tf32``.
"""

from __future__ import annotations

__all__ = ["allow_tf32", "benchmark", "deterministic", "enabled", "is_available", "version"]

benchmark = False
deterministic = False
enabled = True
allow_tf32 = False


def is_available() -> bool:
    """False: cuDNN is not used."""
    return False


def version() -> None:
    """None: cuDNN is not used."""
