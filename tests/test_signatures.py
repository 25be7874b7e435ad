"""Names, defaults and orders of arguments are PyTorch's, but for the exceptions in these tables."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

import tiny_pytorch as tp

pytestmark = pytest.mark.numpy_only

PLACES = {
    "nn": "nn", "nn.functional": "nn.functional", "nn.init": "nn.init", "nn.utils": "nn.utils",
    "nn.utils.rnn": "nn.utils.rnn", "optim": "optim", "optim.lr_scheduler": "optim.lr_scheduler",
    "data": "utils.data", "amp": "amp", "autograd": "autograd", "testing": "testing", "": "",
}  # fmt: skip

OTHER_DEFAULTS = {
    "activation": "the name of a function, where PyTorch has the function",
    "SGD lr": "0.01, as in this project's other optimizers",
    "SGD dampening": "None: momentum mixes the gradient in with weight 1 - momentum",
    "Adam lr": "0.01",
    "Adam betas": "None: beta1 and beta2",
    "Optimizer defaults": "an algorithm may have none",
    "PackedSequence batch_sizes": "there is no packed sequence without",
    "DataLoader shuffle": "False means what None does",
    "random_split generator": "None: the default one",
    "load weights_only": "True means what None does",
    "meshgrid indexing": "'ij' means what None does",
}
OTHER_ORDERS = {
    "DataLoader": "drop_last stands beside shuffle; what stands elsewhere is refused, as it is no bool",
    "grad": "only_inputs, which has no effect, comes last",
}


def signature(package: Any, name: str) -> inspect.Signature | None:
    try:
        return inspect.signature(getattr(package, name))
    except (AttributeError, TypeError, ValueError):  # it has none of this name, no function, or one written in C
        return None


def attribute(package: Any, path: str) -> Any:
    for name in filter(None, path.split(".")):
        package = getattr(package, name)
    return package


def both() -> Iterator[tuple[str, inspect.Signature, inspect.Signature]]:
    """The name and both signatures of what is called the same here and in PyTorch."""
    torch = pytest.importorskip("torch")
    for place, theirs in PLACES.items():
        ours, other = attribute(tp, place), attribute(torch, theirs)
        for name in getattr(ours, "__all__", dir(ours)):
            mine, twin = signature(ours, name), signature(other, name)
            if mine is not None and twin is not None and not name.startswith("_"):
                yield name, mine, twin


def test_defaults() -> None:
    compared, differ = 0, set()
    for name, ours, theirs in both():
        for parameter in ours.parameters.values():
            twin = theirs.parameters.get(parameter.name)
            if twin is not None and parameter.kind is not parameter.VAR_KEYWORD:
                compared += 1
                if repr(parameter.default) != repr(twin.default) and parameter.default != twin.default:
                    differ.add("activation" if parameter.name == "activation" else f"{name} {parameter.name}")
    assert compared > 700
    assert differ == set(OTHER_DEFAULTS)


def test_orders() -> None:
    differ = set()
    for name, ours, theirs in both():
        shared = [
            [p for p, parameter in mine.parameters.items() if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
            for mine in (ours, theirs)
        ]
        if [p for p in shared[0] if p in shared[1]] != [p for p in shared[1] if p in shared[0]]:
            differ.add(name)
    assert differ == set(OTHER_ORDERS)
