"""Sequential, ModuleList and ModuleDict: what they hold, in which order, under which names."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest

import tiny_pytorch as tp
from tiny_pytorch import nn


def test_sequential_indexing_and_slicing():
    a, b, c = nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1)
    row = nn.Sequential(a, b, c)
    assert len(row) == 3
    assert list(row) == [a, b, c]
    assert row[-1] is c
    part = row[1:]
    assert isinstance(part, nn.Sequential)
    assert list(part) == [b, c]
    assert [name for name, _ in part.named_children()] == ["1", "2"]
    assert list(part.append(a)) == [b, c, a]
    with pytest.raises(IndexError, match="holds 3 modules"):
        row[3]


def test_sequential_changes_in_place():
    a, b, c, d = (nn.Identity() for _ in range(4))
    row = nn.Sequential(a)
    assert row.append(c) is row
    row.insert(1, b)
    row.extend([d])
    assert list(row) == [a, b, c, d]
    assert [name for name, _ in row.named_children()] == ["0", "1", "2", "3"]
    del row[1:3]
    assert list(row) == [a, d]
    row[0] = b
    assert list(row) == [b, d]
    assert row.pop() is d
    assert list(row + nn.Sequential(c)) == [b, c]
    assert b in row
    assert d not in row


def test_sequential_runs_what_it_holds_now():
    row = nn.Sequential(nn.Linear(2, 2))
    x = tp.ones(1, 2)
    row(x)
    row[0] = nn.Identity()
    assert row(x) is x
    row.append(nn.Flatten(0))
    assert row(x).shape == (2,)
    row.add_module("more", nn.Unflatten(0, (2, 1)))
    assert row(x).shape == (2, 1)
    del row[-1]
    assert row(x).shape == (2,)


def test_named_sequential():
    row = nn.Sequential({"first": nn.Linear(2, 3), "second": nn.Linear(3, 1)})
    assert list(row.state_dict()) == ["first.weight", "first.bias", "second.weight", "second.bias"]
    assert row.first is row[0]
    assert [name for name, _ in row[:1].named_children()] == ["first"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Sequential(nn.Linear(1, 1), tp.relu),
        lambda: nn.ModuleList([1]),
        lambda: nn.ModuleDict({"a": "b"}),
        lambda: nn.Sequential().append(None),
    ],
)
def test_containers_hold_modules_only(make):
    with pytest.raises(TypeError, match="holds modules"):
        make()


def test_module_list():
    layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(3))
    assert len(list(layers.parameters())) == 6
    assert len(layers[:2]) == 2
    layers += [nn.Identity()]
    assert len(layers) == 4
    assert len(layers + [nn.Identity()]) == 5
    assert [name for name, _ in layers.named_children()] == ["0", "1", "2", "3"]


def test_module_dict():
    a, b = nn.Linear(2, 2), nn.ReLU()
    table = nn.ModuleDict([("a", a)])
    table["b"] = b
    assert list(table) == ["a", "b"]
    assert list(table.items()) == [("a", a), ("b", b)]
    assert list(table.values()) == [a, b]
    assert "a" in table
    assert table.pop("a") is a
    assert list(table.keys()) == ["b"]
    table.clear()
    assert len(table) == 0
    with pytest.raises(KeyError):
        del table["a"]
    with pytest.raises(KeyError, match="choose another name"):
        table["keys"] = nn.ReLU()


# --- a Linear and its ReLU in one ----------------------------------------------------------------------


def operations(x: tp.Tensor) -> list[str]:
    """The names of the operations that made a tensor, the last first, along their first inputs."""
    names, node = [], x.grad_fn
    while isinstance(node, tp.autograd.Node):
        names.append(node.name())
        node = node.next_functions[0]
    return names


def test_a_linear_and_its_relu_are_one_operation_that_nobody_notices() -> None:
    linear, relu = tp.nn.Linear(3, 4), tp.nn.ReLU()
    model = tp.nn.Sequential(linear, relu, tp.nn.Linear(4, 2), tp.nn.Tanh())
    x = tp.randn(5, 3)
    assert operations(model(x)) == ["tanh", "linear", "linear_relu"]
    by_hand = model[3](model[2](relu(linear(x))))
    found, wanted = (tp.autograd.grad((y * y).sum(), list(model.parameters())) for y in (model(x), by_hand))
    for got, expected in zip(found, wanted, strict=True):
        tp.testing.assert_close(got, expected)
    for watched in (linear, relu):  # hooks see each module's own result
        seen: list[tp.Tensor] = []
        with watched.register_forward_hook(lambda module, args, output, seen=seen: seen.append(output)):
            assert operations(model(x)) == ["tanh", "linear", "relu", "linear"]
        tp.testing.assert_close(seen[0], relu(linear(x)) if watched is relu else linear(x))
    linear.forward = lambda input: input[:, :1]
    with pytest.raises(RuntimeError, match="linear"):  # the next layer's, of one feature for 4
        model(x)
    del linear.forward
    model[1] = tp.nn.Sigmoid()
    assert operations(model(x)) == ["tanh", "linear", "sigmoid", "linear"]


@pytest.mark.parametrize(
    "make, shape",
    [
        (lambda: nn.Conv2d(2, 3, 3, padding=1), (2, 2, 5, 5)),
        (lambda: nn.Conv2d(2, 3, 2, stride=2, bias=False, padding="valid"), (2, 5, 5)),
        (lambda: nn.Conv2d(2, 3, 3, padding="same", padding_mode="reflect"), (2, 2, 5, 5)),
        (lambda: nn.Conv1d(2, 4, 3, groups=2, dilation=2, padding=1, padding_mode="circular"), (2, 2, 6)),
    ],
    ids=["padded", "strided", "reflected", "signals"],
)
def test_a_convolution_and_its_relu_are_one_operation_that_nobody_notices(
    make: Callable[[], nn.Module], shape: tuple[int, ...]
) -> None:
    conv, relu = make(), nn.ReLU()
    model = nn.Sequential(conv, relu)
    x = tp.randn(*shape, requires_grad=True)
    assert operations(model(x))[-1] != "relu"
    assert "conv_relu" in operations(model(x))
    by_hand = relu(conv(x))
    tp.testing.assert_close(model(x), by_hand)
    found, wanted = (tp.autograd.grad((y * y).sum(), [x, *model.parameters()]) for y in (model(x), by_hand))
    for got, expected in zip(found, wanted, strict=True):
        tp.testing.assert_close(got, expected)
    with conv.register_forward_hook(lambda module, args, output: -output):
        tp.testing.assert_close(model(x), relu(conv(x)))
    model[1] = nn.ReLU(inplace=True)
    tp.testing.assert_close(model(x), by_hand)


# --- calls without a Python frame ------------------------------------------------------------------------


def test_whatever_takes_the_place_of_a_layer_s_forward_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    alone, x = model[2], tp.randn(5, 3)
    h = tp.randn(5, 4)
    usual, plain = model(x), alone(h)

    class Doubled(nn.Linear):
        def forward(self, input: tp.Tensor) -> tp.Tensor:
            return 2 * super().forward(input)

    double = Doubled(4, 2)
    double.load_state_dict(alone.state_dict())
    tp.testing.assert_close(double(h), 2 * plain)
    linear, relu = nn.Linear.forward, nn.ReLU.forward
    monkeypatch.setattr(nn.Linear, "forward", lambda self, input: linear(self, input) + 1)
    tp.testing.assert_close(alone(h), plain + 1)
    tp.testing.assert_close(model(x), alone(relu(model[1], model[0](x))))
    monkeypatch.setattr(nn.Linear, "forward", linear)
    tp.testing.assert_close(model(x), usual)
    monkeypatch.setattr(nn.ReLU, "forward", lambda self, input: -relu(self, input))
    tp.testing.assert_close(model(x), alone(-relu(model[1], model[0](x))))
    monkeypatch.setattr(nn.ReLU, "forward", relu)
    monkeypatch.setattr(nn.Module, "__call__", lambda self, *args: "patched")
    assert alone(h) == "patched"


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_of_a_model_that_was_called(copied: Callable[[nn.Module], nn.Module]) -> None:
    model, x = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Sequential(nn.Linear(4, 2))), tp.randn(5, 3)
    expected = model(x)
    other = copied(model)
    tp.testing.assert_close(other(x), expected)
    other[0] = nn.Linear(3, 4)
    assert not tp.allclose(other(x), expected)
    tp.testing.assert_close(model(x), expected)


def test_a_property_comes_before_what_the_instance_holds() -> None:
    class Doubled(nn.Linear):
        @property
        def weight(self) -> tp.Tensor:
            return self.__dict__["weight"] * 2

        @weight.setter
        def weight(self, value: tp.Tensor) -> None:
            self.__dict__["weight"] = value

    layer, x = Doubled(3, 2), tp.randn(5, 3)
    layer.weight = nn.Parameter(tp.randn(2, 3))
    tp.testing.assert_close(layer(x), layer.forward(x), rtol=0, atol=0)
    tp.testing.assert_close(nn.Sequential(layer, nn.ReLU())(x), layer.forward(x).relu(), rtol=0, atol=0)


def test_a_layer_s_attributes_are_looked_up_at_every_call() -> None:
    class Scaled(nn.Linear):
        @property
        def bias(self) -> tp.Tensor:  # not in the instance's dict
            return self.offset * 2

        @bias.setter
        def bias(self, value: nn.Parameter) -> None:
            self.offset = value

    layer, x = Scaled(3, 2), tp.randn(4, 3)
    tp.testing.assert_close(layer(x), x @ layer.weight.T + 2 * layer.offset)
    layer.weight = nn.Parameter(tp.zeros(2, 3))
    tp.testing.assert_close(layer(x), (2 * layer.offset).expand(4, 2))
    layer.offset = None
    with pytest.raises(TypeError):
        layer(x)
    tp.testing.assert_close(nn.Linear(3, 2, bias=False)(tp.zeros(1, 3)), tp.zeros(1, 2))
    with pytest.raises(TypeError, match="positional"):
        nn.Linear(3, 2)(x, x)
    assert nn.Linear(3, 2)(input=x).shape == (4, 2)


def test_a_sequential_that_holds_itself_is_refused() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    model.add_module("itself", model)
    with pytest.raises(RecursionError):
        model(tp.ones(1, 2))


def test_a_sequential_with_another_forward_is_called_by_it() -> None:
    class Residual(nn.Sequential):
        def forward(self, input: tp.Tensor) -> tp.Tensor:
            return input + super().forward(input)

    layer, x = nn.Linear(3, 3), tp.randn(2, 3)
    tp.testing.assert_close(nn.Sequential(Residual(layer), nn.Tanh())(x), (x + layer(x)).tanh())
    seen: list[tp.Tensor] = []
    outer = nn.Sequential(nn.Sequential(layer))
    outer[0].register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    outer(x)
    assert seen[0] is x
