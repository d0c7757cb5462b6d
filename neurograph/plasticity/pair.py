"""Spike-timing dependent plasticity of pairs of spikes."""

from __future__ import annotations

from typing import Any

from neurograph.expr import exp
from neurograph.plasticity.rule import Option, Param, Plasticity, State


class PairSTDP(Plasticity):
    """x = sum of exp(-(t - t_pre) / tau_plus), y likewise; pre: w -= A_minus y; post: w += A_plus x.

    `pairing` "all": every pair counts (x grows by 1 at each spike); "nearest": the last spike alone (x = 1).
    A change is within [w_min, w_max], additive. Source: Song, Miller & Abbott 2000; Morrison et al. 2008.
    """

    equation = "pre: w = clip(w - A_minus y), x += 1;  post: w = clip(w + A_plus x), y += 1"
    aliases = ("stdp_synapse", "STDP")
    tau_plus = Param(20.0, "time constant of x", unit="ms", above=0.0)
    tau_minus = Param(20.0, "time constant of y", unit="ms", above=0.0)
    a_plus = Param(0.01, "potentiation by one pair")
    a_minus = Param(0.0105, "depression by one pair")
    pairing = Option("all", ("all", "nearest"), "which pairs count")
    x = State(0.0, "trace of the source's spikes", of="pre")
    y = State(0.0, "trace of the target's spikes", of="post")

    def decay(self, x: Any, y: Any) -> dict[str, Any]:
        return {"x": x * exp(-self.dt / self.tau_plus), "y": y * exp(-self.dt / self.tau_minus)}  # type: ignore[operator]

    def on_pre(self, w: Any, x: Any, y: Any) -> dict[str, Any]:
        return {"w": self.bounded(w - y * self.a_minus), "x": x + 1.0 if self.pairing == "all" else 1.0}

    def on_post(self, w: Any, x: Any, y: Any) -> dict[str, Any]:
        return {"w": self.bounded(w + x * self.a_plus), "y": y + 1.0 if self.pairing == "all" else 1.0}
