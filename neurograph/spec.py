"""What one neuron is: parameters, states, ports and one `step`, declared once as a class.

Everything else (the eager code, the fused kernels and their gradients, the equation a viewer shows, the
parity tests) is derived from the class by tracing its `step`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from neurograph.errors import SpecError
from neurograph.expr.value import Trace, Value
from neurograph.fields import Declared, Learnable, Option, Param, Shape, State, SurrogateOption, View, learnable

GIVEN = ("uniform", "normal", "poisson", "events", "table", "step")


class Neuron(Declared):
    """A spiking (or leaky) unit. Subclass it: declare Param, State and Option fields, and write `step`.

    `step(self, <states and inputs by name>)` returns a dict with every state's next value and every
    output. In it `self.<param>` is a traced value, `self.<option>` the chosen value, `self.dt` the step
    length. An input port nobody projects to is 0.0.

    `given` names further arguments of `step` that every run supplies, per neuron and step, by kind: "uniform"
    (U[0, 1)), "normal" (N(0, 1)), "poisson" (counts with the mean of `mean(params, dt)`), "events" (counts of
    what `events(dt)` lists), "table" (the row of `table(dt)` whose time it is), "step" (the number of the step). They depend on seed, population and step alone.
    """

    family = "neuron"
    inputs: ClassVar[tuple[str, ...]] = ("input",)
    given: ClassVar[dict[str, str]] = {}
    outputs: ClassVar[tuple[str, ...]] = ("spike",)
    aliases: ClassVar[tuple[str, ...]] = ()
    equation: ClassVar[str] = ""
    conductances: ClassVar[tuple[str, ...]] = ()  # ports whose arrivals add to a conductance: no weight below 0
    identity: ClassVar[bool] = False  # whether the output is the input, so that the compiler may take it out
    dt: float  # the step length, known while a step is traced

    def step(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # pragma: no cover - replaced by subclasses
        raise SpecError(f"{type(self).__name__} has no step()")

    @property
    def states(self) -> tuple[str, ...]:
        return tuple(self.initial)

    def mean(self, params: Mapping[str, Any], dt: float) -> Any:
        """The expected count of one step, for a "poisson" argument: a number or an array of the population's shape."""
        raise SpecError(f"{type(self).__name__} has a 'poisson' argument and so needs mean(params, dt)")

    def events(self, dt: float) -> tuple[Any, Any]:
        """Steps (ascending) and neurons of the events, for an "events" argument."""
        raise SpecError(f"{type(self).__name__} has an 'events' argument and so needs events(dt)")

    def table(self, dt: float) -> tuple[Any, int]:
        """Rows [samples, 1 or neurons] and the steps that each is for, for a "table" argument; the last stays."""
        raise SpecError(f"{type(self).__name__} has a 'table' argument and so needs table(dt)")

    @property
    def arguments(self) -> tuple[str, ...]:
        """Input ports, then what is given."""
        return (*self.inputs, *self.given)

    @classmethod
    def _check_class(cls) -> None:
        if "step" not in vars(cls) or Declared in cls.__bases__:
            return
        states = {n for n, d in cls._fields.items() if isinstance(d, State)}
        known = states | set(cls.inputs) | set(cls.given)
        for kind in cls.given.values():
            if kind not in GIVEN:
                raise SpecError(f"{cls.__name__}.given has the kind {kind!r}; choose one of {', '.join(GIVEN)}")
        for role, names in (("inputs", cls.inputs), ("outputs", cls.outputs)):
            bare = not names and not (role == "inputs" and cls.given)
            if not isinstance(names, tuple) or bare or not all(isinstance(n, str) for n in names):
                raise SpecError(f"{cls.__name__}.{role} must be a tuple of port names, such as ('input',)")
        clash = (states & set(cls.inputs)) | (states & set(cls.given)) | (set(cls.inputs) & set(cls.given))
        if clash:
            raise SpecError(
                f"{cls.__name__}: {sorted(clash)} are two of state, input and given; give them different names"
            )
        for name in list(inspect.signature(cls.step).parameters)[1:]:
            if name not in known:
                raise SpecError(
                    f"{cls.__name__}.step has the argument {name!r}, which is neither a state, an input nor given; "
                    f"known: {', '.join(sorted(known))}"
                )

    def trace(self, dt: float = 1.0, connected: tuple[str, ...] | None = None) -> Step:
        """Trace `step` once for this neuron's options, step length and connected input ports."""
        return _trace(self, dt, self.arguments if connected is None else connected)


@dataclass(frozen=True)
class Step:
    """A traced step: leaves by role, results by name, and what can be probed besides."""

    neuron: str
    params: dict[str, Value]
    states: dict[str, Value]
    inputs: dict[str, Value]
    next_states: dict[str, Value]
    outputs: dict[str, Value]
    observed: dict[str, Value]


def whole_step(neuron: Neuron, dt: float | None = None) -> tuple[Trace, Step]:
    """The step with every port connected and every parameter, and unless dt is given its length too, as an input."""
    trace = Trace()
    length = trace.leaf("dt") if dt is None else dt
    return trace, _traced(neuron, View(neuron, trace, length, fold=False), neuron.arguments)


def _trace(neuron: Neuron, dt: float, connected: tuple[str, ...]) -> Step:
    return _traced(neuron, View(neuron, Trace(), float(dt)), connected)


def _traced(neuron: Neuron, view: View, connected: tuple[str, ...]) -> Step:
    trace = view.trace
    states = {name: trace.leaf(name) for name in neuron.states}
    inputs = {name: trace.leaf(name) for name in neuron.arguments if name in connected}
    arguments: dict[str, Any] = {**{name: 0.0 for name in neuron.arguments}, **states, **inputs}
    accepted = list(inspect.signature(type(neuron).step).parameters)[1:]
    results = type(neuron).step(view, **{name: arguments[name] for name in accepted})  # type: ignore[arg-type]
    wanted = {*neuron.states, *neuron.outputs}
    if not isinstance(results, Mapping) or set(results) != wanted:
        got = sorted(results) if isinstance(results, Mapping) else repr(results)
        raise SpecError(
            f"{type(neuron).__name__}.step must return a dict with exactly {sorted(wanted)} "
            f"(every state's next value and every output), got {got}"
        )
    lifted = {name: trace.lift(value) for name, value in results.items()}
    for name, value in lifted.items():
        if value.kind != "f":
            raise SpecError(
                f"{type(neuron).__name__}.step returns a condition for {name!r}; use where(condition, 1.0, 0.0)"
            )
    return Step(
        neuron=type(neuron).__name__,
        params={v.attr: v for v in view.params.values() if isinstance(v, Value)},  # type: ignore[misc]
        states=states,
        inputs=inputs,
        next_states={name: lifted[name] for name in neuron.states},
        outputs={name: lifted[name] for name in neuron.outputs},
        observed=dict(trace.observed),
    )


__all__ = [
    "Learnable",
    "Neuron",
    "Option",
    "Param",
    "Shape",
    "State",
    "Step",
    "SurrogateOption",
    "learnable",
]
