"""Whole models, each in a file that can be read from top to bottom."""

from .gpt import GPT
from .mlp import MLP

__all__ = ["GPT", "MLP"]
