"""A namespace whose new arrays are on a device that is not the library's default one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

__all__ = ["placed"]

EXTENSIONS = ("linalg", "fft")  # which need not be in dir()
CREATION = ("arange", "asarray", "empty", "eye", "full", "linspace", "ones", "zeros")


def placed(xp: Any, device: Any, array_type: type) -> ModuleType:
    """``xp`` with ``device`` as the default of its creation functions. Its arrays of that type stay where they are."""
    namespace = ModuleType(xp.__name__, xp.__doc__)
    namespace.__dict__.update({name: getattr(xp, name) for name in dir(xp) if not name.startswith("__")})
    namespace.__dict__["__array_namespace_info__"] = xp.__array_namespace_info__
    namespace.__dict__.update({name: getattr(xp, name) for name in EXTENSIONS if hasattr(xp, name)})
    for name in CREATION:
        setattr(namespace, name, _on(device, getattr(xp, name), array_type))
    return namespace


def _on(default: Any, create: Callable[..., Any], array_type: type) -> Callable[..., Any]:
    @functools.wraps(create)
    def created(*args: Any, device: Any = None, **options: Any) -> Any:
        if device is None and not (args and isinstance(args[0], array_type)):
            device = default
        return create(*args, device=device, **options)

    return created
