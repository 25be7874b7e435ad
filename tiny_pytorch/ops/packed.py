"""A recurrent layer over packed sequences: without padding, each to its own end.

Packed, sequences lie step by step, the longest first: ``batch_sizes[t]`` rows for step t. As long as the batch size
stays the same, steps are one block (steps, n, I), on which the layer's op runs as on any other; from block to block,
sequences end, or, in reverse, begin. Nothing is computed that does not count, and gradients are those of the blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

from ..autograd import op
from .joining import cat

__all__ = ["first_step", "over_blocks"]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any  # the class stands above the ops


@op(many=True, name="blocks")
def _blocks(k: K, x: Array, *, shapes: tuple[tuple[int, int], ...]) -> tuple:
    """The rows in blocks (steps, n, I): one op, since the slices' own gradients would each have all rows."""
    found, start = [], 0
    for steps, n in shapes:
        rows = k.copy(x[start : start + steps * n, ...])
        found.append(k.xp.reshape(rows, (steps, n, x.shape[-1])))
        start += steps * n
    return tuple(found)


@_blocks.gradient
def _(k: K, g: tuple, saved: Any, *, shapes: tuple[tuple[int, int], ...]) -> tuple:
    width = saved.shapes[0][-1]
    like = next(block for block in g if block is not None)
    parts = [
        k.xp.zeros((steps * n, width), dtype=like.dtype) if block is None else k.xp.reshape(block, (steps * n, width))
        for block, (steps, n) in zip(g, shapes, strict=True)
    ]
    return (k.xp.concat(parts, axis=0),)


def first_step(x: Tensor, batch_sizes: Sequence[int]) -> Tensor:
    """The first step of all sequences, (1, N, I)."""
    return x[: batch_sizes[0]].unsqueeze(0)


def over_blocks(direction_op: Callable[..., tuple], batch_sizes: Sequence[int]) -> Callable[..., tuple]:
    """What runs ``direction_op`` over packed rows (sum of batch sizes, I): ``(rows of output, *last states)``."""
    shapes = tuple([(len(list(same)), n) for n, same in groupby(batch_sizes)])

    def run(x: Tensor, *given: Any, reverse: bool, **static: Any) -> tuple:
        first, weights = given[:-4], given[-4:]  # the states before the first step; w_ih, w_hh, b_ih, b_hh
        states = [state[: shapes[-1][1]] for state in first] if reverse else list(first)
        ys, ended = [], []
        blocks = list(zip(_blocks(x, shapes=shapes), shapes, strict=True))
        for block, (_, n) in reversed(blocks) if reverse else blocks:
            running = states[0].shape[0]
            if n > running:  # in reverse: sequences that end here begin
                states = [cat([state, begin[running:n]]) for state, begin in zip(states, first, strict=True)]
            elif n < running:
                ended.append([state[n:] for state in states])
                states = [state[:n] for state in states]
            y, *states = direction_op(block, *states, *weights, reverse=reverse, **static)
            ys.append(y.reshape(-1, y.shape[-1]))
        ended.append(states)
        last = [cat(list(parts)) if len(parts) > 1 else parts[0] for parts in zip(*reversed(ended), strict=True)]
        return (cat(ys[::-1] if reverse else ys) if len(ys) > 1 else ys[0], *last)

    return run
