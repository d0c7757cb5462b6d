"""What a graph is in numbers: shapes, weights, synapses, memory and operations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from neurograph.connectivity.projected import Projected
from neurograph.graph import Graph
from neurograph.summary import rows_of, weights_of

if TYPE_CHECKING:
    from neurograph.tape import Tape


def facts_of(graph: Graph, tape: Tape) -> dict[str, Any]:
    """The facts of a graph and its tape after `infer`."""
    synapses = _synapses(tape)
    rows: list[dict[str, Any]] = []
    for row in rows_of(graph, tape):
        fact = {"name": row.name, "kind": row.kind, "what": row.what, "shape": list(row.shape), "weights": row.weights}
        fact["macs"] = row.macs
        if row.kind == "projection" and graph.projections[row.name].rule is not None:
            fact["synapses"] = synapses[row.name]
        rows.append(fact)
    units = [i for i in tape.walk() if i.op == "neuron"]
    neurons = sum(math.prod(tape.slots[f"{p.name}.{p.neuron.outputs[0]}"].shape) for p in graph.populations)
    states = sum(len(i.what.states) * math.prod(tape.slots[i.outs[0]].shape) for i in units)
    counted = [c for c in synapses.values() if c is not None]
    digest = getattr(graph, "hash", None)
    return {
        "name": graph.name,
        "hash": digest() if callable(digest) else digest,
        "dt": tape.dt,
        "inputs": {n.name: list(n.shape) for n in graph.inputs},
        "outputs": {n.name: list(tape.slots[n.name].shape) for n in graph.outputs},
        "populations": len(graph.populations),
        "neurons": neurons,
        "projections": len(graph.projections),
        "probes": sorted(graph.probes),
        "weights": weights_of(tape),
        "weight_bytes": 4 * sum(math.prod(w.shape) for w in tape.weights.values()),
        "state_values": states,
        "synapses": sum(counted) if len(counted) == len(synapses) else None,
        "macs": sum(r["macs"] for r in rows),
        "rows": rows,
    }


def _synapses(tape: Tape) -> dict[str, float | None]:
    """The expected number of synapses of each projection through a rule, by the projection's name."""
    out: dict[str, float | None] = {}
    for instr in tape.walk():
        if isinstance(instr.what, Projected):
            p = instr.what
            n_pre, n_post = math.prod(p.source), math.prod(p.target)
            out[instr.name.rpartition(".")[0]] = p.rule.expected(n_pre, n_post, p.recurrent)
    return out
