"""Losses of classifiers: the fused softmax cross-entropy, and what is composed around it."""

from __future__ import annotations

from typing import Any

from ..autograd import Variable, is_table_of_classes, op
from .loss import check_reduction

__all__ = ["cross_entropy", "nll_loss"]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any  # the class stands above the ops

_INTEGERS = ("int", "uint")


@op(extra=True, kernel="cross_entropy", autocast="float32")
def _cross_entropy(k: K, logits: Array, target: Array, *, reduction: str, ignore_index: int) -> tuple:
    loss, slope = k.cross_entropy(logits, target, reduction, ignore_index)
    return loss, (slope,)


@_cross_entropy.gradient(kernel="cross_entropy_grad", reads=("g", "extra"))
def _(k: K, g: Array, saved: Any, *, reduction: str, ignore_index: int) -> tuple:
    (slope,) = saved.extra
    return k.cross_entropy_grad(g, slope), None


@op(name="nll_loss", promotes="floating", keeps="cross", autocast="float32")
def _weighted_loss(k: K, log_p: Array, weights: Array) -> Array:
    return -k.multiply(log_p, weights)


@_weighted_loss.gradient
def _(k: K, g: Array, saved: Any) -> tuple:
    log_p, weights = saved.inputs
    needs = saved.needs
    return -k.multiply(g, weights) if needs[0] else None, -k.multiply(g, log_p) if needs[1] else None


_cross_entropy.expects = "targets that are classes, 0 to C-1, for logits of shape (N, C)"


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """``-log softmax(input)[target]``, the softmax over the classes.

    Parameters
    ----------
    input : Tensor, shape (N, C), (N, C, d1, ...) or (C,)
        Logits of C classes.
    target : Tensor
        Either integer class indices of shape (N,), (N, d1, ...) or (), or probabilities of the input's shape.
    weight : Tensor of shape (C,), optional
        A weight for each class; "mean" then divides by the sum of the weights met.
    ignore_index : int, default -100
        Class indices of this value count nothing, in the sum and in the mean.
    reduction : {"mean", "sum", "none"}
    label_smoothing : float, default 0.0
        The target becomes ``(1 - label_smoothing) * target + label_smoothing / C``.

    Returns
    -------
    Tensor
        A scalar, or with "none" one loss for each class index. The mean over no indices at all is nan.

    Raises
    ------
    IndexError
        For a class index outside 0..C-1.
    ValueError, TypeError
        For shapes or dtypes that do not fit.

    References
    ----------
    Label smoothing: C. Szegedy et al., "Rethinking the Inception architecture for computer vision", 2015.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.nn.functional.cross_entropy(tp.zeros(2, 4), tp.tensor([0, 3])).item()
    1.3862943649291992
    """
    if weight is None and not label_smoothing and is_table_of_classes(input, target):
        return _cross_entropy(input, target, reduction=reduction, ignore_index=ignore_index)
    if _target_kind("cross_entropy", input, target) not in _INTEGERS:
        return _soft_cross_entropy(input, target, weight, reduction, label_smoothing)
    if weight is None and not label_smoothing:
        logits, classes = _rows("cross_entropy", input, target)
        loss = _cross_entropy(logits, classes, reduction=reduction, ignore_index=ignore_index)
        return loss if classes is target or reduction != "none" else loss.reshape(target.shape)
    _check_smoothing(label_smoothing)
    log_p = input.log_softmax(_class_axis(input))
    loss = nll_loss(log_p, target, weight, ignore_index, reduction)
    if not label_smoothing:
        return loss
    # Every class as the target, with the same weights and the same indices ignored.
    rows, classes = _rows("cross_entropy", log_p, target)
    counts = classes != ignore_index
    uniform = -(rows if weight is None else rows * weight).sum(1)
    uniform = uniform.masked_fill(~counts, 0.0)
    if reduction == "none":
        uniform = uniform.reshape(target.shape)
    else:
        uniform = uniform.sum()
    if reduction == "mean":
        uniform = uniform / _row_weights(rows, classes, counts, weight).sum()
    return (1.0 - label_smoothing) * loss + label_smoothing / rows.shape[1] * uniform


def _soft_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None, reduction: str, label_smoothing: float
) -> Tensor:
    """``-sum over classes of target * log softmax(input)``, for targets that are probabilities."""
    if target.dtype.kind != "float":
        raise TypeError(
            f"cross_entropy: expected integer classes or floating probabilities, got {target.dtype} targets"
        )
    if target.shape != input.shape:
        raise ValueError(
            f"cross_entropy: targets of dtype {target.dtype} are probabilities and need the input's shape "
            f"{input.shape}, got {target.shape}; for class indices convert them with .long()"
        )
    check_reduction("cross_entropy", reduction)
    _check_smoothing(label_smoothing)
    axis = _class_axis(input)
    classes = input.shape[axis]
    if label_smoothing:
        target = target * (1.0 - label_smoothing) + label_smoothing / classes
    terms = target * input.log_softmax(axis)
    if weight is not None:
        _check_class_weight(weight, classes)
        terms = terms * weight.reshape((classes,) + (1,) * (len(input.shape) - 1 - axis))
    loss = -terms.sum(axis)
    return loss if reduction == "none" else loss.mean() if reduction == "mean" else loss.sum()


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """``-weight[target] * input[target]``: the negative log-likelihood, for an input of log-probabilities.

    Parameters
    ----------
    input : Tensor, shape (N, C), (N, C, d1, ...) or (C,)
        Log-probabilities of C classes, as log_softmax gives them.
    target : Tensor, shape (N,), (N, d1, ...) or ()
        Integer class indices.
    weight : Tensor of shape (C,), optional
        A weight for each class; "mean" divides by the sum of the weights met.
    ignore_index : int, default -100
        Class indices of this value count nothing.
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    IndexError
        For a class index outside 0..C-1.
    ValueError, TypeError
        For shapes or dtypes that do not fit.
    """
    check_reduction("nll_loss", reduction)
    if _target_kind("nll_loss", input, target) not in _INTEGERS:
        raise TypeError(f"nll_loss: expected integer class indices, got {target.dtype}; convert them with .long()")
    rows, classes = _rows("nll_loss", input, target)
    if weight is not None:
        _check_class_weight(weight, rows.shape[1])
    counts = classes != ignore_index
    known = classes.masked_fill(~counts, 0)
    try:
        picked = rows.gather(1, known.unsqueeze(1)).squeeze(1)
    except IndexError as error:
        raise IndexError(f"nll_loss: a target is not one of the {rows.shape[1]} classes: {error}") from error
    weights = _row_weights(rows, known, counts, weight)
    loss = _weighted_loss(picked, weights).masked_fill(~counts, 0.0)
    if reduction == "none":
        return loss.reshape(target.shape)
    total = loss.sum()
    return total / weights.sum() if reduction == "mean" else total


def _row_weights(rows: Tensor, classes: Tensor, counts: Tensor, weight: Tensor | None) -> Tensor:
    """The weight of each row: its class's, or 1; 0 where the class is ignored."""
    if weight is None:
        return counts.to(rows.dtype)
    return weight[classes.masked_fill(~counts, 0)].masked_fill(~counts, 0.0)


def _class_axis(input: Tensor) -> int:
    return 0 if len(input.shape) == 1 else 1


def _rows(name: str, input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """``(input, target)`` as (M, C) and (M,): what the rows of a table are to further axes."""
    shape, places = tuple(input.array.shape), tuple(target.array.shape)
    if len(shape) == 2 and places == shape[:1]:
        return input, target
    axis = _class_axis(input)
    if not shape or places != shape[:axis] + shape[axis + 1 :]:
        raise ValueError(
            f"{name}: expected classes of shape {shape[: len(shape) > 1] + shape[2:]} for an input of shape "
            f"{shape} (N, C, ...), got {places}"
        )
    return input.movedim(axis, -1).reshape(-1, shape[axis]), target.reshape(-1)


def _target_kind(name: str, input: Tensor, target: Tensor) -> str:
    """What kind of numbers the target holds; the arguments' types are checked on the way."""
    if not (isinstance(input, Variable) and isinstance(target, Variable)):
        raise TypeError(
            f"{name}: expected two Tensors, got {type(input).__name__} and {type(target).__name__} "
            "(tp.tensor(...) makes one)"
        )
    if input._kind != "float":
        raise TypeError(f"{name}: expected a floating input, got {input.dtype}; convert it with .float()")
    return target._kind


def _check_smoothing(label_smoothing: float) -> None:
    if not 0.0 <= label_smoothing <= 1.0:
        raise ValueError(f"cross_entropy: label_smoothing must lie in 0..1, got {label_smoothing}")


def _check_class_weight(weight: Tensor, classes: int) -> None:
    if weight.shape != (classes,):
        raise ValueError(f"expected one weight for each of the {classes} classes, got shape {weight.shape}")
