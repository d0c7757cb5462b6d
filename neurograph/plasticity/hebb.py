"""Hebb's rule."""

from __future__ import annotations

from typing import Any

from neurograph.expr import exp
from neurograph.plasticity.rule import Param, Plasticity, State


class Hebb(Plasticity):
    """Spikes close in time, in either order, strengthen a synapse; on average dw/dt = 2 eta tau r_pre r_post.

    Only w_max holds the weights (`total` keeps their sum). Source: Hebb 1949; Gerstner & Kistler 2002.
    """

    equation = "pre: w += eta y, x += 1;  post: w += eta x, y += 1"
    eta = Param(0.01, "change by one pair")
    tau = Param(20.0, "time constant of the traces", unit="ms", above=0.0)
    x = State(0.0, "trace of the source's spikes", of="pre")
    y = State(0.0, "trace of the target's spikes", of="post")

    def decay(self, x: Any, y: Any) -> dict[str, Any]:
        kept = exp(-self.dt / self.tau)  # type: ignore[operator]
        return {"x": x * kept, "y": y * kept}

    def on_pre(self, w: Any, x: Any, y: Any) -> dict[str, Any]:
        return {"w": self.bounded(w + y * self.eta), "x": x + 1.0}

    def on_post(self, w: Any, x: Any, y: Any) -> dict[str, Any]:
        return {"w": self.bounded(w + x * self.eta), "y": y + 1.0}
