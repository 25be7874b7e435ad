"""The BLAS behind NumPy: its name, and its number of threads.

NumPy has no call for the latter. Its wheels bundle OpenBLAS, whose own function is reached through ctypes; for another
BLAS its environment variable (``OMP_NUM_THREADS``, ``MKL_NUM_THREADS``, ...) has to be set before the start.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy

__all__ = ["get_blas_threads", "name", "set_blas_threads"]

_PREFIXES = ("scipy_openblas", "openblas")
_SUFFIXES = ("64_", "_64", "")


def name() -> str:
    """The BLAS that NumPy was built with, and its version."""
    blas = numpy.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    return f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()


@functools.cache
def _function(verb: str) -> Any:
    """OpenBLAS's ``set_num_threads`` or ``get_num_threads``, or None."""
    import ctypes
    from pathlib import Path

    root = Path(numpy.__file__).parent
    for library in sorted([*root.parent.glob("numpy.libs/*openblas*"), *root.glob(".dylibs/*openblas*")]):
        handle = ctypes.CDLL(str(library))
        for prefix in _PREFIXES:
            for suffix in _SUFFIXES:
                function = getattr(handle, f"{prefix}_{verb}{suffix}", None)
                if function is not None:
                    return function
    return None


def set_blas_threads(n: int) -> bool:
    """Let matrix products use ``n`` threads; False if this BLAS cannot be told."""
    function = _function("set_num_threads")
    if function is not None:
        function(n)
    return function is not None


def get_blas_threads() -> int | None:
    """The threads of matrix products; None if this BLAS does not tell."""
    function = _function("get_num_threads")
    return None if function is None else int(function())
