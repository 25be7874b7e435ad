"""Events added up, a row for each op or range."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from .events import Event, Shapes

__all__ = ["Averages", "Row"]

# What a table can be sorted by: PyTorch's names first, and this package's.
ORDERS = (
    "self_cpu_time_total", "cpu_time_total", "cpu_memory_usage", "count",
    "forward", "backward", "bytes", "calls", "backward_calls",
)  # fmt: skip


@dataclass
class Row:
    """All calls of one op or range. Times are in microseconds.

    Attributes
    ----------
    name : str
    is_op : bool
        Whether it is an op; else a range.
    calls, backward_calls : int
        How often it ran, and how often its gradient rule did.
    forward, backward : float
        Total times: with what ran inside. A call inside a call of the same row counts once.
    self_forward, self_backward : float
        Without what ran inside.
    total : float
        Forward and backward; a call inside its own rule (of a higher derivative) counts once.
    bytes : int
        New memory that results and gradients took.
    """

    name: str
    is_op: bool
    calls: int = 0
    backward_calls: int = 0
    forward: float = 0.0
    backward: float = 0.0
    self_forward: float = 0.0
    self_backward: float = 0.0
    total: float = 0.0
    bytes: int = 0
    _shapes: Counter[Shapes] = field(default_factory=Counter, repr=False)

    @property
    def shapes(self) -> tuple[Shapes, ...]:
        """The inputs' shapes that occurred, the most frequent first."""
        return tuple(shapes for shapes, _ in self._shapes.most_common())

    @property
    def key(self) -> str:
        """PyTorch's word for ``name``."""
        return self.name

    @property
    def count(self) -> int:
        """PyTorch's word for ``calls``; of a rule whose op ran before the profile, its own."""
        return self.calls or self.backward_calls

    @property
    def cpu_time_total(self) -> float:
        """PyTorch's word for ``total``."""
        return self.total

    @property
    def self_cpu_time_total(self) -> float:
        """Forward and backward, without what ran inside."""
        return self.self_forward + self.self_backward

    @property
    def cpu_memory_usage(self) -> int:
        """PyTorch's word for ``bytes``."""
        return self.bytes


class Averages(list[Row]):
    """The rows of a profile, in the order in which they first ran. Made by ``profile.key_averages``."""

    def __init__(self, events: list[Event], by_shape: bool, shown: Iterable[str], clock: str) -> None:
        super().__init__()
        self._shown = set(shown)
        self._clock = clock
        self._span = max((e.ended for e in events), default=0) - min((e.began for e in events), default=0)
        keys = [(e.name, e.kind == "range", e.shapes if by_shape else None) for e in events]
        inside = [0] * len(events)
        for event in events:
            if event.parent >= 0:
                inside[event.parent] += event.duration
        rows: dict[object, Row] = {}
        for i, event in enumerate(events):
            row = rows.setdefault(keys[i], Row(event.name, event.kind != "range"))
            around = _ancestors(events, i)
            same = {events[j].kind for j in around if keys[j] == keys[i]}
            total, own = event.duration / 1000, (event.duration - inside[i]) / 1000
            row.total += 0.0 if same else total
            row.bytes += event.bytes
            if event.shapes is not None:
                row._shapes[event.shapes] += 1
            if event.kind == "backward":
                row.backward_calls += 1
                row.self_backward += own
                row.backward += 0.0 if "backward" in same else total
            else:
                row.calls += 1
                row.self_forward += own
                row.forward += 0.0 if event.kind in same else total
        self.extend(rows.values())

    def table(self, sort_by: str | None = "self_cpu_time_total", row_limit: int = 100) -> str:
        """The rows as text.

        ``self`` is the time of a row without what ran inside it, forward and backward, and ``share`` its part of the
        sum over all rows; ``forward`` and ``backward`` are with what ran inside.

        Parameters
        ----------
        sort_by : str or None
            ``"self_cpu_time_total"`` (the default), ``"cpu_time_total"``, ``"cpu_memory_usage"``, ``"count"``,
            ``"forward"``, ``"backward"``, ``"bytes"``, ``"calls"`` or ``"backward_calls"``; None: as they first ran.
        row_limit : int, default 100
            How many rows; -1: all.

        Raises
        ------
        ValueError
            If ``sort_by`` is none of these.
        """
        if sort_by is not None and sort_by not in ORDERS:
            raise ValueError(f"table: cannot sort by {sort_by!r}; expected None or one of {', '.join(ORDERS)}")
        rows = list(self) if sort_by is None else sorted(self, key=lambda row: -getattr(row, sort_by))
        shown = rows if row_limit < 0 else rows[:row_limit]
        everything = sum(row.self_cpu_time_total for row in self)
        head = ["op", "calls", "forward", "backward", "self", "share"]
        cells = [_cells(row, everything) for row in shown]
        if "profile_memory" in self._shown:
            head.append("bytes")
            cells = [[*line, _bytes(row.bytes)] for line, row in zip(cells, shown, strict=True)]
        if "record_shapes" in self._shown:
            head.append("input shapes")
            cells = [[*line, _shapes(row)] for line, row in zip(cells, shown, strict=True)]
        text = _aligned([head, *cells])
        if len(shown) < len(rows):
            text.append(f"... and {len(rows) - len(shown)} more rows")
        text.append(f"{_time(everything)} in the rows, {_time(self._span / 1000)} from first to last; {self._clock}")
        return "\n".join(text)


def _ancestors(events: list[Event], i: int) -> list[int]:
    """The places of the events that one ran inside of."""
    found = []
    while (i := events[i].parent) >= 0:
        found.append(i)
    return found


def _cells(row: Row, everything: float) -> list[str]:
    own = row.self_cpu_time_total
    return [
        row.name,
        str(row.count),
        _time(row.forward) if row.calls else "",
        _time(row.backward) if row.backward_calls else "",
        _time(own),
        f"{own / everything:.1%}" if everything else "",
    ]


def _time(microseconds: float) -> str:
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if microseconds >= size:
            return f"{microseconds / size:.3f} {unit}"
    return f"{microseconds:.3f} µs"


def _bytes(n: int) -> str:
    size, unit = float(n), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return "" if n == 0 else f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"


def _shapes(row: Row) -> str:
    """The most frequent shapes, and how many others there were."""
    if not row.shapes:
        return ""
    text = " ".join(map(str, row.shapes[0]))
    text = text if len(text) <= 60 else text[:57] + "..."
    return text if len(row.shapes) == 1 else f"{text}  (+{len(row.shapes) - 1} others)"


def _aligned(lines: list[list[str]]) -> list[str]:
    """Names and shapes to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    last = len(widths) - 1 if lines[0][-1] == "input shapes" else -1
    text = [
        "  ".join(
            c.ljust(w) if i in (0, last) else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    return [line.rstrip() for line in (text[0], "-" * len(text[0].rstrip()), *text[1:])]
