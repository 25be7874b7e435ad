"""The table of ops: one file for each family of `tiny_pytorch/ops`, one row for each way to call an op.

An op without a row fails `test_every_op_has_a_row`. A row names the op, calls it with the words of PyTorch,
defines it in NumPy, and says on which arguments; `tests/test_ops.py` makes all tests from that.
"""

from . import (
    activation,
    attention,
    bent,
    comparison,
    conv,
    distance,
    elementwise,
    further_layers,
    indexing,
    interpolation,
    linalg,
    loss,
    norm,
    places,
    pooling,
    reduction,
    rnn,
    shape,
    solving,
    special,
    unfolding,
)
from .case import Case

__all__ = ["CASES", "Case"]

CASES = [
    case
    for family in (
        elementwise,
        reduction,
        shape,
        indexing,
        linalg,
        activation,
        bent,
        attention,
        conv,
        pooling,
        interpolation,
        norm,
        loss,
        rnn,
        comparison,
        distance,
        places,
        special,
        unfolding,
        further_layers,
        solving,
    )
    for case in family.CASES
]
