"""A table of vectors, of which bags are summed, averaged or maximised."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .embedding import Embedding

__all__ = ["EmbeddingBag"]


class EmbeddingBag(Embedding):
    """``y[b] = the mean, sum or maximum of weight[i] over the indices i of bag b``.

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        The number and the length of the vectors.
    max_norm, norm_type, scale_grad_by_freq, sparse
        PyTorch's; anything but the defaults is refused.
    mode : {"mean", "sum", "max"}
    _weight : Tensor (num_embeddings, embedding_dim), optional
    include_last_offset : bool, default False
        Whether offsets end with the length of the line.
    padding_idx : int, optional
        An index that counts nowhere.
    device, dtype : optional

    Notes
    -----
    Called with bags as rows (B, n), or with a line (m,) and the offsets (B,) at which its bags start; optionally
    ``per_sample_weights`` of the input's shape. Output (B, embedding_dim), 0 for an empty bag.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> words = tp.nn.EmbeddingBag(10, 3, mode="sum")
    >>> words(tp.tensor([1, 2, 4, 5]), tp.tensor([0, 3])).shape
    (2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            num_embeddings,
            embedding_dim,
            padding_idx,
            max_norm,
            norm_type,
            scale_grad_by_freq,
            sparse,
            _weight,
            False,
            device,
            dtype,
        )
        if mode not in ("mean", "sum", "max"):
            raise ValueError(f"EmbeddingBag: mode must be 'mean', 'sum' or 'max', got {mode!r}")
        self.mode = mode
        self.include_last_offset = include_last_offset

    def forward(self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None) -> Tensor:
        return F.embedding_bag(
            input,
            self.weight,
            offsets,
            mode=self.mode,
            per_sample_weights=per_sample_weights,
            include_last_offset=self.include_last_offset,
            padding_idx=self.padding_idx,
        )

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}, mode={self.mode!r}{padding}"
