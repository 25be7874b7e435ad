"""Learning rates that change while a model learns: schedulers over an optimizer's groups."""

from .cyclic import CyclicLR, OneCycleLR
from .decay import ExponentialLR, LambdaLR, MultiplicativeLR, MultiStepLR, StepLR
from .plateau import ReduceLROnPlateau
from .ramp import ConstantLR, CosineAnnealingLR, LinearLR, PolynomialLR
from .restarts import CosineAnnealingWarmRestarts
from .scheduler import LRScheduler
from .sequential import ChainedScheduler, SequentialLR

__all__ = [
    "ChainedScheduler", "ConstantLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR", "ExponentialLR",
    "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR", "MultiplicativeLR", "OneCycleLR", "PolynomialLR",
    "ReduceLROnPlateau", "SequentialLR", "StepLR",
]  # fmt: skip
