"""GPT: a Transformer that reads a sequence of tokens and predicts each next one."""

from __future__ import annotations

from .. import nn, ops
from ..autograd import no_grad
from ..tensor import Tensor
from .sampling import draw

__all__ = ["GPT"]


class Block(nn.Module):
    """``x = x + attention(norm1(x))``, then ``x = x + contract(gelu(expand(norm2(x))))``."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, dropout=dropout, batch_first=True)
        self.norm2 = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 4 * width)
        self.gelu = nn.GELU()
        self.contract = nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(N, T, width) to (N, T, width); position t sees the positions up to t."""
        h = self.norm1(x)
        attended, _ = self.attention(h, h, h, need_weights=False, is_causal=True)
        x = x + self.dropout(attended)
        return x + self.dropout(self.contract(self.gelu(self.expand(self.norm2(x)))))


class GPT(nn.Module):
    """``logits = head(norm(block_n(... block_1(tokens + positions))))``.

    Parameters
    ----------
    vocabulary : int
        Number of different tokens.
    width : int
        Features of each position.
    layers, heads : int
        Blocks, and heads of attention in each.
    context : int
        The longest sequence that can be read.
    dropout : float, default 0.0
        In the blocks and after the embeddings.

    Raises
    ------
    ValueError
        If ``heads`` does not divide ``width``; by ``forward``, for a sequence longer than ``context``.

    Notes
    -----
    Input: tokens (N, T), integers below ``vocabulary``, ``T <= context``. Output: logits (N, T, vocabulary) of the
    token that follows each position.

    A block has ``12 width^2 + 13 width`` parameters; to them come the embeddings, ``(vocabulary + context) width``,
    the last normalisation, ``2 width``, and the head, ``vocabulary width``.

    Weights start from N(0, 0.02^2), those that write into the residual stream smaller by ``sqrt(2 * layers)``; biases
    start at 0.

    References
    ----------
    A. Radford, J. Wu, R. Child, D. Luan, D. Amodei, I. Sutskever, "Language models are unsupervised multitask
    learners", 2019.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> model = tp.models.GPT(vocabulary=65, width=32, layers=2, heads=4, context=16)
    >>> model(tp.zeros(8, 16, dtype=tp.int64)).shape
    (8, 16, 65)
    """

    def __init__(
        self, vocabulary: int, width: int, layers: int, heads: int, context: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.context = context
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(context, width)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.Sequential(*[Block(width, heads, dropout) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        residual = 0.02 / (2 * max(len(self.blocks), 1)) ** 0.5
        for name, parameter in self.named_parameters():
            if "norm" in name:
                continue
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            else:
                writes = name.endswith(("out_proj.weight", "contract.weight"))
                nn.init.normal_(parameter, std=residual if writes else 0.02)

    def forward(self, input: Tensor) -> Tensor:
        length = input.shape[1]
        if length > self.context:
            raise ValueError(f"GPT: got a sequence of {length} tokens; it reads at most context={self.context}")
        x = self.dropout(self.tokens(input) + self.positions.weight[:length])
        return self.head(self.norm(self.blocks(x)))

    @no_grad()
    def generate(self, tokens: Tensor, count: int, temperature: float = 1.0) -> Tensor:
        """``tokens`` (N, T), at least one each, with ``count`` drawn ones behind them.

        The last ``context`` tokens are read for each. Dropout acts in training mode: call ``eval()`` first.

        Parameters
        ----------
        tokens : integer Tensor (N, T)
        count : int
        temperature : float, default 1.0
            What logits are divided by: less than 1 makes likely tokens likelier, 0 takes the likeliest.

        Examples
        --------
        >>> import tiny_pytorch as tp
        >>> model = tp.models.GPT(vocabulary=65, width=32, layers=2, heads=4, context=16).eval()
        >>> model.generate(tp.zeros(1, 1, dtype=tp.int64), 20).shape
        (1, 21)
        """
        for _ in range(count):
            logits = self(tokens[:, -self.context :])
            tokens = ops.cat([tokens, draw(logits[:, -1], temperature)], dim=1)
        return tokens
