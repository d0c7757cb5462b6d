"""What a plasticity rule is: traces and what spikes do to them and to a synapse's weight, declared once."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from neurograph.errors import SpecError
from neurograph.expr.functions import maximum, minimum
from neurograph.expr.value import Trace, Value, live
from neurograph.fields import Declared, Learnable, Option, Param, State, View

HOOKS = ("decay", "on_pre", "on_post", "on_step")
_TAKEN = {"w", "fired", "sent"}  # what a run keeps besides states


class Plasticity(Declared):
    """A rule that changes the weights of a projection while it runs.

    Declare Param and Option fields, and State fields with of="pre", "post" or "synapse"; w is the weight. Write
    some of these, each returning a dict of what it changes:

    * decay(self, <pre and post states>): what happens to traces in every step, before events;
    * on_pre(self, w, <states, signals>): a spike of the source arrives (it is delivered with the weight before);
    * on_post(self, w, <states, signals>): the target has fired;
    * on_step(self, w, <states, signals>): every `interval`, for every synapse; self.dt is then the interval.

    Order in one step: decay, arriving spikes, then the target's spikes of the step before. In on_pre, a post
    state may be read and a pre state changed; in on_post the other way round. `signals` names scalars that a
    run supplies (a reward): argument -> default name. Weights stay within [w_min, w_max]; with `total` above 0
    the weights onto each neuron are scaled to that sum every `interval`.
    """

    family = "plasticity"
    aliases: ClassVar[tuple[str, ...]] = ()
    equation: ClassVar[str] = ""
    signals: ClassVar[dict[str, str]] = {}
    dt: float

    w_min = Param(0.0, "lower bound of a weight")
    w_max = Param(1.0, "upper bound of a weight")
    total = Param(0.0, "sum of the weights onto each neuron; 0: left alone", at_least=0.0)
    interval = Param(1.0, "time between two calls of on_step and of scaling", unit="ms", above=0.0)

    def __init__(self, *, signal_names: Mapping[str, str] | None = None, **values: Any):
        super().__init__(**values)
        for name, value in self.params.items():
            if isinstance(value, Learnable) or not isinstance(value, int | float):
                raise SpecError(
                    f"{type(self).__name__}({name}=...): parameters of a plasticity rule are single numbers"
                )
        for name, value in self.initial.items():
            if not isinstance(value, int | float):
                raise SpecError(
                    f"{type(self).__name__}({name}={value!r}): states of a plasticity rule start from one number"
                )
        if self.params["w_max"] < self.params["w_min"]:
            raise SpecError(f"{self!r}: w_max is below w_min")
        unknown = set(signal_names or {}) - set(self.signals)
        if unknown:
            raise SpecError(f"{self!r} has no signal {sorted(unknown)}; it takes {', '.join(self.signals) or 'none'}")
        self.signal_names = {**self.signals, **(signal_names or {})}

    @classmethod
    def _check_class(cls) -> None:
        states = {n for n, d in cls._fields.items() if isinstance(d, State)}
        for name, declared in cls._fields.items():
            if isinstance(declared, State) and declared.of not in ("pre", "post", "synapse"):
                raise SpecError(f"{cls.__name__}.{name}: State(of={declared.of!r}); say of='pre', 'post' or 'synapse'")
        clash = sorted((states & _TAKEN) | (set(cls.signals) & (set(cls._fields) | _TAKEN)))
        if clash:
            raise SpecError(f"{cls.__name__}: {', '.join(clash)} means something else there; give another name")
        for hook in HOOKS:
            method = getattr(cls, hook, None)
            if method is None:
                continue
            for name in list(inspect.signature(method).parameters)[1:]:
                if name not in states | set(cls.signals) | {"w"}:
                    raise SpecError(
                        f"{cls.__name__}.{hook} has the argument {name!r}, which is neither w, a state nor a signal; "
                        f"known: {', '.join(sorted(states | set(cls.signals)))}, w"
                    )

    def bounded(self, w: Any) -> Any:
        """w limited to [w_min, w_max]."""
        return minimum(maximum(w, self.w_min), self.w_max)  # type: ignore[arg-type]

    def of(self, kind: str) -> tuple[str, ...]:
        """The states that each "pre" neuron, "post" neuron or "synapse" has."""
        return tuple(n for n in self.initial if self._fields[n].of == kind)

    def trace(self, hook: str, dt: float) -> Hook | None:
        """One of the four methods, traced; None where the rule has none."""
        return _trace(self, hook, dt)


@dataclass(frozen=True)
class Hook:
    """A traced method: its leaves and the values it changes."""

    params: dict[str, Value]
    reads: tuple[str, ...]
    results: dict[str, Value]


_MAY_CHANGE = {
    "decay": ("pre", "post"),
    "on_pre": ("w", "pre", "synapse"),
    "on_post": ("w", "post", "synapse"),
    "on_step": ("w", "synapse"),
}


def _trace(rule: Plasticity, hook: str, dt: float) -> Hook | None:
    method = getattr(type(rule), hook, None)
    if method is None:
        return None
    trace = Trace()
    view = View(rule, trace, dt)
    names = list(inspect.signature(method).parameters)[1:]
    results = method(view, **{n: trace.leaf(n) for n in names})
    kinds = {"w": "w", **{n: rule._fields[n].of for n in rule.initial}}
    what = f"{type(rule).__name__}.{hook}"
    if not isinstance(results, Mapping):
        raise SpecError(f"{what} must return a dict of what it changes, got {results!r}")
    lifted: dict[str, Value] = {}
    for name, value in results.items():
        if kinds.get(name) not in _MAY_CHANGE[hook]:
            raise SpecError(
                f"{what} changes {name!r}; it may change {' and '.join(_MAY_CHANGE[hook])} states (or w) only"
            )
        lifted[name] = trace.lift(value)
        # a trace is one for all synapses of its neuron, so its next value cannot depend on one of them
        seen = {str(v.attr) for v in live([lifted[name]]) if v.op == "leaf"}
        foreign = {n for n in seen if kinds.get(n, kinds[name]) != kinds[name]}
        if kinds[name] in ("pre", "post") and foreign:
            raise SpecError(f"{what}: {name!r} is one for all synapses of its neuron, but depends on {sorted(foreign)}")
    used = {v.index for v in live(lifted.values())}
    return Hook(
        params={str(v.attr): v for v in view.params.values() if isinstance(v, Value) and v.index in used},
        reads=tuple(names),
        results=lifted,
    )


__all__ = ["HOOKS", "Hook", "Option", "Param", "Plasticity", "State"]
