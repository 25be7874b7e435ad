"""The table of kernels: every reference kernel bound to a namespace, with a backend's own versions in their place."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from . import reference

__all__ = ["Kernels", "reference_kernels"]


@functools.cache
def reference_kernels() -> dict[str, Any]:
    """Every public function of the reference modules, by name. Its first parameter is the namespace."""
    found: dict[str, Any] = {}
    for module in reference.FAMILIES:
        for name in module.__all__:
            function = getattr(module, name)
            if name in found:
                raise RuntimeError(f"two reference kernels are named {name}")
            found[name] = function
    return found


class Kernels:
    """One backend's kernels as attributes: ``k.linear(x, weight, bias)``, and its namespace as ``k.xp``.

    Parameters
    ----------
    xp : namespace
        An array-API namespace.
    """

    def __init__(self, xp: Any):
        self.xp = xp
        for name, function in reference_kernels().items():
            setattr(self, name, functools.partial(function, xp))

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def override(self, name: str, function: Any) -> None:
        """Put a backend's own kernel in the reference's place. It has the same parameters, less the namespace.

        Raises
        ------
        TypeError
            If the reference has no kernel of that name.
        """
        if name not in reference_kernels():
            raise TypeError(f"kernel {name}: the reference has none of that name; write it in backend/reference/ first")
        setattr(self, name, function)
