"""Checks what ``python -m build`` made: ``check_dist.py FOLDER``, from the root of the checkout."""

import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

WHEEL_LIMIT = 3_000_000
COMPILED = {".so", ".pyd"}


def check_wheel(path: Path) -> None:
    """Small; every module compiled; the data and its attribution; no source that is not imported."""
    size = path.stat().st_size
    assert size < WHEEL_LIMIT, f"{path.name}: {size} bytes, the limit is {WHEEL_LIMIT}"
    names = [PurePosixPath(name) for name in zipfile.ZipFile(path).namelist()]
    strangers = [str(n) for n in names if n.parts[0] != "tiny_pytorch" and ".dist-info" not in n.parts[0]]
    assert not strangers, f"{path.name} installs {strangers} beside tiny_pytorch"
    sources = [str(n) for n in names if n.suffix in {".pyx", ".pxi", ".pxd", ".c", ".h"}]
    assert not sources, f"{path.name} holds sources: {sources}"

    compiled = {n.name.partition(".")[0] for n in names if n.suffix in COMPILED}
    expected = {source.stem for source in Path("_ext").glob("*.pyx")}
    assert compiled == expected, f"{path.name}: compiled {sorted(compiled)}, expected {sorted(expected)}"
    modules = {str(n) for n in names}
    missing = [str(p) for p in Path("tiny_pytorch").rglob("*.py") if p.as_posix() not in modules]
    assert not missing, f"{path.name} lacks {missing}"
    assert "tiny_pytorch/py.typed" in modules, f"{path.name} lacks py.typed"
    data = [p for p in Path("tiny_pytorch/data/datasets").iterdir() if p.is_file() and p.suffix != ".py"]
    assert data, "no data set beside tiny_pytorch/data/datasets"
    missing = [p.name for p in data if p.as_posix() not in modules]
    assert not missing, f"{path.name} lacks the data {missing}"
    print(f"{path.name}: {size / 1e6:.2f} MB, {len(names)} files, compiled: {', '.join(sorted(compiled))}")


def check_sdist(path: Path) -> None:
    """What is needed to build and to test, and nothing that was generated."""
    with tarfile.open(path) as archive:
        names = {n.partition("/")[2] for n in archive.getnames()}
    generated = sorted(
        n for n in names if PurePosixPath(n).suffix in {".c", *COMPILED} and not n.startswith("tests/")
    )  # the C that tests compile is written by hand
    assert not generated, f"{path.name} holds generated files: {generated}"
    needed = [Path("setup.py"), Path("pyproject.toml"), Path("README.md"), Path("LICENSE"), Path(".ci/run")]
    needed += [p for folder in ("_ext", "tests") for p in Path(folder).rglob("*") if p.is_file()]
    missing = [p.as_posix() for p in needed if p.as_posix() not in names and "__pycache__" not in p.parts]
    assert not missing, f"{path.name} lacks {missing}"
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB, {len(names)} files")


def only(paths: list[Path]) -> Path:
    """The one path of a list."""
    assert len(paths) == 1, f"expected one file, found {[p.name for p in paths]}"
    return paths[0]


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    check_sdist(only(list(folder.glob("*.tar.gz"))))
    check_wheel(only(list(folder.glob("*.whl"))))
