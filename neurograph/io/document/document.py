"""A graph as one document of plain data, and the graph of a document.

    {"name": ..., "nodes": [...], "projections": [...], "probes": [...], "steps": {hash: step of a neuron}}

Nodes and projections stand in the order they were declared. The document is what the formats write, what the hash of a
graph is made from and what two graphs are compared by.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

import numpy as np

from neurograph.connectivity.rule import Rule
from neurograph.constructed import members
from neurograph.errors import FormatError, NeuroGraphError, read_from
from neurograph.graph import Graph, Input, Output, Projection
from neurograph.io.document.steps import Written, neuron_of, step_hash, written_step
from neurograph.io.document.values import Data, Reader, Unknown, Writer, made, shown
from neurograph.projections.combine import Combine
from neurograph.spec import Neuron

Array = np.ndarray[Any, Any]
_GATHERED: ContextVar[list[FormatError] | None] = ContextVar("gathered", default=None)
_BY_NAME = ("with", "later", "mapping", "csr")
PARTS = ("name", "nodes", "projections", "probes", "steps")


def document(graph: Graph, array: Callable[[Array], Data], *, places: bool = True) -> Data:
    """The document of a graph; `array` stores an array and returns what stands for it.

    `places` keeps where each part was declared. Raises FormatError where a part cannot be written.
    """
    steps: dict[str, Data] = {}
    try:
        graph.name.encode()
    except (UnicodeEncodeError, AttributeError) as error:
        raise FormatError(f"the name of the graph, {graph.name!r}, is no text that can be written: {error}") from None

    def step(neuron: Neuron) -> str:
        key, data = written_step(neuron)
        steps[key] = data
        return key

    writer = Writer(array, step)

    def placed(part: Any, data: dict[str, Data]) -> Data:
        return {**data, "at": part.at} if places else data

    nodes, projections, probes = [], [], []
    for node in graph.nodes.values():
        with _part(_title(node), node.at):
            nodes.append(placed(node, _node(node, writer)))
    for projection in graph.projections.values():
        with _part(f"projection {projection.name!r}", projection.at):
            projections.append(placed(projection, _projection(projection, writer)))
    for probe in graph.probes.values():
        neurons = None if probe.neurons is None else list(probe.neurons)
        data = {"of": probe.population, "variable": probe.variable, "neurons": neurons, "every": probe.every}
        probes.append(placed(probe, data))
    return {"name": graph.name, "nodes": nodes, "projections": projections, "probes": probes, "steps": steps}


@contextmanager
def gathering() -> Iterator[list[FormatError]]:
    """While entered, a part that cannot be read is left out and its error listed, so that all are found at once."""
    found: list[FormatError] = []
    token = _GATHERED.set(found)
    try:
        yield found
    finally:
        _GATHERED.reset(token)


def left_out() -> bool:
    """Whether, while gathering, a part could not be read: what is made of the rest is not what was written."""
    return bool(_GATHERED.get())


def graph_of(data: Data, array: Callable[[Data], Array]) -> Graph:
    """The graph of a document; `array` gives the array of what stands for it. Raises FormatError."""
    if not isinstance(data, dict) or not isinstance(data.get("name"), str):
        raise FormatError(f"{shown(data)} is no graph: it needs a name, nodes, projections, probes and steps")
    surplus = set(data) - set(PARTS)
    if surplus:
        raise FormatError(f"the graph holds {', '.join(map(repr, sorted(surplus)))}, which nothing reads")
    steps = data.get("steps", {})
    if not isinstance(steps, dict):
        raise FormatError(f"'steps' are by their hash, not {shown(steps)}")

    known = members("neuron")

    def neuron(name: str, arguments: dict[str, Any], key: Data) -> Neuron:
        return _neuron(name, arguments, key, steps, known)

    reader, graph, found = Reader(array, neuron), Graph(data["name"]), _GATHERED.get()
    for k, node in enumerate(_list(data, "nodes")):
        with _part(f"node {k} ({shown(_name(node))})", _at(node), found):
            _add_node(graph, node, reader)
    # of what only follows from a node that was left out nothing is said
    lost = {str(_name(n)) for n in _list(data, "nodes")} - set(graph.nodes) if found else set()
    for k, projection in enumerate(_list(data, "projections")):
        if lost and isinstance(projection, dict):
            ends = {str(projection.get(e)).partition(":")[0] for e in ("source", "target")}
            if lost & ends:
                continue
        with _part(f"projection {k} ({shown(_name(projection))})", _at(projection), found):
            _add_projection(graph, projection, reader)
    for k, probe in enumerate(_list(data, "probes")):
        if isinstance(probe, dict) and str(probe.get("of")) in lost:
            continue
        with _part(f"probe {k}", _at(probe), found):
            _only(probe, "of", "variable", "neurons", "every", "at")
            neurons = probe.get("neurons")
            if neurons is not None and not (isinstance(neurons, list) and all(type(n) is int for n in neurons)):
                raise FormatError(f"neurons are whole numbers, not {shown(neurons)}")
            every = probe.get("every", 1)
            if type(every) is not int:
                raise FormatError(f"'every' is a whole number of steps, not {shown(every)}")
            key = f"{_text(probe, 'of')}.{_text(probe, 'variable')}"
            if key in graph.probes:
                raise FormatError(f"{key!r} is probed twice")
            graph.probe(probe["of"], probe["variable"], neurons=neurons, every=every)
            graph.probes[key] = replace(graph.probes[key], at=_at(probe))
    return graph


def canonical(graph: Graph) -> Data:
    """What a graph computes, as data: arrays by type, shape and hash, steps by hash, and no places."""

    return {n: v for n, v in document(graph, _hashed, places=False).items() if n != "steps"}


def _hashed(array: Array) -> Data:
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return [little.dtype.str, list(array.shape), hashlib.sha256(little.data).hexdigest()]


def hash_of(graph: Graph) -> str:
    """A hash of what a graph computes: the same in every process and on every machine."""
    return hash_of_document(canonical(graph))


class Digests:
    """Reads arrays as `array` does, and keeps the hash of each, so that none is read twice."""

    def __init__(self, array: Callable[[Data], Array]):
        self._array, self._of = array, dict[int, Data]()

    def __call__(self, stored: Data) -> Array:
        found = self._array(stored)
        self._of[id(stored)] = _hashed(found)
        return found

    def hash_of_data(self, data: dict[str, Data]) -> str:
        """`hash_of` the graph that this document was written from, when all of its arrays have been read.

        It is that of what the file says: the graph made from it may have more, where a class has been given a further
        argument since, and the file is as good as it was.
        """

        def plain(part: Data) -> Data:
            if isinstance(part, list):
                return [plain(p) for p in part]
            return {k: entry(k, v) for k, v in part.items()} if isinstance(part, dict) else part

        def entry(key: str, value: Data) -> Data:
            if key in ("array", "scalar"):
                return self._of.get(id(value))
            if key in _BY_NAME and isinstance(value, dict):  # names that somebody chose: "array" is none of ours there
                return {n: plain(v) for n, v in value.items()}
            return plain(value)

        kept = {n: plain(v) for n, v in data.items() if n != "steps"}
        for name in ("nodes", "projections", "probes"):
            kept[name] = [{k: v for k, v in part.items() if k != "at"} for part in kept.get(name, [])]
        return hash_of_document(kept)


def hash_of_document(data: Data) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _node(node: Any, writer: Writer) -> dict[str, Data]:
    if isinstance(node, Input):
        return {"input": node.name, "shape": list(node.shape), "encoder": writer.part(node.encoder)}
    if isinstance(node, Output):
        return {"output": node.name, "readout": writer.part(node.readout)}
    shape = None if node.shape is None else list(node.shape)
    combine = node.combine if isinstance(node.combine, str) else writer.part(node.combine)
    return {"population": node.name, "neuron": writer.part(node.neuron), "shape": shape, "combine": combine}


def _projection(p: Projection, writer: Writer) -> dict[str, Data]:
    return {
        "projection": p.name,
        "source": f"{p.source.node}:{p.source.port}",
        "target": f"{p.target.node}:{p.target.port}",
        "operators": [writer.part(o) for o in p.operators],
        "delay": writer.data(p.delay),
        "weight": writer.data(p.weight),
        "synapses": [writer.part(s) for s in p.synapses],
        "plasticity": None if p.plasticity is None else writer.part(p.plasticity),
    }


def _add_node(graph: Graph, data: Data, reader: Reader) -> None:
    kind = next((k for k in ("input", "population", "output") if isinstance(data, dict) and k in data), None)
    node: Any
    if kind == "input":
        _only(data, "input", "shape", "encoder", "at")
        encoder = reader.part(data.get("encoder"), "encoder")
        node = graph.input(_text(data, "input"), _shape(data), encoder=encoder)
        encoder.shape(node.shape)
    elif kind == "output":
        _only(data, "output", "readout", "at")
        node = graph.output(_text(data, "output"), readout=reader.part(data.get("readout"), "readout"))
    elif kind == "population":
        _only(data, "population", "neuron", "shape", "combine", "at")
        combine = data.get("combine", "add")
        node = graph.population(
            _text(data, "population"),
            reader.part(data.get("neuron"), "neuron"),
            None if data.get("shape") is None else _shape(data),
            combine=combine if isinstance(combine, str) else _is(reader.part(combine, "combine"), Combine),
        )
    else:
        raise FormatError("a node is an input, a population or an output")
    graph.nodes[node.name] = replace(node, at=_at(data))


def _add_projection(graph: Graph, data: Data, reader: Reader) -> None:
    _only(data, "projection", "source", "target", "operators", "delay", "weight", "synapses", "plasticity", "at")
    operators = [reader.part(o, "operator") for o in _list(data, "operators")]
    synapses = [reader.part(s, "synapse") for s in _list(data, "synapses")]
    plasticity = None if data.get("plasticity") is None else reader.part(data["plasticity"], "plasticity")
    delay, weight = reader.value(data.get("delay", 0.0)), reader.value(data.get("weight", 1.0))
    ruled = any(isinstance(o, Rule) for o in operators)
    own = ruled and getattr(operators[0], "delay", None) is not None
    if not ruled and _differ(weight, 1.0):
        raise FormatError("it has a weight, which only a connectivity rule takes")
    if own and _differ(operators[0].delay, delay):
        raise FormatError("its delay is not that of its synapses")
    before = set(graph.projections)
    graph.connect(
        _text(data, "source"), _text(data, "target"), *operators,
        weight=weight if ruled else None, delay=None if own else delay,
        synapse=synapses, plasticity=plasticity, name=_text(data, "projection"),
    )  # fmt: skip
    (name,) = set(graph.projections) - before
    graph.projections[name] = replace(graph.projections[name], at=_at(data))


def _differ(one: Any, two: Any) -> bool:
    return type(one) is not type(two) or not np.array_equal(one, two)


def _neuron(
    name: str, arguments: dict[str, Any], key: Data, steps: dict[str, Data], known: Mapping[str, type[Any]]
) -> Neuron:
    """A neuron of its class, where that is here and still computes what the file says; else of the step in the file."""
    step = steps.get(key) if isinstance(key, str) else None
    if key is not None and (not isinstance(step, dict) or step_hash(step) != key):
        raise FormatError(f"the step of neuron {name!r}, {shown(key)}, is not in the file, or not as it was written")
    cls = known.get(name)
    foreign = any(isinstance(v, Unknown) for v in arguments.values())
    if cls is not None and not foreign:
        out = made(cls, name, arguments, {})
        try:
            if step is None or written_step(out)[0] == key:
                return out  # type: ignore[no-any-return]
        except NeuroGraphError as error:
            raise FormatError(str(error)) from None
    if step is None:
        raise FormatError(
            f"unknown neuron {name!r}, and the file holds no step of it; known are {', '.join(sorted(known))}. "
            "Import the module that declares it before reading the file"
        )
    return neuron_of(name, step, str(key), arguments)


@contextmanager
def _part(what: str, at: str, found: list[FormatError] | None = None) -> Iterator[None]:
    """Say in an error which part of the graph it is about; with `found`, list it there and go on."""
    try:
        with read_from(at or "an unknown place"):
            yield
    except (NeuroGraphError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        problem = FormatError(f"{what}{f' ({at})' if at else ''}: {str(error) or type(error).__name__}")
        if found is None:
            raise problem from None
        found.append(problem)


def _title(node: Any) -> str:
    return f"{type(node).__name__.lower()} {node.name!r}"


def _name(data: Data) -> Data:
    keys = ("input", "population", "output", "projection")
    return next((data[k] for k in keys if isinstance(data, dict) and k in data), "?")


def _at(data: Data) -> str:
    at = data.get("at", "") if isinstance(data, dict) else ""
    return at if isinstance(at, str) else ""


def _only(data: Data, *known: str) -> None:
    if not isinstance(data, dict):
        raise FormatError(f"{shown(data)} is not a part of a graph")
    surplus = set(data) - set(known)
    if surplus:
        raise FormatError(f"it holds {', '.join(map(repr, sorted(surplus)))}, which nothing reads")


def _text(data: Data, key: str) -> str:
    if not isinstance(data.get(key), str):
        raise FormatError(f"{key!r} is a text, not {shown(data.get(key))}")
    return data[key]  # type: ignore[no-any-return]


def _list(data: Data, key: str) -> list[Data]:
    found = data.get(key, [])
    if not isinstance(found, list):
        raise FormatError(f"{key!r} is a list, not {shown(found)}")
    return found


def _shape(data: Data) -> tuple[int, ...]:
    sizes = data.get("shape")
    if not isinstance(sizes, list) or not all(type(n) is int and n > 0 for n in sizes) or math.prod(sizes) >= 2**62:
        raise FormatError(f"a shape is whole numbers above 0, not {shown(sizes)}")
    return tuple(sizes)


def _is(value: Any, kind: type[Any]) -> Any:
    if not isinstance(value, kind):
        raise FormatError(f"{value!r} is no {kind.__name__}")
    return value


__all__ = [
    "Digests",
    "Written",
    "canonical",
    "document",
    "gathering",
    "graph_of",
    "hash_of",
    "hash_of_document",
    "left_out",
]
