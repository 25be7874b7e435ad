"""The rules of the house: which way imports point, what stands where, what is documented, what must be compiled."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tiny_pytorch as tp
from tiny_pytorch.autograd import Op
from tiny_pytorch.backend.numpy import compiled_kernels
from tiny_pytorch.backend.table import reference_kernels

pytestmark = pytest.mark.numpy_only

PACKAGE = Path(tp.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
COMPILED = sorted((Path(__file__).parent.parent / "_ext").glob("*.p[yx][xi]"))

# Who may import whom: a module imports modules of its own height or lower.
HEIGHT = {
    "version": 0, "_ext": 0,
    "backend": 1, "random": 1,
    "autograd": 2,
    "ops": 3,
    "printing": 3, "config": 3, "cuda": 3,
    "methods": 4, "conversions": 4, "filling": 4, "tensor": 4, "array_api": 4, "testing": 4, "serialization": 4,
    "typed": 5, "switches": 5, "backends": 5,
    "amp": 5, "nn": 5, "optim": 5, "data": 5, "utils": 5, "distributions": 5, "func": 5, "jit": 5, "linalg": 5,
    "models": 6, "profiler": 6,
    "__init__": 7,
}  # fmt: skip
HEAVY = {
    "torch", "jax", "cupy", "array_api_strict", "matplotlib", "tqdm", "scipy", "sklearn", "pandas",
    "PIL", "pytest", "hypothesis", "multiprocessing.pool", "Cython",
}  # fmt: skip


def part(path: Path) -> str:
    """The top-level part of the package that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line, module or name as a path from the root) of every import of the package's own modules."""
    package = ["tiny_pytorch", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = base + (node.module.split(".") if node.module else [])
            found = [[*module, alias.name] for alias in node.names]
        else:
            continue
        for target in found:
            if target[0] == "tiny_pytorch":
                yield node.lineno, target[1:]


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE.parent))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_point_one_way(path: Path) -> None:
    own = part(path)
    assert own in HEIGHT, f"{own} is new: give it its place in HEIGHT, and in docs/architecture.md"
    for line, target in imports(path):
        assert target, f"{path}:{line} imports the whole package from inside; import the part that is needed"
        other = target[0]
        assert HEIGHT.get(other, 7) <= HEIGHT[own], (
            f"{path}:{line}: {own} must not import {other}, which stands above it"
        )
        if other == "_ext" and own != "_ext":
            allowed = own == "autograd" or path == PACKAGE / "backend" / "numpy.py"
            assert allowed, f"{path}:{line}: only backend/numpy.py and autograd/ import the compiled modules"


@pytest.mark.parametrize("path", COMPILED, ids=lambda path: path.name)
def test_compiled_modules_import_nothing_of_ours(path: Path) -> None:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        assert not re.match(r"\s*(from|c?import)\s+(tiny_pytorch|\.)", line), f"{path}:{number}: {line.strip()}"


@pytest.mark.parametrize("path", [p for p in SOURCES if part(p) != "backend"], ids=name_of)
def test_only_the_backend_layer_knows_backends_by_name(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Compare):
            for operand in [node.left, *node.comparators]:
                name = operand.value if isinstance(operand, ast.Constant) else None
                assert name not in tp.backend.CHOICES, f"{path}:{node.lineno} asks for the backend {name!r} by name"


def test_import_is_light() -> None:
    code = "import sys; before = set(sys.modules); import tiny_pytorch; print(*(set(sys.modules) - before))"
    numpy = {name: value for name, value in os.environ.items() if name != "TINY_PYTORCH_BACKEND"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=numpy)
    loaded = set(done.stdout.split())
    assert not loaded & HEAVY, f"import tiny_pytorch also imports {sorted(loaded & HEAVY)}"


def test_one_import_makes_everything_reachable() -> None:
    code = (
        "import tiny_pytorch as tp\n"
        "tp.nn.functional, tp.nn.init, tp.optim.SGD, tp.data.DataLoader, tp.autograd.grad\n"
        "tp.array_api, tp.testing"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", [*SOURCES, *COMPILED], ids=lambda path: path.name)
def test_files_are_short(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert lines <= 500, f"{path} has {lines} lines: it holds more than one idea"


# --- documentation ------------------------------------------------------------------------------------------


def public_modules() -> list[str]:
    found = [m.name for m in pkgutil.walk_packages(tp.__path__, "tiny_pytorch.")]
    private = {f"tiny_pytorch.backend.{name}" for name in tp.backend.CHOICES}
    found = [m for m in found if not m.startswith("tiny_pytorch.backend.cuda.")]  # of cupy, which need not be here
    return [m for m in found if m not in private and not any(p.startswith("_") for p in m.split("."))]


@pytest.mark.parametrize("name", ["tiny_pytorch", *public_modules()])
def test_public_names_are_documented(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} does not say what it is about"
    missing = []
    for public in getattr(module, "__all__", [n for n in vars(module) if not n.startswith("_")]):
        value = getattr(module, public)
        if not (getattr(value, "__module__", None) or "tiny_pytorch").startswith("tiny_pytorch"):
            continue
        if not (inspect.isroutine(value) or inspect.isclass(value) or isinstance(value, Op)):
            continue
        if not (value.__doc__ or "").strip():
            missing.append(public)
        if inspect.isclass(value) and value.__module__.startswith("tiny_pytorch"):
            missing += [f"{public}.{m}" for m in vars(value) if not m.startswith("_") and not _documented(value, m)]
    assert not missing, f"{name}: no docstring on {', '.join(missing)}"


def _documented(owner: type, name: str) -> bool:
    if name in getattr(owner, "__dataclass_fields__", {}):
        return True  # the class's docstring lists them
    value = inspect.getattr_static(owner, name)
    value = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
    if not (inspect.isroutine(value) or isinstance(value, (property, Op))):
        return True
    # An overriding method may leave it to the method that it overrides to say what it does.
    return any((getattr(vars(base).get(name), "__doc__", None) or "").strip() for base in owner.__mro__)


# --- kernels ------------------------------------------------------------------------------------------------


def test_the_compiled_kernels_are_present() -> None:
    lost = COMPILED_KERNELS - set(compiled_kernels())
    assert not lost, f"this build lost the compiled kernels {sorted(lost)}"


COMPILED_KERNELS = {
    "add", "subtract", "multiply", "divide", "relu", "relu_grad", "sum_to", "masked_scale", "keep_mask",
    "attention", "attention_grad", "self_attention", "self_attention_grad",
    "gelu", "gelu_grad", "sigmoid", "sigmoid_grad", "silu", "silu_grad", "tanh_grad",
    "scatter_add", "scatter_rows", "take", "matmul", "linear", "linear_grad", "linear_relu", "linear_relu_grad",
    "softmax", "softmax_grad", "log_softmax", "log_softmax_grad", "cross_entropy", "cross_entropy_grad",
    "layer_norm", "layer_norm_grad", "rms_norm", "rms_norm_grad", "group_norm", "group_norm_grad",
    "batch_norm", "batch_norm_eval", "batch_norm_grad",
    "conv", "conv_grad", "conv_relu", "conv_relu_grad", "max_pool", "max_pool_grad", "avg_pool", "avg_pool_grad",
    "sgd", "sgd_dampened", "adam", "adamw", "rmsprop", "total_norm", "rescale", "unscale",
    "rnn", "rnn_grad", "lstm", "lstm_grad", "gru", "gru_grad",
}  # fmt: skip


def test_every_kernel_has_its_twins_parameters() -> None:
    tables = {name: tp.backend.load(name).kernels for name in tp.backend.available()}
    for where, table in tables.items():
        for name, twin in reference_kernels().items():
            expected = list(inspect.signature(twin).parameters)[1:]
            found = list(inspect.signature(getattr(table, name)).parameters)
            assert found == expected, f"{where}: {name}{tuple(found)}, the reference takes {tuple(expected)}"


def test_every_reference_kernel_says_what_it_computes() -> None:
    missing = [name for name, kernel in reference_kernels().items() if not kernel.__doc__]
    assert not missing, f"no docstring on the kernels {missing}"
