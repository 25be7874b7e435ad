"""FloatTensor and its kin, Tensor of sizes, and the switches that scripts set at their top."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import tiny_pytorch as tp
from tiny_pytorch import nn

NAMES = {
    "FloatTensor": tp.float32,
    "DoubleTensor": tp.float64,
    "HalfTensor": tp.float16,
    "ByteTensor": tp.uint8,
    "ShortTensor": tp.int16,
    "IntTensor": tp.int32,
    "LongTensor": tp.int64,
    "BoolTensor": tp.bool,
}


@pytest.mark.numpy_only  # not every library has float16
@pytest.mark.parametrize("name, dtype", NAMES.items(), ids=NAMES)
def test_typed_tensors(name, dtype):
    made = getattr(tp, name)
    for data in ([1, 0], (1.0, 0.0), np.array([1, 0]), tp.tensor([1, 0])):
        x = made(data)
        assert (x.dtype, x.tolist()) == (dtype, [1, 0])
        assert isinstance(x, made)
    assert (made(2, 3).shape, made(4).shape, made().shape) == ((2, 3), (4,), (0,))
    assert made(2, 3).dtype == dtype
    assert not isinstance(tp.tensor([1j]) if name == "FloatTensor" else np.ones(2), made)
    y = tp.tensor([1, 0], dtype=tp.int8)
    assert y.type(made).dtype == y.type_as(made(1)).dtype == dtype
    assert not isinstance(y, made)
    assert repr(made) == f"tiny_pytorch.{name}"
    with pytest.raises(TypeError, match=f"{name}: expected one sequence of data, or sizes"):
        made(2, 0.5)


def test_a_tensor_of_sizes():
    assert (tp.Tensor(2, 3).shape, tp.Tensor(2, 3, 4).shape) == ((2, 3), (2, 3, 4))
    assert nn.Parameter(tp.Tensor(2, 3)).dtype == tp.float32
    assert tp.Tensor([1.0], True).requires_grad
    with pytest.raises(TypeError, match="empty: expected"):
        tp.Tensor([1.0], "yes")


def test_compile_gives_the_model_back():
    layer = nn.Linear(2, 1)
    assert tp.compile(layer) is layer

    @tp.compile(fullgraph=True)
    def double(x):
        return 2 * x

    assert double(3) == 6
    with pytest.raises(TypeError, match="a Module or a function, got int"):
        tp.compile(3)


@pytest.mark.numpy_only
def test_determinism_is_promised_only_where_it_is_kept():
    threads = tp.get_num_threads()
    try:
        tp.set_num_threads(1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tp.use_deterministic_algorithms(True)
        assert tp.are_deterministic_algorithms_enabled()
        tp.set_num_threads(2)
        with pytest.warns(UserWarning, match=r"2 threads .*set_num_threads\(1\)"):
            tp.use_deterministic_algorithms(True, warn_only=True)
    finally:
        tp.set_num_threads(threads)
        tp.use_deterministic_algorithms(False)
    assert not tp.are_deterministic_algorithms_enabled()
    with pytest.raises(TypeError, match="True or False, got 1"):
        tp.use_deterministic_algorithms(1)


@pytest.mark.numpy_only
def test_what_scripts_ask_and_set_of_libraries():
    import tiny_pytorch.backends.cudnn as cudnn

    before = cudnn.benchmark, cudnn.deterministic
    cudnn.benchmark, cudnn.deterministic = True, True
    assert tp.backends.cudnn.benchmark
    cudnn.benchmark, cudnn.deterministic = before
    assert (cudnn.is_available(), cudnn.version()) == (False, None)
    assert not tp.backends.mps.is_available()
    assert not tp.backends.mps.is_built()
    assert not tp.backends.cuda.is_built()
    tp.backends.cuda.matmul.allow_tf32 = True
    assert tp.backends.cuda.matmul.allow_tf32
    tp.backends.cuda.matmul.allow_tf32 = False
    with pytest.raises(TypeError, match="allow_tf32: expected True or False, got 'yes'"):
        tp.backends.cuda.matmul.allow_tf32 = "yes"
    tp.set_float32_matmul_precision("high")
    assert tp.get_float32_matmul_precision() == "high"
    with pytest.raises(ValueError, match="got 'exact'"):
        tp.set_float32_matmul_precision("exact")
    tp.set_float32_matmul_precision("highest")
    tp.manual_seed(0)
    tp.cuda.manual_seed_all(0)
