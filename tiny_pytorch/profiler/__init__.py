"""Where the time goes: each op's forward and backward, calls, shapes and bytes, as a table or as a Chrome trace.

    with tp.profiler.profile() as prof:
        train()
    print(prof)
    prof.export_chrome_trace("trace.json")  # for https://ui.perfetto.dev, speedscope or chrome://tracing

The clock itself is compiled (``_ext/profile.pxi``); while nobody profiles, an op pays for one comparison.
"""

from .averages import Averages, Row
from .events import Event
from .ranges import record_function
from .session import profile

__all__ = ["Averages", "Event", "Row", "profile", "record_function"]
