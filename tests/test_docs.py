"""The pages: their links lead somewhere, what they name is there, and the README's first program does what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import reduce
from pathlib import Path

import pytest

import tiny_pytorch as tp

pytestmark = pytest.mark.numpy_only

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
FOLDERS = ["", "tiny_pytorch", "tiny_pytorch/backend", "_ext", "benchmarks", "benchmarks/suites", "examples"]
# What a page says that a reader or a program will make.
MADE = {"train_digits.png", "train.py", "gpu.txt"}

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def anchors(page: Path) -> set[str]:
    """The fragments that a page's headings are reached by."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


def words_in_code(page: Path, pattern: str) -> Iterator[str]:
    for code in re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8")):
        yield from re.findall(pattern, code)


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), f"{page.name} links to {link}, which is not there"
        assert not anchor or anchor in anchors(target), f"{page.name} links to {link}: no such heading"


@each_page
def test_the_files_that_are_named_are_there(page: Path) -> None:
    for name in words_in_code(page, r"^[\w./-]+\.(?:py|pyx|pxi|h|cu|sh|md|json|png)$"):
        if name not in MADE and "NAME" not in name:
            assert any((ROOT / folder / name).exists() for folder in FOLDERS), f"{page.name} names {name}"


@each_page
def test_the_names_of_the_package_are_there(page: Path) -> None:
    for name in words_in_code(page, r"^tp\.(\w+(?:\.\w+)*)"):
        assert reduce(getattr, name.split("."), tp) is not None, f"{page.name} names tp.{name}"


def test_the_readmes_program(capsys: pytest.CaptureFixture[str]) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(program, "README.md", "exec"), {})
    said, accuracy = capsys.readouterr().out.split()
    assert (said, float(accuracy) > 0.93) == ("accuracy", True)
