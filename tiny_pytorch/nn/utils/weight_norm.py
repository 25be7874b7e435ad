"""Weight and spectral normalisation under their older names: the weight is computed before each call."""

from __future__ import annotations

from typing import Any

from ... import ops
from ...tensor import Tensor
from ..conv_transpose import ConvTranspose1d, ConvTranspose2d
from ..module import Module
from ..parameter import Parameter
from .reparametrize import as_matrix, direction_times_length, lengths, power_iteration

__all__ = ["remove_spectral_norm", "remove_weight_norm", "spectral_norm", "weight_norm"]


class _Computed:
    """A hook that sets a tensor of a module before its forward; kept beside the module's handle to be removed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.handle: Any = None

    def compute(self, module: Module) -> Tensor:
        """The tensor's value."""
        raise NotImplementedError

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute(module))

    def install(self, module: Module) -> None:
        """Take the place of the parameter."""
        hooks = module.__dict__.setdefault("_computed_weights", {})
        if self.name in hooks:
            raise RuntimeError(f"{type(module).__name__}.{self.name} is normalised already")
        hooks[self.name] = self
        self.handle = module.register_forward_pre_hook(self)


class _WeightNorm(_Computed):
    def __init__(self, name: str, dim: int | None) -> None:
        super().__init__(name)
        self.dim = dim

    def compute(self, module: Module) -> Tensor:
        v, g = getattr(module, f"{self.name}_v"), getattr(module, f"{self.name}_g")
        return direction_times_length(v, g, self.dim)


class _SpectralNorm(_Computed):
    def __init__(self, name: str, steps: int, dim: int, eps: float) -> None:
        super().__init__(name)
        self.steps, self.dim, self.eps = steps, dim, eps

    def compute(self, module: Module) -> Tensor:
        weight = getattr(module, f"{self.name}_orig")
        u, v = getattr(module, f"{self.name}_u"), getattr(module, f"{self.name}_v")
        matrix = as_matrix(weight, self.dim)
        if module.training:
            power_iteration(matrix.T, v, u, self.steps, self.eps)  # v first, as PyTorch does here
        return weight / ops.dot(ops.clone(u), ops.mv(matrix, ops.clone(v)))


def _parameter(module: Module, name: str) -> Parameter:
    weight = module._own("parameter").get(name)
    if weight is None:
        raise ValueError(f"{type(module).__name__} has no parameter {name!r}")
    return weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Learn a weight as direction ``weight_v`` times length ``weight_g``; newer: ``parametrizations.weight_norm``.

    Parameters
    ----------
    module : Module
    name : str, default "weight"
    dim : int or None, default 0
        Slices along it have a length each; None: the whole weight has one.

    Raises
    ------
    ValueError
        If there is no such parameter.

    References
    ----------
    T. Salimans, D. P. Kingma, "Weight normalization", NeurIPS 2016.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> sorted(tp.nn.utils.weight_norm(tp.nn.Linear(3, 2)).state_dict())
    ['bias', 'weight_g', 'weight_v']
    """
    weight = _parameter(module, name)
    hook = _WeightNorm(name, dim)
    delattr(module, name)
    module.register_parameter(f"{name}_g", Parameter(ops.clone(lengths(weight.detach(), dim))))
    module.register_parameter(f"{name}_v", Parameter(ops.clone(weight.detach())))
    setattr(module, name, hook.compute(module))
    hook.install(module)
    return module


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """Divide a weight by its largest singular value; newer: ``parametrizations.spectral_norm``.

    Parameters
    ----------
    module : Module
        ``weight_orig`` is learnt, ``weight_u`` and ``weight_v`` are the singular vectors.
    name : str, default "weight"
    n_power_iterations : int, default 1
        Steps towards the singular vectors in each call in training.
    eps : float, default 1e-12
    dim : int, optional
        The axis of the outputs: 0, and 1 for transposed convolutions.

    Raises
    ------
    ValueError
        If there is no such parameter, or the number of steps is not above 0.

    References
    ----------
    T. Miyato, T. Kataoka, M. Koyama, Y. Yoshida, "Spectral normalization for generative adversarial networks", ICLR
    2018.
    """
    if n_power_iterations <= 0:
        raise ValueError(f"spectral_norm: n_power_iterations must be above 0, got {n_power_iterations}")
    weight = _parameter(module, name)
    if dim is None:
        dim = 1 if isinstance(module, (ConvTranspose1d, ConvTranspose2d)) else 0
    matrix = as_matrix(weight.detach(), dim)
    u, v = (ops.normalize(ops.randn(n, dtype=weight.dtype, device=weight.device), dim=0, eps=eps) for n in matrix.shape)
    hook = _SpectralNorm(name, n_power_iterations, dim, eps)
    delattr(module, name)
    module.register_parameter(f"{name}_orig", weight)
    setattr(module, name, weight.detach())
    module.register_buffer(f"{name}_u", u)
    module.register_buffer(f"{name}_v", v)
    hook.install(module)
    return module


def _remove(module: Module, name: str, kind: type[_Computed], parts: tuple[str, ...]) -> Module:
    hook = module.__dict__.get("_computed_weights", {}).get(name)
    if not isinstance(hook, kind):
        raise ValueError(f"{type(module).__name__}.{name} is not normalised so")
    value = hook.compute(module).detach()
    hook.handle.remove()
    del module.__dict__["_computed_weights"][name]
    delattr(module, name)
    for part in parts:
        delattr(module, f"{name}_{part}")
    module.register_parameter(name, Parameter(value))
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Make a weight that :func:`weight_norm` computes a parameter again, with its present value.

    Raises
    ------
    ValueError
        If it is not computed so.
    """
    return _remove(module, name, _WeightNorm, ("g", "v"))


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Make a weight that :func:`spectral_norm` computes a parameter again, with its present value.

    Raises
    ------
    ValueError
        If it is not computed so.
    """
    return _remove(module, name, _SpectralNorm, ("orig", "u", "v"))
