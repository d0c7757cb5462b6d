"""Integrators with an input resistance R, the circuit form of IF, LIF and the leaky integrator.

x is the input current of the step, V the membrane potential, tau and dt in one unit. `integration="exact"` is the solution
over one step for an input that is held. Source: the neurons I, IF, LI and LIF of NIR, Pedersen et al. 2024.
"""

from __future__ import annotations

from typing import Any

from neurograph.expr import exp
from neurograph.nodes.point import IF, LIF
from neurograph.spec import Neuron, Option, Param, State


class Integrator(Neuron):
    """The integral of a current: V = V + R x dt; the output is V."""

    equation = "V = V + R x dt"
    outputs = ("v",)
    r = Param(1.0, "resistance R of the input")
    v = State(0.0, "membrane potential")

    def step(self, v: Any, input: Any) -> dict[str, Any]:
        # R dt first: it depends on parameters alone, and is exactly 1 where R = 1/dt was meant
        return {"v": v + input * (self.r * self.dt)}  # type: ignore[operator]


class ResistiveIF(IF):
    """Integrate-and-fire with an input resistance: V' = V + R x dt."""

    equation = "V' = V + R x dt;  s = 1[V' > theta];  V = reset(V', s)"
    aliases = ()  # type: ignore[assignment]
    r = Param(1.0, "resistance R of the input")

    def step(self, v: Any, input: Any) -> dict[str, Any]:
        return self._fire(self._enter(v) + input * (self.r * self.dt))  # type: ignore[operator]


class ResistiveLI(Neuron):
    """Leaky integrator with an input resistance and a resting potential: V = V + (R x - (V - v_rest)) / tau dt.

    `integration="exact"`: V = V_inf + (V - V_inf) exp(-dt/tau), V_inf = v_rest + R x. The output is V.
    """

    equation = "V = V + (R x - (V - v_rest)) / tau dt"
    outputs = ("v",)
    tau = Param(2.0, "membrane time constant", unit="dt", above=0.0)
    r = Param(1.0, "resistance R of the input")
    v_rest = Param(0.0, "resting potential")
    integration = Option("euler", ("euler", "exact"))
    v = State("v_rest", "membrane potential")

    def step(self, v: Any, input: Any) -> dict[str, Any]:
        drive, away = input * self.r, v - self.v_rest
        if self.integration == "exact":
            return {"v": drive + (away - drive) * exp(-self.dt / self.tau) + self.v_rest}  # type: ignore[operator]
        return {"v": v + (drive - away) / self.tau * self.dt}


class ResistiveLIF(LIF):
    """LIF with an input resistance: V' = V + (R x - (V - v_rest)) / tau dt; the options are those of LIF."""

    equation = "V' = V + (R x - (V - v_rest)) / tau dt;  s = 1[V' > theta];  V = reset(V', s)"
    aliases = ()  # type: ignore[assignment]
    r = Param(1.0, "resistance R of the input")

    def step(self, v: Any, input: Any) -> dict[str, Any]:
        return LIF.step(self, v, input * self.r)
