"""Every kernel in plain array API: the specification of the fast ones, and what runs where there is no fast one."""

from . import arrays, cumulative, elementwise, gather, indexing, linalg, nn, optim

FAMILIES = (arrays, cumulative, elementwise, gather, indexing, linalg, nn, optim)
