"""Operations under autocast: each as one function that PyTorch and this library both run, and where they differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Call = Callable[[Any, Any, Any], Any]  # (library, its nn.functional, x -> a tensor of the dtype under test) -> a tensor


def numbers(library: Any, *shape: int, dtype: str = "float32") -> Any:
    """Numbers between 0.25 and 0.75, which every function here takes."""
    values = (0.25 + 0.5 * np.random.default_rng(0).random(shape)).astype(dtype)
    return library.tensor(values) if hasattr(library, "array_api") else library.from_numpy(values)


def _of(*names: str, **params: Any) -> dict[str, Call]:
    return {n: lambda lib, f, x, n=n: getattr(lib if hasattr(lib, n) else f, n)(x(3, 3), **params) for n in names}


def _losses(*names: str) -> dict[str, Call]:
    found: dict[str, Call] = {}
    for name in names:
        found[name] = lambda lib, f, x, name=name: getattr(f, name)(x(3, 3), x(3, 3))
        found[f"{name} of each"] = lambda lib, f, x, name=name: getattr(f, name)(x(3, 3), x(3, 3), reduction="none")
    return found


def _cell(name: str) -> Call:
    def run(lib: Any, f: Any, x: Any) -> Any:
        out = getattr(lib.nn, name)(3, 4)(x(2, 3) if name.endswith("Cell") else x(2, 5, 3))
        while isinstance(out, tuple):
            out = out[0]
        return out

    return run


# In the dtype of autocast. Parameters are float32: numbers(lib, ...).
LOW: dict[str, Call] = {
    "linear": lambda lib, f, x: f.linear(x(2, 3), numbers(lib, 4, 3), numbers(lib, 4)),
    "matmul": lambda lib, f, x: lib.matmul(x(2, 3), numbers(lib, 3, 4)),
    "mm": lambda lib, f, x: lib.mm(x(2, 3), numbers(lib, 3, 4)),
    "bmm": lambda lib, f, x: lib.bmm(x(2, 2, 3), numbers(lib, 2, 3, 4)),
    "mv": lambda lib, f, x: lib.mv(x(2, 3), numbers(lib, 3)),
    "addmm": lambda lib, f, x: lib.addmm(numbers(lib, 2, 4), x(2, 3), numbers(lib, 3, 4)),
    "addmv": lambda lib, f, x: lib.addmv(numbers(lib, 2), x(2, 3), numbers(lib, 3)),
    "baddbmm": lambda lib, f, x: lib.baddbmm(numbers(lib, 2, 2, 4), x(2, 2, 3), numbers(lib, 2, 3, 4)),
    "einsum": lambda lib, f, x: lib.einsum("ij,jk->ik", x(2, 3), numbers(lib, 3, 4)),
    "tensordot": lambda lib, f, x: lib.tensordot(x(2, 3), numbers(lib, 3, 4), 1),
    "conv1d": lambda lib, f, x: f.conv1d(x(1, 2, 5), numbers(lib, 3, 2, 3)),
    "conv2d": lambda lib, f, x: f.conv2d(x(1, 2, 5, 5), numbers(lib, 3, 2, 3, 3), numbers(lib, 3)),
    "attention": lambda lib, f, x: f.scaled_dot_product_attention(x(2, 4, 3), numbers(lib, 2, 4, 3), x(2, 4, 3)),
    "LSTM": _cell("LSTM"), "GRU": _cell("GRU"), "RNN": _cell("RNN"),
    "LSTMCell": _cell("LSTMCell"), "GRUCell": _cell("GRUCell"), "RNNCell": _cell("RNNCell"),
}  # fmt: skip

FLOAT32: dict[str, Call] = {
    **_of("acos", "asin", "cosh", "sinh", "tan", "exp", "expm1", "log", "log1p", "log2", "log10", "rsqrt"),
    **_of("reciprocal", "square", "sum", "prod", "norm", "trace", "softplus", "logsigmoid"),
    **_of("softmax", "log_softmax", "cumsum", "cumprod", "logsumexp", dim=1),
    **_losses("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy_with_logits"),
    **_losses("binary_cross_entropy"),
    "pow": lambda lib, f, x: x(3) ** 2.5,
    "x**2": lambda lib, f, x: x(3) ** 2,
    "normalize": lambda lib, f, x: f.normalize(x(3, 3)),
    "layer_norm": lambda lib, f, x: f.layer_norm(x(3, 3), (3,), numbers(lib, 3), numbers(lib, 3)),
    "group_norm": lambda lib, f, x: f.group_norm(x(3, 4), 2),
    "rms_norm": lambda lib, f, x: f.rms_norm(x(3, 4), (4,)),
    "batch_norm": lambda lib, f, x: f.batch_norm(x(3, 4), numbers(lib, 4), numbers(lib, 4), training=True),
    "batch_norm, given": lambda lib, f, x: f.batch_norm(x(3, 4), numbers(lib, 4), numbers(lib, 4)),
    "cross_entropy": lambda lib, f, x: f.cross_entropy(x(3, 3), lib.tensor([0, 1, 2])),
    "cross_entropy of each": lambda lib, f, x: f.cross_entropy(x(3, 3), lib.tensor([0, 1, 2]), reduction="none"),
    "cross_entropy, smooth": lambda lib, f, x: f.cross_entropy(x(3, 3), lib.tensor([0, 1, 2]), label_smoothing=0.1),
    "cross_entropy, soft": lambda lib, f, x: f.cross_entropy(x(3, 3), x(3, 3)),
    "nll_loss": lambda lib, f, x: f.nll_loss(x(3, 3), lib.tensor([0, 1, 2])),
    "nll_loss of each": lambda lib, f, x: f.nll_loss(x(3, 3), lib.tensor([0, 1, 2]), reduction="none"),
    "nll_loss, weighted": lambda lib, f, x: f.nll_loss(x(3, 3), lib.tensor([0, 1, 2]), x(3)),
}

WIDEST: dict[str, Call] = {
    **_of(
        "sin", "cos", "atan", "tanh", "exp2", "sqrt", "sigmoid", "relu", "mean", "abs", "neg", "sign", "floor", "erf"
    ),
    **_of("std", "var", "trunc", "amax", "gelu", "silu", "elu", "leaky_relu"),
    "x + float32": lambda lib, f, x: x(3) + numbers(lib, 3),
    "x * number": lambda lib, f, x: x(3) * 2.0,
    "x / number": lambda lib, f, x: x(3) / 3,
    "cat": lambda lib, f, x: lib.cat([x(3), numbers(lib, 3)]),
    "stack": lambda lib, f, x: lib.stack([x(3), numbers(lib, 3)]),
    "where": lambda lib, f, x: lib.where(numbers(lib, 3) > 0.5, x(3), numbers(lib, 3)),
    "outer": lambda lib, f, x: lib.outer(x(3), numbers(lib, 2)),
    "dot": lambda lib, f, x: lib.dot(x(3), x(3)),
    "atan2": lambda lib, f, x: lib.atan2(x(3), numbers(lib, 3)),
    "addcmul": lambda lib, f, x: lib.addcmul(numbers(lib, 3), x(3), x(3)),
    "lerp": lambda lib, f, x: lib.lerp(x(3), x(3), 0.5),
    "index": lambda lib, f, x: x(3)[lib.tensor([0, 1])],
    "max_pool2d": lambda lib, f, x: f.max_pool2d(x(1, 2, 4, 4), 2),
    "avg_pool2d": lambda lib, f, x: f.avg_pool2d(x(1, 2, 4, 4), 2),
    "adaptive_avg_pool2d": lambda lib, f, x: f.adaptive_avg_pool2d(x(1, 2, 4, 4), 2),
    "embedding": lambda lib, f, x: f.embedding(lib.tensor([0, 1]), x(3, 4)),
}

# PyTorch has another list for the CPU than for CUDA, and the one here is that for CUDA, on every device.
OTHERWISE_ON_CPU = {
    "mv", "addmv", "LSTM", "GRU", "LSTMCell", "GRUCell",
    "acos", "asin", "cosh", "sinh", "tan", "exp", "expm1", "log", "log1p", "log2", "log10", "rsqrt", "reciprocal",
    "square", "sum", "norm", "softplus", "softmax", "log_softmax", "cumsum", "cumprod", "logsumexp", "pow", "x**2",
    "normalize", "layer_norm", "group_norm",
}  # fmt: skip
# And these are in float32 here only: batch norm and rms norm are composed where PyTorch has kernels for mixed dtypes,
# and logsigmoid is a softplus.
OURS_ALONE = {"batch_norm", "batch_norm, given", "rms_norm", "logsigmoid"}
