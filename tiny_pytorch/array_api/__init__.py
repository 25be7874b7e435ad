"""The Python array API standard 2024.12 on Tensors: exact names, signatures and results, over the package's ops.

``Tensor.__array_namespace__()`` returns this module, so that libraries written for the standard compute on
Tensors and gradients flow through them; and the reference kernels run over it, from which every op has every
order of derivative.

Not offered: gradients of complex arrays, and the extensions ``linalg`` and ``fft``.
"""

# ruff: noqa: F403  (each module's __all__ says what it offers)
from . import (
    creation,
    dtypes,
    elementwise,
    info,
    linear_algebra,
    manipulation,
    searching,
    statistical,
    utility,
)
from .creation import *
from .dtypes import *
from .elementwise import *
from .info import *
from .linear_algebra import *
from .manipulation import *
from .searching import *
from .statistical import *
from .utility import *

__array_api_version__ = "2024.12"

__all__ = [
    *creation.__all__, *dtypes.__all__, *elementwise.__all__, *info.__all__, *linear_algebra.__all__,
    *manipulation.__all__, *searching.__all__, *statistical.__all__, *utility.__all__,
    "__array_api_version__",
]  # fmt: skip
