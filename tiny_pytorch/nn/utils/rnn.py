"""Sequences of different lengths: padded to one, or packed without padding, as recurrent layers take them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from ... import ops
from ...tensor import Tensor

__all__ = [
    "PackedSequence", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence", "pad_sequence",
    "unpack_sequence", "unpad_sequence",
]  # fmt: skip


class PackedSequence(NamedTuple):
    """Sequences step by step and without padding: the first steps of all, longest first, then the second ones, ...

    What :func:`pack_padded_sequence` and :func:`pack_sequence` make, and RNN, LSTM and GRU take and return.

    Attributes
    ----------
    data : Tensor, shape (sum of lengths, ...)
    batch_sizes : Tensor, int64, shape (longest length,)
        How many sequences have each step, in host memory.
    sorted_indices : Tensor or None
        Which sequence stands at each place; None where they came in order.
    unsorted_indices : Tensor or None
        At which place each sequence stands.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> packed = tp.nn.utils.rnn.pack_sequence([tp.tensor([1, 2, 3]), tp.tensor([4, 5])])
    >>> packed.data.tolist(), packed.batch_sizes.tolist()
    ([1, 4, 2, 5, 3], [2, 2, 1])
    """

    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None = None
    unsorted_indices: Tensor | None = None

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The data in another dtype or on another device, as :meth:`Tensor.to`; the indices follow the device."""
        data = self.data.to(*args, **kwargs)
        indices = [None if i is None else i.to(data.device) for i in (self.sorted_indices, self.unsorted_indices)]
        return PackedSequence(data, self.batch_sizes, *indices)

    def cpu(self) -> PackedSequence:
        """The data in host memory."""
        return self.to(device="cpu")

    def cuda(self, device: Any = None) -> PackedSequence:
        """The data on a CUDA device, where the backend has one."""
        return self.to(device="cuda" if device is None else device)

    def float(self) -> PackedSequence:
        """The data as float32."""
        return self._replace(data=self.data.float())

    def double(self) -> PackedSequence:
        """The data as float64."""
        return self._replace(data=self.data.double())


def pad_sequence(
    sequences: Sequence[Tensor], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Sequences (T_i, ...) as one Tensor (T, N, ...) of the longest one's T, or (N, T, ...) with ``batch_first``.

    Parameters
    ----------
    sequences : sequence of Tensors
        Of one shape but for the first axis.
    batch_first : bool, default False
    padding_value : float, default 0.0
        What stands where a sequence is too short.
    padding_side : {"right", "left"}, default "right"

    Raises
    ------
    ValueError
        For no sequences, or another side.
    RuntimeError
        For shapes that differ behind the first axis.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.utils.rnn.pad_sequence([tp.tensor([1, 2, 3]), tp.tensor([4])], batch_first=True)
    tensor([[1, 2, 3],
            [4, 0, 0]])
    """
    if padding_side not in ("right", "left"):
        raise ValueError(f"pad_sequence: padding_side must be 'right' or 'left', got {padding_side!r}")
    shapes = _shapes("pad_sequence", sequences)
    longest = max(shape[0] for shape in shapes)
    padded = []
    for sequence, shape in zip(sequences, shapes, strict=True):
        missing = longest - shape[0]
        width = (0, missing) if padding_side == "right" else (missing, 0)
        padded.append(
            ops.pad(sequence, (0, 0) * (len(shape) - 1) + width, value=padding_value) if missing else sequence
        )
    return ops.stack(padded, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Any, batch_first: bool = False) -> list[Tensor]:
    """The sequences that :func:`pad_sequence` padded: views of the first ``lengths[i]`` steps.

    Parameters
    ----------
    padded_sequences : Tensor (T, N, ...), or (N, T, ...) with ``batch_first``
    lengths : Tensor or sequence of ints
    batch_first : bool, default False
    """
    x = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [x[i, :length] for i, length in enumerate(_integers("unpad_sequence", lengths))]


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """The first ``lengths[i]`` steps of each sequence i, packed.

    Parameters
    ----------
    input : Tensor (T, N, ...), or (N, T, ...) with ``batch_first``
    lengths : Tensor or sequence of ints
        One for each sequence, from 1 to T.
    batch_first : bool, default False
    enforce_sorted : bool, default True
        Whether sequences that are not in order, longest first, are an error; else they are sorted, and what is returned
        knows how to undo it.

    Raises
    ------
    RuntimeError
        For lengths that do not fit, or are not in order.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> x = tp.tensor([[1, 2, 0], [3, 4, 5]])
    >>> packed = tp.nn.utils.rnn.pack_padded_sequence(x, [2, 3], batch_first=True, enforce_sorted=False)
    >>> packed.data.tolist(), packed.batch_sizes.tolist(), packed.sorted_indices.tolist()
    ([3, 1, 4, 2, 5], [2, 2, 1], [1, 0])
    """
    name = "pack_padded_sequence"
    if len(input.shape) < 2:
        raise RuntimeError(f"{name}: expected an input of shape (T, N, ...) or (N, T, ...), got {input.shape}")
    found = _integers(name, lengths)
    x = input.transpose(0, 1) if batch_first else input
    steps, batch = x.shape[:2]
    if len(found) != batch or not found or min(found) < 1 or max(found) > steps:
        raise RuntimeError(
            f"{name}: expected lengths from 1 to {steps} of each of {batch} sequences, got {found} for an input of "
            f"shape {input.shape}, batch_first={batch_first}"
        )
    order = sorted(range(batch), key=lambda i: -found[i])
    if enforce_sorted and any(a < b for a, b in pairwise(found)):
        raise RuntimeError(
            f"{name}: the lengths {found} are not in order, longest first; pass enforce_sorted=False to have the "
            "sequences sorted"
        )
    sizes = [sum(length > step for length in found) for step in range(max(found))]
    places = [step * batch + i for step, size in enumerate(sizes) for i in order[:size]]
    data = ops.index_select(x.reshape(steps * batch, *x.shape[2:]), 0, places)
    if enforce_sorted:
        return PackedSequence(data, _host(sizes))
    return PackedSequence(data, _host(sizes), ops.tensor(order, device=input.device), _inverse(order, input))


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Sequences (T_i, ...), packed.

    Parameters
    ----------
    sequences : sequence of Tensors
        Of one shape but for the first axis.
    enforce_sorted : bool, default True
        As of :func:`pack_padded_sequence`.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.utils.rnn.pack_sequence([tp.tensor([1, 2]), tp.tensor([3])]).data
    tensor([1, 3, 2])
    """
    lengths = [shape[0] for shape in _shapes("pack_sequence", sequences)]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """The sequences padded again, in the order in which they came, and their lengths.

    Parameters
    ----------
    sequence : PackedSequence
    batch_first : bool, default False
    padding_value : float, default 0.0
        What stands where a sequence is too short.
    total_length : int, optional
        The number of steps; the longest sequence's if None.

    Returns
    -------
    padded : Tensor (T, N, ...), or (N, T, ...) with ``batch_first``
    lengths : Tensor, int64, shape (N,), in host memory

    Raises
    ------
    ValueError
        If ``total_length`` is less than the longest length.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> packed = tp.nn.utils.rnn.pack_sequence([tp.tensor([1.0, 2.0]), tp.tensor([3.0])])
    >>> tp.nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
    (tensor([[1., 2.],
            [3., 0.]]), tensor([2, 1]))
    """
    sizes = sequence.batch_sizes.tolist()
    steps = len(sizes) if total_length is None else total_length
    if steps < len(sizes):
        raise ValueError(f"pad_packed_sequence: total_length={steps} is less than the longest length, {len(sizes)}")
    batch = sizes[0]
    unsorted = range(batch) if sequence.unsorted_indices is None else sequence.unsorted_indices.tolist()
    by_place = [sum(size > i for size in sizes) for i in range(batch)]
    starts = [sum(sizes[:step]) for step in range(len(sizes))]
    data = sequence.data
    rest = data.shape[1:]
    padding = ops.full((1, *rest), padding_value, dtype=data.dtype, device=data.device)
    last = data.shape[0]  # where the padding stands
    places = [
        starts[step] + i if step < len(sizes) and sizes[step] > i else last for step in range(steps) for i in unsorted
    ]
    padded = ops.index_select(ops.cat([data, padding]), 0, places).reshape(steps, batch, *rest)
    return padded.transpose(0, 1) if batch_first else padded, _host([by_place[i] for i in unsorted])


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences of a packed one, in the order in which they came.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.utils.rnn.unpack_sequence(tp.nn.utils.rnn.pack_sequence([tp.tensor([1, 2]), tp.tensor([3])]))
    [tensor([1, 2]), tensor([3])]
    """
    return unpad_sequence(*pad_packed_sequence(packed_sequences))


def _shapes(name: str, sequences: Sequence[Tensor]) -> list[tuple[int, ...]]:
    """The shapes of at least one sequence, which differ in the first axis only."""
    if isinstance(sequences, Tensor):
        raise TypeError(f"{name}: expected a list of Tensors, one for each sequence, got one Tensor")
    if not sequences:
        raise ValueError(f"{name}: expected at least one sequence, got none")
    shapes = []
    for i, sequence in enumerate(sequences):
        if not isinstance(sequence, Tensor):
            raise TypeError(f"{name}: expected Tensors, got {type(sequence).__name__} as sequence {i}")
        shapes.append(tuple(sequence.shape))
    if any(not shape or shape[1:] != shapes[0][1:] for shape in shapes):
        raise RuntimeError(f"{name}: expected sequences of one shape but for the first axis, got shapes {shapes}")
    return shapes


def _integers(name: str, lengths: Any) -> list[int]:
    found = lengths.tolist() if hasattr(lengths, "tolist") else list(lengths)
    for length in found if isinstance(found, list) else [found]:
        if isinstance(length, bool) or not hasattr(length, "__index__"):
            raise TypeError(f"{name}: lengths must be integers, got {lengths!r}")
    return [int(length) for length in found]


def _host(values: list[int]) -> Tensor:
    return ops.tensor(values, device="cpu")


def _inverse(order: list[int], like: Tensor) -> Tensor:
    places = [0] * len(order)
    for place, i in enumerate(order):
        places[i] = place
    return ops.tensor(places, device=like.device)
