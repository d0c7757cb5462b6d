"""Tables for people: what a graph is and what a program will run."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurograph.errors import NeuroGraphError
from neurograph.graph import Graph, Input, Population
from neurograph.step_length import fitting_dt
from neurograph.tape import Tape


@dataclass(frozen=True)
class Row:
    """A node or projection: what it is, its shape, its trainable weights, multiply-accumulates per sample and step."""

    name: str
    kind: str
    what: str
    shape: tuple[int, ...]
    weights: int
    macs: int


def summary_of(graph: Graph, dt: float | None = None) -> str:
    """Nodes and projections with shapes, weights and multiply-accumulates per sample and step.

    A graph that cannot be run with `dt` (default: one that its delays fit) is said to be incomplete, with the reason.
    """
    from neurograph.compiler import lower

    try:
        tape = lower(graph, dt=fitting_dt(graph) if dt is None else dt, stop_after="infer")
    except NeuroGraphError as error:
        nodes = ", ".join(graph.nodes)
        return f"{graph!r} (not complete: {error})\nnodes: {nodes}"
    rows = rows_of(graph, tape)
    header = ("name", "kind", "what", "shape", "weights", "MACs/step")
    text = [
        [
            r.name,
            r.kind,
            r.what,
            "x".join(map(str, r.shape)),
            f"{r.weights:,}" if r.weights else "",
            f"{r.macs:,}" if r.macs else "",
        ]
        for r in rows
    ]
    lines = [f"{graph.name}", *_table([list(header), *text])]
    weights, macs = weights_of(tape), sum(r.macs for r in rows)
    lines.append(f"{weights:,} weights, {macs:,} multiply-accumulates per sample and step")
    return "\n".join(lines)


def rows_of(graph: Graph, tape: Tape) -> list[Row]:
    """Nodes, then projections, of a graph and its tape after `infer`."""
    macs: Counter[str] = Counter()
    for instr in tape.instructions:
        shapes = [tape.slots[s].shape for s in instr.ins]
        if instr.op == "apply":  # a projection's name, a dot, the operator's key
            macs[instr.name.rpartition(".")[0]] += instr.what.macs(shapes[0], tape.slots[instr.outs[0]].shape)
        elif instr.op == "combine":
            macs[instr.name] += instr.what.macs(shapes)
    rows = []
    for node in graph.nodes.values():
        what = (
            node.neuron if isinstance(node, Population) else node.encoder if isinstance(node, Input) else node.readout
        )
        slot = f"{node.name}.{node.neuron.outputs[0]}" if isinstance(node, Population) else node.name
        kind = type(node).__name__.lower()
        rows.append(
            Row(node.name, kind, repr(what), tape.slots[slot].shape, weights_of(tape, node.name), macs[node.name])
        )
    for p in graph.projections.values():
        delay = f" delay={_delay(p.delay)}" if not (isinstance(p.delay, int | float) and p.delay == 0) else ""
        port = f":{p.target.port}" if _ports(graph, p.target.node) > 1 else ""
        chain = " > ".join(map(repr, p.operators)) or "one to one"
        way = f"{p.source.node} -> {p.target.node}{port}{delay}: {chain}"
        rows.append(Row(p.name, "projection", way, (), weights_of(tape, p.name), macs[p.name]))
    return rows


def _delay(delay: Any) -> str:
    """A delay, a distribution of delays, or how many there are."""
    if isinstance(delay, int | float):
        return f"{delay:g}"
    return f"{np.size(delay):,} of them" if isinstance(delay, np.ndarray) else repr(delay)


def weights_of(tape: Tape, owner: str = "") -> int:
    """How many numbers training would change: all, or those of one node or projection."""
    within = f"{owner}." if owner else ""
    held = (w for n, w in tape.weights.items() if n.startswith(within))
    return sum(math.prod(w.shape) for w in held if w.learnable and not w.buffer)


def _ports(graph: Graph, name: str) -> int:
    node = graph.nodes[name]
    return len(node.neuron.inputs) if isinstance(node, Population) else 1


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
    count = weights_of(program.tape)
    dtype = str(program.dtype).removeprefix("torch.")
    device = getattr(program, "device", "cpu")
    return f"{program.backend} program, {dtype} on {device}, {count:,} weights\n{program.tape}"
