"""Brunel's network of sparsely connected excitatory and inhibitory neurons."""

from __future__ import annotations

from neurograph.connectivity.fixed_in_degree import FixedInDegree
from neurograph.errors import SpecError
from neurograph.graph import Graph
from neurograph.nodes.psc import PscDeltaLIF
from neurograph.sources.spikes import Poisson

RECIPES = ("brunel",)

# g, eta of figure 8: A synchronous regular, B synchronous irregular and fast, C asynchronous irregular, D slow
REGIMES = {"A": (3.0, 2.0), "B": (6.0, 4.0), "C": (5.0, 2.0), "D": (4.5, 0.9)}


def brunel(
    regime: str = "C",
    *,
    n_exc: int = 10_000,
    epsilon: float = 0.1,
    jump: float = 0.1,
    delay: float = 1.5,
    v_reset: float = 10.0,
    g: float | None = None,
    eta: float | None = None,
) -> Graph:
    """Model A: n_exc excitatory and a quarter as many inhibitory neurons, epsilon of each as inputs, delta synapses.

    jump: mV of an excitatory spike; inhibitory ones are -g times as strong; eta: external rate over the rate
    that reaches threshold alone. Each neuron has its own Poisson input ("drive.exc", "drive.inh"). In regime C
    all fire at about 37.5 Hz. Source: Brunel 2000, J Comput Neurosci 8:183.
    """
    if regime not in REGIMES:
        raise SpecError(f"brunel({regime!r}): choose a regime of {', '.join(REGIMES)}, or give g= and eta=")
    g, eta = (REGIMES[regime][0] if g is None else g), (REGIMES[regime][1] if eta is None else eta)
    n_inh = n_exc // 4
    c_exc, c_inh = round(epsilon * n_exc), round(epsilon * n_inh)
    if n_exc < 4 or c_exc < 1 or not jump > 0:
        raise SpecError(
            f"brunel(n_exc={n_exc}, epsilon={epsilon}, jump={jump}): 4 or more excitatory neurons, at least one of them an "
            "input of each neuron (epsilon n_exc), and a jump above 0 mV"
        )
    tau, threshold = 20.0, 20.0
    reaching = 1000.0 * threshold / (jump * c_exc * tau)  # Hz
    neuron = PscDeltaLIF(tau_m=tau, e_l=0.0, v_th=threshold, v_reset=v_reset, t_ref=2.0, v=0.0)
    graph = Graph(f"brunel {regime}")
    exc, inh = graph.population("exc", neuron, n_exc), graph.population("inh", neuron, n_inh)
    for target in (exc, inh):
        drive = Poisson(rate=eta * reaching * c_exc, weight=jump)
        graph.connect(graph.population(f"drive.{target.name}", drive, target.shape), target["input"])
        graph.connect(exc, target["input"], FixedInDegree(c_exc), weight=jump, delay=delay)
        graph.connect(inh, target["input"], FixedInDegree(c_inh), weight=-g * jump, delay=delay)
    return graph
