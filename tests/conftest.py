"""One suite, every backend; no test changes the process for the next one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import numpy
import pytest
from backends import BACKENDS, exception
from hypothesis import HealthCheck, settings

import tiny_pytorch as tp
from tiny_pytorch._ext import engine, parallel

# `ci`: the same examples on every run, so that a red build is the change's own fault. `dev`: new ones each time.
_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}
settings.register_profile("ci", derandomize=True, database=None, max_examples=15, **_COMMON)
settings.register_profile("dev", max_examples=100, **_COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "numpy_only: about NumPy's own kernels, or about no backend at all")
    engine.configure(strict=True)  # a gradient rule that changes a dtype is an error, not repaired


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    numpy_only = metafunc.definition.get_closest_marker("numpy_only") is not None
    metafunc.parametrize("backend", ["numpy"] if numpy_only else BACKENDS, indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        chosen = item.callspec.params.get("backend") if isinstance(item, pytest.Function) else None
        exempt = exception(item.nodeid, chosen) if isinstance(chosen, str) else None
        if exempt is not None:
            item.add_marker(pytest.mark.xfail(reason=f"{exempt.backend}: {exempt.why}", strict=True))


@pytest.fixture(autouse=True)
def backend(request: pytest.FixtureRequest) -> Iterator[tp.backend.Backend]:
    """The backend that a test runs on. Every test runs on every one that is installed, unless marked `numpy_only`."""
    with tp.backend.use(request.param) as current:
        yield current


def _global_state() -> dict[str, object]:
    return {
        "grad mode": tp.is_grad_enabled(),
        "default dtype": tp.get_default_dtype(),
        "backend": tp.backend.current().name,
        "number of threads": tp.get_num_threads(),
        "NumPy's error handling": numpy.geterr(),
    }


@pytest.fixture(autouse=True)
def no_leaks(backend: tp.backend.Backend) -> Iterator[None]:
    """Fails a test that leaves global state changed; starts each from the same random numbers."""
    tp.manual_seed(0)
    before = _global_state()
    yield
    after = _global_state()
    leaked = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
    if leaked:
        tp.set_grad_enabled(before["grad mode"])
        tp.set_default_dtype(before["default dtype"])
        tp.set_num_threads(before["number of threads"])
        numpy.seterr(**before["NumPy's error handling"])
        pytest.fail("; ".join(f"the test left {name} at {now}, was {was}" for name, (was, now) in leaked.items()))


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    """Sets the number of threads, and puts it back."""
    before = parallel.get_num_threads()
    yield parallel.set_num_threads
    parallel.set_num_threads(before)


@pytest.fixture
def strict() -> Iterator[None]:
    """The strict namespace, whose pretended devices count as any other."""
    pytest.importorskip("array_api_strict")
    with tp.backend.use("array_api_strict"):
        yield
