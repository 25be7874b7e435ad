"""Data sets, samplers and collating. The loader has two files of its own, with and without workers."""

from __future__ import annotations

import collections
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_data import Squares, Stream, numbers, seeded

import tiny_pytorch as tp
from tiny_pytorch.data import (
    BatchSampler,
    ConcatDataset,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    default_convert,
    random_split,
)

# --- data sets ----------------------------------------------------------------------------------------------


def test_a_tensor_dataset_hands_out_rows() -> None:
    data = numbers(4)
    x, y = data[2]
    assert (x.tolist(), y.item(), len(data)) == ([20.0, 21.0, 22.0], 2, 4)
    assert [tuple(t.shape) for t in data[1:3]] == [(2, 3), (2,)]


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        (lambda: (), ValueError, "at least one tensor"),
        (lambda: (tp.zeros(3), tp.zeros(2, 2)), ValueError, r"size of axis 0, got shapes \(3,\), \(2, 2\)"),
        (lambda: (tp.zeros(3), np.zeros(3)), TypeError, "argument 1 is a ndarray.*tp.from_numpy"),
        (lambda: (tp.tensor(1.0),), TypeError, "argument 0 has no axes"),
    ],
)
def test_a_tensor_dataset_says_what_it_cannot_take(arguments, error, message) -> None:
    with pytest.raises(error, match=message):
        TensorDataset(*arguments())


def test_a_subset_is_the_data_at_its_indices() -> None:
    part = Subset(Squares(10), [7, 2, 7])
    assert [len(part), part[0], part[1], part[-1]] == [3, (7, 49), (2, 4), (7, 49)]
    assert part.__getitems__([2, 1]) == [(7, 49), (2, 4)]
    assert list(Subset(part, [1])) == [(2, 4)]
    assert Subset(numbers(5), [4, 0])[[0, 1]][1].tolist() == [4, 0]


def test_concatenation() -> None:
    both = Squares(2) + Squares(3) + Squares(1)
    assert isinstance(both, ConcatDataset)
    assert [both[i][0] for i in range(6)] == [0, 1, 0, 1, 2, 0]
    assert both[-1] == (0, 0)
    assert both[-2] == (2, 4)
    assert ConcatDataset([Squares(0), Squares(2)])[0] == (0, 0)
    for index in (6, -7):
        with pytest.raises(IndexError, match=f"index {index} is out of range for a ConcatDataset of 6 samples"):
            both[index]
    with pytest.raises(ValueError, match="at least one"):
        ConcatDataset([])
    with pytest.raises(TypeError, match="data set 1 is an IterableDataset"):
        ConcatDataset([Squares(1), Stream(1)])
    with pytest.raises(TypeError, match=r"itertools\.chain"):
        Stream(1) + Stream(1)


def test_base_classes_ask_for_what_is_missing() -> None:
    class Empty(Dataset):
        pass

    class EmptyStream(IterableDataset):
        pass

    class EmptySampler(Sampler):
        pass

    with pytest.raises(NotImplementedError, match="Empty does not define __getitem__"):
        Empty()[0]
    with pytest.raises(NotImplementedError, match="EmptyStream does not define __iter__"):
        iter(EmptyStream())
    with pytest.raises(NotImplementedError, match="EmptySampler does not define __iter__"):
        iter(EmptySampler())
    assert Dataset[int] is not None  # as in annotations of PyTorch scripts


# --- random_split -------------------------------------------------------------------------------------------


@given(n=st.integers(1, 40), cut=st.integers(0, 40))
@pytest.mark.filterwarnings("ignore:random_split")
def test_random_split_deals_every_sample_once(n: int, cut: int) -> None:
    lengths = [min(cut, n), n - min(cut, n)]
    parts = random_split(range(n), lengths)
    assert [len(part) for part in parts] == lengths
    assert sorted(itertools.chain(*parts)) == list(range(n))


@pytest.mark.parametrize("n", [1, 10, 11, 99, 1437])
@pytest.mark.parametrize("fractions", [[1.0], [1], [0.8, 0.2], [0.5, 0.25, 0.25], [1 / 3] * 3, [0.1] * 10])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_fractions_give_the_lengths_that_pytorch_gives(n: int, fractions: list[float]) -> None:
    torch_data = pytest.importorskip("torch.utils.data")
    parts = random_split(range(n), fractions)
    assert [len(part) for part in parts] == [len(p) for p in torch_data.random_split(range(n), fractions)]
    assert sorted(itertools.chain(*parts)) == list(range(n))


def test_random_split_follows_its_generator() -> None:
    def dealt(generator=None):
        return [part.indices for part in random_split(range(20), [12, 8], generator=generator)]

    assert dealt(seeded(1)) == dealt(seeded(1)) != dealt(seeded(2))
    first = dealt()
    tp.manual_seed(0)
    assert dealt() == first


@pytest.mark.parametrize(
    "lengths, message",
    [
        ([5, 4], "sum to the 10 samples.*which sum to 9"),
        ([0.5, 0.4], "fractions to 1"),
        ([-1, 11], "must not be negative"),
    ],
)
def test_random_split_refuses_lengths_before_it_draws(lengths, message) -> None:
    generator = seeded()
    with pytest.raises(ValueError, match=message):
        random_split(range(10), lengths, generator=generator)
    assert generator.get_state() == seeded().get_state()


def test_random_split_warns_of_an_empty_part() -> None:
    with pytest.warns(UserWarning, match="part 1 is empty"):
        random_split(range(3), [3, 0])


# --- samplers -----------------------------------------------------------------------------------------------

SAMPLERS = {
    "sequential": lambda g: SequentialSampler(range(7)),
    "random": lambda g: RandomSampler(range(7), generator=g),
    "random, more": lambda g: RandomSampler(range(7), num_samples=16, generator=g),
    "random, fewer": lambda g: RandomSampler(range(7), num_samples=3, generator=g),
    "random with replacement": lambda g: RandomSampler(range(7), True, 20, g),
    "subset": lambda g: SubsetRandomSampler([5, 1, 3], generator=g),
    "weighted": lambda g: WeightedRandomSampler([1, 0, 2, 0.5], 12, generator=g),
    "weighted without replacement": lambda g: WeightedRandomSampler([1, 0, 2, 0.5], 3, False, generator=g),
}


@pytest.mark.parametrize("make", SAMPLERS.values(), ids=SAMPLERS)
def test_a_sampler_counts_out_the_array_that_it_hands_out(make) -> None:
    one_by_one, at_once = make(seeded(3)), make(seeded(3))
    for _ in range(2):  # two epochs
        indices = list(one_by_one)
        assert indices == at_once.index_array().tolist()
        assert all(type(i) is int for i in indices)
        assert len(indices) == len(one_by_one)


@pytest.mark.parametrize("make", [m for name, m in SAMPLERS.items() if name != "sequential"])
def test_random_samplers_follow_their_generator(make) -> None:
    def epochs(generator):
        sampler = make(generator)
        return [list(sampler) for _ in range(4)]

    assert epochs(seeded(1)) == epochs(seeded(1)) != epochs(seeded(2))
    assert len({tuple(epoch) for epoch in epochs(seeded(1))}) > 1  # each epoch its own order
    tp.manual_seed(5)
    first = epochs(None)
    tp.manual_seed(5)
    assert epochs(None) == first


def test_random_samplers_visit_what_they_should() -> None:
    assert sorted(RandomSampler(range(7))) == list(range(7))
    indices = list(RandomSampler(range(4), num_samples=10))
    assert [sorted(indices[:4]), sorted(indices[4:8])] == [[0, 1, 2, 3]] * 2
    assert len(set(indices[8:])) == 2
    assert sorted(SubsetRandomSampler([5, 1, 3])) == [1, 3, 5]
    assert sorted(SubsetRandomSampler(["a", "b"])) == ["a", "b"]
    assert sorted(WeightedRandomSampler([1, 0, 2, 0.5], 3, replacement=False)) == [0, 2, 3]


def test_weights_are_proportions() -> None:
    draws = list(WeightedRandomSampler(tp.tensor([3.0, 0.0, 1.0]), 20_000, generator=seeded()))
    count = collections.Counter(draws)
    assert count[1] == 0
    assert count[0] / len(draws) == pytest.approx(0.75, abs=0.02)


@pytest.mark.parametrize("n", range(6))
@pytest.mark.parametrize("drop_last", [False, True])
def test_batches_of_indices(n: int, drop_last: bool) -> None:
    sampler = BatchSampler(range(n), 2, drop_last)
    expected = [list(range(i, min(i + 2, n))) for i in range(0, n, 2)]
    if drop_last:
        expected = [batch for batch in expected if len(batch) == 2]
    assert list(sampler) == expected
    assert len(sampler) == len(expected)


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: RandomSampler([]), ValueError, "the data set is empty"),
        (
            lambda: RandomSampler([1], num_samples=0),
            ValueError,
            "num_samples must be a positive integer, got 0",
        ),
        (lambda: RandomSampler([1], num_samples=1.5), TypeError, "positive integer, got 1.5"),
        (lambda: RandomSampler([1], replacement=1), TypeError, "replacement must be True or False, got 1"),
        (lambda: WeightedRandomSampler([1, -1], 1), ValueError, "finite and not negative"),
        (lambda: WeightedRandomSampler([1, float("nan")], 1), ValueError, "finite and not negative"),
        (lambda: WeightedRandomSampler([0, 0], 1), ValueError, "at least one weight must be above zero"),
        (lambda: WeightedRandomSampler([[1, 2]], 1), ValueError, r"shape \(1, 2\)"),
        (lambda: WeightedRandomSampler([1, 0], 2, replacement=False), ValueError, "only 1 weights are above"),
        (lambda: WeightedRandomSampler([1], 0), ValueError, "num_samples must be a positive"),
        (lambda: WeightedRandomSampler([1], 1, replacement=None), TypeError, "True or False"),
        (lambda: BatchSampler([1], 0, False), ValueError, "batch_size must be a positive integer, got 0"),
        (
            lambda: BatchSampler([1], True, False),
            TypeError,
            "batch_size must be a positive integer, got True",
        ),
        (lambda: BatchSampler([1], 2, None), TypeError, "drop_last must be True or False"),
    ],
)
def test_samplers_say_what_is_wrong(make, error, message) -> None:
    with pytest.raises(error, match=message):
        make()


# --- collating ----------------------------------------------------------------------------------------------

Point = collections.namedtuple("Point", "x y")


@pytest.mark.parametrize(
    "samples, dtype, expected",
    [
        ([1, 2], "int64", [1, 2]),
        ([0.5, 1.5], "float32", [0.5, 1.5]),  # PyTorch: float64
        ([True, False], "bool", [True, False]),
        ([np.float64(0.5), np.float64(1.5)], "float64", [0.5, 1.5]),
        ([np.float32(0.5), np.float32(1.5)], "float32", [0.5, 1.5]),
        ([np.uint8(1), np.uint8(2)], "uint8", [1, 2]),
        ([np.zeros(2), np.ones(2)], "float64", [[0, 0], [1, 1]]),
        ([np.zeros((1, 2), np.int32)] * 2, "int32", [[[0, 0]], [[0, 0]]]),
    ],
)
def test_numbers_and_arrays_become_tensors(samples, dtype, expected) -> None:
    batch = default_collate(samples)
    assert isinstance(batch, tp.Tensor)
    assert (str(batch.dtype), batch.tolist()) == (dtype, expected)


def test_tensors_are_stacked() -> None:
    batch = default_collate([tp.tensor([1.0, 2.0]), tp.tensor([3.0, 4.0])])
    assert (str(batch.dtype), batch.tolist()) == ("float32", [[1, 2], [3, 4]])


def test_the_default_dtype_is_what_python_floats_become() -> None:
    tp.set_default_dtype(tp.float64)
    try:
        assert default_collate([0.5]).dtype == tp.float64
    finally:
        tp.set_default_dtype(tp.float32)


def test_containers_keep_their_kind() -> None:
    assert [t.tolist() for t in default_collate([(1, 2.5), (3, 4.5)])] == [[1, 3], [2.5, 4.5]]
    assert type(default_collate([(1, 2), (3, 4)])) is list  # as in PyTorch
    point = default_collate([Point(1, 2), Point(3, 4)])
    assert isinstance(point, Point)
    assert point.y.tolist() == [2, 4]
    nested = default_collate([{"a": [1, "s"], "b": (2,)}, {"b": (4,), "a": [3, "t"]}])
    assert nested["a"][0].tolist() == [1, 3]
    assert nested["a"][1] == ["s", "t"]
    assert nested["b"][0].tolist() == [2, 4]
    ordered = default_collate([collections.OrderedDict(z=1, a=2)])
    assert type(ordered) is collections.OrderedDict
    assert list(ordered) == ["z", "a"]
    default = default_collate([collections.defaultdict(list, a=1)])
    assert default["nothing"] == []
    assert default_collate(["a", "b"]) == ["a", "b"]
    assert default_collate([b"a"]) == [b"a"]


@pytest.mark.parametrize(
    "samples, error, message",
    [
        ([], ValueError, "no samples"),
        (
            [np.zeros(2), np.zeros(3)],
            ValueError,
            r"agree in shape.*sample 0 of the batch has \(2,\) and sample 1",
        ),
        ([(1, 2), (1,)], ValueError, "agree in length.*has 2 and sample 1 has 1"),
        ([{"a": 1}, {"b": 1}], ValueError, "agree in keys"),
        ([None], TypeError, "cannot batch samples of type NoneType.*collate_fn"),
        ([np.array(["a"])], TypeError, "NumPy dtype <U1"),
    ],
)
def test_collating_says_what_does_not_fit(samples, error, message) -> None:
    with pytest.raises(error, match=message):
        default_collate(samples)


def test_collating_tensors_of_different_shapes() -> None:
    with pytest.raises(ValueError, match=r"\(2,\) and sample 1 has \(3,\)"):
        default_collate([tp.zeros(2), tp.zeros(3)])


def test_converting_a_single_sample() -> None:
    sample = default_convert({"x": np.zeros(2, np.float32), "y": [1, "s", Point(np.int64(3), None)]})
    assert sample["x"].tolist() == [0, 0]
    assert sample["y"][:2] == [1, "s"]
    assert sample["y"][2].x.item() == 3
