"""Eigenvalues, singular values and orthogonal factors of matrices. They have no gradient here, and say so."""

from __future__ import annotations

from typing import Any, NamedTuple

from .. import backend
from ..autograd import ShapeError, is_grad_enabled, leaf
from .operands import shape_of

__all__ = ["QR", "SVD", "Eigh", "eigh", "eigvalsh", "matrix_rank", "pinverse", "qr", "svd", "svdvals"]

Tensor = Any  # the class stands above the ops


class Eigh(NamedTuple):
    """Eigenvalues, ascending, and eigenvectors in columns."""

    eigenvalues: Any
    eigenvectors: Any


class SVD(NamedTuple):
    """``U @ diag(S) @ Vh``: singular vectors and values, descending."""

    U: Any
    S: Any
    Vh: Any


class QR(NamedTuple):
    """``Q @ R``: orthonormal columns, and an upper triangle."""

    Q: Any
    R: Any


def _computed(name: str, input: Tensor, function: Any) -> Any:
    """``function(xp.linalg, raw array)``, its arrays as Tensors; refuses what would need a gradient."""
    shape = shape_of(name, input)
    if len(shape) < 2:
        raise ShapeError(f"{name}: expected matrices in the last two axes, got shape {shape}")
    if input.requires_grad and is_grad_enabled():
        raise NotImplementedError(f"{name}: there is no gradient rule for it; pass input.detach() if none is needed")
    xp = backend.at(input.array).xp
    try:
        found = function(xp, input.array)
    except (ValueError, RuntimeError) as error:
        raise ShapeError(f"{name}: {error}. Got shape {shape}") from error
    return tuple(map(leaf, found)) if isinstance(found, tuple) else leaf(found)


def eigh(A: Tensor, UPLO: str = "L") -> Eigh:
    """Eigenvalues, ascending, and eigenvectors of symmetric matrices; of these only one triangle is read.

    Raises
    ------
    NotImplementedError
        If the input requires a gradient; so also below.
    ValueError
        If UPLO is neither "L" nor "U".

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.linalg.eigh(tp.tensor([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
    tensor([1., 2.])
    """
    if UPLO not in ("L", "U"):
        raise ValueError(f"eigh: UPLO must be 'L' or 'U', got {UPLO!r}")
    return Eigh(*_computed("eigh", A if UPLO == "L" else A.mT, lambda xp, x: tuple(xp.linalg.eigh(x))))


def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """The eigenvalues of :func:`eigh`."""
    return eigh(A, UPLO).eigenvalues


def svd(A: Tensor, full_matrices: bool = True) -> SVD:
    """Singular vectors and values, descending: ``A = U @ diag(S) @ Vh``.

    Parameters
    ----------
    A : Tensor (..., n, m)
    full_matrices : bool, default True
        Square U and Vh; else as many columns and rows as there are values.
    """
    return SVD(*_computed("svd", A, lambda xp, x: tuple(xp.linalg.svd(x, full_matrices=full_matrices))))


def svdvals(A: Tensor) -> Tensor:
    """The singular values, descending.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.linalg.svdvals(tp.tensor([[3.0, 0.0], [0.0, 4.0]]))
    tensor([4., 3.])
    """
    return _computed("svdvals", A, lambda xp, x: xp.linalg.svdvals(x))


def qr(A: Tensor, mode: str = "reduced") -> QR:
    """``A = Q @ R`` with orthonormal columns Q and an upper triangle R; ``mode`` is "reduced" or "complete"."""
    if mode not in ("reduced", "complete"):
        raise ValueError(f"qr: mode must be 'reduced' or 'complete', got {mode!r}")
    return QR(*_computed("qr", A, lambda xp, x: tuple(xp.linalg.qr(x, mode=mode))))


def pinverse(input: Tensor, rcond: float | None = None) -> Tensor:
    """The pseudo-inverse; singular values up to ``rcond`` times the largest count as 0."""
    n, m = shape_of("pinverse", input)[-2:] if len(shape_of("pinverse", input)) > 1 else (0, 0)
    eps = float(backend.at(input.array).xp.finfo(input.array.dtype).eps)
    limit = max(n, m) * eps if rcond is None else rcond
    return _computed("pinverse", input, lambda xp, x: xp.linalg.pinv(x, rtol=limit))


def matrix_rank(A: Tensor) -> Tensor:
    """How many singular values are not 0, up to rounding."""
    return _computed("matrix_rank", A, lambda xp, x: xp.linalg.matrix_rank(x))
