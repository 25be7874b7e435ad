"""The thread pool that all kernels share, and the one knob on it.

The pool itself is C (parallel_pool.h); other extensions reach it through the capsule ``pool`` (parallel.h).
"""
import operator
import os

from cpython.pycapsule cimport PyCapsule_New

cdef extern from "parallel_pool.h" nogil:
    const char* TP_PARALLEL_CAPSULE
    const int TP_MAX_THREADS
    ctypedef struct tp_pool:
        pass
    const tp_pool tp_the_pool
    int tp_pool_init()
    int tp_pool_num_threads()
    void tp_pool_set_num_threads(int n)


def usable_cores():
    """The cores that this process may run on."""
    if hasattr(os, "process_cpu_count"):         # Python 3.13
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def get_num_threads():
    """The number of threads that a kernel may use, the calling one included.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.get_num_threads() >= 1
    True
    """
    return tp_pool_num_threads()


def set_num_threads(n):
    """Let kernels use up to ``n`` threads, the calling one included.

    Small arrays are always worked on by one thread. Results for different ``n`` agree to rounding. The default is the
    environment variable ``TINY_PYTORCH_NUM_THREADS``, else the number of usable cores. Where the library was
    built without threads (Windows), every ``n`` means 1.

    Parameters
    ----------
    n : int
        From 1 to 256.

    Raises
    ------
    TypeError
        If ``n`` is not an integer.
    ValueError
        If ``n`` is out of range.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> before = tp.get_num_threads()
    >>> tp.set_num_threads(1)
    >>> tp.get_num_threads()
    1
    >>> tp.set_num_threads(before)
    """
    cdef int count
    if isinstance(n, bool):
        raise TypeError(f"set_num_threads: the number of threads must be an integer, got {n!r}")
    try:
        number = operator.index(n)
    except TypeError:
        raise TypeError(f"set_num_threads: the number of threads must be an integer, got {n!r} "
                        f"({type(n).__name__})") from None
    if not 1 <= number <= TP_MAX_THREADS:
        raise ValueError(f"set_num_threads: the number of threads must be from 1 to {TP_MAX_THREADS}, "
                         f"got {number}")
    count = number
    with nogil:
        tp_pool_set_num_threads(count)


def default_num_threads():
    """What ``TINY_PYTORCH_NUM_THREADS`` says, else the number of usable cores.

    Raises
    ------
    ValueError
        If the variable is not an integer from 1 to 256.
    """
    text = os.environ.get("TINY_PYTORCH_NUM_THREADS", "").strip()
    if not text:
        return min(usable_cores(), TP_MAX_THREADS)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= TP_MAX_THREADS):
        raise ValueError(f"the environment variable TINY_PYTORCH_NUM_THREADS must be an integer from 1 to "
                         f"{TP_MAX_THREADS}, got {text!r}; unset it to use every core")
    return int(text)


if tp_pool_init() != 0:
    raise MemoryError("the thread pool could not register its fork handler")
set_num_threads(default_num_threads())
pool = PyCapsule_New(<void*>&tp_the_pool, TP_PARALLEL_CAPSULE, NULL)
