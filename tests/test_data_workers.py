"""The loader's worker processes: order, seeds, errors, and that they always end."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from toy_data import seeded

import tiny_pytorch as tp
from tiny_pytorch.data import DataLoader, Dataset, IterableDataset, TensorDataset, get_worker_info
from tiny_pytorch.data.transport import SHARED_FROM, Parcel, pack

pytestmark = pytest.mark.numpy_only


class Squares(Dataset):
    def __getitem__(self, i):
        return i, i * i

    def __len__(self):
        return 11


class Draws(Dataset):
    """Who reads the sample, and what the three generators give there."""

    def __getitem__(self, i):
        info = get_worker_info()
        numpys = int(np.random.randint(1 << 30))  # noqa: NPY002 - the generator that is seeded
        return info.id, random.getrandbits(30), numpys, int(tp.randint(0, 1 << 30, (1,)).item()), info.seed

    def __len__(self):
        return 6


class Countdown(IterableDataset):
    """Each worker streams its share: sample k of worker w is 100 w + k."""

    def __init__(self, lengths):
        self.lengths = lengths

    def __iter__(self):
        w = get_worker_info().id
        return iter(range(100 * w, 100 * w + self.lengths[w]))


class Odd(ValueError):
    """An exception that can be pickled and not unpickled."""

    def __init__(self, a, b):
        super().__init__(f"{a} and {b}")


class Broken(Dataset):
    def __init__(self, how):
        self.how = how

    def __getitem__(self, i):
        if i != 5:
            return i
        if self.how == "key":
            raise KeyError("lost")
        if self.how == "odd":
            raise Odd(1, 2)
        if self.how == "unpicklable":
            return lambda: None
        if self.how == "die":
            os._exit(3)
        return Path(self.how).read_text()  # a named pipe: blocks until someone writes

    def __len__(self):
        return 8


class Unloadable(Dataset):
    def __reduce__(self):
        return _refuse, ()


def _refuse():
    raise ImportError("not here")


class Process(Dataset):
    def __getitem__(self, i):
        return os.getpid()

    def __len__(self):
        return 4


class Big(Dataset):
    def __getitem__(self, i):
        return np.full((256, 1024), i, np.float32), "a label"

    def __len__(self):
        return 6


def no_workers_left() -> None:
    for child in multiprocessing.active_children():
        child.join(60)
    assert multiprocessing.active_children() == []


# --- order and seeds ----------------------------------------------------------------------------------------


def test_the_order_does_not_depend_on_the_number_of_workers() -> None:
    array_data = TensorDataset(tp.arange(11), tp.arange(11) * 2)
    for data in (Squares(), array_data):
        results = []
        for workers in (0, 1, 2):
            loader = DataLoader(data, 3, shuffle=True, num_workers=workers, generator=seeded())
            results.append([[t.tolist() for t in batch] for _ in range(2) for batch in loader])
        assert results[0] == results[1] == results[2]
        assert len(results[0]) == 8
    no_workers_left()


def test_each_worker_draws_from_its_own_reproducible_streams() -> None:
    def epochs(seed, **how):
        loader = DataLoader(Draws(), 1, num_workers=2, generator=seeded(seed), **how)
        return [[[int(t.item()) for t in batch] for batch in loader] for _ in range(2)]

    first = epochs(1)
    assert [row[0] for row in first[0]] == [0, 1, 0, 1, 0, 1]
    for column in (1, 2, 3):
        drawn = [row[column] for epoch in first for row in epoch]
        assert len(set(drawn)) == len(drawn)  # no two workers and no two epochs alike
    assert len({row[4] for epoch in first for row in epoch}) == 4  # a seed for each worker in each epoch
    assert epochs(1) == first != epochs(2)
    assert epochs(1, persistent_workers=True) == first
    assert epochs(1, prefetch_factor=1) == first
    assert DataLoader(Draws(), num_workers=2).prefetch_factor == 2


def seed_from_info(worker_id: int) -> None:
    assert get_worker_info().id == worker_id
    random.seed(1000 + worker_id)


def test_the_init_function_comes_after_seeding() -> None:
    loader = DataLoader(Draws(), 3, num_workers=2, worker_init_fn=seed_from_info)
    expected = []
    for worker in (0, 1):
        stream = random.Random(1000 + worker)
        expected.append([stream.getrandbits(30) for _ in range(3)])
    for _ in range(2):
        assert [batch[1].tolist() for batch in loader] == expected


def test_streams_take_turns_until_all_have_ended() -> None:
    loader = DataLoader(Countdown([5, 2]), 2, num_workers=2)
    assert [x.tolist() for x in loader] == [[0, 1], [100, 101], [2, 3], [4]]
    loader = DataLoader(Countdown([3, 2]), 2, num_workers=2, drop_last=True, persistent_workers=True)
    for _ in range(2):
        assert [x.tolist() for x in loader] == [[0, 1], [100, 101]]
    del loader
    no_workers_left()


def test_persistent_workers_stay() -> None:
    loader = DataLoader(Process(), 1, num_workers=2, persistent_workers=True)
    first = [x.item() for x in loader]
    assert [x.item() for x in loader] == first
    assert len(set(first)) == 2
    next(iter(loader))  # left early: the next epoch starts anew
    assert [x.item() for x in loader] == first
    busy = iter(loader)
    next(busy)
    assert {x.item() for x in loader}.isdisjoint(first)  # a second epoch at once: its own workers
    busy.close()
    loader = busy = None
    no_workers_left()


def test_without_persistence_every_epoch_has_new_workers() -> None:
    loader = DataLoader(Process(), 1, num_workers=1)
    assert {x.item() for x in loader}.isdisjoint({x.item() for x in loader})
    assert multiprocessing.active_children() == []  # a finished epoch has waited for its workers


def test_this_process_is_no_worker() -> None:
    assert get_worker_info() is None


# --- errors -------------------------------------------------------------------------------------------------


def test_an_error_arrives_with_its_type_its_place_and_its_traceback() -> None:
    with pytest.raises(KeyError, match="lost") as caught:
        list(DataLoader(Broken("key"), 2, num_workers=2))
    notes = "\n".join(caught.value.__notes__)
    assert "sample 5 of Broken" in notes
    assert "worker process 0" in notes
    assert 'raise KeyError("lost")' in str(caught.value.__cause__)
    no_workers_left()


def test_an_error_that_cannot_travel_is_replaced_by_one_that_can() -> None:
    with pytest.raises(RuntimeError, match="Odd: 1 and 2") as caught:
        list(DataLoader(Broken("odd"), 2, num_workers=1))
    assert any("sample 5" in note for note in caught.value.__notes__)
    assert "raise Odd(1, 2)" in str(caught.value.__cause__)


def keep(samples: list) -> list:
    return samples


def test_a_batch_that_cannot_travel() -> None:
    with pytest.raises(Exception, match=r"(?i)pickle"):
        list(DataLoader(Broken("unpicklable"), 2, num_workers=1, collate_fn=keep))


def test_a_worker_that_dies_is_an_error_and_not_a_wait() -> None:
    with pytest.raises(RuntimeError, match=r"worker process 0 ended unexpectedly.*__main__"):
        list(DataLoader(Broken("die"), 2, num_workers=2))
    no_workers_left()


def test_a_persistent_loader_recovers_from_a_dead_worker() -> None:
    loader = DataLoader(Broken("die"), 1, num_workers=1, persistent_workers=True)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="ended unexpectedly"):
            list(loader)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the test blocks a worker by a named pipe")
def test_a_batch_that_does_not_come_in_time(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(RuntimeError, match=r"worker 0 gave no batch within timeout=0\.5 seconds"):
        list(DataLoader(Broken(str(pipe)), 8, num_workers=1, timeout=0.5))
    pipe.write_text("go on")
    no_workers_left()


def test_what_cannot_be_sent_to_workers() -> None:
    with pytest.raises(
        Exception, match=r"collate_fn cannot be sent to worker processes.*multiprocessing_context='fork'"
    ):
        list(DataLoader(Squares(), num_workers=1, collate_fn=lambda samples: samples))
    with pytest.raises(Exception, match="worker_init_fn cannot be sent"):
        list(DataLoader(Squares(), num_workers=1, worker_init_fn=lambda worker: None))
    with pytest.raises(Exception, match="the data set cannot be sent"):
        list(DataLoader([lambda: 1], num_workers=1))


def test_a_data_set_that_does_not_load_in_the_worker() -> None:
    with pytest.raises(ImportError, match="not here") as caught:
        list(DataLoader(Unloadable(), num_workers=1, sampler=[0]))
    assert "_refuse" in str(caught.value.__cause__)


# --- ending -------------------------------------------------------------------------------------------------


def test_leaving_early_ends_the_workers() -> None:
    for batch in DataLoader(Big(), 2, num_workers=2):
        assert batch[0].shape == (2, 256, 1024)
        break
    batches = iter(DataLoader(Squares(), 2, num_workers=2))
    next(batches)
    del batches, batch
    no_workers_left()
    iter(DataLoader(Squares(), 2, num_workers=2))  # never asked for a batch: never started
    assert multiprocessing.active_children() == []


def run_script(tmp_path: Path, text: str, **how) -> subprocess.CompletedProcess:
    script = tmp_path / "script.py"
    script.write_text(text)
    return subprocess.run([sys.executable, script], capture_output=True, text=True, **how)


HEADER = """
import os, sys
import numpy as np
import tiny_pytorch as tp

class Big(tp.data.Dataset):
    def __getitem__(self, i):
        return np.full((512, 1024), i, np.float32)
    def __len__(self):
        return 8
"""


def test_a_program_that_ends_in_the_middle_of_an_epoch_leaves_nothing_behind(tmp_path: Path) -> None:
    done = run_script(
        tmp_path,
        HEADER
        + """
if __name__ == "__main__":
    tp.manual_seed(0)
    batches = iter(tp.data.DataLoader(Big(), 1, num_workers=2))
    print(next(batches).shape)
""",
    )
    # Python's resource tracker would complain of forgotten shared memory here.
    assert (done.stdout, done.stderr, done.returncode) == ("(1, 512, 1024)\n", "", 0)


def test_a_program_that_fails_in_the_middle_of_an_epoch_ends(tmp_path: Path) -> None:
    done = run_script(
        tmp_path,
        HEADER
        + """
if __name__ == "__main__":
    for batch in tp.data.DataLoader(Big(), 1, num_workers=2, persistent_workers=True):
        raise SystemExit("enough")
""",
    )
    assert (done.stderr, done.returncode) == ("enough\n", 1)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_workers_follow_a_killed_parent(tmp_path: Path) -> None:
    # The workers hold the other end of our pipe: reading it to its end waits for the last of them.
    done = run_script(
        tmp_path,
        HEADER
        + """
if __name__ == "__main__":
    batches = iter(tp.data.DataLoader(Big(), 1, num_workers=2))
    next(batches)
    print("killed", flush=True)
    os.kill(os.getpid(), 9)
""",
        timeout=60,
    )
    assert (done.stdout, done.returncode) == ("killed\n", -signal.SIGKILL)


def test_a_script_without_a_guard_is_told_so(tmp_path: Path) -> None:
    done = run_script(tmp_path, HEADER + "\nlist(tp.data.DataLoader(Big(), 1, num_workers=1))\n")
    assert done.returncode == 1
    assert "no `if __name__ == '__main__':` guard" in done.stderr


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_forked_workers_need_no_pickling() -> None:
    loader = DataLoader(Squares(), 4, num_workers=2, collate_fn=lambda s: len(s), multiprocessing_context="fork")
    assert list(loader) == [4, 4, 3]
    big = DataLoader([np.zeros((512, 1024), np.float32)] * 3, 1, num_workers=2, multiprocessing_context="fork")
    assert sum(len(batch) for batch in big) == 3
    no_workers_left()


# --- transport ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 10, SHARED_FROM // 4, SHARED_FROM])
def test_a_parcel_arrives_as_it_was_sent(size: int) -> None:
    value = {
        "a": np.arange(size, dtype=np.float32),
        "b": [np.ones((2, 3), np.int8), "text", None],
        "c": np.arange(3.0),
        "d": tp.tensor([[1.5]]),
    }
    parcel = pack(value)
    assert isinstance(parcel, Parcel)
    back = parcel.unpack()
    assert np.array_equal(back["a"], value["a"])
    assert back["b"][1:] == ["text", None]
    assert np.array_equal(back["b"][0], value["b"][0])
    assert back["d"].tolist() == [[1.5]]
    for array in (back["a"], back["b"][0], back["c"]):
        array += 1  # its own memory, and writable
        assert array.flags.aligned


def test_a_parcel_can_be_thrown_away() -> None:
    parcel = pack(np.zeros(SHARED_FROM, np.uint8))
    parcel.discard()
    if parcel.block is not None:
        with pytest.raises(FileNotFoundError):
            parcel.unpack()


def test_big_batches_of_workers() -> None:
    for _ in range(2):
        for i, (x, names) in enumerate(DataLoader(Big(), 2, num_workers=2)):
            assert x[:, 0, 0].tolist() == [2 * i, 2 * i + 1]
            assert names == ["a label"] * 2
            x += 1.0
