"""Drawing the next token from a model's logits."""

from __future__ import annotations

from .. import ops
from ..tensor import Tensor

__all__ = ["draw"]


def draw(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """A token for each row, drawn with the probabilities ``softmax(logits / temperature)``.

    Parameters
    ----------
    logits : Tensor (N, vocabulary)
    temperature : float, default 1.0
        Less than 1 makes likely tokens likelier; 0 takes the likeliest.

    Returns
    -------
    Tensor (N, 1), int64

    Raises
    ------
    ValueError
        If ``temperature`` is negative.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.models.sampling.draw(tp.tensor([[0.0, 2.0, 1.0]]), temperature=0)
    tensor([[1]])
    """
    if not temperature >= 0:
        raise ValueError(f"temperature must not be negative, got {temperature}")
    if temperature == 0:
        return logits.argmax(dim=-1, keepdim=True)
    return ops.multinomial(ops.softmax(logits / temperature, dim=-1), 1)
