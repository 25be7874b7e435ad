"""Recording a stretch of work as a CUDA graph, and replaying it.

What is recorded are launches with the addresses that they had. So all memory that is taken while recording comes from a
pool of its own, which lives as long as the graph: nothing else is ever put there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import cupy

from . import faults

__all__ = ["Captured", "capture", "refuse_while_capturing", "warm_up"]

_capturing = False


class NotCapturable(RuntimeError):
    """What the recorded work did cannot be part of a graph."""


def refuse_while_capturing(what: str) -> None:
    """Raise if a graph is being recorded: ``what`` would happen once, now, and not at each replay."""
    if _capturing:
        raise NotCapturable(what)


class Captured:
    """A recorded graph. Its memory is that of the pool, and of the arrays that the work returned."""

    def __init__(self, graph: Any, pool: Any):
        self._graph = graph
        self._pool = pool

    def replay(self) -> None:
        """Queue the recorded work on the current stream."""
        faults.check()
        self._graph.launch(stream=cupy.cuda.get_current_stream())


@contextlib.contextmanager
def _side_stream(stream: Any) -> Iterator[None]:
    """Work goes to ``stream``, after what is queued already; what is queued later waits for it."""
    outer = cupy.cuda.get_current_stream()
    stream.wait_event(outer.record())
    with stream:
        yield
    outer.wait_event(stream.record())


def warm_up(work: Callable[[], Any], stream: Any) -> Any:
    """Do the work on ``stream``: libraries make their handles and workspaces, kernels are compiled."""
    with _side_stream(stream):
        return work()


def capture(work: Callable[[], Any], stream: Any) -> tuple[Captured, Any]:
    """Record the work, without doing it; also what it returned: arrays that each replay fills.

    Raises
    ------
    RuntimeError
        If something in it cannot be recorded; the message says what.
    """
    global _capturing
    pool = cupy.cuda.MemoryPool()
    with _side_stream(stream), cupy.cuda.using_allocator(pool.malloc):
        stream.begin_capture()
        _capturing = True
        try:
            result = work()
        except BaseException as error:
            with contextlib.suppress(cupy.cuda.runtime.CUDARuntimeError):
                stream.end_capture()
            raise _explained(error) from error
        finally:
            _capturing = False
        graph = stream.end_capture()
    return Captured(graph, pool), result


def _explained(error: BaseException) -> BaseException:
    """The error of a failed recording with its reason, if that is one of recording."""
    if isinstance(error, NotCapturable):
        reason = str(error)
    elif isinstance(error, cupy.cuda.runtime.CUDARuntimeError) or "captur" in str(error):
        reason = (
            f"CUDA refused an operation ({error}). The host may not wait for the device there: no .item(), float(), "
            "bool(), print or .numpy() of a tensor, no boolean mask, no nonzero() or unique()"
        )
    else:
        return error
    return RuntimeError(f"the step cannot be captured as a CUDA graph: {reason}. Nothing of it was computed")
