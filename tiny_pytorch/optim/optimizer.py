"""What every optimizer shares: parameter groups, state, and the step over them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from ..autograd import StepPlan, assign, collect, drop_gradients, enable_grad, leaf
from ..backend import at, kernels
from ..tensor import Tensor
from . import state_dict
from .columns import (
    Array,
    Arrays,
    Collected,
    State,
    by_device,
    check_gradients,
    check_writeable,
    write_params,
    write_state,
)
from .groups import Params, check_distinct, to_groups, to_tensors
from .hyperparameters import Group, refuse_unsupported
from .rule import Rule

__all__ = ["Optimizer"]

# Of a group that was never checked. No hyper-parameters equal it, not even none.
NOT_CHECKED: tuple[Any, Group] = (object(), {})


def no_values(group: Group) -> tuple[()]:
    """The hyper-parameters of an algorithm that has none."""
    return ()


def copy_lists(values: Any) -> Any:
    """Hyper-parameters as ``itemgetter`` gives them, one or a tuple, with lists that nobody else can change."""
    if isinstance(values, tuple):
        return tuple([list(v) if isinstance(v, list) else v for v in values])
    return list(values) if isinstance(values, list) else values


class Optimizer:
    """Base class of the optimizers: it holds parameters in groups, and each parameter's state.

    An algorithm passes its hyper-parameters as ``defaults`` and defines up to four methods:

    * ``check(group)``: its hyper-parameters, checked and in their proper types;
    * ``state_names(group)``: the names of the state that a step reads;
    * ``new_state(k, array, group)``: the state of one parameter before its first step;
    * ``update(k, params, grads, state, group)``: one step of many parameters; or, where that is a call of one kernel,
      ``rule(group)``: which, and what with.

    Parameters
    ----------
    params : iterable of Tensors, of (name, Tensor) pairs, or of dicts
        Leaves that require a gradient. A dict is a group: ``"params"``, and hyper-parameters in place of the
        defaults.
    defaults : dict, optional
        The hyper-parameters of groups that do not have their own.

    Attributes
    ----------
    param_groups : list of dict
        Hyper-parameters can be changed there at any time: ``optimizer.param_groups[0]["lr"] = 0.1``.
    state : dict
        For each parameter that was updated, a dict of Tensors.
    defaults : dict
        As passed.

    Raises
    ------
    TypeError
        If ``params`` is a single Tensor, or holds something else than Tensors.
    ValueError
        If it is empty, or a Tensor cannot be optimized or comes twice.

    Examples
    --------
    An optimizer in four lines:

    >>> import tiny_pytorch as tp
    >>> class SignDescent(tp.optim.Optimizer):
    ...     def update(self, k, params, grads, state, group):
    ...         return [p - group["lr"] * k.xp.sign(g) for p, g in zip(params, grads)], {}
    >>> p = tp.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = SignDescent([p], {"lr": 0.5})
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p.tolist()
    [0.5, -1.5]
    """

    def __init__(self, params: Params, defaults: dict[str, Any] | None = None) -> None:
        self.defaults: dict[str, Any] = dict(defaults or {})
        self.state: defaultdict[Tensor, State] = defaultdict(dict)
        self.param_groups: list[Group] = []
        # For each group, by id: its hyper-parameters when last checked, and what check() made of them.
        self._checked: dict[int, tuple[Any, Group]] = {}
        self._values = itemgetter(*self.defaults) if self.defaults else no_values
        self._plan = StepPlan(self.defaults)
        for group in to_groups(params):
            self.add_param_group(group)

    def check(self, group: Group) -> Group:
        """The hyper-parameters of a group in their proper types, for ``update``; raises if one is wrong."""
        return {name: group[name] for name in self.defaults}

    def state_names(self, group: Group) -> tuple[str, ...]:
        """The names of the state that a step reads, for these hyper-parameters."""
        return ()

    def new_state(self, k: Any, array: Array, group: Group) -> dict[str, Array | None]:
        """The state of a parameter whose values are ``array``, before its first step: raw arrays, or None."""
        return {}

    def rule(self, group: Group) -> Rule | None:
        """The kernel that ``update`` calls, for these hyper-parameters; None in an algorithm with an ``update`` of its
        own."""
        return None

    def update(
        self, k: Any, params: Arrays, grads: Arrays, state: dict[str, Sequence[Any]], group: Group
    ) -> tuple[Arrays, dict[str, Arrays]]:
        """One step on raw arrays: the new parameters and the new state.

        ``k`` is the table of kernels, ``group`` what ``check`` returned. ``state`` has one list for each
        name. A kernel that works in place returns the lists that it was given.
        """
        rule = self.rule(group)
        if rule is None:
            raise NotImplementedError(f"{type(self).__name__} defines neither step() nor update() nor rule()")
        lists, numbers = [state.get(name) for name in rule.state], [group[name] for name in rule.numbers]
        params, *new = getattr(k, rule.kernel)(params, grads, *lists, *numbers)
        return params, {name: column for name, column in zip(rule.state, new, strict=True) if column is not None}

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters, for instance those of a layer that was frozen.

        Parameters
        ----------
        param_group : dict
            ``"params"``, and hyper-parameters in place of the defaults. Other keys are kept.

        Raises
        ------
        TypeError, ValueError
            As the constructor; nothing is added then.
        """
        if not isinstance(param_group, dict) or "params" not in param_group:
            raise TypeError(f"a parameter group must be a dict with the key 'params', got {param_group!r}")
        tensors, names = to_tensors(param_group["params"])
        check_distinct([p for group in self.param_groups for p in group["params"]] + tensors)
        group = {**self.defaults, **param_group, "params": tensors}
        if names is not None:
            group["param_names"] = names
        refuse_unsupported(group, self.defaults)
        self.check(group)
        self.param_groups.append(group)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient, in place. Gradients are left as they are.

        Parameters
        ----------
        closure : callable, optional
            Called first, with gradients on, to compute the loss again.

        Returns
        -------
        object
            What the closure returned, else None.

        Raises
        ------
        TypeError, ValueError
            If a hyper-parameter is wrong, or a gradient has another shape or dtype than its parameter.
            Nothing is changed then.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        if not self._plan.take(self):
            self._step()
        return loss

    def _step(self) -> None:
        """The step, whatever the arrays are: state that is missing is made, kernels get lists."""
        work = [self._collect(group) for group in self.param_groups]
        if len(work) > 1:  # of one group, the kernel checks the arrays before it changes any
            for _, (_, arrays, grads, _, _) in work:
                check_gradients(arrays, grads)
        placed = [(group, by_device(collected)) for group, collected in work if collected[0]]
        for group, parts in placed:
            for k, part in parts:
                self._update(k, group, *part)

    def _check(self, group: Group) -> Group:
        """A group's hyper-parameters, checked again if they have changed."""
        values = self._values(group)
        known, checked = self._checked.get(id(group), NOT_CHECKED)
        if values != known:
            checked = self.check(group)
            # A list may be changed where it is: what it holds now is remembered.
            self._checked[id(group)] = copy_lists(values), checked
        return checked

    def _collect(self, group: Group) -> tuple[Group, Collected]:
        """A group's hyper-parameters, checked, and its parameters that have a gradient."""
        checked = self._check(group)
        collected = collect(group["params"], self.state, self.state_names(checked))
        if group.get("maximize"):
            params, arrays, grads, states, columns = collected
            return checked, (params, arrays, [-g for g in grads], states, columns)
        return checked, collected

    def _compiled(self, group: Group) -> tuple[Any, tuple[str | None, ...], list[float]] | None:
        """For the plan of steps: the compiled rule of a group, the names of its state or None, and its numbers."""
        checked = self._check(group)
        rule, names = self.rule(checked), self.state_names(checked)
        if rule is None or group.get("maximize") or type(self).update is not Optimizer.update:
            return None
        compiled = rule.compiled(kernels())
        if compiled is None:
            return None
        return compiled, tuple([n if n in names else None for n in rule.state]), [checked[n] for n in rule.numbers]

    def _update(
        self,
        k: Any,
        group: Group,
        params: list[Tensor],
        arrays: Arrays,
        grads: Arrays,
        states: Sequence[Any],
        columns: dict[str, Arrays] | None,
    ) -> None:
        complete = columns is not None
        if columns is None:
            names = self.state_names(group)
            states = [self._complete(k, s, a, names, group) for s, a in zip(states, arrays, strict=True)]
            columns = {name: [None if s[name] is None else s[name].array for s in states] for name in names}
        new_arrays, new_columns = self.update(k, arrays, grads, columns, group)
        if new_arrays is not arrays:
            check_writeable(k, arrays)
        # Nothing fails from here on.
        if not complete:
            self.state.update(zip(params, states, strict=True))
        write_params(params, arrays, new_arrays)
        for name, column in new_columns.items():
            if column is not columns[name]:
                write_state(states, name, column)

    def _complete(self, k: Any, state: State | None, array: Array, names: tuple[str, ...], group: Group) -> State:
        """A parameter's state with what is missing made new, in a new dict: the step may still fail."""
        present = {name: value for name, value in (state or {}).items() if value is not None}
        if state is not None and all(name in present for name in names):
            return state
        made = self.new_state(k, array, group)
        return {name: None if v is None else leaf(v) for name, v in made.items()} | present

    def reset_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters.

        Parameters
        ----------
        set_to_none : bool, default True
            False fills them with zeros in place, which costs memory and a pass over it, and lets the next
            step decay weights and velocities of parameters that then get no gradient.

        Examples
        --------
        >>> import tiny_pytorch as tp
        >>> p = tp.tensor([1.0], requires_grad=True)
        >>> optimizer = tp.optim.SGD([p])
        >>> p.sum().backward()
        >>> optimizer.reset_grad()
        >>> p.grad is None
        True
        """
        if set_to_none:
            for group in self.param_groups:
                drop_gradients(group["params"])
            return
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                zeros = at(p.grad.array).xp.zeros_like(p.grad.array)
                if p.grad.requires_grad:  # kept from backward(create_graph=True)
                    p.grad = leaf(zeros)
                else:
                    assign(p.grad, zeros)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """PyTorch's name for ``reset_grad``."""
        self.reset_grad(set_to_none)

    def state_dict(self) -> dict[str, Any]:
        """Everything that is needed to go on later, in PyTorch's layout.

        Returns
        -------
        dict
            ``"state"``: for each parameter that has some, by its position over all groups, its state.
            ``"param_groups"``: the groups, with positions in place of Tensors. Nothing is copied: later steps
            show through.
        """
        return state_dict.dump(self.param_groups, self.state)

    def load_state_dict(self, loaded: dict[str, Any]) -> None:
        """Go on from what ``state_dict``, or PyTorch's, returned.

        Parameters
        ----------
        loaded : dict
            From an optimizer of the same algorithm with as many parameters in as many groups. Arrays are
            copied, in each parameter's dtype (float32 for parameters of 16 bits).

        Raises
        ------
        TypeError, ValueError
            If it does not fit; nothing is changed then. The message names what differs.

        Examples
        --------
        >>> import tiny_pytorch as tp
        >>> model = tp.nn.Linear(2, 1)
        >>> first = tp.optim.Adam(model.parameters(), lr=0.1)
        >>> second = tp.optim.Adam(model.parameters())
        >>> second.load_state_dict(first.state_dict())
        >>> second.param_groups[0]["lr"]
        0.1
        """
        groups, state = state_dict.load(loaded, self.param_groups, self.defaults)
        for group in groups:
            refuse_unsupported(group, self.defaults)
            self.check(group)
        self.param_groups, self._checked = groups, {}
        self.state = defaultdict(dict, state)

    def __repr__(self) -> str:
        lines = []
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            names = sorted(group.keys() - {"params", "param_names"})
            lines += [f"    {name}: {group[name]}" for name in names]
        return f"{type(self).__name__} (\n" + "\n".join(lines) + "\n)"
