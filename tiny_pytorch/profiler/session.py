"""The context manager that records."""

from __future__ import annotations

import math
import os
import threading
import time
from typing import Any

from .. import backend
from ..autograd.recording import Recorder, record_to
from ..backend.dtypes import as_dtype
from .averages import Averages
from .events import Event, snapshot
from .ranges import Instruments
from .trace import write_trace

__all__ = ["profile"]


class _Session:
    """What the open profiles share: one recorder, and the methods that were replaced."""

    def __init__(self, settings: dict[str, bool]) -> None:
        self.settings = settings
        self.wait = backend.current().synchronize
        self.recorder = Recorder(
            settings["record_shapes"],
            _bytes_of if settings["profile_memory"] else None,
            self.wait if settings["synchronize"] else None,
        )
        self.users = 0

    def join(self) -> None:
        if self.users == 0:
            self.instruments = Instruments(self.settings["with_modules"])
            record_to(self.recorder)
        self.users += 1

    def leave(self) -> None:
        self.users -= 1
        if self.users == 0:
            record_to(None)
            self.instruments.remove()

    @property
    def clock(self) -> str:
        """What the times are times of."""
        if self.wait is None:
            return "every call computes before it returns"
        if self.settings["synchronize"]:
            return "synchronised: each call waits for the device"
        return "LAUNCH TIMES: calls only queue work for the device (synchronize=False)"


_lock = threading.Lock()
_session: _Session | None = None


class profile:
    """Record every op, its gradient rule, optimizer steps, batches of loaders and named ranges, while it is open.

    Everything is recorded that this process computes meanwhile, in whichever thread. Profiles may be nested or overlap;
    each sees what happened while it was open. However the block is left, everything is as it was before.

    An op's time is that of its whole call: checks, the kernel, the graph's node; a rule's, also of summing
    what it returned into the gradients. Recording adds half a microsecond to each call, which falls outside
    of the op itself.

    Parameters
    ----------
    record_shapes : bool, default True
        Note the inputs' shapes.
    profile_memory : bool, default True
        Note the bytes of new memory that results take.
    with_modules : bool, default False
        Make each call of a module a range too.
    synchronize : bool, default True
        Where calls only queue work (a GPU), wait for the device before and after each op, so that its time is that
        of the work; what would have overlapped then does not. False gives the times of the launches, and the table says
        so. CUDA graphs cannot be recorded meanwhile; replays are not seen by the engine, give them a name with
        :class:`record_function`.

    Raises
    ------
    RuntimeError
        When entered, if it is open already, or if another one is open that does not record what this one wants.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> model = tp.nn.Linear(3, 2)
    >>> with tp.profiler.profile() as prof:
    ...     model(tp.ones(4, 3)).sum().backward()
    >>> [(row.name, row.calls, row.backward_calls, row.shapes) for row in prof.key_averages() if row.name == "linear"]
    [('linear', 1, 1, (((4, 3), (2, 3), (2,)),))]
    >>> print(prof)  # doctest: +ELLIPSIS
    op  calls  forward  backward  self  share  bytes  input shapes
    ...
    """

    def __init__(
        self,
        *,
        record_shapes: bool = True,
        profile_memory: bool = True,
        with_modules: bool = False,
        synchronize: bool = True,
    ) -> None:
        self._settings = {
            "record_shapes": bool(record_shapes),
            "profile_memory": bool(profile_memory),
            "with_modules": bool(with_modules),
            "synchronize": bool(synchronize),
        }
        self._session: _Session | None = None
        self._events: list[Event] = []
        self._clock = ""
        self._first = self._epoch = 0

    def start(self) -> None:
        """Begin to record; what the same object recorded before is forgotten."""
        global _session
        if self._session is not None:
            raise RuntimeError("profile: it is open already; make another one")
        with _lock:
            session = _session if _session is not None and _session.users else _Session(self._settings)
            for name, value in self._settings.items():
                has = session.settings[name]
                if value != has and (value or name == "synchronize"):
                    raise RuntimeError(
                        f"profile: {name}={value}, but the profile that is open already has {name}={has}, and there is "
                        "one clock for all; give both the same"
                    )
            session.join()
            _session = self._session = session
        self._events, self._clock = [], session.clock
        self._first, self._epoch = len(session.recorder), time.perf_counter_ns()

    def stop(self) -> None:
        """End recording."""
        if self._session is None:
            raise RuntimeError("profile: it is not open")
        self._events = self.events()
        with _lock:
            self._session.leave()
        self._session = None

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def events(self) -> list[Event]:
        """What was recorded, in the order of beginning; while open, what was recorded so far."""
        if self._session is None:
            return self._events
        return snapshot(self._session.recorder, self._first, self._epoch)

    def key_averages(self, group_by_input_shape: bool = False) -> Averages:
        """The events added up, a row for each name.

        Parameters
        ----------
        group_by_input_shape : bool, default False
            A row for each name and shapes of the inputs.

        Returns
        -------
        Averages
            A list of :class:`Row`, with a method ``table``.
        """
        if group_by_input_shape and not self._settings["record_shapes"]:
            raise ValueError("key_averages: to group by shapes, profile with record_shapes=True")
        shown = [name for name in ("record_shapes", "profile_memory") if self._settings[name]]
        return Averages(self.events(), group_by_input_shape, shown, self._clock)

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write the events in the Trace Event Format, for https://ui.perfetto.dev, speedscope or chrome://tracing.

        Parameters
        ----------
        path : str or path
            Compressed if it ends in ``.gz``.
        """
        write_trace(path, self.events(), self._clock)

    def __str__(self) -> str:
        return self.key_averages().table()


def _bytes_of(array: Any) -> int:
    return math.prod(array.shape) * as_dtype(array.dtype).itemsize
