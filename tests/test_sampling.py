"""Random tensors and generators: distributions, seeds, states, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tensors import host

import tiny_pytorch as tp

N = 20_000
DRAWS: dict[str, Callable[..., tp.Tensor]] = {
    "rand": lambda **k: tp.rand(7, **k),
    "randn": lambda **k: tp.randn(7, **k),
    "rand_like": lambda **k: tp.rand_like(tp.zeros(7), **k),
    "randn_like": lambda **k: tp.randn_like(tp.zeros(7), **k),
    "normal": lambda **k: tp.normal(tp.zeros(7), 2.0, **k),
    "randint": lambda **k: tp.randint(10**9, (7,), **k),
    "randint_like": lambda **k: tp.randint_like(tp.arange(7), 10**9, **k),
    "randperm": lambda **k: tp.randperm(30, **k),
    "bernoulli": lambda **k: tp.bernoulli(tp.full((60,), 0.5), **k),
    "multinomial": lambda **k: tp.multinomial(tp.ones(60), 30, **k),
    "normal_": lambda **k: tp.zeros(7).normal_(**k),
    "uniform_": lambda **k: tp.zeros(7).uniform_(**k),
}
each_draw = pytest.mark.parametrize("draw", DRAWS.values(), ids=list(DRAWS))


@each_draw
def test_a_seed_gives_the_same_numbers_again(draw: Callable[..., tp.Tensor]) -> None:
    tp.manual_seed(5)
    first, second = draw().tolist(), draw().tolist()
    assert first != second
    tp.manual_seed(5)
    assert [draw().tolist(), draw().tolist()] == [first, second]
    tp.manual_seed(6)
    assert draw().tolist() != first
    assert draw(generator=tp.Generator().manual_seed(5)).tolist() == first
    state = tp.get_rng_state()
    following = draw().tolist()
    tp.set_rng_state(state)
    assert draw().tolist() == following


@each_draw
def test_a_generator_of_ones_own_leaves_the_default_one_alone(draw: Callable[..., tp.Tensor]) -> None:
    before = tp.get_rng_state()
    draw(generator=tp.Generator())
    assert tp.get_rng_state() == before
    with pytest.raises(TypeError, match=r"generator must be a tiny_pytorch\.Generator or None, got int: 3"):
        draw(generator=3)
    assert tp.get_rng_state() == before


def test_the_same_numbers_on_every_backend() -> None:
    tp.manual_seed(3)
    here = [draw().tolist() for draw in DRAWS.values()]
    with tp.backend.use("numpy"):
        tp.manual_seed(3)
        assert [draw().tolist() for draw in DRAWS.values()] == here


def test_generators() -> None:
    g = tp.Generator()
    assert g.manual_seed(7) is g
    assert (g.initial_seed(), repr(g)) == (7, "Generator(seed=7)")
    state = g.get_state()
    first = tp.rand(3, generator=g).tolist()
    assert tp.rand(3, generator=g).tolist() != first
    g.set_state(state)
    assert tp.rand(3, generator=g).tolist() == first
    assert g.seed() == g.initial_seed() != 7
    assert tp.Generator().initial_seed() != tp.Generator().initial_seed()
    assert g.manual_seed(-1).initial_seed() == -1
    for wrong in (1.5, "1", True, None):
        with pytest.raises(TypeError, match="expected an integer"):
            g.manual_seed(wrong)
    with pytest.raises(TypeError, match="get_state"):
        g.set_state(3)
    assert g.initial_seed() == -1
    assert tp.manual_seed(9) is tp.default_generator()
    assert tp.initial_seed() == 9
    assert tp.seed() == tp.initial_seed() != 9


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_uniform_and_normal_distributions(dtype: str) -> None:
    if tp.backend.current().name != "numpy" and dtype == "float16":
        pytest.skip("not in the standard")
    u, n = host(tp.rand(N, dtype=dtype)).astype("float64"), host(tp.randn(N, dtype=dtype)).astype("float64")
    assert u.min() >= 0
    assert u.max() < 1 or dtype == "float16"
    assert abs(u.mean() - 0.5) < 5 / np.sqrt(12 * N)
    assert abs(n.mean()) < 5 / np.sqrt(N)
    assert abs(n.var() - 1) < 5 * np.sqrt(2 / N)
    assert len(np.unique(u)) > (500 if dtype == "float16" else 0.9 * N)


def test_half_precision_stays_below_one() -> None:
    if tp.backend.current().name != "numpy":
        pytest.skip("not in the standard")
    assert host(tp.rand(200_000, dtype=tp.float16)).max() < 1


def test_normal() -> None:
    x = host(tp.normal(3.0, 0.5, (N,)))
    assert abs(x.mean() - 3) < 5 * 0.5 / np.sqrt(N)
    assert abs(x.std() - 0.5) < 0.02
    assert tp.normal(tp.zeros(2, 1, dtype=tp.float64), tp.ones(3, dtype=tp.float64)).shape == (2, 3)
    assert tp.normal(tp.tensor([1.0, 2.0]), 0.0).tolist() == [1.0, 2.0]
    for wrong, error, match in (
        (lambda: tp.normal(0.0, 1.0), TypeError, "expected a size"),
        (lambda: tp.normal(tp.zeros(2), 1.0, (2,)), TypeError, "size"),
        (lambda: tp.normal(0.0, -1.0, (2,)), ValueError, "std must not be negative"),
        (lambda: tp.normal(0.0, 1.0, (2,), dtype=tp.int64), TypeError, "floating dtype"),
    ):
        with pytest.raises(error, match=match):
            wrong()


def test_integers() -> None:
    x = tp.randint(-2, 3, (N,))
    values, counts = np.unique(host(x), return_counts=True)
    assert (x.dtype, values.tolist()) == (tp.int64, [-2, -1, 0, 1, 2])
    assert abs(counts - N / 5).max() < 5 * np.sqrt(N * 0.16)
    assert tp.randint(5, (2, 3)).shape == (2, 3)
    assert set(tp.randint_like(tp.zeros(50), 3, 5).tolist()) == {3.0, 4.0}
    assert set(tp.randint_like(tp.zeros(50), 2).tolist()) == {0.0, 1.0}
    for wrong in (lambda: tp.randint(0, 0, (2,)), lambda: tp.randint(5, 2, (2,)), lambda: tp.randint(-1, (2,))):
        with pytest.raises(ValueError, match="no integer"):
            wrong()
    order = tp.randperm(50)
    assert order.dtype == tp.int64
    assert sorted(order.tolist()) == list(range(50)) != order.tolist()
    assert tp.randperm(0).shape == (0,)
    with pytest.raises((RuntimeError, ValueError), match="negative"):
        tp.randperm(-1)


def test_bernoulli() -> None:
    p = tp.tensor([0.0, 0.25, 1.0]).repeat(N, 1)
    assert abs(host(tp.bernoulli(p)).mean(axis=0) - [0, 0.25, 1]).max() < 5 * np.sqrt(0.1875 / N)
    x = tp.bernoulli(tp.arange(4), 1.0)
    assert (x.dtype, x.tolist()) == (tp.int64, [1] * 4)
    assert tp.ones(3).bernoulli_(0.0).tolist() == [0.0] * 3
    for wrong in (tp.tensor([1.5]), tp.tensor([-0.1]), tp.tensor([float("nan")])):
        with pytest.raises(ValueError, match="0 to 1"):
            tp.bernoulli(wrong)
    with pytest.raises(TypeError, match="floating probabilities"):
        tp.bernoulli(tp.tensor([1]))


def test_multinomial() -> None:
    weights = tp.tensor([1.0, 0.0, 3.0])
    drawn = tp.multinomial(weights, N, replacement=True)
    assert drawn.dtype == tp.int64
    assert abs(np.bincount(host(drawn), minlength=3) / N - [0.25, 0, 0.75]).max() < 5 * np.sqrt(0.1875 / N)
    assert sorted(tp.multinomial(weights, 2).tolist()) == [0, 2]
    rows = host(tp.multinomial(tp.tensor([[0.0, 1.0, 2.0]] * 500), 2))
    assert rows.shape == (500, 2)
    assert (np.sort(rows) == [1, 2]).all()
    assert abs((rows[:, 0] == 2).mean() - 2 / 3) < 0.12
    for wrong, count, match in (
        (tp.tensor([-1.0, 2.0]), 1, "not negative"),
        (tp.tensor([float("inf")]), 1, "finite"),
        (tp.zeros(3), 1, "0 weights above 0"),
        (weights, 3, "2 weights above 0; see replacement=True"),
        (weights, 0, "0 samples"),
        (tp.ones(1, 1, 1), 1, "shape"),
    ):
        with pytest.raises((RuntimeError, ValueError), match=match):
            tp.multinomial(wrong, count)


def test_distributions_that_are_not_floating() -> None:
    for draw in (tp.rand, tp.randn):
        with pytest.raises(TypeError, match=r"expected a floating dtype, got int64; for integers see tp.randint"):
            draw(2, dtype=tp.int64)
    with pytest.raises(TypeError, match="floating dtype"):
        tp.rand_like(tp.arange(3))
