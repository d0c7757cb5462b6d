"""The step length of a graph, where nobody has said one."""

from __future__ import annotations

import numpy as np

from neurograph.distributions import Distribution
from neurograph.graph import Graph


def default_dt(graph: Graph) -> float:
    """The step that circuits of this field are simulated with, in ms; one step where images go in."""
    return 1.0 if graph.inputs else 0.1


def fitting_dt(graph: Graph) -> float:
    """The same, or the shortest delay where that is shorter: to look at a graph with, not to run it."""
    usual = default_dt(graph)
    shortest, longest = usual, 0.0
    for p in graph.projections.values():
        low = getattr(p.delay, "low", None) if isinstance(p.delay, Distribution) else p.delay
        values = np.asarray(usual if low is None else low, np.float64)
        shortest = min(shortest, float(np.min(values, initial=usual, where=values > 0.0)))
        longest = max(longest, float(np.max(values, initial=0.0)))
    # delays that no one step fits are no reason to count billions of steps
    return shortest if longest < 1e9 * shortest else usual
