"""Model Explorer: the JSON that Google's Model Explorer opens; operators are nodes, prefixes are layers that open and close."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from neurograph.graph import Graph
from neurograph.io.drawing.facts import EdgeFacts, NodeFacts, facts_of, summary_line
from neurograph.io.drawing.text import TIMES
from neurograph.io.formats.format import Format, replaced_by

Json = dict[str, Any]


class ModelExplorer(Format):
    """One collection with one graph; each part of a projection is a node between the populations."""

    name = "model-explorer"
    endings = (".explorer.json",)
    about = "the graph for Google's Model Explorer"

    def write(self, graph: Graph, path: Path, *, dt: float | None = None) -> None:
        text = json.dumps(explorer_data(graph, dt=dt), indent=1, ensure_ascii=False, allow_nan=False)
        replaced_by(path, (text + "\n").encode())


def explorer_data(graph: Graph, *, dt: float | None = None) -> Json:
    """The collection as plain data: label and graphs; a graph has an id and nodes with their incoming edges."""
    facts = facts_of(graph, dt)
    outputs = {n.name: n.outputs for n in facts.nodes}
    nodes = {n.name: _node(n) for n in facts.nodes}
    for edge in facts.edges:
        before, output = edge.source, _place(outputs[edge.source], edge)
        for k, part in enumerate(edge.parts):
            space, label = _split(edge.name) if len(edge.parts) == 1 else (edge.name.replace(".", "/"), "")
            said = {"operation": part.what, "projection": edge.name, "weights": part.weights, "macs": part.macs}
            if k == 0:
                said |= {"delay": edge.delay, "synapses": edge.synapses, "weight": edge.weight,
                         "plasticity": edge.plasticity}  # fmt: skip
            # a node may have the name of a part, such as "fc.dense" beside a projection "fc"
            name = part.name if part.name not in nodes else f"{part.name} ({edge.name})"
            nodes[name] = {
                "id": name, "label": f"{label}: {part.type}" if label else part.type, "namespace": space,
                "attrs": _attributes(said | ({"declared at": edge.at} if k == 0 else {})),
                "incomingEdges": [_incoming(before, output, "input", edge if k == 0 else None)],
                "outputsMetadata": [_output("0", part.shape, "")],
            }  # fmt: skip
            before, output = name, "0"
        late = None if edge.parts else edge
        nodes[edge.target].setdefault("incomingEdges", []).append(_incoming(before, output, edge.port, late))
    for node in nodes.values():
        if node.get("incomingEdges"):
            ports = dict.fromkeys(e["targetNodeInputId"] for e in node["incomingEdges"])
            node["inputsMetadata"] = [{"id": p, "attrs": _attributes({"port": p})} for p in ports]
    said = {"summary": summary_line(facts), "dt": "" if dt is None else f"{dt:g}", "problem": facts.problem}
    made = {
        "id": facts.name, "nodes": list(nodes.values()),
        "groupNodeAttributes": {"": {k: v for k, v in said.items() if v}},
    }  # fmt: skip
    return {"label": facts.name, "graphs": [made]}


def _node(n: NodeFacts) -> Json:
    space, label = _split(n.name)
    said = {k: v for k, v in n.plain.items() if k != "at"} | {"name": n.name, "declared at": n.at}
    outputs = n.outputs if n.kind == "population" else () if n.kind == "output" else ("output",)
    return {
        "id": n.name, "label": f"{label}: {n.type}", "namespace": space, "attrs": _attributes(said),
        "outputsMetadata": [_output(str(k), n.shape, name) for k, name in enumerate(outputs)],
        "style": {"backgroundColor": {"input": "#fff3d9", "population": "#e6f0fb", "output": "#e2f5e8"}[n.kind]},
    }  # fmt: skip


def _incoming(source: str, output: str, port: str, edge: EdgeFacts | None) -> Json:
    out: Json = {"sourceNodeId": source, "sourceNodeOutputId": output, "targetNodeInputId": port}
    if edge is not None:
        said = {"projection": edge.name, "delay": edge.delay, "recurrent": "yes" if edge.recurrent else ""}
        out["metadata"] = {k: v for k, v in said.items() if v}
    return out


def _output(number: str, shape: tuple[int, ...] | None, name: str) -> Json:
    size = TIMES.join(map(str, shape)) if shape is not None else ""
    return {"id": number, "attrs": _attributes({"name": name, "shape": size, "tensor_shape": size})}


def _place(outputs: tuple[str, ...], edge: EdgeFacts) -> str:
    return str(outputs.index(edge.output)) if edge.output in outputs else "0"


def _attributes(said: dict[str, Any]) -> list[dict[str, str]]:
    return [
        {"key": name, "value": f"{value:,}" if type(value) is int else str(value)}
        for name, value in said.items()
        if value not in ("", 0)
    ]


def _split(name: str) -> tuple[str, str]:
    prefix, _, last = name.rpartition(".")
    return prefix.replace(".", "/"), last
