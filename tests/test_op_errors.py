"""What operations say of arguments that do not fit: what came, what was expected, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import tiny_pytorch as tp
from tiny_pytorch.nn import functional as F

ones, zeros, tensor = tp.ones, tp.zeros, tp.tensor

# the call, the error, and what its message has, a regular expression
ERRORS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    # shapes
    "stack": (lambda: tp.stack([ones(2), ones(3)]), RuntimeError, "tensors of one shape"),
    "cat": (lambda: tp.cat(ones(2)), TypeError, r"got one Tensor; write cat\(\[a, b, \.\.\.\]\)"),
    "cat nothing": (lambda: tp.cat([]), ValueError, "at least one Tensor"),
    "split": (lambda: tp.split(ones(4), 0), RuntimeError, "cannot cut 4 elements.*a positive size"),
    "split into parts": (lambda: tp.split(ones(4), [1, 2]), RuntimeError, "4"),
    "tensor_split": (lambda: tp.tensor_split(ones(4), 0), RuntimeError, "at least 1 section, got 0"),
    "repeat": (lambda: ones(2, 3).repeat(2), RuntimeError, r"shape \(2, 3\).*tile takes fewer"),
    "repeat negatively": (lambda: ones(2).repeat(-1), RuntimeError, "at least 0"),
    "repeat_interleave": (
        lambda: tp.repeat_interleave(ones(2), tensor([1, 2, 3]), dim=0), RuntimeError, r"expected \(2,\)",
    ),
    "repeat_interleave negatively": (
        lambda: tp.repeat_interleave(ones(2), tensor([1, -2]), dim=0), RuntimeError, "repeats of at least 0",
    ),
    "permute": (lambda: ones(2, 3).permute(0, 0), ValueError, "^permute: "),  # the library's words
    "permute fewer": (lambda: ones(2, 3).permute(0), RuntimeError, "^permute: "),
    "movedim": (lambda: tp.movedim(ones(2, 3), (0, 1), 0), RuntimeError, "2 sources for 1 destinations"),
    "roll": (lambda: tp.roll(ones(2, 3), (1, 2), 0), RuntimeError, "2 shifts for 1 dims"),
    "roll without dims": (lambda: tp.roll(ones(2, 3), (1, 2)), RuntimeError, "need as many dims"),
    "t": (lambda: ones(1, 2, 3).t(), RuntimeError, "at most 2 dimensions.*mT transposes the last two"),
    "mT": (lambda: ones(2).mT, RuntimeError, "at least 2 dimensions"),
    "flatten": (lambda: ones(1, 2, 3).flatten(2, 1), RuntimeError, "start_dim 2 comes after end_dim 1"),
    "unflatten": (lambda: ones(6).unflatten(0, (4, 2)), RuntimeError, r"size 6 cannot be split into \(4, 2\)"),
    "diag": (lambda: tp.diag(ones(1, 2, 3)), RuntimeError, "a vector or a matrix"),
    "diagonal": (lambda: tp.diagonal(ones(3)), RuntimeError, "at least 2 dimensions"),
    "diagonal of one axis": (lambda: tp.diagonal(ones(2, 3), 0, 1, 1), ValueError, "dim1 and dim2 are both 1"),
    "narrow": (lambda: tp.narrow(ones(4), 0, 3, 2), IndexError, "3 to 5 is not a part of dim 0, which has size 4"),
    "sum": (lambda: ones(2, 3).sum((0, 0)), ValueError, "names an axis twice"),
    "sum along both": (lambda: ones(2).sum(dim=0, axis=0), TypeError, "got both axis and dim"),
    "broadcast": (lambda: tp.broadcast_tensors(ones(2), ones(3)), RuntimeError, "do not broadcast"),
    "meshgrid": (lambda: tp.meshgrid(ones(2, 2)), RuntimeError, r"0-d or 1-d tensors, got shape \(2, 2\)"),
    # products
    "matmul": (lambda: ones(2, 3) @ ones(2, 3), RuntimeError, "^matmul: "),
    "mm": (lambda: tp.mm(ones(2), ones(2)), RuntimeError, r"got shapes \(2,\) and \(2,\)"),
    "outer": (lambda: tp.outer(ones(2, 2), ones(2)), RuntimeError, "two vectors"),
    "inner": (lambda: tp.inner(ones(2), ones(3)), RuntimeError, "the same size at the end"),
    "trace": (lambda: tp.trace(ones(3)), RuntimeError, "a matrix, got shape"),
    "tensordot": (lambda: tp.tensordot(ones(2), ones(2), 2), RuntimeError, "2 axes.*expected 0 to 1"),
    "tensordot of unequal numbers": (
        lambda: tp.tensordot(ones(2, 2), ones(2), ([0, 1], [0])), RuntimeError, "2 axes .* 1 of the other",
    ),
    "tensordot of unequal sizes": (
        lambda: tp.tensordot(ones(2), ones(3), ([0], [0])), RuntimeError, r"axis 0 of shape \(2,\).*differ in size",
    ),
    "einsum": (lambda: tp.einsum("ij,jk", ones(2, 2)), ValueError, "for 2 operands, got 1"),
    "einsum of a sign": (lambda: tp.einsum("i+", ones(2)), ValueError, "expected letters and at most one"),
    "einsum of too few": (lambda: tp.einsum("ij", ones(2)), RuntimeError, r"'ij' is for another number of dim"),
    "einsum twice": (lambda: tp.einsum("ij->ii", ones(2, 2)), ValueError, "'i' .* stands there twice"),
    "einsum from nowhere": (lambda: tp.einsum("ij->k", ones(2, 2)), ValueError, "in no operand"),
    "einsum without dots": (lambda: tp.einsum("...i->i", ones(2, 2)), ValueError, "its output does not"),
    # places
    "gather": (lambda: tp.gather(ones(2, 2), 0, tensor([0])), IndexError, "as many dimensions"),
    "gather of more": (lambda: tp.gather(ones(2, 2), 0, zeros(1, 3).long()), IndexError, "larger at dim 1"),
    "gather by floats": (lambda: tp.gather(ones(2), 0, ones(1)), TypeError, r"must be integers.*\.long\(\)"),
    "gather by text": (lambda: tp.gather(ones(2), 0, "a"), TypeError, "integer indices as a Tensor or list, got str"),
    "scatter": (lambda: ones(2).scatter(0, tensor([0])), TypeError, "either src or value"),
    "index_select": (lambda: tp.index_select(ones(2), 0, zeros(1, 1).long()), IndexError, "one dimension"),
    "index_add": (lambda: ones(2).index_add(0, tensor([0]), ones(2)), RuntimeError, r"shape \(2,\); expected \(1,\)"),
    "take_along_dim": (lambda: tp.take_along_dim(ones(2, 2), tensor([0]), 0), RuntimeError, "as many dimensions"),
    "one_hot": (lambda: F.one_hot(zeros(0).long()), ValueError, "pass num_classes"),
    "bincount": (lambda: tp.bincount(tensor([0, -1])), ValueError, "integers of at least 0, got -1"),
    "bincount of weights": (lambda: tp.bincount(tensor([0, 1]), ones(3)), RuntimeError, r"shape \(3,\); expected \(2"),
    "embedding": (lambda: F.embedding(tensor([0]), ones(2)), RuntimeError, r"expected \(number, dim\)"),
    "embedding padded": (
        lambda: F.embedding(tensor([0]), ones(2, 3), padding_idx=2), IndexError, "padding_idx 2 is out of range for 2",
    ),
    "[..., ...]": (lambda: ones(2)[..., tensor([0]), ...], IndexError, r"only one '\.\.\.'"),
    "[0, 0]": (lambda: ones(2)[tensor([0]), 0], IndexError, "too many indices: 2 for a tensor of 1 dimensions"),
    "[mask]": (lambda: ones(2)[tensor([True] * 3)], IndexError, r"mask of shape \(3,\).*expected .* \(2,\)"),
    "['a']": (lambda: ones(2)["a"], IndexError, "'a' is no index; expected integers, slices"),
    "x[0] = text": (lambda: ones(2).__setitem__(0, "a"), TypeError, "cannot assign a str"),
    # values
    "masked_fill": (lambda: ones(2).masked_fill(ones(2), 0.0), TypeError, "float32; expected bool"),
    "masked_fill by many": (lambda: ones(2).masked_fill(ones(2).bool(), ones(2)), RuntimeError, "a 0-d tensor"),
    "masked_fill of integers": (
        lambda: ones(2).long().masked_fill(ones(2).bool(), 0.5), TypeError, r"0\.5 is no .*int64.*\.float\(\)",
    ),
    "where": (lambda: tp.where(ones(2).bool(), ones(2)), TypeError, "both input and other"),
    "clamp": (lambda: tp.clamp(ones(2)), ValueError, "min, max or both, got neither"),
    "max": (lambda: zeros(0).max(), ValueError, "no elements"),
    "topk": (lambda: tp.topk(ones(2), 3), ValueError, "k is 3; expected 0 to 2"),
    "norm": (lambda: tp.norm(ones(2), "nuclear"), ValueError, "a number or 'fro', got 'nuclear'"),
    "var": (lambda: tp.var(ones(2), unbiased=False, correction=1), TypeError, "got both unbiased and correction"),
    "mean": (lambda: tp.mean(ones(2).long()), TypeError, r"floating dtype, got int64.*\.float\(\)"),
    "div": (lambda: tp.div(ones(2), 2, rounding_mode="up"), ValueError, "'floor' or 'trunc', got 'up'"),
    "floor_divide": (lambda: tensor([1]) // 0, ZeroDivisionError, r"\.float\(\) to get inf or nan"),
    "add": (lambda: tp.add(tensor([1]), tensor([1]), alpha=0.5), TypeError, r"alpha is 0\.5 but the tensors are int64"),
    "bitwise_and": (lambda: tp.bitwise_and(ones(2), ones(2)), TypeError, r"no bits to work on.*\.long\(\)"),
    "isclose": (lambda: tp.isclose(ones(2), ones(2), rtol=-1.0), ValueError, "must not be negative"),
    "equal": (lambda: tp.equal(ones(2), 1.0), TypeError, "two Tensors, got a float"),
    "full": (lambda: tp.full((2,), "a"), TypeError, "a number, got a str"),
    # windows
    "pad": (lambda: F.pad(ones(2), (1,)), ValueError, "pairs of widths, got 1 numbers"),
    "pad by name": (lambda: F.pad(ones(2), (1, 1), "mirror"), ValueError, "'circular', got 'mirror'"),
    "pad more axes": (lambda: F.pad(ones(2), (1, 1, 1, 1)), RuntimeError, "2 pairs of widths.*at most 1"),
    "pad less than nothing": (lambda: F.pad(ones(2), (-2, -1)), RuntimeError, "cut more than the 2 elements"),
    "pad by reflection": (lambda: F.pad(ones(1, 2), (2, 0), "reflect"), RuntimeError, "can add at most 1 elements"),
    "conv2d": (lambda: F.conv2d(ones(1, 1, 3, 3), ones(1, 1, 3)), RuntimeError, r"\(out, in / groups, \*kernel\), got"),
    "conv2d of nothing": (lambda: F.conv2d(ones(1, 1, 3, 3), ones(1, 1, 0, 1)), RuntimeError, "has no elements"),
    "conv2d strided": (
        lambda: F.conv2d(ones(1, 1, 3, 3), ones(1, 1, 1, 1), stride=2, padding="same"), ValueError, "needs stride 1",
    ),
    "conv2d by name": (
        lambda: F.conv2d(ones(1, 1, 3, 3), ones(1, 1, 1, 1), padding="all"), ValueError, "'same', 'valid' or widths",
    ),
    "conv_transpose2d": (
        lambda: F.conv_transpose2d(ones(1, 1, 3, 3), ones(2, 1, 1, 1)), RuntimeError, "do not fit with groups=1",
    ),
    "conv_transpose2d of a bias": (
        lambda: F.conv_transpose2d(ones(1, 1, 3, 3), ones(1, 1, 1, 1), ones(2)), RuntimeError, r"bias of shape \(1,\)",
    ),
    "conv_transpose2d padded": (
        lambda: F.conv_transpose2d(ones(1, 1, 3, 3), ones(1, 1, 1, 1), output_padding=1), ValueError, "must be smaller",
    ),
    "conv_transpose2d to nothing": (
        lambda: F.conv_transpose2d(ones(1, 1, 1, 1), ones(1, 1, 1, 1), padding=1), RuntimeError, "have -1 elements",
    ),
    # normalisation
    "layer_norm": (lambda: F.layer_norm(ones(2, 3), 3, None, ones(2)), RuntimeError, r"a bias of shape \(3,\), got"),
    "group_norm": (lambda: F.group_norm(ones(2, 4), 2, ones(3)), RuntimeError, r"a weight of shape \(4,\), got"),
    "batch_norm": (lambda: F.batch_norm(ones(2), None, None, training=True), ValueError, r"shape \(N, C, "),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_an_argument_that_does_not_fit(name: str) -> None:
    call, error, words = ERRORS[name]
    with pytest.raises(error, match=words):
        call()


def test_positions_of_a_number_that_is_true() -> None:
    assert [index.tolist() for index in tp.where(tensor(True))] == [[0]]
    assert [index.tolist() for index in tp.where(tensor(False))] == [[]]
