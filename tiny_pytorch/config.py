"""What this installation is made of, and how many threads it uses."""

from __future__ import annotations

from typing import Any

import numpy

from . import backend
from .backend.numpy import get_num_threads
from .backend.numpy import set_num_threads as _set_own
from .version import __version__

__all__ = ["config", "get_num_threads", "set_num_threads", "show_config"]


def set_num_threads(n: int) -> None:
    """Let kernels, and the matrix products of the library in use, take up to ``n`` threads, the calling one included.

    At start it is ``TINY_PYTORCH_NUM_THREADS``, else all usable cores. Small arrays are always worked on by one thread.
    Results for different numbers agree to rounding: weight gradients of recurrent layers are added up in another order.
    All others are bitwise the same.

    Raises
    ------
    TypeError, ValueError
        If ``n`` is not an integer from 1 to 256.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> before = tp.get_num_threads()
    >>> tp.set_num_threads(1)
    >>> tp.get_num_threads()
    1
    >>> tp.set_num_threads(before)
    """
    _set_own(n)
    own = backend.current().set_num_threads
    if own is not None:
        own(int(n))


def config() -> dict[str, Any]:
    """The facts that ``show_config`` prints, as a dictionary."""
    import platform  # 3 ms

    here = backend.current()
    return {
        "tiny_pytorch": __version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "numpy": numpy.__version__,
        "backend": here.name,
        "device": str(here.device),
        **here.facts(),
    }


def show_config() -> None:
    """Print version, backend, compiled kernels and their instruction set, BLAS and threads.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.show_config()  # doctest: +ELLIPSIS
    tiny_pytorch      ...
    """
    for name, value in config().items():
        text = ", ".join(value) if isinstance(value, (list, tuple)) else str(value)
        print(f"{name:<17} {text}")
