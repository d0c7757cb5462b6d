"""Inhibitory plasticity that balances excitation."""

from __future__ import annotations

from typing import Any

from neurograph.expr import exp
from neurograph.plasticity.rule import Param, Plasticity, State


class VogelsSprekeler(Plasticity):
    """Inhibitory synapses that bring their target to `rate`: pairs in either order strengthen, each spike alone weakens.

    The change is eta times (pairs - alpha per source spike), alpha = 2 rate tau with rate in Hz and dt in ms.
    Weights are amounts of inhibition (w >= 0, at an inhibitory port). Source: Vogels et al. 2011, Science 334:1569.
    """

    equation = "pre: w += eta (y - 2 rate tau / 1000), x += 1;  post: w += eta x, y += 1"
    aliases = ("vogels_sprekeler_synapse",)
    eta = Param(0.005, "change by one pair")
    rate = Param(5.0, "target rate", unit="Hz", at_least=0.0)
    tau = Param(20.0, "time constant of the traces", unit="ms", above=0.0)
    x = State(0.0, "trace of the source's spikes", of="pre")
    y = State(0.0, "trace of the target's spikes", of="post")

    def decay(self, x: Any, y: Any) -> dict[str, Any]:
        kept = exp(-self.dt / self.tau)  # type: ignore[operator]
        return {"x": x * kept, "y": y * kept}

    def on_pre(self, w: Any, x: Any, y: Any) -> dict[str, Any]:
        alpha = self.rate * self.tau * 0.002  # type: ignore[operator]
        return {"w": self.bounded(w + self.eta * (y - alpha)), "x": x + 1.0}

    def on_post(self, w: Any, x: Any, y: Any) -> dict[str, Any]:
        return {"w": self.bounded(w + x * self.eta), "y": y + 1.0}
