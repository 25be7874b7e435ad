"""L-BFGS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import ops
from ..autograd import enable_grad, no_grad
from ..tensor import Tensor
from .hyperparameters import Group, to_number
from .line_search import strong_wolfe
from .optimizer import Optimizer, Params

__all__ = ["LBFGS"]


class LBFGS(Optimizer):
    """Newton's method with an inverse Hessian that is remembered as the last few changes of place and gradient.

    Each iteration moves all parameters, as one vector ``x`` with gradient ``g``, along ``d = -H g``. With the last
    ``history_size`` pairs ``s = change of x``, ``y = change of g``, the product ``H g`` is two passes over them around
    ``H0 = (s . y) / (y . y)`` of the newest; pairs with ``s . y <= 1e-10`` are left out.

    Parameters
    ----------
    params : iterable of Tensors
        One group only.
    lr : float, default 1.0
        The length of a step in units of d; of the very first one ``lr * min(1, 1 / sum |g|)``.
    max_iter : int, default 20
        Iterations in one call of ``step``.
    max_eval : int, optional
        Calls of the closure in one call of ``step``; default ``max_iter * 5 // 4``.
    tolerance_grad : float, default 1e-7
        Stop where no element of g is larger.
    tolerance_change : float, default 1e-9
        Stop where the step or the loss changes less.
    history_size : int, default 100
    line_search_fn : {None, "strong_wolfe"}
        None takes the step as it is.

    Raises
    ------
    ValueError
        For more than one group, for hyper-parameters out of range, and for another line search.
    TypeError
        From ``step`` without a closure.

    Notes
    -----
    ``step(closure)`` needs a closure that clears the gradients, computes the loss, calls ``backward`` and returns the
    loss; it is called many times, and ``step`` returns what it returned first. An exception of the closure leaves the
    parameters where it was called.

    References
    ----------
    J. Nocedal, S. J. Wright, "Numerical optimization", 2nd edition 2006, chapters 3 and 7.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> p = tp.tensor([3.0, -2.0], requires_grad=True)
    >>> optimizer = tp.optim.LBFGS([p], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((p - tp.tensor([1.0, 2.0])) ** 2 * tp.tensor([1.0, 10.0])).sum()
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure).item()
    164.0
    >>> [round(x, 3) for x in p.tolist()]
    [1.0, 2.0]
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError(f"LBFGS moves all parameters together: expected one group, got {len(self.param_groups)}")

    def check(self, group: Group) -> Group:
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise ValueError(f"line_search_fn must be None or 'strong_wolfe', got {group['line_search_fn']!r}")
        numbers = ("lr", "tolerance_grad", "tolerance_change")
        counts = {name: int(to_number(name, group[name], 0)) for name in ("max_iter", "max_eval", "history_size")}
        return {**{name: to_number(name, group[name], 0) for name in numbers}, **counts}

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Iterate until one of the limits is met; see the class."""
        if closure is None:
            raise TypeError("LBFGS.step: expected a closure that computes the loss again and calls backward")
        group = self.param_groups[0]
        limits = self.check(group)
        params: list[Tensor] = group["params"]
        state: dict[str, Any] = self.state[params[0]]
        lr, least = limits["lr"], limits["tolerance_change"]

        def evaluate() -> tuple[Any, float, Tensor]:
            with enable_grad():
                loss = closure()
            return loss, float(loss), _gradient(params)

        with no_grad():
            first, loss, g = evaluate()
            state["func_evals"] = state.get("func_evals", 0) + 1
            calls, done = 1, 0
            while done < limits["max_iter"] and _largest(g) > limits["tolerance_grad"]:
                done += 1
                state["n_iter"] = state.get("n_iter", 0) + 1
                d = self._direction(state, g, limits["history_size"])
                slope = float(ops.dot(g, d))
                length = lr * min(1.0, 1.0 / float(ops.sum(ops.abs(g)))) if state["n_iter"] == 1 else lr
                state.update(d=d, t=length, prev_flat_grad=ops.clone(g), prev_loss=loss)
                if slope > -least:
                    break
                before = loss
                if group["line_search_fn"] is not None:
                    start = [ops.clone(p) for p in params]

                    def at(t: float, start: list[Tensor] = start, d: Tensor = d) -> tuple[float, Tensor]:
                        _move(params, start, d, t)
                        _, value, gradient = evaluate()
                        return value, gradient

                    length, loss, g, tried = strong_wolfe(at, length, loss, g, slope, d, least)
                    _move(params, start, d, length)
                else:
                    _move(params, params, d, length)
                    tried = 0
                    if done != limits["max_iter"]:
                        _, loss, g = evaluate()
                        tried = 1
                state["t"] = length
                calls += tried
                state["func_evals"] += tried
                if calls >= limits["max_eval"] or _largest(d) * length <= least or abs(loss - before) < least:
                    break
        return first

    def _direction(self, state: dict[str, Any], g: Tensor, size: int) -> Tensor:
        """``-H g``, with the pair of the last step taken in."""
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
            return -g
        y, s = g - state["prev_flat_grad"], state["d"] * state["t"]
        ys = float(ops.dot(y, s))
        ys_pairs, s_pairs, inverses = state["old_dirs"], state["old_stps"], state["ro"]
        if ys > 1e-10:
            for kept, new in ((ys_pairs, y), (s_pairs, s), (inverses, 1.0 / ys)):
                kept.append(new)
                del kept[: max(len(kept) - max(size, 1), 0)]
            state["H_diag"] = ys / float(ops.dot(y, y))
        q, weights = -g, []
        for y, s, inverse in zip(reversed(ys_pairs), reversed(s_pairs), reversed(inverses), strict=True):
            weights.append(float(ops.dot(s, q)) * inverse)
            q = q - y * weights[-1]
        q = q * state["H_diag"]
        for y, s, inverse, weight in zip(ys_pairs, s_pairs, inverses, reversed(weights), strict=True):
            q = q + s * (weight - float(ops.dot(y, q)) * inverse)
        return q

    def load_state_dict(self, loaded: dict[str, Any]) -> None:
        """Take another optimizer's hyper-parameters, but not the history of its steps, which belongs to its place."""
        super().load_state_dict({**loaded, "state": {}})


def _gradient(params: list[Tensor]) -> Tensor:
    """All gradients as one vector; zeros where there is none."""
    parts = [ops.zeros_like(p) if p.grad is None else p.grad for p in params]
    return ops.cat([ops.reshape(part.detach(), (-1,)) for part in parts])


def _largest(x: Tensor) -> float:
    return float(ops.amax(ops.abs(x))) if x.numel() else 0.0


def _move(params: list[Tensor], start: list[Tensor], d: Tensor, length: float) -> None:
    """Set the parameters to ``start + length * d``."""
    place = 0
    for p, origin in zip(params, start, strict=True):
        count = p.numel()
        p.copy_(origin + ops.reshape(d[place : place + count], p.shape) * length)
        place += count
