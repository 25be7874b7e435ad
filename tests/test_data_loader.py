"""The loader in one process. Its workers: test_data_workers.py."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_data import Squares, Stream, numbers, seeded

import tiny_pytorch as tp
from tiny_pytorch.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    Sampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
)


def seen(loader: DataLoader) -> list[list[int]]:
    """The labels of each batch of an epoch."""
    return [y.tolist() for _, y in loader]


class SizedStream(Stream):
    def __len__(self):
        return self.n


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("batch_size", [1, 3, 5, 10, 11])
@pytest.mark.parametrize("n", [0, 1, 10])
def test_batches_and_their_number(n: int, batch_size: int, drop_last: bool) -> None:
    for data in (numbers(n), Squares(n), SizedStream(n)):
        loader = DataLoader(data, batch_size, drop_last=drop_last)
        full, rest = divmod(n, batch_size)
        sizes = [batch_size] * full + ([rest] if rest and not drop_last else [])
        batches = [batch if isinstance(batch, tp.Tensor) else batch[0] for batch in loader]
        assert [len(batch) for batch in batches] == sizes
        assert len(loader) == len(sizes)


@given(
    n=st.integers(1, 30),
    batch_size=st.integers(1, 8),
    shuffle=st.booleans(),
    drop_last=st.booleans(),
    seed=st.integers(0, 99),
)
def test_reading_batches_equals_collating_samples(n, batch_size, shuffle, drop_last, seed) -> None:
    def batches(data, **how):
        loader = DataLoader(data, batch_size, shuffle, drop_last, generator=seeded(seed), **how)
        return [[t.tolist() for t in batch] for _ in range(2) for batch in loader]

    whole = numbers(n)
    part = Subset(Subset(whole, range(n - 1, -1, -1)), [-1, *range(n)])
    for data in (whole, part):
        assert batches(data) == batches(data, collate_fn=default_collate)


def test_batches_keep_dtypes_and_shapes() -> None:
    data = TensorDataset(
        tp.zeros(4, 1, 2, dtype=tp.float64),
        tp.zeros(4, dtype=tp.uint8),
        tp.zeros(4, 0),
        tp.zeros(4, dtype=tp.bool),
    )
    for shuffle in (False, True):
        (batch,) = DataLoader(data, 4, shuffle)
        assert [str(t.dtype) for t in batch] == ["float64", "uint8", "float32", "bool"]
        assert [tuple(t.shape) for t in batch] == [(4, 1, 2), (4,), (4, 0), (4,)]


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_batch_is_no_view_of_the_data(shuffle: bool) -> None:
    data = numbers(6)
    before = data.tensors[0].tolist()
    for x, _ in DataLoader(data, 2, shuffle):
        x -= 1000.0
    assert data.tensors[0].tolist() == before


@pytest.mark.parametrize("shuffle", [False, True])
def test_strided_and_read_only_data(shuffle: bool) -> None:
    grid = np.arange(60, dtype=np.float32).reshape(6, 10)
    grid.setflags(write=False)
    for rows in (grid.T, grid.T[::2, 1:], grid[:, ::3], grid[::-1]):
        data = TensorDataset(
            tp.tensor(rows.copy()), tp.from_numpy(rows.copy(order="F")), tp.from_numpy(rows.copy().T).T
        )
        for batches in DataLoader(data, 4, shuffle, generator=seeded()):
            assert batches[0].tolist() == batches[1].tolist() == batches[2].tolist()
            assert all(batch.is_contiguous() for batch in batches)


def test_every_epoch_has_its_own_order_and_the_seed_governs_all() -> None:
    def epochs(generator=None):
        loader = DataLoader(numbers(20), 6, shuffle=True, generator=generator)
        return [seen(loader) for _ in range(3)]

    first = epochs(seeded(1))
    assert first == epochs(seeded(1)) != epochs(seeded(2))
    for epoch in first:
        assert sorted(itertools.chain(*epoch)) == list(range(20))
    assert first[0] != first[1] != first[2]
    tp.manual_seed(7)
    one = epochs()
    tp.manual_seed(7)
    assert epochs() == one


def test_two_epochs_at_once_are_independent() -> None:
    loader = DataLoader(numbers(10), 2, shuffle=True)
    pairs = [(a[1].tolist(), b[1].tolist()) for a, b in zip(loader, loader, strict=True)]
    first, second = (list(itertools.chain(*side)) for side in zip(*pairs, strict=True))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second


def test_samplers_of_every_kind() -> None:
    class Backwards(Sampler):
        def __iter__(self):
            return iter([4, 2, 0])

        def __len__(self):
            return 3

    data = numbers(5)
    assert seen(DataLoader(data, 2, sampler=Backwards())) == [[4, 2], [0]]
    assert seen(DataLoader(data, 2, sampler=[1, -1, 3])) == [[1, 4], [3]]
    assert seen(DataLoader(data, 2, sampler=SubsetRandomSampler([3]))) == [[3]]
    assert seen(DataLoader(data, 9, sampler=WeightedRandomSampler([0, 0, 1, 0, 0], 3))) == [[2, 2, 2]]
    assert seen(DataLoader(data, 2, sampler=tp.tensor([3, 1]))) == [[3, 1]]
    assert seen(DataLoader(data, batch_sampler=[[0, 3], [1]])) == [[0, 3], [1]]
    assert len(DataLoader(data, batch_sampler=[[0, 3], [1]])) == 2
    batched = DataLoader(data, batch_sampler=BatchSampler(SequentialSampler(data), 2, True))
    assert seen(batched) == [[0, 1], [2, 3]]
    assert batched.batch_size is None


def test_a_sampler_that_overrides_only_its_iteration_is_heeded() -> None:
    class Sorted(RandomSampler):
        def __iter__(self):
            return iter(sorted(super().__iter__()))

    assert seen(DataLoader(numbers(5), 5, sampler=Sorted(range(5)))) == [[0, 1, 2, 3, 4]]


def test_a_data_set_that_overrides_only_its_items_is_heeded() -> None:
    class Negated(TensorDataset):
        def __getitem__(self, index):
            x, y = super().__getitem__(index)
            return -x, y

    class Counted(Subset):
        def __getitem__(self, index):
            return index

    (batch,) = DataLoader(Negated(tp.ones(3, 2), tp.arange(3)), 3)
    assert batch[0].tolist() == [[-1.0, -1.0]] * 3
    (batch,) = DataLoader(Counted(numbers(9), [8, 7]), 2)
    assert batch.tolist() == [0, 1]


def test_array_data_is_read_without_a_call_per_sample() -> None:
    class Trap(TensorDataset):
        def __getitem__(self, index):
            raise AssertionError("read sample by sample")

        batch_getter = TensorDataset.batch_getter

    data = Trap(tp.arange(10), tp.arange(10))
    for part in (data, Subset(data, range(5, 10)), Subset(Subset(data, range(5, 10)), [1, 2])):
        for shuffle in (False, True):
            assert len(seen(DataLoader(part, 2, shuffle))) == -(-len(part) // 2)


def test_a_data_set_may_read_lists_of_samples() -> None:
    class Many(Squares):
        def __getitems__(self, indices):
            return [(i, -i) for i in indices]

    assert seen(DataLoader(Many(3), 2)) == [[0, -1], [-2]]
    assert seen(DataLoader(Subset(Many(3), [2, 1]), 2)) == [[-2, -1]]


def test_anything_with_items_and_a_length_is_a_data_set() -> None:
    assert [x.tolist() for x in DataLoader(range(3), 2)] == [[0, 1], [2]]
    assert list(DataLoader(["a", "b"], 2)) == [["a", "b"]]
    words = {"one": 1, "two": 2}
    assert [x.tolist() for x in DataLoader(words, 2, sampler=["two", "one"])] == [[2, 1]]
    assert sorted(next(iter(DataLoader(words, 2, sampler=SubsetRandomSampler(["two", "one"])))).tolist()) == [
        1,
        2,
    ]


def test_without_batching() -> None:
    loader = DataLoader(Squares(3), batch_size=None)
    assert list(loader) == [[0, 0], [1, 1], [2, 4]]
    assert len(loader) == 3
    assert [x.tolist() for x, _ in DataLoader(numbers(2, 1), batch_size=None)] == [[0.0], [10.0]]
    assert list(DataLoader(SizedStream(2), batch_size=None)) == [0, 1]


def test_a_collate_function_of_ones_own() -> None:
    loader = DataLoader(numbers(3, 1), 2, collate_fn=lambda samples: [y.item() for _, y in samples])
    assert list(loader) == [[0, 1], [2]]


def test_streams() -> None:
    assert [x.tolist() for x in DataLoader(Stream(5), 2)] == [[0, 1], [2, 3], [4]]
    assert [x.tolist() for x in DataLoader(Stream(5), 2, drop_last=True)] == [[0, 1], [2, 3]]
    loader = DataLoader(Stream(2))
    assert [x.tolist() for _ in range(2) for x in loader] == [[0], [1]] * 2
    with pytest.raises(TypeError, match="len"):
        len(loader)


def test_gradients_flow_through_a_batch_of_tensors_that_require_them() -> None:
    weight = tp.ones(4, requires_grad=True)
    for (x,) in DataLoader(TensorDataset(weight), 2):
        (x * 3.0).sum().backward()
    assert weight.grad.tolist() == [3.0] * 4


def test_settings_can_be_read() -> None:
    data, generator = numbers(4), seeded()
    loader = DataLoader(data, 2, True, generator=generator)
    assert (loader.dataset, loader.batch_size, loader.drop_last) == (data, 2, False)
    assert (loader.num_workers, loader.generator, loader.collate_fn) == (0, generator, default_collate)
    assert isinstance(loader.sampler, RandomSampler)
    assert isinstance(loader.batch_sampler, BatchSampler)


def test_the_arguments_stand_in_their_order() -> None:
    generator = seeded()
    loader = DataLoader(numbers(3), 2, False, True, [2, 1, 0], len, 0, generator)
    assert list(loader) == [2]
    assert loader.generator is generator


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"batch_size": 0}, ValueError, "batch_size must be a positive integer, got 0"),
        ({"batch_size": -2}, ValueError, "got -2"),
        ({"batch_size": 2.0}, TypeError, "got 2.0"),
        ({"shuffle": True, "sampler": [0]}, ValueError, "sampler and shuffle exclude each other"),
        ({"batch_sampler": [[0]], "batch_size": 2}, ValueError, "batch_sampler excludes"),
        ({"batch_sampler": [[0]], "shuffle": True}, ValueError, "batch_sampler excludes"),
        ({"batch_size": None, "drop_last": True}, ValueError, "batch_size=None"),
        ({"drop_last": [0]}, TypeError, "pass them by name"),
        ({"num_workers": -1}, ValueError, "num_workers must be 0 or more, got -1"),
        ({"num_workers": 1.5}, TypeError, "num_workers must be an integer, got 1.5"),
        ({"timeout": -1, "num_workers": 1}, ValueError, "timeout must be 0 or more"),
        ({"timeout": 1}, ValueError, "timeout=1 needs workers"),
        ({"prefetch_factor": 2}, ValueError, "prefetch_factor=2 needs workers"),
        ({"prefetch_factor": 0, "num_workers": 1}, ValueError, "prefetch_factor must be 1 or more"),
        ({"persistent_workers": True}, ValueError, "persistent_workers=True needs workers"),
        ({"multiprocessing_context": "spawn"}, ValueError, "multiprocessing_context='spawn' needs workers"),
    ],
)
def test_the_loader_says_what_is_wrong(arguments, error, message) -> None:
    with pytest.raises(error, match=message):
        DataLoader(numbers(3), **arguments)


@pytest.mark.parametrize(
    "arguments", [{"shuffle": True}, {"sampler": [0]}, {"batch_sampler": [[0]]}, {"batch_size": 0}]
)
def test_the_loader_says_what_a_stream_cannot(arguments) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(arguments))}"):
        DataLoader(Stream(3), **arguments)


def test_an_endless_sampler() -> None:
    class Endless(Sampler):
        def __iter__(self):
            return itertools.cycle([2, 0, 1])

    batches = iter(DataLoader(numbers(3), 2, sampler=Endless()))
    assert [next(batches)[1].tolist() for _ in range(3)] == [[2, 0], [1, 2], [0, 1]]
    with pytest.raises(TypeError, match="len"):
        len(DataLoader(numbers(3), 2, sampler=Endless()))


def test_nothing_to_shuffle() -> None:
    with pytest.raises(ValueError, match="the data set is empty, there is nothing to shuffle"):
        DataLoader(numbers(0), shuffle=True)


@pytest.mark.parametrize(
    "loader",
    [
        lambda: DataLoader(numbers(3), 2, sampler=[0, 1, 3]),
        lambda: DataLoader(numbers(3), 2, sampler=SubsetRandomSampler([3])),
        lambda: DataLoader(numbers(3), 2, sampler=RandomSampler(range(4))),
        lambda: DataLoader(numbers(3), 2, sampler=SequentialSampler(range(4))),
        lambda: DataLoader(numbers(3), batch_sampler=[[-4]]),
        lambda: DataLoader(Subset(numbers(3), [0, 3]), 2),
        lambda: DataLoader(Squares(3), 2, sampler=[3]),
    ],
)
def test_an_index_out_of_range_is_an_error(loader) -> None:
    with pytest.raises(IndexError, match=r"index (3|-4) is out of range for a data set of 3 samples|3"):
        list(loader())


def test_indices_must_be_integers() -> None:
    with pytest.raises(TypeError, match="integer"):
        list(DataLoader(numbers(3), sampler=[0.5]))


def test_an_error_names_the_sample() -> None:
    class Broken(Squares):
        def __getitem__(self, i):
            if i == 3:
                raise KeyError("lost")
            return i

    with pytest.raises(KeyError, match="lost") as caught:
        list(DataLoader(Broken(5), 2))
    assert any("sample 3 of Broken" in note for note in caught.value.__notes__)
    assert any("[2, 3]" in note for note in caught.value.__notes__)


def test_stop_iteration_in_a_data_set_does_not_end_the_epoch_in_silence() -> None:
    class Stops(Squares):
        def __getitem__(self, i):
            return next(iter(()))

    for batch_size in (2, None):
        with pytest.raises(RuntimeError, match="StopIteration at sample 0"):
            list(DataLoader(Stops(5), batch_size))


def test_the_order_does_not_depend_on_how_batches_are_read() -> None:
    assert seen(DataLoader(numbers(9), 4, True, generator=seeded())) == seen(
        DataLoader(numbers(9), 4, True, generator=seeded(), collate_fn=default_collate)
    )
