"""Random masks, each element a function of its place and a key: the same on every backend, made where it is needed."""

from __future__ import annotations

import math

__all__ = ["keep_mask"]

# J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11.
_ROUNDS = 10
_MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
_WEYL = 0x9E3779B9, 0xBB67AE85  # what the two halves of the key grow by from round to round
_WORD = 0xFFFFFFFF


def keep_mask(xp, shape, p, key):
    """True with probability ``1 - p``: elements of ``shape`` whose random word is at least ``p * 2^32``.

    Philox4x32-10 makes four words of block number b = 0, 1, ..., q - 1 and the ``key`` (an int, 0 to 2^63 - 1), with
    ``q = ceil(n / 4)`` for n elements; they belong to the elements b, q + b, 2 q + b and 3 q + b in C order.
    """
    n = math.prod(shape)
    blocks = xp.arange(-(-n // 4), dtype=xp.int64)
    zeros = xp.zeros_like(blocks)
    words = _philox(blocks & _WORD, blocks >> 32, zeros, zeros, key)
    return xp.reshape(xp.concat(words)[:n] >= round(p * 2**32), shape)


def _philox(a, b, c, d, key):
    """The four words of each counter (a, b, c, d). All of them are in int64 arrays: few libraries have uint32."""
    k, m = key & _WORD, key >> 32
    for _ in range(_ROUNDS):
        (high_a, low_a), (high_c, low_c) = _product(_MULTIPLIERS[0], a), _product(_MULTIPLIERS[1], c)
        a, b, c, d = high_c ^ b ^ k, low_c, high_a ^ d ^ m, low_a
        k, m = (k + _WEYL[0]) & _WORD, (m + _WEYL[1]) & _WORD
    return a, b, c, d


def _product(factor, word):
    """High and low word of a product, by the halves of ``word``, so that nothing exceeds 63 bits."""
    low = factor * (word & 0xFFFF)
    high = factor * (word >> 16) + (low >> 16)
    return high >> 16, ((high & 0xFFFF) << 16) | (low & 0xFFFF)
