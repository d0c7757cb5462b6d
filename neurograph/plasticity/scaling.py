"""Synaptic scaling: a homeostatic rule."""

from __future__ import annotations

from typing import Any

from neurograph.expr import exp
from neurograph.plasticity.rule import Param, Plasticity, State


class SynapticScaling(Plasticity):
    """The weights onto a neuron grow or shrink in proportion until it fires at `rate`: dw/dt = w (rate - r) / tau_w.

    r is the target's rate in Hz (dt in ms), a slow trace of its spikes that starts from `rate`; tau_w is the time
    in which an error of 1 Hz changes the weights e-fold. Source: Turrigiano et al. 1998; van Rossum et al. 2000.
    """

    equation = "dr/dt = -r / tau;  post: r += 1000 / tau;  dw/dt = w (rate - r) / tau_w"
    rate = Param(5.0, "target rate", unit="Hz", at_least=0.0)
    tau = Param(1000.0, "time constant of r", unit="ms", above=0.0)
    tau_w = Param(1e5, "time constant of the weights at an error of 1 Hz", unit="ms Hz", above=0.0)
    error = State(0.0, "r - rate", of="post")

    def decay(self, error: Any) -> dict[str, Any]:
        return {"error": (error + self.rate) * exp(-self.dt / self.tau) - self.rate}  # type: ignore[operator]

    def on_post(self, error: Any) -> dict[str, Any]:
        return {"error": error + 1000.0 / self.tau}  # type: ignore[operator]

    def on_step(self, w: Any, error: Any) -> dict[str, Any]:
        return {"w": self.bounded(w * exp(-error * (self.dt / self.tau_w)))}  # type: ignore[operator]
