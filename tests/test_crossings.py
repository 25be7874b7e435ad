"""The debug switch: what crosses between host and device, and where the host waits, is reported, all of it."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_backends import python

import tiny_pytorch as tp
from tiny_pytorch.backend.crossing import CrossingError, CrossingWarning

pytestmark = pytest.mark.numpy_only

THERE = "device1"


def there(*shape: int) -> tp.Tensor:
    return tp.ones(*shape, device=THERE)


CROSSINGS: list[tuple[str, Callable[[tp.Tensor], Any], list[str]]] = [
    ("item", lambda x: x.sum().item(), ["device to host"]),
    ("float", lambda x: float(x.sum()), ["device to host"]),
    ("bool", lambda x: bool(x.sum() > 0), ["device to host"]),
    ("tolist", lambda x: x.tolist(), ["device to host"]),
    ("numpy", lambda x: x.numpy(), ["device to host"]),
    ("asarray", np.asarray, ["device to host"]),
    ("repr", repr, ["device to host"]),
    ("cpu", lambda x: x.cpu(), ["device to host"]),
    ("to", lambda x: x.to("device2"), ["device to device"]),
    ("equal", lambda x: tp.equal(x, x), ["device to host"]),
    ("tensor", lambda x: tp.tensor([1.0], device=THERE), ["host to device"]),
    ("rand", lambda x: tp.rand(2, device=THERE), ["host to device"]),
    ("dropout", lambda x: tp.nn.functional.dropout(x), []),
    ("list index", lambda x: x[[0, 1]], ["host to device", "wait"]),
    ("mask", lambda x: x[x > 0], ["wait"] * 3),  # the positions, then the bounds of each axis
    ("nonzero", lambda x: x.nonzero(), ["wait"]),
    ("unique", lambda x: x.unique(), ["wait"]),
    ("bounds", lambda x: tp.index_select(x, 0, tp.zeros(1, dtype=tp.int64, device=THERE)), ["wait"]),
    ("sum", lambda x: (x * 2 + 1).sum(), []),
    ("view", lambda x: x[0].reshape(3, 1), []),
    ("nothing to move", lambda x: x.to(THERE), []),
    ("on the host", lambda x: tp.ones(2).sum().item(), []),
]


@pytest.mark.parametrize("call, kinds", [c[1:] for c in CROSSINGS], ids=[c[0] for c in CROSSINGS])
def test_each_is_reported(call: Callable[[tp.Tensor], Any], kinds: list[str], strict: None) -> None:
    x = there(2, 3)
    with tp.debug_crossings() as report:
        call(x)
    assert [c.kind for c in report] == kinds
    assert all(c.where.startswith(__file__) for c in report)
    call(x)
    assert len(report) == len(kinds)  # afterwards nobody watches


def test_a_training_step_has_none(strict: None) -> None:
    model = tp.nn.Sequential(tp.nn.Linear(3, 4), tp.nn.ReLU(), tp.nn.Linear(4, 1)).to(THERE)
    optimizer = tp.optim.SGD(model.parameters(), lr=0.1)
    x, y = there(5, 3), there(5, 1)
    with tp.debug_crossings("error") as report:
        for _ in range(2):
            optimizer.zero_grad()
            loss = ((model(x) - y) ** 2).mean()
            loss.backward()
            optimizer.step()
    assert report == []


def test_what_a_report_says(strict: None) -> None:
    x = there(2, 3)
    with tp.debug_crossings() as report:
        line = inspect.stack()[0].lineno + 1
        x.cpu()
    (crossing,) = report
    assert (crossing.operation, crossing.device, crossing.shape, crossing.dtype, crossing.nbytes) == (
        "cpu", THERE, (2, 3), "float32", 24)  # fmt: skip
    assert crossing.where == f"{__file__}:{line}"
    assert crossing.waits
    assert str(crossing) == f"{__file__}:{line}: cpu: device to host (device1, 2x3 float32, 24 bytes)"


def test_warnings_and_errors(strict: None) -> None:
    x = there(2)
    with pytest.warns(CrossingWarning, match="item: device to host") as caught, tp.debug_crossings("warn"):
        x.sum().item()
    assert caught[0].filename == __file__
    with tp.debug_crossings("error") as report, pytest.raises(CrossingError, match=r"numpy: device to host.*forbidden"):
        x.numpy()
    assert len(report) == 1
    with pytest.raises(ValueError, match="mode must be"):
        tp.debug_crossings("raise")


def test_pytorchs_switch_is_about_waiting(strict: None) -> None:
    x = there(2)
    try:
        tp.cuda.set_sync_debug_mode("error")
        assert tp.cuda.get_sync_debug_mode() == 2
        tp.zeros(2).to(THERE)  # nobody waits
        for call in (x.tolist, x.nonzero):
            with pytest.raises(CrossingError):
                call()
        tp.cuda.set_sync_debug_mode(1)
        with pytest.warns(CrossingWarning):
            x.tolist()
    finally:
        tp.cuda.set_sync_debug_mode("default")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x.tolist()
    for mode in ("loud", 3, True):
        with pytest.raises(ValueError, match="set_sync_debug_mode"):
            tp.cuda.set_sync_debug_mode(mode)


def test_the_environment_switches_it_on() -> None:
    pytest.importorskip("array_api_strict")
    code = "import tiny_pytorch as tp\nx = tp.ones(2).to('device1')\nprint(x.device)\nx.sum().item()"
    done = python(code, TINY_PYTORCH_BACKEND="array_api_strict", TINY_PYTORCH_CROSSINGS="warn")
    assert done.stdout.split() == ["device1"]
    assert "<string>:2: CrossingWarning" in done.stderr.replace("\\", "")
    assert "<string>:4: CrossingWarning" in done.stderr
    done = python(code, TINY_PYTORCH_BACKEND="array_api_strict", TINY_PYTORCH_CROSSINGS="error")
    assert "CrossingError: <string>:2: to: host to device (device1, 2 float32, 8 bytes)" in done.stderr
    done = python(code, TINY_PYTORCH_CROSSINGS="loud")
    assert "TINY_PYTORCH_CROSSINGS=loud: expected 'warn' or 'error'" in done.stderr
