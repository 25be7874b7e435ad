"""The Transformer's encoder: attention and a small network on each position, each around a residual."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from ..tensor import Tensor
from . import functional as F
from .attention import MultiheadAttention
from .container import ModuleList
from .dropout import Dropout
from .linear import Linear
from .module import Module
from .normalization import LayerNorm

__all__ = ["TransformerEncoder", "TransformerEncoderLayer"]

ACTIVATIONS: dict[str, Callable[..., Tensor]] = {"relu": F.relu, "gelu": F.gelu}


def activation_of(name: str, activation: str | Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The function that a layer's argument ``activation`` means."""
    if not isinstance(activation, str):
        return activation
    if activation not in ACTIVATIONS:
        raise ValueError(f"{name}: activation must be 'relu', 'gelu' or a function, got {activation!r}")
    return ACTIVATIONS[activation]


class TransformerEncoderLayer(Module):
    """``x = norm1(x + attention(x))``, ``y = norm2(x + linear2(activation(linear1(x))))``.

    With ``norm_first`` instead ``x = x + attention(norm1(x))``, ``y = x + linear2(activation(linear1(norm2(x))))``.
    Dropout follows the attention, the activation and ``linear2``.

    Parameters
    ----------
    d_model : int
        Features of input and output.
    nhead : int
        Heads of the attention.
    dim_feedforward : int, default 2048
        Features between the two linear layers.
    dropout : float, default 0.1
    activation : {"relu", "gelu"} or function
    layer_norm_eps : float, default 1e-5
    batch_first : bool, default False
        Whether inputs are (N, L, d_model) rather than (L, N, d_model).
    norm_first : bool, default False
    bias : bool, default True
        Whether linear layers and norms have biases.
    device, dtype : optional
        Of the parameters; the default dtype if None.

    References
    ----------
    A. Vaswani et al., "Attention is all you need", NeurIPS 2017. ``norm_first``: R. Xiong et al., "On layer
    normalization in the Transformer architecture", ICML 2020.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> layer = tp.nn.TransformerEncoderLayer(16, nhead=4, dim_feedforward=32, batch_first=True)
    >>> layer(tp.ones(2, 5, 16)).shape
    (2, 5, 16)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable[[Tensor], Tensor] = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        made: dict[str, Any] = {"bias": bias, "device": device, "dtype": dtype}
        self.norm_first = norm_first
        self.activation = activation_of("TransformerEncoderLayer", activation)
        self.self_attn = MultiheadAttention(d_model, nhead, dropout=dropout, batch_first=batch_first, **made)
        self.linear1 = Linear(d_model, dim_feedforward, **made)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, **made)
        self.norm1 = LayerNorm(d_model, eps=layer_norm_eps, **made)
        self.norm2 = LayerNorm(d_model, eps=layer_norm_eps, **made)
        self.dropout1 = Dropout(dropout)
        self.dropout2 = Dropout(dropout)

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """One layer; masks as in :class:`MultiheadAttention`."""
        masks = (src_mask, src_key_padding_mask, is_causal)
        if self.norm_first:
            x = src + self._attend(self.norm1(src), *masks)
            return x + self._feed_forward(self.norm2(x))
        x = self.norm1(src + self._attend(src, *masks))
        return self.norm2(x + self._feed_forward(x))

    def _attend(self, x: Tensor, mask: Tensor | None, padding: Tensor | None, is_causal: bool) -> Tensor:
        attended, _ = self.self_attn(x, x, x, padding, need_weights=False, attn_mask=mask, is_causal=is_causal)
        return self.dropout1(attended)

    def _feed_forward(self, x: Tensor) -> Tensor:
        return self.dropout2(self.linear2(self.dropout(self.activation(self.linear1(x)))))


class TransformerEncoder(Module):
    """``num_layers`` copies of a layer in a row, then a norm.

    Parameters
    ----------
    encoder_layer : Module
        Copied, so all layers start with its parameters; it is itself no part of the encoder.
    num_layers : int
    norm : Module, optional
        What the output passes through.
    enable_nested_tensor, mask_check : bool
        PyTorch's, without effect.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> layer = tp.nn.TransformerEncoderLayer(16, nhead=4, batch_first=True)
    >>> tp.nn.TransformerEncoder(layer, num_layers=2)(tp.ones(2, 5, 16), is_causal=True).shape
    (2, 5, 16)
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        if num_layers < 0:
            raise ValueError(f"TransformerEncoder: num_layers must not be negative, got {num_layers}")
        self.layers = ModuleList([copy.deepcopy(encoder_layer) for _ in range(num_layers)])
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        """All layers; masks as in :class:`MultiheadAttention`."""
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask, bool(is_causal))
        return src if self.norm is None else self.norm(src)
