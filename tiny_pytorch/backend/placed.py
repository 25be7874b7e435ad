"""A namespace whose new arrays are on a device that is not the library's default one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

__all__ = ["placed"]

CREATION = ("arange", "asarray", "empty", "eye", "full", "linspace", "ones", "zeros")


def placed(xp: Any, device: Any) -> ModuleType:
    """``xp`` with ``device`` as the default of its creation functions. An array that exists stays where it is."""
    namespace = ModuleType(xp.__name__, xp.__doc__)
    namespace.__dict__.update({name: getattr(xp, name) for name in dir(xp) if not name.startswith("__")})
    namespace.__dict__["__array_namespace_info__"] = xp.__array_namespace_info__
    for name in CREATION:
        setattr(namespace, name, _on(device, getattr(xp, name)))
    return namespace


def _on(default: Any, create: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(create)
    def created(*args: Any, device: Any = None, **options: Any) -> Any:
        if device is None and not hasattr(args[0], "device"):
            device = default
        return create(*args, device=device, **options)

    return created
