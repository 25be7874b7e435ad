"""Loaders that pin memory, and batches that are on the device before they are needed."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from test_cupy import cupy, library  # noqa: F401 - fixtures

import tiny_pytorch as tp
from tiny_pytorch.data import DataLoader, TensorDataset, prefetch
from tiny_pytorch.data.structure import map_tensors

THERE = "device1"
Pair = namedtuple("Pair", "x y")
numpy_only = pytest.mark.numpy_only


def dataset(n: int = 10) -> TensorDataset:
    return TensorDataset(tp.arange(2.0 * n, device="cpu").reshape(n, 2), tp.arange(n, device="cpu"))


def lists(batches: Any) -> list[Any]:
    return [[t.tolist() for t in batch] for batch in batches]


def test_the_same_batches_in_the_same_order(backend: tp.backend.Backend) -> None:
    loader = DataLoader(dataset(), batch_size=3)
    moved = prefetch(loader)
    assert len(moved) == len(loader) == 4
    for _ in range(2):  # as often as one likes
        assert lists(moved) == lists(loader)
    assert [t.device for batch in moved for t in batch] == [tp.get_default_device()] * 8
    pinned = DataLoader(dataset(), batch_size=3, pin_memory=True)
    assert lists(prefetch(pinned)) == lists(pinned) == lists(loader)


@numpy_only
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_batches_are_moved_ahead(depth: int, strict: None) -> None:
    read: list[int] = []

    def batches() -> Iterator[tp.Tensor]:
        for i in range(4):
            read.append(i)
            yield tp.full((2,), float(i))

    for i, x in enumerate(prefetch(batches(), THERE, depth)):
        assert (x.device, x.tolist()) == (THERE, [i, i])
        assert len(read) == min(i + depth, 4)


@numpy_only
def test_every_structure(strict: None) -> None:
    x = tp.ones(2)
    batch = {"pair": Pair(x, "label"), "list": [x, (x, 3)], "none": None}
    (moved,) = prefetch([batch], THERE)
    assert isinstance(moved["pair"], Pair)
    assert moved["pair"].x.device == moved["list"][0].device == moved["list"][1][0].device == THERE
    assert (moved["pair"].y, moved["list"][1][1], moved["none"]) == ("label", 3, None)
    assert map_tensors(lambda t: t.device, batch)["list"][1] == ("cpu", 3)


@numpy_only
def test_gradients_go_back_to_the_host(strict: None) -> None:
    x = tp.ones(2, requires_grad=True)
    (moved,) = prefetch([x], THERE)
    (moved * 3).sum().backward()
    assert (x.grad.device, x.grad.tolist()) == ("cpu", [3.0, 3.0])


@numpy_only
def test_arguments_are_checked() -> None:
    for depth in (0, True, 1.5):
        with pytest.raises(ValueError, match="depth must be"):
            prefetch([], depth=depth)
    with pytest.raises(RuntimeError, match="no device 'cuda'"):
        prefetch([], "cuda")
    assert list(prefetch([])) == []


@numpy_only
def test_the_hosts_own_memory_needs_no_pinning() -> None:
    x = tp.ones(2)
    assert x.pin_memory() is x
    assert not x.is_pinned()
    with pytest.raises(RuntimeError, match="only host memory can be pinned"), tp.backend.use("array_api_strict"):
        tp.ones(2, device=THERE).pin_memory()


@numpy_only
def test_workers_make_batches_on_the_host(strict: None) -> None:
    data = dataset()
    with tp.device(THERE):
        found = list(DataLoader(data, batch_size=5, num_workers=1, pin_memory=True))
    assert [t.device for batch in found for t in batch] == [THERE] * 4
    assert lists(found) == lists(DataLoader(data, batch_size=5))


# --- on a GPU, or its emulation, which copies on other streams as late as it may ----------------------------


@numpy_only
@pytest.mark.parametrize("workers", [0, 1])
def test_pinned_batches(cupy: Any, workers: int) -> None:  # noqa: F811
    loader = DataLoader(dataset(), batch_size=4, pin_memory=True, num_workers=workers)
    for x, y in loader:
        assert (x.device, x.is_pinned(), y.is_pinned()) == ("cpu", True, True)
        there = x.to("cuda", non_blocking=True)
        assert (there.device, there.tolist(), there.is_pinned()) == ("cuda:0", x.tolist(), False)
    assert not DataLoader(dataset(), batch_size=4).__iter__().__next__()[0].is_pinned()


@numpy_only
@pytest.mark.parametrize("pin_memory", [False, True])
def test_computing_waits_for_the_copy(cupy: Any, pin_memory: bool) -> None:  # noqa: F811
    loader = DataLoader(dataset(12), batch_size=3, pin_memory=pin_memory)
    expected = [[x.sum().item(), y.sum().item()] for x, y in loader]
    assert [[x.sum().item(), y.sum().item()] for x, y in prefetch(loader, "cuda")] == expected
    with tp.debug_crossings() as report:
        kept = list(prefetch(loader))
    assert [t.device for batch in kept for t in batch] == ["cuda:0"] * 8
    assert [[x.sum().item(), y.sum().item()] for x, y in kept] == expected
    assert [c.kind for c in report] == ["host to device"] * 8


@numpy_only
def test_pinned_memory_is_not_used_again_early(cupy: Any) -> None:  # noqa: F811
    from tiny_pytorch.backend.cuda import transfer

    stream = transfer.CopyStream()
    sent = [stream.send(np.full(4, i, np.float32)) for i in range(3)]  # the host lets go of each at once
    held = [source for _, source in transfer._in_flight]
    assert [h[0] for h in held[-3:]] == [0, 1, 2]
    stream.wait(stream.mark(), sent)
    assert [s.get().tolist() for s in sent] == [[i] * 4 for i in range(3)]
    transfer.to_device(transfer.pin(np.ones(1, np.float32)), "cuda:0", "cpu", True)
    assert len(transfer._in_flight) == 1  # what is done is let go
