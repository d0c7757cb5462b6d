"""The step of a neuron as text, and a neuron from it where its class is not at hand.

A step is written as it is traced, one operation a line, for every port, with the step length and all parameters as
inputs; so the text holds for every dt and every value:

    {"neuron": "LIF", "inputs": ["input"], ..., "step": ["param tau", "state v", "add 1 0", ...],
     "next": {"v": 9}, "outputs": [["spike", 7]], "observed": {"margin": 4}}

Operands are the numbers of lines, from 0. Where a step does not allow that (it rounds dt, say), `dt` says for which
step length it was traced.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import keyword
import operator
import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np

from neurograph.constructed import Constructed
from neurograph.errors import FormatError, NeuroGraphError, SpecError
from neurograph.expr import exp, floor, relu, sigmoid, sqrt, tanh, where
from neurograph.expr.ops import OPS
from neurograph.expr.value import Trace, Value, live
from neurograph.fields import Option, Param, State, SurrogateOption
from neurograph.io.document.values import Data, Unknown, shown
from neurograph.nodes.surrogate import Surrogate
from neurograph.spec import GIVEN, Learnable, Neuron, whole_step

DT = "dt"
KEPT = 500  # steps that are written once and remembered
_CODE = ("poisson", "events", "table")  # what is given by a method of the class, which no step holds
_ON_NUMBERS: dict[str, Callable[..., Any]] = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "div": operator.truediv, "neg": operator.neg,
    "abs": abs, "exp": exp, "sigmoid": sigmoid, "tanh": tanh, "sqrt": sqrt, "relu": relu, "floor": floor,
    "gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le, "eq": operator.eq, "where": where,
}  # fmt: skip
_known: dict[tuple[Any, ...], tuple[str, Data]] = {}


def written_step(neuron: Neuron) -> tuple[str, Data]:
    """The step of a neuron as data, and the hash of it."""
    if isinstance(neuron, Written):
        return neuron.step_hash, neuron.step_data
    key = (type(neuron), *((n, _key(v)) for n, v in neuron.options.items()))
    if key not in _known:
        if len(_known) >= KEPT:
            _known.clear()
        _known[key] = _written(neuron)
    return _known[key]


def _key(value: Any) -> Any:
    """What tells options apart: the class and every argument, which printing may leave out."""
    if isinstance(value, Constructed):
        return type(value), *((n, _key(v)) for n, v in value.arguments_given().items())
    if isinstance(value, Learnable):
        return "learnable", _key(value.value), value.per
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    return type(value), repr(value)


def _written(neuron: Neuron) -> tuple[str, Data]:
    dt: float | None = None
    try:
        trace, step = whole_step(neuron)
    except (SpecError, TypeError, ValueError, ArithmeticError):
        dt = 1.0
        trace, step = whole_step(neuron, dt)
    roots = [*step.next_states.values(), *step.outputs.values(), *step.observed.values()]
    used = live(roots, with_gradient_rules=True)
    number = {v.index: k for k, v in enumerate(used)}
    role = {v.index: f"param {n}" for n, v in step.params.items()}
    role |= {v.index: f"state {n}" for n, v in step.states.items()} | {
        v.index: f"input {n}" for n, v in step.inputs.items()
    }
    lines = []
    for value in used:
        if value.op == "leaf":
            lines.append(role.get(value.index, DT))
        elif value.op == "const":
            lines.append(f"const {value.attr}")
        else:
            lines.append(" ".join([value.op, *(str(number[a.index]) for a in value.args)]))
    cls = type(neuron)
    data: Data = {
        "neuron": getattr(neuron, "written_name", cls.__name__),
        "about": (inspect.getdoc(cls) or "").partition("\n")[0],
        "equation": cls.equation,
        "inputs": list(cls.inputs),
        "given": dict(cls.given),
        "params": {
            n: {"doc": d.doc, "unit": d.unit, "above": d.above, "at_least": d.at_least}
            for n, d in cls._fields.items()
            if isinstance(d, Param)
        },
        "states": {n: d.doc for n, d in cls._fields.items() if isinstance(d, State)},
        "options": [n for n, d in cls._fields.items() if isinstance(d, Option)],
        "step": lines,
        "next": {n: number[v.index] for n, v in step.next_states.items()},
        "outputs": [[n, number[v.index]] for n, v in step.outputs.items()],  # the first is what a projection reads
        "observed": {n: number[v.index] for n, v in step.observed.items()},
    }
    if dt is not None:
        data["dt"] = dt
    return step_hash(data), data


def step_hash(data: Data) -> str:
    """sha256 of what a step computes; what only describes it may change."""
    computed = {n: v for n, v in data.items() if n not in ("about", "equation")}
    for field in ("params", "states", "options"):
        computed[field] = sorted(data.get(field, ()))
    return hashlib.sha256(json.dumps(computed, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


class WrittenSurrogate(Surrogate):
    """A surrogate of a file; what it does is in the step of its neuron."""

    abstract = True

    def __init__(self, written: Unknown):
        width = written.arguments.get("alpha", 1.0)
        number = width.value if isinstance(width, Learnable) else width
        if isinstance(number, bool) or not np.all(np.asarray(number, np.float64) > 0):
            raise FormatError(f"surrogate {written.name!r}: alpha is a number above 0, not {shown(number)}")
        self.alpha, self.strict = width, written.arguments.get("strict", True)
        self.written_name, self._arguments = written.name, written.arguments

    def arguments_given(self) -> dict[str, Any]:
        return {**self._arguments, "alpha": self.alpha}


class Written(Neuron):
    """A neuron whose step was read from a file; each has a class of its own below this one."""

    abstract = True
    step_hash: str
    step_data: Data
    written_name: str

    def __init__(self, **values: Any):
        own = {n: v for n, v in values.items() if n in self._fields}
        super().__init__(**own)
        self._rest = {n: v for n, v in values.items() if n not in self._fields}

    def arguments_given(self) -> dict[str, Any]:
        return {**self._rest, **super().arguments_given()}

    def __repr__(self) -> str:
        return super().__repr__().replace(type(self).__name__, self.written_name, 1)


def neuron_of(name: str, data: Data, key: str, arguments: dict[str, Any]) -> Neuron:
    """A neuron that computes a written step; raises FormatError."""
    given = _texts(data, "given")
    code = [n for n, kind in given.items() if kind in _CODE]
    if code:
        raise FormatError(
            f"unknown neuron {name!r}: {', '.join(code)} comes from a method of its class, which the file does not hold. "
            "Import the module that declares it before reading the file"
        )
    if any(kind not in GIVEN for kind in given.values()):
        raise FormatError(f"neuron {name!r} is given {shown(given)}; the kinds are {', '.join(GIVEN)}")
    lines = _lines(data)
    next_states, observed = (_places(data.get(k, {}), k, len(lines)) for k in ("next", "observed"))
    outputs = _places(_pairs(data.get("outputs")), "outputs", len(lines))
    inputs = data.get("inputs")
    if not isinstance(inputs, list) or not all(_is_name(n) for n in inputs):
        raise FormatError(f"neuron {name!r}: inputs are the names of ports, not {shown(inputs)}")
    states = _texts(data, "states")
    if set(states) != set(next_states) or not outputs:
        raise FormatError(f"neuron {name!r}: 'next' names every state, and there is an output")
    fields: dict[str, Any] = {n: _param(name, n, d) for n, d in _table(data, "params").items()}
    fields |= {n: State(0.0, doc) for n, doc in states.items()}
    options = data.get("options", [])
    if not isinstance(options, list) or not all(_is_name(n) for n in options):
        raise FormatError(f"neuron {name!r}: options are names, not {shown(options)}")
    for option in options:
        if option in arguments:
            value = arguments[option]
            arguments[option] = value = WrittenSurrogate(value) if isinstance(value, Unknown) else value
            kind = SurrogateOption if isinstance(value, Surrogate) else Option
            fields[option] = kind(value, (value,))
    taken = sorted(n for n in (*fields, *inputs, *outputs, *given) if n == DT or hasattr(Written, n))
    if taken:
        raise FormatError(f"neuron {name!r}: {', '.join(taken)} is what every neuron has, and no name of its own")
    used = {line[1] for line in lines if line[0] in ("param", "state", "input")}
    known = {*fields, *states, *inputs, *given, *(f"{o}_alpha" for o in fields)}
    if len({*fields, *inputs, *given}) < len(fields) + len(inputs) + len(given) or used - known:
        raise FormatError(f"neuron {name!r}: names are used twice, or by the step alone: {shown(sorted(used - known))}")
    if any(isinstance(f, State | Param) and n not in arguments for n, f in fields.items()):
        raise FormatError(f"neuron {name!r}: a value of one of {', '.join(fields)} is missing")

    def step(self: Any, **values: Any) -> dict[str, Any]:
        return _replayed(self, values, lines, next_states, outputs, observed, data.get("dt"))

    names = [*states, *inputs, *given]
    by_name = inspect.Parameter.POSITIONAL_OR_KEYWORD
    step.__signature__ = inspect.Signature([inspect.Parameter(n, by_name) for n in ("self", *names)])  # type: ignore[attr-defined]
    equation, about = data.get("equation"), data.get("about")
    body = {
        **fields, "step": step, "inputs": tuple(inputs), "outputs": tuple(outputs), "given": given,
        "equation": equation if isinstance(equation, str) else "", "abstract": True,
        "__doc__": about if isinstance(about, str) else None, "__module__": __name__,
        "step_hash": key, "step_data": data, "written_name": name,
    }  # fmt: skip
    try:
        cls: Any = type("Written", (Written,), body)
        made = cls(**arguments)
        made.trace(float(data.get("dt", 1.0)))
    except FormatError:
        raise
    except NeuroGraphError as error:
        raise FormatError(f"neuron {name!r}: {error}") from None
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise FormatError(f"neuron {name!r}: its step cannot be followed: {error}") from None
    return made  # type: ignore[no-any-return]


def _replayed(
    view: Any, values: dict[str, Any], lines: list[tuple[str, ...]], next_states: dict[str, int],
    outputs: dict[str, int], observed: dict[str, int], dt: float | None,
) -> dict[str, Any]:  # fmt: skip
    if dt is not None and view.dt != dt:
        raise SpecError(f"this neuron's step was written for dt={dt:g} only, not for dt={view.dt:g}; import its class")
    trace = _trace_of(view, values)
    made: list[Any] = []
    for op, *rest in lines:
        if op == "const":
            made.append(float(rest[0]))
        elif op == DT:
            made.append(view.dt)
        elif op == "param":
            made.append(view.params[rest[0]])
        elif op in ("state", "input"):
            made.append(values[rest[0]])
        else:
            made.append(_computed(trace, op, [made[int(k)] for k in rest]))
    for name, place in observed.items():
        trace.observed[name] = trace.lift(made[place])
    return {n: made[k] for n, k in (*next_states.items(), *outputs.items())}


def _computed(trace: Trace, op: str, args: list[Any]) -> Any:
    """As the step's author would have it: numbers stay numbers, which folds parameters that are 0 or 1."""
    rule = _ON_NUMBERS.get(op)
    if rule is not None and (op != "where" or isinstance(args[0], Value | bool)):
        try:
            out = rule(*args)
            # whole numbers of Python grow without end, and no step has them
            return out if isinstance(out, Value | bool) else float(out)
        except (ArithmeticError, ValueError):  # the kernel says what 1/0 or sqrt(-1) is
            pass
    return trace.add(op, *(_condition(trace, a) if isinstance(a, bool) else a for a in args))


def _condition(trace: Trace, value: bool) -> Value:
    return trace.add("gt", trace.const(1.0 if value else 0.0), trace.const(0.0))


def _trace_of(view: Any, values: dict[str, Any]) -> Trace:
    for value in (*values.values(), *view.params.values()):
        if isinstance(value, Value):
            return value.trace
    raise SpecError("a step without states, inputs and parameters computes nothing")


def _lines(data: Data) -> list[tuple[str, ...]]:
    """The operations of a step, each known, with as many operands as it takes, all above it."""
    text = data.get("step")
    if not isinstance(text, list) or not all(isinstance(t, str) for t in text):
        raise FormatError("a step is a list of operations, one text each")
    out: list[tuple[str, ...]] = []
    for place, line in enumerate(text):
        op, *rest = parts = tuple(line.split(" "))
        rule = OPS.get(op)
        if op in ("param", "state", "input") or op == "const":
            good = len(rest) == 1 and (op != "const" or _is_number(rest[0]))
        elif op == DT:
            good = not rest
        else:
            count = len(rest)
            fits = (
                rule is not None
                and op != "leaf"
                and (count % 2 == 1 if rule.takes == "*" else count == len(rule.takes))
            )
            good = fits and all(k.isascii() and k.isdigit() and len(k) < 9 and int(k) < place for k in rest)
        if not good:
            raise FormatError(f"line {place} of a step, {shown(line)}, is no operation on the lines above it")
        out.append(parts)
    return out


def _is_number(text: str) -> bool:
    try:
        return float(text) > -float("inf")
    except ValueError:
        return False


def _table(data: Data, key: str) -> dict[str, Any]:
    found = data.get(key, {})
    _named(found, key)
    return found  # type: ignore[no-any-return]


def _named(found: Data, key: str) -> None:
    if not isinstance(found, dict) or not all(_is_name(n) for n in found):
        raise FormatError(f"a neuron's {key!r} are by name, not {shown(found)}")


def _is_name(name: Any) -> bool:
    """Whether a field, port or state may have this name: a word of Python, and nothing that a neuron has itself."""
    word = isinstance(name, str) and name.isidentifier() and not keyword.iskeyword(name)
    return word and not name.startswith("_") and unicodedata.normalize("NFKC", name) == name


def _texts(data: Data, key: str) -> dict[str, str]:
    found = _table(data, key)
    if not all(isinstance(v, str) for v in found.values()):
        raise FormatError(f"a neuron's {key!r} are texts by name, not {shown(found)}")
    return found


def _pairs(found: Data) -> dict[str, Any]:
    pairs = isinstance(found, list) and all(isinstance(p, list) and len(p) == 2 for p in found)
    if not pairs or not all(isinstance(n, str) for n, _ in found) or len({n for n, _ in found}) < len(found):
        raise FormatError(f"a neuron's 'outputs' are pairs of a name and a line, each name once, not {shown(found)}")
    return {n: v for n, v in found}


def _places(found: Data, key: str, count: int) -> dict[str, int]:
    _named(found, key)
    if not all(type(v) is int and 0 <= v < count for v in found.values()):
        raise FormatError(f"a neuron's {key!r} are lines of its step by name, not {shown(found)}")
    return found


def _param(neuron: str, name: str, data: Data) -> Param:
    texts, bounds = ("doc", "unit"), ("above", "at_least")
    if (
        not isinstance(data, dict)
        or set(data) - {*texts, *bounds}
        or not all(isinstance(data.get(k, ""), str) for k in texts)
        or not all(data.get(k) is None or isinstance(data[k], int | float) for k in bounds)
    ):
        raise FormatError(f"neuron {neuron!r}: parameter {name!r} is {shown(data)}")
    return Param(0.0, **data)
