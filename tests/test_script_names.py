"""Small names that PyTorch's scripts use: methods that fill, convert and describe, and switches at the top."""

from __future__ import annotations

import numpy as np
import pytest

import tiny_pytorch as tp

X = np.arange(12.0).reshape(3, 4)


def test_strides_are_numpys():
    x = tp.tensor(X)
    assert x.stride() == (4, 1)
    assert x.stride(0) == 4
    assert x.stride(-1) == 1
    with pytest.raises(IndexError):
        x.stride(2)


@pytest.mark.numpy_only
def test_strides_of_views():
    x = tp.tensor(X)
    assert x.T.stride() == (1, 4)
    assert x[:, ::2].stride() == (4, 2)


def test_conversions_and_questions():
    x = tp.tensor(X)
    assert [x.byte().dtype, x.char().dtype, x.short().dtype] == [tp.uint8, tp.int8, tp.int16]
    assert tp.is_floating_point(x)
    assert not tp.is_complex(x)
    assert tp.numel(x) == 12
    assert isinstance(x.shape, tp.Size)
    assert tp.Size([3, 4]) == x.shape
    assert x.clone(memory_format=tp.preserve_format).contiguous(memory_format=tp.contiguous_format).shape == (3, 4)
    assert x.to(memory_format=tp.channels_last) is x
    for made in (x.new_zeros(2, device="cpu"), x.new_ones((2,), device="cpu"), x.new_empty(2, device=x.device)):
        assert (made.shape, made.dtype) == ((2,), tp.float64)
    assert x.new_full((2,), 3.0, device="cpu").tolist() == [3.0, 3.0]
    assert x.new_tensor([1, 2], device="cpu").dtype == tp.float64
    y = tp.ones(2, requires_grad=True)
    assert y.numpy(force=True).tolist() == [1.0, 1.0]
    with pytest.raises(RuntimeError, match="detach"):
        y.numpy()


def test_filling():
    tp.manual_seed(0)
    drawn = tp.zeros(4000).random_(2, 5)
    assert sorted(set(drawn.tolist())) == [2.0, 3.0, 4.0]
    assert set(tp.zeros(100, dtype=tp.int64).random_(2).tolist()) == {0, 1}
    assert tp.zeros(100).random_().max().item() > 2**20
    assert tp.zeros(100, dtype=tp.uint8).random_().max().item() > 200
    assert tp.zeros(4000).exponential_(2.0).mean().item() == pytest.approx(0.5, abs=0.05)
    with pytest.raises(ValueError, match="lambd"):
        tp.zeros(1).exponential_(0.0)
    np.testing.assert_array_equal(tp.zeros(3, 3).fill_diagonal_(2.0).numpy(), 2 * np.eye(3))
    with pytest.raises(RuntimeError, match="matrix"):
        tp.zeros(3).fill_diagonal_(1.0)


@pytest.mark.parametrize("accumulate", [False, True])
def test_index_put(accumulate):
    torch = pytest.importorskip("torch")
    results = []
    for t in (tp, torch):
        x, v = t.zeros(3, 4, dtype=t.float64), t.tensor([1.0, 2.0, 3.0], dtype=t.float64, requires_grad=True)
        places = (t.tensor([0, 0, 2]), t.tensor([1, 1 if accumulate else 2, 3]))
        y = (x * 1).index_put_(places, v, accumulate=accumulate)
        (y * y).sum().backward()
        results += [y.detach().numpy(), v.grad.numpy()]
    np.testing.assert_array_equal(results[0], results[2])
    np.testing.assert_array_equal(results[1], results[3])


def test_in_place_forms():
    x = tp.tensor(X)
    assert x.clamp_min_(3).clamp_max_(6) is x
    assert x.max().item() == 6
    assert tp.tensor([1.75]).frac_().item() == 0.75


def test_how_tensors_print():
    x = tp.tensor([1.23456, 1e-9])
    try:
        tp.set_printoptions(precision=2, sci_mode=False)
        assert repr(x) == "tensor([1.23, 0.  ])"
        tp.set_printoptions(threshold=3, edgeitems=1)
        assert "..." in repr(tp.arange(10))
    finally:
        tp.set_printoptions(profile="default")
    assert repr(x) == "tensor([1.2346e+00, 1.0000e-09])"
    with pytest.raises(ValueError, match="profile"):
        tp.set_printoptions(profile="long")


def test_default_tensor_type():
    try:
        tp.set_default_tensor_type("torch.DoubleTensor")
        assert tp.zeros(1).dtype == tp.float64
    finally:
        tp.set_default_tensor_type(tp.FloatTensor)
    assert tp.zeros(1).dtype == tp.float32
    for wrong in ("torch.Tensor", 3, tp.LongTensor):
        with pytest.raises(TypeError):
            tp.set_default_tensor_type(wrong)


def test_a_forked_generator():
    tp.manual_seed(1)
    with tp.random.fork_rng():
        tp.rand(5)
    a = tp.rand(3)
    tp.manual_seed(1)
    np.testing.assert_array_equal(a.numpy(), tp.rand(3).numpy())
