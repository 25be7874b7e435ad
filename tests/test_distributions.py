"""Distributions: against PyTorch where it is installed, against samples, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

import tiny_pytorch as tp
from tiny_pytorch import distributions as D

RNG = np.random.default_rng(5)
LOC, SCALE = RNG.standard_normal((2, 3)), RNG.uniform(0.5, 2.0, (2, 3))
PROBS = RNG.uniform(0.1, 0.9, (2, 3))
LOGITS = RNG.standard_normal((2, 3))
CLASSES = np.array([0, 2])
TRUTHS = np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0]])
ROWS = np.eye(3)[CLASSES]


# name: (the distribution from the namespaces and parameters, the parameters, a value)
MADE = {
    "normal": (lambda t, d, loc, scale: d.Normal(loc, scale), (LOC, SCALE), LOC + 0.3),
    "normal of a number": (lambda t, d, loc: d.Normal(loc, 2.0), (LOC,), LOC + 0.3),
    "uniform": (lambda t, d, low, width: d.Uniform(low, low + width), (LOC, SCALE), LOC + 0.3),
    "bernoulli": (lambda t, d, p: d.Bernoulli(p), (PROBS,), TRUTHS),
    "bernoulli logits": (lambda t, d, x: d.Bernoulli(logits=x), (LOGITS,), TRUTHS),
    "categorical": (lambda t, d, p: d.Categorical(p), (PROBS,), CLASSES),
    "categorical logits": (lambda t, d, x: d.Categorical(logits=x), (LOGITS,), CLASSES),
    "one hot": (lambda t, d, p: d.OneHotCategorical(p), (PROBS,), ROWS),
    "independent": (lambda t, d, loc, scale: d.Independent(d.Normal(loc, scale), 1), (LOC, SCALE), LOC + 0.3),
    "mixture": (
        lambda t, d, x, loc, scale: d.MixtureSameFamily(d.Categorical(logits=x), d.Normal(loc, scale)),
        (LOGITS, LOC, SCALE),
        np.array([0.1, -0.4]),
    ),
    "mixture of rows": (
        lambda t, d, x, loc: d.MixtureSameFamily(d.Categorical(logits=x), d.Independent(d.Normal(loc, 0.5), 1)),
        (LOGITS, RNG.standard_normal((2, 3, 4))),
        RNG.standard_normal((2, 4)),
    ),
}  # fmt: skip
each = pytest.mark.parametrize("name", MADE)


def make(t, d, name):
    build, arrays, value = MADE[name]
    parameters = [t.tensor(a, requires_grad=True) for a in arrays]
    return build(t, d, *parameters), parameters, t.tensor(value)


def compare(ours, theirs, our_parameters, their_parameters, torch):
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-9, atol=1e-12)
    assert ours.requires_grad == theirs.requires_grad
    if ours.requires_grad:
        mine = tp.autograd.grad(ours.sum(), our_parameters, allow_unused=True)
        its = torch.autograd.grad(theirs.sum(), their_parameters, allow_unused=True)
        for a, b in zip(mine, its, strict=True):
            np.testing.assert_allclose(
                0 if a is None else a.numpy(), 0 if b is None else b.numpy(), rtol=1e-9, atol=1e-12
            )


@each
@pytest.mark.parametrize("what", ["log_prob", "entropy", "mean", "variance", "stddev", "mode", "cdf", "perplexity"])
def test_what_pytorch_computes(name, what):
    torch = pytest.importorskip("torch")
    (p, mine, x), (q, its, y) = make(tp, D, name), make(torch, torch.distributions, name)
    assert p.batch_shape == tuple(q.batch_shape)
    assert p.event_shape == tuple(q.event_shape)

    def computed(of, value):
        found = getattr(of, what)
        return found(value) if what in ("log_prob", "cdf") else found() if callable(found) else found

    try:
        found = computed(p, x)
    except NotImplementedError:
        assert what in ("mode", "cdf", "entropy", "perplexity")
        return
    expected = computed(q, y)
    compare(found, expected, mine, its, torch)


@each
def test_log_prob_of_samples_has_the_batch_shape(name):
    p, _, value = make(tp, D, name)
    assert p.log_prob(value).shape == p.batch_shape
    for shape in ((), (4,), (2, 5)):
        samples = p.sample(shape)
        assert samples.shape == (*shape, *p.batch_shape, *p.event_shape)
        assert not samples.requires_grad
        assert p.log_prob(samples).shape == (*shape, *p.batch_shape)
    assert p.sample((0,)).shape == (0, *p.batch_shape, *p.event_shape)


@each
def test_samples_have_the_mean_and_variance(name):
    tp.manual_seed(0)
    p, _, _ = make(tp, D, name)
    samples = p.sample((20_000,)).detach().numpy().astype("float64")
    mean, variance = p.mean.detach().numpy(), p.variance.detach().numpy()
    if np.isnan(mean).any():  # of classes: frequencies instead
        for row in range(2):
            found = np.bincount(samples[:, row].astype(int), minlength=3) / len(samples)
            np.testing.assert_allclose(found, p.probs.detach().numpy()[row], atol=0.02)
        return
    np.testing.assert_allclose(samples.mean(0), mean, atol=5 * np.sqrt(variance.max() / len(samples)))
    np.testing.assert_allclose(samples.var(0), variance, rtol=0.1)


@pytest.mark.parametrize("name", ["normal", "uniform", "independent"])
def test_rsample_lets_gradients_through(name):
    p, parameters, _ = make(tp, D, name)
    p.rsample((7,)).sum().backward()
    np.testing.assert_allclose(parameters[0].grad.numpy(), np.full((2, 3), 7.0))
    assert parameters[1].grad is not None


def test_discrete_values_have_no_rsample():
    with pytest.raises(NotImplementedError, match="no rsample"):
        D.Categorical(tp.ones(3)).rsample()


PAIRS = {
    "normal": lambda t, d: (d.Normal(t.tensor(LOC), t.tensor(SCALE)), d.Normal(t.tensor(SCALE), t.tensor(PROBS))),
    "uniform": lambda t, d: (d.Uniform(t.tensor([0.0, 1.0]), 2.0), d.Uniform(t.tensor([-1.0, 1.5]), 3.0)),
    "bernoulli": lambda t, d: (
        d.Bernoulli(t.tensor([0.0, 0.3, 1.0, 0.5])),
        d.Bernoulli(t.tensor([0.2, 0.0, 1.0, 0.7])),
    ),
    "categorical": lambda t, d: (d.Categorical(t.tensor(PROBS)), d.Categorical(logits=t.tensor(LOGITS))),
    "categorical, apart": lambda t, d: (
        d.Categorical(t.tensor([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]])),
        d.Categorical(t.tensor([[0.5, 0.0, 0.5], [0.0, 0.5, 0.5]])),
    ),
    "one hot": lambda t, d: (d.OneHotCategorical(t.tensor(PROBS)), d.OneHotCategorical(logits=t.tensor(LOGITS))),
    "independent": lambda t, d: (
        d.Independent(d.Normal(t.tensor(LOC), t.tensor(SCALE)), 1),
        d.Independent(d.Normal(t.tensor(SCALE), t.tensor(PROBS)), 1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_divergences(name):
    torch = pytest.importorskip("torch")
    expected = torch.distributions.kl_divergence(*PAIRS[name](torch, torch.distributions))
    p, q = PAIRS[name](tp, D)
    np.testing.assert_allclose(D.kl_divergence(p, q).numpy(), expected.numpy(), rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(D.kl_divergence(p, p).numpy(), 0, atol=1e-7)


def test_divergences_of_other_classes_are_registered():
    class Point(D.Distribution):
        pass

    with pytest.raises(NotImplementedError, match="Point and Normal"):
        D.kl_divergence(Point(), D.Normal(0.0, 1.0))

    @D.register_kl(Point, D.Normal)
    def rule(p, q):
        return q.entropy()

    assert D.kl_divergence(Point(), D.Normal(0.0, 1.0)).item() > 1
    with pytest.raises(TypeError, match="register_kl"):
        D.register_kl(Point, int)


def test_dtypes_stay():
    for dtype in (tp.float32, tp.float64):
        loc = tp.zeros(3, dtype=dtype)
        p = D.Normal(loc, 1.0)
        for found in (
            p.sample(),
            p.log_prob(loc),
            p.entropy(),
            D.Bernoulli(loc).sample(),
            D.Categorical(logits=loc).probs,
        ):
            assert found.dtype == dtype
    assert D.Categorical(tp.ones(2)).sample().dtype == tp.int64
    assert D.Normal(0, 1).sample().dtype == tp.float32


def test_a_seed_gives_the_same_samples():
    def draw():
        tp.manual_seed(3)
        return [D.Normal(0.0, 1.0).sample((4,)).tolist(), D.Categorical(tp.ones(5)).sample((4,)).tolist()]

    assert draw() == draw()


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda: D.Normal(0.0, -1.0), "scale must be above 0, got -1"),
        (lambda: D.Normal(float("nan"), 1.0), "loc must be a real number, got nan"),
        (lambda: D.Uniform(1.0, 1.0), "low must be below high"),
        (lambda: D.Bernoulli(1.5), "probs must be from 0 to 1"),
        (lambda: D.Bernoulli(), "either probs or logits, got neither"),
        (lambda: D.Bernoulli(0.5, 0.5), "got both"),
        (lambda: D.Categorical(tp.tensor([1.0, -1.0])), "0 or more"),
        (lambda: D.Categorical(logits=tp.tensor([1.0, float("nan")])), "real numbers"),
        (lambda: D.Categorical(tp.tensor(1.0)), "axis of classes"),
        (lambda: D.Categorical(tp.ones(3)).log_prob(tp.tensor(3)), "a class from 0 to 2, got 3"),
        (lambda: D.Categorical(tp.ones(3)).log_prob(tp.tensor(-1)), "a class from 0 to 2"),
        (lambda: D.Bernoulli(0.5).log_prob(tp.tensor(0.5)), "0 or 1"),
        (lambda: D.Normal(tp.zeros(3), 1.0).log_prob(tp.zeros(2)), "does not broadcast"),
        (lambda: D.Normal(0.0, 1.0).log_prob(1.0), "expects a Tensor"),
        (lambda: D.Uniform(0.0, 1.0).log_prob(tp.tensor(2.0)), "from low to high"),
        (lambda: D.Independent(D.Normal(0.0, 1.0), 1), "cannot take 1 axes"),
        (lambda: D.MixtureSameFamily(D.Normal(0.0, 1.0), D.Normal(0.0, 1.0)), "Categorical"),
        (lambda: D.MixtureSameFamily(D.Categorical(tp.ones(2)), D.Normal(tp.zeros(3), 1.0)), "2 classes"),
    ],
)
def test_what_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_checks_can_be_left_out():
    D.Normal(0.0, -1.0, validate_args=False)
    D.Distribution.set_default_validate_args(False)
    try:
        D.Normal(0.0, -1.0)
    finally:
        D.Distribution.set_default_validate_args(True)
    with pytest.raises(TypeError, match="must be a Tensor or a number"):
        D.Normal("0", 1.0)


def test_how_they_print():
    assert repr(D.Normal(tp.zeros(2, 3), 1.0)) == "Normal(loc: (2, 3), scale: (2, 3))"
    assert repr(D.Bernoulli(logits=0.0)) == "Bernoulli(logits: 0.0)"
    assert repr(D.Independent(D.Normal(tp.zeros(2), 1.0), 1)) == "Independent(Normal(loc: (2,), scale: (2,)), 1)"


def test_support():
    assert D.Categorical(tp.ones(2, 3)).enumerate_support().tolist() == [[0, 0], [1, 1], [2, 2]]
    assert D.Bernoulli(tp.ones(2)).enumerate_support(expand=False).tolist() == [[0.0], [1.0]]


def test_reinforce_learns_the_better_arm():
    """The score function's gradient: of two arms the one that pays is chosen in the end."""
    tp.manual_seed(0)
    preference = tp.zeros(2, requires_grad=True)
    optimizer = tp.optim.SGD([preference], lr=0.5)
    for _ in range(200):
        arms = D.Categorical(logits=preference)
        arm = arms.sample()
        loss = -arms.log_prob(arm) * float(arm.item() == 1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert D.Categorical(logits=preference).probs[1].item() > 0.9
