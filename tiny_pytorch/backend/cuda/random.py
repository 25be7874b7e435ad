"""Random masks, drawn on the device from a key that the host has drawn."""

from __future__ import annotations

import math
from typing import Any

import cupy

from .capture import refuse_while_capturing
from .launch import blocks_for, launch

__all__ = ["keep_mask"]

Array = Any


def keep_mask(shape: tuple[int, ...], p: float, key: int) -> Array:
    refuse_while_capturing(
        "the key of a random mask (dropout) is drawn on the host: it would be drawn once, now, and the mask be the "
        "same at every replay. Leave dropout out of the step, or call eval()"
    )
    n = math.prod(shape)
    mask = cupy.empty(shape, cupy.bool_)
    if n:
        quarter = -(-n // 4)
        launch("random", "keep_mask", "float32", *blocks_for(quarter), mask, key, round(p * 2**32), quarter, n)
    return mask
