"""Short-term plasticity: synapses that depress and facilitate with the use of their source."""

from __future__ import annotations

from typing import Any

from neurograph.expr import exp, where
from neurograph.spec import Param, State
from neurograph.synapses.synapse import Synapse


class TsodyksMarkram(Synapse):
    """du/dt = -u / tau_fac, dx/dt = (1 - x) / tau_rec; at a spike u += U (1 - u), r = u x, x -= r.

    Each spike leaves with the weight times r. Time constants are integrated exactly between spikes.
    Source: Tsodyks, Pawelzik & Markram 1998; Tsodyks, Uziel & Markram 2000.
    """

    side = "source"
    equation = (
        "u = u exp(-dt/tau_fac);  x = 1 + (x - 1) exp(-dt/tau_rec);  at a spike: u += U (1 - u);  r = u x;  x -= r"
    )
    U = Param(0.5, "use of the resources by one spike", at_least=0.0)
    tau_rec = Param(800.0, "recovery time constant", unit="ms", above=0.0)
    tau_fac = Param(50.0, "facilitation time constant", unit="ms", above=0.0)
    u = State(0.0, "utilisation")
    x = State(1.0, "available resources")

    def step(self, u: Any, x: Any, input: Any) -> dict[str, Any]:
        u = u * exp(-self.dt / self.tau_fac)  # type: ignore[operator]
        x = 1.0 + (x - 1.0) * exp(-self.dt / self.tau_rec)  # type: ignore[operator]
        fired = input > 0.0
        used = u + (1.0 - u) * self.U
        released = used * x
        return {
            "output": where(fired, released * input, 0.0),
            "u": where(fired, used, u),
            "x": where(fired, x - released, x),
        }
