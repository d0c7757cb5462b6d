"""The graph that a tape without one was made from, read back from its instructions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from neurograph.connectivity.projected import Projected
from neurograph.graph import Graph, Input, Output, Population, Port, Projection
from neurograph.synapses.synapse import Synapse
from neurograph.tape import Instr, Tape


@dataclass(frozen=True)
class _Way:
    """From an output of a node to where a value is read."""

    source: Port
    operators: tuple[Any, ...] = ()
    synapses: tuple[Synapse, ...] = ()
    delay: Any = 0.0
    weight: Any = 1.0
    plasticity: Any = None
    name: str = ""
    at: str = ""


def graph_of(tape: Tape) -> Graph:
    """Nodes, and a projection for each way through operators, delays and synapses from one to another."""
    graph = Graph(tape.name)
    writer = {slot: instr for instr in tape.walk() if instr.op != "loop" for slot in instr.outs}
    for instr in tape.walk():
        if instr.op == "input":
            graph.nodes[instr.name] = instr.what
        elif instr.op == "neuron" and not isinstance(instr.what, Synapse):
            shape = tape.slots[instr.outs[0]].shape
            graph.nodes[instr.name] = Population(instr.name, instr.what, shape, "add", instr.at)
        elif instr.op == "readout":
            graph.nodes[instr.name] = Output(instr.name, instr.what, instr.at)
    for instr in tape.walk():
        if instr.name in graph.nodes and instr.op in ("neuron", "readout"):
            ports = instr.ports if instr.op == "neuron" else ("input",)
            for port, slot in zip(ports, instr.ins, strict=False):
                for way in _ways(tape, graph, writer, slot):
                    _add(graph, way, Port(instr.name, port))
    return graph


def _ways(tape: Tape, graph: Graph, writer: dict[str, Instr], slot: str) -> list[_Way]:
    instr = writer.get(slot)
    if instr is None or instr.op in ("draw", "zeros"):
        return []
    node = graph.nodes.get(instr.name)
    if isinstance(node, Input):
        return [_Way(Port(instr.name, "output"))]
    if isinstance(node, Population) and instr.op == "neuron":
        return [_Way(Port(instr.name, instr.what.outputs[instr.outs.index(slot)]))]
    behind = [w for s in (instr.ins if instr.op in ("add", "concat", "combine") else instr.ins[:1])
              for w in _ways(tape, graph, writer, s)]  # fmt: skip
    return [_through(instr, way, tape.dt) for way in behind]


def _through(instr: Instr, way: _Way, dt: float) -> _Way:
    owner = instr.name.rpartition(".")[0]
    if instr.op == "apply":
        return replace(way, operators=(*way.operators, instr.what), name=way.name or owner, at=instr.at)
    if instr.op == "delay":
        return replace(way, delay=instr.steps * dt, name=instr.name, at=instr.at)
    if isinstance(instr.what, Projected):
        what = instr.what
        return replace(
            way, operators=(what.rule,), weight=what.weight, delay=what.delay, plasticity=what.plasticity, name=owner,
            at=what.at,
        )  # fmt: skip
    if isinstance(instr.what, Synapse):
        return replace(way, synapses=(*way.synapses, instr.what), name=way.name or owner, at=instr.at)
    return way


def _add(graph: Graph, way: _Way, target: Port) -> None:
    name, k = way.name or f"{way.source.node}_to_{target.node}".replace(".", "_"), 1
    while name in graph.projections:
        k += 1
        name = f"{way.name or 'way'}_{k}"
    graph.projections[name] = Projection(
        name, way.source, target, way.operators, way.delay, way.at, way.weight, way.synapses, way.plasticity
    )
