"""Everything random: generators, and the one that is used when none is given.

Numbers are drawn by NumPy's generator on the host, so that a seed gives the same numbers on every backend; masks are
made where they are needed, by a counter-based generator, from a key that is drawn on the host.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import numpy

__all__ = [
    "Generator", "default_generator", "fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed",
    "set_rng_state",
]  # fmt: skip


class Generator:
    """A stream of random numbers with its own seed.

    Attributes
    ----------
    rng : numpy.random.Generator
        What draws the numbers.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> a = tp.rand(3, generator=tp.Generator().manual_seed(0))
    >>> b = tp.rand(3, generator=tp.Generator().manual_seed(0))
    >>> bool((a == b).all())
    True
    """

    def __init__(self, device: Any = None) -> None:
        self.rng: numpy.random.Generator
        self.manual_seed(int.from_bytes(os.urandom(8), "little") >> 1)

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream anew from ``seed`` (any integer); returns the generator."""
        if isinstance(seed, bool) or not hasattr(seed, "__index__"):
            raise TypeError(f"manual_seed: expected an integer, got {seed!r}")
        self._seed = int(seed)
        self.rng = numpy.random.Generator(numpy.random.PCG64(self._seed % 2**64))
        return self

    def seed(self) -> int:
        """Start anew from a seed that nobody knows, and return it."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little") >> 1)
        return self._seed

    def initial_seed(self) -> int:
        """The seed that the stream was last started from."""
        return self._seed

    def key(self) -> int:
        """The next 63 bits of the stream: the key from which a kernel makes all the numbers of one random mask."""
        return int(self.rng.bit_generator.random_raw()) >> 1

    def get_state(self) -> dict[str, Any]:
        """The position in the stream, for ``set_state``."""
        return {"seed": self._seed, "state": self.rng.bit_generator.state}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go back to a position in a stream."""
        if not (isinstance(state, dict) and {"seed", "state"} <= state.keys()):
            raise TypeError("set_state: expected what get_state() returned")
        self.rng.bit_generator.state = state["state"]
        self._seed = state["seed"]

    def __repr__(self) -> str:
        return f"Generator(seed={self._seed})"


_default: Generator | None = None


def default_generator() -> Generator:
    """The generator that is used when none is given."""
    global _default
    if _default is None:
        _default = Generator()
    return _default


def rng_of(name: str, generator: Generator | None) -> numpy.random.Generator:
    """What draws the numbers of a generator, by default of the default one; a TypeError for anything else."""
    check_generator(name, generator)
    return (default_generator() if generator is None else generator).rng


def check_generator(name: str, generator: Any) -> None:
    """A TypeError for what is neither a Generator nor None."""
    if generator is not None and not isinstance(generator, Generator):
        kind = type(generator)
        came = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
        raise TypeError(
            f"{name}: generator must be a tiny_pytorch.Generator or None, got {came}: {generator!r}; "
            "tp.Generator().manual_seed(0) makes one"
        )


def manual_seed(seed: int) -> Generator:
    """Make everything random that follows reproducible; returns the default generator.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> _ = tp.manual_seed(0); a = tp.randn(2)
    >>> _ = tp.manual_seed(0); b = tp.randn(2)
    >>> bool((a == b).all())
    True
    """
    return default_generator().manual_seed(seed)


def seed() -> int:
    """Start the default generator anew from a seed that nobody knows, and return it."""
    return default_generator().seed()


def initial_seed() -> int:
    """The seed of the default generator."""
    return default_generator().initial_seed()


@contextlib.contextmanager
def fork_rng(devices: Any = None, enabled: bool = True, **options: Any) -> Iterator[None]:
    """A context that leaves the default generator where it found it; arguments but ``enabled`` are without effect.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> with tp.random.fork_rng():
    ...     _ = tp.manual_seed(0)
    """
    before = default_generator().get_state()
    try:
        yield
    finally:
        if enabled:
            default_generator().set_state(before)


def get_rng_state() -> dict[str, Any]:
    """The default generator's position."""
    return default_generator().get_state()


def set_rng_state(state: dict[str, Any]) -> None:
    """Go back to a position of the default generator."""
    default_generator().set_state(state)
