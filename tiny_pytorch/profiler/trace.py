"""The Trace Event Format of Chrome, as Perfetto and speedscope read it.

Source: "Trace Event Format", https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
"""

from __future__ import annotations

import gzip
import json
import os
import threading
from typing import Any

from .events import Event

__all__ = ["write_trace"]


def write_trace(path: str | os.PathLike[str], events: list[Event], clock: str) -> None:
    """Write events as complete (``X``) events, with arrows from each op to its gradient rule."""
    pid = os.getpid()
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    lines: list[dict[str, Any]] = [{"ph": "M", "name": "process_name", "pid": pid, "args": {"name": "tiny_pytorch"}}]
    for thread in sorted({event.thread for event in events}):
        name = names.get(thread, f"thread {thread}")
        lines.append({"ph": "M", "name": "thread_name", "pid": pid, "tid": thread, "args": {"name": name}})
    for number, event in enumerate(events):
        where = {"pid": pid, "tid": event.thread}
        bar: dict[str, Any] = {"ph": "X", "name": event.name, "cat": event.kind, **where}
        bar |= {"ts": event.began / 1000, "dur": event.duration / 1000}
        if event.kind == "backward":
            bar["name"] += " backward"
        if event.kind != "range":
            bar["args"] = {"bytes": event.bytes}
            if event.shapes is not None:
                bar["args"]["input shapes"] = " ".join(map(str, event.shapes))
        lines.append(bar)
        if event.origin >= 0:
            arrow = {"name": "gradient", "cat": "gradient", "id": number}
            call = events[event.origin]
            lines.append({"ph": "s", "ts": call.began / 1000, "pid": pid, "tid": call.thread, **arrow})
            lines.append({"ph": "f", "bp": "e", "ts": event.began / 1000, **where, **arrow})
    text = json.dumps({"displayTimeUnit": "ns", "otherData": {"clock": clock}, "traceEvents": lines})
    compressed = os.fspath(path).endswith(".gz")
    with (gzip.open if compressed else open)(path, "wt", encoding="utf-8") as file:
        file.write(text)
