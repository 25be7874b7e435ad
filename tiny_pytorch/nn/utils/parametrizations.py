"""Ready-made parametrizations: weight and spectral normalisation."""

from __future__ import annotations

from ... import ops
from ...tensor import Tensor
from ..conv_transpose import ConvTranspose1d, ConvTranspose2d
from ..module import Module
from .parametrize import register_parametrization
from .reparametrize import as_matrix, direction_times_length, lengths, power_iteration

__all__ = ["spectral_norm", "weight_norm"]


class _WeightNorm(Module):
    """``g * v / |v|`` of the originals g and v."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return direction_times_length(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """The lengths and the weight itself."""
        return lengths(weight, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Learn a weight as direction times length: ``weight = g * v / |v|``.

    Parameters
    ----------
    module : Module
    name : str, default "weight"
    dim : int or None, default 0
        Slices along it have a length each; None: the whole weight has one.

    Returns
    -------
    Module
        The module, whose ``parametrizations.weight`` holds ``original0`` (g) and ``original1`` (v).

    References
    ----------
    T. Salimans, D. P. Kingma, "Weight normalization", NeurIPS 2016.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> layer = tp.nn.utils.parametrizations.weight_norm(tp.nn.Linear(3, 2))
    >>> layer.parametrizations.weight.original0.shape
    (2, 1)
    """
    return register_parametrization(module, name, _WeightNorm(dim), unsafe=True)


class _SpectralNorm(Module):
    """``weight / s`` with its largest singular value s, by power iteration."""

    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        if not -weight.ndim <= dim < weight.ndim:
            raise IndexError(f"spectral_norm: dim {dim} is out of range for a weight of shape {tuple(weight.shape)}")
        if n_power_iterations <= 0:
            raise ValueError(f"spectral_norm: n_power_iterations must be above 0, got {n_power_iterations}")
        self.dim = dim % weight.ndim
        self.eps = eps
        if weight.ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = as_matrix(weight.detach(), self.dim)
            u, v = (ops.randn(n, dtype=weight.dtype, device=weight.device) for n in matrix.shape)
            self.register_buffer("_u", ops.normalize(u, dim=0, eps=eps))
            self.register_buffer("_v", ops.normalize(v, dim=0, eps=eps))
            power_iteration(matrix, self._u, self._v, 15, eps)

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return ops.normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            power_iteration(matrix, self._u, self._v, self.n_power_iterations, self.eps)
        # Copies: the vectors are overwritten before the gradient is asked for where the weight is used twice.
        u, v = ops.clone(self._u), ops.clone(self._v)
        return weight / ops.dot(u, ops.mv(matrix, v))

    def right_inverse(self, value: Tensor) -> Tensor:
        """A weight that is normalised already stays."""
        return value


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """Divide a weight by its largest singular value: ``weight = original / s``, so that the layer stretches nothing.

    Parameters
    ----------
    module : Module
    name : str, default "weight"
    n_power_iterations : int, default 1
        Steps towards the singular vectors each time that the weight is used in training.
    eps : float, default 1e-12
        Keeps a zero vector from a division by zero.
    dim : int, optional
        The axis of the outputs: 0, and 1 for transposed convolutions.

    Returns
    -------
    Module
        The module.

    References
    ----------
    T. Miyato, T. Kataoka, M. Koyama, Y. Yoshida, "Spectral normalization for generative adversarial networks", ICLR
    2018.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> layer = tp.nn.utils.parametrizations.spectral_norm(tp.nn.Linear(3, 2))
    >>> sorted(layer.state_dict())[-1]
    'parametrizations.weight.original'
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"{type(module).__name__} has no parameter or buffer {name!r}")
    if dim is None:
        dim = 1 if isinstance(module, (ConvTranspose1d, ConvTranspose2d)) else 0
    return register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))
