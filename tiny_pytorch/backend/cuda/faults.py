"""Bad indices, found by kernels.

To look at an index before it is used would stop the host until the device has caught up. So kernels check their own
indices, leave alone what is out of range, and note it in three words of host memory that the device can write. The
host looks at them, which costs nothing, after each launch that may have found something and wherever it waits for
the device anyway: the IndexError comes late, but it comes. Under ``CUDA_LAUNCH_BLOCKING=1`` it comes at once.
"""

from __future__ import annotations

import functools

import cupy
import numpy

__all__ = ["address", "check"]


@functools.cache
def _words() -> tuple[int, numpy.ndarray]:
    """Where the device writes {set, index, size}, and the same memory as an array."""
    memory = cupy.cuda.alloc_pinned_memory(3 * 8)
    words = numpy.frombuffer(memory, dtype=numpy.int64, count=3)
    words[:] = 0
    return memory.ptr, words


def address() -> int:
    """The address that kernels report to."""
    return _words()[0]


def check() -> None:
    """Raise IndexError if a kernel that has run by now met an index out of range."""
    found = _words()[1]
    if found[0]:
        index, size = int(found[1]), int(found[2])
        found[0] = 0
        allowed = f"expected 0 to {size - 1}" if size else "nothing can be indexed"
        raise IndexError(
            f"index {index} is out of range for size {size}: {allowed}. A kernel on the device found it; "
            "CUDA_LAUNCH_BLOCKING=1 makes the call raise that passed it"
        )
