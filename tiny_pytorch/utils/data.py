"""``tp.data`` under the name that PyTorch's scripts import."""

from ..data import *
from ..data import __all__
