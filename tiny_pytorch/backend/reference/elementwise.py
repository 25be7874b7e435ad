"""Elementwise kernels: arithmetic, activations, and the sum that undoes broadcasting."""

from __future__ import annotations

import math

__all__ = [
    "add",
    "divide",
    "erf",
    "gelu",
    "gelu_grad",
    "masked_scale",
    "multiply",
    "relu",
    "relu_grad",
    "sigmoid",
    "sigmoid_grad",
    "silu",
    "silu_grad",
    "subtract",
    "sum_to",
    "tanh_grad",
]

# W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23 (1969), 631-637.
# Highest power first. erf(x) = x P(x^2) / Q(x^2) near 0, erfc(x) = exp(-x^2) P(x) / Q(x) further out.
_ERF_NUMERATOR = (
    1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2, 3.77485237685302021e2,
    3.20937758913846947e3,
)  # fmt: skip
_ERF_DENOMINATOR = (
    1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3,
)  # fmt: skip
_ERFC_NUMERATOR = (
    2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1,
    2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
    1.23033935479799725e3,
)  # fmt: skip
_ERFC_DENOMINATOR = (
    1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
    3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3,
)  # fmt: skip
_ERF_SPLIT = 0.5
_ERF_ONE = 6.0  # from here on erf(x) rounds to 1 in double precision


def add(xp, a, b):
    """``a + b``; one of the two may be a Python scalar."""
    return a + b


def subtract(xp, a, b):
    """``a - b``; one of the two may be a Python scalar."""
    return a - b


def multiply(xp, a, b):
    """``a * b``; one of the two may be a Python scalar."""
    return a * b


def divide(xp, a, b):
    """``a / b``; one of the two may be a Python scalar."""
    return a / b


def relu(xp, x):
    """``max(x, 0)``; NaN stays NaN."""
    return xp.maximum(x, 0)


def relu_grad(xp, g, y):
    """``g`` where ``y > 0``, else 0; ``y`` is the result of relu (or its input)."""
    return xp.where(y > 0, g, 0.0)


def sigmoid(xp, x):
    """``1 / (1 + e^-x)``, by the one of its two forms whose exponential cannot overflow."""
    positive = x >= 0
    e = xp.exp(xp.where(positive, -x, x))
    return xp.where(positive, 1.0 / (1.0 + e), e / (1.0 + e))


def sigmoid_grad(xp, g, y):
    """``g * y * (1 - y)``, from the result ``y``."""
    return g * (y * (1.0 - y))


def tanh_grad(xp, g, y):
    """``g * (1 - y^2)``, from the result ``y`` of tanh."""
    return g * (1.0 - y * y)


def erf(xp, x):
    """``2/sqrt(pi) * integral of e^(-t^2) from 0 to x``."""
    size = xp.clip(xp.abs(x), 0.0, _ERF_ONE)
    near = xp.where(size < _ERF_SPLIT, x, 0.0)  # each branch only sees arguments that it is made for
    far = xp.where(size < _ERF_SPLIT, _ERF_SPLIT, size)
    square = near * near
    inner = near * _polynomial(square, _ERF_NUMERATOR) / _polynomial(square, _ERF_DENOMINATOR)
    tail = _polynomial(far, _ERFC_NUMERATOR) / _polynomial(far, _ERFC_DENOMINATOR)
    outer = 1.0 - xp.exp(-far * far) * tail
    return xp.where(size < _ERF_SPLIT, inner, xp.where(x < 0, -outer, outer))


def gelu(xp, x, approximate):
    """``x * Phi(x)``, Phi the normal distribution: by erf ("none"), or "tanh" for its approximation."""
    return x * _normal_cdf(xp, x, approximate)[0]


def gelu_grad(xp, g, x, approximate):
    """``g * (Phi(x) + x * Phi'(x))``."""
    cdf, slope = _normal_cdf(xp, x, approximate)
    return g * (cdf + slope)


def silu(xp, x):
    """``x * sigmoid(x)``."""
    return x * sigmoid(xp, x)


def silu_grad(xp, g, x):
    """``g * s * (1 + x * (1 - s))`` with ``s = sigmoid(x)``."""
    s = sigmoid(xp, x)
    return g * (s * (1.0 + x * (1.0 - s)))


def sum_to(xp, g, shape):
    """``g`` summed over the axes that broadcasting from ``shape`` added or stretched."""
    added = len(g.shape) - len(shape)
    stretched = (i + added for i, n in enumerate(shape) if n == 1 and g.shape[i + added] != 1)
    axes = (*range(added), *stretched)
    return xp.reshape(xp.sum(g, axis=axes, keepdims=True), shape) if axes else g


def masked_scale(xp, x, mask, scale):
    """``x * scale`` where the boolean ``mask`` is set, else 0, whatever ``x`` holds there."""
    return xp.where(mask, x * scale, 0.0)


def _polynomial(x, coefficients):
    """Horner's rule, highest power first."""
    first, *rest = coefficients
    result = first * x + rest[0]
    for c in rest[1:]:
        result = result * x + c
    return result


def _normal_cdf(xp, x, approximate):
    """``(Phi(x), x * Phi'(x))``. Clipped where Phi has long been flat, so that no power of x overflows."""
    if approximate == "tanh":  # D. Hendrycks and K. Gimpel, "Gaussian error linear units", 2016
        x = xp.clip(x, -10.0, 10.0)
        c = math.sqrt(2 / math.pi)
        square = x * x
        t = xp.tanh(c * x * (1.0 + 0.044715 * square))
        return 0.5 * (1.0 + t), 0.5 * c * x * (1.0 - t * t) * (1.0 + 3 * 0.044715 * square)
    if approximate != "none":
        raise ValueError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")
    x = xp.clip(x, -40.0, 40.0)
    density = math.sqrt(0.5 / math.pi) * xp.exp(-0.5 * x * x)
    return 0.5 * (1.0 + erf(xp, math.sqrt(0.5) * x)), x * density
