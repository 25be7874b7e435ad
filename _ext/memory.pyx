"""The cache of large blocks of memory that all kernels share, and the knobs on it.

The cache itself is C (memory_cache.h); other extensions reach it through the capsule ``cache`` (memory.h).
"""
import os

cimport numpy as cnp
from cpython.pycapsule cimport PyCapsule_New

cnp.import_array()

cdef extern from "memory_cache.h" nogil:
    const char* TP_MEMORY_CAPSULE
    const size_t SIZE_MAX
    ctypedef struct tp_memory:
        pass
    tp_memory tp_the_memory
    int tp_cache_init() except -1 with gil
    void tp_cache_set_limit(size_t limit)
    size_t tp_cache_limit()
    size_t tp_cache_peak()
    size_t tp_cache_idle()


def idle_memory():
    """The bytes that lie idle, ready to be used again."""
    return tp_cache_idle()


def peak_memory():
    """The most bytes of the cache's blocks that were ever in use at once."""
    return tp_cache_peak()


def idle_limit():
    """The most bytes that may lie idle; None where only the peak of what was in use bounds them."""
    return None if tp_cache_limit() == SIZE_MAX else tp_cache_limit()


def set_idle_limit(limit):
    """Let at most ``limit`` bytes lie idle, and give back what is more; 0 keeps nothing, None is the default.

    Raises
    ------
    ValueError
        If ``limit`` is negative.
    """
    if limit is not None and limit < 0:
        raise ValueError(f"set_idle_limit: the limit must be a number of bytes or None, got {limit}")
    tp_cache_set_limit(SIZE_MAX if limit is None else limit)


def default_idle_limit():
    """What ``TINY_PYTORCH_IDLE_MEMORY`` says, in megabytes, else None.

    Raises
    ------
    ValueError
        If the variable is not a whole number of megabytes.
    """
    text = os.environ.get("TINY_PYTORCH_IDLE_MEMORY", "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"the environment variable TINY_PYTORCH_IDLE_MEMORY must be a whole number of megabytes, got "
                         f"{text!r}; 0 gives all memory back at once, unset it to keep what is used again")
    return int(text) << 20


tp_cache_init()
set_idle_limit(default_idle_limit())
cache = PyCapsule_New(<void*>&tp_the_memory, TP_MEMORY_CAPSULE, NULL)
