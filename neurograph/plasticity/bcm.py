"""The rule of Bienenstock, Cooper and Munro."""

from __future__ import annotations

from typing import Any

from neurograph.expr import exp
from neurograph.plasticity.rule import Param, Plasticity, State


class BCM(Plasticity):
    """Depression below a threshold of the target's rate, potentiation above it; the threshold slides with the rate.

    y is the target's rate in units of `rate`, theta the slow mean of y^2, and each arriving spike changes w by
    eta y (y - theta), so that y = theta = 1 is where it settles. rate in Hz with dt in ms.
    Source: Bienenstock, Cooper & Munro 1982, J Neurosci 2:32; Intrator & Cooper 1992.
    """

    equation = "dtheta/dt = (y^2 - theta) / tau_theta;  pre: w += eta y (y - theta);  post: y += 1000 / (tau rate)"
    eta = Param(0.001, "learning rate")
    rate = Param(10.0, "the rate that is kept", unit="Hz", above=0.0)
    tau = Param(100.0, "time constant of y", unit="ms", above=0.0)
    tau_theta = Param(5000.0, "time constant of the threshold", unit="ms", above=0.0)
    y = State(0.0, "rate of the target", of="post")
    theta = State(1.0, "sliding threshold", of="post")

    def decay(self, y: Any, theta: Any) -> dict[str, Any]:
        kept = exp(-self.dt / self.tau_theta)  # type: ignore[operator]
        return {"y": y * exp(-self.dt / self.tau), "theta": y * y + (theta - y * y) * kept}  # type: ignore[operator]

    def on_pre(self, w: Any, y: Any, theta: Any) -> dict[str, Any]:
        return {"w": self.bounded(w + self.eta * y * (y - theta))}  # type: ignore[operator]

    def on_post(self, y: Any) -> dict[str, Any]:
        return {"y": y + 1000.0 / (self.tau * self.rate)}  # type: ignore[operator]
