"""Every kernel in plain array API: the specification of the fast ones, and what runs where there is no fast one."""

from . import (
    arrays,
    attention,
    clip,
    conv,
    cumulative,
    elementwise,
    gather,
    indexing,
    linalg,
    nn,
    norm,
    optim,
    optim_adaptive,
    pooling,
    random,
    rnn,
)

FAMILIES = (
    arrays,
    attention,
    clip,
    conv,
    cumulative,
    elementwise,
    gather,
    indexing,
    linalg,
    nn,
    norm,
    optim,
    optim_adaptive,
    pooling,
    random,
    rnn,
)
