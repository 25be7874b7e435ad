"""``RawModule`` on the host: the CUDA source is compiled by the C++ compiler, behind cuda.h."""

from __future__ import annotations

import atexit
import ctypes
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy

from . import _array

HEADER = Path(__file__).parent.parent / "cuda.h"
KERNEL = re.compile(r'extern "C" __global__ void (\w+)\(')
FLAGS = ["-O1", "-fPIC", "-shared", "-fno-strict-aliasing", "-U_FORTIFY_SOURCE", "-w"]
ENTRY = """
extern "C" const char* launch_{0}(int n, void** values, const unsigned* grid, const unsigned* block, int backwards) {{
    return emulation::launch({0}, n, values, grid, block, backwards);
}}
extern "C" int sizes_{0}(size_t* out) {{ return emulation::sizes({0}, out); }}
"""
DIMENSIONS, POINTERS = ctypes.c_uint * 3, ctypes.c_void_p * 32
backwards = False
_folder = Path(tempfile.mkdtemp(prefix="emulated-kernels-"))
atexit.register(shutil.rmtree, _folder, ignore_errors=True)


def emulate_backwards(on: bool) -> None:
    """Run the threads and blocks of kernels in reverse order, or not."""
    global backwards
    backwards = on


class RawModule:
    """Kernels compiled from one source."""

    def __init__(self, code: str, options: tuple[str, ...] = ()):
        names = KERNEL.findall(code)
        text = f'#include "{HEADER}"\n{code}' + "".join(map(ENTRY.format, names))
        stem = Path(_folder, hashlib.sha1("\0".join([text, *options]).encode()).hexdigest())
        source, library = stem.with_suffix(".cpp"), stem.with_suffix(".so")
        if not library.exists():
            source.write_text(text)
            compiler = [
                os.environ.get("CXX", "c++"),
                "-O1",
                "-fPIC",
                "-shared",
                "-fno-strict-aliasing",
                "-U_FORTIFY_SOURCE",
                "-w",
            ]
            subprocess.run([*compiler, *options, str(source), "-o", str(library)], check=True)
        self._library = ctypes.CDLL(str(library))

    def get_function(self, name: str) -> RawKernel:
        return RawKernel(self._library, name)


class RawKernel:
    """One kernel, launched as CuPy launches: a grid, a block, the arguments."""

    def __init__(self, library: ctypes.CDLL, name: str):
        self._launch = getattr(library, f"launch_{name}")
        self._launch.restype = ctypes.c_char_p
        sizes = (ctypes.c_size_t * 32)()
        self._sizes = list(sizes[: getattr(library, f"sizes_{name}")(sizes)])
        self.name = name

    def __call__(self, grid: tuple[int, ...], block: tuple[int, ...], args: tuple[Any, ...]) -> None:
        packed = [_pack(a) for a in args]
        given = [p.nbytes for p in packed]
        if given != self._sizes:
            raise TypeError(f"{self.name}: the arguments have {given} bytes, its parameters {self._sizes}")
        dimensions = [DIMENSIONS(*(*d, 1, 1)[:3]) for d in (grid, block)]
        pointers = POINTERS(*[p.__array_interface__["data"][0] for p in packed])

        def run(packed: Any = packed) -> None:  # `packed` owns what the pointers point to
            error = self._launch(len(packed), pointers, *dimensions, int(backwards))
            if error:
                raise RuntimeError(f"{self.name}: {error.decode()}")

        if _array.recording is None:
            run()
        else:
            _array.recording.append(run)


def _pack(value: Any) -> numpy.ndarray:
    """The bytes that the kernel finds as its parameter."""
    if isinstance(value, _array.ndarray):
        return numpy.array([value.data.ptr], dtype=numpy.int64)
    if isinstance(value, bool):
        return numpy.array([value])
    if isinstance(value, int):
        return numpy.array([value], dtype=numpy.int64)
    if isinstance(value, float):
        return numpy.array([value], dtype=numpy.float64)
    if isinstance(value, numpy.ndarray) and value.size == 1:  # a structure, by value
        return value.copy()
    raise TypeError(f"Unsupported type {type(value)}")
