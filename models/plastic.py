"""A million plastic synapses: Poisson inputs onto neurons whose weights compete by spike timing."""

from __future__ import annotations

from neurograph.connectivity.all_to_all import AllToAll
from neurograph.distributions import Uniform
from neurograph.graph import Graph
from neurograph.nodes.cond import CondExpLIF
from neurograph.plasticity.pair import PairSTDP
from neurograph.sources.spikes import Poisson

RECIPES = ("plastic",)


def plastic(n_in: int = 1000, n_out: int = 1000, rate: float = 15.0) -> Graph:
    """n_in Poisson inputs, all to all onto n_out neurons; additive pair STDP with bounds 0 and 0.01.

    Conductances are in units of the leak. Weights drift to their bounds over some hundred seconds. Projection
    "plastic", populations "input" and "output". Source: Song, Miller & Abbott 2000, Nat Neurosci 3:919.
    """
    graph = Graph("plastic")
    largest = 0.01
    source = graph.population("input", Poisson(rate=rate), n_in)
    neuron = CondExpLIF(
        c_m=10.0, g_l=1.0, e_l=-74.0, e_exc=0.0, v_th=-54.0, v_reset=-60.0, tau_exc=5.0, t_ref=0.0,
    )  # fmt: skip
    target = graph.population("output", neuron, n_out)
    rule = PairSTDP(tau_plus=20.0, tau_minus=20.0, a_plus=0.01 * largest, a_minus=0.0105 * largest, w_max=largest)
    graph.connect(
        source, target["exc"], AllToAll(), weight=Uniform(0.0, largest), delay=0.1, plasticity=rule, name="plastic"
    )
    return graph
