"""tiny_pytorch: PyTorch's feel in a NumPy-sized install.

    import tiny_pytorch as tp

Tensors and their functions are here; layers in ``tp.nn``, optimizers in ``tp.optim``, loaders and data sets in
``tp.data``, whole models in ``tp.models``, gradients in ``tp.autograd``, the array-API namespace in ``tp.array_api``,
where the time goes in ``tp.profiler``.
"""

import importlib as _importlib
import math as _math
from typing import TYPE_CHECKING as _TYPE_CHECKING

from . import autograd, backend
from .tensor import (
    Tensor,
    is_complex,
    is_floating_point,
    is_tensor,
    numel,
)  # before the function `tensor`, which takes the module's name
from .autograd import enable_grad, inference_mode, is_grad_enabled, no_grad, result_type, set_grad_enabled
from .backend import get_device as get_default_device, set_device as set_default_device
from .backend.crossing import debug_crossings
from .backend.devices import Device as device
from .backend.dtypes import DTYPES as _DTYPES, DType as dtype, get_default_dtype, set_default_dtype
from .config import config, get_num_threads, set_num_threads, show_config
from .ops import (
    abs, absolute, acos, acosh, add, addcdiv, addcmul, addmm, addmv, adjoint, all, allclose, alpha_dropout, amax, amin,
    aminmax, any, arange, argmax, argmin, argsort, argwhere, as_tensor, asarray, asin, asinh, atan, atan2, atanh,
    atleast_1d, atleast_2d, avg_pool1d, baddbmm, batch_norm, bernoulli, bilinear, binary_cross_entropy_with_logits,
    bincount, bitwise_and, bitwise_left_shift, bitwise_not, bitwise_or, bitwise_right_shift, bitwise_xor, block_diag,
    bmm, broadcast_shapes, broadcast_tensors, broadcast_to, bucketize, cartesian_prod, cat, cdist, ceil, celu,
    channel_shuffle, chunk, clamp, clamp_max, clamp_min, clip, clone, column_stack, combinations, concat, concatenate,
    conv1d, conv2d, conv_transpose1d, conv_transpose2d, copysign, corrcoef, cos, cosh, cosine_embedding_loss,
    cosine_similarity, count_nonzero, cov, cross, cumprod, cumsum, deg2rad, det, diag, diag_embed, diagonal, diff, div,
    divide, dot, dropout, dstack, einsum, embedding, embedding_bag, empty, empty_like, eq, equal, erf, erfinv, exp,
    exp2, expm1, eye, flatten, flip, fliplr, flipud, floor, floor_divide, fmax, fmin, fmod, frac, from_numpy, full,
    full_like, gather, ge, greater, greater_equal, group_norm, gru, gru_cell, gt, hardshrink, hinge_embedding_loss,
    histc, hsplit, hstack, hypot, index_add, index_copy, index_fill, index_select, inner, instance_norm, inverse,
    isclose, isfinite, isin, isinf, isnan, kl_div, kron, kthvalue, layer_norm, le, lerp, less, less_equal, linspace,
    log, log10, log1p, log2, log_softmax, logaddexp, logcumsumexp, logdet, logical_and, logical_not, logical_or,
    logical_xor, logit, logspace, logsumexp, lstm, lstm_cell, lt, margin_ranking_loss, masked_fill, masked_scatter,
    masked_select, matmul, matrix_power, max, max_pool1d, max_pool2d, maximum, mean, median, meshgrid, min, minimum,
    mm, moveaxis, movedim, mul, multinomial, multiply, mv, nan_to_num, nanmean, nansum, narrow, ne, neg, negative,
    nonzero, norm, normal, not_equal, ones, ones_like, outer, pairwise_distance, permute, pinverse, pixel_shuffle,
    pixel_unshuffle, poisson_nll_loss, positive, pow, prelu, prod, quantile, rad2deg, rand, rand_like, randint,
    randint_like, randn, randn_like, randperm, ravel, reciprocal, relu, relu_, remainder, repeat_interleave, reshape,
    rms_norm, rnn_relu, rnn_relu_cell, rnn_tanh, rnn_tanh_cell, roll, rot90, round, row_stack, rrelu, rsqrt, scatter,
    scatter_add, scatter_reduce, searchsorted, select, selu, sigmoid, sign, sin, sinh, slogdet, softmax, sort, split,
    sqrt, square, squeeze, stack, std, std_mean, sub, subtract, sum, swapaxes, swapdims, t, take, take_along_dim, tan,
    tanh, tensor, tensor_split, tensordot, threshold, tile, topk, trace, transpose, tril, tril_indices,
    triplet_margin_loss, triu, triu_indices, true_divide, trunc, unbind, unflatten, unique, unsqueeze, var, var_mean,
    vdot, vsplit, vstack, where, xlogy, zeros, zeros_like,
)  # fmt: skip
from .printing import set_printoptions
from .random import Generator, default_generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state
from .version import __version__

if _TYPE_CHECKING:
    from . import (
        amp, array_api, backends, cuda, data, distributions, func, jit, linalg, models, nn, optim, profiler, testing,
        utils,
    )  # fmt: skip
    from .amp import GradScaler, autocast, get_autocast_dtype, is_autocast_enabled
    from .array_api import finfo, from_dlpack, iinfo
    from .func import vmap
    from .serialization import load, save
    from .switches import (
        are_deterministic_algorithms_enabled, compile, get_float32_matmul_precision, set_float32_matmul_precision,
        use_deterministic_algorithms,
    )  # fmt: skip
    from .typed import (
        BoolTensor, ByteTensor, DoubleTensor, FloatTensor, HalfTensor, IntTensor, LongTensor, ShortTensor,
        set_default_tensor_type,
    )  # fmt: skip

# What is loaded when it is first used, so that the import stays near NumPy's own.
_PARTS = (
    "amp", "array_api", "backends", "cuda", "data", "distributions", "func", "jit", "linalg", "models", "nn", "optim",
    "profiler", "serialization", "switches", "testing", "typed", "utils",
)  # fmt: skip
_PLACES = {
    "GradScaler": "amp", "autocast": "amp", "get_autocast_dtype": "amp", "is_autocast_enabled": "amp",
    "finfo": "array_api", "from_dlpack": "array_api", "iinfo": "array_api",
    "vmap": "func", "load": "serialization", "save": "serialization",
    **dict.fromkeys(("compile", "use_deterministic_algorithms", "are_deterministic_algorithms_enabled"), "switches"),
    **dict.fromkeys(("set_float32_matmul_precision", "get_float32_matmul_precision"), "switches"),
    **dict.fromkeys(("FloatTensor", "DoubleTensor", "HalfTensor", "ByteTensor", "ShortTensor"), "typed"),
    **dict.fromkeys(("IntTensor", "LongTensor", "BoolTensor", "set_default_tensor_type"), "typed"),
}  # fmt: skip


def __getattr__(name: str) -> object:
    if name in _PARTS:
        return _importlib.import_module(f"{__name__}.{name}")
    if name in _PLACES:
        return getattr(__getattr__(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_PARTS, *_PLACES])


int8, int16, int32, int64 = _DTYPES["int8"], _DTYPES["int16"], _DTYPES["int32"], _DTYPES["int64"]
uint8, uint16, uint32, uint64 = _DTYPES["uint8"], _DTYPES["uint16"], _DTYPES["uint32"], _DTYPES["uint64"]
float16, bfloat16, float32, float64 = (
    _DTYPES["float16"],
    _DTYPES["bfloat16"],
    _DTYPES["float32"],
    _DTYPES["float64"],
)
complex64, complex128 = _DTYPES["complex64"], _DTYPES["complex128"]
half, double, short, long = float16, float64, int16, int64
Size = tuple  # what a shape is
# Orders of memory, for scripts that name one: tensors here are in row-major order.
contiguous_format, preserve_format, channels_last, strided = "contiguous", "preserve", "channels_last", "strided"
pi, e, inf, nan, newaxis = _math.pi, _math.e, _math.inf, _math.nan, None

# Last, since they hide the builtins of the same names.
bool, int, float = _DTYPES["bool"], int32, float32
