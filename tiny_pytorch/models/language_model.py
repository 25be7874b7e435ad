"""LanguageModel: a recurrent network that reads a sequence of tokens and predicts each next one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import nn, ops
from ..autograd import no_grad
from ..tensor import Tensor
from .sampling import draw

__all__ = ["LanguageModel"]

_CELLS: dict[str, Callable[..., nn.RNNBase]] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class LanguageModel(nn.Module):
    """``logits = head(rnn(tokens(input)))``: an embedding, recurrent layers, a linear layer.

    Parameters
    ----------
    vocabulary : int
        Number of different tokens.
    embedding : int
        Features of a token.
    hidden : int
        Features of the recurrent layers' states.
    layers : int, default 1
        How many of them.
    cell : {"lstm", "gru", "rnn"}, default "lstm"
        Their kind: nn.LSTM, nn.GRU or nn.RNN.
    dropout : float, default 0.0
        Of the tokens' features, between the layers and before the head, but not from one step to the next.
    tied : bool, default False
        Whether the head's weight is the embedding's: one Parameter under two names of the state dict. ``embedding``
        must be ``hidden`` then.

    Raises
    ------
    ValueError
        For an unknown ``cell``, and for weights that are to be tied and differ in shape.

    Notes
    -----
    Input: tokens (N, T), integers below ``vocabulary``, and optionally the state that the last call returned, so that
    a text can be read in pieces; without it the state is 0. Output: logits (N, T, vocabulary) of the token that follows
    each position, and the state behind the last one: a pair (h, c) of an LSTM, h of the others, each (layers, N,
    hidden). Between two pieces call :meth:`detach`, or the gradient goes back to the beginning of the text.

    An LSTM layer from a to b features has ``4 b (a + b + 2)`` parameters (a GRU 3, an RNN 1 in place of 4), the
    embedding ``vocabulary * embedding``, the head ``vocabulary * (hidden + 1)``, or ``vocabulary`` when tied.

    Embedding and head start from U(-0.1, 0.1), the head's bias from 0.

    References
    ----------
    W. Zaremba, I. Sutskever, O. Vinyals, "Recurrent neural network regularization", 2014 (where dropout stands).

    O. Press, L. Wolf, "Using the output embedding to improve language models", 2017 (tied weights).

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> model = tp.models.LanguageModel(vocabulary=65, embedding=32, hidden=128)
    >>> logits, (h, c) = model(tp.zeros(32, 64, dtype=tp.int64))
    >>> logits.shape, h.shape
    ((32, 64, 65), (1, 32, 128))
    """

    def __init__(
        self,
        vocabulary: int,
        embedding: int,
        hidden: int,
        layers: int = 1,
        cell: str = "lstm",
        dropout: float = 0.0,
        tied: bool = False,
    ) -> None:
        super().__init__()
        if cell not in _CELLS:
            raise ValueError(f"LanguageModel: cell must be one of {', '.join(_CELLS)}, got {cell!r}")
        if tied and embedding != hidden:
            raise ValueError(
                f"LanguageModel: tied weights need the same number of features in embedding and head, got "
                f"embedding={embedding} and hidden={hidden}"
            )
        between = dropout if layers > 1 else 0.0
        self.tokens = nn.Embedding(vocabulary, embedding)
        self.dropout = nn.Dropout(dropout)
        self.rnn = _CELLS[cell](embedding, hidden, num_layers=layers, dropout=between, batch_first=True)
        self.head = nn.Linear(hidden, vocabulary)
        if tied:
            self.head.weight = self.tokens.weight
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew."""
        self.rnn.reset_parameters()
        for name, parameter in self.named_parameters():  # a tied weight comes once
            if name == "head.bias":
                nn.init.zeros_(parameter)
            elif not name.startswith("rnn."):
                nn.init.uniform_(parameter, -0.1, 0.1)

    def forward(self, input: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        output, state = self.rnn(self.dropout(self.tokens(input)), state)
        return self.head(self.dropout(output)), state

    @staticmethod
    def detach(state: Any) -> Any:
        """The same state without its history: what follows is not differentiated through what came before.

        Examples
        --------
        >>> import tiny_pytorch as tp
        >>> model = tp.models.LanguageModel(vocabulary=65, embedding=32, hidden=128)
        >>> _, state = model(tp.zeros(1, 10, dtype=tp.int64))
        >>> _, state = model(tp.zeros(1, 10, dtype=tp.int64), model.detach(state))
        """
        return state.detach() if isinstance(state, Tensor) else tuple(part.detach() for part in state)

    @no_grad()
    def generate(self, tokens: Tensor, count: int, temperature: float = 1.0) -> Tensor:
        """``tokens`` (N, T), at least one each, with ``count`` drawn ones behind them.

        Each token is read once. Dropout acts in training mode: call ``eval()`` first.

        Parameters
        ----------
        tokens : integer Tensor (N, T)
        count : int
        temperature : float, default 1.0
            What logits are divided by: less than 1 makes likely tokens likelier, 0 takes the likeliest.

        Examples
        --------
        >>> import tiny_pytorch as tp
        >>> model = tp.models.LanguageModel(vocabulary=65, embedding=32, hidden=128).eval()
        >>> model.generate(tp.zeros(1, 1, dtype=tp.int64), 20).shape
        (1, 21)
        """
        written, following, state = [tokens], tokens, None
        for _ in range(count):
            logits, state = self(following, state)
            following = draw(logits[:, -1], temperature)
            written.append(following)
        return ops.cat(written, dim=1)
