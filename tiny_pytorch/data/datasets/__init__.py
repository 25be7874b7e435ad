"""Data sets that travel inside the package: real data, and no download."""

from .digits import Digits

__all__ = ["Digits"]
