"""Containers: modules that hold modules, in a row, a list or a dict."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Self, overload

from .. import ops
from ..autograd import Chain, Fused
from .activation import ReLU
from .conv import Conv1d, Conv2d
from .linear import Linear
from .module import Module, tree

_relu_forward = ReLU.forward  # as it is defined: a script may put another in its place

__all__ = ["ModuleDict", "ModuleList", "Sequential"]


class _Row(Module):
    """Modules named "0", "1", ...: what Sequential and ModuleList share."""

    # The modules in order, made when first asked for: a forward pass looks up no names.
    _row: tuple[Module, ...] | None = None

    def _members(self) -> tuple[Module, ...]:
        row = self._row
        if row is None:
            row = self.__dict__["_row"] = tuple(self._own("module").values())
        return row

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        self._forget_row()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        self._forget_row()

    def _forget_row(self) -> None:
        self.__dict__.pop("_row", None)
        self.__dict__.pop("_steps", None)

    def __getstate__(self) -> dict[str, Any]:
        # Without what is made when first asked for: a copy makes its own, of its own modules.
        return {name: value for name, value in self.__dict__.items() if name not in ("_row", "_steps")}

    def _name(self, index: int) -> str:
        count, position = len(self), operator.index(index)
        if not -count <= position < count:
            raise IndexError(f"{type(self).__name__} index {index} is out of range: it holds {count} modules")
        return list(self._own("module"))[position]

    def _refill(self, modules: Iterable[Module]) -> None:
        for name in self._own("module"):
            delattr(self, name)
        for index, module in enumerate(modules):
            self.add_module(str(index), module)

    def __len__(self) -> int:
        return len(self._members())

    def __iter__(self) -> Iterator[Module]:
        return iter(self._members())

    def __contains__(self, module: object) -> bool:
        return any(module is member for member in self._members())

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Module:
        if isinstance(index, slice):
            return self._part(dict(list(self._own("module").items())[index]))
        return self._own("module")[self._name(index)]

    def _part(self, modules: dict[str, Module]) -> Self:
        raise NotImplementedError

    def __setitem__(self, index: int, module: Module) -> None:
        name = self._name(index)
        _check_module(self, module)
        setattr(self, name, module)

    def __delitem__(self, index: int | slice) -> None:
        for name in list(self._own("module"))[index] if isinstance(index, slice) else [self._name(index)]:
            delattr(self, name)
        self._refill(self._members())

    def append(self, module: Module) -> Self:
        """Add a module at the end; returns self."""
        return self.extend((module,))

    def insert(self, index: int, module: Module) -> Self:
        """Insert a module before ``index``; returns self."""
        _check_module(self, module)
        modules = list(self)
        if not -len(modules) <= index <= len(modules):
            raise IndexError(f"insert at {index} is out of range: {type(self).__name__} holds {len(modules)} modules")
        modules.insert(index, module)
        self._refill(modules)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add modules at the end; returns self."""
        modules = list(modules)
        for module in modules:
            _check_module(self, module)
        number = len(self)
        for module in modules:
            while str(number) in self._registry:  # a slice keeps the numbers that its modules had
                number += 1
            self.add_module(str(number), module)
        return self

    def pop(self, index: int = -1) -> Module:
        """Remove and return a module."""
        module = self[index]
        del self[index]
        return module


class Sequential(_Row):
    """``y = fn(...f2(f1(x)))``: modules in a row, each fed with the one before.

    Parameters
    ----------
    *args : Module, or one mapping of names to modules
        Modules given as arguments are named ``"0"``, ``"1"``, ...

    Notes
    -----
    Indexing with a slice gives a Sequential of the same modules. ``append``, ``insert``, ``extend`` and
    ``pop`` change it in place.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.Sequential(tp.nn.Linear(4, 8), tp.nn.ReLU())
    Sequential(
      (0): Linear(in_features=4, out_features=8, bias=True)
      (1): ReLU()
    )
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], Mapping):
            for name, module in args[0].items():
                _check_module(self, module)
                self.add_module(name, module)
        else:
            self.extend(args)

    def forward(self, input: Any) -> Any:
        for step in self._steps or self._plan():
            input = step(input)
        return input

    _direct = Chain(forward)

    # What forward calls one after the other, made when first asked for.
    _steps: tuple[Callable[[Any], Any], ...] | None = None

    def _plan(self) -> tuple[Callable[[Any], Any], ...]:
        steps: list[Callable[[Any], Any]] = []
        for module in self._members():
            last = steps[-1] if steps else None
            if type(module) is ReLU and type(last) is Linear:
                # Saves 2 of the 20 µs of a small network's training step, and on a GPU a launch in each direction.
                steps[-1] = Fused(ops.linear_relu, last, Linear._direct, module, _relu_forward)
            elif type(module) is ReLU and isinstance(last, (Conv1d, Conv2d)):
                # A pass over the result in each direction, a tenth of a convolutional network's training step.
                steps[-1] = Fused(last._rectified, last, last._direct, module, _relu_forward)
            else:
                steps.append(module)
        self.__dict__["_steps"] = tuple(steps)
        return tuple(steps)

    def _part(self, modules: dict[str, Module]) -> Self:
        return type(self)(modules)

    def __add__(self, other: Sequential) -> Sequential:
        if not isinstance(other, Sequential):
            return NotImplemented
        return Sequential(*self, *other)


class ModuleList(_Row):
    """A list of modules whose parameters are part of the model; it has no ``forward``.

    Parameters
    ----------
    modules : iterable of Module, optional

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> layers = tp.nn.ModuleList([tp.nn.Linear(4, 4) for _ in range(3)])
    >>> layers
    ModuleList(
      (0-2): 3 x Linear(in_features=4, out_features=4, bias=True)
    )
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def _part(self, modules: dict[str, Module]) -> Self:
        return type(self)(modules.values())

    def __iadd__(self, modules: Iterable[Module]) -> Self:
        return self.extend(modules)

    def __add__(self, modules: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *modules])

    def __repr__(self) -> str:
        # Equal neighbours are written once: (0-2): 3 x Linear(...)
        groups: list[tuple[int, int, str]] = []
        for index, text in enumerate(map(repr, self)):
            if groups and groups[-1][2] == text:
                groups[-1] = (groups[-1][0], index, text)
            else:
                groups.append((index, index, text))
        children = {}
        for first, last, text in groups:
            if first == last:
                children[str(first)] = text
            else:
                children[f"{first}-{last}"] = f"{last - first + 1} x {text}"
        return tree(self._get_name(), self.extra_repr(), children)


class ModuleDict(Module):
    """A dict of modules whose parameters are part of the model; it has no ``forward``.

    Parameters
    ----------
    modules : mapping or iterable of (name, Module) pairs, optional

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> heads = tp.nn.ModuleDict({"digit": tp.nn.Linear(8, 10), "parity": tp.nn.Linear(8, 2)})
    >>> list(heads)
    ['digit', 'parity']
    """

    def __init__(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, name: str) -> Module:
        return self._own("module")[name]

    def __setitem__(self, name: str, module: Module) -> None:
        _check_module(self, module)
        self.add_module(name, module)

    def __delitem__(self, name: str) -> None:
        if name not in self._own("module"):
            raise KeyError(name)
        delattr(self, name)

    def __len__(self) -> int:
        return len(self._own("module"))

    def __iter__(self) -> Iterator[str]:
        return iter(self._own("module"))

    def __contains__(self, name: object) -> bool:
        return name in self._own("module")

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._own("module").keys()

    def values(self) -> Iterable[Module]:
        """The modules."""
        return self._own("module").values()

    def items(self) -> Iterable[tuple[str, Module]]:
        """The (name, module) pairs."""
        return self._own("module").items()

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Add the pairs of a mapping or an iterable; a known name is replaced."""
        for name, module in modules.items() if isinstance(modules, Mapping | ModuleDict) else modules:
            self[name] = module

    def pop(self, name: str) -> Module:
        """Remove and return a module."""
        module = self[name]
        del self[name]
        return module

    def clear(self) -> None:
        """Remove every module."""
        for name in list(self):
            del self[name]


def _check_module(container: Module, module: Any) -> None:
    if not isinstance(module, Module):
        raise TypeError(f"{type(container).__name__} holds modules, got {type(module).__name__}: {module!r}")
