"""Rows of `ops/linalg.py` and `ops/contraction.py`."""

from __future__ import annotations

import numpy as np

from .case import Case, floats


def product(name, *shapes, reference=np.matmul, variant="", empty=None):
    """``t.name(a, b)``."""
    return Case(
        name,
        lambda t, a, b: getattr(t, name)(a, b),
        reference,
        tuple(floats(*s) for s in shapes),
        variant,
        empty=empty,
    )


def einsum(equation, *shapes):
    """``t.einsum(equation, ...)``."""
    return Case("einsum", lambda t, *xs: t.einsum(equation, *xs), lambda *xs: np.einsum(equation, *xs),
                tuple(floats(*s) for s in shapes), equation)  # fmt: skip


three = (floats(2, 3), floats(2, 4), floats(4, 3))

CASES = [
    product("matmul", (2, 3), (3, 4), empty=((0, 3), (3, 4))),
    product("matmul", (2, 3), (3, 4), variant="nothing to add up", empty=((2, 0), (0, 4))),
    product("matmul", (3,), (3,), variant="1x1"),
    product("matmul", (3,), (3, 2), variant="1x2"),
    product("matmul", (2, 3), (3,), variant="2x1"),
    product("matmul", (2, 2, 3), (3, 2), variant="3x2"),
    product("matmul", (2, 3), (2, 3, 2), variant="2x3"),
    product("matmul", (2, 1, 2, 3), (3, 3, 2), variant="broadcast"),
    product("matmul", (3,), (2, 3, 2), variant="1x3"),
    product("matmul", (2, 2, 3), (3,), variant="3x1"),
    Case("matmul", lambda t, a, b: a @ b, np.matmul, (floats(1, 3), floats(3, 1)), "operator"),
    product("mm", (2, 3), (3, 2)),
    product("bmm", (2, 2, 3), (2, 3, 2), empty=((0, 2, 3), (0, 3, 2))),
    product("mv", (2, 3), (3,)),
    product("dot", (3,), (3,)),
    product("outer", (2,), (3,), reference=np.outer),
    product("inner", (2, 3), (4, 3), reference=np.inner),
    product("kron", (2, 2), (1, 3), reference=np.kron),
    product("tensordot", (2, 3, 2), (3, 2, 2), reference=np.tensordot),
    Case("tensordot", lambda t, a, b: t.tensordot(a, b, dims=([0], [1])),
         lambda a, b: np.tensordot(a, b, ([0], [1])),
         (floats(2, 3), floats(3, 2)), "axes"),
    Case("trace", lambda t, a: t.trace(a), np.trace, (floats(2, 3),)),
    Case("addmm", lambda t, c, a, b: t.addmm(c, a, b, beta=0.5, alpha=2),
         lambda c, a, b: 0.5 * c + 2 * a @ b, three),
    Case("addmv", lambda t, c, a, b: t.addmv(c, a, b), lambda c, a, b: c + a @ b,
         (floats(2), floats(2, 3), floats(3))),
    Case("baddbmm", lambda t, c, a, b: t.baddbmm(c, a, b), lambda c, a, b: c + a @ b,
         (floats(2, 2, 2), floats(2, 2, 3), floats(2, 3, 2))),
    einsum("ij,jk->ik", (2, 3), (3, 2)),
    einsum("bij,bjk->bik", (2, 2, 3), (2, 3, 2)),
    einsum("ij->ji", (2, 3)),
    einsum("ij->", (2, 3)),
    einsum("ii->i", (3, 3)),
    einsum("i,i", (3,), (3,)),
    einsum("i,j->ij", (2,), (3,)),
    einsum("...i,...i->...", (2, 3), (3,)),
    einsum("ij,jk,kl->il", (2, 2), (2, 3), (3, 2)),
    einsum("bhqd,bhkd->bhqk", (1, 2, 2, 2), (1, 2, 3, 2)),
    Case("nn.functional.linear", lambda t, x, w, b: t.nn.functional.linear(x, w, b),
         lambda x, w, b: x @ w.T + b,
         (floats(2, 3), floats(4, 3), floats(4)), empty=((0, 3), (4, 3), (4,))),
    Case("nn.functional.linear_relu", lambda t, x, w, b: t.nn.functional.linear_relu(x, w, b),
         lambda x, w, b: np.maximum(x @ w.T + b, 0), (floats(2, 3, 4), floats(5, 4), floats(5)), torch=False),
    Case("nn.functional.linear_relu", lambda t, x, w: t.nn.functional.linear_relu(x, w, None),
         lambda x, w: np.maximum(x @ w.T, 0), (floats(3, 4), floats(5, 4)), "without bias", torch=False),
    Case("nn.functional.linear", lambda t, x, w: t.nn.functional.linear(x, w), lambda x, w: x @ w.T,
         (floats(2, 2, 3), floats(4, 3)), "no bias"),
    Case("nn.functional.linear", lambda t, x, w, b: t.nn.functional.linear(x, w, b),
         lambda x, w, b: x @ w.T + b,
         (floats(3), floats(4, 3), floats(4)), "vector"),
    Case("bilinear", lambda t, a, b, w, c: t.bilinear(a, b, w, c),
         lambda a, b, w, c: np.einsum("ni,oij,nj->no", a, w, b) + c,
         (floats(2, 3), floats(2, 2), floats(4, 3, 2), floats(4))),
]  # fmt: skip
