"""Choosing a backend, what the frame promises of each one, and aliases where arrays cannot be written."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from typing import Any

import backends
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny_pytorch as tp
from tiny_pytorch.backend import CHOICES, placed
from tiny_pytorch.backend.devices import requested
from tiny_pytorch.backend.table import reference_kernels

numpy_only = pytest.mark.numpy_only
GENERIC = "array_api_compat.numpy"  # any conforming namespace, by its dotted name


def interpreter(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("TINY_PYTORCH")}
    return subprocess.run(
        [sys.executable, *args], capture_output=True, text=True, env=variables | environment, check=False
    )


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return interpreter("-c", code, **environment)


# --- choosing -----------------------------------------------------------------------------------------------


@numpy_only
def test_the_environment_chooses() -> None:
    code = "import tiny_pytorch as tp; print(tp.backend.current().name, tp.zeros(2).sum().item())"
    done = python(code, TINY_PYTORCH_BACKEND="array_api_strict")
    assert done.stdout.split() == ["array_api_strict", "0.0"]
    assert python(code, TINY_PYTORCH_BACKEND="").stdout.split() == ["numpy", "0.0"]


@numpy_only
def test_use_switches_and_a_with_block_switches_back() -> None:
    with tp.backend.use("array_api_strict") as here:
        assert tp.backend.current() is here
        assert tp.zeros(1).array.__array_namespace__().__name__ == "array_api_strict"
    assert tp.backend.current().name == "numpy"
    switched = tp.backend.use("array_api_strict")
    assert tp.backend.current().name == "array_api_strict"
    switched.__exit__()


@numpy_only
def test_available_ones_can_be_loaded() -> None:
    assert {"numpy", "array_api_strict"} <= set(tp.backend.available()) <= set(CHOICES)


@numpy_only
def test_an_unknown_backend() -> None:
    with pytest.raises(ValueError, match=r"unknown backend 'numpi'.*choices are numpy, .*torch, jax"):
        tp.backend.use("numpi")
    assert tp.backend.current().name == "numpy"
    done = python("import tiny_pytorch", TINY_PYTORCH_BACKEND="numpi")
    assert "unknown backend 'numpi' (TINY_PYTORCH_BACKEND)" in done.stderr


@numpy_only
def test_a_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CHOICES, "missing", ("no_such_module", "no-such-package"))
    monkeypatch.setitem(sys.modules, "tiny_pytorch.backend.no_such_module", None)
    done = python("import sys; sys.modules['jax'] = None; import tiny_pytorch", TINY_PYTORCH_BACKEND="jax")
    assert "the backend 'jax' needs the module jax, which is not installed: pip install jax" in done.stderr
    with pytest.raises(ImportError, match="no_such_package"):
        tp.backend.load("no_such_package.arrays")


@numpy_only
def test_a_namespace_that_is_none() -> None:
    with pytest.raises(ValueError, match=r"os\.path does not follow the array API: it lacks asarray, astype"):
        tp.backend.load("os.path")


@numpy_only
def test_a_namespace_that_is_not_known_trains_a_network() -> None:
    def losses(name: str) -> list[float]:
        with tp.backend.use(name):
            tp.manual_seed(0)
            x, y = tp.randn(16, 4), tp.randint(0, 3, (16,))
            net = tp.nn.Sequential(tp.nn.Linear(4, 8), tp.nn.BatchNorm1d(8), tp.nn.Dropout(0.2), tp.nn.Linear(8, 3))
            optimizer = tp.optim.AdamW(net.parameters(), lr=0.1)
            found = []
            for _ in range(4):
                loss = tp.nn.functional.cross_entropy(net(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                found.append(loss.item())
            return found

    assert losses("array_api_compat.numpy") == pytest.approx(losses("numpy"), rel=1e-5)


@numpy_only
def test_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    present = ["cpu", "cuda:0", "cuda:1"]
    for asked, found in (("", "cpu"), ("cpu", "cpu"), ("cuda", "cuda:0"), ("cuda:1", "cuda:1")):
        monkeypatch.setenv("TINY_PYTORCH_DEVICE", asked)
        assert requested("some", present) == found
    monkeypatch.setenv("TINY_PYTORCH_DEVICE", "cuda:2")
    with pytest.raises(ValueError, match=r"TINY_PYTORCH_DEVICE=cuda:2: .* backend some, which has cpu, cuda:0, cuda:1"):
        requested("some", present)
    done = python("import tiny_pytorch", TINY_PYTORCH_DEVICE="cuda")
    assert "TINY_PYTORCH_DEVICE=cuda: there is no such device for the backend numpy, which has cpu here" in done.stderr


@numpy_only
def test_new_arrays_of_a_placed_namespace_are_on_its_device() -> None:
    strict = pytest.importorskip("array_api_strict")
    device = strict.Device("device1")
    here = strict.asarray([1.0])
    xp = placed.placed(strict, device, type(here))
    assert xp.zeros(2).device == xp.asarray([1.0]).device == xp.arange(3, device=None).device == device
    assert xp.asarray(np.ones(2)).device == device  # NumPy's arrays too know a device
    assert xp.asarray(here).device == here.device  # never moved silently
    assert xp.zeros(2, device=here.device).device == here.device
    assert (xp.__name__, xp.exp is strict.exp) == (strict.__name__, True)


@numpy_only
def test_the_command_line() -> None:
    done = interpreter("-m", "tiny_pytorch.backend")
    assert done.returncode == 0
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line}
    assert set(CHOICES) < set(lines)
    assert lines["numpy"].endswith("yes, on cpu")
    for name in CHOICES:
        assert "yes, on " in lines[name] or "no: " in lines[name]


@numpy_only
@pytest.mark.parametrize(
    "environment, wrong",
    [
        ({"TINY_PYTORCH_DEVICE": "cuda"}, "TINY_PYTORCH_DEVICE=cuda: there is no such device for the backend numpy"),
        ({"TINY_PYTORCH_BACKEND": "numpi"}, "unknown backend 'numpi' (TINY_PYTORCH_BACKEND)"),
    ],
)
def test_the_command_line_lists_what_works_where_the_environment_asks_for_what_does_not(
    environment: dict[str, str], wrong: str
) -> None:
    done = interpreter("-m", "tiny_pytorch.backend", "array_api_strict", **environment)
    assert done.returncode == 1
    assert "array_api_strict" in done.stdout.splitlines()[1]
    assert f"does not work: {wrong}" in done.stdout
    assert interpreter("-c", "import tiny_pytorch", **environment).returncode == 1  # nothing else starts then


# --- what every backend promises ----------------------------------------------------------------------------


@numpy_only
@pytest.mark.parametrize("name", [*backends.BACKENDS, GENERIC])
def test_kernels_have_the_references_names_and_signatures(name: str) -> None:
    table = tp.backend.load(name).kernels
    assert set(vars(table)) == {"xp", *reference_kernels()}
    for kernel, twin in reference_kernels().items():
        expected = list(inspect.signature(twin).parameters)[1:]
        assert list(inspect.signature(getattr(table, kernel)).parameters) == expected, kernel


def test_conversions(backend: tp.backend.Backend) -> None:
    for dtype in ("float32", "float64", "int32", "int64", "bool"):
        for array in (np.ones((2, 3), dtype), np.zeros((0, 2), dtype), np.array(1, dtype), np.ones(4, dtype)[::-2]):
            array.flags.writeable = False
            raw = backend.from_numpy(array)
            assert backend.owns(raw)
            assert type(raw) is backend.array_type
            there = backend.to_numpy(raw)
            assert (there.dtype, there.shape) == (array.dtype, array.shape)
            np.testing.assert_array_equal(there, array)
    if backend.synchronize is not None:
        backend.synchronize()


def test_the_same_seed_gives_the_same_weights() -> None:
    tp.manual_seed(3)
    here = [p.tolist() for p in tp.nn.Linear(4, 3).parameters()] + [tp.randn(3).tolist(), tp.randperm(5).tolist()]
    with tp.backend.use("numpy"):
        tp.manual_seed(3)
        there = [p.tolist() for p in tp.nn.Linear(4, 3).parameters()] + [tp.randn(3).tolist(), tp.randperm(5).tolist()]
    assert here == there


def test_arrays_of_two_libraries_are_not_mixed(backend: tp.backend.Backend) -> None:
    other = "array_api_strict" if backend.name in ("numpy", "cupy") else "numpy"
    with tp.backend.use(other):
        foreign = tp.tensor([1.0, 2.0], requires_grad=True)
        loss = (foreign * foreign).sum()
    mine = tp.tensor([3.0, 4.0], requires_grad=True)
    raw = foreign.array
    for mixed in (
        lambda: mine + foreign,
        lambda: foreign.exp(),
        lambda: tp.cat([mine, foreign]),
        lambda: mine @ foreign,
        lambda: mine + raw,
        lambda: mine.detach().copy_(foreign.detach()),
        lambda: mine.detach().__setitem__(0, foreign.detach()[0]),
        lambda: foreign.detach().tolist(),
        lambda: loss.item(),
        lambda: loss.backward(),
        lambda: mine.backward(foreign.detach()),
        lambda: tp.optim.SGD([foreign]),
    ):
        with pytest.raises(
            TypeError, match=rf"array of {other} .*backend is {backend.name}.*tp\.tensor\(x\) copies it"
        ):
            mixed()
    if other != "numpy":  # numbers of NumPy may be assigned
        with pytest.raises(TypeError, match=rf"array of {other} .*backend is {backend.name}.*tp\.tensor\(x\)"):
            mine.detach()[:] = raw
    assert (foreign.grad, mine.grad) == (None, None)
    copied = tp.tensor(foreign)
    assert backend.owns(copied.array)
    assert (copied + mine).tolist() == [4.0, 6.0]
    assert (tp.tensor(raw) + mine).tolist() == [4.0, 6.0]
    assert (tp.tensor([foreign.detach(), mine.detach()])).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert repr(foreign) == f"tensor([1., 2.], backend='{other}', requires_grad=True)"


def test_an_optimizer_of_another_librarys_parameters(backend: tp.backend.Backend) -> None:
    other = "array_api_strict" if backend.name in ("numpy", "cupy") else "numpy"
    mine = tp.tensor([1.0], requires_grad=True)
    optimizer = tp.optim.AdamW([mine])
    mine.sum().backward()
    with tp.backend.use(other), pytest.raises(TypeError, match=f"array of {backend.name} .*backend is {other}"):
        optimizer.step()
    assert (mine.tolist(), len(optimizer.state)) == ([1.0], 0)


# --- aliases: what is written through one is seen by all, whether or not arrays can be written --------------


def script(t: Any, moves: list[tuple[int, int, float]]) -> list[list[float]]:
    """Views of views of one tensor, written in some order; what each of them holds at the end."""
    base = t.arange(24.0).reshape(2, 3, 4).clone()
    views = [
        base, base[0], base[:, 1], base.detach(), base.permute(2, 0, 1), base.reshape(6, 4), base.data.reshape(-1)[3:9],
        base.transpose(0, 1)[1:], base.permute(2, 0, 1).reshape(-1), base.unsqueeze(1)[..., ::2], base[0][1],
        base[:, :, 1:2],
    ]  # fmt: skip
    for which, how, value in moves:
        x = views[which]
        if how == 0:
            x.fill_(value)
        elif how == 1:
            x += value
        elif how == 2:
            x[0] = value
        elif how == 3:
            x[..., -1] = x[..., 0] * value
        else:
            x.mul_(x.detach())
            x %= 100.0
    return [x.reshape(-1).tolist() for x in views]


@pytest.mark.parametrize("extra", [None, GENERIC], ids=["its own", "generic"])
@given(moves=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 4), st.integers(-3, 3).map(float)), max_size=6))
def test_aliases_see_every_write(extra: str | None, moves: list[tuple[int, int, float]]) -> None:
    with tp.backend.use(extra or tp.backend.current().name):
        found = script(tp, moves)
    with tp.backend.use("numpy"):
        assert found == script(tp, moves)


def test_gradients_through_written_views() -> None:
    x = tp.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    y = x * 2.0
    part = y.reshape(2, 2)[1]
    part.mul_(x[:2])
    y[0] = x[3]
    (y * y).sum().backward()
    assert y.tolist() == [4.0, 4.0, 6.0, 16.0]
    # y is [x3, 2 x1, 2 x2 x0, 2 x3 x1] now
    assert x.grad.tolist() == [72.0, 16.0 + 256.0, 24.0, 8.0 + 128.0]


def test_parameters_share_memory_with_what_they_were_made_of() -> None:
    source = tp.zeros(2, 2)
    p = tp.nn.Parameter(source)
    q = source[0].detach().requires_grad_()
    with tp.no_grad():
        p += 1.0
        q *= 3.0
    p.data[1, 1] = 7.0
    assert source.tolist() == p.tolist() == [[3.0, 3.0], [1.0, 7.0]]
    source.zero_()
    assert (q.tolist(), p.is_leaf, q.is_leaf, q.requires_grad) == ([0.0, 0.0], True, True, True)


def test_an_optimizer_updates_what_every_alias_sees() -> None:
    p = tp.tensor([1.0, 2.0], requires_grad=True)
    view = p.detach()[1:]
    optimizer = tp.optim.Adam([p], lr=0.5)
    (p * p).sum().backward()
    seen = p.grad.detach()
    optimizer.step()
    assert view.tolist() == p.tolist()[1:] == [1.5]
    (p * p).sum().backward()
    assert seen.tolist() == p.grad.tolist()


def test_saved_values_that_were_overwritten_are_an_error() -> None:
    x = tp.tensor([1.0, 2.0], requires_grad=True)
    y = x * 1.0
    z = y * y
    y.detach()[0] = 5.0
    with pytest.raises(RuntimeError, match="overwritten in place"):
        z.sum().backward()


def test_a_broadcast_tensor_cannot_be_written(backend: tp.backend.Backend) -> None:
    wide = tp.zeros(2, 1).expand(2, 3)
    with pytest.raises((RuntimeError, ValueError)):
        wide.add_(1.0)


def test_data_takes_over_memory() -> None:
    p, other = tp.zeros(2, requires_grad=True), tp.ones(2)
    alias = p.detach()
    p.data = other
    other[0] = 5.0
    assert (p.tolist(), alias.tolist()) == ([5.0, 1.0], [0.0, 0.0])
