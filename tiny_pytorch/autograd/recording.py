"""Who is told when each operation began and ended: what ``tiny_pytorch.profiler`` stands on."""

from .._ext.engine import Recorder, record_to, recording

__all__ = ["Recorder", "record_to", "recording"]
