"""What NIR does not compute but a reader of our own may take up again: readouts, encoders, surrogates, what was probed.

It stands in the metadata as JSON, and no other reader needs it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from neurograph.constructed import Constructed
from neurograph.encode import Direct
from neurograph.errors import FormatError
from neurograph.graph import Graph, Input, Output, Population
from neurograph.io.document.values import Reader, Writer
from neurograph.readout import Steps
from neurograph.spec import Learnable

KEY = "neurograph"


def extras_of(graph: Graph, names: Mapping[str, str]) -> dict[str, str]:
    """The metadata of a graph; `names` are those of its nodes in NIR."""

    def refuse(value: Any) -> Any:
        raise FormatError("an array in metadata")

    writer = Writer(refuse, refuse)
    found: dict[str, dict[str, Any]] = {"readout": {}, "encoder": {}, "surrogate": {}}
    learnt: list[str] = []
    for node in graph.nodes.values():
        kind = ""
        part: Constructed | None = None
        if isinstance(node, Output) and type(node.readout) is not Steps:
            kind, part = "readout", node.readout
        elif isinstance(node, Input) and type(node.encoder) is not Direct:
            kind, part = "encoder", node.encoder
        elif isinstance(node, Population):
            learnt += [f"{node.name}.{n}" for n, v in node.neuron.params.items() if isinstance(v, Learnable)]
            surrogate = node.neuron.options.get("surrogate")
            field = type(node.neuron)._fields.get("surrogate")
            if surrogate is not None and field is not None and repr(surrogate) != repr(field.default):
                kind, part = "surrogate", surrogate
        if part is not None:
            try:
                found[kind][names[node.name]] = writer.part(part)
            except FormatError:  # made by the user; what it was is told in words
                found[kind][names[node.name]] = repr(part)
    out: dict[str, Any] = {kind: parts for kind, parts in found.items() if parts}
    if learnt:
        out["learnable"] = learnt
    if graph.probes:
        out["probes"] = sorted(graph.probes)
    return {KEY: json.dumps(out, sort_keys=True)} if out else {}


def with_extras(graph: Graph, metadata: Mapping[str, Any], names: Mapping[str, str]) -> Graph:
    """The graph with its readouts, encoders and surrogates again, as far as they were written as data."""
    try:
        held = json.loads(metadata.get(KEY, "{}"))
    except (TypeError, ValueError, RecursionError) as error:
        raise FormatError(f"its metadata {KEY!r} is no JSON: {error}") from None

    def refuse(*_: Any) -> Any:
        raise FormatError(f"its metadata {KEY!r} holds an array")

    reader = Reader(refuse, refuse)
    for kind in ("readout", "encoder", "surrogate"):
        parts = held.get(kind, {}) if isinstance(held, dict) else {}
        for name, data in parts.items() if isinstance(parts, dict) else ():
            node = graph.nodes.get(names.get(name, ""))
            if not isinstance(data, dict) or node is None:
                continue
            part = reader.part(data, kind)
            if kind == "readout" and isinstance(node, Output):
                graph.nodes[node.name] = replace(node, readout=part)
            elif kind == "encoder" and isinstance(node, Input):
                graph.nodes[node.name] = replace(node, encoder=part)
            elif kind == "surrogate" and isinstance(node, Population) and hasattr(part, "derivative"):
                given = {**node.neuron.arguments_given(), "surrogate": part}
                graph.nodes[node.name] = replace(node, neuron=type(node.neuron).made(given))
    return graph
