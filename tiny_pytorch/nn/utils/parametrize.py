"""Parameters computed from others: a module's ``weight`` becomes a function of what is learnt instead of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...autograd import no_grad
from ...tensor import Tensor
from ..container import ModuleDict, ModuleList
from ..module import Module
from ..parameter import Parameter

__all__ = ["ParametrizationList", "is_parametrized", "register_parametrization", "remove_parametrizations"]


class ParametrizationList(ModuleList):
    """The functions that compute one tensor, in order, and the originals that they start from.

    Called without arguments it computes the tensor. The original is the parameter ``original``, or, where the first
    function takes several, ``original0``, ``original1``, ...

    Parameters
    ----------
    modules : sequence of Module
    original : Tensor
        Its present value. If the functions have a ``right_inverse``, what is learnt starts there, so that the tensor
        keeps its value.
    unsafe : bool, default False
        Whether the functions may change shape or dtype.
    """

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        super().__init__(modules)
        self.unsafe = unsafe
        start: Any = original
        with no_grad():
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    break
                start = module.right_inverse(start)
        self.is_tensor = isinstance(start, Tensor)
        self.ntensors = 1 if self.is_tensor else len(start)
        if self.is_tensor:
            if start is not original:
                with no_grad():
                    original.data = start
            self._keep("original", original)
        else:
            for i, part in enumerate(start):
                given = part if isinstance(part, Parameter) or not isinstance(original, Parameter) else Parameter(part)
                self._keep(f"original{i}", given)

    def _keep(self, name: str, tensor: Tensor) -> None:
        if isinstance(tensor, Parameter):
            self.register_parameter(name, tensor)
        else:
            self.register_buffer(name, tensor)

    def originals(self) -> list[Tensor]:
        """What the tensor is computed from."""
        if self.is_tensor:
            return [self.original]
        return [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def forward(self) -> Tensor:
        first, *rest = list(self)
        value = first(*self.originals())
        for module in rest:
            value = module(value)
        return value

    def right_inverse(self, value: Tensor) -> None:
        """Set the originals so that the tensor becomes ``value``.

        Raises
        ------
        RuntimeError
            If a function has no ``right_inverse``.
        """
        with no_grad():
            found: Any = value
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(f"{type(module).__name__} has no right_inverse: the tensor cannot be assigned")
                found = module.right_inverse(found)
            for old, new in zip(self.originals(), [found] if self.is_tensor else found, strict=True):
                old.copy_(new)


def _computed(name: str) -> property:
    def get(self: Any) -> Tensor:
        return self.parametrizations[name]()

    def put(self: Any, value: Tensor) -> None:
        self.parametrizations[name].right_inverse(value)

    return property(get, put)


def _reduce(self: Any, protocol: int) -> tuple:
    return _rebuild, (type(self).__mro__[1], tuple(self.parametrizations)), self.__dict__


def _rebuild(cls: type[Module], names: tuple[str, ...]) -> Module:
    module = cls.__new__(cls)
    _let_compute(module, names)
    return module


def _let_compute(module: Module, names: Sequence[str]) -> None:
    """Give the module a class of its own, in which the named attributes are computed."""
    cls: type = type(module)
    if not _is_computed(cls):
        body = {"__reduce_ex__": _reduce, "_parametrized": True, "__module__": cls.__module__}
        cls = type(f"Parametrized{cls.__name__}", (cls,), body)
        module.__class__ = cls
    for name in names:
        setattr(cls, name, _computed(name))


def _is_computed(cls: type) -> bool:
    return "_parametrized" in vars(cls)


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a tensor of the module, or the named one, is computed."""
    found = getattr(module, "parametrizations", None)
    if not isinstance(found, ModuleDict):
        return False
    return len(found) > 0 if tensor_name is None else tensor_name in found


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Compute ``module.tensor_name`` as ``parametrization(original)`` from now on; again: of what is computed already.

    Parameters
    ----------
    module : Module
    tensor_name : str
        A parameter or a buffer of it. Its original is learnt instead, as ``parametrizations.tensor_name.original``.
    parametrization : Module
        Its ``forward`` takes the original. A method ``right_inverse``, if there is one, finds originals for a value:
        then the tensor keeps its value, and can be assigned.
    unsafe : bool, default False
        Whether shape and dtype may change.

    Returns
    -------
    Module
        The module.

    Raises
    ------
    ValueError
        If there is no such tensor, or the function changes its shape or dtype. Nothing is changed then.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> class Symmetric(tp.nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).T
    >>> layer = tp.nn.Linear(3, 3)
    >>> _ = tp.nn.utils.parametrize.register_parametrization(layer, "weight", Symmetric())
    >>> bool((layer.weight == layer.weight.T).all())
    True
    """
    if is_parametrized(module, tensor_name):
        held = module.parametrizations[tensor_name]
        if not unsafe:
            _check(parametrization, getattr(module, tensor_name), tensor_name)
        if hasattr(parametrization, "right_inverse") and all(hasattr(m, "right_inverse") for m in held):
            value = getattr(module, tensor_name)
            held.append(parametrization)
            held.right_inverse(value)
        else:
            held.append(parametrization)
        return module
    own = module._own("parameter") | module._own("buffer")
    original = own.get(tensor_name)
    if original is None:
        raise ValueError(f"{type(module).__name__} has no parameter or buffer {tensor_name!r} to compute")
    if not unsafe:
        _check(parametrization, original, tensor_name)
    held = ParametrizationList([parametrization], original, unsafe)
    delattr(module, tensor_name)
    if "parametrizations" not in module.__dict__:
        module.parametrizations = ModuleDict()
    module.parametrizations[tensor_name] = held
    _let_compute(module, (tensor_name,))
    return module


def _check(parametrization: Module, value: Tensor, name: str) -> None:
    with no_grad():
        start = value
        if hasattr(parametrization, "right_inverse"):
            start = parametrization.right_inverse(value)
        found = parametrization(start) if isinstance(start, Tensor) else parametrization(*start)
    if not isinstance(found, Tensor) or found.shape != value.shape or found.dtype != value.dtype:
        got = f"{tuple(found.shape)} of {found.dtype}" if isinstance(found, Tensor) else type(found).__name__
        raise ValueError(
            f"register_parametrization: {name!r} has shape {tuple(value.shape)} and dtype {value.dtype}, but the "
            f"function returns {got}; unsafe=True allows that"
        )


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make ``module.tensor_name`` a plain tensor again.

    Parameters
    ----------
    module : Module
    tensor_name : str
    leave_parametrized : bool, default True
        Whether it keeps the computed value; else it becomes the original.

    Returns
    -------
    Module
        The module.

    Raises
    ------
    ValueError
        If the tensor is not computed, or the value of several originals was asked for.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"{type(module).__name__} does not compute {tensor_name!r}")
    held = module.parametrizations[tensor_name]
    if not held.is_tensor and not leave_parametrized:
        raise ValueError(f"{tensor_name!r} is computed from {held.ntensors} originals: which of them is it to become?")
    with no_grad():
        value = held()
        if held.is_tensor:
            tensor = held.original
            if leave_parametrized:
                tensor.data = value
        else:
            tensor = Parameter(value) if isinstance(held.original0, Parameter) else value
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    if isinstance(tensor, Parameter):
        module.register_parameter(tensor_name, tensor)
    else:
        module.register_buffer(tensor_name, tensor)
    if not is_parametrized(module):
        delattr(module, "parametrizations")
        module.__class__ = type(module).__mro__[1]
    return module
