"""The backend that is timed (``TINY_PYTORCH_BACKEND``, ``TINY_PYTORCH_DEVICE``): its calls may only queue work."""

import functools

import numpy

import tiny_pytorch as tp
from tiny_pytorch import backend


def array(values):
    """A NumPy array as a raw array of the backend."""
    return backend.current().from_numpy(values)


def values(*shape):
    """Reproducible float32 values, quickly made however many: a thousand normal ones, repeated."""
    few = numpy.random.default_rng(0).standard_normal(1009).astype(numpy.float32)
    return numpy.resize(few, shape)


def normal(*shape):
    """A raw array of ``values``."""
    return array(values(*shape))


def integers(n, *shape):
    """A raw array of reproducible integers from 0 to n - 1."""
    return array(numpy.random.default_rng(0).integers(0, n, shape))


def tensor(*shape, requires_grad=False):
    """A Tensor of ``values``."""
    return tp.from_numpy(values(*shape)).requires_grad_(requires_grad)


def indices(n, *shape):
    """A Tensor of reproducible integers from 0 to n - 1."""
    return tp.from_numpy(numpy.random.default_rng(0).integers(0, n, shape))


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
