"""Sums over named axes: einsum, and what is an einsum: tensordot, inner, bilinear, trace.

An operand's axes carry labels; ``contract`` multiplies the operands and sums over every label that the output
does not have. Its gradient is a contraction again: of the output's gradient with the other operands, onto the
labels of the one that is asked for.
"""

from __future__ import annotations

import math
from typing import Any

from ..autograd import ShapeError, op
from .diagonals import diagonal
from .elementwise import add
from .naming import normalize_axes
from .operands import shape_of
from .operands import tensors as checked_tensors
from .reduction import sum as total

__all__ = ["bilinear", "einsum", "inner", "tensordot", "trace"]

K = Any  # a table of kernels
Array = Any  # a raw array, or in the world of higher derivatives a Tensor
Tensor = Any  # the class stands above the ops
Labels = tuple[Any, ...]


def contract(k: K, arrays: list[Array], terms: list[Labels], output: Labels) -> Array:
    """The product of the arrays, summed over every label that is not in ``output``: from left to right."""
    size: dict[Any, int] = {}
    for x, term in zip(arrays, terms, strict=True):
        for label, n in zip(term, x.shape, strict=True):
            size[label] = n if size.get(label, 1) == 1 else size[label]
    done: Any = None
    labels: tuple = ()
    for i, (x, term) in enumerate(zip(arrays, terms, strict=True)):
        x, term = _without_ones(k, *_diagonals(k, x, term), size)
        later = {*output}.union(*terms[i + 1 :])
        x, term = _summed(k, x, term, later.union(labels))
        done, labels = (x, term) if done is None else _multiplied(k, done, labels, x, term, later)
        done, labels = _summed(k, done, labels, later)
    lost = [label for label in output if label not in labels]  # of size 1 everywhere
    done = k.xp.reshape(done, (*done.shape, *(1 for _ in lost)))
    labels = (*labels, *lost)
    order = tuple([labels.index(label) for label in output])
    return done if order == tuple(range(len(order))) else k.xp.permute_dims(done, order)


def _diagonals(k: K, x: Array, term: Labels) -> tuple[Array, Labels]:
    """Axes with the same label replaced by the diagonal through them."""
    for label in dict.fromkeys(term):
        while term.count(label) > 1:
            i = term.index(label)
            j = term.index(label, i + 1)
            rest = [a for a in range(len(term)) if a not in (i, j)]
            n = x.shape[i]
            x = k.xp.permute_dims(x, (*rest, i, j))
            x = k.xp.reshape(x, (*x.shape[:-2], n * n))[..., :: n + 1]
            term = (*(term[a] for a in rest), label)
    return x, term


def _without_ones(k: K, x: Array, term: Labels, size: dict[Any, int]) -> tuple[Array, Labels]:
    """Axes of size 1 dropped: to a product they add nothing, be they broadcast or not."""
    kept = [a for a, n in enumerate(x.shape) if n != 1]
    if len(kept) == len(term):
        return x, term
    return k.xp.reshape(x, tuple([x.shape[a] for a in kept])), tuple([term[a] for a in kept])


def _summed(k: K, x: Array, term: Labels, wanted: Any) -> tuple[Array, Labels]:
    """The sum over the axes whose labels nobody wants any more."""
    gone = tuple([a for a, label in enumerate(term) if label not in wanted])
    if not gone:
        return x, term
    return k.xp.sum(x, axis=gone, dtype=x.dtype), tuple([label for label in term if label in wanted])


def _multiplied(k: K, a: Array, term_a: Labels, b: Array, term_b: Labels, wanted: Any) -> tuple[Array, Labels]:
    """Two operands as one, summed over the labels that they share and nobody else wants: a matrix product."""
    shared = [label for label in term_a if label in term_b]
    batch = [label for label in shared if label in wanted]
    inner = [label for label in shared if label not in wanted]
    left = [label for label in term_a if label not in shared]
    right = [label for label in term_b if label not in shared]
    size = dict(zip(term_a, a.shape, strict=True)) | dict(zip(term_b, b.shape, strict=True))
    a, b = _ordered(k, a, term_a, batch + left + inner), _ordered(k, b, term_b, batch + inner + right)
    result = (*batch, *left, *right)
    shapes = [tuple([size[label] for label in group]) for group in (batch, left, inner, right)]
    if not inner:  # nothing to sum
        a = k.xp.reshape(a, (*shapes[0], *shapes[1], *(1 for _ in right)))
        b = k.xp.reshape(b, (*shapes[0], *(1 for _ in left), *shapes[3]))
        return k.multiply(a, b), result
    n_batch, n_left, n_inner, n_right = (math.prod(shape) for shape in shapes)
    lead = (n_batch,) if batch else ()
    product = k.matmul(k.xp.reshape(a, (*lead, n_left, n_inner)), k.xp.reshape(b, (*lead, n_inner, n_right)))
    return k.xp.reshape(product, (*shapes[0], *shapes[1], *shapes[3])), result


def _ordered(k: K, x: Array, term: Labels, wanted: list[Any]) -> Array:
    order = tuple([term.index(label) for label in wanted])
    return x if order == tuple(range(len(order))) else k.xp.permute_dims(x, order)


# A permutation or a diagonal may be a view.
@op(name="einsum", promotes="common", keeps="cross", view=True, autocast="low")
def _einsum(k: K, *xs: Array, terms: tuple[Labels, ...], output: Labels) -> Array:
    return contract(k, list(xs), list(terms), output)


@_einsum.gradient
def _(k: K, g: Array, saved: Any, terms: tuple[Labels, ...], output: Labels) -> tuple:
    xs, shapes = saved.inputs, saved.shapes
    grads: list[Array] = []
    for i, shape in enumerate(shapes):
        if shape is None:
            grads.append(None)
            continue
        others = [x for j, x in enumerate(xs) if j != i]
        known = [term for j, term in enumerate(terms) if j != i]
        arrays, labels = [g, *others], [output, *known]
        # A label that only this operand has was summed: every element gets the same (times ones). A repeated
        # one took the diagonal: nothing goes elsewhere (times eye).
        spread = {
            label
            for x, term in zip(arrays, labels, strict=True)
            for label, n in zip(term, x.shape, strict=True)
            if n != 1
        }
        target: list[Any] = []
        for label, n in zip(terms[i], shape, strict=True):
            if label in target:
                arrays.append(k.xp.eye(n, dtype=g.dtype))
                labels.append((label, ("copy", len(target))))
                label = ("copy", len(target))
            elif n == 1 or label not in spread:
                label = ("own", len(target)) if n == 1 else label  # of size 1 it was broadcast: its gradient is summed
                arrays.append(k.xp.ones((n,), dtype=g.dtype))
                labels.append((label,))
            target.append(label)
        grads.append(contract(k, arrays, labels, tuple(target)))
    return tuple(grads)


def einsum(equation: str, *operands: Any) -> Tensor:
    """The product of the operands, summed over every index that the output does not have.

    Parameters
    ----------
    equation : str
        One group of letters for each operand, a letter for each axis: ``"ij,jk->ik"``. A letter twice in one
        group takes the diagonal, ``...`` stands for axes that broadcast. Without ``->`` the output has the
        letters that occur once, in alphabetical order.
    *operands : Tensors, or one sequence of them

    Raises
    ------
    ValueError
        An equation that is not of this form.
    RuntimeError
        Operands whose shapes do not fit it.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> a, b = tp.tensor([[1.0, 2.0], [3.0, 4.0]]), tp.tensor([1.0, 10.0])
    >>> tp.einsum("ij,j->i", a, b), tp.einsum("ii", a)
    (tensor([21., 43.]), tensor(5.))
    """
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    shapes = [shape_of("einsum", x) for x in checked_tensors("einsum", operands)]
    terms, output = _parse(equation, shapes)
    return _labelled("einsum", operands, terms, output)


def _labelled(name: str, operands: tuple[Tensor, ...], terms: list[Labels], output: Labels) -> Tensor:
    size: dict[Any, int] = {}
    for x, term in zip(operands, terms, strict=True):
        own: dict[Any, int] = {}
        for label, n in zip(term, x.array.shape, strict=True):
            if own.setdefault(label, n) != n or (size.setdefault(label, n) not in (n, 1) and n != 1):
                raise ShapeError(
                    f"{name}: index {label!r} has size {n} in a tensor of shape {tuple(x.array.shape)}, but "
                    f"elsewhere {own[label] if own[label] != n else size[label]}"
                )
            size[label] = n if size[label] == 1 else size[label]
    return _einsum(*operands, terms=tuple(terms), output=output)


def _parse(equation: str, shapes: list[tuple[int, ...]]) -> tuple[list[Labels], Labels]:
    """The labels of each operand and of the output. The axes of an ellipsis are numbered from the end."""
    text = equation.replace(" ", "")
    inputs, arrow, wanted = text.partition("->")
    groups = inputs.split(",")
    if len(groups) != len(shapes):
        raise ValueError(f"einsum: the equation {equation!r} is for {len(groups)} operands, got {len(shapes)}")
    for group in (*groups, wanted):
        letters = group.replace("...", "", 1)
        if letters and not (letters.isascii() and letters.isalpha()):
            raise ValueError(f"einsum: {group!r} in the equation {equation!r}; expected letters and at most one '...'")
    terms: list[Labels] = []
    for group, shape in zip(groups, shapes, strict=True):
        covered = len(shape) - len(group.replace("...", ""))
        if covered < 0 or (covered and "..." not in group):
            raise ShapeError(
                f"einsum: {group!r} is for another number of dimensions than a tensor of shape {shape} has"
            )
        terms.append(_labels(group, covered))
    widest = max((sum(isinstance(label, int) for label in term) for term in terms), default=0)
    if arrow:
        output = _labels(wanted, widest)
        for label in output:
            if output.count(label) > 1 or not any(label in term for term in terms):
                raise ValueError(
                    f"einsum: the output index {label!r} of {equation!r} stands there twice, or in no operand"
                )
        if "..." not in wanted and widest:
            raise ValueError(f"einsum: the operands of {equation!r} have '...', its output does not")
    else:
        letters = inputs.replace(",", "").replace(".", "")
        output = (
            *range(-widest, 0),
            *sorted(letter for letter in set(letters) if letters.count(letter) == 1),
        )
    return terms, output


def _labels(group: str, covered: int) -> Labels:
    before, _, after = group.partition("...")
    return (*before, *(range(-covered, 0) if "..." in group else ()), *after)


def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """The product of ``a`` and ``b``, summed over pairs of axes.

    Parameters
    ----------
    a, b : Tensors
    dims : int or pair of sequences of ints
        The last ``dims`` axes of ``a`` with the first of ``b``; or axes of ``a`` and for each its partner in
        ``b``.

    Raises
    ------
    RuntimeError
        Partners of different size.

    Examples
    --------
    >>> import tiny_pytorch as tp
    >>> tp.tensordot(tp.ones(2, 3, 4), tp.ones(3, 4, 5), dims=2).shape
    (2, 5)
    """
    ndim_a, ndim_b = len(shape_of("tensordot", a)), len(shape_of("tensordot", b))
    if isinstance(dims, int):
        if not 0 <= dims <= min(ndim_a, ndim_b):
            raise ShapeError(
                f"tensordot: {dims} axes of shapes {tuple(a.array.shape)} and {tuple(b.array.shape)}; "
                f"expected 0 to {min(ndim_a, ndim_b)}"
            )
        dims = tuple(range(ndim_a - dims, ndim_a)), tuple(range(dims))
    over_a, over_b = (
        normalize_axes("tensordot", tuple(d) if not isinstance(d, int) else d, n)
        for d, n in zip(dims, (ndim_a, ndim_b), strict=True)
    )
    if len(over_a) != len(over_b):
        raise ShapeError(
            f"tensordot: {len(over_a)} axes of the one tensor and {len(over_b)} of the other; expected pairs"
        )
    partner = dict(zip(over_b, over_a, strict=True))
    for j, i in partner.items():
        if a.array.shape[i] != b.array.shape[j]:
            raise ShapeError(
                f"tensordot: axis {i} of shape {tuple(a.array.shape)} and axis {j} of shape "
                f"{tuple(b.array.shape)} differ in size"
            )
    terms = [tuple(range(ndim_a)), tuple([partner.get(j, ndim_a + j) for j in range(ndim_b)])]
    output = tuple([i for i in terms[0] if i not in over_a] + [ndim_a + j for j in range(ndim_b) if j not in over_b])
    return _einsum(a, b, terms=tuple(terms), output=output)


def inner(input: Tensor, other: Tensor) -> Tensor:
    """``y[i.., j..] = sum over k of a[i.., k] * b[j.., k]``; a 0-d tensor times the other one."""
    shapes = shape_of("inner", input), shape_of("inner", other)
    if () in shapes:
        return _labelled(
            "inner",
            (input, other),
            [tuple(range(len(s))) for s in shapes],
            tuple(range(max(map(len, shapes)))),
        )
    if shapes[0][-1] != shapes[1][-1]:
        raise ShapeError(f"inner: got shapes {shapes[0]} and {shapes[1]}; expected the same size at the end")
    return tensordot(input, other, dims=([-1], [-1]))


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``y[..., o] = sum over i, j of x1[..., i] * weight[o, i, j] * x2[..., j] + bias[o]``."""
    y = einsum("...i,oij,...j->...o", input1, weight, input2)
    return y if bias is None else add(y, bias)


def trace(input: Tensor) -> Tensor:
    """``y = sum of a[i, i]`` of a matrix."""
    shape = shape_of("trace", input)
    if len(shape) != 2:
        raise ShapeError(f"trace: expected a matrix, got shape {shape}")
    return total(diagonal(input))
