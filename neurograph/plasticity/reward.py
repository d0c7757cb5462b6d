"""Spike-timing dependent plasticity that a reward turns into weight."""

from __future__ import annotations

from typing import Any

from neurograph.expr import exp
from neurograph.plasticity.rule import Param, Plasticity, State


class RewardSTDP(Plasticity):
    """Pairs of spikes leave an eligibility c at the synapse, and the reward makes a change of it: dw/dt = reward c.

    The signal "reward" (per ms; dopamine, say) is a number that the run supplies. c decays, and w takes the
    exact integral of reward c, every `interval`. Source: Izhikevich 2007, Cereb Cortex 17:2443.
    """

    equation = "pre: c -= A_minus y, x += 1;  post: c += A_plus x, y += 1;  dc/dt = -c / tau_c;  dw/dt = reward c"
    aliases = ("stdp_dopamine_synapse", "R-STDP")
    signals = {"reward": "reward"}
    tau_plus = Param(20.0, "time constant of x", unit="ms", above=0.0)
    tau_minus = Param(20.0, "time constant of y", unit="ms", above=0.0)
    tau_c = Param(1000.0, "time constant of the eligibility", unit="ms", above=0.0)
    a_plus = Param(0.1, "eligibility by one pair pre-post")
    a_minus = Param(0.15, "eligibility taken by one pair post-pre")
    x = State(0.0, "trace of the source's spikes", of="pre")
    y = State(0.0, "trace of the target's spikes", of="post")
    c = State(0.0, "eligibility", of="synapse")

    def decay(self, x: Any, y: Any) -> dict[str, Any]:
        return {"x": x * exp(-self.dt / self.tau_plus), "y": y * exp(-self.dt / self.tau_minus)}  # type: ignore[operator]

    def on_pre(self, c: Any, x: Any, y: Any) -> dict[str, Any]:
        return {"c": c - y * self.a_minus, "x": x + 1.0}

    def on_post(self, c: Any, x: Any, y: Any) -> dict[str, Any]:
        return {"c": c + x * self.a_plus, "y": y + 1.0}

    def on_step(self, w: Any, c: Any, reward: Any) -> dict[str, Any]:
        kept = exp(-self.dt / self.tau_c)  # type: ignore[operator]
        return {"w": self.bounded(w + c * (reward * self.tau_c * (1.0 - kept))), "c": c * kept}  # type: ignore[operator]
