"""PyTorch's ``torch.utils``, as far as it is here: ``utils.data`` is ``tp.data``."""

from . import data

__all__ = ["data"]
