"""Every example in a docstring is true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from types import ModuleType

import pytest

import tiny_pytorch as tp
from tiny_pytorch.autograd import Op

pytestmark = pytest.mark.numpy_only

OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL


def modules() -> list[str]:
    found = pkgutil.walk_packages(tp.__path__, f"{tp.__name__}.")
    optional = {f"tiny_pytorch.backend.{name}" for name in set(tp.backend.CHOICES) - set(tp.backend.available())}
    of_cupy = "tiny_pytorch.backend.cuda."  # which need not be here
    return [tp.__name__, *(m.name for m in found if m.name not in optional and not m.name.startswith(of_cupy))]


def examples(module: ModuleType) -> list[doctest.DocTest]:
    """The doctests of a module, those of its ops too (which doctest itself passes over: they are no functions)."""
    tests = doctest.DocTestFinder(exclude_empty=True).find(module, module.__name__)
    parser = doctest.DocTestParser()
    for name, value in vars(module).items():
        if isinstance(value, Op) and value.__doc__ and value.forward.__module__ == module.__name__:
            tests.append(parser.get_doctest(value.__doc__, {}, f"{module.__name__}.{name}", module.__file__, None))
    return [test for test in tests if test.examples]


@pytest.mark.parametrize("name", modules())
def test_examples(name: str) -> None:
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    report: list[str] = []
    for test in examples(importlib.import_module(name)):
        runner.run(test, out=report.append)
    assert not runner.failures, "".join(report)


def test_examples_are_found() -> None:
    assert sum(len(examples(importlib.import_module(name))) for name in modules()) > 50
