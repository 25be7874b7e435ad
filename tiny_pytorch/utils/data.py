"""``tp.data`` under the name that PyTorch's scripts import."""

from ..data import *  # noqa: F403
from ..data import __all__ as __all__
