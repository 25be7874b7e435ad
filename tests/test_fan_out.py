"""Values that are used many times: gradients that are summed in place must equal an out-of-place sum.

Random programs over matrices (3, 3) are differentiated by the engine and, beside it, by the few lines of NumPy
below, which never write into an array. No operation has a minus sign, so that the same program on absolute values
bounds every sum's rounding.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensors import host, tensor

import tiny_pytorch as tp

N = 3
Array = np.ndarray


class Triple(tp.autograd.Function):
    """``a + b + c``, whose rule hands one and the same tensor to all three."""

    @staticmethod
    def forward(ctx, a, b, c):
        return a + b + c

    @staticmethod
    def backward(ctx, g):
        return g, g, g


def rows(g: Array, index: list[int]) -> Array:
    result = np.zeros_like(g)
    np.add.at(result, index, g)
    return result


def only_row(g: Array, row: int) -> Array:
    return np.where(np.arange(N)[:, None] == row, g.sum(axis=0), 0.0)


# name -> how many inputs, on Tensors, on arrays, and the gradients of the inputs
Rule = Callable[..., tuple[Array, ...]]
OPERATIONS: dict[str, tuple[int, Callable[..., Any], Callable[..., Array], Rule]] = {
    "add": (2, lambda a, b: a + b, lambda a, b: a + b, lambda g, a, b: (g, g)),
    "twice": (1, lambda a: a + a, lambda a: a + a, lambda g, a: (g + g,)),
    "multiply": (2, lambda a, b: a * b * 0.25, lambda a, b: a * b * 0.25, lambda g, a, b: (g * b * 0.25, g * a * 0.25)),
    "square": (1, lambda a: a * a * 0.25, lambda a: a * a * 0.25, lambda g, a: (g * a * 0.5,)),
    "matmul": (
        2,
        lambda a, b: a @ b * 0.125,
        lambda a, b: a @ b * 0.125,
        lambda g, a, b: (g @ b.T * 0.125, a.T @ g * 0.125),
    ),
    "triple": (2, lambda a, b: Triple.apply(a, b, a), lambda a, b: a + b + a, lambda g, a, b: (g + g, g)),
    "transpose": (1, lambda a: a.T, lambda a: a.T, lambda g, a: (g.T,)),
    "backwards": (1, lambda a: a[::-1], lambda a: a[::-1], lambda g, a: (g[::-1],)),
    "reshaped": (1, lambda a: a.reshape(9).reshape(3, 3), lambda a: a, lambda g, a: (g,)),
    "first row": (
        1,
        lambda a: a[0].expand(N, N),
        lambda a: np.stack([a[0]] * N),
        lambda g, a: (only_row(g, 0),),
    ),
    "rows, one twice": (1, lambda a: a[[2, 0, 2]], lambda a: a[[2, 0, 2]], lambda g, a: (rows(g, [2, 0, 2]),)),
    "unbound": (1, lambda a: tp.stack(a.unbind()[::-1]), lambda a: a[::-1], lambda g, a: (g[::-1],)),
    "one output used": (1, lambda a: a.unbind()[1].expand(N, N), lambda a: np.stack([a[1]] * N),
                        lambda g, a: (only_row(g, 1),)),
    "clone": (1, lambda a: a.clone(), lambda a: a, lambda g, a: (g,)),
    "detached": (1, lambda a: a.detach() + a, lambda a: a + a, lambda g, a: (g,)),
}  # fmt: skip

programs = st.fixed_dictionaries({
    "leaves": st.integers(1, 3),
    "shared": st.booleans(),  # all leaves on one memory
    "steps": st.lists(
        st.tuples(st.sampled_from(sorted(OPERATIONS)), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=10
    ),
    "roots": st.lists(st.integers(0, 99), min_size=1, max_size=3),
    "dtype": st.sampled_from(["float32", "float64"]),
    "seed": st.integers(0, 10),
})  # fmt: skip


def sources(step: tuple[str, int, int], made: int) -> list[int]:
    """Which of the values made so far a step uses: the later ones rather than the earlier."""
    return [made - 1 - i % made if i % 3 else i % made for i in step[1 : 1 + OPERATIONS[step[0]][0]]]


def expected(program: dict, leaves: list[Array], seed: Array) -> list[Array]:
    """The gradients of all values, by sums out of place."""
    values = list(leaves)
    used = []
    for step in program["steps"]:
        used.append(sources(step, len(values)))
        values.append(OPERATIONS[step[0]][2](*(values[i] for i in used[-1])))
    terms: list[list[Array]] = [[] for _ in values]
    for root in program["roots"]:
        terms[root % len(values)].append(seed)
    zero = np.zeros((N, N))
    for place in reversed(range(len(leaves), len(values))):
        g = functools.reduce(lambda a, b: a + b, terms[place], zero)
        at = used[place - len(leaves)]
        for i, term in zip(at, OPERATIONS[program["steps"][place - len(leaves)][0]][3](g, *(values[i] for i in at)),
                           strict=True):  # fmt: skip
            terms[i].append(term)
    return [functools.reduce(lambda a, b: a + b, t, zero) for t in terms]


def run(program: dict, leaves: list[tp.Tensor]) -> list[tp.Tensor]:
    values = list(leaves)
    for step in program["steps"]:
        values.append(OPERATIONS[step[0]][1](*(values[i] for i in sources(step, len(values)))))
    return values


def given_values(program: dict) -> tuple[list[Array], Array]:
    rng = np.random.default_rng(program["seed"])
    arrays = [rng.uniform(-1, 1, (N, N)).astype(program["dtype"]) for _ in range(program["leaves"])]
    if program["shared"]:
        arrays = [arrays[0]] * len(arrays)
    return arrays, rng.uniform(-1, 1, (N, N)).astype(program["dtype"])


def check(program: dict, found: list[tp.Tensor], arrays: list[Array], seed: Array, times: int) -> None:
    wide, wide_seed = [a.astype("float64") for a in arrays], seed.astype("float64")
    exact = expected(program, wide, wide_seed)
    bound = expected(program, [abs(a) for a in wide], abs(wide_seed))
    eps = float(np.finfo(program["dtype"]).eps)
    for g, e, b in zip(found, exact, bound, strict=False):
        assert str(g.dtype) == program["dtype"]
        assert (abs(host(g) - times * e) <= 100 * eps * times * b).all()


@settings(max_examples=60)
@given(program=programs, times=st.integers(1, 3), retain=st.booleans())
def test_accumulated_gradients(program: dict, times: int, retain: bool) -> None:
    """`.grad` of every leaf, and of every other value if it is retained, after one or more passes; nothing else
    changes, and no two gradients share memory."""
    arrays, seed_array = given_values(program)
    shared = tensor(arrays[0].copy()) if program["shared"] else None
    leaves = [tensor(a.copy()) if shared is None else shared.detach() for a in arrays]
    for x in leaves:
        x.requires_grad = True
    seed = tensor(seed_array.copy())
    values = run(program, leaves)
    if retain:
        for value in values:
            value.retain_grad()
    before = [host(v).copy() for v in [*values, seed]]
    roots = [values[i % len(values)] for i in program["roots"]]
    for _ in range(times):
        tp.autograd.backward(roots, [seed] * len(roots), retain_graph=True)

    owners = values if retain else leaves
    found = [tp.zeros(N, N, dtype=x.dtype) if x.grad is None else x.grad for x in owners]
    check(program, found, arrays, seed_array, times)
    for value, was in zip([*values, seed], before, strict=True):
        np.testing.assert_array_equal(host(value), was)
    for a, b in itertools.combinations(found, 2):
        assert not np.shares_memory(host(a), host(b))
    for a, b in itertools.product(found, [*values, seed]):
        assert not np.shares_memory(host(a), host(b))


@settings(max_examples=40)
@given(program=programs, create_graph=st.booleans())
def test_returned_gradients(program: dict, create_graph: bool) -> None:
    """Those of all values at once, by `grad`, on arrays and on Tensors."""
    arrays, seed_array = given_values(program)
    leaves = [tensor(a.copy()) for a in arrays]
    for x in leaves:
        x.requires_grad = True
    values, seed = run(program, leaves), tensor(seed_array.copy())
    roots = [values[i % len(values)] for i in program["roots"]]
    found = tp.autograd.grad(roots, values, [seed] * len(roots), create_graph=create_graph, materialize_grads=True)
    check(program, list(found), arrays, seed_array, 1)
    np.testing.assert_array_equal(host(seed), seed_array)
    if not create_graph:
        for a, b in itertools.combinations([*found, seed], 2):
            assert not np.shares_memory(host(a), host(b))


@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_of_two_leaves_are_two(create_graph: bool) -> None:
    """Of ``a + b`` they are the same array, the starting gradient itself."""
    a, b, seed = tp.ones(2, requires_grad=True), tp.ones(2, requires_grad=True), tp.ones(2)
    (a + b).backward(seed, create_graph=create_graph)
    with tp.no_grad():
        a.grad.zero_()
        a.grad.add_(5.0)
    assert (a.grad.tolist(), b.grad.tolist(), seed.tolist()) == ([5.0, 5.0], [1.0, 1.0], [1.0, 1.0])


@pytest.mark.parametrize("uses", [1, 2, 3, 4, 10])
def test_one_leaf_many_times(uses: int) -> None:
    x = tp.ones(4, requires_grad=True)
    total = sum(i * x for i in range(uses))
    for passes in (1, 2):
        total.sum().backward(retain_graph=True)
        assert x.grad.tolist() == [float(passes * sum(range(uses)))] * 4


def test_a_saved_value_survives_the_accumulation() -> None:
    """The gradient of ``w`` is the saved array of ``x`` itself, times one: a second use must not add into it."""
    x, w = tp.ones(3, requires_grad=True), tp.full((3,), 2.0, requires_grad=True)
    y = (x * w).sum() + (x * w).sum() + w.sum() + x.sum()
    y.backward()
    assert (x.tolist(), w.tolist()) == ([1.0] * 3, [2.0] * 3)
    assert (x.grad.tolist(), w.grad.tolist()) == ([5.0] * 3, [3.0] * 3)


def test_a_gradient_given_by_hand_is_added_to() -> None:
    """As in PyTorch: whoever assigns a gradient shares it with the tensor."""
    x, own = tp.ones(2, requires_grad=True), tp.ones(2)
    x.grad = own
    (x * 3).sum().backward()
    assert x.grad is own
    assert own.tolist() == [4.0, 4.0]
