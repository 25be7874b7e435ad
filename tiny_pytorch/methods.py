"""Operators and methods of a tensor: names for functions of ``ops``, and their in-place forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import backend, ops
from .autograd import Variable, inplace

__all__ = ["OpMethods"]


def _into(function: Callable[..., Any]) -> Any:
    """``x += y`` for ``x + y``."""

    def write(self: Variable, other: Any) -> Any:
        return inplace(function, self, other)

    return write


class OpMethods(Variable):
    """What ``Tensor`` inherits: ``x + y`` is ``ops.add(x, y)``, ``x.exp()`` is ``ops.exp(x)``."""

    __hash__ = object.__hash__

    # Indexing

    def __getitem__(self, index: Any) -> Any:
        return ops.getitem(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        ops.setitem(self, index, value)

    # Operators

    __add__: Any = ops.add
    __sub__: Any = ops.sub
    __mul__: Any = ops.mul
    __truediv__: Any = ops.div
    __floordiv__: Any = ops.floor_divide
    __mod__: Any = ops.remainder
    __pow__: Any = ops.pow
    __matmul__: Any = ops.matmul
    __neg__: Any = ops.neg
    __abs__: Any = ops.abs
    __invert__: Any = ops.bitwise_not
    __and__: Any = ops.bitwise_and
    __or__: Any = ops.bitwise_or
    __xor__: Any = ops.bitwise_xor
    __lshift__: Any = ops.bitwise_left_shift
    __rshift__: Any = ops.bitwise_right_shift
    __lt__: Any = ops.lt
    __le__: Any = ops.le
    __gt__: Any = ops.gt
    __ge__: Any = ops.ge

    def __radd__(self, other: Any) -> Any:
        return ops.add(other, self)

    def __rsub__(self, other: Any) -> Any:
        return ops.sub(other, self)

    def __rmul__(self, other: Any) -> Any:
        return ops.mul(other, self)

    def __rtruediv__(self, other: Any) -> Any:
        return ops.div(other, self)

    def __rfloordiv__(self, other: Any) -> Any:
        return ops.floor_divide(other, self)

    def __rmod__(self, other: Any) -> Any:
        return ops.remainder(other, self)

    def __rpow__(self, other: Any) -> Any:
        return ops.pow(other, self)

    def __rmatmul__(self, other: Any) -> Any:
        return ops.matmul(other, self)

    def __pos__(self) -> Any:
        return self

    def __rand__(self, other: Any) -> Any:
        return ops.bitwise_and(other, self)

    def __ror__(self, other: Any) -> Any:
        return ops.bitwise_or(other, self)

    def __rxor__(self, other: Any) -> Any:
        return ops.bitwise_xor(other, self)

    def __eq__(self, other: object) -> Any:
        return NotImplemented if other is None or isinstance(other, str) else ops.eq(self, other)

    def __ne__(self, other: object) -> Any:
        return NotImplemented if other is None or isinstance(other, str) else ops.ne(self, other)

    __iadd__: Any = _into(ops.add)
    __isub__: Any = _into(ops.sub)
    __imul__: Any = _into(ops.mul)
    __itruediv__: Any = _into(ops.div)
    __ipow__: Any = _into(ops.pow)
    __iand__: Any = _into(ops.bitwise_and)
    __ior__: Any = _into(ops.bitwise_or)

    # Creation in this tensor's dtype, on its device

    def new_zeros(self, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Any:
        """Zeros in this tensor's dtype, on its device."""
        return ops.zeros(*size, **self._like(dtype, device), requires_grad=requires_grad)

    def new_ones(self, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Any:
        """Ones in this tensor's dtype, on its device."""
        return ops.ones(*size, **self._like(dtype, device), requires_grad=requires_grad)

    def new_full(
        self, size: Any, fill_value: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False
    ) -> Any:
        """``fill_value`` everywhere, in this tensor's dtype, on its device."""
        return ops.full(size, fill_value, **self._like(dtype, device), requires_grad=requires_grad)

    def new_empty(self, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Any:
        """Unset memory in this tensor's dtype, on its device."""
        return ops.empty(*size, **self._like(dtype, device), requires_grad=requires_grad)

    def new_tensor(self, data: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Any:
        """``tp.tensor(data)`` in this tensor's dtype, on its device."""
        return ops.tensor(data, **self._like(dtype, device), requires_grad=requires_grad)

    def _like(self, dtype: Any, device: Any) -> dict[str, Any]:
        return {
            "dtype": self.array.dtype if dtype is None else dtype,
            "device": backend.at(self.array).device if device is None else device,
        }

    # Names of ops

    # activation
    log_softmax = ops.log_softmax
    relu = ops.relu
    relu_ = ops.relu_
    sigmoid = ops.sigmoid
    softmax = ops.softmax
    # comparison
    allclose = ops.allclose
    bitwise_and = ops.bitwise_and
    bitwise_left_shift = ops.bitwise_left_shift
    bitwise_not = ops.bitwise_not
    bitwise_or = ops.bitwise_or
    bitwise_right_shift = ops.bitwise_right_shift
    bitwise_xor = ops.bitwise_xor
    eq = ops.eq
    equal = ops.equal
    ge = ops.ge
    greater = ops.greater
    greater_equal = ops.greater_equal
    gt = ops.gt
    isclose = ops.isclose
    isfinite = ops.isfinite
    isinf = ops.isinf
    isnan = ops.isnan
    le = ops.le
    less = ops.less
    less_equal = ops.less_equal
    logical_and = ops.logical_and
    logical_not = ops.logical_not
    logical_or = ops.logical_or
    logical_xor = ops.logical_xor
    lt = ops.lt
    ne = ops.ne
    not_equal = ops.not_equal
    # contraction
    inner = ops.inner
    trace = ops.trace
    # combining
    diag_embed = ops.diag_embed
    # copying
    clone = ops.clone
    # creation
    tril = ops.tril
    triu = ops.triu
    # cumulative
    cumprod = ops.cumprod
    cumsum = ops.cumsum
    # diagonals
    diag = ops.diag
    diagonal = ops.diagonal
    # differences
    cross = ops.cross
    diff = ops.diff
    logcumsumexp = ops.logcumsumexp
    # elementwise
    abs = ops.abs
    absolute = ops.absolute
    add = ops.add
    addcdiv = ops.addcdiv
    addcmul = ops.addcmul
    copysign = ops.copysign
    divide = ops.divide
    erf = ops.erf
    exp = ops.exp
    exp2 = ops.exp2
    expm1 = ops.expm1
    lerp = ops.lerp
    log = ops.log
    log10 = ops.log10
    log1p = ops.log1p
    log2 = ops.log2
    logaddexp = ops.logaddexp
    mul = ops.mul
    multiply = ops.multiply
    neg = ops.neg
    negative = ops.negative
    positive = ops.positive
    sign = ops.sign
    sub = ops.sub
    subtract = ops.subtract
    true_divide = ops.true_divide
    # extrema
    amax = ops.amax
    aminmax = ops.aminmax
    amin = ops.amin
    argmax = ops.argmax
    argmin = ops.argmin
    max = ops.max
    min = ops.min
    # filling
    index_copy = ops.index_copy
    index_fill = ops.index_fill
    masked_scatter = ops.masked_scatter
    scatter_reduce = ops.scatter_reduce
    # gathering
    bincount = ops.bincount
    gather = ops.gather
    index_add = ops.index_add
    index_select = ops.index_select
    scatter = ops.scatter
    scatter_add = ops.scatter_add
    take = ops.take
    take_along_dim = ops.take_along_dim
    # indexing
    narrow = ops.narrow
    select = ops.select
    # joining
    chunk = ops.chunk
    hsplit = ops.hsplit
    repeat = ops.repeat
    repeat_interleave = ops.repeat_interleave
    split = ops.split
    tensor_split = ops.tensor_split
    tile = ops.tile
    unbind = ops.unbind
    vsplit = ops.vsplit
    # linalg
    addmm = ops.addmm
    addmv = ops.addmv
    baddbmm = ops.baddbmm
    bmm = ops.bmm
    dot = ops.dot
    kron = ops.kron
    matmul = ops.matmul
    mm = ops.mm
    mv = ops.mv
    outer = ops.outer
    vdot = ops.vdot
    # masking
    argwhere = ops.argwhere
    masked_fill = ops.masked_fill
    masked_select = ops.masked_select
    nonzero = ops.nonzero
    # moments
    std = ops.std
    var = ops.var
    # norms
    logsumexp = ops.logsumexp
    norm = ops.norm
    # permutation
    adjoint = ops.adjoint
    flip = ops.flip
    fliplr = ops.fliplr
    flipud = ops.flipud
    moveaxis = ops.moveaxis
    movedim = ops.movedim
    permute = ops.permute
    roll = ops.roll
    rot90 = ops.rot90
    swapaxes = ops.swapaxes
    swapdims = ops.swapdims
    t = ops.t
    transpose = ops.transpose
    # powers
    hypot = ops.hypot
    pow = ops.pow
    reciprocal = ops.reciprocal
    rsqrt = ops.rsqrt
    sqrt = ops.sqrt
    square = ops.square
    # reduction
    all = ops.all
    any = ops.any
    count_nonzero = ops.count_nonzero
    mean = ops.mean
    prod = ops.prod
    sum = ops.sum
    # rounding
    ceil = ops.ceil
    div = ops.div
    floor = ops.floor
    floor_divide = ops.floor_divide
    fmod = ops.fmod
    frac = ops.frac
    remainder = ops.remainder
    round = ops.round
    trunc = ops.trunc
    # sampling
    bernoulli = ops.bernoulli
    multinomial = ops.multinomial
    # selection
    clamp = ops.clamp
    clamp_max = ops.clamp_max
    clamp_min = ops.clamp_min
    clip = ops.clip
    fmax = ops.fmax
    fmin = ops.fmin
    maximum = ops.maximum
    minimum = ops.minimum
    nan_to_num = ops.nan_to_num
    where = ops.where
    # shape
    broadcast_to = ops.broadcast_to
    contiguous = ops.contiguous
    expand = ops.expand
    expand_as = ops.expand_as
    flatten = ops.flatten
    ravel = ops.ravel
    reshape = ops.reshape
    reshape_as = ops.reshape_as
    squeeze = ops.squeeze
    unflatten = ops.unflatten
    unsqueeze = ops.unsqueeze
    view = ops.view
    view_as = ops.view_as
    # sorting
    argsort = ops.argsort
    sort = ops.sort
    topk = ops.topk
    unique = ops.unique
    # solving
    det = ops.det
    inverse = ops.inverse
    logdet = ops.logdet
    matrix_power = ops.matrix_power
    pinverse = ops.pinverse
    slogdet = ops.slogdet
    # special
    erfinv = ops.erfinv
    logit = ops.logit
    xlogy = ops.xlogy
    # statistics
    corrcoef = ops.corrcoef
    cov = ops.cov
    histc = ops.histc
    kthvalue = ops.kthvalue
    median = ops.median
    nanmean = ops.nanmean
    nansum = ops.nansum
    quantile = ops.quantile
    # trigonometry
    acos = ops.acos
    acosh = ops.acosh
    asin = ops.asin
    asinh = ops.asinh
    atan = ops.atan
    atan2 = ops.atan2
    atanh = ops.atanh
    cos = ops.cos
    cosh = ops.cosh
    deg2rad = ops.deg2rad
    rad2deg = ops.rad2deg
    sin = ops.sin
    sinh = ops.sinh
    tan = ops.tan
    tanh = ops.tanh
    # unfolding
    unfold = ops.unfold_windows


# The ops that have a form that writes its result into the tensor: x.add_(y) is x[...] = x + y.
IN_PLACE = (
    "abs", "absolute", "acos", "acosh", "add", "addcdiv", "addcmul", "addmm", "addmv", "asin", "asinh", "atan",
    "atan2", "atanh", "baddbmm", "bernoulli", "bitwise_and", "bitwise_left_shift", "bitwise_not", "bitwise_or",
    "bitwise_right_shift", "bitwise_xor", "ceil", "clamp", "clamp_max", "clamp_min", "clip", "copysign", "cos", "cosh",
    "cumprod", "cumsum", "deg2rad", "div", "divide", "eq", "erf", "erfinv", "exp", "exp2", "expm1", "floor",
    "floor_divide", "fmod", "frac", "ge", "greater", "greater_equal", "gt", "hypot", "index_add", "index_copy",
    "index_fill", "le", "lerp", "less", "less_equal", "log", "log10", "log1p", "log2", "logical_and", "logical_not",
    "logical_or", "logical_xor", "logit", "lt", "masked_fill", "masked_scatter", "mul", "multiply", "nan_to_num", "ne",
    "neg", "negative", "not_equal", "pow", "rad2deg", "reciprocal", "relu", "remainder", "round", "rsqrt", "scatter",
    "scatter_add", "scatter_reduce", "sigmoid", "sign", "sin", "sinh", "sqrt", "square", "squeeze", "sub", "subtract",
    "swapaxes", "swapdims", "t", "tan", "tanh", "transpose", "tril", "triu", "true_divide", "trunc", "unsqueeze",
    "xlogy",
)  # fmt: skip


def _in_place(name: str) -> Callable[..., Any]:
    function = getattr(ops, name)

    def method(self: OpMethods, *args: Any, **params: Any) -> Any:
        return inplace(function, self, *args, **params)

    method.__name__ = method.__qualname__ = f"{name}_"
    method.__doc__ = f"``x[...] = tp.{name}(x, ...)``; returns the tensor."
    return method


for _name in IN_PLACE:
    setattr(OpMethods, f"{_name}_", _in_place(_name))
