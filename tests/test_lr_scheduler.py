"""Schedulers: PyTorch's learning rates over 50 epochs, state dicts, chains, errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tiny_pytorch as tp
from tiny_pytorch.optim import SGD, Adam, Optimizer, lr_scheduler
from tiny_pytorch.optim.lr_scheduler import (
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)

pytestmark = pytest.mark.numpy_only  # they know numbers only


class Bare(Optimizer):
    """An optimizer without momentum."""

    def check(self, group):
        return {}


class Hill:
    """A callable with a state."""

    def __init__(self, top):
        self.top = top

    def __call__(self, epoch):
        return 1 / (1 + abs(epoch - self.top))


SCHEDULERS = {
    "StepLR": lambda s, o: s.StepLR(o, 7, gamma=0.3),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, [3, 10, 10, 41], gamma=0.5),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, 0.93),
    "LambdaLR": lambda s, o: s.LambdaLR(o, lambda epoch: 1 / (epoch + 1)),
    "LambdaLR, two": lambda s, o: s.LambdaLR(o, [lambda epoch: 0.9**epoch, Hill(10)]),
    "LinearLR": lambda s, o: s.LinearLR(o, start_factor=0.25, end_factor=0.75, total_iters=12),
    "LinearLR, default": lambda s, o: s.LinearLR(o),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, T_max=50, eta_min=0.001),
    "CosineAnnealingLR, up again": lambda s, o: s.CosineAnnealingLR(o, T_max=9, eta_min=0.001),
    "CosineAnnealingLR, to 0": lambda s, o: s.CosineAnnealingLR(o, T_max=1),
    "ConstantLR": lambda s, o: s.ConstantLR(o, factor=0.25, total_iters=7),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o, total_iters=20, power=1.5),
    "MultiplicativeLR": lambda s, o: s.MultiplicativeLR(o, lambda epoch: 1 - 1 / (epoch + 3)),
    "CosineAnnealingWarmRestarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 7, eta_min=0.001),
    "CosineAnnealingWarmRestarts, longer": lambda s, o: s.CosineAnnealingWarmRestarts(o, 4, T_mult=2),
    "CyclicLR": lambda s, o: s.CyclicLR(o, 0.01, [0.1, 0.2], 5, cycle_momentum=False),
    "CyclicLR, halved": lambda s, o: s.CyclicLR(o, [0.01, 0.02], 0.1, 5, 8, mode="triangular2"),
    "CyclicLR, falling": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 5, mode="exp_range", gamma=0.97),
    "CyclicLR, function": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 5, scale_fn=lambda i: 1 / i),
    "CyclicLR, of steps": lambda s, o: s.CyclicLR(
        o, 0.01, 0.1, 5, scale_fn=lambda i: 0.9**i, scale_mode="iterations", base_momentum=[0.7, 0.6], max_momentum=0.8
    ),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, [0.1, 0.2], total_steps=60),
    "OneCycleLR, lines": lambda s, o: s.OneCycleLR(
        o,
        0.1,
        epochs=10,
        steps_per_epoch=5,
        pct_start=0.4,
        anneal_strategy="linear",
        div_factor=10,
        final_div_factor=50,
    ),
    "OneCycleLR, three": lambda s, o: s.OneCycleLR(o, 0.1, total_steps=50, three_phase=True, cycle_momentum=False),
    "ChainedScheduler": lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.5, 5), s.ExponentialLR(o, 0.9)]),
    "SequentialLR": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.1, total_iters=5), s.CosineAnnealingLR(o, 20), s.StepLR(o, 5)], milestones=[5, 25]
    ),
}
every_scheduler = pytest.mark.parametrize("make", SCHEDULERS.values(), ids=SCHEDULERS)


def optimizer(cls=SGD, lrs=(0.1, 0.02), **more):
    groups = [{"params": [tp.zeros(1, requires_grad=True)], "lr": lr} for lr in lrs]
    return cls(groups, lr=1.0, **more)


def theirs():
    torch = pytest.importorskip("torch")
    groups = [{"params": [torch.zeros(1, requires_grad=True)], "lr": lr} for lr in (0.1, 0.02)]
    return torch.optim.lr_scheduler, torch.optim.SGD(groups, lr=1.0)


def momenta(o):
    return [group["momentum"] for group in o.param_groups]


def lrs(o):
    return [group["lr"] for group in o.param_groups]


@every_scheduler
@pytest.mark.filterwarnings("ignore")
def test_agrees_with_pytorch(make):
    their_schedulers, other = theirs()
    mine = optimizer()
    scheduler, reference = make(lr_scheduler, mine), make(their_schedulers, other)
    for _ in range(50):
        np.testing.assert_allclose(lrs(mine), lrs(other), rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(momenta(mine), momenta(other), rtol=1e-9)
        assert scheduler.get_last_lr() == lrs(mine)
        mine.step()
        other.step()
        scheduler.step()
        reference.step()
    names = set(scheduler.state_dict()) - {"_step_count"}
    assert names <= set(reference.state_dict())


@every_scheduler
def test_goes_on_from_a_state_dict(make):
    straight, first, second = optimizer(), optimizer(), optimizer()
    expected, before, after = (make(lr_scheduler, o) for o in (straight, first, second))
    for _ in range(7):
        expected.step()
        before.step()
    second.load_state_dict(first.state_dict())
    after.load_state_dict(before.state_dict())
    for _ in range(30):
        assert lrs(second) == lrs(straight)
        assert after.last_epoch == expected.last_epoch
        expected.step()
        after.step()


@every_scheduler
@pytest.mark.filterwarnings("ignore")
def test_reads_pytorchs_state_dict(make):
    their_schedulers, other = theirs()
    mine = optimizer()
    scheduler, reference = make(lr_scheduler, mine), make(their_schedulers, other)
    for _ in range(7):
        reference.step()
    for group, theirs_group in zip(mine.param_groups, other.param_groups, strict=True):
        group["lr"] = theirs_group["lr"]
    scheduler.load_state_dict(reference.state_dict())
    for _ in range(20):
        scheduler.step()
        reference.step()
        np.testing.assert_allclose(lrs(mine), lrs(other), rtol=1e-9, atol=1e-15)


def test_an_objects_attributes_travel_in_the_state_dict():
    first = LambdaLR(optimizer(lrs=(1.0,)), Hill(3))
    hill = Hill(7)
    second = LambdaLR(optimizer(lrs=(1.0,)), hill)
    second.load_state_dict(first.state_dict())
    assert hill.top == 3


@pytest.mark.filterwarnings("ignore")
def test_schedulers_multiply():
    their_schedulers, other = theirs()
    mine = optimizer()
    chains = [
        [s.ExponentialLR(o, 0.9), s.LinearLR(o, 0.5, total_iters=4), s.CosineAnnealingLR(o, 6, eta_min=0.01)]
        for s, o in ((lr_scheduler, mine), (their_schedulers, other))
    ]
    for _ in range(20):
        for chain in chains:
            for scheduler in chain:
                scheduler.step()
        np.testing.assert_allclose(lrs(mine), lrs(other), rtol=1e-9)


def test_last_epoch_goes_on():
    o = optimizer()
    scheduler = CosineAnnealingLR(o, 10)
    for _ in range(4):
        scheduler.step()
    again = CosineAnnealingLR(o, 10, last_epoch=3)
    assert again.last_epoch == 4
    np.testing.assert_allclose(lrs(o), [lr * (1 + math.cos(0.4 * math.pi)) / 2 for lr in (0.1, 0.02)])
    with pytest.raises(KeyError, match="group 0 has no 'initial_lr'"):
        StepLR(optimizer(), 3, last_epoch=5)


def test_the_optimizer_follows():
    p = tp.tensor([1.0], requires_grad=True)
    o = SGD([p], lr=1.0)
    scheduler = ExponentialLR(o, 0.5)
    steps = []
    for _ in range(3):
        o.zero_grad()
        p.sum().backward()
        before = p.item()
        o.step()
        steps.append(before - p.item())
        scheduler.step()
    assert steps == [1.0, 0.5, 0.25]


PLATEAUS = {
    "default": {},
    "max": {"mode": "max", "factor": 0.5, "patience": 2},
    "abs": {"threshold_mode": "abs", "threshold": 0.05, "patience": 1},
    "max, abs": {"mode": "max", "threshold_mode": "abs", "threshold": 0.05, "patience": 1, "factor": 0.7},
    "cooldown": {"patience": 0, "cooldown": 3, "factor": 0.5},
    "lowest": {"patience": 0, "factor": 0.1, "min_lr": [0.01, 0.001]},
    "small falls": {"patience": 0, "factor": 0.5, "eps": 0.01},
}


@pytest.mark.parametrize("options", PLATEAUS.values(), ids=PLATEAUS)
def test_plateau_agrees_with_pytorch(options):
    their_schedulers, other = theirs()
    mine = optimizer()
    scheduler = ReduceLROnPlateau(mine, **options)
    reference = their_schedulers.ReduceLROnPlateau(other, **options)
    rng = np.random.default_rng(0)
    for epoch in range(50):
        loss = float(rng.uniform(0, 1 / (1 + epoch)))
        measure = 1 - loss if scheduler.mode == "max" else loss
        scheduler.step(tp.tensor(measure, dtype=tp.float64))
        reference.step(measure)
        np.testing.assert_allclose(lrs(mine), lrs(other), rtol=1e-12)
        assert scheduler.get_last_lr() == lrs(mine)
        assert scheduler.num_bad_epochs == reference.num_bad_epochs
    assert scheduler.state_dict().keys() <= reference.state_dict().keys()
    again = ReduceLROnPlateau(mine)
    again.load_state_dict(reference.state_dict())
    assert again.best == reference.best
    assert again.patience == reference.patience


@pytest.mark.parametrize("name, args", [("OneCycleLR", (0.1, 30)), ("CyclicLR", (0.01, 0.1, 5))])
def test_betas_are_cycled(name, args):
    torch = pytest.importorskip("torch")
    mine = optimizer(Adam)
    other = torch.optim.Adam([{"params": [torch.zeros(1)], "lr": lr} for lr in (0.1, 0.02)])
    scheduler, reference = (
        getattr(lr_scheduler, name)(mine, *args),
        getattr(torch.optim.lr_scheduler, name)(other, *args),
    )
    for _ in range(29):
        for ours, expected in zip(mine.param_groups, other.param_groups, strict=True):
            np.testing.assert_allclose(ours["betas"], expected["betas"], rtol=1e-9)
            np.testing.assert_allclose(ours["lr"], expected["lr"], rtol=1e-9)
        mine.step()
        other.step()
        scheduler.step()
        reference.step()


@pytest.mark.parametrize("T_mult", [1, 2])
def test_restarts_between_two_epochs(T_mult):
    their_schedulers, other = theirs()
    mine = optimizer()
    scheduler = lr_scheduler.CosineAnnealingWarmRestarts(mine, 3, T_mult)
    reference = their_schedulers.CosineAnnealingWarmRestarts(other, 3, T_mult)
    for epoch in (0.0, 0.5, 2.9, 3.0, 7.25, 9.0, 20.5, 1):
        scheduler.step(epoch)
        reference.step(epoch)
        np.testing.assert_allclose(lrs(mine), lrs(other), rtol=1e-9, atol=1e-15)


def test_one_cycle_ends():
    o = optimizer()
    scheduler = lr_scheduler.OneCycleLR(o, 0.1, total_steps=3)
    for _ in range(3):
        scheduler.step()
    before = lrs(o), scheduler.last_epoch
    with pytest.raises(ValueError, match="all 3 steps have been made"):
        scheduler.step()
    assert before == (lrs(o), scheduler.last_epoch)


ERRORS = [
    (lambda o: lr_scheduler.OneCycleLR(o, 0.1), ValueError, "total_steps, or both epochs and steps_per_epoch"),
    (lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=0), ValueError, "from 1 on, got 0"),
    (lambda o: lr_scheduler.OneCycleLR(o, [0.1], 5), ValueError, "one max_lr for each of 2 groups, got 1"),
    (lambda o: lr_scheduler.OneCycleLR(o, 0.1, 5, pct_start=1.5), ValueError, "a fraction, 0 to 1, got 1.5"),
    (lambda o: lr_scheduler.OneCycleLR(o, 0.1, 5, anneal_strategy="up"), ValueError, "'cos' or 'linear', got 'up'"),
    (lambda o: lr_scheduler.OneCycleLR("SGD", 0.1, 5), TypeError, "an Optimizer, got str"),
    (lambda o: lr_scheduler.CyclicLR("SGD", 0.1, 1.0), TypeError, "an Optimizer, got str"),
    (lambda o: lr_scheduler.CyclicLR(o, 0.1, 1.0, mode="square"), ValueError, "got 'square'"),
    (lambda o: lr_scheduler.CyclicLR(o, 0.1, 1.0, scale_mode="days"), ValueError, "'iterations', got 'days'"),
    (lambda o: lr_scheduler.CyclicLR(o, 0.1, 1.0, 0), ValueError, "above 0, got 0 and 0"),
    (lambda o: lr_scheduler.CyclicLR(o, 0.1, 1.0, 5, 0), ValueError, "above 0, got 5 and 0"),
    (lambda o: lr_scheduler.CyclicLR(Bare(o.param_groups, {}), 0.1, 1.0), ValueError, "neither momentum nor betas"),
    (lambda o: lr_scheduler.ConstantLR(o, factor=1.5), ValueError, "at most 1, got 1.5"),
    (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 0), ValueError, "T_0 must be an integer from 1 on, got 0"),
    (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 2).step(-1), ValueError, "at least 0, got -1"),
    (lambda o: lr_scheduler.MultiplicativeLR(o, 0.5), TypeError, "MultiplicativeLR: .* callable, got 0.5"),
    (lambda o: lr_scheduler.ChainedScheduler([]), ValueError, "at least one scheduler"),
    (lambda o: lr_scheduler.ChainedScheduler([StepLR(o, 1)], optimizer()), ValueError, "of another optimizer"),
    (lambda o: StepLR(o, 0), ValueError, "step_size must be at least 1, got 0"),
    (lambda o: StepLR("SGD", 1), TypeError, "an Optimizer, got str"),
    (lambda o: ReduceLROnPlateau("SGD"), TypeError, "an Optimizer, got str"),
    (lambda o: CosineAnnealingLR(o, 0), ValueError, "T_max must be at least 1, got 0"),
    (lambda o: LinearLR(o, start_factor=0.0), ValueError, "start_factor"),
    (lambda o: LinearLR(o, end_factor=1.5), ValueError, "end_factor"),
    (lambda o: LambdaLR(o, [math.sqrt]), ValueError, "each of 2 groups, got 1"),
    (lambda o: LambdaLR(o, 0.5), TypeError, "callable, got 0.5"),
    (lambda o: ReduceLROnPlateau(o, factor=1.0), ValueError, "factor must be below 1"),
    (lambda o: ReduceLROnPlateau(o, mode="least"), ValueError, "mode must be 'min' or 'max', got 'least'"),
    (lambda o: ReduceLROnPlateau(o, threshold_mode="ratio"), ValueError, "threshold_mode"),
    (lambda o: ReduceLROnPlateau(o, min_lr=[0.1]), ValueError, "each of 2 groups, got 1"),
    (lambda o: ReduceLROnPlateau(o).step(), TypeError, "pass the measure"),
    (lambda o: ReduceLROnPlateau(o).restart(), NotImplementedError, "follows a measure"),
    (lambda o: LRScheduler(o), NotImplementedError, "has no get_lr"),
    (lambda o: SequentialLR(o, [StepLR(o, 1)], [1]), ValueError, "got 1 milestones for 1 schedulers"),
    (lambda o: SequentialLR(o, [ReduceLROnPlateau(o)], []), ValueError, "scheduler 0 follows a measure"),
    (lambda o: SequentialLR(o, [StepLR(optimizer(), 1)], []), ValueError, "of another optimizer"),
    (lambda o: SequentialLR(o, [StepLR(o, 1)], [], last_epoch=3), ValueError, "must be -1, got 3"),
    (lambda o: StepLR(o, 1).load_state_dict([]), TypeError, "must be a dict, got list"),
    (lambda o: StepLR(o, 1).load_state_dict({"gamma": 1}), KeyError, "lacks .*step_size"),
]


@pytest.mark.parametrize("call, error, message", ERRORS)
def test_errors(call, error, message):
    with pytest.raises(error, match=message):
        call(optimizer())


def test_a_restart_begins_anew():
    o = optimizer()
    schedulers = (
        MultiStepLR(o, [1, 2]),
        SequentialLR(o, [ExponentialLR(o, 0.5)], []),
        lr_scheduler.CosineAnnealingWarmRestarts(o, 3),
    )
    for scheduler in schedulers:
        scheduler.step()
        scheduler.restart()
        assert lrs(o) == [0.1, 0.02]
        assert scheduler.last_epoch == 0
