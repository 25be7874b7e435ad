"""`save` and `load`: what comes back, and what is refused."""

from __future__ import annotations

import collections
import io
import os
import pickle
from pathlib import Path
from typing import Any

import pytest

import tiny_pytorch as tp


def there_and_back(obj: Any) -> Any:
    file = io.BytesIO()
    tp.save(obj, file)
    file.seek(0)
    return tp.load(file)


def model() -> tp.nn.Module:
    return tp.nn.Sequential(tp.nn.Linear(3, 4), tp.nn.BatchNorm1d(4), tp.nn.ReLU(), tp.nn.Linear(4, 2))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32", "uint8", "bool"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3)])
def test_tensors(dtype: str, shape: tuple[int, ...]) -> None:
    x = (tp.rand(shape) * 9).to(dtype)
    y = there_and_back(x)
    assert (type(y), y.dtype, y.shape, y.tolist()) == (tp.Tensor, x.dtype, x.shape, x.tolist())


def test_views_are_saved_as_they_look() -> None:
    x = tp.arange(12).reshape(3, 4)
    for view in (x.T, x[1:, ::2], x[:, :1].expand(3, 5)):
        assert there_and_back(view).tolist() == view.tolist()


def test_containers_of_tensors() -> None:
    parameter = tp.nn.Parameter(tp.ones(2))
    obj = {
        "model": collections.OrderedDict(weight=parameter, other=tp.zeros(2, requires_grad=True)),
        "nested": [(1, 2.5, None, True, "text", b"bytes"), {3, 4}, 1 + 2j],
        "dtype": tp.float64,
        7: range(3),
    }
    found = there_and_back(obj)
    assert type(found["model"]) is collections.OrderedDict
    weight, other = found["model"]["weight"], found["model"]["other"]
    assert (type(weight), weight.requires_grad, weight.tolist()) == (tp.nn.Parameter, True, [1.0, 1.0])
    assert (type(other), other.requires_grad) == (tp.Tensor, True)
    assert found["nested"] == obj["nested"]
    assert found["dtype"] is tp.float64
    assert found[7] == range(3)


def test_a_training_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    def step(net: tp.nn.Module, optimizer: tp.optim.Optimizer) -> None:
        optimizer.reset_grad()
        net(tp.arange(6).float().reshape(2, 3)).exp().mean().backward()
        optimizer.step()

    net = model()
    optimizer = tp.optim.Adam(net.parameters())
    step(net, optimizer)
    tp.save({"net": net.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "checkpoint.pt")
    step(net, optimizer)

    again = model()
    second = tp.optim.Adam(again.parameters())
    checkpoint = tp.load(str(tmp_path / "checkpoint.pt"))
    again.load_state_dict(checkpoint["net"])
    second.load_state_dict(checkpoint["optimizer"])
    step(again, second)
    for name, value in net.state_dict().items():
        assert again.state_dict()[name].tolist() == value.tolist()


def test_a_whole_module_needs_trust() -> None:
    file = io.BytesIO()
    tp.save(tp.nn.Linear(2, 1), file)
    file.seek(0)
    with pytest.raises(pickle.UnpicklingError, match=r"tiny_pytorch.nn.linear.Linear.*weights_only=False"):
        tp.load(file)
    file.seek(0)
    assert isinstance(tp.load(file, weights_only=False), tp.nn.Linear)


class Code:
    """What a stranger's file may hold."""

    def __init__(self, function: Any, *args: Any):
        self.call = function, args

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize(
    "code",
    [
        Code(os.system, "exit 3"),
        Code(eval, "1 + 1"),
        Code(getattr, "text", "upper"),
        Code(__import__, "os"),
        Code(collections.Counter, "abc"),
        Code(io.open, os.devnull),
        Code(tp.load, os.devnull),
    ],
    ids=lambda code: code.call[0].__name__,
)
def test_code_in_a_file_is_refused(code: Code) -> None:
    for obj in (code, {"weight": tp.ones(2), "other": [code]}):
        with pytest.raises(pickle.UnpicklingError, match="only tensors and plain containers"):
            tp.load(io.BytesIO(pickle.dumps(obj)))


BROKEN = {
    "empty": b"",
    "text": b"no pickle",
    "cut": b"\x80\x05\x95",
    "a dict that is called": b"\x80\x04})R.",  # TypeError
    "a dict that is appended to": b"\x80\x04}K\x01a.",  # AttributeError
    "bytes without end": b"\x80\x05\x96" + (1 << 62).to_bytes(8, "little"),  # MemoryError
    "more bytes than there can be": b"\x80\x05\x96" + b"\xff" * 8,  # OverflowError
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=list(BROKEN))
def test_a_broken_file(content: bytes) -> None:
    with pytest.raises(pickle.UnpicklingError, match=r"does not hold what tp\.save writes"):
        tp.load(io.BytesIO(content))


def test_a_file_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    tp.save(model().state_dict(), path)
    content = path.read_bytes()
    for length in range(0, len(content) - 1, 37):
        path.write_bytes(content[:length])
        with pytest.raises(pickle.UnpicklingError, match="cut short"):
            tp.load(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        tp.load(tmp_path / "x.pt")


def test_a_failed_save_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    tp.save({"x": tp.ones(2)}, path)
    for wrong, error in ((tp.ones(2, requires_grad=True) * 2, RuntimeError), (lambda: None, Exception)):
        with pytest.raises(error):
            tp.save({"x": wrong}, path)
        assert tp.load(path)["x"].tolist() == [1.0, 1.0]


@pytest.mark.numpy_only
def test_a_file_from_one_backend_is_read_on_another(tmp_path: Path) -> None:
    pytest.importorskip("array_api_strict")
    tp.save({"x": tp.ones(2)}, tmp_path / "x.pt")
    with tp.backend.use("array_api_strict") as other:
        x = tp.load(tmp_path / "x.pt")["x"]
        assert other.owns(x.array)
        assert x.tolist() == [1.0, 1.0]


# --- safetensors ---------------------------------------------------------------------------------------


def test_safetensors(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    net, path = model(), tmp_path / "net.safetensors"
    tp.save(net.state_dict(), path)
    found = tp.load(path)
    assert {n: v.tolist() for n, v in found.items()} == {n: v.tolist() for n, v in net.state_dict().items()}
    model().load_state_dict(found)


def test_safetensors_holds_a_flat_dict_of_tensors_only(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    for wrong in (tp.ones(2), {"x": 1}, {1: tp.ones(2)}, {"x": {"y": tp.ones(2)}}, [tp.ones(2)]):
        with pytest.raises(TypeError, match="flat dict from names to tensors"):
            tp.save(wrong, path)
    assert not path.exists()


def test_safetensors_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "safetensors", None)
    monkeypatch.setitem(__import__("sys").modules, "safetensors.numpy", None)
    for use in (lambda path: tp.save({"x": tp.ones(2)}, path), tp.load):
        with pytest.raises(ImportError, match=r"pip install 'tiny_pytorch\[safetensors\]'"):
            use(tmp_path / "x.safetensors")
