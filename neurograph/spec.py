"""What one neuron is: parameters, states, ports and one `step`, declared once as a class.

Everything else (the eager code, the fused kernels and their gradients, the equation a viewer shows, the
parity tests) is derived from the class by tracing its `step`.
"""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from neurograph.errors import ShapeError, SpecError, declared_at
from neurograph.expr.value import Trace, Value

Shape = tuple[int, ...]
PER = ("population", "channel", "neuron")
GIVEN = ("uniform", "normal", "poisson", "events", "step")


@dataclass(frozen=True)
class Learnable:
    """A value that training may change: one for the population, one per channel or one per neuron."""

    value: Any
    per: str = "population"

    def __post_init__(self) -> None:
        if self.per not in PER:
            raise SpecError(f"learnable(per={self.per!r}): choose one of {', '.join(PER)}")


def learnable(value: Any, per: str = "population") -> Learnable:
    """Mark a neuron parameter or a surrogate's width as trained: `LIF(tau=learnable(2.0, per="channel"))`."""
    return Learnable(value, per)


@dataclass
class Param:
    """A parameter of a neuron: default, meaning, unit and the open interval or closed bounds it must keep."""

    default: Any
    doc: str = ""
    unit: str = ""
    above: float | None = None
    at_least: float | None = None
    name: str = ""

    def check(self, value: Any, owner: str) -> None:
        array = np.asarray(value.value if isinstance(value, Learnable) else value)
        where = f"{owner}({self.name}={_short(value)}) at {declared_at()}"
        if array.dtype.kind not in "fiub":
            raise SpecError(f"{where}: a parameter is a number, an array of numbers or learnable(...)")
        if not np.all(np.isfinite(array)):
            raise SpecError(f"{where}: a parameter must be finite")
        if self.above is not None and not np.all(array > self.above):
            raise SpecError(f"{where}: {self.name} must be above {self.above:g}")
        if self.at_least is not None and not np.all(array >= self.at_least):
            raise SpecError(f"{where}: {self.name} must be at least {self.at_least:g}")


@dataclass
class State:
    """A state variable; `init` is a number or the name of the parameter it starts from."""

    init: float | str = 0.0
    doc: str = ""
    name: str = ""


@dataclass
class Option:
    """A choice made when the neuron is declared; it selects what the step does and is not a number."""

    default: Any
    choices: tuple[Any, ...] = ()
    doc: str = ""
    name: str = ""


@dataclass
class SurrogateOption(Option):
    """The surrogate that `spike` uses; its width is a parameter of the neuron."""


class Neuron:
    """A spiking (or leaky) unit. Subclass it: declare Param, State and Option fields, and write `step`.

    `step(self, <states and inputs by name>)` returns a dict with every state's next value and every
    output. In it `self.<param>` is a traced value, `self.<option>` the chosen value, `self.dt` the step
    length. An input port nobody projects to is 0.0.

    `given` names further arguments of `step` that every run supplies, per neuron and step, by kind: "uniform"
    (U[0, 1)), "normal" (N(0, 1)), "poisson" (counts with the mean of `mean(params, dt)`), "events" (counts of
    what `events(dt)` lists), "step" (the number of the step). They depend on seed, population and step alone.
    """

    inputs: ClassVar[tuple[str, ...]] = ("input",)
    given: ClassVar[dict[str, str]] = {}
    outputs: ClassVar[tuple[str, ...]] = ("spike",)
    aliases: ClassVar[tuple[str, ...]] = ()
    equation: ClassVar[str] = ""
    _fields: ClassVar[dict[str, Any]] = {}
    dt: float  # the step length, known while a step is traced

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        fields = dict(cls._fields)
        for name, declared in list(vars(cls).items()):
            if isinstance(declared, Param | State | Option):
                declared = copy.copy(declared)
                declared.name = name
                fields[name] = declared
        cls._fields = fields
        _check_class(cls)

    def __init__(self, **values: Any) -> None:
        kind = type(self).__name__
        for name in values:
            if name not in self._fields:
                raise SpecError(f"{kind} at {declared_at()} has no {name!r}; it takes {', '.join(self._fields)}")
        self.params: dict[str, Any] = {}
        self.options: dict[str, Any] = {}
        self.initial: dict[str, Any] = {}
        for name, declared in self._fields.items():
            value = values.get(name, declared.default if not isinstance(declared, State) else declared.init)
            if isinstance(declared, Param):
                declared.check(value, kind)
                self.params[name] = value
            elif isinstance(declared, State):
                self.initial[name] = value
            else:
                if declared.choices and value not in declared.choices:
                    chosen = ", ".join(map(repr, declared.choices))
                    raise SpecError(f"{kind}({name}={value!r}) at {declared_at()}: choose one of {chosen}")
                if isinstance(declared, SurrogateOption):
                    if not hasattr(value, "derivative"):
                        raise SpecError(
                            f"{kind}({name}={value!r}) at {declared_at()}: pass a Surrogate such as QGate(), "
                            "or custom_surrogate(lambda u: ...)"
                        )
                    self.params[f"{name}_alpha"] = value.alpha
                self.options[name] = value

    def step(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # pragma: no cover - replaced by subclasses
        raise SpecError(f"{type(self).__name__} has no step()")

    @property
    def states(self) -> tuple[str, ...]:
        return tuple(self.initial)

    @classmethod
    def accepts(cls, name: str) -> bool:
        """Whether the neuron can be declared with `name=`."""
        return name in cls._fields or name in inspect.signature(cls.__init__).parameters

    def __repr__(self) -> str:
        changed = []
        for name, declared in self._fields.items():
            value = getattr(self, _STORE[_kind(declared)])[name]
            default = declared.init if isinstance(declared, State) else declared.default
            if value is not default and not (np.isscalar(value) and value == default):
                changed.append(f"{name}={_short(value)}")
        return f"{type(self).__name__}({', '.join(changed)})"

    def mean(self, params: Mapping[str, Any], dt: float) -> Any:
        """The expected count of one step, for a "poisson" argument: a number or an array of the population's shape."""
        raise SpecError(f"{type(self).__name__} has a 'poisson' argument and so needs mean(params, dt)")

    def events(self, dt: float) -> tuple[Any, Any]:
        """Steps (ascending) and neurons of the events, for an "events" argument."""
        raise SpecError(f"{type(self).__name__} has an 'events' argument and so needs events(dt)")

    @property
    def arguments(self) -> tuple[str, ...]:
        """Input ports, then what is given."""
        return (*self.inputs, *self.given)

    def check_shapes(self, shape: Shape, where: str) -> dict[str, Shape]:
        """The shape of each parameter in a population of `shape`: (), per channel (C, 1, ...) or full."""
        return {name: _param_shape(name, value, shape, where) for name, value in self.params.items()}

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


class _View:
    """What `self` is inside `step` while it is traced."""

    def __init__(self, neuron: Neuron, trace: Trace, dt: float):
        self._neuron = neuron
        self.dt = dt
        self._params: dict[str, Any] = {}
        for name, value in neuron.params.items():
            fixed = isinstance(value, int | float) and float(value) in (0.0, 1.0)
            # 0 and 1 remove arithmetic, so they are folded; every other value is data, not code
            self._params[name] = float(value) if fixed else trace.leaf(name)

    def __getattr__(self, name: str) -> Any:
        if name in self._params:
            return self._params[name]
        if name in self._neuron.options:
            value = self._neuron.options[name]
            if isinstance(self._neuron._fields[name], SurrogateOption):
                return value.bound(self._params[f"{name}_alpha"])
            return value
        attribute = getattr(type(self._neuron), name, None)
        if callable(attribute):
            return attribute.__get__(self)
        if attribute is not None and not isinstance(attribute, State):
            return attribute
        raise SpecError(
            f"{type(self._neuron).__name__}.step uses self.{name}, which is not declared; "
            f"states and inputs are arguments of step, declared are {', '.join(self._neuron._fields)}"
        )


def _trace(neuron: Neuron, dt: float, connected: tuple[str, ...]) -> Step:
    trace = Trace()
    view = _View(neuron, trace, float(dt))
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
        params={v.attr: v for v in view._params.values() if isinstance(v, Value)},  # type: ignore[misc]
        states=states,
        inputs=inputs,
        next_states={name: lifted[name] for name in neuron.states},
        outputs={name: lifted[name] for name in neuron.outputs},
        observed=dict(trace.observed),
    )


_STORE = {"param": "params", "state": "initial", "option": "options"}


def _kind(declared: Any) -> str:
    return "param" if isinstance(declared, Param) else "state" if isinstance(declared, State) else "option"


def _check_class(cls: type[Neuron]) -> None:
    if "step" not in vars(cls):
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
        raise SpecError(f"{cls.__name__}: {sorted(clash)} are two of state, input and given; give them different names")
    for name in list(inspect.signature(cls.step).parameters)[1:]:
        if name not in known:
            raise SpecError(
                f"{cls.__name__}.step has the argument {name!r}, which is neither a state, an input nor given; "
                f"known: {', '.join(sorted(known))}"
            )


def _param_shape(name: str, value: Any, shape: Shape, where: str) -> Shape:
    per = value.per if isinstance(value, Learnable) else None
    given = np.shape(value.value if isinstance(value, Learnable) else value)
    channel = (shape[0],) + (1,) * (len(shape) - 1) if shape else ()
    allowed = {"population": (), "channel": channel, "neuron": shape}
    if given == () and per is not None:
        return allowed[per]
    if given == ():
        return ()
    if given == shape and per in (None, "neuron"):
        return shape
    if given in (channel, channel[:1]) and per in (None, "channel"):
        return channel
    raise ShapeError(
        f"{where}: parameter {name!r} has shape {given}, but the population has shape {shape}. "
        f"Give a number, one value per channel {channel[:1]}, or one per neuron {shape}."
    )


def _short(value: Any) -> str:
    if isinstance(value, Learnable):
        inner = _short(value.value)
        return f"learnable({inner})" if value.per == "population" else f"learnable({inner}, per={value.per!r})"
    if isinstance(value, np.ndarray):
        return f"array{value.shape}"
    if isinstance(value, float):
        return "nan" if math.isnan(value) else f"{value:g}"
    return repr(value)
