"""What PyTorch's scripts ask and set of the libraries below. For where arrays live see docs/backends.md."""

from . import cuda, cudnn, mps

__all__ = ["cuda", "cudnn", "mps"]
