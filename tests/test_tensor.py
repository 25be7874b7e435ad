"""`Tensor` as an object of Python: what it shows, converts to, refuses, and how it meets NumPy."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import tiny_pytorch as tp


def matrix() -> tp.Tensor:
    return tp.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


# --- what it is ----------------------------------------------------------------------------------------


def test_properties() -> None:
    x = matrix()
    assert (x.shape, x.ndim, x.dim(), x.ndimension(), len(x)) == ((2, 3), 2, 2, 2, 2)
    assert (x.size(), x.size(0), x.size(-1), x.numel(), x.nelement()) == ((2, 3), 2, 3, 6, 6)
    assert (x.dtype, x.itemsize, x.element_size(), x.nbytes) == (tp.float32, 4, 4, 24)
    here = tp.get_default_device()
    assert (x.device, x.device.type, x.is_floating_point(), x.long().is_floating_point()) == (
        here, here.type, True, False)  # fmt: skip
    assert (x.T.shape, tp.ones(2, 3, 4).mT.shape, x.requires_grad, x.is_leaf, x.grad) == (
        (3, 2), (2, 4, 3), False, True, None)  # fmt: skip
    assert tp.is_tensor(x)
    assert not tp.is_tensor(np.ones(2))
    with pytest.raises(IndexError):
        x.size(2)


def shares(a: tp.Tensor, b: tp.Tensor) -> bool:
    """Whether a write to ``a`` shows in ``b``."""
    before = b.tolist()
    a.detach().add_(1.0)
    return b.tolist() != before


def test_is_contiguous() -> None:
    x = matrix()
    for view, contiguous in ((x, True), (x.T, False), (x[:, 1:], False), (x[1:], True), (x[0][::2], False),
                             (x[:1, :1].expand(4, 1), False), (x[0, 0], True), (x[:0], True)):  # fmt: skip
        assert view.is_contiguous() is contiguous
        assert view.contiguous().is_contiguous()
        assert view.contiguous().tolist() == view.tolist()
        assert view.numel() < 2 or contiguous or not shares(view.contiguous(), x)
        assert (view.contiguous() is view) is contiguous


def test_the_constructor() -> None:
    x = tp.Tensor([1.0, 2.0], requires_grad=True)
    assert (x.dtype, x.requires_grad, tp.Tensor().shape) == (tp.float32, True, (0,))
    shared = tp.Tensor(x)
    assert not shared.requires_grad
    shared[0] = 5.0
    assert x.tolist() == [5.0, 2.0]


@pytest.mark.parametrize(
    "make, expected",
    [
        (lambda: tp.tensor([1.0, 2.5]), "tensor([1. , 2.5])"),
        (lambda: tp.tensor(3), "tensor(3)"),
        (lambda: tp.tensor([True]), "tensor([ True])"),
        (lambda: tp.tensor([[1, 2], [3, 4]]), "tensor([[1, 2],\n        [3, 4]])"),
        (lambda: tp.zeros(0), "tensor([])"),
        (lambda: tp.zeros(2, 0), "tensor([], size=(2, 0))"),
        (lambda: tp.zeros(1, dtype=tp.float64), "tensor([0.], dtype=tiny_pytorch.float64)"),
        (lambda: tp.ones(1, requires_grad=True), "tensor([1.], requires_grad=True)"),
        (lambda: tp.ones(1, requires_grad=True).exp(), "tensor([2.7183], grad_fn=<exp>)"),
        (lambda: tp.tensor(float("nan")), "tensor(nan)"),
        (lambda: tp.tensor(1.23456789), "tensor(1.2346)"),
        (lambda: tp.tensor([1.23456789]), "tensor([1.2346])"),
    ],
)
def test_repr(make, expected: str) -> None:
    assert repr(make()) == str(make()) == expected


def test_repr_of_many_elements_is_short() -> None:
    assert len(repr(tp.zeros(100, 100, 100))) < 3000


def test_format() -> None:
    x = tp.tensor(1.2345)
    assert (f"{x:.2f}", f"{tp.tensor(7):03d}", f"{x}") == ("1.23", "007", str(x))
    assert f"{matrix()}" == str(matrix())
    with pytest.raises(TypeError, match="format"):
        f"{matrix():.2f}"


# --- to Python -----------------------------------------------------------------------------------------


def test_item_and_tolist() -> None:
    for value, kind in ((1.5, float), (3, int), (True, bool)):
        for x in (tp.tensor(value), tp.tensor([[value]])):
            assert (x.item(), type(x.item())) == (value, kind)
    assert matrix().tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    assert tp.tensor(2.0, requires_grad=True).tolist() == 2.0
    for x in (matrix(), tp.zeros(0)):
        with pytest.raises(RuntimeError, match="only a tensor of one element"):
            x.item()


def test_numbers() -> None:
    x = tp.tensor(2.75, requires_grad=True)
    assert (float(x), int(x), complex(x), bool(x), bool(x * 0)) == (2.75, 2, 2.75 + 0j, True, False)
    assert [10, 20, 30][tp.tensor(1)] == 20
    assert list(range(tp.tensor([3]))) == [0, 1, 2]
    with pytest.raises(TypeError, match=r"only integer tensors can be an index.*float32"):
        [1, 2][tp.tensor(1.0)]
    for convert in (float, int, complex, bool):
        with pytest.raises(RuntimeError, match=r"shape \(2, 3\)"):
            convert(matrix())
    with pytest.raises(RuntimeError, match=r"ambiguous; use \.any\(\) or \.all\(\)"):
        assert matrix() == matrix()


def test_sequences() -> None:
    x = matrix()
    x.requires_grad = True
    assert [row.tolist() for row in x] == x.tolist()
    first, second = x
    (first.sum() + 2 * second.sum()).backward()
    assert x.grad.tolist() == [[1.0] * 3, [2.0] * 3]
    assert 5.0 in x
    assert 7 not in x
    assert list(reversed(tp.arange(3).tolist())) == [2, 1, 0]
    for use in (len, list, iter):
        with pytest.raises(TypeError, match="0-d tensor"):
            use(tp.tensor(1.0))


def test_identity_and_equality() -> None:
    x, y = tp.ones(2), tp.ones(2)
    assert len({x, y, x}) == 2
    assert {x: "x"}[x] == "x"
    assert (x == y).tolist() == [True, True]
    assert (x != y).tolist() == [False, False]
    assert (x == 1).tolist() == [True, True]
    assert (x == None) is False  # noqa: E711
    assert (x != None) is True  # noqa: E711
    assert (x == "text") is False
    assert x not in [None, "text"]


def test_operators_refuse_what_is_no_number() -> None:
    x = tp.ones(2)
    for wrong in ("text", None, object(), [1.0, "a"]):
        for operate in (lambda a, b: a + b, lambda a, b: b * a, lambda a, b: a @ b, lambda a, b: a < b):
            with pytest.raises(TypeError):
                operate(x, wrong)


# --- and NumPy -----------------------------------------------------------------------------------------


@pytest.mark.numpy_only
def test_numpy_shares_memory() -> None:
    x = matrix()
    array = x.numpy()
    array[0, 0] = 9.0
    assert x[0, 0].item() == 9.0
    assert np.shares_memory(np.asarray(x), array)
    assert not np.shares_memory(np.array(x, copy=True), array)
    assert np.asarray(x, dtype="float64").dtype == "float64"
    with pytest.raises(ValueError, match="needs a copy"):
        np.array(x, dtype="float64", copy=False)


def test_numpy_gives_the_values() -> None:
    for x in (matrix(), tp.arange(3), tp.tensor([True, False]), tp.tensor(1.0)):
        for array in (x.numpy(), np.asarray(x), x.detach().numpy()):
            assert type(array) is np.ndarray
            assert (array.tolist(), array.dtype, array.shape) == (x.tolist(), str(x.dtype), x.shape)


def test_a_gradient_is_not_cut_off_silently() -> None:
    leaf = tp.ones(2, requires_grad=True)
    for x in (leaf, leaf * 2):
        for convert in (lambda x: x.numpy(), np.asarray, np.array, np.sum):
            with pytest.raises((RuntimeError, TypeError)):
                convert(x)
        with pytest.raises(RuntimeError, match=r"requires a gradient.*\.detach\(\)\.numpy\(\)"):
            np.asarray(x)
        with pytest.raises(BufferError, match="requires a gradient"):
            np.from_dlpack(x)
        assert x.detach().numpy().tolist() == x.tolist()


def test_numpy_reads_it_by_dlpack() -> None:
    assert np.from_dlpack(matrix()).tolist() == matrix().tolist()


@pytest.mark.parametrize("operate", [lambda a, b: a * b, lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a / b])
def test_numpys_numbers_are_numbers(operate) -> None:
    """On either side; and being Python numbers in effect, they widen nothing."""
    x = tp.tensor([1.0, 2.0], requires_grad=True)
    for number in (np.float64(2), np.float32(2), np.int64(2), np.int8(2), np.bool_(True)):
        for y, value in (
            (operate(x, number), operate(np.array([1.0, 2.0]), number)),
            (operate(number, x), operate(number, np.array([1.0, 2.0]))),
        ):
            assert (type(y), y.dtype, y.requires_grad) == (tp.Tensor, tp.float32, True)
            assert y.tolist() == value.tolist()


@pytest.mark.numpy_only
def test_numpys_arrays_become_tensors() -> None:
    x, array = tp.tensor([1.0, 2.0], requires_grad=True), np.array([3.0, 4.0], "float32")
    for y in (array * x, x * array, array - x, array @ x, array == x, np.ones((2, 2), "float32") @ x):
        assert type(y) is tp.Tensor
    (array * x).sum().backward()
    assert x.grad.tolist() == [3.0, 4.0]
    with pytest.raises(TypeError):
        np.add(array, x)


def test_other_libraries_arrays_are_not_moved_silently() -> None:
    if tp.backend.current().name in ("numpy", "cupy"):
        pytest.skip("its own arrays on the host are NumPy's")
    with pytest.raises(TypeError, match=r"numpy.*Nothing is moved between libraries silently.*tp\.tensor"):
        tp.ones(2) + np.ones(2)


# --- conversions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "method, dtype",
    [("float", "float32"), ("double", "float64"), ("long", "int64"), ("int", "int32"), ("bool", "bool")],
)
def test_conversions_by_name(method: str, dtype: str) -> None:
    for x in (tp.tensor([0.0, 2.7]), tp.tensor([0, 2]), tp.tensor([False, True])):
        y = getattr(x, method)()
        assert str(y.dtype) == dtype
        assert y.tolist() == np.asarray(x.tolist()).astype(dtype).tolist() or dtype == "float32"
        assert (y is x) == (x.dtype == dtype)


@pytest.mark.numpy_only
def test_half() -> None:
    assert (tp.ones(2).half().dtype, tp.ones(2).half().float().tolist()) == (tp.float16, [1.0, 1.0])


def test_to() -> None:
    x = tp.tensor([1.0, 2.0], requires_grad=True)
    here = str(x.device)
    for same in (x.to(tp.float32), x.to("float32"), x.to(here), x.to(x), x.to(here, tp.float32), x.to()):
        assert same is x
    assert (x.cpu() is x) == (here == "cpu")
    for y in (x.to(tp.float64), x.to("float64"), x.to(dtype=tp.float64), x.to(here, tp.float64), x.double(),
              x.type(tp.float64), x.type_as(tp.ones(1, dtype=tp.float64)), x.to(tp.ones(1, dtype=tp.float64)),
              x.to(float).double()):  # fmt: skip
        assert (y.dtype, y.requires_grad) == (tp.float64, True)
    copied = x.to(tp.float32, copy=True)
    assert copied is not x
    assert copied.requires_grad
    (x.double() * 3).sum().backward()
    assert (x.grad.dtype, x.grad.tolist()) == (tp.float32, [3.0, 3.0])
    assert x.type() == "float32"
    for wrong in ("cuda:9", *(() if tp.cuda.is_available() else ("cuda", "cuda:0"))):
        with pytest.raises(RuntimeError, match=f"no device 'cuda.*only '{tp.backend.current().devices[0]}'"):
            x.to(wrong)
    if not tp.cuda.is_available():
        with pytest.raises(RuntimeError, match="no device"):
            x.cuda()
    with pytest.raises((TypeError, ValueError, RuntimeError)):
        x.to("no such thing")


def test_new_tensors_of_the_same_dtype() -> None:
    x = tp.ones(2, dtype=tp.float64)
    for y, value in (
        (x.new_zeros(2, 3), 0),
        (x.new_ones((2, 3)), 1),
        (x.new_full((2, 3), 5), 5),
        (x.new_empty(2, 3), None),
        (x.new_tensor([[1] * 3] * 2), 1),
    ):
        assert (y.shape, y.dtype, y.device, y.requires_grad) == ((2, 3), tp.float64, x.device, False)
        assert value is None or (y == value).all()
    assert x.new_zeros(2, dtype=tp.int64).dtype == tp.int64
    assert x.new_ones(2, requires_grad=True).requires_grad


# --- copies --------------------------------------------------------------------------------------------


def test_pickle() -> None:
    plain = [matrix(), tp.tensor(3), tp.zeros(0, 2), matrix().T, tp.ones(2).expand(3, 2)]
    for x in (*plain, tp.ones(2, requires_grad=True), tp.nn.Parameter(tp.ones(2))):
        y = pickle.loads(pickle.dumps(x))
        assert (type(y), y.dtype, y.shape, y.requires_grad) == (type(x), x.dtype, x.shape, x.requires_grad)
        assert y.tolist() == x.tolist()
    with pytest.raises(RuntimeError, match=r"only leaf tensors can be pickled.*detach"):
        pickle.dumps(tp.ones(2, requires_grad=True) * 2)


def test_deepcopy() -> None:
    x = tp.nn.Parameter(tp.ones(2))
    (x * 3).sum().backward()
    y, same = copy.deepcopy([x, x])
    assert y is same
    assert (type(y), y.requires_grad, y.is_leaf, y.tolist()) == (tp.nn.Parameter, True, True, [1.0, 1.0])
    assert y.grad.tolist() == [3.0, 3.0]
    with tp.no_grad():
        y.zero_()
        y.grad.zero_()
    assert (x.tolist(), x.grad.tolist()) == ([1.0, 1.0], [3.0, 3.0])
    with pytest.raises(RuntimeError, match="only leaf tensors can be deep-copied"):
        copy.deepcopy(x * 2)


def test_copies_keep_attributes() -> None:
    x = tp.ones(2)
    x.note = ["kept"]
    for y in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert y.note == ["kept"]
    assert copy.copy(x).note is x.note
    assert copy.deepcopy(x).note is not x.note


def test_a_shallow_copy_shares_memory() -> None:
    x = tp.ones(2, requires_grad=True)
    y = copy.copy(x)
    with tp.no_grad():
        y[0] = 5.0
    assert (y.requires_grad, y is x, x.tolist()) == (True, False, [5.0, 1.0])


def test_clone_and_detach() -> None:
    x = tp.ones(2, requires_grad=True)
    y = x.clone()
    (y * 2).sum().backward()
    assert (x.grad.tolist(), y.is_leaf, x.detach().requires_grad) == ([2.0, 2.0], False, False)
