"""Rows of `ops/shape.py`, `permutation.py`, `diagonals.py`, `joining.py` and `padding.py`, and of what
`creation.py` makes of Tensors."""

from __future__ import annotations

import numpy as np

from .case import Case, floats, integers

x23, x234 = (floats(2, 3),), (floats(2, 3, 2),)
two = (floats(2, 3), floats(2, 3))


def shaped(name, call, reference, args=x234, variant="", empty=None):
    """The elements are the same; only their shape and order are new: integers and no elements are as good."""
    return Case(name, call, reference, args, variant, also_integers=True, empty=empty)


def turned(k):
    """``rot90`` by k quarter turns."""
    return shaped("rot90", lambda t, x: t.rot90(x, k, (0, 1)), lambda x: np.rot90(x, k), variant=str(k))


def padded(mode, numpys):
    """``pad`` in a mode that NumPy has another name for."""
    return Case("nn.functional.pad", lambda t, x: t.nn.functional.pad(x, (2, 1), mode=mode),
                lambda x: np.pad(x, ((0, 0), (2, 1)), numpys), x23, mode)  # fmt: skip


CASES = [
    # the same order
    shaped("reshape", lambda t, x: t.reshape(x, (3, -1)), lambda x: x.reshape(3, -1), empty=((0, 3, 2),)),
    shaped("reshape", lambda t, x: x.reshape(-1), lambda x: x.reshape(-1), variant="flat",
           empty=((0, 3, 2),)),
    shaped("view", lambda t, x: x.contiguous().view(4, 3), lambda x: x.reshape(4, 3)),
    shaped("view_as", lambda t, x, y: x.contiguous().view_as(y), lambda x, y: x.reshape(y.shape),
           (floats(2, 3), floats(3, 2, grad=False))),
    shaped("reshape_as", lambda t, x, y: x.reshape_as(y), lambda x, y: x.reshape(y.shape),
           (floats(2, 3), floats(3, 2, grad=False))),
    shaped("ravel", lambda t, x: t.ravel(x), np.ravel, empty=((0, 3, 2),)),
    shaped("flatten", lambda t, x: t.flatten(x), np.ravel),
    shaped("flatten", lambda t, x: x.flatten(1), lambda x: x.reshape(2, 6), variant="from"),
    shaped("unflatten", lambda t, x: t.unflatten(x, 1, (3, -1)), lambda x: x.reshape(2, 3, 2),
           (floats(2, 6),)),
    shaped("squeeze", lambda t, x: t.squeeze(x), np.squeeze, (floats(1, 3, 1),)),
    shaped("squeeze", lambda t, x: t.squeeze(x, 2), lambda x: x.squeeze(2), (floats(1, 3, 1),), "axis"),
    shaped("unsqueeze", lambda t, x: t.unsqueeze(x, 1), lambda x: x[:, None], x23, empty=((0, 3),)),
    shaped("atleast_1d", lambda t, x: t.atleast_1d(x), np.atleast_1d, (floats(),)),
    shaped("atleast_2d", lambda t, x: t.atleast_2d(x), np.atleast_2d, (floats(3),)),
    shaped("contiguous", lambda t, x: x.contiguous(), lambda x: x),
    shaped("contiguous", lambda t, x: t.transpose(x, 0, 1).contiguous(), lambda x: x.swapaxes(0, 1),
           variant="transposed"),
    # another order
    shaped("permute", lambda t, x: t.permute(x, (2, 0, 1)), lambda x: x.transpose(2, 0, 1),
           empty=((0, 3, 2),)),
    shaped("transpose", lambda t, x: t.transpose(x, 0, -1), lambda x: x.swapaxes(0, -1), empty=((0, 3, 2),)),
    shaped("t", lambda t, x: t.t(x), np.transpose, x23),
    shaped("adjoint", lambda t, x: x.mT, lambda x: x.swapaxes(-1, -2)),
    shaped("T", lambda t, x: x.T, np.transpose, x23),
    shaped("movedim", lambda t, x: t.movedim(x, (0, 1), (-1, 0)), lambda x: np.moveaxis(x, (0, 1), (-1, 0))),
    shaped("flip", lambda t, x: t.flip(x, (0, 2)), lambda x: x[::-1, :, ::-1], empty=((0, 3, 2),)),
    shaped("fliplr", lambda t, x: t.fliplr(x), np.fliplr),
    shaped("flipud", lambda t, x: t.flipud(x), np.flipud),
    shaped("roll", lambda t, x: t.roll(x, (1, -1), (0, 1)), lambda x: np.roll(x, (1, -1), (0, 1))),
    shaped("roll", lambda t, x: t.roll(x, 2), lambda x: np.roll(x, 2), variant="flat"),
    *(turned(k) for k in range(4)),
    shaped("diagonal", lambda t, x: t.diagonal(x, 1), lambda x: np.diagonal(x, 1)),
    shaped("diagonal", lambda t, x: t.diagonal(x, -1, 1, 2), lambda x: np.diagonal(x, -1, 1, 2),
           variant="below"),
    shaped("diag", lambda t, x: t.diag(x), np.diag, (floats(3, 3),)),
    shaped("diag", lambda t, x: t.diag(x, 1), lambda x: np.diag(x, 1), (floats(3),), "of a vector"),
    shaped("tril", lambda t, x: t.tril(x), np.tril, x23),
    shaped("tril", lambda t, x: t.tril(x, -1), lambda x: np.tril(x, -1), (floats(2, 3, 3),), "below"),
    shaped("triu", lambda t, x: t.triu(x, 1), lambda x: np.triu(x, 1), x23),
    # more of it
    shaped("meshgrid", lambda t, x, y: tuple(t.meshgrid(x, y, indexing="ij")),
           lambda x, y: tuple(np.meshgrid(x, y, indexing="ij")),
           (floats(2), floats(3))),
    shaped("meshgrid", lambda t, x, y: tuple(t.meshgrid(x, y, indexing="xy")),
           lambda x, y: tuple(np.meshgrid(x, y)),
           (floats(2), floats(3)), "xy"),
    shaped("broadcast_to", lambda t, x: t.broadcast_to(x, (2, 2, 3)),
           lambda x: np.broadcast_to(x, (2, 2, 3)), (floats(2, 1),)),
    shaped("expand", lambda t, x: x.expand(2, -1, 3), lambda x: np.broadcast_to(x, (2, 2, 3)),
           (floats(2, 1),)),
    shaped("expand_as", lambda t, x, y: x.expand_as(y), lambda x, y: np.broadcast_to(x, y.shape),
           (floats(2, 1), floats(2, 3, grad=False))),
    shaped("broadcast_tensors", lambda t, x, y: tuple(t.broadcast_tensors(x, y)),
           lambda x, y: tuple(np.broadcast_arrays(x, y)),
           (floats(2, 1), floats(3))),
    shaped("tile", lambda t, x: t.tile(x, (2, 1, 2)), lambda x: np.tile(x, (2, 1, 2)), x23),
    shaped("tile", lambda t, x: t.tile(x, (2,)), lambda x: np.tile(x, 2), x23, "last"),
    shaped("repeat", lambda t, x: x.repeat(2, 1, 2), lambda x: np.tile(x, (2, 1, 2)), x23),
    shaped("repeat_interleave", lambda t, x: t.repeat_interleave(x, 2, dim=1), lambda x: np.repeat(x, 2, 1),
           x23),
    shaped("repeat_interleave", lambda t, x, n: t.repeat_interleave(x, n, dim=1),
           lambda x, n: np.repeat(x, n, 1),
           (floats(2, 3), integers(3, values=[2, 0, 1])), "each"),
    # together
    shaped("stack", lambda t, x, y: t.stack([x, y], 1), lambda x, y: np.stack([x, y], 1), two,
           empty=((0, 3), (0, 3))),
    shaped("cat", lambda t, x, y: t.cat([x, y], 1), lambda x, y: np.concatenate([x, y], 1),
           (floats(2, 3), floats(2, 1)),
           empty=((2, 0), (2, 0))),
    shaped("cat", lambda t, x: t.cat([x, x]), lambda x: np.concatenate([x, x]), x23, "itself"),
    shaped("hstack", lambda t, x, y: t.hstack([x, y]), lambda x, y: np.hstack([x, y]), two),
    shaped("vstack", lambda t, x, y: t.vstack([x, y]), lambda x, y: np.vstack([x, y]), two),
    shaped("dstack", lambda t, x, y: t.dstack([x, y]), lambda x, y: np.dstack([x, y]), two),
    shaped("column_stack", lambda t, x, y: t.column_stack([x, y]), lambda x, y: np.column_stack([x, y]), two),
    # apart
    shaped("split", lambda t, x: tuple(t.split(x, 2, dim=1)), lambda x: (x[:, :2], x[:, 2:]), x23),
    shaped("split", lambda t, x: tuple(x.split([1, 2], 1)), lambda x: (x[:, :1], x[:, 1:]), x23, "sizes"),
    shaped("chunk", lambda t, x: tuple(t.chunk(x, 2, 1)), lambda x: (x[:, :2], x[:, 2:]), x23),
    shaped("tensor_split", lambda t, x: tuple(t.tensor_split(x, 2, 1)), lambda x: (x[:, :2], x[:, 2:]), x23),
    shaped("hsplit", lambda t, x: tuple(t.hsplit(x, 3)), lambda x: tuple(np.hsplit(x, 3)), x23),
    shaped("vsplit", lambda t, x: tuple(t.vsplit(x, 2)), lambda x: tuple(np.vsplit(x, 2)), x23),
    shaped("unbind", lambda t, x: tuple(t.unbind(x, 1)), lambda x: tuple(x[:, i] for i in range(3)), x23),
    shaped("select", lambda t, x: t.select(x, 1, -1), lambda x: x[:, -1]),
    shaped("narrow", lambda t, x: t.narrow(x, 1, 1, 2), lambda x: x[:, 1:3]),
    # padding
    shaped("nn.functional.pad", lambda t, x: t.nn.functional.pad(x, (1, 2, 0, 1), value=0.5),
           lambda x: np.pad(x, ((0, 1), (1, 2)), constant_values=0.5), x23).but("", also_integers=False),
    shaped("nn.functional.pad", lambda t, x: t.nn.functional.pad(x, (-1, 1)),
           lambda x: np.pad(x[:, 1:], ((0, 0), (0, 1))), x23, "crop"),
    *(padded(*mode) for mode in (("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap"))),
]  # fmt: skip
