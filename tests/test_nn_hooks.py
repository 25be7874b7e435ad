"""Hooks around a module's forward and backward pass."""

from __future__ import annotations

import pytest

import tiny_pytorch as tp
from tiny_pytorch import nn
from tiny_pytorch.testing import assert_close


def test_forward_hooks_see_and_replace():
    layer, seen = nn.Linear(2, 2), []
    x = tp.ones(1, 2)
    plain = layer(x).detach()
    before = layer.register_forward_pre_hook(lambda m, args: (args[0] * 2,))
    after = layer.register_forward_hook(lambda m, args, output: seen.append((m, args[0].sum().item())))
    last = layer.register_forward_hook(lambda m, args, output: output * 0)
    assert (layer(x) == 0).all()
    assert seen == [(layer, 4.0)]
    for handle in (before, after, last):
        handle.remove()
        handle.remove()
    assert_close(layer(x).detach(), plain)


def test_hooks_with_kwargs_and_prepend():
    class Add(nn.Module):
        def forward(self, x, *, y=0.0):
            return x + y

    module, order = Add(), []
    module.register_forward_hook(lambda m, args, output: order.append("second"))
    module.register_forward_hook(lambda m, args, output: order.append("first"), prepend=True)
    module.register_forward_hook(lambda m, args, kwargs, output: output + kwargs["y"], with_kwargs=True)
    module.register_forward_pre_hook(lambda m, args, kwargs: (args, {"y": kwargs["y"] + 1}), with_kwargs=True)
    assert module(1.0, y=1.0) == 5.0
    assert order == ["first", "second"]


def test_backward_hooks_see_the_gradients_of_this_call_only():
    layer, seen = nn.Linear(2, 3), []
    handle = layer.register_full_backward_hook(lambda m, gin, gout: seen.append((gin, gout)))
    x = tp.ones(4, 2, requires_grad=True)
    (layer(x).sum() + x.sum()).backward()
    ((gin,), (gout,)) = seen.pop()
    assert_close(gout, tp.ones(4, 3))
    assert_close(gin, tp.ones(4, 3) @ layer.weight.detach())
    assert_close(x.grad, gin + 1)
    handle.remove()
    layer(x).sum().backward()
    assert seen == []


def test_backward_hooks_replace_and_work_without_gradients_of_inputs():
    layer = nn.Linear(2, 3)
    layer.register_full_backward_pre_hook(lambda m, gout: (gout[0] * 2,))
    layer.register_full_backward_hook(lambda m, gin, gout: None if gin[0] is None else (gin[0] * 0,))
    x = tp.ones(1, 2, requires_grad=True)
    layer(x).sum().backward()
    assert (x.grad == 0).all()
    assert (layer.bias.grad == 2).all()
    layer(tp.ones(1, 2)).sum().backward()
    assert (layer.bias.grad == 4).all()


def test_a_hook_must_be_callable():
    with pytest.raises(TypeError, match="callable"):
        nn.Identity().register_forward_hook("print")
