"""NumPy's ``linalg`` on the emulated device."""

from __future__ import annotations

import numpy

from ._array import emulated

__all__ = []
for _name in dir(numpy.linalg):
    if callable(getattr(numpy.linalg, _name)) and not _name.startswith("_") and not _name.endswith("Error"):
        globals()[_name] = emulated(getattr(numpy.linalg, _name))
        __all__.append(_name)
