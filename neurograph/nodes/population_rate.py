"""The mean rate of a population as a signal."""

from __future__ import annotations

from typing import Any

from neurograph.expr import exp
from neurograph.spec import Neuron, Param, State


class PopulationRate(Neuron):
    """Spikes per second of what arrives, smoothed: dr/dt = (1000 x / dt - r) / tau.

    Feed it with weights of 1 / (number of neurons); r is then their mean rate in Hz where dt is in ms.
    """

    equation = "r = r + (1000 x / dt - r) (1 - exp(-dt / tau))"
    outputs = ("rate",)
    tau = Param(10.0, "time constant of the mean", unit="ms", above=0.0)
    r = State(0.0, "rate in Hz")

    def step(self, r: Any, input: Any) -> dict[str, Any]:
        r = r + (input * (1000.0 / self.dt) - r) * (1.0 - exp(-self.dt / self.tau))  # type: ignore[operator]
        return {"rate": r, "r": r}
