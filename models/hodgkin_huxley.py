"""A self-sustained network of Hodgkin-Huxley neurons."""

from __future__ import annotations

from neurograph.distributions import Normal
from neurograph.graph import Graph
from neurograph.models.vogels_abbott import eighty_inputs
from neurograph.nodes.hh import HH

RECIPES = ("hh_network",)


def hh_network(n: int = 1000, probability: float | None = None) -> Graph:
    """COBAHH: Traub-Miles neurons with the synapses of the conductance-based network of Vogels & Abbott.

    80 inputs a neuron unless `probability` is given; populations "exc" and "inh". With 1,000 neurons the rate, 25
    to 45 Hz, depends on the seed. Source: Brette et al. 2007, benchmark 3.
    """
    graph = Graph("hodgkin-huxley")
    neuron = HH(t_ref=3.0, v=Normal(-65.0, 5.0), g_exc=Normal(40.0, 15.0), g_inh=Normal(200.0, 120.0))
    rule = eighty_inputs("hh_network", n, probability)
    exc, inh = graph.population("exc", neuron, n * 4 // 5), graph.population("inh", neuron, n - n * 4 // 5)
    for target in (exc, inh):
        graph.connect(exc, target["exc"], rule, weight=6.0, delay=0.1)
        graph.connect(inh, target["inh"], rule, weight=67.0, delay=0.1)
    return graph
