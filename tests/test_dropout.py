"""Random masks: the generator's published vectors, the same mask on every backend, and the state that they leave."""

from __future__ import annotations

import numpy as np
import pytest

import tiny_pytorch as tp
from tiny_pytorch import backend as backends
from tiny_pytorch.backend.reference import random as reference

F = tp.nn.functional

# Philox4x32-10 of the authors' library Random123: four words of a counter, two of a key, four of the result.
VECTORS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize("counter, key, expected", VECTORS)
def test_generators_vectors(counter: str, key: str, expected: str) -> None:
    low, high = words(key)
    xp = backends.current().xp
    found = reference._philox(*(xp.asarray([word], dtype=xp.int64) for word in words(counter)), low | high << 32)
    assert [int(word[0]) for word in found] == words(expected)


SHAPES: list[tuple[int, ...]] = [(), (0,), (1,), (6,), (3, 0, 2), (33, 65), (1024,), (1025,)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("p", [0.0, 1e-12, 0.3, 1.0])
def test_every_backend_draws_the_same_mask(shape: tuple[int, ...], p: float) -> None:
    for key in (0, 1, 2**63 - 1):
        mask = backends.current().to_numpy(backends.kernels().keep_mask(shape, p, key))
        expected = np.asarray(reference.keep_mask(np, shape, p, key))
        assert (mask.shape, mask.dtype) == (shape, np.bool_)
        np.testing.assert_array_equal(mask, expected)


def test_mask_does_not_depend_on_threads() -> None:
    before = tp.get_num_threads()
    try:
        masks = []
        for threads in (1, 3):
            tp.set_num_threads(threads)
            masks.append(backends.current().to_numpy(backends.kernels().keep_mask((300_001,), 0.5, 7)))
        np.testing.assert_array_equal(*masks)
    finally:
        tp.set_num_threads(before)


def test_probability() -> None:
    n = 200_000
    mask = backends.current().to_numpy(backends.kernels().keep_mask((n,), 0.3, 11))
    assert abs(mask.mean() - 0.7) < 5 * (0.3 * 0.7 / n) ** 0.5
    neighbours = np.corrcoef(mask[:-1], mask[1:])[0, 1]
    assert abs(neighbours) < 5 / n**0.5


def test_masks_differ_and_come_back_with_the_state() -> None:
    x = tp.ones(64)
    tp.manual_seed(3)
    first, state, second = F.dropout(x), tp.get_rng_state(), F.dropout(x)
    assert not bool((first == second).all())
    tp.set_rng_state(state)
    assert bool((F.dropout(x) == second).all())
    tp.manual_seed(3)
    assert bool((F.dropout(x) == first).all())


@pytest.mark.parametrize(
    ("name", "shape", "channels"),
    [
        ("dropout1d", (20, 30, 7), 2), ("dropout1d", (300, 7), 1), ("dropout2d", (20, 30, 3, 4), 2),
        ("dropout2d", (20, 30, 7), 2), ("dropout3d", (20, 30, 2, 3, 2), 2), ("dropout3d", (300, 2, 3, 2), 1),
    ],
)  # fmt: skip
def test_whole_channels_are_dropped(name: str, shape: tuple[int, ...], channels: int) -> None:
    tp.manual_seed(0)
    x = tp.ones(*shape, requires_grad=True)
    y = getattr(F, name)(x, 0.25)
    flat = y.detach().reshape((-1, int(np.prod(shape[channels:]))))
    assert bool((flat == flat[:, :1]).all())
    kept = int((flat[:, 0] != 0).sum())
    assert abs(kept / len(flat) - 0.75) < 0.15
    tp.testing.assert_close(flat.max(), tp.tensor(4 / 3))
    y.sum().backward()
    tp.testing.assert_close(x.grad, y.detach())
    assert getattr(F, name)(x, 0.25, training=False) is x
    layer = getattr(tp.nn, name.capitalize())(1.0)
    assert bool((layer(x) == 0).all())
    assert layer.eval()(x) is x


def test_dropout_of_channels_wants_channels() -> None:
    with pytest.raises(RuntimeError, match="2 or 3 axes"):
        F.dropout1d(tp.ones(3))
    with pytest.raises(RuntimeError, match="3 or 4 axes"):
        F.dropout2d(tp.ones(2, 3))
    with pytest.raises(ValueError, match="dropout3d: p is a probability"):
        F.dropout3d(tp.ones(1, 2, 2, 2, 2), 1.5)


def test_gradient_uses_the_mask_of_the_forward_pass() -> None:
    tp.manual_seed(0)
    x = tp.full((50,), 2.0, requires_grad=True)
    y = F.dropout(x, 0.25)
    y.backward(tp.full((50,), 3.0))
    assert x.grad is not None
    tp.testing.assert_close(x.grad, y.detach() * 1.5)
    assert 0 < int((y == 0).sum()) < 50
