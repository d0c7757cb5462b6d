"""Whether two programs of one graph agree, spike for spike, and where they part if they do not."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np

from neurograph.compiler import compile
from neurograph.graph import Graph


@dataclass(frozen=True)
class Agreement:
    """Spikes of two backends side by side.

    `differing` counts spikes that one has and the other has not; `first` those among them that no earlier
    difference upstream explains; `margin` is how far from its threshold the worst of these neurons was.
    """

    spikes: int
    differing: int
    first: int
    margin: float
    answers: float  # largest difference between the outputs

    def within(self, tolerance: float) -> bool:
        """Whether every difference began at a potential closer than `tolerance` to its threshold."""
        return self.differing == 0 or (self.first > 0 and self.margin <= tolerance)

    def __str__(self) -> str:
        if not self.differing:
            return f"all {self.spikes:,} spikes agree (outputs differ by at most {self.answers:.1e})"
        return (
            f"{self.differing:,} of {self.spikes:,} spikes differ, {self.first:,} of them first in their sample, "
            f"where the potential was within {self.margin:.1e} of the threshold"
        )


def compare(
    graph: Graph,
    weights: Any,
    inputs: Any,
    steps: int,
    *,
    backends: tuple[str, str] = ("torch", "numba"),
    dtype: str = "float64",
    dt: float = 1.0,
    seed: int = 0,
) -> Agreement:
    """Run the same graph and weights on two backends in evaluation mode and compare every spike."""
    probed = copy.copy(graph)
    probed.probes = {}
    # a relay passes on sums of floats, which are no spikes
    spiking = [p for p in graph.populations if "spike" in p.neuron.outputs and not p.neuron.identity]
    for population in spiking:
        probed.probe(population, "spike", *(("margin",) if "margin" in population.neuron.trace().observed else ()))
    spikes: list[dict[str, Any]] = []
    outputs = []
    for backend in backends:
        program = compile(probed, backend, dtype=dtype, weights=weights, dt=dt, seed=seed)
        if backend == "torch":
            program.eval()
        given = {n: np.asarray(_numpy(x), dtype) for n, x in _named(graph, inputs).items()}
        found, _ = program.run(given, steps)
        outputs.append({n: _numpy(x) for n, x in found.items()})
        spikes.append({k: r.array() for k, r in program.recordings.items()})
    first, second = spikes
    differs = {p.name: first[f"{p.name}.spike"] != second[f"{p.name}.spike"] for p in spiking}
    reach = nx.DiGraph(graph.nx)
    roots, margin = 0, 0.0
    samples = {n: _since(d) for n, d in differs.items()}
    for population in spiking:
        name = population.name
        if not differs[name].any():
            continue
        upstream = nx.ancestors(reach, name) & set(samples)
        # a sample in which something upstream already differed explains its own later differences
        explained = np.zeros_like(samples[name])
        for other in upstream - {name}:
            if nx.has_path(reach, name, other):  # on a cycle: only what differed in an earlier step explains
                explained[1:] |= samples[other][:-1]
            else:
                explained |= samples[other]
        if reach.has_edge(name, name):
            explained[1:] |= samples[name][:-1]
        before = np.zeros_like(differs[name])
        before[1:] = np.logical_or.accumulate(differs[name], axis=0)[:-1]
        lead = explained.reshape(explained.shape + (1,) * (differs[name].ndim - 2))
        root = differs[name] & ~before & ~lead
        roots += int(root.sum())
        if root.any() and f"{name}.margin" in first:
            nearest = np.minimum(np.abs(first[f"{name}.margin"]), np.abs(second[f"{name}.margin"]))
            margin = max(margin, float(nearest[root].max()))
        elif root.any():
            margin = float("inf")  # a neuron without a threshold has no rounding to blame
    apart = max(float(np.abs(outputs[0][n] - outputs[1][n]).max()) for n in outputs[0]) if outputs[0] else 0.0
    return Agreement(
        spikes=sum(int(np.abs(first[f"{p.name}.spike"]).sum()) for p in spiking),
        differing=sum(int(d.sum()) for d in differs.values()),
        first=roots,
        margin=margin,
        answers=apart,
    )


def _since(differs: Any) -> Any:
    """For each step and sample, whether anything has differed up to then."""
    return np.logical_or.accumulate(differs.reshape(*differs.shape[:2], -1).any(-1), axis=0)


def _named(graph: Graph, inputs: Any) -> dict[str, Any]:
    return dict(inputs) if isinstance(inputs, dict) else {graph.inputs[0].name: inputs}


def _numpy(x: Any) -> Any:
    return x.detach().cpu().numpy() if hasattr(x, "detach") else np.asarray(x)
