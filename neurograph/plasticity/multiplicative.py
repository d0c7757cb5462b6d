"""Spike-timing dependent plasticity whose changes depend on the weight."""

from __future__ import annotations

from typing import Any

from neurograph.expr import exp, maximum, sqrt
from neurograph.plasticity.rule import Option, Param, Plasticity, State


class MultiplicativeSTDP(Plasticity):
    """Pairs with soft bounds: changes shrink as the weight comes near the bound that they move it to.

    u = (w - w_min) / (w_max - w_min). `mu` 1: linear (van Rossum, Bi & Turrigiano 2000; Rubin, Lee & Sompolinsky
    2001); 0.5: between additive and linear (Guetig et al. 2003). Changes are in parts of w_max - w_min.
    """

    equation = "pre: u -= A_minus u^mu y, x += 1;  post: u += A_plus (1 - u)^mu x, y += 1"
    tau_plus = Param(20.0, "time constant of x", unit="ms", above=0.0)
    tau_minus = Param(20.0, "time constant of y", unit="ms", above=0.0)
    a_plus = Param(0.01, "potentiation by one pair at u = 0")
    a_minus = Param(0.0105, "depression by one pair at u = 1")
    mu = Option(1.0, (0.5, 1.0), "power of the distance to the bound")
    pairing = Option("all", ("all", "nearest"), "which pairs count")
    x = State(0.0, "trace of the source's spikes", of="pre")
    y = State(0.0, "trace of the target's spikes", of="post")

    def decay(self, x: Any, y: Any) -> dict[str, Any]:
        return {"x": x * exp(-self.dt / self.tau_plus), "y": y * exp(-self.dt / self.tau_minus)}  # type: ignore[operator]

    def _room(self, distance: Any) -> Any:
        """(w_max - w_min) (distance / (w_max - w_min))^mu."""
        if self.mu == 1.0:
            return distance
        return sqrt(maximum(distance, 0.0) * (self.w_max - self.w_min))  # type: ignore[operator]

    def on_pre(self, w: Any, x: Any, y: Any) -> dict[str, Any]:
        change = y * self.a_minus * self._room(w - self.w_min)
        return {"w": self.bounded(w - change), "x": x + 1.0 if self.pairing == "all" else 1.0}

    def on_post(self, w: Any, x: Any, y: Any) -> dict[str, Any]:
        change = x * self.a_plus * self._room(self.w_max - w)
        return {"w": self.bounded(w + change), "y": y + 1.0 if self.pairing == "all" else 1.0}
