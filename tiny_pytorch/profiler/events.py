"""What was recorded: one event for each call of an op, each gradient rule and each range."""

from __future__ import annotations

from typing import NamedTuple

from ..autograd.recording import Recorder

__all__ = ["Event", "snapshot"]

Shapes = tuple[tuple[int, ...], ...]


class Event(NamedTuple):
    """One call.

    Attributes
    ----------
    name : str
        The op's, or the range's.
    kind : str
        ``"forward"``, ``"backward"`` (the op's gradient rule, and handing on what it returned) or ``"range"``.
    thread : int
        As ``threading.get_ident()``.
    began, ended : int
        Nanoseconds since the profile began.
    parent : int
        The place in the list of the event that it ran inside of; -1: none.
    shapes : tuple of tuples of int, or None
        The inputs' shapes, ``()`` for numbers; of a rule, those of the op that it belongs to.
    bytes : int
        What the results take: new memory, so that a view takes none.
    origin : int
        Of a rule, the place of its op's call; -1: none, or it ran before the profile.
    """

    name: str
    kind: str
    thread: int
    began: int
    ended: int
    parent: int
    shapes: Shapes | None
    bytes: int
    origin: int

    @property
    def duration(self) -> int:
        """Nanoseconds from its beginning to its end, with everything that ran inside of it."""
        return self.ended - self.began


def snapshot(recorder: Recorder, first: int, epoch: int) -> list[Event]:
    """The events from number ``first`` on, their times counted from ``epoch``."""
    calls: dict[int, int] = {}  # the number of a graph's node -> the place of the call that made it
    events: list[Event] = []
    for i, (name, kind, thread, began, ended, parent, shapes, size, sequence) in enumerate(recorder.events(first)):
        origin = calls.get(sequence, -1) if kind == "backward" else -1
        if kind == "forward" and sequence:
            calls[sequence] = i
        if origin >= 0:
            shapes = events[origin].shapes
        events.append(Event(name, kind, thread, began - epoch, ended - epoch, parent, shapes, size, origin))
    return events
