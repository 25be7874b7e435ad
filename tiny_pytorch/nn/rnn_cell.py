"""Recurrent cells: RNNCell, LSTMCell and GRUCell, one step at a time."""

from __future__ import annotations

import math
from typing import Any

from .. import ops
from ..ops.operands import shape_of
from ..tensor import Tensor
from . import init
from .module import Module
from .parameter import Parameter

__all__ = ["GRUCell", "LSTMCell", "RNNCell", "RNNCellBase"]


class RNNCellBase(Module):
    """What the cells share: their parameters and the shapes of their states.

    Parameters
    ----------
    input_size, hidden_size : int
        Features of the input and of the states.
    bias : bool
    gates : int
        How many times ``hidden_size`` rows the weights have.
    device, dtype : optional
        Of the parameters; the default dtype if None.

    Attributes
    ----------
    weight_ih : Parameter, shape (gates * hidden_size, input_size)
    weight_hh : Parameter, shape (gates * hidden_size, hidden_size)
    bias_ih, bias_hh : Parameter of shape (gates * hidden_size,), or None
        All are drawn from U(-b, b) with ``b = 1 / sqrt(hidden_size)``.
    """

    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, gates: int, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        if input_size < 0 or hidden_size < 1:
            raise ValueError(
                f"{type(self).__name__}: expected input_size from 0 and hidden_size from 1 on, got {input_size} and "
                f"{hidden_size}"
            )
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = gates * hidden_size
        self.weight_ih = Parameter(ops.empty((rows, input_size), dtype=dtype, device=device))
        self.weight_hh = Parameter(ops.empty((rows, hidden_size), dtype=dtype, device=device))
        for name in ("bias_ih", "bias_hh"):
            if bias:
                setattr(self, name, Parameter(ops.empty((rows,), dtype=dtype, device=device)))
            else:
                self.register_parameter(name, None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        bound = 1 / math.sqrt(self.hidden_size)
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def _run(self, function: Any, input: Tensor, states: tuple[Tensor, ...] | None, count: int) -> Any:
        """The next states, from first states of zero where none are given."""
        name = type(self).__name__
        if len(shape_of(name, input)) not in (1, 2) or input.shape[-1] != self.input_size:
            raise RuntimeError(
                f"{name}: expected an input of shape (N, {self.input_size}) or ({self.input_size},), got {input.shape}"
            )
        shape = (*input.shape[:-1], self.hidden_size)
        if states is None:
            states = (ops.zeros(shape, dtype=input.dtype, device=input.device),) * count
        for state in states:
            if state.shape != shape:
                raise RuntimeError(
                    f"{name}: expected a state of shape {shape} for an input of shape {input.shape}, got {state.shape}"
                )
        single = len(input.shape) == 1
        if single:
            input, states = input.unsqueeze(0), tuple(state.unsqueeze(0) for state in states)
        result = function(
            input, states if count > 1 else states[0], self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh
        )
        if not single:
            return result
        return tuple(state.squeeze(0) for state in result) if count > 1 else result.squeeze(0)

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class RNNCell(RNNCellBase):
    """``h = tanh(w_ih x + b_ih + w_hh h + b_hh)``, one step.

    Parameters
    ----------
    input_size, hidden_size, bias, device, dtype
        See :class:`RNNCellBase`.
    nonlinearity : {"tanh", "relu"}, default "tanh"

    Notes
    -----
    Input (N, input_size), or (input_size,) of one sample; state and result (N, hidden_size), the state zero
    if left out.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.RNNCell(3, 5)(tp.ones(2, 3)).shape
    (2, 5)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNNCell: nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        function = ops.rnn_tanh_cell if self.nonlinearity == "tanh" else ops.rnn_relu_cell
        return self._run(function, input, None if hx is None else (hx,), 1)

    def extra_repr(self) -> str:
        shown = "" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}"
        return super().extra_repr() + shown


class LSTMCell(RNNCellBase):
    """One step of :class:`LSTM`: from an input and the pair (h, c) to the next pair.

    Parameters
    ----------
    input_size, hidden_size, bias, device, dtype
        See :class:`RNNCellBase`.

    Notes
    -----
    Shapes are those of :class:`RNNCell`.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> h, c = tp.nn.LSTMCell(3, 5)(tp.ones(2, 3))
    >>> h.shape, c.shape
    ((2, 5), (2, 5))
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        if hx is not None and (not isinstance(hx, tuple | list) or len(hx) != 2):
            raise TypeError(f"LSTMCell: the states must be a pair (h, c), got {type(hx).__name__}")
        return self._run(ops.lstm_cell, input, None if hx is None else tuple(hx), 2)


class GRUCell(RNNCellBase):
    """One step of :class:`GRU`.

    Parameters
    ----------
    input_size, hidden_size, bias, device, dtype
        See :class:`RNNCellBase`.

    Notes
    -----
    Shapes are those of :class:`RNNCell`.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.GRUCell(3, 5)(tp.ones(2, 3)).shape
    (2, 5)
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._run(ops.gru_cell, input, None if hx is None else (hx,), 1)
