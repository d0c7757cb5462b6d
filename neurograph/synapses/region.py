"""The synapse of BrainCog's whole-brain simulations."""

from __future__ import annotations

from typing import Any

from neurograph.spec import Param, State
from neurograph.synapses.synapse import Synapse


class RegionSynapse(Synapse):
    """s += dt/tau_rise (x/tau_decay - s), r += dt (s - r/tau_decay): Euler steps, s first.

    BrainCog keeps s and r per source neuron and weights r; the filter is linear, so summing the weighted spikes
    first and filtering per target is the same current for a fraction of the work. Source: BrainCog's brain
    simulation scripts.
    """

    equation = "s = s + dt/tau_rise (x/tau_decay - s);  r = r + dt (s - r/tau_decay);  output r"
    tau_rise = Param(6.0, "rise time constant", unit="ms", above=0.0)
    tau_decay = Param(3.0, "decay time constant", unit="ms", above=0.0)
    s = State(0.0, "the drive of r")
    r = State(0.0, "what the target receives")

    def step(self, s: Any, r: Any, input: Any) -> dict[str, Any]:
        s = s + (input / self.tau_decay - s) * (self.dt / self.tau_rise)  # type: ignore[operator]
        r = r + (s - r / self.tau_decay) * self.dt
        return {"output": r, "s": s, "r": r}
