"""Current-based neurons: an exponential synapse in front of a leaky membrane, with or without a threshold.

x is the input of the step, I the synaptic current, V the membrane potential; time constants and dt in one unit. Euler's rule
takes the new I into V. `integration="exact"` is the solution of both equations over one step for an input that is held.
"""

from __future__ import annotations

from typing import Any

from neurograph.expr import exp
from neurograph.nodes.point import _Point
from neurograph.nodes.propagator import Propagator
from neurograph.spec import Neuron, Option, Param, State


def _move(self: Any, v: Any, i: Any, input: Any) -> tuple[Any, Any]:
    """V and I one step later."""
    dt, away = self.dt, v - self.v_rest
    into, onto = input * self.w_in, self.r
    if self.integration == "exact":
        p = Propagator(dt, self.tau_mem, self.tau_mem)
        if not self.decay_input:
            into, onto = into * (self.tau_syn / dt), onto * (self.tau_mem / dt)
        current = into + (i - into) * exp(-dt / self.tau_syn)
        v = (into * (1.0 - p.decay) + (i - into) * p.decaying(self.tau_syn)) * onto + away * p.decay + self.v_rest
        return v, current
    if self.decay_input:
        i = i + (into - i) / self.tau_syn * dt
        return v + (i * onto - away) / self.tau_mem * dt, i
    i = i - i / self.tau_syn * dt + into
    return v - away / self.tau_mem * dt + i * onto, i


class CubaLI(Neuron):
    """Current-based leaky integrator: I' = I + (w_in x - I)/tau_syn dt;  V' = V + (R I' - (V - v_rest))/tau_mem dt.

    `decay_input=False`: I' = I - I/tau_syn dt + w_in x;  V' = V - (V - v_rest)/tau_mem dt + R I'. The output is V.
    Source: CubaLI of NIR, Pedersen et al. 2024.
    """

    equation = "I' = I + (w_in x - I)/tau_syn dt;  V' = V + (R I' - (V - v_rest))/tau_mem dt"
    outputs = ("v",)
    tau_syn = Param(2.0, "time constant of the synapse", unit="dt", above=0.0)
    tau_mem = Param(2.0, "time constant of the membrane", unit="dt", above=0.0)
    r = Param(1.0, "resistance R of the membrane")
    w_in = Param(1.0, "weight of the input")
    v_rest = Param(0.0, "resting potential")
    decay_input = Option(True, (True, False), "whether x and I are divided by the time constants")
    integration = Option("euler", ("euler", "exact"))
    v = State("v_rest", "membrane potential")
    i = State(0.0, "synaptic current")

    def step(self, v: Any, i: Any, input: Any) -> dict[str, Any]:
        v, i = _move(self, v, i, input)
        return {"v": v, "i": i}


class CubaLIF(_Point):
    """Current-based LIF: I' = I + (w_in x - I)/tau_syn dt;  V' = V + (R I' - (V - v_rest))/tau_mem dt.

    `decay_input=False`: I' = I - I/tau_syn dt + w_in x;  V' = V - (V - v_rest)/tau_mem dt + R I'. A spike is
    s = 1[V' > theta]; it resets V and leaves I. Source: CubaLIF of NIR, Pedersen et al. 2024.
    """

    equation = (
        "I' = I + (w_in x - I)/tau_syn dt;  V' = V + (R I' - (V - v_rest))/tau_mem dt;  "
        "s = 1[V' > theta];  V = reset(V', s)"
    )
    tau_syn = Param(2.0, "time constant of the synapse", unit="dt", above=0.0)
    tau_mem = Param(2.0, "time constant of the membrane", unit="dt", above=0.0)
    r = Param(1.0, "resistance R of the membrane")
    w_in = Param(1.0, "weight of the input")
    v_rest = Param(0.0, "resting potential")
    decay_input = Option(True, (True, False), "whether x and I are divided by the time constants")
    integration = Option("euler", ("euler", "exact"))
    v = State("v_rest", "membrane potential")
    i = State(0.0, "synaptic current")

    def step(self, v: Any, i: Any, input: Any) -> dict[str, Any]:
        v, i = _move(self, self._enter(v), i, input)
        return {**self._fire(v), "i": i}
