"""What a simulation is made of, in numbers and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from neurograph.simulate.simulation import Simulation


def memory_of(sim: Simulation) -> dict[str, float]:
    """Bytes of synapses (with plasticity: weights, traces and the index by target too), states, rings and lists."""
    made = [p.what.made for p in sim.circuit.projections.values()]
    synapses, count = sum(m.nbytes for m in made), sum(m.count for m in made)
    synapses += sum(p.nbytes for p in sim.engine.plastic.values())
    synapses += sum(w.nbytes for w in sim.engine.weights.values() if isinstance(w, np.ndarray))
    units = sim.engine.units.values()
    states = sum(a.nbytes for u in units for a in (*u.states.values(), *u.dense.values(), *u.given.values()))
    rings = sum(r.values.nbytes for u in units for r in u.rings.values())
    lists = sum(u.lists.spikes.nbytes + u.lists.offsets.nbytes for u in units if u.lists is not None)
    return {
        "synapses": count, "synapse_bytes": synapses, "bytes_per_synapse": synapses / max(1, count),
        "state_bytes": states, "ring_bytes": rings, "list_bytes": lists,
    }  # fmt: skip


def summary_of(sim: Simulation) -> str:
    """Units and projections as the simulator runs them, a line each."""
    lines = [f"simulation of {sim.tape.name!r}: dt={sim.dt:g}, {sim.dtype}, {sim.threads} threads at most"]
    for u in sim.circuit.units.values():
        lines.append(f"  {u.name}: {u.neuron!r} x {u.size:,}")
    for p in sim.circuit.projections.values():
        m = p.what.made
        delay = f"{m.shortest * sim.dt:g}" + (f"..{m.longest * sim.dt:g}" if m.longest != m.shortest else "")
        lines.append(f"  {p.name}: {p.source} -> {p.target}:{p.port}, {m.count:,} synapses, delay {delay}, {p.what!r}")
    memory = memory_of(sim)
    lines.append(
        f"  {memory['synapses']:,} synapses at {memory['bytes_per_synapse']:.1f} bytes; threads meet every "
        f"{sim.engine.period} steps"
    )
    return "\n".join(lines)
