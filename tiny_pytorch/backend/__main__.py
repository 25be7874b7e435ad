"""``python -m tiny_pytorch.backend``: which array libraries are installed, which work here, and why the others do not.

Each is tried in a process of its own, by a gradient that is computed on it.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import subprocess
import sys

from . import CHOICES, refused

TRIAL = """
import tiny_pytorch as tp
x = tp.tensor([1.0, 2.0], requires_grad=True)
(x * x).sum().backward()
assert x.grad.tolist() == [2.0, 4.0], f"the gradient of x * x at [1, 2] came out as {x.grad.tolist()}"
print(x.device)
"""


def version(module: str) -> str | None:
    """The version of whichever distribution brought a module (CuPy's has several names); None if it is not there."""
    if importlib.util.find_spec(module) is None:
        return None
    packages = importlib.metadata.packages_distributions().get(module)
    return importlib.metadata.version(packages[0]) if packages else "?"


def trial(name: str) -> tuple[bool, str]:
    """Whether a backend computes a gradient here, and on which device, or else why it does not."""
    environment = os.environ | {"TINY_PYTORCH_BACKEND": name}
    done = subprocess.run([sys.executable, "-c", TRIAL], capture_output=True, text=True, env=environment)
    said = (done.stderr if done.returncode else done.stdout).strip().splitlines()
    return done.returncode == 0, said[-1] if said else f"the process ended with {done.returncode}"


def main(names: list[str]) -> int:
    """Print a line for each backend. Returns 1 if one that was named or that the environment asks for does not work."""
    failed = False
    print(f"{'backend':<18} {'installed':<12} works")
    for name in names or list(CHOICES):
        found = version(name.partition(".")[0])
        if found is None and name in CHOICES:
            works, said = False, f"pip install {CHOICES[name][1]}"
        else:
            works, said = trial(name)
        failed |= not works
        print(f"{name:<18} {found or '-':<12} {'yes, on ' if works else 'no: '}{said}")
    print("\nTINY_PYTORCH_BACKEND chooses one, TINY_PYTORCH_DEVICE its device; see docs/backends.md.")
    if refused is not None:
        print(f"What they say now does not work: {refused}")
    return int((failed and bool(names)) or refused is not None)


if __name__ == "__main__":
    parser = argparse.ArgumentParser("python -m tiny_pytorch.backend", description="Which array libraries work here.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to try; else all that have a file of their own")
    sys.exit(main(parser.parse_args().names))
