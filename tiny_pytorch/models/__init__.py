"""Whole models, each in a file that can be read from top to bottom."""

from . import sampling
from .gpt import GPT
from .language_model import LanguageModel
from .lenet import LeNet
from .mlp import MLP
from .resnet9 import ResNet9

__all__ = ["GPT", "LanguageModel", "LeNet", "MLP", "ResNet9", "sampling"]
