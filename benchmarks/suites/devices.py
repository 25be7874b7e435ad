"""The backend that is timed (``TINY_PYTORCH_BACKEND``, ``TINY_PYTORCH_DEVICE``): its calls may only queue work."""

import functools

from tiny_pytorch import backend


def array(values):
    """A NumPy array as a raw array of the backend."""
    return backend.current().from_numpy(values)


def synchronised(suite):
    """Class decorator: each ``time_`` method ends when the device does. Nothing changes where calls compute at once."""
    wait = getattr(backend.current(), "synchronize", None)  # older commits have none
    if wait is not None:
        for name, method in list(vars(suite).items()):
            if name.startswith("time_"):
                setattr(suite, name, _waiting(method, wait))
    return suite


def _waiting(method, wait):
    @functools.wraps(method)
    def timed(*args):
        method(*args)
        wait()

    return timed
