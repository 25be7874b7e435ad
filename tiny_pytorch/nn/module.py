"""Module: a callable that owns parameters, buffers and other modules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NoReturn, Self

from ..autograd import no_grad
from ..backend.dtypes import DTYPES, DType
from ..conversions import wanted
from ..tensor import Tensor
from . import state
from .hooks import Hooked
from .parameter import Parameter

__all__ = ["Module"]


class _Uninitialised:
    """Stands where ``Module.__init__`` will put the registry, and says so when it was never called."""

    def __get__(self, module: Module | None, owner: type) -> Any:
        if module is None:
            return self
        raise AttributeError(
            f"{owner.__name__}.__init__ did not call super().__init__(), so there is nowhere to register its "
            "parameters, buffers and modules; call it first in __init__"
        )


class Module(Hooked):
    """Base class of every layer, loss and network.

    A subclass makes its parts in ``__init__`` (after ``super().__init__()``) and computes in ``forward``.
    Parameters and modules register themselves by being assigned to attributes; buffers (state that is not
    learnt) through :meth:`register_buffer`.

    Parts are ordinary instance attributes, so that reading ``self.weight`` costs what any attribute costs.
    ``_registry`` remembers, in the order of registration, which names are parts and of which kind:
    ``"parameter"``, ``"buffer"`` or ``"module"``. A part set to None keeps its place.

    Attributes
    ----------
    training : bool
        True after :meth:`train` (and at first), False after :meth:`eval`.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> class Affine(tp.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.scale = tp.nn.Parameter(tp.ones(3))
    ...         self.linear = tp.nn.Linear(3, 2)
    ...
    ...     def forward(self, x):
    ...         return self.linear(self.scale * x)
    >>> [name for name, _ in Affine().named_parameters()]
    ['scale', 'linear.weight', 'linear.bias']
    """

    training: bool = True
    _registry: Any = _Uninitialised()
    _transient: frozenset[str]  # the buffers that are not saved

    def __init__(self) -> None:
        # Straight into the instance's dict: __setattr__ would cost a loss that is built in every step 1 µs.
        own = self.__dict__
        own["training"] = True
        own["_registry"] = {}
        own["_transient"] = frozenset()

    # --- computing ---

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; every subclass defines its own."""
        raise NotImplementedError(f"{type(self).__name__} has no forward method; define forward(self, ...)")

    # --- registering parts ---

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            kind = "parameter"
        elif isinstance(value, Module):
            kind = "module"
        else:
            registered = self.__dict__.get("_registry")
            if registered and name in registered and value is not None:
                self._check_replacement(name, registered[name], value)
            object.__setattr__(self, name, value)
            return
        registry = self._registry
        if hasattr(Module, name):
            raise AttributeError(
                f"{type(self).__name__}.{name} cannot hold a {type(value).__name__}: every module has an "
                "attribute of that name; choose another one"
            )
        object.__setattr__(self, name, value)
        if name not in self.__dict__:  # a property of the subclass took the value
            return
        if registry.get(name, kind) != kind:
            self._forget(name)
        registry[name] = kind

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        self._forget(name)

    def _forget(self, name: str) -> None:
        self._registry.pop(name, None)
        if name in self._transient:
            self.__dict__["_transient"] = self._transient - {name}

    def _check_replacement(self, name: str, kind: str, value: Any) -> None:
        if kind == "buffer" and isinstance(value, Tensor):
            return
        expected = {"parameter": "an nn.Parameter", "buffer": "a Tensor", "module": "an nn.Module"}[kind]
        raise TypeError(
            f"cannot assign a {type(value).__name__} to the {kind} {type(self).__name__}.{name}; expected "
            f"{expected} or None" + ("; wrap it in nn.Parameter(...)" if kind == "parameter" else "")
        )

    def _check_new_name(self, name: str, kind: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"the name of a {kind} must be a str, not {type(name).__name__}")
        if name == "" or "." in name:
            raise KeyError(f"{name!r} cannot name a {kind}: a name must not be empty, and dots separate levels")
        if hasattr(self, name) and self._registry.get(name) != kind:
            raise KeyError(f"{type(self).__name__} already has an attribute {name!r}; choose another name")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under ``name``; None reserves the name for a later one."""
        self._check_new_name(name, "parameter")
        if not (param is None or isinstance(param, Parameter)):
            raise TypeError(f"parameter {name!r} must be an nn.Parameter or None, not {type(param).__name__}")
        self._registry[name] = "parameter"
        self.__dict__[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is state but is not learnt (a running mean); persistent ones are saved."""
        self._check_new_name(name, "buffer")
        if not (tensor is None or isinstance(tensor, Tensor)):
            raise TypeError(f"buffer {name!r} must be a Tensor or None, not {type(tensor).__name__}")
        self._registry[name] = "buffer"
        self.__dict__[name] = tensor
        if persistent == (name in self._transient):
            self.__dict__["_transient"] = self._transient ^ {name}

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child module under ``name``; None reserves the name for a later one."""
        self._check_new_name(name, "module")
        if not (module is None or isinstance(module, Module)):
            raise TypeError(f"module {name!r} must be an nn.Module or None, not {type(module).__name__}")
        self._registry[name] = "module"
        setattr(self, name, module)

    register_module = add_module

    # --- collecting parts ---

    def _own(self, kind: str) -> dict[str, Any]:
        own = self.__dict__
        return {name: own[name] for name, its_kind in self._registry.items() if its_kind == kind}

    @property
    def _parameters(self) -> Mapping[str, Parameter | None]:
        return MappingProxyType(self._own("parameter"))

    @property
    def _buffers(self) -> Mapping[str, Tensor | None]:
        return MappingProxyType(self._own("buffer"))

    @property
    def _modules(self) -> Mapping[str, Module | None]:
        return MappingProxyType(self._own("module"))

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """``(dotted name, module)`` of the whole tree, parents first; ``memo`` holds modules to leave out."""
        memo = set() if memo is None else memo
        if remove_duplicate:
            if self in memo:
                return
            memo.add(self)
        yield prefix, self
        for name, child in self._own("module").items():
            if child is not None:
                yield from child.named_modules(memo, _join(prefix, name), remove_duplicate)

    def _collect(
        self, kind: str, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        """``(dotted name, part)`` of one kind: each module's own parts, then its children's."""
        seen = set()
        tree = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for path, module in tree:
            for name, part in module._own(kind).items():
                if part is None or (remove_duplicate and id(part) in seen):
                    continue
                seen.add(id(part))
                yield _join(path, name), part

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """``(dotted name, parameter)``, a shared parameter once, under its first name."""
        return self._collect("parameter", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, what an optimizer takes; a shared one once."""
        return (part for _, part in self._collect("parameter", recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """``(dotted name, buffer)``, a shared buffer once."""
        return self._collect("buffer", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers: state that is not learnt."""
        return (part for _, part in self._collect("buffer", recurse=recurse))

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """``(name, module)`` of the direct children, a shared one once."""
        return self._collect("module", recurse=False)

    def children(self) -> Iterator[Module]:
        """The direct children."""
        return (child for _, child in self.named_children())

    def modules(self) -> Iterator[Module]:
        """Every module of the tree, this one first."""
        return (module for _, module in self.named_modules())

    def get_submodule(self, target: str) -> Module:
        """The module at a dotted path, such as ``"encoder.0"``; ``""`` is this one."""
        module = self
        for name in target.split(".") if target else ():
            child = module._own("module").get(name)
            if child is None:
                module._raise_missing(target, "module", name)
            module = child
        return module

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path, such as ``"encoder.0.weight"``."""
        return self._get("parameter", target)

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a dotted path, such as ``"encoder.1.running_mean"``."""
        return self._get("buffer", target)

    def _get(self, kind: str, target: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        part = module._own(kind).get(name)
        if part is None:
            module._raise_missing(target, kind, name)
        return part

    def _raise_missing(self, target: str, kind: str, name: str) -> NoReturn:
        known = ", ".join(self._own(kind)) or "none"
        raise AttributeError(f"no {kind} {target!r}: {type(self).__name__} has no {kind} {name!r} (it has: {known})")

    # --- changing the whole tree ---

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call ``fn(module)`` on every module, children before their parents; returns self."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Switch the tree to training (Dropout drops, BatchNorm uses the batch); returns self."""
        if not isinstance(mode, bool):
            raise ValueError(f"train(mode) takes True or False, not {mode!r}")
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self) -> Self:
        """Switch the tree to evaluation; returns self."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Let every parameter require a gradient, or freeze them all; returns self."""
        for param in self.parameters():
            param.requires_grad = requires_grad
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or (``set_to_none=False``) fill them with zeros."""
        for param in self.parameters():
            if param.grad is None:
                continue
            if set_to_none:
                param.grad = None
            else:
                with no_grad():
                    param.grad.zero_()

    reset_grad = zero_grad

    def _convert(self, device: Any, dtype: DType | None, non_blocking: bool = False) -> Self:
        """Move every parameter, gradient and buffer, and convert the floating ones; they stay the same objects."""
        if dtype is not None and not dtype.is_floating_point:
            raise TypeError(f"parameters and their gradients must stay floating, not become {dtype}")

        def convert(tensor: Tensor) -> Tensor:
            wanted = dtype if tensor.is_floating_point() else None
            return tensor.detach().to(device=device, dtype=wanted, non_blocking=non_blocking)

        converted = []
        with no_grad():
            for tensor in [*self.parameters(), *self.buffers()]:
                grad = None if tensor.grad is None else convert(tensor.grad)
                converted.append((tensor, convert(tensor), grad))
        for tensor, value, grad in converted:
            if value.array is not tensor.array:
                tensor.grad = None
                tensor.array = value.array
                tensor.grad = grad
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move to a device, convert to a dtype: the forms of :meth:`Tensor.to`; returns self.

        Every parameter, gradient and buffer is moved, and what is floating among them converted. The tensors stay the
        same objects, so that an optimizer made before goes on with them.

        Examples
        --------
        >>> import tiny_pytorch as tp
        >>> device = tp.device("cuda" if tp.cuda.is_available() else "cpu")
        >>> model = tp.nn.Linear(2, 1).to(device)
        """
        asked = wanted(args, kwargs)
        return self._convert(asked.device, asked.dtype, asked.non_blocking)

    def float(self) -> Self:
        """Convert every floating parameter and buffer to float32; returns self."""
        return self.to(DTYPES["float32"])

    def double(self) -> Self:
        """Convert every floating parameter and buffer to float64; returns self."""
        return self.to(DTYPES["float64"])

    def half(self) -> Self:
        """Convert every floating parameter and buffer to float16; returns self."""
        return self.to(DTYPES["float16"])

    def bfloat16(self) -> Self:
        """Convert every floating parameter and buffer to bfloat16; returns self."""
        return self.to(DTYPES["bfloat16"])

    def cpu(self) -> Self:
        """Move every parameter and buffer to the host's memory; returns self."""
        return self.to("cpu")

    def cuda(self, device: Any = None) -> Self:
        """Move every parameter and buffer to a CUDA device, the first or the one of that number; returns self."""
        return self.to("cuda" if device is None else device)

    # --- saving and loading ---

    def state_dict(
        self, *, destination: dict[str, Tensor] | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Tensor]:
        """``{dotted name: tensor}`` of all parameters and persistent buffers, with PyTorch's keys.

        The tensors share the module's memory and are detached unless ``keep_vars``; a parameter shared by two
        modules appears under both names.
        """
        return state.collect(self, {} if destination is None else destination, prefix, keep_vars)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> state.IncompatibleKeys:
        """Copy values into the parameters and persistent buffers, in place; see :func:`nn.state.load`."""
        return state.load(self, state_dict, strict)

    # --- printing ---

    def extra_repr(self) -> str:
        """What ``repr`` shows between the parentheses; subclasses describe their settings."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        children = {name: repr(child) for name, child in self._own("module").items()}
        return tree(self._get_name(), self.extra_repr(), children)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def tree(name: str, extra: str, children: Mapping[str, str]) -> str:
    """``name(extra)``, or over several lines if there are children, given as ``{label: text}``."""
    if not children and "\n" not in extra:
        return f"{name}({extra})"
    lines = extra.split("\n") if extra else []
    lines += [f"({label}): {text}" for label, text in children.items()]
    return "\n  ".join([f"{name}(", *(line.replace("\n", "\n  ") for line in lines)]) + "\n)"
