"""Parts of graphs and whole graphs at random: every class of every family, with arguments of every kind that it takes.

Arguments come from the names, annotations and defaults of constructors, so that a new class is taken up as it is.
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

import neurograph as ng
from neurograph.constructed import FAMILIES, Constructed, members
from neurograph.fields import Option, Param, State, SurrogateOption

SHAPE = (3, 4)
TRIES = 60


def number(rng: random.Random) -> Any:
    """A number of any type: what is told apart in a file."""
    value = rng.choice([0.25, 1.0, 2.0, 3.5, 1e-7, 5e-324, 1e300, 12.0, 0.1])
    kind = rng.choice([float, float, int, np.float32, np.float64, np.int64, np.float16, np.int8])
    if kind in (int, np.int64, np.int8):
        return kind(min(100, max(1, round(value))))
    return kind(min(value, 6e4)) if kind is np.float16 else float(value) if kind is float else kind(min(value, 1e30))


def array(rng: random.Random, shape: tuple[int, ...], dtype: str = "") -> np.ndarray:
    """An array of any type and memory order, with the values that are easily lost."""
    kind = np.dtype(dtype or rng.choice(["f4", "f8", "f2", ">f8", "i1", "i4", "u2", "?", "f8", "f4"]))
    values = np.array([rng.choice([1.0, 2.0, 0.5, 3.25, 1.0]) for _ in range(int(np.prod(shape)))])
    if kind.kind == "f" and values.size:
        values[rng.randrange(values.size)] = rng.choice([1.0, float(np.finfo(kind).smallest_subnormal), 7.0])
    out = values.reshape(shape).astype(kind)
    out = np.ones(shape, kind) if kind.kind in "biu" and rng.random() < 0.5 else out
    return np.asfortranarray(out) if rng.random() < 0.3 else out


def distribution(rng: random.Random) -> Any:
    return part(rng.choice(list(members("distribution").values())), rng)


def by_name(name: str, rng: random.Random) -> Any:
    """An argument of a known name, or None: what operators and rules require."""
    n = rng.randint(1, 5)
    known: dict[str, Callable[[], Any]] = {
        "matrix": lambda: sparse.random_array(
            (3, 4),
            density=0.6,
            format=rng.choice(["csr", "csc", "coo"]),
            rng=rng.randrange(99),
            dtype=rng.choice([np.float32, np.float64]),
        ),
        "index": lambda: rng.choice([0, -1, slice(0, 2), slice(None, None, 2), slice(1, None)]),
        "shape": lambda: tuple(rng.randint(1, 4) for _ in range(n)),
        "profile": lambda: rng.choice(["gaussian", "exponential", "disc"]),
        "positions": lambda: rng.choice([None, array(rng, (12, 2), "f8")]),
        "periodic": lambda: rng.choice([False, True, (2.0, 3.0)]),
        "pre": lambda: np.arange(3, dtype=rng.choice(["i4", "i8", "u2"])),
        "post": lambda: np.array([0, 1, 1]),
        "delay": lambda: rng.choice([None, np.array([1.0, 2.0, 1.5])]),
        "times": lambda: [0.5, 1.0, 1.0, 7.25],
        "neurons": lambda: [0, 1, 2, 1],
        "values": lambda: array(rng, rng.choice([(5,), (5, 12)])),
        "rates": lambda: array(rng, rng.choice([(5,), (5, 12)])),
        "step": lambda: rng.choice([0.5, array(rng, (3,), "f8")]),
        "weight": lambda: rng.choice([0.5, array(rng, (3,), "f8"), array(rng, (2, 3), "f4"), -0.0]),
        "bias": lambda: rng.choice([True, False, array(rng, (3,), "f8")]),
        "size": lambda: rng.choice([3, 4, (2, 3)]),
        "kernel": lambda: rng.choice([2, 3, (2, 3)]),
        "padding": lambda: rng.choice([0, 1, (1, 0), "same", "valid"]),
        "stride": lambda: rng.choice([1, 2, (1, 2)]),
        "features": lambda: rng.choice([None, 3]),
        "channels": lambda: rng.choice([1, 4]),
        "axes": lambda: rng.choice([1, (0, 1)]),
        "low": lambda: rng.choice([None, 0.0, -1]),
        "high": lambda: rng.choice([None, 1.5, 3]),
    }
    return known[name]() if name in known else None


def argument(parameter: inspect.Parameter, rng: random.Random) -> Any:
    """A value for a parameter of a constructor."""
    found, default, kind = by_name(parameter.name, rng), parameter.default, str(parameter.annotation)
    if found is not None:
        return found
    if isinstance(default, bool) or kind.startswith("bool"):
        return rng.random() < 0.5
    if isinstance(default, str):
        return default
    if kind.startswith("int") or isinstance(default, int):
        return rng.randint(0, 4)
    if kind.startswith("float") or isinstance(default, float):
        return rng.choice([0.25, 0.5, 1.0, 2.0])
    if kind.startswith("Sequence[int]"):
        return (1, 2)
    return None if default is None else number(rng)


def spread(name: str, rng: random.Random) -> list[Any]:
    """What stands for *name."""
    return {"order": [1, 0], "sides": [(1, 0), (0, 2)]}.get(name) or [rng.randint(1, 3) for _ in range(2)]


def field(cls: type[Any], name: str, declared: Any, rng: random.Random) -> Any:
    """A value for a declared field, in a population of SHAPE."""
    if isinstance(declared, SurrogateOption):
        return part(rng.choice(list(members("surrogate").values())), rng)
    if isinstance(declared, Option):
        return rng.choice(declared.choices) if declared.choices else declared.default
    if issubclass(cls, ng.Plasticity):
        return rng.choice([0.25, 1, 2.0, 0.0])
    shape = rng.choice([(), (SHAPE[0],), (SHAPE[0], 1), SHAPE])
    if isinstance(declared, State):
        params = [n for n, d in cls._fields.items() if isinstance(d, Param)]
        own = [rng.choice(params)] if params else []
        return rng.choice([number(rng), array(rng, SHAPE), -0.0, distribution(rng), *own])
    value = rng.choice([number(rng), declared.default, array(rng, shape)])
    if rng.random() < 0.3 and not isinstance(value, ng.Learnable):
        return ng.learnable(
            value, per=rng.choice(["population", "channel", "neuron"]) if np.ndim(value) == 0 else "neuron"
        )
    return value


def part(cls: type[Constructed], rng: random.Random) -> Any:
    """An object of a class, from arguments it accepts."""
    parameters = inspect.signature(cls.__init__).parameters
    own = {} if cls.__init__ is object.__init__ else {n: p for n, p in parameters.items() if n != "self"}
    declared = getattr(cls, "_fields", {})
    for attempt in range(TRIES):
        some = attempt < TRIES - 10  # and if nothing is accepted, only what is required
        positional, keywords = [], {}
        for name, p in own.items():
            if p.kind is p.VAR_POSITIONAL:
                positional = spread(name, rng)
            elif p.kind is not p.VAR_KEYWORD and (p.default is p.empty or (some and rng.random() < 0.5)):
                keywords[name] = argument(p, rng)
        for name, d in declared.items():
            if some and rng.random() < 0.4:
                keywords[name] = field(cls, name, d, rng)
        try:
            return cls(*positional, **keywords)
        except (ng.NeuroGraphError, ValueError, TypeError, LookupError):
            continue
    raise AssertionError(f"no arguments found that {cls.__name__} accepts: name some in tests/io/parts.py")


def classes() -> list[tuple[str, type[Constructed]]]:
    """Every class of every family."""
    return [(family, members(family)[name]) for family in FAMILIES for name in sorted(members(family))]


def some(family: str, rng: random.Random) -> Any:
    return part(rng.choice(list(members(family).values())), rng)


def later(operator: Any, rng: random.Random) -> Any:
    """An operator, perhaps with weights set after it was made."""
    if rng.random() < 0.3 and not isinstance(operator, ng.connectivity.rule.Rule):
        return operator.started(weight=array(rng, (2, 3), "f8"))
    return operator


def holding(cls: type[Constructed], rng: random.Random) -> ng.Graph:
    """A graph that holds an object of a class."""
    made, graph = part(cls, rng), ng.Graph(f"holds {cls.__name__}")
    family = cls.family
    if family == "encoder":
        graph.input("x", (6,), encoder=made)
        return graph
    if family == "readout":
        graph.output("y", readout=made)
        return graph
    neuron = made if family == "neuron" else ng.LIF(surrogate=made) if family == "surrogate" else ng.LIF()
    if family == "distribution":
        neuron = ng.LIF(v=made)
    graph.population("n", neuron, SHAPE, combine=made if family == "combine" else "add")
    graph.population("m", ng.LIF(), SHAPE)
    rule = ng.FixedProbability(0.5)
    ruled = isinstance(made, ng.connectivity.rule.Rule)
    if family == "operator":
        graph.connect("m", "m", later(made, rng), weight=number(rng) if ruled else None)
    elif family == "synapse":
        graph.connect("m", "m", rule, synapse=made)
    elif family == "plasticity":
        graph.connect("m", "m", rule, delay=1.0, plasticity=made)
    elif family == "distribution":
        graph.connect("m", "m", rule, weight=made, delay=made)
    return graph


NAMES = (
    "a",
    "block1.lif",
    "Übung".replace("Ü", "U") + "ä",
    "x_1",
    "deep.er.still.n0",
    "名前".join(("n", "")),
    "T",
    "self_",
)


def graph(rng: random.Random) -> ng.Graph:
    """A whole graph at random: it can be declared; nothing says that it can run."""
    out = ng.Graph(rng.choice(["g", "", "a name / with 'signs' \\ and ☃", "line\nbreak"]))
    for k in range(rng.randint(0, 3)):
        encoder = rng.choice([None, some("encoder", rng)])
        out.input(f"in{k}", rng.choice([3, (3, 4), (2, 3, 4)]), encoder=encoder)
    for name in rng.sample(NAMES, rng.randint(1, 4)):
        combine = rng.choice(["add", "concat", some("combine", rng)])
        out.population(name, some("neuron", rng), rng.choice([None, SHAPE, 5]), combine=combine)
    for k in range(rng.randint(0, 2)):
        out.output(f"out.{k}", readout=rng.choice([None, some("readout", rng)]))
    populations = [p.name for p in out.populations]
    sources = [*populations, *(i.name for i in out.inputs)]
    targets = [p for p in populations if out.nodes[p].neuron.inputs] + [o.name for o in out.outputs]
    for k in range(rng.randint(0, 6)):
        if targets:
            connected(out, rng, rng.choice(sources), rng.choice(targets), k)
    for name in populations:
        if rng.random() < 0.5:
            neurons = rng.choice([None, [0, 2], range(2)])
            out.probe(name, *rng.sample(out._recordable(name)[2], 1), neurons=neurons, every=rng.randint(1, 3))
    return out


def connected(out: ng.Graph, rng: random.Random, source: str, target: str, k: int) -> None:
    node = out.nodes[target]
    if isinstance(node, type(out.populations[0])):
        target = f"{target}:{rng.choice(node.neuron.inputs)}"
    name = rng.choice([None, f"p{k}", f"own.name{k}"])
    delay = rng.choice([None, 0, 1, 2.5, np.float64(3.0)])
    if rng.random() < 0.4:
        rules = [c for c in members("operator").values() if issubclass(c, ng.connectivity.rule.Rule)]
        rule = part(rng.choice(rules), rng)
        own = getattr(rule, "delay", None) is not None
        fits = source in [p.name for p in out.populations] and not own
        plastic = some("plasticity", rng) if fits and rng.random() < 0.4 else None
        synapse = [some("synapse", rng) for _ in range(rng.randint(0, 2))]
        delays = 1.5 if plastic else rng.choice([None, 1.0, distribution(rng), array(rng, (3,), "f8")])
        weight = rng.choice([None, number(rng), distribution(rng), ng.learnable(0.5), array(rng, (3,))])
        out.connect(
            source,
            target,
            rule,
            weight=weight,
            delay=None if own else delays,
            synapse=synapse,
            plasticity=plastic,
            name=name,
        )
        if plastic and rng.random() < 0.5:
            out.probe(list(out.projections.values())[-1], "w")
        return
    plain = [c for c in members("operator").values() if not issubclass(c, ng.connectivity.rule.Rule)]
    operators = [later(part(rng.choice(plain), rng), rng) for _ in range(rng.randint(0, 3))]
    out.connect(source, target, *operators, delay=delay, name=name)
