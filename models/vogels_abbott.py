"""Vogels & Abbott's networks of 4,000 neurons that sustain irregular activity: current- and conductance-based."""

from __future__ import annotations

from neurograph.connectivity.fixed_probability import FixedProbability
from neurograph.distributions import Normal, Uniform
from neurograph.errors import SpecError
from neurograph.graph import Graph, Population
from neurograph.nodes.cond import CondExpLIF
from neurograph.nodes.psc import PscExpLIF

RECIPES = ("cuba", "coba")


def cuba(n: int = 4000, probability: float | None = None) -> Graph:
    """Current-based network: synapses of 1.62 mV and -9 mV, resting at -49 mV above the threshold of -50 mV.

    80 % of the neurons are excitatory; each pair is connected with `probability` (80 inputs a neuron unless
    given), delay 0.1 ms. Populations "exc" and "inh" fire at 5.4 to 5.6 Hz with dt = 0.1 ms. Source: Vogels &
    Abbott 2005; Brette et al. 2007, benchmark 2.
    """
    graph = Graph("cuba")
    # with the capacitance equal to the time constant, currents are in mV
    neuron = PscExpLIF(
        c_m=20.0, tau_m=20.0, tau_exc=5.0, tau_inh=10.0, e_l=-49.0, v_th=-50.0, v_reset=-60.0, t_ref=5.0,
        v=Uniform(-60.0, -50.0),
    )  # fmt: skip
    return _balanced(graph, neuron, n, probability, 1.62, -9.0)


def coba(n: int = 4000, probability: float | None = None) -> Graph:
    """Conductance-based network: synapses of 6 nS and 67 nS, no drive; its activity sustains itself.

    It starts from random potentials and conductances that let it: a start at rest dies. Populations "exc" and
    "inh" fire at 15 to 23 Hz with dt = 0.1 ms. Source: Vogels & Abbott 2005; Brette et al. 2007, benchmark 1.
    """
    graph = Graph("coba")
    neuron = CondExpLIF(
        c_m=200.0, g_l=10.0, e_l=-60.0, e_exc=0.0, e_inh=-80.0, tau_exc=5.0, tau_inh=10.0, v_th=-50.0, v_reset=-60.0,
        t_ref=5.0, v=Normal(-65.0, 5.0), g_exc=Normal(40.0, 15.0), g_inh=Normal(200.0, 120.0),
    )  # fmt: skip
    return _balanced(graph, neuron, n, probability, 6.0, 67.0)


def eighty_inputs(name: str, n: int, probability: float | None) -> FixedProbability:
    """Each pair of n neurons with `probability`, or so that a neuron has 80 inputs; SpecError where a kind would be missing."""
    if n < 2:
        raise SpecError(f"{name}(n={n}): 2 or more neurons, four fifths of them excitatory; both kinds are needed")
    return FixedProbability(min(1.0, 80.0 / n) if probability is None else probability)


def _balanced(
    graph: Graph, neuron: PscExpLIF | CondExpLIF, n: int, probability: float | None, exc: float, inh: float
) -> Graph:
    rule = eighty_inputs(graph.name, n, probability)
    excitatory = graph.population("exc", neuron, n * 4 // 5)
    inhibitory = graph.population("inh", neuron, n - n * 4 // 5)

    def connect(source: Population, port: str, weight: float) -> None:
        for target in (excitatory, inhibitory):
            graph.connect(source, target[port], rule, weight=weight, delay=0.1)

    connect(excitatory, "exc", exc)
    connect(inhibitory, "inh", inh)
    return graph
