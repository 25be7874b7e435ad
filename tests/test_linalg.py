"""tp.linalg beside PyTorch's, and what has no gradient or no solution."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tiny_pytorch as tp

RNG = np.random.default_rng(0)
A, B = RNG.standard_normal((2, 4, 3)), RNG.standard_normal((3, 3))
S = B + B.T
torch = pytest.importorskip("torch")

ROWS = [
    *[lambda t, o=o: t.linalg.matrix_norm(t.tensor(A), o) for o in ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf)],
    lambda t: t.linalg.matrix_norm(t.tensor(A), 1, (0, 1), True),
    lambda t: t.linalg.norm(t.tensor(A)),
    lambda t: t.linalg.norm(t.tensor(B), 1),
    lambda t: t.linalg.norm(t.tensor(B), "nuc"),
    lambda t: t.linalg.norm(t.tensor(A), dim=-1),
    lambda t: t.linalg.norm(t.tensor(A), 3, 1, True),
    lambda t: t.linalg.norm(t.tensor(A), math.inf, (1, 2)),
    lambda t: t.linalg.vector_norm(t.tensor(A), 1, (0, 2)),
    lambda t: t.linalg.vecdot(t.tensor(A), t.tensor(A), dim=1),
    lambda t: t.linalg.multi_dot([t.tensor(A[0]), t.tensor(B), t.tensor(B[:, 0])]),
    lambda t: t.linalg.eigvalsh(t.tensor(S)),
    lambda t: t.linalg.eigvalsh(t.tensor(B), "U"),
    lambda t: t.linalg.svdvals(t.tensor(A)),
    lambda t: t.linalg.matrix_rank(t.tensor(A)),
    lambda t: t.linalg.pinv(t.tensor(A)),
    lambda t: t.linalg.inv(t.tensor(B)),
    lambda t: t.linalg.cholesky(t.tensor(B @ B.T), upper=True),
    lambda t: t.linalg.slogdet(t.tensor(B)).logabsdet,
]


@pytest.mark.parametrize("row", ROWS)
def test_what_pytorch_computes(row):
    np.testing.assert_allclose(row(tp).numpy(), row(torch).numpy(), rtol=1e-9, atol=1e-12)


def test_factors_multiply_to_the_matrix():
    a = tp.tensor(A)
    u, s, vh = tp.linalg.svd(a, full_matrices=False)
    np.testing.assert_allclose((u * s.unsqueeze(-2) @ vh).numpy(), A, atol=1e-12)
    assert [x.shape for x in tp.linalg.svd(a)] == [(2, 4, 4), (2, 3), (2, 3, 3)]
    q, r = tp.linalg.qr(a)
    np.testing.assert_allclose((q @ r).numpy(), A, atol=1e-12)
    w, v = tp.linalg.eigh(tp.tensor(S))
    np.testing.assert_allclose((v * w @ v.T).numpy(), S, atol=1e-12)


def test_what_has_no_gradient_says_so():
    x = tp.tensor(S, requires_grad=True)
    for function in (tp.linalg.svd, tp.linalg.qr, tp.linalg.eigh, tp.linalg.svdvals, tp.linalg.pinv):
        with pytest.raises(NotImplementedError, match="no gradient"):
            function(x)
        with tp.no_grad():
            function(x)


@pytest.mark.numpy_only
@pytest.mark.parametrize(
    "call",
    [
        lambda: tp.linalg.inv(tp.zeros(2, 2)),
        lambda: tp.linalg.inv(tp.zeros(2, 3)),
        lambda: tp.linalg.solve(tp.zeros(2, 2), tp.ones(2)),
        lambda: tp.linalg.solve(tp.eye(2), tp.ones(3)),
        lambda: tp.linalg.cholesky(-tp.eye(2)),
        lambda: tp.linalg.det(tp.ones(3)),
        lambda: tp.linalg.svd(tp.ones(3)),
        lambda: tp.linalg.svd(tp.full((2, 2), float("nan"))),
    ],
)
def test_what_has_no_solution_is_pytorchs_error(call):
    with pytest.raises(RuntimeError):
        call()


def test_unknown_settings():
    for call in (
        lambda: tp.linalg.matrix_norm(tp.eye(2), 3),
        lambda: tp.linalg.qr(tp.eye(2), "full"),
        lambda: tp.linalg.eigh(tp.eye(2), "X"),
        lambda: tp.linalg.multi_dot([tp.eye(2)]),
    ):
        with pytest.raises(ValueError, match=r"must be|at least"):
            call()
