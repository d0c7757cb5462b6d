"""Oja's rule."""

from __future__ import annotations

from typing import Any

from neurograph.expr import exp
from neurograph.plasticity.rule import Param, Plasticity, State


class Oja(Plasticity):
    """Hebb's rule with a decay that keeps the weights' norm: dw/dt = eta post (x - y w), post the target's spikes.

    On average dw/dt = eta tau (r_post r_pre - r_post^2 w). y is read before the spike adds to it.
    Source: Oja 1982, J Math Biol 15:267.
    """

    equation = "pre: x += 1;  post: w += eta (x - y w), y += 1"
    eta = Param(0.01, "learning rate")
    tau = Param(20.0, "time constant of the traces", unit="ms", above=0.0)
    x = State(0.0, "trace of the source's spikes", of="pre")
    y = State(0.0, "trace of the target's spikes", of="post")

    def decay(self, x: Any, y: Any) -> dict[str, Any]:
        kept = exp(-self.dt / self.tau)  # type: ignore[operator]
        return {"x": x * kept, "y": y * kept}

    def on_pre(self, x: Any) -> dict[str, Any]:
        return {"x": x + 1.0}

    def on_post(self, w: Any, x: Any, y: Any) -> dict[str, Any]:
        return {"w": self.bounded(w + self.eta * (x - y * w)), "y": y + 1.0}
