"""Tables for people: what a graph is and what a program will run."""

from __future__ import annotations

import math
from typing import Any

from neurograph.errors import NeuroGraphError
from neurograph.graph import Graph, Input, Population


def summary_of(graph: Graph, dt: float = 1.0) -> str:
    """Nodes and projections with shapes, weights and multiply-accumulates per sample and step."""
    from neurograph.compiler import lower

    try:
        tape = lower(graph, dt=dt, stop_after="infer")
    except NeuroGraphError as error:
        nodes = ", ".join(graph.nodes)
        return f"{graph!r} (not complete: {error})\nnodes: {nodes}"
    shapes = {n.name: tape.slots[n.name].shape for n in graph.nodes.values() if not isinstance(n, Population)}
    for population in graph.populations:
        shapes[population.name] = tape.slots[f"{population.name}.{population.neuron.outputs[0]}"].shape
    rows = []
    for node in graph.nodes.values():
        what = (
            node.neuron if isinstance(node, Population) else node.encoder if isinstance(node, Input) else node.readout
        )
        own = _count(tape, node.name)
        rows.append((node.name, type(node).__name__.lower(), repr(what), _size(shapes[node.name]), own, 0))
    total_macs = 0
    for p in graph.projections.values():
        macs = 0
        for instr in tape.instructions:
            if instr.op == "apply" and instr.name.startswith(f"{p.name}."):
                macs += instr.what.macs(tape.slots[instr.ins[0]].shape, tape.slots[instr.outs[0]].shape)
        total_macs += macs
        delay = f" delay={p.delay:g}" if p.delay else ""
        port = f":{p.target.port}" if _ports(graph, p.target.node) > 1 else ""
        chain = " > ".join(map(repr, p.operators)) or "one to one"
        rows.append(
            (
                p.name,
                "projection",
                f"{p.source.node} -> {p.target.node}{port}{delay}: {chain}",
                "",
                _count(tape, p.name),
                macs,
            )
        )
    header = ("name", "kind", "what", "shape", "weights", "MACs/step")
    text = [[a, b, c, d, f"{w:,}" if w else "", f"{m:,}" if m else ""] for a, b, c, d, w, m in rows]
    lines = [f"{graph.name}", *_table([list(header), *text])]
    weights = sum(math.prod(w.shape) for w in tape.weights.values() if w.learnable and not w.buffer)
    lines.append(f"{weights:,} weights, {total_macs:,} multiply-accumulates per sample and step")
    return "\n".join(lines)


def _ports(graph: Graph, name: str) -> int:
    node = graph.nodes[name]
    return len(node.neuron.inputs) if isinstance(node, Population) else 1


def _count(tape: Any, name: str) -> int:
    return sum(
        math.prod(w.shape) for n, w in tape.weights.items() if n.startswith(f"{name}.") and w.learnable and not w.buffer
    )


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def _table(rows: list[list[str]]) -> list[str]:
    widths = [max(len(r[k]) for r in rows) for k in range(len(rows[0]))]
    right = {4, 5}
    out = []
    for i, row in enumerate(rows):
        cells = [c.rjust(w) if k in right else c.ljust(w) for k, (c, w) in enumerate(zip(row, widths, strict=True))]
        out.append("  ".join(cells).rstrip())
        if i == 0:
            out.append("  ".join("-" * w for w in widths))
    return out


def program_summary(program: Any) -> str:
    """The tape with the backend, its dtype and how populations run."""
    weights = program.tape.weights
    count = sum(math.prod(w.shape) for w in weights.values() if w.learnable and not w.buffer)
    dtype = str(program.dtype).removeprefix("torch.")
    device = getattr(program, "device", "cpu")
    return f"{program.backend} program, {dtype} on {device}, {count:,} weights\n{program.tape}"
