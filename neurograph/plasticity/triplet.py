"""Spike-timing dependent plasticity of triplets of spikes."""

from __future__ import annotations

from typing import Any

from neurograph.expr import exp
from neurograph.plasticity.rule import Option, Param, Plasticity, State


class TripletSTDP(Plasticity):
    """Pairs and triplets: what a spike does depends also on its own neuron's spikes before it.

    r1, r2 follow the source with tau_plus, tau_x and o1, o2 the target with tau_minus, tau_y; r2 and o2 are read
    just before the spike that adds to them. `pairing` as in PairSTDP. The defaults are the full all-to-all model
    fitted to visual cortex. Source: Pfister & Gerstner 2006, J Neurosci 26:9673.
    """

    equation = "pre: w -= o1 (A2_minus + A3_minus r2), r1 += 1, r2 += 1;  post: w += r1 (A2_plus + A3_plus o2), o1 += 1, o2 += 1"
    aliases = ("stdp_triplet_synapse",)
    tau_plus = Param(16.8, "time constant of r1", unit="ms", above=0.0)
    tau_minus = Param(33.7, "time constant of o1", unit="ms", above=0.0)
    tau_x = Param(101.0, "time constant of r2", unit="ms", above=0.0)
    tau_y = Param(125.0, "time constant of o2", unit="ms", above=0.0)
    a2_plus = Param(5e-10, "potentiation by one pair")
    a2_minus = Param(7e-3, "depression by one pair")
    a3_plus = Param(6.2e-3, "potentiation by one triplet post-pre-post")
    a3_minus = Param(2.3e-4, "depression by one triplet pre-post-pre")
    pairing = Option("all", ("all", "nearest"), "which spikes count")
    r1 = State(0.0, "fast trace of the source's spikes", of="pre")
    r2 = State(0.0, "slow trace of the source's spikes", of="pre")
    o1 = State(0.0, "fast trace of the target's spikes", of="post")
    o2 = State(0.0, "slow trace of the target's spikes", of="post")

    def decay(self, r1: Any, r2: Any, o1: Any, o2: Any) -> dict[str, Any]:
        return {
            "r1": r1 * exp(-self.dt / self.tau_plus),  # type: ignore[operator]
            "r2": r2 * exp(-self.dt / self.tau_x),  # type: ignore[operator]
            "o1": o1 * exp(-self.dt / self.tau_minus),  # type: ignore[operator]
            "o2": o2 * exp(-self.dt / self.tau_y),  # type: ignore[operator]
        }

    def on_pre(self, w: Any, r1: Any, r2: Any, o1: Any) -> dict[str, Any]:
        every = self.pairing == "all"
        change = o1 * (self.a2_minus + self.a3_minus * r2)
        return {"w": self.bounded(w - change), "r1": r1 + 1.0 if every else 1.0, "r2": r2 + 1.0 if every else 1.0}

    def on_post(self, w: Any, r1: Any, o1: Any, o2: Any) -> dict[str, Any]:
        every = self.pairing == "all"
        change = r1 * (self.a2_plus + self.a3_plus * o2)
        return {"w": self.bounded(w + change), "o1": o1 + 1.0 if every else 1.0, "o2": o2 + 1.0 if every else 1.0}
