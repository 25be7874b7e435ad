"""Embedding: a table of vectors, looked up by integer."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..autograd import no_grad
from ..tensor import Tensor
from . import init
from .module import Module
from .parameter import Parameter

__all__ = ["Embedding"]


class Embedding(Module):
    """``y[...] = weight[x[...]]``.

    Parameters
    ----------
    num_embeddings : int
        How many vectors there are.
    embedding_dim : int
        Their length.
    padding_idx : int, optional
        A vector that starts at 0 and gets no gradient; negative ones count from the end.
    max_norm, norm_type, scale_grad_by_freq, sparse
        PyTorch's; anything but its defaults is refused.
    _weight : Tensor (num_embeddings, embedding_dim), optional
        The table to start with, instead of a random one.
    _freeze : bool, default False
        Whether the table is left as it is in training.
    device, dtype : optional
        Of the table; the default dtype if None.

    Attributes
    ----------
    weight : Parameter, shape (num_embeddings, embedding_dim)
        Drawn from N(0, 1).

    Notes
    -----
    Input: integers (...) from 0 to num_embeddings - 1, else an IndexError. Output (..., embedding_dim). The gradient is
    added up in one pass over the output's, duplicates included; it is as large as the table.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> words = tp.nn.Embedding(10, 3, padding_idx=0)
    >>> words(tp.tensor([[1, 2, 0]])).shape
    (1, 3, 3)
    """

    weight: Parameter

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        for name, size in (("num_embeddings", num_embeddings), ("embedding_dim", embedding_dim)):
            if size < 0:
                raise ValueError(f"Embedding: {name} must not be negative, got {size}")
        if max_norm is not None or scale_grad_by_freq:
            raise ValueError(
                "Embedding: max_norm and scale_grad_by_freq are not supported; normalise or scale explicitly, e.g. "
                "with F.normalize(layer.weight)"
            )
        if sparse:
            raise ValueError("Embedding: sparse gradients are not supported; leave sparse=False")
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise ValueError(f"Embedding: padding_idx {padding_idx} is out of range for {num_embeddings} vectors")
            padding_idx %= num_embeddings
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = padding_idx
        shape = (num_embeddings, embedding_dim)
        if _weight is None:
            self.weight = Parameter(ops.empty(shape, dtype=dtype, device=device), requires_grad=not _freeze)
            self.reset_parameters()
        else:
            if tuple(_weight.shape) != shape:
                raise ValueError(f"Embedding: expected a weight of shape {shape}, got {tuple(_weight.shape)}")
            self.weight = Parameter(_weight, requires_grad=not _freeze)

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Embedding:
        """A layer on a given table, whose memory it shares; left as it is in training unless ``freeze=False``.

        Parameters
        ----------
        embeddings : Tensor (num_embeddings, embedding_dim)
        freeze : bool, default True
        padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse
            As in the constructor.

        Examples
        --------
        >>> import tiny_pytorch as tp
        >>> layer = tp.nn.Embedding.from_pretrained(tp.tensor([[1.0, 2.0], [3.0, 4.0]]))
        >>> layer(tp.tensor(1)), layer.weight.requires_grad
        (tensor([3., 4.]), False)
        """
        if len(embeddings.shape) != 2:
            raise ValueError(f"from_pretrained: expected a table of two dimensions, got shape {embeddings.shape}")
        return cls(
            *embeddings.shape,
            padding_idx=padding_idx,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            sparse=sparse,
            _weight=embeddings,
            _freeze=freeze,
        )

    def reset_parameters(self) -> None:
        """Draw the table anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0.0

    def forward(self, input: Tensor) -> Tensor:
        return ops.embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
