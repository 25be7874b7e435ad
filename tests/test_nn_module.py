"""Module: what is collected, saved, loaded, printed and hooked."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

import tiny_pytorch as tp
from tiny_pytorch import nn
from tiny_pytorch.testing import assert_close


class Net(nn.Module):
    """A tree with everything in it: own and nested parameters, buffers, a plain attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.BatchNorm1d(3))
        self.scale = nn.Parameter(tp.ones(3))
        self.head = nn.Linear(3, 2, bias=False)
        self.register_buffer("calls", tp.zeros(1))
        self.register_buffer("scratch", tp.zeros(1), persistent=False)
        self.note = "plain"

    def forward(self, x):
        return self.head(self.body(x) * self.scale)


NET_KEYS = [
    "scale",
    "calls",
    "body.0.weight",
    "body.0.bias",
    "body.2.weight",
    "body.2.bias",
    "body.2.running_mean",
    "body.2.running_var",
    "body.2.num_batches_tracked",
    "head.weight",
]
BUFFERS = {"calls", "body.2.running_mean", "body.2.running_var", "body.2.num_batches_tracked"}


def values(module):
    return {key: tensor.numpy().copy() for key, tensor in module.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


# --- collecting ---


def test_parameters_come_in_order_of_registration_each_module_before_its_children():
    names = [name for name, _ in Net().named_parameters()]
    assert names == [key for key in NET_KEYS if key not in BUFFERS]


def test_buffers_list_also_those_that_are_not_saved():
    assert [name for name, _ in Net().named_buffers()] == [
        "calls",
        "scratch",
        "body.2.running_mean",
        "body.2.running_var",
        "body.2.num_batches_tracked",
    ]


def test_recurse_false_and_prefix():
    net = Net()
    assert [name for name, _ in net.named_parameters(prefix="net", recurse=False)] == ["net.scale"]
    assert [p is net.scale for p in net.parameters(recurse=False)] == [True]
    assert [name for name, _ in net.named_buffers(recurse=False)] == ["calls", "scratch"]


def test_modules_and_children():
    net = Net()
    assert [name for name, _ in net.named_modules()] == ["", "body", "body.0", "body.1", "body.2", "head"]
    assert [name for name, _ in net.named_children()] == ["body", "head"]
    assert next(iter(net.modules())) is net
    assert list(net.children()) == [net.body, net.head]


def test_shared_parts_are_listed_once_but_saved_under_every_name():
    net = nn.Module()
    net.a = nn.Linear(2, 2)
    net.b = net.a
    net.c = nn.Linear(2, 2, bias=False)
    net.c.weight = net.a.weight
    assert [name for name, _ in net.named_parameters()] == ["a.weight", "a.bias"]
    assert [name for name, _ in net.named_parameters(remove_duplicate=False)] == [
        "a.weight",
        "a.bias",
        "b.weight",
        "b.bias",
        "c.weight",
    ]
    assert [name for name, _ in net.named_modules()] == ["", "a", "c"]
    assert list(net.state_dict()) == ["a.weight", "a.bias", "b.weight", "b.bias", "c.weight"]


def test_getters_follow_dotted_paths():
    net = Net()
    assert net.get_submodule("") is net
    assert net.get_submodule("body.2") is net.body[2]
    assert net.get_parameter("body.0.weight") is net.body[0].weight
    assert net.get_buffer("body.2.running_var") is net.body[2].running_var


@pytest.mark.parametrize(
    "getter, path", [("get_submodule", "body.7"), ("get_parameter", "head.bias"), ("get_buffer", "scale")]
)
def test_getters_say_what_there_is(getter, path):
    with pytest.raises(AttributeError, match=rf"{path.split('.')[-1]}.*it has: "):
        getattr(Net(), getter)(path)


def test_apply_visits_children_first_and_returns_self():
    net, seen = Net(), []
    assert net.apply(seen.append) is net
    assert seen == [*net.body, net.body, net.head, net]


def test_train_and_eval_reach_every_module():
    net = Net()
    assert net.eval() is net
    assert not any(module.training for module in net.modules())
    net.body.train()
    assert net.body[2].training
    assert not net.training
    with pytest.raises(ValueError, match="True or False"):
        net.train("yes")


def test_train_calls_the_overrides_of_children():
    class Frozen(nn.BatchNorm1d):
        def train(self, mode=True):
            return super().train(False)

    net = nn.Sequential(nn.Linear(2, 2), Frozen(2)).train()
    assert net[0].training
    assert not net[1].training


def test_views_of_the_parts_are_read_only():
    net = Net()
    assert list(net._parameters) == ["scale"]
    assert list(net._modules) == ["body", "head"]
    assert list(net._buffers) == ["calls", "scratch"]
    with pytest.raises(TypeError):
        net._parameters["scale"] = None


# --- registering ---


def test_a_parameter_gives_way_to_parameters_and_none_only():
    layer = nn.Linear(2, 2)
    with pytest.raises(TypeError, match=r"Tensor to the parameter Linear\.weight.*nn\.Parameter"):
        layer.weight = tp.zeros(2, 2)
    layer.bias = None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    with pytest.raises(TypeError, match="bias"):
        layer.bias = tp.zeros(2)
    layer.bias = nn.Parameter(tp.ones(2))
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]


def test_buffers_take_tensors_and_modules_take_modules():
    net = Net()
    net.calls = tp.ones(1)
    assert net.get_buffer("calls").item() == 1
    with pytest.raises(TypeError, match=r"int to the buffer Net\.calls"):
        net.calls = 1
    with pytest.raises(TypeError, match=r"function to the module Net\.head"):
        net.head = lambda x: x


def test_a_name_can_change_its_kind():
    net = Net()
    net.calls = nn.Parameter(tp.zeros(1))
    assert "calls" in dict(net.named_parameters())
    assert "calls" not in dict(net.named_buffers())
    net.scale = nn.Identity()
    assert "scale" in dict(net.named_children())
    assert "scale" not in dict(net.named_parameters())


def test_deleting_forgets():
    net = Net()
    del net.scale
    del net.scratch
    assert "scale" not in dict(net.named_parameters())
    assert "scratch" not in dict(net.named_buffers())
    net.register_buffer("scratch", tp.zeros(1))
    assert "scratch" in net.state_dict()


def test_forgetting_super_init_is_named():
    class Forgetful(nn.Module):
        def __init__(self):
            self.weight = nn.Parameter(tp.ones(1))

    class Empty(nn.Module):
        def __init__(self):
            pass

    with pytest.raises(AttributeError, match=r"Forgetful\.__init__ did not call super\(\)"):
        Forgetful()
    with pytest.raises(AttributeError, match=r"Empty\.__init__ did not call super\(\)"):
        list(Empty().parameters())


@pytest.mark.parametrize("name, error", [("a.b", KeyError), ("", KeyError), ("forward", KeyError), (3, TypeError)])
def test_bad_names_are_refused(name, error):
    module = nn.Module()
    for register in (module.register_parameter, module.register_buffer, module.add_module):
        with pytest.raises(error):
            register(name, None)


def test_bad_parts_are_refused():
    module = nn.Module()
    with pytest.raises(TypeError, match=r"nn\.Parameter or None, not Tensor"):
        module.register_parameter("p", tp.ones(1))
    with pytest.raises(TypeError, match="Tensor or None, not float"):
        module.register_buffer("b", 1.0)
    with pytest.raises(TypeError, match=r"nn\.Module or None, not str"):
        module.add_module("m", "linear")
    with pytest.raises(AttributeError, match="every module has an attribute"):
        module.train = nn.Linear(1, 1)


def test_forward_must_be_defined():
    with pytest.raises(NotImplementedError, match="define forward"):
        nn.Module()(1)


# --- gradients and dtypes ---


@pytest.mark.parametrize("reset", ["zero_grad", "reset_grad"])
def test_gradients_are_reset(reset):
    net = Net()
    net(tp.ones(2, 4)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    getattr(net, reset)(set_to_none=False)
    assert all((p.grad == 0).all() for p in net.parameters())
    getattr(net, reset)()
    assert all(p.grad is None for p in net.parameters())


def test_requires_grad_freezes():
    net = Net()
    assert net.requires_grad_(False) is net
    assert not any(p.requires_grad for p in net.parameters())
    assert not net(tp.ones(2, 4)).requires_grad


def test_conversion_keeps_the_objects_and_leaves_integers_alone():
    net = Net()
    before = list(net.parameters())
    net(tp.ones(2, 4)).sum().backward()
    net.double()
    assert all(p is q for p, q in zip(net.parameters(), before, strict=True))
    assert {p.dtype for p in net.parameters()} == {tp.float64}
    assert {p.grad.dtype for p in net.parameters()} == {tp.float64}
    assert net.body[2].running_mean.dtype == tp.float64
    assert net.body[2].num_batches_tracked.dtype == tp.int64
    assert net(tp.ones(2, 4, dtype=tp.float64)).dtype == tp.float64
    assert net.to(tp.float32).scale.dtype == tp.float32
    assert net.cpu().scale.requires_grad


def test_conversion_to_integers_is_refused_before_anything_changes():
    net = Net()
    with pytest.raises(TypeError, match="must stay floating"):
        net.to(tp.int64)
    assert {p.dtype for p in net.parameters()} == {tp.float32}


# --- saving and loading ---


def test_state_dict_has_pytorchs_keys_and_shares_memory_detached():
    net = Net()
    state = net.state_dict()
    assert list(state) == NET_KEYS
    assert not any(tensor.requires_grad for tensor in state.values())
    assert net.state_dict(keep_vars=True)["scale"] is net.scale
    assert next(iter(net.state_dict(prefix="net."))) == "net.scale"
    found = {}
    assert net.state_dict(destination=found) is found


def test_loading_copies_into_the_same_tensors_and_casts():
    source, target = Net().double(), Net()
    weight = target.head.weight
    result = target.load_state_dict(source.state_dict())
    assert result == ([], [])
    assert "All keys matched" in repr(result)
    assert target.head.weight is weight
    assert weight.dtype == tp.float32
    assert_close(weight.detach(), source.head.weight.detach().float())
    with tp.no_grad():
        source.head.weight.zero_()
    assert (weight != 0).any()


def test_numpy_values_are_accepted():
    net = nn.Linear(2, 1)
    net.load_state_dict({"weight": np.array([[1.0, 2.0]]), "bias": [3]})
    assert net(tp.tensor([[1.0, 1.0]])).item() == 6


def test_every_problem_is_listed_and_nothing_is_changed():
    net = Net()
    before = values(net)
    state = {
        **net.state_dict(),
        "scale": tp.zeros(4),
        "head.weight": np.array([["a", "b", "c"]] * 2),
        "extra": 1,
    }
    state["body.0.weight"] = tp.zeros(3, 4)
    del state["calls"]
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(state)
    message = str(caught.value)
    for part in (
        "missing keys: calls",
        "unexpected keys: extra",
        "scale: got shape (4,)",
        "(3,)",
        "head.weight",
    ):
        assert part in message
    assert same(values(net), before)


def test_not_strict_ignores_keys_but_not_shapes():
    net = nn.Linear(2, 1)
    result = net.load_state_dict({"weight": np.ones((1, 2)), "extra": 1}, strict=False)
    assert result.missing_keys == ["bias"]
    assert result.unexpected_keys == ["extra"]
    assert (net.weight == 1).all()
    with pytest.raises(RuntimeError, match=r"weight: got shape \(2, 2\), the module has \(1, 2\)"):
        net.load_state_dict({"weight": np.ones((2, 2))}, strict=False)
    with pytest.raises(TypeError, match="mapping"):
        net.load_state_dict([("weight", 1)])


def test_state_dicts_travel_to_and_from_pytorch():
    torch = pytest.importorskip("torch")
    ours = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.BatchNorm1d(3), nn.LayerNorm(3))
    theirs = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.BatchNorm1d(3), torch.nn.LayerNorm(3))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict(keep_vars=True))
    assert same(values(ours), {k: v.numpy() for k, v in theirs.state_dict().items()})
    nn.init.normal_(ours[0].weight)
    theirs.load_state_dict({k: torch.as_tensor(v) for k, v in values(ours).items()})
    x = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    expected = theirs(torch.as_tensor(x)).detach().numpy()
    np.testing.assert_allclose(ours(tp.tensor(x)).detach().numpy(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_whole_and_independent(duplicate):
    net = Net()
    net.tied = net.head.weight
    other = duplicate(net)
    assert same(values(net), values(other))
    assert type(other.scale) is nn.Parameter
    assert other.tied is other.head.weight
    assert other.scale.requires_grad
    assert other.note == "plain"
    with tp.no_grad():
        other.scale.zero_()
    assert (net.scale == 1).all()
    assert_close(net.eval()(tp.ones(2, 4)) * 0, other.eval()(tp.ones(2, 4)))


# --- memory ---


def test_no_cycles():
    gc.collect()
    gc.disable()
    try:
        net = Net()
        net.register_forward_hook(lambda m, args, output: None)
        net.head.register_full_backward_hook(lambda m, gin, gout: None)
        net(tp.ones(2, 4)).sum().backward()
        gone = weakref.ref(net)
        del net
        assert gone() is None
    finally:
        gc.enable()
