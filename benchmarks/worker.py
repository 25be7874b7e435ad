"""One peer in a process of its own, which builds and times steps when it is told to.

So the threads of one library never meet those of another, and each has the machine to itself while it is timed.
"""

from __future__ import annotations

import multiprocessing
import os
import time
import traceback
from multiprocessing.connection import Connection
from typing import Any

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TINY_PYTORCH_NUM_THREADS", "NPROC")
# Steps of one network on its one batch. Much later that is memorised, and what is left of the gradients are subnormal
# numbers, which take a processor many times longer: nothing that training meets.
MOST_STEPS = 20_000
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


class Worker:
    """The near end: each call is answered by the process."""

    def __init__(self, name: str, threads: int, clock: str) -> None:
        self.name = name
        context = multiprocessing.get_context("spawn")
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))  # inherited, before a library reads them
        self.connection, far = context.Pipe()
        self.process = context.Process(target=serve, args=(far, name, threads, clock), daemon=True)
        self.process.start()
        far.close()

    def version(self) -> str:
        """The library's version; ImportError if it cannot take part."""
        return self._answer(ImportError)

    def build(self, title: str) -> float | None:
        """Make the step of a row. Its rough duration in seconds, None where the library has no such step."""
        return self._ask("build", title)

    def seconds(self, calls: int) -> float:
        """The mean of ``calls`` steps."""
        return self._ask("seconds", calls)

    def close(self) -> None:
        self.connection.close()
        self.process.join()

    def _ask(self, *request: Any) -> Any:
        self.connection.send(request)
        return self._answer(RuntimeError)

    def _answer(self, error: type[Exception]) -> Any:
        right, value = self.connection.recv()
        if not right:
            raise error(value)
        return value


def serve(connection: Connection, name: str, threads: int, clock_name: str) -> None:
    """The far end: load the peer, then do as told until the near end hangs up."""
    from workloads import ROWS, Step, peer_of

    clock, step, row, taken = CLOCKS[clock_name], Step(lambda: None), None, 0
    try:
        peer = peer_of(name, threads)
    except Exception as error:  # not installed, or not made for what else is
        connection.send((False, f"{type(error).__name__}: {error}"))
        return
    connection.send((True, peer.version))
    while True:
        try:
            request, argument = connection.recv()
        except EOFError:
            return
        try:
            if request == "build":
                step = Step(lambda: None)  # lets the previous row's arrays go first
                row, taken = ROWS[argument], 0
                built = peer.build(row)
                if built is None:
                    connection.send((True, None))
                    continue
                step = built
                step.seconds(clock, 3)
                connection.send((True, step.seconds(time.perf_counter, 1)))
            else:
                if taken > 0 and taken + argument > MOST_STEPS:
                    step, taken = peer.build(row), 0
                    step.seconds(clock, 3)
                taken += argument
                connection.send((True, step.seconds(clock, argument)))
        except Exception:
            connection.send((False, f"{name}:\n{traceback.format_exc()}"))
