"""Izhikevich's two-variable neuron, in the update orders that have been published."""

from __future__ import annotations

from typing import Any

from neurograph.expr import spike, where
from neurograph.nodes.surrogate import Atan
from neurograph.spec import Neuron, Option, Param, State, SurrogateOption


class Izhikevich(Neuron):
    """Izhikevich neuron: dv/dt = 0.04 v^2 + 5 v + 140 - u + I;  du/dt = a (b v - u);  v > v_peak: v = c, u += d.

    `order`, all by Euler's rule:
    "simultaneous"    v and u from the old values (Brian2's Euler, NEST's consistent integration)
    "sequential"      u from the new v (BrainCog's IzhNode)
    "two_half_steps"  v in two steps of dt/2, then u from the new v (the code of the paper, dt = 1 ms)
    Ports: input (mV, jumps of v), current (I, held for the step). Units: ms, mV. Source: Izhikevich 2003.
    """

    equation = "dv/dt = 0.04 v^2 + 5 v + 140 - u + I;  du/dt = a (b v - u);  v > v_peak: v = c, u += d"
    aliases = ("IzhNode", "IzhNodeMU", "izhikevich")
    inputs = ("input", "current")
    a = Param(0.02, "rate of the recovery", unit="1/ms")
    b = Param(0.2, "sensitivity of the recovery to v", unit="1/ms")
    c = Param(-65.0, "potential after a spike", unit="mV")
    d = Param(8.0, "recovery per spike", unit="mV/ms")
    v_peak = Param(30.0, "potential taken as a spike", unit="mV")
    order = Option("simultaneous", ("simultaneous", "sequential", "two_half_steps"), "of the updates of v and u")
    surrogate = SurrogateOption(Atan())
    v = State(-65.0, "membrane potential in mV")
    u = State(-13.0, "recovery in mV/ms")

    def step(self: Any, v: Any, u: Any, input: Any, current: Any) -> dict[str, Any]:
        def slope(v: Any) -> Any:
            return v * v * 0.04 + v * 5.0 + 140.0 - u + current

        v = v + input
        if self.order == "two_half_steps":
            half = v + slope(v) * (self.dt * 0.5)
            moved = half + slope(half) * (self.dt * 0.5)
        else:
            moved = v + slope(v) * self.dt
        seen = v if self.order == "simultaneous" else moved
        u = u + (seen * self.b - u) * self.a * self.dt
        s = spike(moved - self.v_peak, self.surrogate)
        fired = s > 0.5
        return {"v": where(fired, self.c, moved), "u": where(fired, u + self.d, u), "spike": s}
