"""PyTorch's ``torch.utils``, as far as it is here: ``utils.data`` is ``tp.data``; ``checkpoint``, ``tensorboard``."""

from . import checkpoint, data

__all__ = ["checkpoint", "data"]
