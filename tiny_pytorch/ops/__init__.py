"""What can be computed: each op's forward beside its gradient, one file per family.

This module is all the families' public functions under PyTorch's names. The faces (``tp.*``, Tensor methods,
``nn.functional``, ``tp.array_api``) are names for them.
"""

from .activation import (
    elu,
    gelu,
    glu,
    leaky_relu,
    log_softmax,
    logsigmoid,
    mish,
    relu,
    relu_,
    sigmoid,
    silu,
    softmax,
    softmin,
    softplus,
    softsign,
    tanhshrink,
)  # fmt: skip
from .adaptive_pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_max_pool1d, adaptive_max_pool2d
from .alpha_dropout import alpha_dropout, gumbel_softmax
from .attention import packed_attention, scaled_dot_product_attention
from .bent import celu, hardsigmoid, hardswish, hardtanh, prelu, relu6, selu, threshold
from .class_margin_loss import (
    multi_margin_loss,
    multilabel_margin_loss,
    soft_margin_loss,
    triplet_margin_with_distance_loss,
)
from .combining import block_diag, cartesian_prod, combinations, diag_embed, tril_indices, triu_indices
from .comparison import (
    allclose,
    bitwise_and,
    bitwise_left_shift,
    bitwise_not,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
    eq,
    equal,
    ge,
    greater,
    greater_equal,
    gt,
    isclose,
    isfinite,
    isinf,
    isnan,
    le,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    lt,
    ne,
    not_equal,
)  # fmt: skip
from .contraction import bilinear, einsum, inner, tensordot, trace
from .conv import conv1d, conv1d_relu, conv2d, conv2d_relu
from .conv_transpose import conv_transpose1d, conv_transpose2d
from .conversion import as_tensor, asarray, from_numpy, tensor
from .copying import clone
from .creation import (
    arange,
    empty,
    empty_like,
    eye,
    full,
    full_like,
    linspace,
    logspace,
    meshgrid,
    ones,
    ones_like,
    tril,
    triu,
    zeros,
    zeros_like,
)  # fmt: skip
from .cross_entropy import cross_entropy, nll_loss
from .cumulative import cumprod, cumsum
from .diagonals import diag, diagonal
from .differences import cross, diff, logcumsumexp
from .distance import cdist, cosine_similarity, pairwise_distance
from .dropout import dropout, dropout1d, dropout2d, dropout3d
from .elementwise import (
    abs,
    absolute,
    add,
    addcdiv,
    addcmul,
    copysign,
    divide,
    erf,
    exp,
    exp2,
    expm1,
    lerp,
    log,
    log1p,
    log2,
    log10,
    logaddexp,
    mul,
    multiply,
    neg,
    negative,
    positive,
    sign,
    sub,
    subtract,
    true_divide,
)  # fmt: skip
from .embedding_bag import embedding_bag
from .extrema import ValuesIndices, amax, amin, aminmax, argmax, argmin, max, min
from .factorisation import eigh, eigvalsh, matrix_rank, pinverse, qr, svd, svdvals
from .filling import index_copy, index_fill, masked_scatter, scatter_reduce
from .gathering import (
    bincount,
    embedding,
    gather,
    index_add,
    index_select,
    one_hot,
    scatter,
    scatter_add,
    take,
    take_along_dim,
)  # fmt: skip
from .grid import affine_grid, grid_sample
from .indexing import getitem, getitem_adjoint, index_put, narrow, parse_index, select, setitem, take_part
from .interpolation import interpolate
from .joining import (
    cat,
    chunk,
    column_stack,
    concat,
    concatenate,
    dstack,
    hsplit,
    hstack,
    repeat,
    repeat_interleave,
    row_stack,
    split,
    stack,
    tensor_split,
    tile,
    unbind,
    vsplit,
    vstack,
)  # fmt: skip
from .likelihood import gaussian_nll_loss, poisson_nll_loss
from .linalg import addmm, addmv, baddbmm, bmm, dot, kron, linear, linear_relu, matmul, mm, mv, outer, vdot
from .loss import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    smooth_l1_loss,
)  # fmt: skip
from .margin_loss import (
    cosine_embedding_loss,
    hinge_embedding_loss,
    margin_ranking_loss,
    multilabel_soft_margin_loss,
    triplet_margin_loss,
)  # fmt: skip
from .masking import argwhere, masked_fill, masked_select, nonzero
from .moments import std, std_mean, var, var_mean
from .naming import normalize_axes, normalize_axis
from .norm import batch_norm, group_norm, layer_norm, rms_norm
from .norms import logsumexp, norm, normalize
from .padding import pad
from .permutation import (
    adjoint,
    flip,
    fliplr,
    flipud,
    moveaxis,
    movedim,
    mT,
    permute,
    roll,
    rot90,
    swapaxes,
    swapdims,
    t,
    transpose,
)  # fmt: skip
from .pixels import channel_shuffle, pixel_shuffle, pixel_unshuffle
from .pooling import avg_pool1d, avg_pool2d, max_pool1d, max_pool2d
from .powers import hypot, pow, reciprocal, rsqrt, sqrt, square
from .reduction import all, any, count_nonzero, mean, prod, sum
from .response_norm import instance_norm, local_response_norm
from .rnn import gru, gru_cell, lstm, lstm_cell, rnn_relu, rnn_relu_cell, rnn_tanh, rnn_tanh_cell
from .rounding import ceil, div, floor, floor_divide, fmod, frac, remainder, round, trunc
from .sampling import (
    bernoulli,
    multinomial,
    normal,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    randperm,
)  # fmt: skip
from .searching import bucketize, isin, searchsorted
from .selection import clamp, clamp_max, clamp_min, clip, fmax, fmin, maximum, minimum, nan_to_num, where
from .shape import (
    atleast_1d,
    atleast_2d,
    broadcast_shapes,
    broadcast_tensors,
    broadcast_to,
    contiguous,
    expand,
    expand_as,
    flatten,
    ravel,
    reshape,
    reshape_as,
    squeeze,
    unflatten,
    unsqueeze,
    view,
    view_as,
)  # fmt: skip
from .shrinkage import hardshrink, rrelu, softshrink
from .solving import cholesky, det, inverse, logdet, matrix_power, slogdet, solve
from .sorting import argsort, sort, topk, unique
from .special import erfinv, logit, xlogy
from .statistics import corrcoef, cov, histc, kthvalue, median, nanmean, nansum, quantile
from .trigonometry import (
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    cos,
    cosh,
    deg2rad,
    rad2deg,
    sin,
    sinh,
    tan,
    tanh,
)
from .unfolding import fold, unfold, unfold_windows

__all__ = [
    "ValuesIndices", "abs", "absolute", "acos", "acosh", "adaptive_avg_pool1d", "adaptive_avg_pool2d",
    "adaptive_max_pool1d", "adaptive_max_pool2d", "add", "addcdiv", "addcmul", "addmm", "addmv", "adjoint",
    "affine_grid", "all", "allclose", "alpha_dropout", "amax", "amin", "aminmax", "any", "arange", "argmax", "argmin",
    "argsort", "argwhere", "as_tensor", "asarray", "asin", "asinh", "atan", "atan2", "atanh", "atleast_1d",
    "atleast_2d", "avg_pool1d", "avg_pool2d", "baddbmm", "batch_norm", "bernoulli", "bilinear", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "bincount", "bitwise_and", "bitwise_left_shift", "bitwise_not", "bitwise_or",
    "bitwise_right_shift", "bitwise_xor", "block_diag", "bmm", "broadcast_shapes", "broadcast_tensors", "broadcast_to",
    "bucketize", "cartesian_prod", "cat", "cdist", "ceil", "celu", "channel_shuffle", "cholesky", "chunk", "clamp",
    "clamp_max", "clamp_min", "clip", "clone", "column_stack", "combinations", "concat", "concatenate", "contiguous",
    "conv1d", "conv1d_relu", "conv2d", "conv2d_relu", "conv_transpose1d", "conv_transpose2d", "copysign", "corrcoef",
    "cos", "cosh", "cosine_embedding_loss", "cosine_similarity", "count_nonzero", "cov", "cross", "cross_entropy",
    "cumprod", "cumsum", "deg2rad", "det", "diag", "diag_embed", "diagonal", "diff", "div", "divide", "dot", "dropout",
    "dropout1d", "dropout2d", "dropout3d", "dstack", "eigh", "eigvalsh", "einsum", "elu", "embedding", "embedding_bag",
    "empty", "empty_like", "eq", "equal", "erf", "erfinv", "exp", "exp2", "expand", "expand_as", "expm1", "eye",
    "flatten", "flip", "fliplr", "flipud", "floor", "floor_divide", "fmax", "fmin", "fmod", "fold", "frac",
    "from_numpy", "full", "full_like", "gather", "gaussian_nll_loss", "ge", "gelu", "getitem", "getitem_adjoint",
    "glu", "greater", "greater_equal", "grid_sample", "group_norm", "gru", "gru_cell", "gt", "gumbel_softmax",
    "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "hinge_embedding_loss", "histc", "hsplit", "hstack",
    "huber_loss", "hypot", "index_add", "index_copy", "index_fill", "index_put", "index_select", "inner",
    "instance_norm", "interpolate", "inverse", "isclose", "isfinite", "isin", "isinf", "isnan", "kl_div", "kron",
    "kthvalue", "l1_loss", "layer_norm", "le", "leaky_relu", "lerp", "less", "less_equal", "linear", "linear_relu",
    "linspace", "local_response_norm", "log", "log10", "log1p", "log2", "log_softmax", "logaddexp", "logcumsumexp",
    "logdet", "logical_and", "logical_not", "logical_or", "logical_xor", "logit", "logsigmoid", "logspace",
    "logsumexp", "lstm", "lstm_cell", "lt", "mT", "margin_ranking_loss", "masked_fill", "masked_scatter",
    "masked_select", "matmul", "matrix_power", "matrix_rank", "max", "max_pool1d", "max_pool2d", "maximum", "mean",
    "median", "meshgrid", "min", "minimum", "mish", "mm", "moveaxis", "movedim", "mse_loss", "mul",
    "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss", "multinomial", "multiply", "mv",
    "nan_to_num", "nanmean", "nansum", "narrow", "ne", "neg", "negative", "nll_loss", "nonzero", "norm", "normal",
    "normalize", "normalize_axes", "normalize_axis", "not_equal", "one_hot", "ones", "ones_like", "outer",
    "packed_attention", "pad", "pairwise_distance", "parse_index", "permute", "pinverse", "pixel_shuffle",
    "pixel_unshuffle", "poisson_nll_loss", "positive", "pow", "prelu", "prod", "qr", "quantile", "rad2deg", "rand",
    "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "ravel", "reciprocal", "relu", "relu6",
    "relu_", "remainder", "repeat", "repeat_interleave", "reshape", "reshape_as", "rms_norm", "rnn_relu",
    "rnn_relu_cell", "rnn_tanh", "rnn_tanh_cell", "roll", "rot90", "round", "row_stack", "rrelu", "rsqrt",
    "scaled_dot_product_attention", "scatter", "scatter_add", "scatter_reduce", "searchsorted", "select", "selu",
    "setitem", "sigmoid", "sign", "silu", "sin", "sinh", "slogdet", "smooth_l1_loss", "soft_margin_loss", "softmax",
    "softmin", "softplus", "softshrink", "softsign", "solve", "sort", "split", "sqrt", "square", "squeeze", "stack",
    "std", "std_mean", "sub", "subtract", "sum", "svd", "svdvals", "swapaxes", "swapdims", "t", "take",
    "take_along_dim", "take_part", "tan", "tanh", "tanhshrink", "tensor", "tensor_split", "tensordot", "threshold",
    "tile", "topk", "trace", "transpose", "tril", "tril_indices", "triplet_margin_loss",
    "triplet_margin_with_distance_loss", "triu", "triu_indices", "true_divide", "trunc", "unbind", "unflatten",
    "unfold", "unfold_windows", "unique", "unsqueeze", "var", "var_mean", "vdot", "view", "view_as", "vsplit",
    "vstack", "where", "xlogy", "zeros", "zeros_like",
]  # fmt: skip
