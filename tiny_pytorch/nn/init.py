"""Initial values. Every function fills a tensor in place, outside the graph, and returns it.

Random numbers come from the generator that ``tp.manual_seed`` seeds, unless one is given. Each function is
known with and without PyTorch's trailing underscore.

Notes
-----
For a weight of shape (out, in, k1, ...) with receptive field ``r = k1 * ...``, the fans are ``fan_in = in * r`` and
``fan_out = out * r``.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .. import backend
from ..autograd import assign
from ..random import Generator, rng_of
from ..tensor import Tensor

__all__ = [
    "calculate_gain", "constant", "constant_", "eye", "eye_", "kaiming_normal", "kaiming_normal_",
    "kaiming_uniform", "kaiming_uniform_", "normal", "normal_", "ones", "ones_", "orthogonal",
    "orthogonal_", "trunc_normal", "trunc_normal_", "uniform", "uniform_", "xavier_normal",
    "xavier_normal_", "xavier_uniform", "xavier_uniform_", "zeros", "zeros_",
]  # fmt: skip


def _fill(tensor: Tensor, make: Callable[[tuple[int, ...], np.dtype], np.ndarray]) -> Tensor:
    """Put ``make(shape, dtype)``, computed by NumPy on the host, into the tensor."""
    dtype = tensor.dtype.host
    values = np.asarray(make(tensor.shape, dtype)).astype(dtype, copy=False)
    assign(tensor, backend.at(tensor.array).from_host(values, tensor.dtype))
    return tensor


def _drawing_dtype(dtype: np.dtype) -> np.dtype:
    # NumPy draws float32 and float64; float16 is rounded from float32.
    return np.dtype(np.float64) if dtype == np.float64 else np.dtype(np.float32)


def _check_floating(name: str, tensor: Tensor) -> None:
    if tensor.dtype.kind != "float":
        raise TypeError(f"{name}: expected a floating tensor, got {tensor.dtype}")


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Draw from U(a, b).

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> w = tp.nn.init.uniform_(tp.empty(100), -1.0, 1.0)
    >>> bool(((w >= -1) & (w < 1)).all())
    True
    """
    _check_floating("uniform_", tensor)
    if not a <= b:
        raise ValueError(f"uniform_: expected a <= b, got a={a}, b={b}")

    def draw(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        values = rng_of("uniform_", generator).random(shape, dtype=_drawing_dtype(dtype))
        return values * values.dtype.type(b - a) + values.dtype.type(a)

    return _fill(tensor, draw)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Draw from N(mean, std^2)."""
    _check_floating("normal_", tensor)
    if std < 0:
        raise ValueError(f"normal_: std must not be negative, got {std}")

    def draw(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        values = rng_of("normal_", generator).standard_normal(shape, dtype=_drawing_dtype(dtype))
        return values * values.dtype.type(std) + values.dtype.type(mean)

    return _fill(tensor, draw)


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Draw from N(mean, std^2), again and again until the value lies in [a, b].

    ``a`` and ``b`` are values, not numbers of standard deviations.

    Raises
    ------
    ValueError
        When [a, b] is empty, or holds so little of the distribution (less than 1e-3) that drawing would not
        end.
    """
    _check_floating("trunc_normal_", tensor)
    if std <= 0 or not a < b:
        raise ValueError(f"trunc_normal_: expected std > 0 and a < b, got std={std}, a={a}, b={b}")
    share = 0.5 * (math.erf((b - mean) / std / math.sqrt(2)) - math.erf((a - mean) / std / math.sqrt(2)))
    if share < 1e-3:
        raise ValueError(f"trunc_normal_: [{a}, {b}] holds {share:.1e} of N({mean}, {std}^2); choose a wider interval")

    def draw(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        rng, drawn = rng_of("trunc_normal_", generator), _drawing_dtype(dtype)
        values = rng.standard_normal(shape, dtype=drawn) * drawn.type(std) + drawn.type(mean)
        outside = (values < a) | (values > b)
        while outside.any():
            again = rng.standard_normal(int(outside.sum()), dtype=drawn)
            values[outside] = again * drawn.type(std) + drawn.type(mean)
            outside = (values < a) | (values > b)
        return values

    return _fill(tensor, draw)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with ``val``."""
    return _fill(tensor, lambda shape, dtype: np.full(shape, val, dtype=dtype))


def ones_(tensor: Tensor) -> Tensor:
    """Fill with 1."""
    return constant_(tensor, 1)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with 0."""
    return constant_(tensor, 0)


def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with the identity: 1 on the diagonal, else 0."""
    if len(tensor.shape) != 2:
        raise ValueError(f"eye_: expected a matrix, got shape {tensor.shape}")
    return _fill(tensor, lambda shape, dtype: np.eye(*shape, dtype=dtype))


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much weights before a nonlinearity are scaled up so that variances pass through it.

    1 for "linear", "sigmoid" and convolutions, 5/3 for "tanh", ``sqrt(2)`` for "relu", 3/4 for "selu", and
    ``sqrt(2 / (1 + param^2))`` for "leaky_relu", with ``param`` its negative slope (default 0.01).

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.init.calculate_gain("tanh")
    1.6666666666666667
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        return math.sqrt(2.0 / (1 + slope**2))
    gain = _GAINS.get(nonlinearity)
    if gain is None:
        raise ValueError(
            f"calculate_gain: unknown nonlinearity {nonlinearity!r}; expected one of "
            f"{', '.join([*_GAINS, 'leaky_relu'])}"
        )
    return gain


_GAINS = {
    "linear": 1.0,
    "conv1d": 1.0,
    "conv2d": 1.0,
    "conv3d": 1.0,
    "conv_transpose1d": 1.0,
    "conv_transpose2d": 1.0,
    "conv_transpose3d": 1.0,
    "sigmoid": 1.0,
    "tanh": 5.0 / 3,
    "relu": math.sqrt(2.0),
    "selu": 3.0 / 4,
}


def _fans(name: str, tensor: Tensor) -> tuple[int, int]:
    """``(fan_in, fan_out)`` of a weight (out, in, ...)."""
    shape = tensor.shape
    if len(shape) < 2:
        raise ValueError(f"{name}: fan in and fan out need at least 2 dimensions (out, in, ...), got shape {shape}")
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Draw from U(-b, b) with ``b = gain * sqrt(6 / (fan_in + fan_out))``.

    References
    ----------
    X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
    """
    fan_in, fan_out = _fans("xavier_uniform_", tensor)
    bound = gain * math.sqrt(6.0 / max(fan_in + fan_out, 1))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Draw from N(0, std^2) with ``std = gain * sqrt(2 / (fan_in + fan_out))``; source as xavier_uniform_."""
    fan_in, fan_out = _fans("xavier_normal_", tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / max(fan_in + fan_out, 1)), generator)


def _kaiming_std(name: str, tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"{name}: mode must be 'fan_in' or 'fan_out', got {mode!r}")
    fan = _fans(name, tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(max(fan, 1))


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Draw from U(-b, b) with ``b = gain * sqrt(3 / fan)``.

    Parameters
    ----------
    tensor : Tensor, shape (out, in, ...)
    a : float, default 0
        The negative slope of "leaky_relu".
    mode : {"fan_in", "fan_out"}
        Whether variances are kept forward or backward.
    nonlinearity : str, default "leaky_relu"
        What follows; see :func:`calculate_gain`.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", 2015.
    """
    bound = math.sqrt(3.0) * _kaiming_std("kaiming_uniform_", tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Draw from N(0, std^2) with ``std = gain / sqrt(fan)``; parameters and source as kaiming_uniform_."""
    return normal_(tensor, 0.0, _kaiming_std("kaiming_normal_", tensor, a, mode, nonlinearity), generator)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """``gain`` times a matrix with orthonormal rows or columns, drawn uniformly; further axes count as columns.

    References
    ----------
    A. M. Saxe, J. L. McClelland, S. Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep
    linear neural networks", 2013. Uniformity: F. Mezzadri, "How to generate random matrices from the
    classical compact groups", 2006.
    """
    _check_floating("orthogonal_", tensor)
    shape = tensor.shape
    if len(shape) < 2:
        raise ValueError(f"orthogonal_: expected at least 2 dimensions, got shape {shape}")

    def draw(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        rows, columns = shape[0], math.prod(shape[1:])
        normal = rng_of("orthogonal_", generator).standard_normal((max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(normal)
        q *= np.sign(np.diagonal(r))  # without which the draw would not be uniform
        return gain * (q if rows >= columns else q.T).reshape(shape)

    return _fill(tensor, draw)


uniform = uniform_
normal = normal_
trunc_normal = trunc_normal_
constant = constant_
ones = ones_
zeros = zeros_
eye = eye_
xavier_uniform = xavier_uniform_
xavier_normal = xavier_normal_
kaiming_uniform = kaiming_uniform_
kaiming_normal = kaiming_normal_
orthogonal = orthogonal_
