"""The profiler: what it records, how it adds up, what it leaves behind (nothing)."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny_pytorch as tp
from tiny_pytorch.autograd.recording import recording
from tiny_pytorch.profiler import Event, profile, record_function, session

METHODS = [
    (tp.optim.Optimizer, "step"),
    (tp.data.DataLoader, "__iter__"),
    (tp.autograd.Function, "apply"),
    (tp.nn.hooks.Hooked, "_hooks"),
    (tp.nn.hooks.Hooks, "call"),
]


@pytest.fixture(autouse=True)
def left_as_found() -> Any:
    before = [vars(owner)[name] for owner, name in METHODS]
    yield
    assert recording() is None
    assert [vars(owner)[name] for owner, name in METHODS] == before


def row(prof: profile, name: str) -> Any:
    (found,) = [row for row in prof.key_averages() if row.name == name]
    return found


def names(prof: profile) -> list[str]:
    return [event.name for event in prof.events()]


def assert_nested(events: list[Event]) -> None:
    """Children lie within their parents, and siblings do not overlap."""
    ends: dict[tuple[int, int], int] = {}
    for event in events:
        assert event.began <= event.ended
        if event.parent >= 0:
            parent = events[event.parent]
            assert parent.thread == event.thread
            assert parent.began <= event.began
            assert event.ended <= parent.ended
        assert event.began >= ends.get((event.thread, event.parent), 0)
        ends[event.thread, event.parent] = event.ended


def test_a_step_of_training() -> None:
    model = tp.nn.Sequential(tp.nn.Linear(5, 4), tp.nn.Tanh(), tp.nn.Linear(4, 3))
    optimizer = tp.optim.Adam(model.parameters())
    x, y = tp.ones(6, 5), tp.zeros(6, dtype=tp.int64)
    with profile() as prof:
        tp.nn.CrossEntropyLoss()(model(x), y).backward()
        optimizer.step()
    linear = row(prof, "linear")
    assert (linear.calls, linear.backward_calls, linear.is_op) == (2, 2, True)
    assert set(linear.shapes) == {((6, 5), (4, 5), (4,)), ((6, 4), (3, 4), (3,))}
    results, gradients = 6 * 4 + 6 * 3, (4 * 5 + 4) + (6 * 4 + 3 * 4 + 3)  # the data's own gradient is not needed
    assert linear.bytes == 4 * (results + gradients)
    assert row(prof, "backward").is_op is False
    assert row(prof, "Adam.step").calls == 1
    assert linear.total == pytest.approx(linear.forward + linear.backward)
    assert_nested(prof.events())


def test_a_rule_is_traced_to_its_op() -> None:
    x = tp.ones(2, 3, requires_grad=True)
    before = tp.exp(x)
    with profile() as prof:
        tp.sum(tp.exp(x) * before).backward()
    events = prof.events()
    rules = [event for event in events if event.kind == "backward"]
    assert [rule.name for rule in rules] == ["sum", "multiply", "exp", "exp"]
    for rule in rules[:3]:
        assert events[rule.origin].kind == "forward"
        assert events[rule.origin].name == rule.name
        assert rule.shapes == events[rule.origin].shapes
    assert (rules[3].origin, rules[3].shapes) == (-1, None)
    assert (row(prof, "exp").calls, row(prof, "exp").backward_calls) == (1, 2)


def test_several_outputs() -> None:
    x = tp.ones(4, 2, requires_grad=True)
    with profile() as prof:
        values, _ = tp.sort(x, dim=0)
        values.sum().backward()
    events = prof.events()
    (rule,) = [event for event in events if event.kind == "backward" and event.name == "sort"]
    assert events[rule.origin].name == "sort"


def test_views_take_no_memory() -> None:
    x = tp.ones(4, 2)
    with profile() as prof:
        x.reshape(8)
        x + 1.0
    assert row(prof, "reshape").bytes == 0 or not tp.backend.current().writes
    assert row(prof, "add").bytes == 32


def test_self_time_leaves_out_what_ran_inside() -> None:
    class Cube(tp.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return 3 * x * x * g

    x = tp.ones(3, requires_grad=True)
    with profile() as prof:
        Cube.apply(x).sum().backward()
    events = prof.events()
    cube, inner = row(prof, "Cube"), row(prof, "multiply")
    assert (cube.calls, cube.backward_calls, inner.calls, inner.backward_calls) == (1, 1, 5, 0)
    assert {events[e.parent].name for e in events if e.name == "multiply"} == {"Cube"}
    assert cube.total - cube.self_cpu_time_total == pytest.approx(inner.total)
    assert_nested(events)
    alone = sum(event.duration for event in events if event.parent < 0) / 1000
    assert sum(r.self_cpu_time_total for r in prof.key_averages()) == pytest.approx(alone)


def test_a_call_inside_its_own_rule_counts_once() -> None:
    x = tp.tensor(2.0, requires_grad=True)
    with profile() as prof:
        (first,) = tp.autograd.grad(x * x, x, create_graph=True)
        first.backward()
    events = prof.events()
    multiply = row(prof, "multiply")
    outer = [
        e.duration for e in events if e.name == "multiply" and (e.parent < 0 or events[e.parent].name != "multiply")
    ]
    assert len(outer) < multiply.calls + multiply.backward_calls
    assert multiply.total == pytest.approx(sum(outer) / 1000)
    with profile() as prof, record_function("again"), record_function("again"):
        pass
    again = row(prof, "again")
    assert (again.calls, again.forward) == (2, prof.events()[0].duration / 1000)
    assert again.self_forward == pytest.approx(again.total)


def test_results_are_those_without_it() -> None:
    def gradients() -> list[Any]:
        w, b = tp.ones(4, 3, requires_grad=True), tp.ones(4, requires_grad=True)
        (tp.nn.functional.linear(tp.arange(6.0).reshape(2, 3), w, b) + b).tanh().sum().backward()
        return [w.grad.tolist(), b.grad.tolist()]

    with profile():
        found = gradients()
    assert found == gradients()


@pytest.mark.parametrize("broken", ["forward", "backward"])
def test_errors_leave_no_trace(broken: str) -> None:
    class Broken(tp.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            if broken == "forward":
                raise KeyError("forward")
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            g * 2
            raise KeyError("backward")

    x = tp.ones(3, requires_grad=True)
    with profile() as prof:
        with pytest.raises(KeyError), record_function("attempt"):
            Broken.apply(x).sum().backward()
        with pytest.raises(RuntimeError):
            tp.ones(2) + tp.ones(3)
        tp.exp(x)
    last = prof.events()[-1]
    assert (last.name, last.parent) == ("exp", -1)
    assert_nested(prof.events())


def test_an_error_ends_the_profile() -> None:
    prof = profile(with_modules=True)
    with pytest.raises(ZeroDivisionError), prof, record_function("division"):
        1 / 0  # noqa: B018
    assert recording() is None
    assert names(prof) == ["division"]
    tp.exp(tp.ones(1))
    assert names(prof) == ["division"]


def test_profiles_nest_and_overlap() -> None:
    x = tp.ones(1)
    outer, inner = profile(), profile(record_shapes=False)
    with outer:
        tp.exp(x)
        with record_function("around"):
            with inner:
                tp.sin(x)
            tp.cos(x)
    assert names(outer) == ["exp", "around", "sin", "cos"]
    assert names(inner) == ["sin"]
    assert inner.events()[0].parent == -1
    outer.start()
    tp.exp(x)
    inner.start()
    outer.stop()
    tp.sin(x)
    inner.stop()
    assert (names(outer), names(inner)) == (["exp"], ["sin"])


def test_what_the_open_one_does_not_record_is_refused() -> None:
    with profile(profile_memory=False) as outer:
        with pytest.raises(RuntimeError, match="profile_memory=True"):
            profile().start()
        with pytest.raises(RuntimeError, match="open already"):
            outer.start()
        tp.exp(tp.ones(1))
    assert "bytes" not in str(outer)
    with pytest.raises(RuntimeError, match="not open"):
        outer.stop()


def test_every_thread_is_recorded() -> None:
    ready = threading.Barrier(2)

    def work() -> None:
        with record_function("work"):
            ready.wait()
            for _ in range(50):
                tp.exp(tp.ones(3))

    def other() -> None:
        with tp.backend.use(tp.backend.current().name):
            work()

    with profile() as prof:
        thread = threading.Thread(target=other, name="other")
        thread.start()
        work()
        thread.join()
    events = prof.events()
    assert {e.thread for e in events} == {threading.get_ident(), thread.ident}
    assert [events[e.parent].name for e in events if e.name == "exp"] == ["work"] * 100
    assert_nested(events)


programs = st.recursive(st.just("op"), lambda inner: st.lists(inner, max_size=4), max_leaves=12)


@given(programs)
def test_events_form_the_tree_of_calls(program: Any) -> None:
    expected = []

    def run(part: Any, parent: int) -> None:
        expected.append(parent)
        here = len(expected) - 1
        if part == "op":
            tp.exp(tp.ones(1))
            return
        with record_function("range"):
            for inner in part:
                run(inner, here)

    with profile() as prof:
        run(program, -1)
    assert [event.parent for event in prof.events()] == expected
    assert_nested(prof.events())


def test_the_chrome_trace(tmp_path: Path) -> None:
    model = tp.nn.Linear(3, 2)
    with profile() as prof, record_function("step"):
        model(tp.ones(4, 3)).sum().backward()
    prof.export_chrome_trace(tmp_path / "trace.json")
    prof.export_chrome_trace(tmp_path / "trace.json.gz")
    trace = json.loads((tmp_path / "trace.json").read_text())
    with gzip.open(tmp_path / "trace.json.gz", "rt") as file:
        assert json.load(file) == trace
    bars = [event for event in trace["traceEvents"] if event["ph"] == "X"]
    assert [bar["name"] for bar in bars] == ["step", "linear", "sum", "backward", "sum backward", "linear backward"]
    assert [bar["cat"] for bar in bars] == ["range", "forward", "forward", "range", "backward", "backward"]
    assert "args" not in bars[0]
    assert bars[1]["args"] == {"input shapes": "(4, 3) (2, 3) (2,)", "bytes": 32}
    open_until: list[float] = []
    for bar in bars:  # what begins inside a bar ends inside it
        assert bar["ts"] >= 0
        assert bar["dur"] >= 0
        while open_until and open_until[-1] <= bar["ts"]:
            open_until.pop()
        end = bar["ts"] + bar["dur"]
        assert not open_until or end <= open_until[-1] + 1e-6
        open_until.append(end)
    arrows = [event for event in trace["traceEvents"] if event["ph"] in "sf"]
    assert {arrow["ts"] for arrow in arrows} == {
        bar["ts"] for bar in bars if "linear" in bar["name"] or "sum" in bar["name"]
    }
    assert {event["args"]["name"] for event in trace["traceEvents"] if event["ph"] == "M"} == {
        "tiny_pytorch",
        threading.current_thread().name,
    }


def test_loaders_and_optimizers_are_rows() -> None:
    data = tp.data.TensorDataset(tp.arange(6))
    p = tp.ones(2, requires_grad=True)
    p.grad = tp.ones(2)
    with profile() as prof:
        assert [len(x) for (x,) in tp.data.DataLoader(data, batch_size=4)] == [4, 2]
        tp.optim.SGD([p]).step()
    assert row(prof, "DataLoader.next").calls == 3  # two batches, and the end
    assert row(prof, "SGD.step").calls == 1


def test_modules_are_ranges_if_asked_for() -> None:
    model = tp.nn.Sequential(tp.nn.Sequential(tp.nn.Linear(3, 2), tp.nn.ReLU()))
    with profile(with_modules=True) as prof:
        model(tp.ones(1, 3))
        handle = model[0][0].register_forward_hook(lambda module, args, y: y + 1)
        model[0][0](tp.ones(1, 3))
        handle.remove()
    found = [event.name for event in prof.events() if event.kind == "range"]
    assert found == ["Sequential", "0 (Sequential)", "0.0 (Linear)", "0.1 (ReLU)", "Linear"]


def test_ranges_outside_of_a_profile() -> None:
    @record_function("double")
    def double(x: int) -> int:
        """Twice."""
        return 2 * x

    assert double(3) == 6
    assert (double.__name__, double.__doc__) == ("double", "Twice.")
    with pytest.raises(TypeError, match="must be a str"):
        record_function(double)  # type: ignore[arg-type]


def test_a_range_that_outlives_the_profile() -> None:
    around = record_function("around")
    with profile() as prof:
        around.__enter__()
        tp.exp(tp.ones(1))
    around.__exit__()
    assert names(prof) == ["around", "exp"]
    assert_nested(prof.events())


def test_tables() -> None:
    x, y = tp.ones(2, 3), tp.ones(4)
    with profile() as prof:
        for _ in range(3):
            tp.exp(x)
        tp.exp(y)
        tp.sin(x)
    table = prof.key_averages().table(sort_by="count", row_limit=1).splitlines()
    assert table[0].split() == ["op", "calls", "forward", "backward", "self", "share", "bytes", "input", "shapes"]
    assert table[2].split()[:2] == ["exp", "4"]
    assert table[2].endswith("88 B  (2, 3)  (+1 others)")
    assert table[3] == "... and 1 more rows"
    by_shape = prof.key_averages(group_by_input_shape=True)
    assert [(r.name, r.calls, r.shapes) for r in by_shape] == [
        ("exp", 3, (((2, 3),),)),
        ("exp", 1, (((4,),),)),
        ("sin", 1, (((2, 3),),)),
    ]
    with pytest.raises(ValueError, match="cannot sort by 'name'"):
        by_shape.table(sort_by="name")
    with profile(record_shapes=False) as prof:
        pass
    assert "shapes" not in str(prof)
    with pytest.raises(ValueError, match="record_shapes=True"):
        prof.key_averages(group_by_input_shape=True)


@pytest.mark.numpy_only
@pytest.mark.parametrize("synchronize", [True, False])
def test_queued_work_is_waited_for_or_said_to_be_queued(
    synchronize: bool, monkeypatch: pytest.MonkeyPatch, backend: tp.backend.Backend
) -> None:
    waits: list[str] = []
    wait: Callable[[], None] = lambda: waits.append("wait")
    queueing = backend._replace(synchronize=wait)
    monkeypatch.setattr(session.backend, "current", lambda: queueing)
    with profile(synchronize=synchronize) as prof:
        tp.exp(tp.ones(1))
    assert len(waits) == (2 if synchronize else 0)
    assert ("synchronised" if synchronize else "LAUNCH TIMES") in str(prof)
