"""Clipping of gradients, and parameters as one vector: values, what is changed, kernels, errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny_pytorch as tp
from tiny_pytorch import nn
from tiny_pytorch._ext import clip as compiled
from tiny_pytorch.backend.reference import clip as reference
from tiny_pytorch.nn.utils import (
    clip_grad_norm_,
    clip_grad_value_,
    clip_grads_with_norm_,
    get_total_norm,
    parameters_to_vector,
    vector_to_parameters,
)

SHAPES = [(3, 4), (), (0, 2), (5,)]


def parameters(dtype="float64", scale=1.0):
    rng = np.random.default_rng(0)
    made = []
    for shape in SHAPES:
        p = tp.zeros(shape, dtype=getattr(tp, dtype), requires_grad=True)
        p.grad = tp.tensor(np.asarray(scale * rng.standard_normal(shape)), dtype=p.dtype)
        made.append(p)
    return made


def gradients(params):
    return [p.grad.numpy().copy() for p in params]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("max_norm", [0.0, 0.5, 1e3, math.inf])
@pytest.mark.parametrize("norm_type", [1, 2, 2.5, math.inf])
def test_norm(norm_type, max_norm, dtype):
    params = parameters(dtype)
    before = gradients(params)
    aliases = [p.grad.detach() for p in params]
    norm = clip_grad_norm_(params, max_norm, norm_type)
    together = np.concatenate([g.reshape(-1) for g in before]).astype("float64")
    expected = np.linalg.norm(together, norm_type)
    tolerance = 1e-12 if dtype == "float64" else 1e-6
    assert norm.shape == ()
    assert norm.dtype == getattr(tp, dtype)
    np.testing.assert_allclose(norm.item(), expected, rtol=tolerance)
    factor = min(1.0, max_norm / (expected + 1e-6))
    for p, alias, g in zip(params, aliases, before, strict=True):
        assert alias.tolist() == p.grad.tolist()  # the same memory, which was written
        assert p.grad.dtype == p.dtype
        np.testing.assert_allclose(p.grad.numpy(), g * factor, rtol=tolerance)


@pytest.mark.parametrize("norm_type", [1, 2, 2.5, math.inf])
def test_norm_agrees_with_pytorch(norm_type):
    torch = pytest.importorskip("torch")
    params = parameters()
    theirs = [torch.nn.Parameter(torch.tensor(p.detach().numpy())) for p in params]
    for p, q in zip(params, theirs, strict=True):
        q.grad = torch.tensor(p.grad.numpy().copy())
    kept = [q for q in theirs if q.numel()]  # of no elements, PyTorch has no largest one
    expected = torch.nn.utils.clip_grad_norm_(kept, 0.7, norm_type)
    np.testing.assert_allclose(clip_grad_norm_(params, 0.7, norm_type).item(), expected.item(), rtol=1e-12)
    for p, q in zip(params, theirs, strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-12)


def test_value():
    params = parameters()
    before = gradients(params)
    aliases = [p.grad.detach() for p in params]
    clip_grad_value_(params, 0.5)
    for p, alias, g in zip(params, aliases, before, strict=True):
        assert alias.tolist() == p.grad.tolist()  # the same memory, which was written
        np.testing.assert_array_equal(p.grad.numpy(), np.clip(g, -0.5, 0.5))


def test_norm_known_already():
    params, others = parameters(), parameters()
    norm = get_total_norm([p.grad for p in params])
    clip_grads_with_norm_(params, 0.5, norm)
    assert clip_grad_norm_(others, 0.5).item() == norm.item()
    for p, q in zip(params, others, strict=True):
        np.testing.assert_array_equal(p.grad.numpy(), q.grad.numpy())


def test_no_gradients_a_single_parameter_and_a_generator():
    p = tp.ones(2, requires_grad=True)
    assert clip_grad_norm_([], 1.0).item() == 0.0
    assert clip_grad_norm_([p], 1.0).item() == 0.0
    clip_grad_value_([p], 1.0)
    p.grad = tp.tensor([3.0, 4.0])
    assert clip_grad_norm_(p, 1.0).item() == 5.0
    assert clip_grad_norm_((q for q in [p]), 10.0).item() == pytest.approx(1.0, abs=1e-5)


def test_a_gradient_that_two_parameters_share_is_scaled_once():
    p, q = tp.zeros(2, requires_grad=True), tp.zeros(2, requires_grad=True)
    p.grad = q.grad = tp.tensor([3.0, 4.0])
    clip_grad_norm_([p, q], 1.0)
    np.testing.assert_allclose(p.grad.numpy(), [0.6, 0.8], rtol=1e-5)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_norm_that_is_not_finite(bad):
    params = parameters()
    params[0].grad = tp.tensor(np.full((3, 4), bad))
    before = gradients(params)
    with pytest.raises(RuntimeError, match=r"the norm of order 2.0 .* is (nan|inf)"):
        clip_grad_norm_(params, 1.0, error_if_nonfinite=True)
    for p, g in zip(params, before, strict=True):
        np.testing.assert_array_equal(p.grad.numpy(), g)
    assert not math.isfinite(clip_grad_norm_(params, 1.0).item())
    assert np.isnan(params[0].grad.numpy()).all()


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_squares_beyond_the_numbers(scale):
    params = parameters(scale=scale)
    expected = scale * get_total_norm([p.grad for p in parameters()]).item()
    assert get_total_norm([p.grad for p in params]).item() == pytest.approx(expected, rel=1e-12)


def test_clipping_counts_as_a_write():
    p = tp.tensor([3.0, 4.0], requires_grad=True)
    p.grad = tp.tensor([3.0, 4.0])
    x = tp.tensor([1.0, 1.0], requires_grad=True)
    loss = (x * p.grad).sum()
    clip_grad_norm_([p], 1.0)
    with pytest.raises(RuntimeError, match=r"in.place|modified|overwritten"):
        loss.backward()


def test_errors():
    params = parameters()
    before = gradients(params)
    with pytest.raises(ValueError, match="max_norm must be at least 0, got -1"):
        clip_grad_norm_(params, -1)
    with pytest.raises(ValueError, match="norm_type must be above 0, got 0"):
        clip_grad_norm_(params, 1, 0)
    with pytest.raises(ValueError, match="clip_value must be at least 0, got nan"):
        clip_grad_value_(params, math.nan)
    for p, g in zip(params, before, strict=True):
        np.testing.assert_array_equal(p.grad.numpy(), g)


def test_vector():
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    vector = parameters_to_vector(model.parameters())
    expected = np.concatenate([p.detach().numpy().reshape(-1) for p in model.parameters()])
    np.testing.assert_array_equal(vector.detach().numpy(), expected)
    vector.sum().backward()
    assert all((p.grad == 1).all() for p in model.parameters())
    aliases = [p.detach() for p in model.parameters()]
    vector_to_parameters(tp.arange(len(expected), dtype=tp.float64), model.parameters())
    assert all(p.tolist() == a.tolist() for p, a in zip(model.parameters(), aliases, strict=True))
    assert model[0].weight.dtype == tp.float32
    np.testing.assert_array_equal(parameters_to_vector(model.parameters()).detach().numpy(), np.arange(len(expected)))
    with pytest.raises(ValueError, match=r"a vector of 26 elements.* got shape \(25,\)"):
        vector_to_parameters(tp.zeros(25), model.parameters())
    with pytest.raises(TypeError, match="expected a Tensor, got list"):
        vector_to_parameters([0.0] * 26, model.parameters())


# --- kernels ---


def arrays(shapes, dtype, seed):
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.standard_normal(s), dtype) for s in shapes]


@pytest.mark.numpy_only
@given(
    shapes=st.lists(st.lists(st.integers(0, 40), max_size=3).map(tuple), min_size=1, max_size=6),
    dtype=st.sampled_from(["float32", "float64"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_kernels_agree_with_the_reference(shapes, dtype, seed):
    made = arrays(shapes, dtype, seed)
    norm = compiled.total_norm(made, 2.0)
    expected = reference.total_norm(np, made, 2.0)
    assert norm.dtype == expected.dtype
    np.testing.assert_allclose(norm, expected, rtol=8 * np.finfo(dtype).eps)
    scaled = reference.rescale(np, made, 0.3)
    assert compiled.rescale(made, 0.3) is made
    for a, e in zip(made, scaled, strict=True):
        np.testing.assert_array_equal(a, e)


@pytest.mark.numpy_only
def test_kernels_decline_what_they_are_not_made_for():
    good = arrays([(4, 4), (3,)], "float32", 0)
    before = [a.copy() for a in good]
    frozen = good[1].copy()
    frozen.flags.writeable = False
    for bad in (good[0][:, ::2], good[0].astype(">f4"), good[0].astype("float16"), good[0].tolist(), None):
        assert compiled.total_norm([good[0], bad], 2.0) is NotImplemented
        assert compiled.rescale([good[0], bad], 0.5) is NotImplemented
    for bad in (frozen, good[0], good[0][1:]):
        assert compiled.rescale([good[0], bad], 0.5) is NotImplemented
    assert compiled.total_norm([good[0], good[1].astype("float64")], 2.0) is NotImplemented
    assert compiled.total_norm(good, 1.0) is NotImplemented
    assert compiled.total_norm(tuple(good), 2.0) is NotImplemented
    for a, b in zip(good, before, strict=True):
        np.testing.assert_array_equal(a, b)
