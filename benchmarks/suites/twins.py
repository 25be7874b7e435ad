"""Each compiled kernel stands beside its reference twin, which says what it gains."""

from tiny_pytorch import backend
from tiny_pytorch.backend.table import Kernels

TWINS = ["compiled", "reference"]


def table(twin):
    """The kernel table in use, or the reference's over the same library."""
    return backend.kernels() if twin == "compiled" else Kernels(backend.kernels().xp)


def put(twin):
    """Compute everything by the twin from here on; returns what puts the old kernels back."""
    used = backend.kernels()
    before = dict(vars(used))
    vars(used).update(vars(table(twin)))
    return lambda: vars(used).update(before)
