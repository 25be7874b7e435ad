"""The same random input and target of a row for every peer."""

from __future__ import annotations

import numpy

from .rows import Cnn, Gpt, LanguageModel, Mlp, ResNet9, Row


def batch_of(row: Row) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Input (float32, or int64 tokens) and target classes (int64), one for each row of the logits."""
    rng = numpy.random.default_rng(0)
    match row:
        case Mlp():
            shape: tuple[int, ...] = (row.batch, row.sizes[0])
            classes = row.sizes[-1]
        case Cnn():
            shape, classes = (row.batch, 1, 28, 28), 10
        case ResNet9():
            shape, classes = (row.batch, 3, 32, 32), 10
        case LanguageModel():
            tokens = rng.integers(0, row.vocabulary, (row.length, row.batch))
            return tokens, rng.integers(0, row.vocabulary, tokens.size)
        case Gpt():
            tokens = rng.integers(0, row.vocabulary, (row.batch, row.context))
            return tokens, rng.integers(0, row.vocabulary, tokens.size)
        case _:
            raise TypeError(f"{row} has no batch")
    return rng.standard_normal(shape).astype(numpy.float32), rng.integers(0, classes, row.batch)
