"""Tensors on several devices: moving, computing where they are, refusing to mix.

The strict namespace has pretended devices that it refuses to mix, so everything here runs on any machine.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from cases import CASES, Case
from test_backends import python
from test_cupy import cupy, library  # noqa: F401 - fixtures
from test_ops import each, outputs, tensors

import tiny_pytorch as tp
from tiny_pytorch import nn
from tiny_pytorch.backend.devices import DeviceError, find
from tiny_pytorch.testing import assert_close

THERE = "device1"
ANSWERS = ("allclose", "equal")  # what gives a bool of Python's, not a Tensor
numpy_only = pytest.mark.numpy_only


@pytest.fixture
def strict() -> Iterator[tp.backend.Backend]:
    """The strict namespace, new tensors on the host."""
    pytest.importorskip("array_api_strict")
    with tp.backend.use("array_api_strict") as backend:
        yield backend


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout(), nn.Linear(5, 2))


def devices(module: nn.Module) -> set[str]:
    return {str(t.device) for t in [*module.parameters(), *module.buffers()]}


# --- names --------------------------------------------------------------------------------------------------


@numpy_only
def test_what_a_device_may_be_called() -> None:
    assert (tp.device(1), tp.device("cuda", 1), tp.device(tp.device("cuda:1"))) == ("cuda:1",) * 3
    present = ("cuda:1", "cuda:2", "cpu")
    assert [find(name, present) for name in ("cuda", "cuda:2", "cpu", "cpu:0")] == ["cuda:1", "cuda:2", "cpu", "cpu"]
    assert find("cuda:0", present) is None
    with pytest.raises(ValueError, match="expected a name"):
        tp.device("cuda:x")


def test_the_host_is_where_it_was(backend: tp.backend.Backend) -> None:
    x = tp.ones(2, 3, requires_grad=True)
    assert x.to(x.device) is x
    assert x.to(x) is x
    assert x.to(x.device, copy=True) is not x
    assert x.to(x.device, tp.float64).dtype == tp.float64
    assert x.to(x.device, non_blocking=True) is x
    assert not x.is_cuda or x.device.type == "cuda"
    assert x.cpu().device == "cpu"
    with pytest.raises(TypeError, match="unexpected"):
        x.to(x.device, nonblocking=True)


@numpy_only
def test_a_device_that_is_not_there() -> None:
    x = tp.ones(2)
    calls = [x.cuda, lambda: x.to("cuda:0"), lambda: nn.Linear(2, 2).cuda(), lambda: tp.zeros(2, device="cuda"),
             lambda: tp.set_default_device("cuda"), lambda: tp.data.prefetch([], "cuda")]  # fmt: skip
    for call in calls:
        with pytest.raises(DeviceError, match=r"numpy has no device 'cuda.*only 'cpu'.*TINY_PYTORCH_BACKEND=cupy"):
            call()


# --- moving -------------------------------------------------------------------------------------------------


@numpy_only
def test_moving_a_tensor(strict: tp.backend.Backend) -> None:
    x = tp.tensor([[1.0, 2.0], [3.0, 4.0]])
    y = x.to(THERE)
    assert (x.device, y.device, y.device.type) == ("cpu", THERE, THERE)
    y[0, 0] = 9.0
    assert x[0, 0].item() == 1.0  # a copy
    assert y.to("device2").to("cpu").tolist() == y.tolist() == [[9.0, 2.0], [3.0, 4.0]]
    assert x.to(y).device == x.to(THERE, tp.float64).device == x.to(device=THERE).device == THERE
    assert x.to(THERE, tp.float64).dtype == x.to(tp.float64).to(THERE).dtype == tp.float64
    assert x.type_as(y.double()).dtype == tp.float64
    assert y.to(THERE) is y
    assert repr(y[0]) == "tensor([9., 2.], device='device1')"
    assert np.array_equal(y.numpy(), np.asarray(y))
    host = y.numpy()
    host[0, 0] = 0.0
    assert y[0, 0].item() == 9.0  # the device's memory is its own


@numpy_only
def test_gradients_come_back(strict: tp.backend.Backend) -> None:
    x = tp.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x.to(THERE)
    (y * y * y).sum().to("cpu").backward()
    assert (x.grad.device, x.grad.tolist()) == ("cpu", [3.0, 12.0, 27.0])
    y = x.to(THERE)
    (first,) = tp.autograd.grad((y**3).sum(), x, create_graph=True)
    (second,) = tp.autograd.grad(first.to("device2").sum(), x)
    assert (first.device, second.device, second.tolist()) == ("cpu", "cpu", [6.0, 12.0, 18.0])
    assert tp.autograd.gradcheck(lambda t: t.to(THERE) ** 2, tp.randn(3, dtype=tp.float64, requires_grad=True))
    assert tp.autograd.gradgradcheck(lambda t: t.to(THERE) ** 3, tp.randn(3, dtype=tp.float64, requires_grad=True))


@numpy_only
def test_new_tensors_are_made_where_asked(strict: tp.backend.Backend) -> None:
    makers = [tp.zeros, tp.ones, tp.empty, tp.rand, tp.randn]
    made = [make(2, device=THERE) for make in makers]
    made += [tp.arange(3, device=THERE), tp.eye(2, device=THERE), tp.full((2,), 1.0, device=THERE)]
    made += [tp.tensor([1.0], device=THERE), tp.as_tensor(np.ones(2), device=THERE), tp.randint(3, (2,), device=THERE)]
    made += [tp.zeros_like(made[0]), tp.rand_like(made[0]), tp.tensor(made[0]), tp.as_tensor(made[0])]
    made += [tp.bernoulli(tp.ones(2, device=THERE)), copy.deepcopy(made[0])]
    made += [tp.array_api.zeros((2,), device=THERE), tp.array_api.asarray([1.0], device=THERE)]
    made += [made[0].new_zeros(2), made[0].new_full((2,), 1.0), made[0].new_tensor([1.0])]
    made += [tp.zeros(1).new_ones(2, device=THERE), tp.zeros(1).new_empty(2, device=THERE)]
    assert {str(x.device) for x in made} == {THERE}
    assert tp.zeros_like(made[0], device="cpu").device == tp.tensor(made[0], device="cpu").device == "cpu"
    assert tp.nn.init.normal_(made[0]).device == made[0].normal_().device == made[0].fill_(1.0).device == THERE


@numpy_only
def test_the_default_device(strict: tp.backend.Backend) -> None:
    assert tp.get_default_device() == "cpu"
    with tp.device(THERE):
        with tp.device("device2"):
            assert tp.zeros(1).device == "device2"
        assert tp.zeros(1).device == nn.Linear(2, 1).weight.device == tp.get_default_device() == THERE
        assert repr(tp.zeros(1)) == "tensor([0.])"
    assert tp.zeros(1).device == "cpu"
    tp.set_default_device(THERE)
    try:
        assert tp.tensor([1.0]).device == tp.backend.current().device == THERE
        assert tp.zeros(1, device="cpu").device == "cpu"
        assert (tp.zeros(1, device="cpu") + 1).device == "cpu"
    finally:
        tp.set_default_device("cpu")


# --- computing ----------------------------------------------------------------------------------------------


@numpy_only
@each([case for case in CASES if case.name not in ANSWERS])
def test_every_op_computes_where_its_arguments_are(case: Case, strict: tp.backend.Backend) -> None:
    def run(place: str) -> tuple[list[Any], list[Any]]:
        tp.manual_seed(0)
        xs = [x.detach().to(place).requires_grad_(x.requires_grad) for x in tensors(case, case.arrays())]
        results = list(outputs(case.call(tp, *xs)))
        floating = [r for r in results if r.requires_grad]
        seeds = [tp.ones_like(r) for r in floating]
        wanted = [x for x in xs if x.requires_grad]
        if not floating:
            return results, []
        grads = tp.autograd.grad(floating, wanted, seeds, materialize_grads=True, create_graph=case.second)
        sums = [g.sum() for g in grads if g.requires_grad]
        again = tp.autograd.grad(sums, wanted, materialize_grads=True) if sums else ()
        return results, [*grads, *again]

    here, there = run("cpu"), run(THERE)
    for expected, got in zip([*here[0], *here[1]], [*there[0], *there[1]], strict=True):
        assert got.device == THERE
        assert_close(got.detach().cpu(), expected.detach(), equal_nan=True)


@numpy_only
def test_comparing_whole_tensors(strict: tp.backend.Backend) -> None:
    x = tp.ones(2, device=THERE)
    assert tp.equal(x, x + 0)
    assert not tp.allclose(x, x + 1)
    with pytest.raises(DeviceError):
        tp.equal(x, x.cpu())


@numpy_only
def test_devices_are_not_mixed(strict: tp.backend.Backend) -> None:
    x, y = tp.ones(2), tp.ones(2, device=THERE)
    message = r"several devices \(argument 0 on 'cpu', argument 1 on 'device1'\).*\.to\('cpu'\)"
    calls = [lambda: x + y, lambda: x @ y, lambda: tp.where(x > 0, x, y), lambda: tp.cat([x, y]), lambda: x.mul_(y)]
    for call in calls:
        with pytest.raises(DeviceError, match="on several devices"):
            call()
    with pytest.raises(DeviceError, match=message):
        x * y
    with pytest.raises(DeviceError, match="on several devices"):
        nn.Linear(2, 2)(y)
    with pytest.raises(DeviceError, match="the value on 'device1'"):
        x[:] = y
    assert x.tolist() == [1.0, 1.0]
    x.copy_(y * 2)  # a copy that is asked for
    assert (x.device, x.tolist()) == ("cpu", [2.0, 2.0])
    with pytest.raises(TypeError, match="ndarray"):
        y + np.ones(2)


@numpy_only
def test_a_number_of_the_host_counts_as_one(strict: tp.backend.Backend) -> None:
    scale, y = tp.tensor(3.0, requires_grad=True), tp.ones(2, device=THERE)
    z = y * scale
    z.sum().backward()
    assert (z.device, scale.grad.device, scale.grad.item()) == (THERE, "cpu", 2.0)
    y[0] = scale.detach()
    assert y.tolist() == [3.0, 1.0]
    with pytest.raises(DeviceError):
        scale * y.sum()[None].to("device2") * y


@numpy_only
def test_an_index_of_the_host(strict: tp.backend.Backend) -> None:
    y = tp.arange(5.0).to(THERE)
    order = tp.tensor([2, 0])
    assert (y[order].device, y[order].tolist(), y[[1, 1]].tolist()) == (THERE, [2.0, 0.0], [1.0, 1.0])
    y[order] = 7.0
    assert y[tp.tensor([True, False, True, False, False])].tolist() == [7.0, 7.0]
    assert y[y > 3].device == THERE


# --- modules and optimizers ---------------------------------------------------------------------------------


@numpy_only
@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop"])
def test_training_elsewhere_is_training_here(name: str, strict: tp.backend.Backend) -> None:
    def trained(place: str) -> tuple[list[float], nn.Module]:
        tp.manual_seed(0)
        model = network().to(place)
        own = getattr(tp.optim, name)(model.parameters(), lr=0.05, **({} if name == "Adam" else {"momentum": 0.9}))
        x, y = tp.randn(8, 3).to(place), tp.randint(2, (8,)).to(place)
        losses = []
        for _ in range(4):
            own.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            own.step()
            losses.append(loss.item())
        state = {str(v.device) for s in own.state.values() for v in s.values() if isinstance(v, tp.Tensor)}
        assert state <= {place}
        return losses, model

    (losses, here), (others, there) = trained("cpu"), trained(THERE)
    assert losses == others
    assert devices(there) == {THERE}
    for p, q in zip(here.parameters(), there.parameters(), strict=True):
        assert q.grad.device == THERE
        assert_close(q.detach().cpu(), p.detach())


@numpy_only
def test_a_module_is_moved_with_all_that_is_its(strict: tp.backend.Backend) -> None:
    model = network()
    weight, counter = model[0].weight, model[1].num_batches_tracked
    model(tp.ones(2, 3)).sum().backward()
    assert model.to(THERE) is model
    assert model[0].weight is weight
    assert model[1].num_batches_tracked is counter
    assert devices(model) == {THERE} == {str(p.grad.device) for p in model.parameters()}
    model.to("cpu", tp.float64)
    assert (weight.dtype, weight.grad.dtype, counter.dtype, counter.device) == (tp.float64, tp.float64, tp.int64, "cpu")
    with pytest.raises(TypeError, match="stay floating"):
        model.to(THERE, tp.int64)
    with pytest.raises(DeviceError):
        model.to("cuda")
    assert devices(model.cpu()) == {"cpu"}


@numpy_only
def test_state_follows_its_parameter(strict: tp.backend.Backend) -> None:
    model = nn.Linear(2, 1)
    optimizer = tp.optim.Adam(model.parameters())
    for place in ("cpu", THERE, "cpu"):
        model.to(place)
        optimizer.zero_grad()
        model(tp.ones(1, 2, device=place)).sum().backward()
        optimizer.step()
        assert {str(v.device) for s in optimizer.state.values() for v in s.values()} == {place}
    assert optimizer.state[model.weight]["step"].item() == 3


@numpy_only
def test_one_optimizer_for_two_devices(strict: tp.backend.Backend) -> None:
    first, second = nn.Linear(2, 2), nn.Linear(2, 2).to(THERE)
    parameters = [*first.parameters(), *second.parameters()]
    before = [p.detach().clone() for p in parameters]
    optimizer = tp.optim.Adam(parameters)
    for _ in range(2):  # the second step has its state
        optimizer.zero_grad()
        second(first(tp.ones(3, 2)).to(THERE)).sum().backward()
        optimizer.step()
    assert [str(p.device) for p in parameters] == ["cpu", "cpu", THERE, THERE]
    assert all(bool((p != old).any()) for p, old in zip(parameters, before, strict=True))


@numpy_only
def test_a_gradient_left_behind(strict: tp.backend.Backend) -> None:
    p = tp.ones(2, requires_grad=True)
    p.sum().backward()
    p.array = p.detach().to(THERE).array
    before = p.tolist()
    with pytest.raises(DeviceError, match="zero_grad"):
        tp.optim.SGD([p], lr=1.0).step()
    assert p.tolist() == before


@numpy_only
def test_state_dicts_between_devices(strict: tp.backend.Backend) -> None:
    here, there = network(), network().to(THERE)
    there.load_state_dict(here.state_dict())
    assert devices(there) == {THERE}
    for p, q in zip(here.parameters(), there.parameters(), strict=True):
        assert_close(q.detach().cpu(), p.detach())
    first, second = tp.optim.Adam(here.parameters()), tp.optim.Adam(there.parameters())
    here(tp.ones(2, 3)).sum().backward()
    first.step()
    second.load_state_dict(first.state_dict())
    assert {str(v.device) for s in second.state.values() for v in s.values()} == {THERE}


@numpy_only
def test_saving_and_loading(strict: tp.backend.Backend) -> None:
    file = io.BytesIO()
    tp.save({"x": tp.ones(2, device=THERE)}, file)
    for location, place in ((None, "cpu"), (THERE, THERE), (tp.device("cpu"), "cpu"), ({"cuda:0": THERE}, THERE),
                            (lambda storage, location: storage, "cpu")):  # fmt: skip
        file.seek(0)
        assert tp.load(file, map_location=location)["x"].device == place
    file.seek(0)
    with pytest.raises(DeviceError, match="no device 'cuda'"):
        tp.load(file, map_location="cuda")
    file.seek(0)
    with pytest.raises(ValueError, match="2 devices"):
        tp.load(file, map_location={"cuda:0": THERE, "cuda:1": "cpu"})


# --- other libraries' devices -------------------------------------------------------------------------------


@numpy_only
def test_torch_has_its_own_devices() -> None:
    pytest.importorskip("torch")
    with tp.backend.use("torch"):
        model = network().to("meta")
        y = model(tp.ones(4, 3, device="meta"))
        y.sum().backward()
        assert (y.device, y.shape, devices(model)) == ("meta", (4, 2), {"meta"})
        assert {str(p.grad.device) for p in model.parameters()} == {"meta"}
        with pytest.raises(DeviceError, match="no device 'cuda"):
            tp.zeros(1).to("cuda:99")
        with pytest.raises(DeviceError, match="several devices"):
            tp.ones(2) + tp.ones(2, device="meta")


TWO_HOSTS = """
import tiny_pytorch as tp

x = tp.randn(4, 3, requires_grad=True)
y = x.to("cpu:1")
(y * y).sum().backward()
print(tp.backend.current().devices, x.device, y.device, x.grad.device)
layers = [tp.nn.Linear(3, 5), tp.nn.BatchNorm1d(5), tp.nn.ReLU(), tp.nn.Dropout(), tp.nn.Linear(5, 2)]
model = tp.nn.Sequential(*layers).to("cpu:1")
optimizer = tp.optim.Adam(model.parameters())
for _ in range(2):
    optimizer.zero_grad()
    tp.nn.functional.cross_entropy(model(y.detach()), tp.zeros(4, dtype=tp.int64, device="cpu:1")).backward()
    optimizer.step()
state = [value for values in optimizer.state.values() for value in values.values()]
print({str(t.device) for t in [*model.parameters(), *model.buffers(), *state]})
z = tp.zeros(2, 2, device="cpu:1")
row = z[0]
row += 1.0
z[1, tp.tensor([0])] = 5.0
print(z.tolist(), row.device)
try:
    x + y
except RuntimeError as error:
    print(error)
"""


@numpy_only
def test_jax_has_its_own_devices() -> None:
    if find_spec("jax") is None:
        pytest.skip("JAX is not installed")
    done = python(TWO_HOSTS, TINY_PYTORCH_BACKEND="jax", XLA_FLAGS="--xla_force_host_platform_device_count=2")
    places, moved, written, error = done.stdout.splitlines()
    assert places == "('cpu', 'cpu:1') cpu cpu:1 cpu"
    assert moved == "{'cpu:1'}"
    assert written == "[[1.0, 1.0], [5.0, 0.0]] cpu:1"
    assert "argument 0 on 'cpu', argument 1 on 'cpu:1'" in error


@numpy_only
def test_the_host_of_a_gpu_is_numpys(cupy: Any) -> None:  # noqa: F811
    tp.manual_seed(0)
    model = network()
    x, y = tp.randn(8, 3), tp.randint(2, (8,))
    logits = model(x)
    assert (logits.device, logits.is_cuda) == ("cuda:0", True)
    host = logits.detach().cpu()
    assert (host.device, type(host.array)) == ("cpu", np.ndarray)
    accuracy = (host.argmax(1) == y.cpu()).double().mean()
    assert accuracy.item() == (logits.argmax(1) == y).double().mean().item()
    assert np.shares_memory(host.numpy(), host.array)
    assert_close(host[host > 0].cuda().cpu(), logits.detach()[logits.detach() > 0].cpu())
    assert host.cuda().device == host.to(0).device == "cuda:0"
    with pytest.raises(DeviceError, match="several devices"):
        host + logits
    with pytest.raises((DeviceError, TypeError)):
        logits + np.ones((8, 2), np.float32)
    with pytest.raises(DeviceError, match="no device 'cuda:1'"):
        host.to("cuda:1")

    tp.manual_seed(1)
    (model(x).cpu() ** 2).sum().backward()
    expected = [p.grad.tolist() for p in model.parameters()]
    model.zero_grad()
    tp.manual_seed(1)
    (model.cpu()(x.cpu()) ** 2).sum().backward()
    assert devices(model) == {"cpu"}
    for p, g in zip(model.parameters(), expected, strict=True):
        assert_close(p.grad, np.asarray(g, np.float32), rtol=1e-4, atol=1e-5)
    tp.optim.Adam(model.parameters()).step()
    assert isinstance(model[0].weight.array, np.ndarray)
    tp.set_default_device("cpu")
    try:
        assert tp.ones(2).device == "cpu"
        assert (model.cuda()(tp.ones(4, 3).cuda())).device == "cuda:0"
    finally:
        tp.set_default_device("cuda")


@numpy_only
def test_a_backend_with_one_device_asks_nothing() -> None:
    assert not tp.backend.several()
    assert tp.backend.on("cpu") is tp.backend.current() is tp.backend.at(np.ones(1)) is tp.backend.on(None)
