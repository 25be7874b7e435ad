"""MLP: fully connected layers with an activation between them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from .. import nn

__all__ = ["MLP"]


class MLP(nn.Sequential):
    """``y = W_n act(... act(W_1 x + b_1) ...) + b_n``.

    Parameters
    ----------
    sizes : sequence of ints
        Features of the input, of each hidden layer, and of the output.
    activation : callable, default nn.ReLU
        Makes the module that stands between two layers.
    dropout : float, default 0.0
        Probability of a hidden unit to be dropped in training.

    Raises
    ------
    ValueError
        For fewer than two sizes.

    Notes
    -----
    Input (..., sizes[0]), output (..., sizes[-1]). A layer from a to b features has ``b (a + 1)`` parameters.

    References
    ----------
    D. E. Rumelhart, G. E. Hinton, R. J. Williams, "Learning representations by back-propagating errors", Nature 323
    (1986).

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.models.MLP([64, 32, 10])
    MLP(
      (0): Linear(in_features=64, out_features=32, bias=True)
      (1): ReLU()
      (2): Linear(in_features=32, out_features=10, bias=True)
    )
    """

    def __init__(
        self, sizes: Sequence[int], activation: Callable[[], nn.Module] = nn.ReLU, dropout: float = 0.0
    ) -> None:
        if len(sizes) < 2:
            raise ValueError(
                f"MLP: sizes are those of input, hidden layers and output, at least two; got {list(sizes)}"
            )
        layers: list[nn.Module] = []
        for n_in, n_out in itertools.pairwise(sizes):
            layers += [nn.Linear(n_in, n_out), activation()]
            if dropout:
                layers.append(nn.Dropout(dropout))
        super().__init__(*layers[: -2 if dropout else -1])
