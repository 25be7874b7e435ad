"""Writing into memory: every alias sees it, the graph stays true to it, and a lost value is an error."""

from __future__ import annotations

from collections.abc import Callable

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from cases import CASES
from hypothesis import given
from hypothesis import strategies as st
from tensors import host

import tiny_pytorch as tp
from tiny_pytorch.methods import IN_PLACE


def leaf(*values: float) -> tp.Tensor:
    return tp.tensor(list(values), requires_grad=True)


WRITES: dict[str, Callable[[tp.Tensor], object]] = {
    "x += 1": lambda x: x.__iadd__(1),
    "x -= 1": lambda x: x.__isub__(1),
    "x *= 2": lambda x: x.__imul__(2),
    "x /= 2": lambda x: x.__itruediv__(2),
    "x **= 2": lambda x: x.__ipow__(2),
    "x[0] = 1": lambda x: x.__setitem__(0, 1.0),
    "x[mask] = 1": lambda x: x.__setitem__(x.detach() > 0, 1.0),
    "x[[0]] = 1": lambda x: x.__setitem__([0], 1.0),
    "x.add_": lambda x: x.add_(1),
    "x.exp_": lambda x: x.exp_(),
    "x.zero_": lambda x: x.zero_(),
    "x.fill_": lambda x: x.fill_(3.0),
    "x.copy_": lambda x: x.copy_(tp.zeros(2)),
    "x.clamp_": lambda x: x.clamp_(0.0, 1.0),
    "x.masked_fill_": lambda x: x.masked_fill_(x.detach() > 0, 0.0),
    "x.normal_": lambda x: x.normal_(),
    "x.uniform_": lambda x: x.uniform_(),
    "relu_": lambda x: tp.relu_(x),
}
each_write = pytest.mark.parametrize("write", WRITES.values(), ids=list(WRITES))


# --- who may be written to -----------------------------------------------------------------------------


@each_write
def test_a_leaf_that_requires_a_gradient_refuses(write) -> None:
    x = leaf(3.0, -4.0)
    with pytest.raises(RuntimeError, match=r"leaf tensor that requires a gradient.*no_grad"):
        write(x)
    with pytest.raises(RuntimeError, match="view of a leaf tensor that requires a gradient"):
        write(x[:])
    with pytest.raises(RuntimeError, match="view of a leaf"):
        write(x.reshape(1, 2)[0][:2])
    assert (x.tolist(), x._version, x.is_leaf, x.requires_grad) == ([3.0, -4.0], 0, True, True)


@each_write
def test_under_no_grad_it_is_written_and_stays_a_leaf(write) -> None:
    x = leaf(3.0, -4.0)
    alias, view = x.detach(), x.data[:1]
    with tp.no_grad():
        write(x)
    assert (x.is_leaf, x.requires_grad, x._version, alias._version) == (True, True, 1, 1)
    assert x.tolist() != [3.0, -4.0]
    assert alias.tolist() == x.tolist()
    assert view.tolist() == x.tolist()[:1]


@each_write
def test_every_alias_sees_it(write) -> None:
    base = tp.tensor([1.0, 3.0, -4.0])
    x, mirrored = base[1:], base.flip(0)
    aliases = [base.reshape(3, 1), base.detach()[None], base.data]
    write(x)
    assert x.tolist() != [3.0, -4.0]
    for alias in aliases:
        assert host(alias).reshape(-1).tolist() == [1.0, *x.tolist()]
        assert alias._version == x._version == base._version == 1
    assert mirrored.tolist() == [-4.0, 3.0, 1.0]  # a copy
    assert mirrored._version == 0


def test_an_optimizers_loop_updates_the_model() -> None:
    model = tp.nn.Linear(2, 1)
    weight = model.weight
    before = weight.tolist()
    model(tp.ones(3, 2)).sum().backward()
    with tp.no_grad():
        for p in model.parameters():
            p -= 0.5 * p.grad
    assert model.weight is weight
    assert weight.tolist()[0] == pytest.approx([w - 1.5 for w in before[0]])


def test_detach_and_data_share_memory_clone_does_not() -> None:
    x = leaf(1.0, 2.0)
    x.detach()[0] = 10.0
    x.data.mul_(2)
    x.clone().detach().zero_()
    assert x.tolist() == [20.0, 4.0]
    y = x * 1
    y.detach_().add_(1)
    assert (y.tolist(), y.requires_grad) == ([21.0, 5.0], False)
    with pytest.raises(RuntimeError, match=r"detach_.*view.*\.detach\(\)"):
        (x * 1)[0].detach_()


def test_data_can_be_given_another_memory() -> None:
    x, other = leaf(1.0, 2.0), tp.tensor([5.0, 6.0])
    x.data = other
    other[0] = 7.0
    assert (x.tolist(), x.requires_grad, x.is_leaf) == ([7.0, 6.0], True, True)
    with pytest.raises(TypeError, match="data: expected a Tensor"):
        x.data = [1.0, 2.0]


# --- what is refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "write, match",
    [
        (lambda x: x.add_(tp.ones(3, 2)), r"shape \(3, 2\).*shape \(2,\)"),
        (lambda x: x.add_(tp.ones(3)), r"\[2\].*\[3\]"),
        (lambda x: x.__setitem__(slice(None), tp.ones(3)), "setitem"),
        (lambda x: x.copy_(tp.ones(3)), r"3.*2|2.*3"),
        (lambda x: x.unsqueeze_(0), r"shape \(1, 2\)"),
    ],
)
@pytest.mark.parametrize("recorded", [False, True])
def test_a_shape_that_does_not_fit(write, match: str, recorded: bool) -> None:
    x = leaf(1.0, 2.0) * 1 if recorded else tp.tensor([1.0, 2.0])
    node = x.grad_fn
    with pytest.raises(RuntimeError, match=match):
        write(x)
    assert (x.tolist(), x._version, x.grad_fn) == ([1.0, 2.0], 0, node)


def test_a_dtype_that_cannot_hold_the_result() -> None:
    x = tp.arange(3)
    for write in (lambda: x.add_(0.5), lambda: x.div_(2), lambda: x.__imul__(tp.ones(3))):
        with pytest.raises(RuntimeError, match=r"float32.*int64 cannot hold.*\.to\(dtype\)"):
            write()
    assert (x.tolist(), x._version, x.dtype) == ([0, 1, 2], 0, tp.int64)


def test_the_dtype_stays() -> None:
    x = tp.ones(3)
    x += tp.ones(3, dtype=tp.float64)
    x += 1
    x *= tp.tensor(2)
    x[0] = tp.tensor(9, dtype=tp.int64)
    assert (x.dtype, x.tolist()) == (tp.float32, [9.0, 6.0, 6.0])
    n = tp.arange(3)
    n[0] = 2.7
    n //= 2
    assert (n.dtype, n.tolist()) == (tp.int64, [1, 0, 1])


@pytest.mark.parametrize("recorded", [False, True])
def test_expanded_memory_refuses(recorded: bool) -> None:
    """Several elements share one place: which of the values would stay?"""
    base = leaf(1.0) * 1 if recorded else tp.tensor([1.0])
    x = base.expand(3)
    for write in (lambda: x.add_(tp.arange(3)), lambda: x.__setitem__(0, 5.0), lambda: x.zero_()):
        with pytest.raises(RuntimeError, match=r"read-only"):
            write()
    assert (x.tolist(), base.tolist(), base._version) == ([1.0] * 3, [1.0], 0)
    assert x.clone().add_(1).tolist() == [2.0] * 3


@pytest.mark.numpy_only
def test_read_only_arrays_refuse() -> None:
    array = np.ones(3)
    array.flags.writeable = False
    x = tp.from_numpy(array)
    with pytest.raises(RuntimeError, match=r"cannot be written.*\.clone\(\)"):
        x += 1
    assert array.tolist() == [1.0] * 3


# --- overlap -------------------------------------------------------------------------------------------


@given(
    values=hnp.arrays("float64", 6, elements=st.integers(-9, 9)),
    target=st.integers(0, 4),
    source=st.integers(0, 4),
    backwards=st.booleans(),
    recorded=st.booleans(),
)
def test_overlapping_memory(values: np.ndarray, target: int, source: int, backwards: bool, recorded: bool) -> None:
    """Source and target in one memory: as if the source had been read whole before."""
    n = 6 - max(target, source)
    read = values[source : source + n].copy()[:: -1 if backwards else 1]
    added, assigned = values.copy(), values.copy()
    added[target : target + n] += read
    assigned[target : target + n] = read
    for write, expected in ((tp.Tensor.add_, added), (tp.Tensor.copy_, assigned)):
        x = tp.tensor(values, requires_grad=recorded) * 1
        write(x[target : target + n], x[source : source + n][:: -1 if backwards else 1])
        np.testing.assert_array_equal(host(x), expected)
    x = tp.tensor(values, requires_grad=recorded) * 1
    x[target : target + n] = x[source : source + n][:: -1 if backwards else 1]
    np.testing.assert_array_equal(host(x), assigned)


# --- the version of a memory ---------------------------------------------------------------------------

OVERWRITTEN: dict[str, Callable[[tp.Tensor], tuple[tp.Tensor, tp.Tensor]]] = {  # (what the rule reads, the result)
    "its output": lambda y: (result := y.exp(), result * 1),
    "a factor": lambda y: (y, y * tp.ones(2, requires_grad=True)),
    "both factors": lambda y: (y, y * y),
    "a matrix": lambda y: (y, y @ tp.ones(2, requires_grad=True)),
    "its output, of a view": lambda y: (result := y.reshape(1, 2)[0].sigmoid(), result + 1),
    "a view of it": lambda y: (y, y[1:] ** 2),
    "a condition": lambda y: (c := tp.tensor([True, False]), tp.where(c, y, 0.0)),
    "an index": lambda y: (i := tp.tensor([1, 0]), y[i]),
}


@pytest.mark.parametrize("use", OVERWRITTEN.values(), ids=list(OVERWRITTEN))
@pytest.mark.parametrize(
    "write", [lambda t: t.copy_(t * 1), lambda t: t.__setitem__(1, 1), lambda t: t.detach()[1:].zero_()]
)
def test_a_value_that_was_overwritten_before_its_gradient_needed_it(use, write) -> None:
    x = leaf(0.5, 1.0)
    read, result = use(x * 1)
    write(read)
    with pytest.raises(RuntimeError, match="overwritten in place"):
        result.sum().backward()
    assert x.grad is None


@pytest.mark.parametrize("alias", [lambda t: t.detach(), lambda t: t.data, lambda t: t.detach()[:1], lambda t: t[0]])
def test_a_write_through_any_alias_is_noticed(alias) -> None:
    x = leaf(1.0, 2.0)
    y = x.exp()
    with tp.no_grad():
        alias(y).mul_(2)
    with pytest.raises(RuntimeError, match=r"exp: .*overwritten.*version 1, expected 0.*Clone"):
        y.sum().backward()


def test_a_write_that_no_gradient_minds() -> None:
    x = leaf(1.0, 2.0)
    y = x + 1
    z = y * 2  # needs neither
    y.add_(100)
    (z + y).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_a_parameter_that_was_updated_between_forward_and_backward() -> None:
    w = leaf(1.0, 2.0)
    loss = (w * w).sum()
    with tp.no_grad():
        w -= 0.1
    with pytest.raises(RuntimeError, match="overwritten in place"):
        loss.backward()


def test_an_error_in_an_in_place_operation_records_nothing() -> None:
    x = leaf(1.0, 2.0)
    y = x.exp()
    with pytest.raises(RuntimeError):
        y.add_(tp.ones(3))
    y.sum().backward()
    assert x.grad.tolist() == pytest.approx(np.exp([1.0, 2.0]).tolist())


# --- results that share memory -------------------------------------------------------------------------

UNCHANGED: dict[str, Callable[[tp.Tensor], tp.Tensor]] = {  # what an operation may do when there is nothing to do
    "roll": lambda x: x.roll(0),
    "tile": lambda x: x.tile((1, 1)),
    "repeat": lambda x: x.repeat(1, 1),
    "pad": lambda x: tp.nn.functional.pad(x, (0, 0)),
    "rot90": lambda x: x.rot90(0),
    "flip": lambda x: x.flip(0),
    "cat": lambda x: tp.cat([x]),
    "einsum": lambda x: tp.einsum("ij->ij", x),
    "einsum of the transposed": lambda x: tp.einsum("ij->ji", x),
    "clamp": lambda x: x.clamp(-100.0, 100.0),
    "clone": lambda x: x.clone(),
    "positive": lambda x: tp.positive(x),
    "where": lambda x: tp.where(tp.tensor(True), x, 0.0),
    "add": lambda x: x + 0,
    "cumsum": lambda x: x[:1].cumsum(0),
    "sort": lambda x: x.sort(0)[0],
    "sum": lambda x: x[:1].sum(0),
    "max": lambda x: x[:1].amax(0),
    "index": lambda x: x[[0, 1]],
    "triu": lambda x: x.triu(-9),
    "round": lambda x: x.round(),
    "meshgrid": lambda x: tp.meshgrid(x[0])[0],
}


def check_sharing(result: tp.Tensor, source: tp.Tensor) -> None:
    if result is not source and np.shares_memory(host(result), host(source)):
        before = result._version
        source.detach().copy_(source * 1)
        assert result._version == before + 1, "the result shares the source's memory, and the graph does not know it"


@pytest.mark.parametrize("operation", UNCHANGED.values(), ids=list(UNCHANGED))
def test_results_share_memory_only_as_views(operation) -> None:
    x = tp.tensor([[1.0, 2.0], [3.0, 4.0]])
    check_sharing(operation(x), x)


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_every_operations_results_share_memory_only_as_views(case) -> None:
    here = tp.backend.current()
    xs = [tp.autograd.leaf(here.from_numpy(a)) for a in case.arrays()]
    found = case.call(tp, *xs)
    for result in found if isinstance(found, (tuple, list)) else (found,):
        for x in xs:
            check_sharing(result, x)


# --- the table of methods ------------------------------------------------------------------------------


def test_every_name_with_an_underscore_has_its_twin() -> None:
    for name in IN_PLACE:
        assert callable(getattr(tp.Tensor, f"{name}_"))
        assert callable(getattr(tp.Tensor, name, None) or getattr(tp, name))


@pytest.mark.parametrize("name", ["abs", "exp", "neg", "sqrt", "tanh", "sigmoid", "relu", "square", "floor", "cumsum"])
def test_in_place_methods_are_their_twins(name: str) -> None:
    args = (0,) if name == "cumsum" else ()
    x = leaf(0.5, 1.5, 2.5)
    expected = getattr(x * 1, name)(*args)
    (wanted,) = tp.autograd.grad(expected.sum(), x)
    y = x * 1
    assert getattr(y, f"{name}_")(*args) is y
    (found,) = tp.autograd.grad(y.sum(), x)
    tp.testing.assert_close(y, expected)
    tp.testing.assert_close(found, wanted)


@pytest.mark.parametrize("turn", [lambda x: x, lambda x: x.T], ids=["as it is", "transposed"])
def test_writing_to_a_diagonal(turn) -> None:
    x = tp.zeros(3, 4)
    turn(x).diagonal(1).fill_(1.0)
    expected = np.zeros((3, 4), np.float32)
    np.fill_diagonal(turn(expected)[:, 1:], 1.0)
    assert host(x).tolist() == expected.tolist()
