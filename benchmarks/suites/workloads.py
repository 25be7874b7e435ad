"""The rows that ``../peers.py`` compares with other libraries, as steps of ours."""

import sys
from pathlib import Path

import tiny_pytorch as tp

sys.path.append(str(Path(__file__).parents[1]))  # asv loads this folder alone
from workloads import ROWS, peer_of

NAMES = list(ROWS)


def step_of(name):
    """The function that does one step of a row, on as many threads as are set."""
    return peer_of("tiny_pytorch", tp.get_num_threads()).build(ROWS[name]).run
