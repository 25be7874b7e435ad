"""Which backends the suite runs on, and the few tests that one of them cannot pass: the table is the documentation.

Every test runs on every backend that works here, or on those that ``TINY_PYTORCH_TEST_BACKENDS`` names
(``numpy,torch``), unless it is marked ``numpy_only``. An exception that passes after all is an error.
"""

from __future__ import annotations

import fnmatch
import os
from typing import NamedTuple

import tiny_pytorch as tp

__all__ = ["BACKENDS", "EXCEPTIONS", "exception"]


class Exempt(NamedTuple):
    """Tests that a backend is exempt from: a pattern of their names, as pytest prints them less the backend's."""

    backend: str
    tests: str
    why: str


EXCEPTIONS = [
    Exempt(
        "torch", "test_array_api.py::test_results_are_numpys[unique_all]", "array-api-compat offers none for PyTorch"
    ),
    Exempt(
        "array_api_strict",
        "test_inplace.py::test_writing_to_a_diagonal[transposed]",
        "the standard has no strides: only the diagonal of row-major memory is a view",
    ),
    Exempt("torch", "test_array_api.py::test_results_are_numpys[sum unsigned]", "PyTorch hardly computes in uint64"),
]

_named = os.environ.get("TINY_PYTORCH_TEST_BACKENDS") or os.environ.get("TINY_PYTORCH_BACKEND")
BACKENDS = _named.split(",") if _named else tp.backend.available()


def exception(test: str, backend: str) -> Exempt | None:
    """The entry of the table for a test on a backend, if there is one."""
    name = test.replace(f"[{backend}-", "[").replace(f"[{backend}]", "").rpartition("/")[2]
    for entry in EXCEPTIONS:
        if entry.backend == backend and fnmatch.fnmatchcase(name, entry.tests.replace("[", "[[]")):
            return entry
    return None
