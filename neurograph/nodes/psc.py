"""Leaky integrate-and-fire neurons driven by currents, integrated exactly.

Units: ms, mV, pA, pF. What arrives in a step is added first, then everything moves on by dt; v is frozen in the
refractory time, synaptic currents are not. Parameters are NEST's; c_m = tau_m gives currents in mV.
"""

from __future__ import annotations

import math
from typing import Any

from neurograph.expr import exp, where
from neurograph.nodes.propagator import Propagator, times
from neurograph.nodes.refractory import _Refractory
from neurograph.spec import Param, State


class _Psc(_Refractory):
    """The membrane that the current-driven neurons share."""

    c_m = Param(250.0, "capacitance of the membrane", unit="pF", above=0.0)
    tau_m = Param(10.0, "time constant of the membrane", unit="ms", above=0.0)
    e_l = Param(-70.0, "resting potential", unit="mV")
    v_th = Param(-55.0, "threshold", unit="mV")
    v_reset = Param(-70.0, "potential after a spike", unit="mV")
    i_e = Param(0.0, "constant current", unit="pA")
    v = State("e_l", "membrane potential in mV")

    def _end(self: Any, v: Any, moved: Any, refractory: Any) -> dict[str, Any]:
        left = self._left(refractory)
        v = where(left == 0.0, moved, v)
        s, fired, refractory = self._fire(v - self.v_th, left == 0.0, left)
        return {"v": where(fired, self.v_reset, v), "refractory": refractory, "spike": s}


class PscDeltaLIF(_Psc):
    """LIF whose arrivals are jumps of the potential: dv/dt = -(v - e_l)/tau_m + I/c_m, exact.

    Ports: input (mV, dropped while refractory), current (pA, held for the step). Source: NEST iaf_psc_delta.
    """

    equation = "dv/dt = -(v - e_l)/tau_m + I/c_m;  v += input;  s = 1[v > v_th];  v = v_reset for t_ref"
    aliases = ("iaf_psc_delta",)
    inputs = ("input", "current")

    def step(self: Any, v: Any, refractory: Any, input: Any, current: Any) -> dict[str, Any]:
        p = Propagator(self.dt, self.tau_m, self.c_m)
        # what arrives in the step that ends the refractory time was sent before that end
        v = where(refractory == 0.0, v + input, v)
        moved = (v - self.e_l) * p.decay + (self.e_l + times(self.i_e, p.held)) + times(current, p.held)
        return self._end(v, moved, refractory)


class PscExpLIF(_Psc):
    """LIF with exponentially decaying synaptic currents, exact.

    dv/dt = -(v - e_l)/tau_m + (i_exc + i_inh + I)/c_m;  di/dt = -i/tau;  an arrival is a jump of i.
    Ports: exc, inh (pA; inhibition is negative), current (pA, held for the step).
    Source: Rotter & Diesmann 1999; NEST iaf_psc_exp.
    """

    equation = "dv/dt = -(v - e_l)/tau_m + (i_exc + i_inh + I)/c_m;  di/dt = -i/tau;  s = 1[v > v_th]"
    aliases = ("iaf_psc_exp", "CUBA")
    inputs = ("exc", "inh", "current")
    tau_exc = Param(2.0, "time constant of excitation", unit="ms", above=0.0)
    tau_inh = Param(2.0, "time constant of inhibition", unit="ms", above=0.0)
    i_exc = State(0.0, "excitatory current in pA")
    i_inh = State(0.0, "inhibitory current in pA")

    def step(
        self: Any, v: Any, refractory: Any, i_exc: Any, i_inh: Any, exc: Any, inh: Any, current: Any
    ) -> dict[str, Any]:
        p = Propagator(self.dt, self.tau_m, self.c_m)
        i_exc, i_inh = i_exc + exc, i_inh + inh
        moved = (v - self.e_l) * p.decay + (self.e_l + times(self.i_e, p.held)) + times(current, p.held)
        moved = moved + i_exc * p.decaying(self.tau_exc) + i_inh * p.decaying(self.tau_inh)
        return {
            **self._end(v, moved, refractory),
            "i_exc": i_exc * exp(-self.dt / self.tau_exc),
            "i_inh": i_inh * exp(-self.dt / self.tau_inh),
        }


class PscAlphaLIF(_Psc):
    """LIF with alpha-shaped synaptic currents, exact: an arrival of 1 pA makes a current that peaks at 1 pA after tau.

    dv/dt = -(v - e_l)/tau_m + (i_exc + i_inh + I)/c_m;  di/dt = d - i/tau;  dd/dt = -d/tau;  an arrival adds e/tau to d.
    Ports: exc, inh (pA; inhibition is negative), current (pA, held for the step).
    Source: Rotter & Diesmann 1999; NEST iaf_psc_alpha.
    """

    equation = "dv/dt = -(v - e_l)/tau_m + (i_exc + i_inh + I)/c_m;  di/dt = d - i/tau;  dd/dt = -d/tau"
    aliases = ("iaf_psc_alpha",)
    inputs = ("exc", "inh", "current")
    tau_exc = Param(2.0, "time constant of excitation", unit="ms", above=0.0)
    tau_inh = Param(2.0, "time constant of inhibition", unit="ms", above=0.0)
    i_exc = State(0.0, "excitatory current in pA")
    i_inh = State(0.0, "inhibitory current in pA")
    d_exc = State(0.0, "what drives the excitatory current, in pA/ms")
    d_inh = State(0.0, "what drives the inhibitory current, in pA/ms")

    def step(
        self: Any,
        v: Any,
        refractory: Any,
        i_exc: Any,
        i_inh: Any,
        d_exc: Any,
        d_inh: Any,
        exc: Any,
        inh: Any,
        current: Any,
    ) -> dict[str, Any]:
        p = Propagator(self.dt, self.tau_m, self.c_m)
        moved = (v - self.e_l) * p.decay + (self.e_l + times(self.i_e, p.held)) + times(current, p.held)
        after: dict[str, Any] = {}
        for port, i, d, arrived, tau in (
            ("exc", i_exc, d_exc, exc, self.tau_exc),
            ("inh", i_inh, d_inh, inh, self.tau_inh),
        ):
            d = d + times(arrived, math.e / tau)
            moved = moved + i * p.decaying(tau) + d * p.ramp(tau)
            decay: Any = exp(-self.dt / tau)
            after |= {f"i_{port}": (i + d * self.dt) * decay, f"d_{port}": d * decay}
        return {**self._end(v, moved, refractory), **after}
