"""Learning rates that change while a model learns: schedulers over an optimizer's groups."""

from .decay import ExponentialLR, LambdaLR, MultiStepLR, StepLR
from .plateau import ReduceLROnPlateau
from .ramp import CosineAnnealingLR, LinearLR
from .scheduler import LRScheduler
from .sequential import SequentialLR

__all__ = [
    "CosineAnnealingLR", "ExponentialLR", "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR",
    "ReduceLROnPlateau", "SequentialLR", "StepLR",
]  # fmt: skip
