"""Projections between regions: the mean rate of each region, through a matrix of weights and one of delays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neurograph.activations.relay import Relay
from neurograph.connectivity.explicit import Explicit
from neurograph.errors import GraphError, ShapeError, declared_at

if TYPE_CHECKING:
    from neurograph.graph import Endpoint, Graph, Population


def connect_regions(
    graph: Graph,
    source: Population,
    target: Endpoint,
    *,
    weights: Any,
    delays: Any,
    source_regions: Any,
    target_regions: Any,
    tau: float = 10.0,
    name: str = "regions",
) -> Population:
    """Each neuron of target region j receives sum over i of weights[i, j] r_i(t - delays[i, j]), r_i the mean rate in Hz
    of source region i, smoothed with `tau`.

    weights, delays: [source regions, target regions], delays in the unit of dt and above 0 where the weight is not 0.
    source_regions, target_regions: the region of each neuron, in C order. Declares the populations `<name>.rate` (which
    is returned; probe its "rate") and `<name>.sum`. Work and memory are those of one synapse a neuron and one a pair of
    regions. Source: the coupling of The Virtual Brain, Sanz-Leon et al. 2015.
    """
    from neurograph.nodes.population_rate import PopulationRate

    at = declared_at()
    w, d = np.asarray(weights, np.float64), np.asarray(delays, np.float64)
    of_source, of_target = np.asarray(source_regions).reshape(-1), np.asarray(target_regions).reshape(-1)
    if w.ndim != 2 or w.shape != d.shape:
        raise ShapeError(f"connect_regions() at {at}: weights {w.shape} and delays {d.shape} are matrices of one shape")
    for role, regions, count in (("source", of_source, w.shape[0]), ("target", of_target, w.shape[1])):
        if regions.dtype.kind not in "iu" or (len(regions) and not 0 <= regions.min() <= regions.max() < count):
            raise GraphError(f"connect_regions() at {at}: {role}_regions are whole numbers from 0 to {count - 1}")
    if np.any(d[w != 0] <= 0):
        raise GraphError(f"connect_regions() at {at}: delays between connected regions are above 0")
    rate = graph.population(f"{name}.rate", PopulationRate(tau=tau), w.shape[0])
    total = graph.population(f"{name}.sum", Relay(), w.shape[1])
    sizes = np.bincount(of_source, minlength=w.shape[0])
    graph.connect(source, rate, Explicit(np.arange(len(of_source)), of_source, weight=1.0 / sizes[of_source]))
    pre, post = np.nonzero(w)
    graph.connect(rate, total, Explicit(pre, post, weight=w[pre, post], delay=d[pre, post]))
    graph.connect(total, target, Explicit(of_target, np.arange(len(of_target))))
    return rate
