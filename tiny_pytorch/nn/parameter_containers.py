"""Parameters in a list and in a dict, registered under their numbers and keys; and a model on one device."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..tensor import Tensor
from .module import Module
from .parameter import Parameter

__all__ = ["DataParallel", "ParameterDict", "ParameterList"]


def _shown(value: Any) -> str:
    if not isinstance(value, Tensor):
        return f"Object of type: {type(value).__name__}"
    size = "x".join(map(str, value.shape))
    return f"{'Parameter' if isinstance(value, Parameter) else 'Tensor'} containing: [{value.dtype!r} of size {size}]"


class _Parameters(Module):
    """What both share: entries, of which Tensors become parameters."""

    def _put(self, name: str, value: Any) -> None:
        plain = isinstance(value, Tensor) and not isinstance(value, Parameter)
        setattr(self, name, Parameter(value) if plain else value)


class ParameterList(_Parameters):
    """A list of parameters, named "0", "1", ... in state dicts.

    Parameters
    ----------
    values : iterable, optional
        Tensors become parameters.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> weights = tp.nn.ParameterList([tp.ones(2), tp.ones(3)])
    >>> [w.shape for w in weights], list(weights.state_dict())
    ([(2,), (3,)], ['0', '1'])
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._count = 0
        if values is not None:
            self.extend(values)

    def _place(self, index: Any) -> str:
        position = operator.index(index)
        if not -self._count <= position < self._count:
            raise IndexError(f"ParameterList index {position} is out of range: it holds {self._count}")
        return str(position % self._count)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Any]:
        return iter([self[i] for i in range(self._count)])

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(self[i] for i in range(*index.indices(self._count)))
        return getattr(self, self._place(index))

    def __setitem__(self, index: int, value: Any) -> None:
        self._put(self._place(index), value)

    def append(self, value: Any) -> ParameterList:
        """Add one behind the others; returns self."""
        name = str(self._count)
        self._count += 1
        self._put(name, value)
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Add many behind the others; returns self."""
        if isinstance(values, Tensor) or not isinstance(values, Iterable):
            raise TypeError(f"ParameterList.extend: expected an iterable of parameters, got {type(values).__name__}")
        for value in values:
            self.append(value)
        return self

    def __iadd__(self, values: Iterable[Any]) -> ParameterList:
        return self.extend(values)

    def extra_repr(self) -> str:
        return "\n".join(f"  ({i}): {_shown(value)}" for i, value in enumerate(self))


class ParameterDict(_Parameters):
    """A dict of parameters, named by their keys in state dicts.

    Parameters
    ----------
    parameters : mapping, or iterable of pairs, optional
        Tensors become parameters.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> weights = tp.nn.ParameterDict({"left": tp.ones(2)})
    >>> weights["right"] = tp.zeros(1)
    >>> list(weights), len(list(weights.parameters()))
    (['left', 'right'], 2)
    """

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self._keys: dict[str, None] = {}
        if parameters is not None:
            self.update(parameters)

    def __getitem__(self, key: str) -> Any:
        if key not in self._keys:
            raise KeyError(key)
        return getattr(self, key)

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str):
            raise TypeError(f"ParameterDict: keys must be strings, got {key!r}")
        if key not in self._keys and hasattr(self, key):
            raise KeyError(f"ParameterDict: {key!r} is an attribute of every module; choose another key")
        self._put(key, value)
        self._keys[key] = None

    def __delitem__(self, key: str) -> None:
        if key not in self._keys:
            raise KeyError(key)
        delattr(self, key)
        del self._keys[key]

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._keys))

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def keys(self) -> Iterable[str]:
        """The keys, in order of insertion."""
        return list(self._keys)

    def values(self) -> Iterable[Any]:
        """The parameters."""
        return [self[key] for key in self._keys]

    def items(self) -> Iterable[tuple[str, Any]]:
        """Pairs of key and parameter."""
        return [(key, self[key]) for key in self._keys]

    def get(self, key: str, default: Any = None) -> Any:
        """The parameter of a key, or the default."""
        return self[key] if key in self._keys else default

    def pop(self, key: str) -> Any:
        """Remove a key and return its parameter."""
        value = self[key]
        del self[key]
        return value

    def update(self, parameters: Any) -> None:
        """Add or replace the entries of a mapping or of pairs."""
        pairs = parameters.items() if isinstance(parameters, (Mapping, ParameterDict)) else parameters
        for key, value in pairs:
            self[key] = value

    def extra_repr(self) -> str:
        return "\n".join(f"  ({key}): {_shown(value)}" for key, value in self.items())


class DataParallel(Module):
    """``module`` itself: batches are computed on the one device that there is.

    Parameters
    ----------
    module : Module
        The state dict's keys begin with "module.", as PyTorch's.
    device_ids, output_device, dim
        Accepted because PyTorch's scripts pass them.
    """

    def __init__(self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0) -> None:
        super().__init__()
        self.module = module
        self.device_ids = device_ids
        self.output_device = output_device
        self.dim = dim

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)
