"""What registering a hook returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["RemovableHandle"]


class RemovableHandle:
    """Takes a hook away again: ``handle.remove()``, or as a context manager at its end."""

    __slots__ = ("_remove",)

    def __init__(self, remove: Callable[[], Any]):
        self._remove = remove

    def remove(self) -> None:
        """Remove the hook; a second time does nothing."""
        self._remove()

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()
