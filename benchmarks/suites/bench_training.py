"""Whole training steps, as a script writes them: the workloads that ``peers.py`` compares with other libraries."""

import tracemalloc

import tiny_pytorch as tp

from .devices import synchronised
from .workloads import NAMES, step_of


class Workload:
    params = [NAMES]
    param_names = ["workload"]

    def setup(self, workload):
        tp.manual_seed(0)
        self.step = step_of(workload)
        self.step()


@synchronised
class Steps(Workload):
    def time_step(self, workload):
        self.step()


class Memory(Workload):
    """Of the process: what it holds at most, and what it still holds more after many steps (it should be nothing)."""

    def peakmem_3_steps(self, workload):
        for _ in range(3):
            self.step()

    def track_growth_over_20_steps(self, workload):
        tracemalloc.start()
        self.step()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(20):
            self.step()
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return after - before

    track_growth_over_20_steps.unit = "bytes"


@synchronised
class Digits:
    def setup(self):
        self.loader = tp.data.DataLoader(tp.data.datasets.Digits(train=True), batch_size=32, shuffle=True)

    def time_epoch_of_batches(self):
        for _ in self.loader:
            pass
