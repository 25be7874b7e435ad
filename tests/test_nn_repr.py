"""How modules and parameters print."""

from __future__ import annotations

import pytest

import tiny_pytorch as tp
from tiny_pytorch import nn


def test_repr_is_a_tree():
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.BatchNorm1d(3))
            self.scale = nn.Parameter(tp.ones(3))
            self.head = nn.Linear(3, 2, bias=False)

    net = Net()
    assert repr(net) == (
        "Net(\n"
        "  (body): Sequential(\n"
        "    (0): Linear(in_features=4, out_features=3, bias=True)\n"
        "    (1): ReLU()\n"
        "    (2): BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)\n"
        "  )\n"
        "  (head): Linear(in_features=3, out_features=2, bias=False)\n"
        ")"
    )
    assert repr(net.scale).startswith("Parameter containing:\ntensor([1., 1., 1.]")


REPRS = [
    lambda nn: nn.Linear(3, 2, bias=False),
    lambda nn: nn.Sequential(),
    lambda nn: nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU(inplace=True), nn.Dropout(0.1))),
    lambda nn: nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2), nn.Identity(), nn.Sequential(nn.Tanh())]),
    lambda nn: nn.ModuleDict({"a": nn.GELU(), "b": nn.ELU()}),
    lambda nn: nn.ModuleList(),
    lambda nn: nn.LayerNorm((2, 3), elementwise_affine=False),
    lambda nn: nn.BatchNorm1d(4, momentum=None, affine=False),
    lambda nn: nn.Flatten(),
    lambda nn: nn.Unflatten(1, (2, 3)),
    lambda nn: nn.Softmax(dim=1),
    lambda nn: nn.LeakyReLU(0.2, inplace=True),
    lambda nn: nn.Softplus(),
    lambda nn: nn.SiLU(),
    lambda nn: nn.MSELoss(),
]


@pytest.mark.parametrize("make", REPRS)
def test_repr_is_pytorchs(make):
    torch = pytest.importorskip("torch")
    assert repr(make(nn)) == repr(make(torch.nn))
