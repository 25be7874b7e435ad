"""Convolution, pooling and the normalisations of images: against PyTorch, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tiny_pytorch as tp
from tiny_pytorch import nn
from tiny_pytorch.nn import functional as F
from tiny_pytorch.testing import assert_close, gradcheck, gradgradcheck

# name: (the layer, the shape of its input)
LAYERS = {
    "conv1d": (lambda nn, **kw: nn.Conv1d(4, 6, 3, stride=2, padding=1, groups=2, **kw), (5, 4, 9)),
    "conv1d_same": (lambda nn, **kw: nn.Conv1d(2, 3, 4, padding="same", dilation=2, **kw), (2, 2, 9)),
    "conv2d": (lambda nn, **kw: nn.Conv2d(3, 8, 3, padding=1, **kw), (4, 3, 9, 7)),
    "conv2d_stride": (lambda nn, **kw: nn.Conv2d(3, 10, 7, stride=4, padding=3, bias=False, **kw), (3, 3, 17, 16)),
    "conv2d_dilation": (lambda nn, **kw: nn.Conv2d(2, 3, (2, 3), dilation=(2, 1), **kw), (2, 2, 8, 6)),
    "conv2d_depthwise": (lambda nn, **kw: nn.Conv2d(4, 8, 3, padding=1, groups=4, **kw), (2, 4, 5, 5)),
    "conv2d_points": (lambda nn, **kw: nn.Conv2d(5, 7, 1, **kw), (2, 5, 4, 3)),
    "conv2d_one_pixel": (lambda nn, **kw: nn.Conv2d(9, 5, 3, padding=1, **kw), (6, 9, 1, 1)),
    "conv2d_same": (lambda nn, **kw: nn.Conv2d(2, 2, (2, 5), padding="same", **kw), (2, 2, 6, 6)),
    "conv2d_valid": (lambda nn, **kw: nn.Conv2d(2, 2, 2, stride=(2, 1), padding="valid", **kw), (2, 2, 6, 6)),
    "conv2d_reflect": (lambda nn, **kw: nn.Conv2d(2, 3, 3, padding=(2, 1), padding_mode="reflect", **kw), (2, 2, 5, 6)),
    "conv2d_circular": (
        lambda nn, **kw: nn.Conv2d(2, 3, 4, padding="same", padding_mode="circular", **kw),
        (2, 2, 5, 6),
    ),
    "conv_transpose1d": (
        lambda nn, **kw: nn.ConvTranspose1d(4, 6, 3, 2, 1, output_padding=1, groups=2, **kw),
        (5, 4, 9),
    ),
    "conv_transpose1d_dilation": (
        lambda nn, **kw: nn.ConvTranspose1d(2, 3, 2, 1, 0, output_padding=2, dilation=3, **kw),
        (2, 2, 5),
    ),
    "conv_transpose2d": (lambda nn, **kw: nn.ConvTranspose2d(8, 3, 4, stride=2, padding=1, **kw), (4, 8, 5, 6)),
    "conv_transpose2d_all": (
        lambda nn, **kw: nn.ConvTranspose2d(4, 6, (2, 3), (3, 2), (1, 0), (2, 1), 2, False, (2, 1), **kw),
        (3, 4, 4, 3),
    ),
    "batch_norm2d": (lambda nn, **kw: nn.BatchNorm2d(3, **kw), (4, 3, 5, 2)),
    "group_norm": (lambda nn, **kw: nn.GroupNorm(2, 6, **kw), (4, 6, 3, 2)),
    "rms_norm": (lambda nn, **kw: nn.RMSNorm((3, 4), **kw), (4, 3, 4)),
}
POOLS = {
    "max_pool1d": (lambda nn: nn.MaxPool1d(3, 2, 1), (2, 3, 8)),
    "max_pool2d": (lambda nn: nn.MaxPool2d(2), (2, 3, 8, 6)),
    "max_pool2d_all": (lambda nn: nn.MaxPool2d((3, 2), (2, 1), (1, 0), (1, 2), ceil_mode=True), (2, 3, 8, 6)),
    "avg_pool1d": (lambda nn: nn.AvgPool1d(3, 2, 1, count_include_pad=False), (2, 3, 8)),
    "avg_pool2d": (lambda nn: nn.AvgPool2d(2), (2, 3, 9, 6)),
    "avg_pool2d_all": (lambda nn: nn.AvgPool2d((3, 2), (2, 3), 1, ceil_mode=True), (2, 3, 8, 6)),
    "adaptive_avg_pool1d": (lambda nn: nn.AdaptiveAvgPool1d(3), (2, 3, 8)),
    "adaptive_avg_pool2d": (lambda nn: nn.AdaptiveAvgPool2d((None, 4)), (2, 3, 5, 6)),
    "adaptive_max_pool1d": (lambda nn: nn.AdaptiveMaxPool1d(3), (2, 3, 8)),
    "adaptive_max_pool2d": (lambda nn: nn.AdaptiveMaxPool2d((2, 4)), (2, 3, 4, 6)),
}
PRECISIONS = {"float64": 1e-9, "float32": 1e-5}
both_precisions = pytest.mark.parametrize("dtype", PRECISIONS)


def close(actual, expected, dtype):
    scale = max(1.0, float(np.abs(expected).max(initial=0)))
    np.testing.assert_allclose(actual / scale, expected / scale, rtol=0, atol=PRECISIONS[dtype])


def pair(make, dtype):
    """A layer of ours and PyTorch's, with the same parameters."""
    torch = pytest.importorskip("torch")
    theirs = make(torch.nn, dtype=getattr(torch, dtype))
    ours = make(nn, dtype=getattr(tp, dtype))
    assert repr(ours).split("(")[0] == repr(theirs).split("(")[0]
    assert {k: tuple(v.shape) for k, v in ours.state_dict().items()} == {
        k: tuple(v.shape) for k, v in theirs.state_dict().items()
    }
    ours.load_state_dict({k: tp.tensor(v.numpy().copy()) for k, v in theirs.state_dict().items()})
    return ours, theirs


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # PyTorch's, about itself
@both_precisions
@pytest.mark.parametrize("name", LAYERS)
def test_twenty_training_steps_are_pytorchs(name, dtype):
    torch = pytest.importorskip("torch")
    make, shape = LAYERS[name]
    ours, theirs = pair(make, dtype)
    rng = np.random.default_rng(1)
    optimizers = tp.optim.SGD(ours.parameters(), lr=0.01), torch.optim.SGD(theirs.parameters(), lr=0.01)
    for step in range(20):
        data = rng.standard_normal(shape).astype(dtype)
        x, tx = tp.tensor(data.copy(), requires_grad=True), torch.tensor(data, requires_grad=True)
        y, ty = ours(x), theirs(tx)
        if step in (0, 19):
            close(y.detach().numpy(), ty.detach().numpy(), dtype)
        for optimizer in optimizers:
            optimizer.zero_grad()
        (y * y).mean().backward()
        (ty * ty).mean().backward()
        if step in (0, 19):
            close(x.grad.numpy(), tx.grad.numpy(), dtype)
            for p, tp_ in zip(ours.parameters(), theirs.parameters(), strict=True):
                close(p.grad.numpy(), tp_.grad.numpy(), dtype)
        for optimizer in optimizers:
            optimizer.step()
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    for key, value in ours.state_dict().items():
        close(value.numpy(), state[key].numpy(), dtype)
    ours.eval()
    theirs.eval()
    close(ours(tp.tensor(data)).detach().numpy(), theirs(torch.tensor(data)).detach().numpy(), dtype)


@both_precisions
@pytest.mark.parametrize("name", POOLS)
def test_pools_are_pytorchs(name, dtype):
    torch = pytest.importorskip("torch")
    make, shape = POOLS[name]
    data = np.random.default_rng(2).standard_normal(shape).astype(dtype)
    x, tx = tp.tensor(data.copy(), requires_grad=True), torch.tensor(data, requires_grad=True)
    y, ty = make(nn)(x), make(torch.nn)(tx)
    close(y.detach().numpy(), ty.detach().numpy(), dtype)
    (y * y).sum().backward()
    (ty * ty).sum().backward()
    close(x.grad.numpy(), tx.grad.numpy(), dtype)


@pytest.mark.parametrize("name", [*LAYERS, *POOLS])
def test_repr_is_pytorchs(name):
    torch = pytest.importorskip("torch")
    make = {**LAYERS, **POOLS}[name][0]
    assert repr(make(nn)) == repr(make(torch.nn))


@pytest.mark.parametrize("name", ["conv1d", "conv2d_stride", "conv2d_depthwise", "conv2d_one_pixel"])
def test_double_backward_through_layers(name):
    make, shape = LAYERS[name]
    layer = make(nn, dtype=tp.float64)
    small = (1, *[min(n, 5) if i else n for i, n in enumerate(shape[1:])])
    x = tp.tensor(np.random.default_rng(3).standard_normal(small), requires_grad=True)
    assert gradcheck(layer, (x,))
    assert gradgradcheck(layer, (x,))


def test_convolutions_start_as_pytorchs_do():
    layer = nn.Conv2d(8, 32, 3, groups=2)
    bound = 1 / math.sqrt(4 * 9)
    for parameter in layer.parameters():
        values = parameter.detach().numpy()
        assert bound * 0.9 < np.abs(values).max() <= bound
        assert abs(values.mean()) < bound / 3


def test_only_what_needs_a_gradient_gets_one():
    x, frozen = tp.randn(2, 3, 5, 5), nn.Conv2d(3, 4, 3)
    frozen.weight.requires_grad = False
    frozen(x).sum().backward()
    assert frozen.weight.grad is None
    np.testing.assert_allclose(frozen.bias.grad.numpy(), np.full(4, 18.0))
    x.requires_grad = True
    frozen.bias.requires_grad = False
    frozen(x).sum().backward()
    assert x.grad.shape == x.shape


def test_the_first_layer_asks_for_no_gradient_of_the_images():
    x, layer = tp.randn(2, 3, 5, 5), nn.Conv2d(3, 4, 3, padding=1)
    layer(x).square().sum().backward()
    expected = [p.grad for p in layer.parameters()]
    layer.zero_grad()
    layer(x.clone().requires_grad_()).square().sum().backward()
    for p, g in zip(layer.parameters(), expected, strict=True):
        assert_close(p.grad, g)


@pytest.mark.numpy_only
def test_threads_share_the_images():
    x, layer = tp.randn(24, 8, 20, 20, requires_grad=True), nn.Conv2d(8, 16, 3, padding=1)
    before, found = tp.get_num_threads(), []
    for threads in (1, 3):
        tp.set_num_threads(threads)
        try:
            y = F.max_pool2d(layer(x), 2)
            found.append([y, *tp.autograd.grad(y.square().sum(), [x, *layer.parameters()])])
        finally:
            tp.set_num_threads(before)
    for one, many in zip(*found, strict=True):
        close(many.detach().numpy(), one.detach().numpy(), "float32")


def test_indices_say_where_the_largest_stand():
    x = tp.randn(2, 3, 6, 8)
    for pool in (nn.MaxPool2d(2, return_indices=True), nn.AdaptiveMaxPool2d((4, 3), return_indices=True)):
        y, indices = pool(x)
        assert indices.dtype == tp.int64
        flat = x.numpy().reshape(2, 3, -1)
        found = np.take_along_axis(flat, indices.numpy().reshape(2, 3, -1), 2)
        np.testing.assert_array_equal(found, y.numpy().reshape(2, 3, -1))


def test_equal_elements_share_nothing_and_nan_passes():
    x = tp.ones(1, 1, 2, 2, requires_grad=True)
    F.max_pool2d(x, 2).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [[[[1, 0], [0, 0]]]])
    assert np.isnan(F.max_pool2d(tp.tensor([[[1.0, float("nan")], [2.0, 3.0]]]), 2).item())


def test_one_image_needs_no_batch():
    conv, pool = nn.Conv2d(2, 3, 3), nn.AdaptiveAvgPool2d(1)
    x = tp.randn(2, 5, 5)
    assert_close(pool(conv(x)), pool(conv(x[None]))[0])


def test_running_statistics_of_batch_norm2d():
    layer = nn.BatchNorm2d(2, momentum=None)
    x = tp.randn(8, 2, 4, 4)
    layer(x)
    np.testing.assert_allclose(layer.running_mean.numpy(), x.numpy().mean((0, 2, 3)), atol=1e-6)
    np.testing.assert_allclose(layer.running_var.numpy(), x.numpy().var((0, 2, 3), ddof=1), rtol=1e-5)
    assert layer.num_batches_tracked.item() == 1


def planes():
    return tp.zeros(2, 4, 6, 6)


def test_a_transposed_convolution_chooses_its_output_padding_by_the_output_size():
    layer = nn.ConvTranspose2d(2, 3, 3, stride=(3, 2), padding=1)
    x = tp.ones(1, 2, 4, 5)
    for size in ((10, 9), (12, 10), (1, 3, 11, 9)):
        assert layer(x, output_size=size).shape == (1, 3, *size[-2:])
    with pytest.raises(ValueError, match=r"output_size from \[10, 9\] to \[12, 10\]"):
        layer(x, output_size=(13, 9))


def test_a_transposed_convolution_is_the_adjoint_of_the_convolution():
    x, weight = tp.randn(2, 4, 7, 6, dtype=tp.float64), tp.randn(5, 4, 3, 2, dtype=tp.float64)
    y = F.conv2d(x, weight, stride=2, padding=1)
    g = tp.randn(*y.shape, dtype=tp.float64)
    back = F.conv_transpose2d(g, weight, stride=2, padding=1, output_padding=(0, 0))
    assert_close((back * x[:, :, : back.shape[2], : back.shape[3]]).sum(), (g * y).sum())


REFUSED = {
    "channels": (lambda: nn.Conv2d(3, 4, 3)(planes()), RuntimeError, "do not fit"),
    "dimensions": (lambda: nn.Conv2d(4, 4, 3)(planes()[0, 0]), RuntimeError, "expected an input"),
    "window": (lambda: nn.Conv2d(4, 4, 9)(planes()), RuntimeError, "does not fit"),
    "bias": (lambda: F.conv2d(planes(), tp.zeros(3, 4, 1, 1), tp.zeros(4)), RuntimeError, "bias"),
    "groups": (lambda: nn.Conv2d(4, 6, 3, groups=4), ValueError, "groups"),
    "stride": (lambda: nn.Conv2d(4, 6, 3, stride=0), ValueError, "at least 1"),
    "padding": (lambda: nn.Conv2d(4, 6, 3, padding=-1), ValueError, "at least 0"),
    "padding's name": (lambda: nn.Conv2d(4, 6, 3, padding="full"), ValueError, "'same'"),
    "same with stride": (lambda: nn.Conv2d(4, 6, 3, stride=2, padding="same"), ValueError, "stride 1"),
    "mode": (lambda: nn.Conv2d(4, 6, 3, padding_mode="mirror"), ValueError, "padding_mode"),
    "three widths": (lambda: nn.Conv2d(4, 6, (3, 3, 3)), ValueError, "2 of them"),
    "kind of width": (lambda: nn.Conv2d(4, 6, 2.5), TypeError, "int"),
    "pool's padding": (lambda: F.max_pool2d(planes(), 2, padding=2), ValueError, "half the window"),
    "pool's window": (lambda: F.max_pool2d(planes(), 7), RuntimeError, "does not fit"),
    "average of integers": (lambda: F.avg_pool2d(planes().long(), 2), TypeError, "floating"),
    "divisor": (lambda: F.avg_pool2d(planes(), 2, divisor_override=0), ValueError, "divisor"),
    "output size": (lambda: F.adaptive_avg_pool2d(planes(), 0), ValueError, "output_size"),
    "group norm": (lambda: F.group_norm(planes(), 3), RuntimeError, "groups"),
    "group norm layer": (lambda: nn.GroupNorm(3, 4), ValueError, "divide"),
    "rms norm": (lambda: F.rms_norm(planes(), (5,)), RuntimeError, "last axes"),
    "batch norm": (lambda: nn.BatchNorm2d(4)(planes()[0]), ValueError, "N, C, H, W"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_refused_with_advice(name):
    call, error, words = REFUSED[name]
    with pytest.raises(error, match=words):
        call()
