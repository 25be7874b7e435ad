"""Multi-head attention: several attentions side by side, each on its own projection of the features."""

from __future__ import annotations

import math
from typing import Any

from .. import ops
from ..ops.operands import shape_of
from ..tensor import Tensor
from . import functional as F
from . import init
from .linear import Linear
from .module import Module
from .parameter import Parameter

__all__ = ["MultiheadAttention"]


class MultiheadAttention(Module):
    """``y = concat(head_1, ..., head_h) @ W_o.T + b_o`` with ``head_i = attention(q W_i.T, k W_i.T, v W_i.T)``.

    Parameters
    ----------
    embed_dim : int
        Features of the query and of the output; cut into ``num_heads`` parts.
    num_heads : int
    dropout : float, default 0.0
        Probability of an attention weight to be dropped in training.
    bias : bool, default True
        Whether the projections have biases.
    add_bias_kv, add_zero_attn : bool
        PyTorch's; True is refused.
    kdim, vdim : int, optional
        Features of keys and values, ``embed_dim`` if None.
    batch_first : bool, default False
        Whether inputs are (N, L, E) rather than (L, N, E).
    device, dtype : optional
        Of the parameters; the default dtype if None.

    Attributes
    ----------
    in_proj_weight : Parameter, shape (3 * embed_dim, embed_dim)
        Or, where keys or values have other features, ``q_proj_weight`` (embed_dim, embed_dim), ``k_proj_weight``
        (embed_dim, kdim) and ``v_proj_weight`` (embed_dim, vdim). By Xavier's uniform rule.
    in_proj_bias : Parameter of shape (3 * embed_dim,), or None
        At first 0.
    out_proj : Linear
        Its bias is 0 at first.

    References
    ----------
    A. Vaswani et al., "Attention is all you need", NeurIPS 2017.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> attention = tp.nn.MultiheadAttention(8, 2, batch_first=True)
    >>> x = tp.ones(3, 5, 8)
    >>> y, weights = attention(x, x, x)
    >>> y.shape, weights.shape
    ((3, 5, 8), (3, 5, 5))
    """

    in_proj_weight: Parameter | None
    q_proj_weight: Parameter | None
    k_proj_weight: Parameter | None
    v_proj_weight: Parameter | None
    in_proj_bias: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if embed_dim < 1 or num_heads < 1 or embed_dim % num_heads:
            raise ValueError(
                f"MultiheadAttention: num_heads must divide embed_dim, both at least 1; got {num_heads} and {embed_dim}"
            )
        if not 0.0 <= dropout <= 1.0:
            raise ValueError(f"MultiheadAttention: dropout is a probability, 0 to 1, got {dropout}")
        if add_bias_kv or add_zero_attn:
            raise ValueError(
                "MultiheadAttention: add_bias_kv and add_zero_attn are not supported; append a row to key and value"
            )
        self.embed_dim = embed_dim
        self.num_heads = num_heads
        self.head_dim = embed_dim // num_heads
        self.dropout = dropout
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.batch_first = batch_first
        packed = self.kdim == self.vdim == embed_dim
        shapes = {
            "in_proj_weight": (3 * embed_dim, embed_dim) if packed else None,
            "q_proj_weight": None if packed else (embed_dim, embed_dim),
            "k_proj_weight": None if packed else (embed_dim, self.kdim),
            "v_proj_weight": None if packed else (embed_dim, self.vdim),
            "in_proj_bias": (3 * embed_dim,) if bias else None,
        }
        for name, shape in shapes.items():
            made = None if shape is None else Parameter(ops.empty(shape, dtype=dtype, device=device))
            self.register_parameter(name, made)
        self.out_proj = Linear(embed_dim, embed_dim, bias=bias, device=device, dtype=dtype)
        self._reset_projections()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        self.out_proj.reset_parameters()
        self._reset_projections()

    def _reset_projections(self) -> None:
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None and self.out_proj.bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """The attended values, and the weights if ``need_weights``. Without them it is much faster.

        Parameters
        ----------
        query : Tensor (L, N, embed_dim), with ``batch_first`` (N, L, embed_dim), or unbatched (L, embed_dim)
        key, value : Tensor (S, N, kdim) and (S, N, vdim), or as above
        key_padding_mask : Tensor (N, S), optional
            True at keys that nobody sees (the opposite of F.scaled_dot_product_attention), or numbers that are added.
        need_weights : bool, default True
        attn_mask : Tensor (L, S) or (N * num_heads, L, S), optional
            True where a query must not see a key, or numbers that are added to the scores.
        average_attn_weights : bool, default True
            Weights (N, L, S), the mean of all heads; else (N, num_heads, L, S).
        is_causal : bool, default False
            Query i sees the keys up to i. If a mask is given too, it says that the mask is that one.
        """
        batched = len(shape_of("MultiheadAttention", query)) == 3
        query, key, value = self._batch_first(query, key, value, batched)
        n, length, _ = query.shape
        keys = key.shape[1]
        causal = is_causal and key_padding_mask is None and not need_weights
        mask = None if causal else self._mask(attn_mask, key_padding_mask, is_causal, (n, length, keys), query)
        p = self.dropout if self.training else 0.0
        weights = None
        if query is key is value and self.in_proj_weight is not None and not need_weights:
            packed = F.linear(query, self.in_proj_weight, self.in_proj_bias)
            attended = F.packed_attention(packed, self.num_heads, mask, p, causal)
        else:
            q, k, v = (
                x.reshape(n, x.shape[1], self.num_heads, self.head_dim).transpose(1, 2)
                for x in self._project(query, key, value)
            )
            if need_weights:
                attended, weights = self._with_weights(q, k, v, mask, p)
            else:
                attended = F.scaled_dot_product_attention(q, k, v, mask, p, causal)
            attended = attended.transpose(1, 2).reshape(n, length, self.embed_dim)
        output = self.out_proj(attended)
        if weights is not None and average_attn_weights:
            weights = weights.mean(dim=1)
        if not batched:
            return output[0], None if weights is None else weights[0]
        return output if self.batch_first else output.transpose(0, 1), weights

    def _batch_first(self, query: Tensor, key: Tensor, value: Tensor, batched: bool) -> tuple[Tensor, Tensor, Tensor]:
        """The inputs as (N, L, features); what is one tensor stays one."""
        usual = query is key is value and batched and self.batch_first
        if usual and query.shape[-1] == self.embed_dim == self.kdim == self.vdim:
            return query, key, value
        shapes = [tuple(x.shape) for x in (query, key, value)]
        axis = 0 if self.batch_first or not batched else 1
        fits = (
            all(len(s) == (3 if batched else 2) for s in shapes)
            and [s[-1] for s in shapes] == [self.embed_dim, self.kdim, self.vdim]
            and shapes[1][:-1] == shapes[2][:-1]
            and (not batched or shapes[0][axis] == shapes[1][axis])
        )
        if not fits:
            layout = "(N, L, E)" if self.batch_first else "(L, N, E)"
            raise RuntimeError(
                f"MultiheadAttention: got query, key and value of shapes {shapes}; expected {layout}, or (L, E), with "
                f"{self.embed_dim}, {self.kdim} and {self.vdim} features, and as many keys as values"
            )
        moved: dict[int, Tensor] = {}
        for x in (query, key, value):
            if id(x) not in moved:
                moved[id(x)] = x.unsqueeze(0) if not batched else x if self.batch_first else x.transpose(0, 1)
        return moved[id(query)], moved[id(key)], moved[id(value)]

    def _project(self, query: Tensor, key: Tensor, value: Tensor) -> list[Tensor]:
        weight, bias = self.in_proj_weight, self.in_proj_bias
        if weight is not None and query is key is value:
            return list(F.linear(query, weight, bias).chunk(3, -1))
        biases = [None] * 3 if bias is None else bias.chunk(3)
        if weight is None:
            weights = [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]
        else:
            weights = list(weight.chunk(3))
        return [F.linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True)]

    def _mask(
        self,
        attn_mask: Tensor | None,
        padding: Tensor | None,
        is_causal: bool,
        sizes: tuple[int, int, int],
        query: Tensor,
    ) -> Tensor | None:
        """Both masks as one for F.scaled_dot_product_attention, which broadcasts to (N, heads, L, S)."""
        n, length, keys = sizes
        if attn_mask is None and is_causal:
            attn_mask = ops.arange(length, device=query.device).unsqueeze(1) < ops.arange(keys, device=query.device)
        masks = []
        if attn_mask is not None:
            if attn_mask.shape == (n * self.num_heads, length, keys):
                attn_mask = attn_mask.reshape(n, self.num_heads, length, keys)
            elif attn_mask.shape != (length, keys):
                raise RuntimeError(
                    f"MultiheadAttention: attn_mask has shape {attn_mask.shape}; expected {(length, keys)} or "
                    f"{(n * self.num_heads, length, keys)}"
                )
            masks.append(attn_mask)
        if padding is not None:
            if padding.shape not in ((n, keys), (keys,)):
                raise RuntimeError(
                    f"MultiheadAttention: key_padding_mask has shape {padding.shape}; expected {(n, keys)}"
                )
            masks.append(padding.reshape(-1, 1, 1, keys))
        if not masks:
            return None
        if all(m.dtype.kind == "bool" for m in masks):
            return ops.logical_not(masks[0] if len(masks) == 1 else ops.logical_or(*masks))
        zero = ops.zeros((), dtype=query.dtype, device=query.device)
        added = [ops.where(m, -math.inf, zero) if m.dtype.kind == "bool" else m for m in masks]
        return added[0] if len(added) == 1 else added[0] + added[1]

    def _with_weights(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, p: float) -> tuple[Tensor, Tensor]:
        scores = (q * (1.0 / math.sqrt(self.head_dim))) @ k.transpose(-2, -1)
        if mask is not None:
            scores = ops.where(mask, scores, -math.inf) if mask.dtype.kind == "bool" else scores + mask
        weights = F.dropout(F.softmax(scores, dim=-1), p)
        return weights @ v, weights
