"""NumPy's ``fft`` on the emulated device."""

from __future__ import annotations

import numpy

from ._array import emulated

__all__ = []
for _name in dir(numpy.fft):
    if callable(getattr(numpy.fft, _name)) and not _name.startswith("_") and not _name.endswith("Error"):
        globals()[_name] = emulated(getattr(numpy.fft, _name))
        __all__.append(_name)
