"""PyTorch's switch that looks for NaN in gradients."""

from __future__ import annotations

import warnings
from typing import Any

__all__ = ["detect_anomaly", "set_detect_anomaly"]


class set_detect_anomaly:
    """Accepted because PyTorch's scripts have it; switching it on warns that gradients are not searched for NaN.

    Errors name the operation that failed in any case. To find a NaN, ``tensor.register_hook`` shows a gradient, and
    ``tp.profiler`` lists the operations of a backward pass.

    Parameters
    ----------
    mode : bool
    check_nan : bool, default True

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> with tp.autograd.set_detect_anomaly(False):
    ...     pass
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        if mode:
            warnings.warn(
                "anomaly detection is not available: gradients are not searched for NaN; register_hook on tensors "
                "shows their gradients",
                UserWarning,
                stacklevel=2 if type(self) is set_detect_anomaly else 3,
            )

    def __enter__(self) -> None:
        return None

    def __exit__(self, *error: Any) -> None:
        return None


class detect_anomaly(set_detect_anomaly):
    """``set_detect_anomaly(True)`` as PyTorch's context manager."""

    def __init__(self, check_nan: bool = True) -> None:
        super().__init__(True, check_nan)
