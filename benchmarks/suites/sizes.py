"""How large: working sets that fit a processor's first cache, its second, its third, and none."""

KIB, MIB = 2**10, 2**20
SIZES = {"L1: 8 KiB": 8 * KIB, "L2: 256 KiB": 256 * KIB, "L3: 4 MiB": 4 * MIB, "memory: 64 MiB": 64 * MIB}
NAMES = list(SIZES)


def how_many(size, each):
    """How many things of ``each`` bytes make up the working set named ``size``."""
    return max(1, SIZES[size] // each)
