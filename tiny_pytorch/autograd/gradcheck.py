"""Are the gradients right? Compared with central differences, to first and second order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy

from .. import backend
from .._ext import engine
from .._ext.engine import Variable
from .backward import grad

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


class GradcheckError(RuntimeError):
    """A gradient disagrees with central differences."""


def _outputs(function: Callable[..., Any], inputs: Sequence[Any]) -> list[Variable]:
    result = function(*inputs)
    results = list(result) if isinstance(result, (tuple, list)) else [result]
    return [r for r in results if isinstance(r, Variable) and backend.at(r.array).kernels.is_differentiable(r.array)]


def _host(tensor: Variable) -> numpy.ndarray:
    return numpy.array(backend.at(tensor.array).to_numpy(tensor.array))


def _numerical(function: Callable[..., Any], inputs: Sequence[Any], i: int, eps: float) -> list[numpy.ndarray]:
    """For each output, its Jacobian (output size, size of input i) by ``(f(x + eps) - f(x - eps)) / (2 eps)``."""
    here = backend.at(inputs[i].array)
    values = _host(inputs[i])
    columns: list[list[numpy.ndarray]] = []
    for j in range(values.size):
        ends = []
        for step in (eps, -eps):
            moved = values.copy()
            moved.reshape(-1)[j] += step
            trial = list(inputs)
            trial[i] = engine.leaf(here.from_numpy(moved))
            trial[i].requires_grad = inputs[i].requires_grad
            ends.append([_host(o) for o in _outputs(function, trial)])
        columns.append([((a - b) / (2 * eps)).reshape(-1) for a, b in zip(*ends, strict=True)])
    count = len(_outputs(function, inputs))
    return [numpy.stack([c[o] for c in columns], axis=-1) if columns else numpy.zeros((0, 0)) for o in range(count)]


def _analytical(output: Variable, tensor: Variable) -> numpy.ndarray:
    """The Jacobian of one output by one backward pass per element."""
    here = backend.at(output.array)
    shape, size = tuple(output.array.shape), int(numpy.prod(output.array.shape))
    rows = []
    for j in range(size):
        seed = numpy.zeros(size, dtype=_host(output).dtype)
        seed[j] = 1.0
        (g,) = grad(
            output, tensor, engine.leaf(here.from_numpy(seed.reshape(shape))), retain_graph=True, allow_unused=True
        )
        rows.append(numpy.zeros(_host(tensor).size) if g is None else _host(g).reshape(-1))
        if g is not None and tuple(g.array.shape) != tuple(tensor.array.shape):
            raise GradcheckError(f"a gradient has shape {tuple(g.array.shape)}, its input {tuple(tensor.array.shape)}")
    return numpy.stack(rows) if rows else numpy.zeros((0, _host(tensor).size))


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """Whether ``|analytical - numerical| <= atol + rtol * |numerical|`` for every Jacobian element.

    The numerical Jacobian is ``(f(x + eps) - f(x - eps)) / (2 eps)``, one element at a time.

    Parameters
    ----------
    func : callable
        Takes ``inputs``, returns a Tensor or a tuple of Tensors. Must be deterministic.
    inputs : Tensor or sequence
        float64 where a gradient is required (float32 is too coarse for ``eps``).
    eps, atol, rtol : float
        Step and tolerances.
    raise_exception : bool
        Raise on a disagreement rather than return False.

    Raises
    ------
    GradcheckError
        With the two Jacobians, if they disagree.
    ValueError
        If no input requires a gradient, or one is not float64.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> x = tp.randn(3, dtype=tp.float64, requires_grad=True)
    >>> tp.autograd.gradcheck(tp.tanh, x)
    True
    """
    inputs = [inputs] if isinstance(inputs, Variable) else list(inputs)
    wanted = [i for i, x in enumerate(inputs) if isinstance(x, Variable) and x.requires_grad]
    if not wanted:
        raise ValueError("gradcheck: no input requires a gradient; create one with requires_grad=True")
    for i in wanted:
        if _host(inputs[i]).dtype.name not in ("float64", "complex128"):
            raise ValueError(f"gradcheck: input {i} is {_host(inputs[i]).dtype}; central differences need float64")
    outputs = _outputs(func, inputs)
    for i in wanted:
        numerical = _numerical(func, inputs, i, eps)
        for o, output in enumerate(outputs):
            expected = numerical[o]
            got = _analytical(output, inputs[i]) if output.requires_grad else numpy.zeros_like(expected)
            if expected.size and not numpy.allclose(got, expected, rtol=rtol, atol=atol, equal_nan=True):
                if not raise_exception:
                    return False
                raise GradcheckError(
                    f"output {o} with respect to input {i}: largest difference "
                    f"{numpy.max(numpy.abs(got - expected)):.3g}\nanalytical:\n{got}\nnumerical:\n{expected}"
                )
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """``gradcheck`` of the gradient of ``func``: is the second derivative right?

    ``grad_outputs`` defaults to fixed pseudo-random values. Parameters and errors are those of ``gradcheck``.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> x = tp.randn(3, dtype=tp.float64, requires_grad=True)
    >>> tp.autograd.gradgradcheck(tp.tanh, x)
    True
    """
    inputs = [inputs] if isinstance(inputs, Variable) else list(inputs)
    if grad_outputs is None:
        rng = numpy.random.default_rng(0)
        seeds = []
        for output in _outputs(func, inputs):
            array, here = _host(output), backend.at(output.array)
            seeds.append(engine.leaf(here.from_numpy(rng.standard_normal(array.shape).astype(array.dtype))))
            seeds[-1].requires_grad = True
    else:
        seeds = [grad_outputs] if isinstance(grad_outputs, Variable) else list(grad_outputs)
    wanted = [i for i, x in enumerate(inputs) if isinstance(x, Variable) and x.requires_grad]

    def gradient(*args: Any) -> tuple[Any, ...]:
        xs, gs = args[: len(inputs)], args[len(inputs) :]
        outputs = [(o, g) for o, g in zip(_outputs(func, xs), gs, strict=True) if o.requires_grad]
        found = grad(
            [o for o, _ in outputs],
            [xs[i] for i in wanted],
            [g for _, g in outputs],
            create_graph=True,
            allow_unused=True,
        )
        return tuple(f for f in found if f is not None)

    return gradcheck(gradient, [*inputs, *seeds], eps, atol, rtol, raise_exception)
