"""The thread pool that compiled kernels share."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from tiny_pytorch._ext import parallel

pytestmark = pytest.mark.numpy_only


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


USE_POOL = """
import numpy as np
from tiny_pytorch._ext import optim, parallel
p, g = np.zeros(600_000, np.float32), np.ones(600_000, np.float32)
def work():
    optim.sgd([p], [g], None, 1.0, 0.0, 0.0, False)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_fork_starts_afresh():
    code = USE_POOL + (
        "import os, warnings\n"
        "warnings.simplefilter('ignore')\n"  # Python 3.12 warns of forking with threads, which is the point
        "parallel.set_num_threads(4)\n"
        "for _ in range(20): work()\n"
        "child = os.fork()\n"
        "for _ in range(20): work()\n"
        "assert (p == -40).all()\n"
        "if child == 0:\n"
        "    parallel.set_num_threads(2)\n"
        "    work()\n"
        "    os._exit(0 if (p == -41).all() else 1)\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    done = run_python(code)
    assert done.returncode == 0, done.stderr


def test_exit_is_clean():
    done = run_python(USE_POOL + "parallel.set_num_threads(4)\nwork()\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


class TestNumThreads:
    def test_set_and_get(self, threads):
        for n in (1, 2, 3, np.int64(2)):
            threads(n)
            assert parallel.get_num_threads() == n

    @pytest.mark.parametrize("bad", [0, -1, 257])
    def test_out_of_range(self, bad):
        before = parallel.get_num_threads()
        with pytest.raises(ValueError, match=rf"from 1 to 256, got {bad}"):
            parallel.set_num_threads(bad)
        assert parallel.get_num_threads() == before

    @pytest.mark.parametrize("bad", [1.5, "2", None, True])
    def test_not_an_integer(self, bad):
        with pytest.raises(TypeError, match="must be an integer"):
            parallel.set_num_threads(bad)

    def test_environment_variable(self):
        code = "from tiny_pytorch._ext import parallel; print(parallel.get_num_threads())"
        assert run_python(code, TINY_PYTORCH_NUM_THREADS="3").stdout == "3\n"
        assert int(run_python(code, TINY_PYTORCH_NUM_THREADS="").stdout) == parallel.usable_cores()

    @pytest.mark.parametrize("bad", ["0", "-1", "many", "1.5", "1000"])
    def test_bad_environment_variable(self, bad):
        done = run_python("import tiny_pytorch._ext.parallel", TINY_PYTORCH_NUM_THREADS=bad)
        assert done.returncode != 0
        assert "TINY_PYTORCH_NUM_THREADS must be an integer from 1 to 256" in done.stderr
