"""Declared fields of a class (parameters, states, options) and the values an instance holds of them.

Neurons, synapses and plasticity rules are declared with these.
"""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from neurograph.constructed import Constructed
from neurograph.errors import ShapeError, SpecError, declared_at
from neurograph.expr.value import Trace, Value
from neurograph.quantities import refuse_units

Shape = tuple[int, ...]
PER = ("population", "channel", "neuron")


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


def plain(value: Any) -> Any:
    """The number or array that a parameter is, or begins with where it is learnt."""
    return value.value if isinstance(value, Learnable) else value


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
        array = np.asarray(plain(value))
        where = f"{owner}({self.name}={_short(value)}) at {declared_at()}"
        refuse_units(plain(value), f"{owner}({self.name}=...) at {declared_at()}", self.unit)
        if isinstance(value, Constructed) and value.family == "distribution":
            raise SpecError(
                f"{where}: states, weights and delays may be drawn, parameters are given: an array with one value per "
                "neuron, such as numpy.random.default_rng(1).normal(20, 2, n)"
            )
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
    """A state variable; `init` is a number, the name of the parameter it starts from, or (when a population is
    declared) an array of its shape or a distribution.

    `of` says, in a plasticity rule, whether each "pre" neuron, "post" neuron or "synapse" has one.
    """

    init: Any = 0.0
    doc: str = ""
    of: str = "neuron"
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


class Declared(Constructed):
    """A class with declared fields; an instance holds a value for each."""

    _fields: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        fields = dict(cls._fields)
        for name, declared in list(vars(cls).items()):
            if isinstance(declared, Param | State | Option):
                declared = copy.copy(declared)
                declared.name = name
                fields[name] = declared
        cls._fields = fields
        cls._check_class()

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
                self._check_start(name, value)
                self.initial[name] = value
            else:
                if declared.choices and value not in declared.choices:
                    chosen = ", ".join(map(repr, declared.choices))
                    raise SpecError(f"{kind}({name}={value!r}) at {declared_at()}: choose one of {chosen}")
                if isinstance(declared, SurrogateOption):
                    if not hasattr(value, "derivative") or isinstance(value, type):
                        raise SpecError(
                            f"{kind}({name}={value!r}) at {declared_at()}: pass a Surrogate such as QGate(), "
                            "or custom_surrogate(lambda u: ...)"
                        )
                    self.params[f"{name}_alpha"] = value.alpha
                self.options[name] = value

    @classmethod
    def takes(cls) -> list[str]:
        return [*super().takes(), *(f"{name}=" for name in cls._fields)]

    def _check_start(self, name: str, value: Any) -> None:
        """Raise unless a state can start from this: a number, an array, a distribution or the name of a parameter."""
        named = isinstance(value, str) and isinstance(self._fields.get(value), Param)
        drawn = isinstance(value, Constructed) and value.family == "distribution"
        refuse_units(value, f"{type(self).__name__}({name}=...) at {declared_at()}")
        if named or drawn or (not isinstance(value, str) and numeric(value)):
            return
        raise SpecError(
            f"{type(self).__name__}({name}={_short(value)}) at {declared_at()}: a state starts from a number, an array, a "
            f"distribution such as Normal(0, 1), or the name of a parameter"
        )

    @classmethod
    def _check_class(cls) -> None:
        """Raise where the class as written cannot be used."""

    def changed(self, **values: Any) -> Self:
        """The same with other values of some parameters, checked as at the declaration."""
        out = copy.copy(self)
        for name, value in values.items():
            declared = self._fields.get(name)
            if isinstance(declared, Param):
                declared.check(value, type(self).__name__)
        for name, declared in self._fields.items():
            width = f"{name}_alpha"
            if isinstance(declared, SurrogateOption) and width in values:
                out.options = {**out.options, name: out.options[name].changed(values[width])}
        out.params = {**self.params, **values}
        return out

    def declared_apart(self) -> Collection[str]:
        return self._fields

    def arguments_given(self) -> dict[str, Any]:
        return {
            **super().arguments_given(),
            **{n: getattr(self, _STORE[_kind(declared)])[n] for n, declared in self._fields.items()},
        }

    @classmethod
    def accepts(cls, name: str) -> bool:
        """Whether the neuron can be declared with `name=`."""
        return name in cls._fields or name in inspect.signature(cls.__init__).parameters

    def __repr__(self) -> str:
        changed = []
        for name, declared in self._fields.items():
            value = getattr(self, _STORE[_kind(declared)])[name]
            default = declared.init if isinstance(declared, State) else declared.default
            if not _same(value, default):
                changed.append(f"{name}={_short(value)}")
        return f"{type(self).__name__}({', '.join(changed)})"

    def check_shapes(self, shape: Shape, where: str) -> dict[str, Shape]:
        """The shape of each parameter in a population of `shape`: (), per channel (C, 1, ...) or full."""
        return {name: _param_shape(name, value, shape, where) for name, value in self.params.items()}


class View:
    """What `self` is inside a method that is traced: parameters are values, options what was chosen."""

    def __init__(self, declared: Declared, trace: Trace, dt: float | Value, *, fold: bool = True):
        self._declared, self.trace = declared, trace
        self.dt = dt
        self.params: dict[str, Any] = {}
        for name, value in declared.params.items():
            fixed = fold and isinstance(value, int | float) and float(value) in (0.0, 1.0)
            # 0 and 1 remove arithmetic, so they are folded; every other value is data, not code
            self.params[name] = float(value) if fixed else trace.leaf(name)

    def __getattr__(self, name: str) -> Any:
        if name in self.params:
            return self.params[name]
        if name in self._declared.options:
            value = self._declared.options[name]
            if isinstance(self._declared._fields[name], SurrogateOption):
                return value.bound(self.params[f"{name}_alpha"])
            return value
        attribute = getattr(type(self._declared), name, None)
        if callable(attribute):
            return attribute.__get__(self)
        if attribute is not None and not isinstance(attribute, State):
            return attribute
        raise SpecError(
            f"{type(self._declared).__name__} uses self.{name}, which is not declared; "
            f"states and inputs are arguments of step, declared are {', '.join(self._declared._fields)}"
        )


def numeric(value: Any) -> bool:
    """Whether a value is a number or an array of numbers."""
    try:
        return np.asarray(value).dtype.kind in "fiub"
    except (TypeError, ValueError):
        return False


def _same(value: Any, default: Any) -> bool:
    if isinstance(value, Constructed):
        return value is default or (type(value) is type(default) and repr(value) == repr(default))
    return value is default or bool(np.isscalar(value) and value == default)


_STORE = {"param": "params", "state": "initial", "option": "options"}


def _kind(declared: Any) -> str:
    return "param" if isinstance(declared, Param) else "state" if isinstance(declared, State) else "option"


def _param_shape(name: str, value: Any, shape: Shape, where: str) -> Shape:
    per = value.per if isinstance(value, Learnable) else None
    given = np.shape(plain(value))
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
