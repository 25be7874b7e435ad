"""What ``import tiny_pytorch`` costs in a new interpreter: time alone and on top of NumPy, memory, modules."""

import subprocess
import sys

COUNT = "import sys; before = len(sys.modules); import {}; print(len(sys.modules) - before)"


def run(code):
    """What a new interpreter prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


class Import:
    def timeraw_numpy(self):
        return "import numpy"

    def timeraw_tiny_pytorch(self):
        return "import tiny_pytorch"

    def timeraw_on_top_of_numpy(self):
        return "import tiny_pytorch", "import numpy"

    def peakmem_tiny_pytorch(self):
        """Of a process that imports the package, and asv's runner."""
        import tiny_pytorch  # noqa: F401

    def track_modules(self):
        """How many modules are loaded on top of NumPy's."""
        return int(run(COUNT.format("tiny_pytorch"))) - int(run(COUNT.format("numpy")))

    track_modules.unit = "modules"
