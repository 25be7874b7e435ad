"""The CUDA sources compile, with whichever of NVIDIA's two compilers is installed. No GPU is needed for that."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tiny_pytorch.backend import cuda

pytestmark = pytest.mark.numpy_only

NVCC = shutil.which("nvcc")
KERNEL = re.compile(r'extern "C" __global__ void (\w+)\(')
every_source = pytest.mark.parametrize("name", cuda.SOURCES)
every_dtype = pytest.mark.parametrize("dtype", cuda.REALS)


def test_there_are_sources() -> None:
    expected = {"cross_entropy", "elementwise", "indexing", "linalg", "norm", "optim", "random", "softmax"}
    assert set(cuda.SOURCES) == expected
    for name in cuda.SOURCES:
        assert KERNEL.findall(cuda.source(name)), f"{name}.cu has no kernel that can be called by name"


@every_source
def test_includes_are_pasted_once(name: str) -> None:
    text = cuda.source(name)
    assert "#include" not in text
    assert text.count("typedef REAL real;") == 1


def test_host_and_device_agree_on_the_tables_of_optimizers() -> None:
    on_device = dict(re.findall(r"constexpr int (\w+) = (\d+);", cuda.source("optim")))
    on_host = dict(re.findall(r"^(\w+) = (\d+)", (cuda.FOLDER / "optim.py").read_text(), re.MULTILINE))
    assert {name: on_host[name] for name in on_device} == on_device == {"CAPACITY": "60", "CHUNK": "16384"}
    largest = 8 * ((3 + 5) * int(on_device["CAPACITY"]) + 2) + 6 * 8  # five lists, six numbers
    assert largest <= 4096, "a launch has 4 KiB of parameters"


@pytest.mark.skipif(NVCC is None, reason="nvcc is not installed")
@every_source
@every_dtype
def test_nvcc_compiles(name: str, dtype: str, tmp_path: Path) -> None:
    source, ptx = tmp_path / f"{name}.cu", tmp_path / f"{name}.ptx"
    source.write_text(cuda.source(name))
    command = [str(NVCC), "-ptx", "-Werror", "all-warnings", *cuda.options(dtype), str(source), "-o", str(ptx)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    check_entries(name, ptx.read_text())


@pytest.mark.skipif(NVCC is None, reason="nvcc is not installed")
@every_source
@every_dtype
def test_no_kernel_spills_registers(name: str, dtype: str, tmp_path: Path) -> None:
    source = tmp_path / f"{name}.cu"
    source.write_text(cuda.source(name))
    command = [str(NVCC), "-cubin", "-arch=sm_90", "-Xptxas", "-v", *cuda.options(dtype), str(source), "-o",
               str(tmp_path / "cubin")]  # fmt: skip
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    used = re.findall(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", said)
    assert len(used) >= len(KERNEL.findall(cuda.source(name)))
    assert {int(n) for kernel in used for n in kernel} == {0}, said


@every_source
@every_dtype
def test_nvrtc_compiles(name: str, dtype: str) -> None:
    nvrtc = pytest.importorskip("cuda.bindings.nvrtc", reason="cuda-bindings and nvidia-cuda-nvrtc are not installed")
    done = nvrtc.nvrtcResult.NVRTC_SUCCESS
    error, program = nvrtc.nvrtcCreateProgram(cuda.source(name).encode(), f"{name}.cu".encode(), 0, [], [])
    assert error == done
    flags = [flag.encode() for flag in (*cuda.options(dtype), "-arch=compute_90")]
    (error,) = nvrtc.nvrtcCompileProgram(program, len(flags), flags)
    log = b" " * nvrtc.nvrtcGetProgramLogSize(program)[1]
    nvrtc.nvrtcGetProgramLog(program, log)
    assert error == done, log.decode()
    ptx = b" " * nvrtc.nvrtcGetPTXSize(program)[1]
    nvrtc.nvrtcGetPTX(program, ptx)
    nvrtc.nvrtcDestroyProgram(program)
    check_entries(name, ptx.decode())


def check_entries(name: str, ptx: str) -> None:
    """Every kernel can be found by its plain name."""
    entries = set(re.findall(r"\.entry (\w+)\(", ptx))
    assert entries == set(KERNEL.findall(cuda.source(name)))
