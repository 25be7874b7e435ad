"""float16 on NumPy, which multiplies its matrices one number at a time and rounds after each of a sum's terms.

Here the kernels that add up compute in float32, and round the result once. They stand where a compiled kernel has
declined float16, and so cost other dtypes nothing. What only a gradient rule reads (statistics, gates) stays float32.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy

from .table import Kernels, reference_kernels

__all__ = ["RESULTS", "in_float32"]

ALL = 100
RESULTS: dict[str, int] = {
    **dict.fromkeys(
        [
            "attention_grad", "avg_pool", "avg_pool_grad", "batch_norm_grad", "conv", "conv_grad", "conv_relu",
            "conv_relu_grad", "cross_entropy", "gelu", "gelu_grad", "gru_grad", "layer_norm_grad", "linear",
            "linear_grad", "linear_relu", "linear_relu_grad", "log_softmax", "log_softmax_grad", "lstm_grad", "matmul",
            "max_pool_grad", "rms_norm_grad", "rnn_grad", "scatter_add",
            "scatter_rows", "self_attention_grad", "sigmoid", "sigmoid_grad", "silu", "silu_grad", "softmax",
            "softmax_grad", "sum_to", "tanh_grad",
        ],
        ALL,
    ),
    **dict.fromkeys(["attention", "batch_norm", "layer_norm", "rms_norm", "self_attention"], 1),
    "rnn": 2, "gru": 2, "lstm": 3,
}  # fmt: skip
"""The kernels, and how many of their results are float16 again."""


def in_float32(kernels: Kernels, name: str) -> Callable[..., Any]:
    """The reference of that name, but float16 arguments go to the table's kernel of that name in float32."""
    reference, results = reference_kernels()[name], RESULTS[name]

    @functools.wraps(reference)
    def widened(xp: Any, *args: Any, **kwargs: Any) -> Any:
        if not any(map(is_half, args)) and not any(map(is_half, kwargs.values())):
            return reference(xp, *args, **kwargs)
        wide = {key: widen(value) for key, value in kwargs.items()}
        found = getattr(kernels, name)(*map(widen, args), **wide)
        if not isinstance(found, tuple):
            return narrow(found)
        return tuple([narrow(value) if i < results else value for i, value in enumerate(found)])

    return widened


def is_half(value: Any) -> bool:
    return isinstance(value, numpy.ndarray) and value.dtype == numpy.float16


def widen(value: Any) -> Any:
    return value.astype(numpy.float32) if is_half(value) else value


def narrow(value: Any) -> Any:
    # A NumPy scalar too: what a product of vectors is.
    return value if value is None or value.dtype != numpy.float32 else value.astype(numpy.float16)
