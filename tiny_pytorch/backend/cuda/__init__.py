"""CUDA kernels: their sources, and what launches them on CuPy's arrays.

Each ``.cu`` file is compiled by NVRTC when one of its kernels is first called, once for each dtype, and CuPy keeps
the result on disk. Nothing in this file needs CuPy, so that the sources can be compiled and tested without a GPU.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

__all__ = ["REALS", "SOURCES", "options", "source"]

FOLDER = Path(__file__).parent
SOURCES: tuple[str, ...] = tuple(sorted(path.stem for path in FOLDER.glob("*.cu")))
REALS: dict[str, str] = {"float32": "float", "float64": "double"}  # what the kernels compute in, by dtype

_INCLUDE = re.compile(r'^#include "(.+)"\n', re.MULTILINE)


@functools.cache
def source(name: str) -> str:
    """The CUDA C of one file, its includes pasted in: CuPy's cache on disk does not look into included files."""
    seen: set[str] = set()

    def paste(file: str) -> str:
        if file in seen:
            return ""
        seen.add(file)
        text = (FOLDER / file).read_text(encoding="utf-8")
        return _INCLUDE.sub(lambda match: paste(match[1]), text)

    return paste(f"{name}.cu")


def options(dtype: str) -> tuple[str, ...]:
    """The compiler's options for kernels on arrays of ``dtype``. No fast math: NaN and infinity keep their meaning."""
    return "-std=c++17", f"-DREAL={REALS[dtype]}"
