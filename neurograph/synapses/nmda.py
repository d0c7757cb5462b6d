"""NMDA: a slow synapse that saturates."""

from __future__ import annotations

from typing import Any

from neurograph.expr import exp
from neurograph.spec import Param, State
from neurograph.synapses.synapse import Synapse


class NMDA(Synapse):
    """dx/dt = -x / tau_rise + w delta(t - t_arrival),  ds/dt = -s / tau_decay + alpha x (1 - s).

    s stays below 1 and is the fraction of open channels; scale it at the target (a conductance there, with the
    magnesium block in the neuron). Saturation is that of all synapses of a projection onto a neuron together.
    x is integrated exactly, s by exponential Euler with x frozen. Source: Wang 1999; Brunel & Wang 2001.
    """

    equation = (
        "x = x + w;  output s;  s = s_inf + (s - s_inf) exp(-k dt), k = 1/tau_decay + alpha x, s_inf = alpha x / k"
    )
    tau_rise = Param(2.0, "rise time constant", unit="ms", above=0.0)
    tau_decay = Param(100.0, "decay time constant", unit="ms", above=0.0)
    alpha = Param(0.5, "rate of opening", unit="1/ms", above=0.0)
    x = State(0.0, "transmitter")
    s = State(0.0, "fraction of open channels")

    def step(self, x: Any, s: Any, input: Any) -> dict[str, Any]:
        x = x + input
        opening = x * self.alpha
        rate = opening + 1.0 / self.tau_decay  # type: ignore[operator]
        target = opening / rate
        after = target + (s - target) * exp(-rate * self.dt)
        return {"output": s, "x": x * exp(-self.dt / self.tau_rise), "s": after}  # type: ignore[operator]
