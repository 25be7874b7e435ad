"""Images sampled at places of a grid, and the grids of affine maps."""

from __future__ import annotations

from typing import Any

from ..autograd import ShapeError
from ..backend.reference.gather import ARRAY
from .creation import arange, linspace, ones, ones_like, zeros_like
from .indexing import take_part
from .joining import stack
from .linalg import matmul
from .operands import shape_of
from .rounding import floor, round
from .selection import clamp, where

__all__ = ["affine_grid", "grid_sample"]

Tensor = Any  # the class stands above the ops


def affine_grid(theta: Tensor, size: Any, align_corners: bool | None = None) -> Tensor:
    """``grid[n, i, j] = theta[n] @ (x_j, y_i, 1)``: where each pixel of an image comes from, for :func:`grid_sample`.

    Parameters
    ----------
    theta : Tensor (N, 2, 3)
    size : sequence of ints
        The image's (N, C, H, W).
    align_corners : bool, default False
        Whether -1 and 1 are the centres of the outermost pixels, or their outer edges.

    Returns
    -------
    Tensor (N, H, W, 2)

    Raises
    ------
    ValueError
        For shapes that do not fit.

    References
    ----------
    M. Jaderberg, K. Simonyan, A. Zisserman, K. Kavukcuoglu, "Spatial transformer networks", NeurIPS 2015.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> F = tp.nn.functional
    >>> F.affine_grid(tp.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]), [1, 1, 1, 2], align_corners=False)
    tensor([[[[-0.5,  0. ],
              [ 0.5,  0. ]]]])
    """
    shape, size = shape_of("affine_grid", theta), tuple(int(n) for n in size)
    if len(size) != 4 or shape != (size[0], 2, 3) or min(size) < 1:
        raise ShapeError(f"affine_grid: expected theta (N, 2, 3) and a size (N, C, H, W), got {shape} and {size}")

    def line(n: int) -> Tensor:
        if n == 1:
            return zeros_like(theta[0, 0, :1])
        end = 1.0 if align_corners else 1 - 1 / n
        return linspace(-end, end, n, dtype=theta.dtype, device=theta.device)

    h, w = size[2:]
    x, y = line(w).expand(h, w), line(h).unsqueeze(1).expand(h, w)
    base = stack([x, y, ones((h, w), dtype=theta.dtype, device=theta.device)], -1).reshape(1, h * w, 3)
    return matmul(base, theta.transpose(1, 2)).reshape(size[0], h, w, 2)


def grid_sample(
    input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Tensor:
    """``y[n, :, i, j]``: the image ``input[n]`` at the place ``grid[n, i, j]``.

    Parameters
    ----------
    input : Tensor (N, C, H, W)
    grid : Tensor (N, h, w, 2)
        x and y, from -1 (left, top) to 1 (right, bottom).
    mode : {"bilinear", "nearest"}
    padding_mode : {"zeros", "border", "reflection"}
        What lies outside: zeros, the nearest pixel, or the image mirrored.
    align_corners : bool, default False
        Whether -1 and 1 are the centres of the outermost pixels, or their outer edges.

    Returns
    -------
    Tensor (N, C, h, w)

    Raises
    ------
    ValueError
        For another mode, and for shapes that do not fit. ("bicubic" and volumes are not here.)

    References
    ----------
    M. Jaderberg, K. Simonyan, A. Zisserman, K. Kavukcuoglu, "Spatial transformer networks", NeurIPS 2015.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> image, centre = tp.tensor([[[[1.0, 3.0]]]]), tp.zeros(1, 1, 1, 2)
    >>> tp.nn.functional.grid_sample(image, centre, align_corners=False).item()
    2.0
    """
    name = "grid_sample"
    shape, places = shape_of(name, input), shape_of(name, grid)
    if mode not in ("bilinear", "nearest") or padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            f"{name}: mode must be 'bilinear' or 'nearest' and padding_mode 'zeros', 'border' or 'reflection', got "
            f"{mode!r} and {padding_mode!r}"
        )
    if len(shape) != 4 or len(places) != 4 or places[0] != shape[0] or places[3] != 2 or min(shape[1:]) < 1:
        raise ShapeError(f"{name}: expected an input (N, C, H, W) and a grid (N, h, w, 2), got {shape} and {places}")
    x, y = (_pixel(grid[..., i], shape[3 - i], padding_mode, bool(align_corners)) for i in (0, 1))
    if mode == "nearest":
        return _at(input, round(x.detach()), round(y.detach()))
    left, top = floor(x.detach()), floor(y.detach())
    right, below = x - left, y - top
    corners = (
        (left, top, (1 - right) * (1 - below)),
        (left + 1, top, right * (1 - below)),
        (left, top + 1, (1 - right) * below),
        (left + 1, top + 1, right * below),
    )
    parts = [_at(input, a, b) * weight.unsqueeze(1) for a, b, weight in corners]
    return parts[0] + parts[1] + parts[2] + parts[3]


def _pixel(place: Tensor, n: int, padding_mode: str, align_corners: bool) -> Tensor:
    """A place from -1 to 1 as a number of pixels, brought into the image unless zeros lie outside."""
    found = (place + 1) * ((n - 1) / 2) if align_corners else ((place + 1) * n - 1) / 2
    if padding_mode == "reflection":
        low, span = (0.0, n - 1.0) if align_corners else (-0.5, float(n))
        if span <= 0:
            return zeros_like(found)
        away = (found - low).abs()
        turns = floor(away.detach() / span)
        rest = away - turns * span
        found = where(turns % 2 == 0, rest + low, span - rest + low)
    return found if padding_mode == "zeros" else clamp(found, 0.0, n - 1.0)


def _at(input: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """``input[n, :, y[n], x[n]]``, and 0 outside; (N, C, h, w)."""
    n, _, h, w = input.shape
    inside = (x >= 0).logical_and(x <= w - 1).logical_and(y >= 0).logical_and(y <= h - 1)
    safe = [where(inside, v, zeros_like(v)).long() for v in (y, x)]
    sample = arange(n, device=input.device).reshape(n, 1, 1) * ones_like(safe[0])
    found = take_part(input, sample, *safe, index=(ARRAY, slice(None), ARRAY, ARRAY, ...))
    return where(inside.unsqueeze(1), found.permute(0, 3, 1, 2), zeros_like(found.permute(0, 3, 1, 2)))
