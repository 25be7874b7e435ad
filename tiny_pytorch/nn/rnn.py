"""Recurrent layers: RNN, LSTM and GRU over whole sequences."""

from __future__ import annotations

import math
import warnings
from typing import Any

from .. import ops
from ..ops.operands import shape_of
from ..tensor import Tensor
from . import init
from .module import Module
from .parameter import Parameter
from .utils.rnn import PackedSequence

__all__ = ["GRU", "LSTM", "RNN", "RNNBase"]


class RNNBase(Module):
    """What RNN, LSTM and GRU share: parameters, layers, directions, and the shapes of states.

    Parameters
    ----------
    gates : int
        How many times ``hidden_size`` rows the weights have.
    input_size, hidden_size : int
        Features of the input and of the states.
    num_layers : int, default 1
        Each layer after the first reads the states of the one before.
    bias : bool, default True
    batch_first : bool, default False
        Whether the batch is the input's and the output's first axis, in place of the second. States are not affected.
    dropout : float, default 0.0
        In training, the probability with which an element between two layers is dropped.
    bidirectional : bool, default False
        Whether each layer also runs from the last step to the first.
    device, dtype : optional
        Of the parameters; the default dtype if None.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_ih_l0_reverse, weight_ih_l1, ... : Parameter
        Of each layer and direction: (gates * hidden_size, features in), (gates * hidden_size, hidden_size) and twice
        (gates * hidden_size,), drawn from U(-b, b) with ``b = 1 / sqrt(hidden_size)``.
    """

    def __init__(
        self,
        gates: int,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if input_size < 0 or hidden_size < 1 or num_layers < 1:
            raise ValueError(
                f"{name}: expected input_size from 0 on, hidden_size and num_layers from 1 on, got {input_size}, "
                f"{hidden_size} and {num_layers}"
            )
        if isinstance(dropout, bool) or not 0.0 <= dropout <= 1.0:
            raise ValueError(f"{name}: dropout is a probability, 0 to 1, got {dropout}")
        if dropout > 0 and num_layers == 1:
            warnings.warn(
                f"{name}: dropout={dropout} acts between layers, and there is one layer only", UserWarning, stacklevel=3
            )
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self._names: list[str] = []
        rows = gates * hidden_size
        for layer in range(num_layers):
            width = input_size if layer == 0 else hidden_size * self._directions
            shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, width), "weight_hh": (rows, hidden_size)}
            if bias:
                shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
            for suffix in ("", "_reverse")[: self._directions]:
                for kind, shape in shapes.items():
                    self._names.append(f"{kind}_l{layer}{suffix}")
                    setattr(self, self._names[-1], Parameter(ops.empty(shape, dtype=dtype, device=device)))
        self.reset_parameters()

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        each = 4 if self.bias else 2
        flat = self._weights()
        return [flat[i : i + each] for i in range(0, len(flat), each)]

    def _weights(self) -> list[Parameter]:
        own = self.__dict__
        # A weight that is computed (nn.utils.parametrize) is an attribute of the class.
        return [own[name] if name in own else getattr(self, name) for name in self._names]

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        bound = 1 / math.sqrt(self.hidden_size)
        for weight in self._weights():
            init.uniform_(weight, -bound, bound)

    def flatten_parameters(self) -> None:
        """Does nothing; PyTorch's scripts call it for the sake of GPUs."""

    def _run(self, function: Any, input: Any, states: tuple[Tensor, ...] | None, count: int) -> tuple[Any, ...]:
        """``(output, *last states)``, with first states of zero where none are given."""
        if isinstance(input, PackedSequence):
            return self._run_packed(function, input, states, count)
        name = type(self).__name__
        if len(shape_of(name, input)) not in (2, 3):
            axes = "(N, T, I)" if self.batch_first else "(T, N, I)"
            raise ValueError(
                f"{name}: expected an input of shape {axes} or, of one sequence, (T, I), got {input.shape}"
            )
        if input.shape[-1] != self.input_size:
            raise RuntimeError(
                f"{name}: expected {self.input_size} features (input_size) on the last axis, got an input of shape "
                f"{input.shape}"
            )
        batched = len(input.shape) == 3
        batch = 0 if self.batch_first else 1
        if states is not None:
            for state in states:
                if len(state.shape) != len(input.shape):
                    raise RuntimeError(
                        f"{name}: expected states of {len(input.shape)} dimensions, as many as the input has, got "
                        f"shape {state.shape}"
                    )
        if not batched:
            input = input.unsqueeze(batch)
            states = None if states is None else tuple(state.unsqueeze(1) for state in states)
        if states is None:
            shape = (self.num_layers * self._directions, input.shape[batch], self.hidden_size)
            states = (ops.zeros(shape, dtype=input.dtype, device=input.device),) * count
        result = function(
            input, states if count > 1 else states[0], self._weights(), self.bias, self.num_layers, self.dropout,
            self.training, self.bidirectional, self.batch_first,
        )  # fmt: skip
        if not batched:
            result = (result[0].squeeze(batch), *(state.squeeze(1) for state in result[1:]))
        return result

    def _run_packed(
        self, function: Any, input: PackedSequence, states: tuple[Tensor, ...] | None, count: int
    ) -> tuple[Any, ...]:
        """The same of packed sequences; states are in the order in which the sequences came."""
        data, order = input.data, input.sorted_indices
        batch_sizes = input.batch_sizes.tolist()
        if len(data.shape) != 2 or data.shape[-1] != self.input_size:
            raise RuntimeError(
                f"{type(self).__name__}: expected packed sequences (T_i, {self.input_size}) of input_size features, "
                f"got packed data of shape {data.shape}"
            )
        if states is None:
            shape = (self.num_layers * self._directions, batch_sizes[0], self.hidden_size)
            states = (ops.zeros(shape, dtype=data.dtype, device=data.device),) * count
        elif order is not None:
            states = tuple(ops.index_select(state, 1, order) for state in states)
        output, *last = function(
            data, states if count > 1 else states[0], self._weights(), self.bias, self.num_layers, self.dropout,
            self.training, self.bidirectional, False, batch_sizes,
        )  # fmt: skip
        back = input.unsorted_indices
        if back is not None:
            last = [ops.index_select(state, 1, back) for state in last]
        return (input._replace(data=output), *last)

    def extra_repr(self) -> str:
        shown = {
            "num_layers": (self.num_layers, 1),
            "bias": (self.bias, True),
            "batch_first": (self.batch_first, False),
            "dropout": (self.dropout, 0.0),
            "bidirectional": (self.bidirectional, False),
        }
        others = [f"{name}={value}" for name, (value, default) in shown.items() if value != default]
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *others])


class RNN(RNNBase):
    """``h = tanh(w_ih x + b_ih + w_hh h + b_hh)`` at every step of a sequence, in one layer or several.

    Parameters
    ----------
    input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype
        See :class:`RNNBase`.
    nonlinearity : {"tanh", "relu"}, default "tanh"
        Comes after ``num_layers``, as in PyTorch.

    Notes
    -----
    Input (T, N, input_size), or (N, T, input_size) with ``batch_first``, or (T, input_size) of one sequence; first
    states (num_layers * directions, N, hidden_size), zero if left out, of one sequence without N. Output (T, N,
    directions * hidden_size) laid out like the input, the last layer's states at every step; last states as the
    first ones. A :class:`~tiny_pytorch.nn.utils.rnn.PackedSequence` gives a packed output, and last states at each
    sequence's own end.

    Raises
    ------
    ValueError
        For sizes, a probability or a nonlinearity that make no sense, and an input of other dimensions.
    RuntimeError
        For shapes that do not fit.

    References
    ----------
    J. L. Elman, "Finding structure in time", Cognitive Science 14 (1990).

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> output, h_n = tp.nn.RNN(3, 5)(tp.ones(7, 2, 3))
    >>> output.shape, h_n.shape
    ((7, 2, 5), (1, 2, 5))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNN: nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")
        super().__init__(
            1, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype
        )
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor | PackedSequence, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        function = ops.rnn_tanh if self.nonlinearity == "tanh" else ops.rnn_relu
        output, h_n = self._run(function, input, None if hx is None else (hx,), 1)
        return output, h_n


class LSTM(RNNBase):
    """Long short-term memory over a sequence, in one layer or several.

    At every step ``i, f, o = sigmoid(...)`` and ``g = tanh(...)`` of ``w_ih x + b_ih + w_hh h + b_hh``, in the order
    i, f, g, o; then ``c = f c + i g`` and ``h = o tanh(c)``.

    Parameters
    ----------
    input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype
        See :class:`RNNBase`.

    Notes
    -----
    Shapes are those of :class:`RNN`; first and last states are pairs (h, c).

    Raises
    ------
    ValueError, RuntimeError
        As :class:`RNN`.

    References
    ----------
    S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation 9 (1997).

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> output, (h_n, c_n) = tp.nn.LSTM(3, 5, num_layers=2, bidirectional=True)(tp.ones(7, 2, 3))
    >>> output.shape, h_n.shape, c_n.shape
    ((7, 2, 10), (4, 2, 5), (4, 2, 5))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            4, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype
        )

    def forward(
        self, input: Tensor | PackedSequence, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Any, tuple[Tensor, Tensor]]:
        if hx is not None and (not isinstance(hx, tuple | list) or len(hx) != 2):
            raise TypeError(f"LSTM: the first states must be a pair (h, c), got {type(hx).__name__}")
        output, h_n, c_n = self._run(ops.lstm, input, None if hx is None else tuple(hx), 2)
        return output, (h_n, c_n)


class GRU(RNNBase):
    """Gated recurrent units over a sequence, in one layer or several.

    At every step, with ``a = w_ih x + b_ih`` and ``b = w_hh h + b_hh`` in the order r, z, n: ``r, z = sigmoid(a + b)``,
    ``n = tanh(a + r b)`` and ``h = (1 - z) n + z h``.

    Parameters
    ----------
    input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype
        See :class:`RNNBase`.

    Notes
    -----
    Shapes are those of :class:`RNN`.

    Raises
    ------
    ValueError, RuntimeError
        As :class:`RNN`.

    References
    ----------
    K. Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine
    translation", 2014.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> output, h_n = tp.nn.GRU(3, 5, batch_first=True)(tp.ones(2, 7, 3))
    >>> output.shape, h_n.shape
    ((2, 7, 5), (1, 2, 5))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            3, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, device, dtype
        )

    def forward(self, input: Tensor | PackedSequence, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        output, h_n = self._run(ops.gru, input, None if hx is None else (hx,), 1)
        return output, h_n
