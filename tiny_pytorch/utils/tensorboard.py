"""A name for TensorBoard's writer, which says where to get one."""

from __future__ import annotations

from typing import Any

__all__ = ["SummaryWriter"]


class SummaryWriter:
    """TensorBoard's log files are not written here: creating one is an ImportError that names an alternative."""

    def __init__(self, log_dir: Any = None, **options: Any) -> None:
        raise ImportError(
            "tiny_pytorch writes no TensorBoard files; install tensorboardX (pip install tensorboardX) and write "
            "'from tensorboardX import SummaryWriter': add_scalar takes loss.item(), add_image and add_histogram "
            "tensor.numpy()"
        )
