"""Adaptive exponential integrate-and-fire neurons: a sharp upstroke and one adaptation current.

Units: ms, mV, nS, pF, pA. What arrives in a step is added first, then everything moves on by dt.
"""

from __future__ import annotations

from typing import Any

from neurograph.expr import exp, floor, minimum, where
from neurograph.nodes.cond import _Conductances
from neurograph.nodes.propagator import times
from neurograph.nodes.refractory import _Refractory
from neurograph.spec import Option, Param, State

# an exponent beyond which the next potential lies above every peak: e**50 = 5e21
STEEPEST = 50.0


class AdEx(_Conductances):
    """Adaptive exponential integrate-and-fire neuron with exponentially decaying synaptic conductances.

    c_m dv/dt = g_l (e_l - v) + g_l delta_t exp((v - v_t)/delta_t) - w + g_exc (e_exc - v) + g_inh (e_inh - v) + I
    tau_w dw/dt = a (v - e_l) - w;   v > v_peak: v = v_reset, w += b;   dg/dt = -g/tau
    `integration`: "exponential_euler" (the exponential term and w held over dt) or "euler"; both from old values.
    The exponent is limited to 50, where the next v is a spike whatever v_peak, so that no input makes a NaN.
    v is frozen for t_ref, w and the conductances go on.
    Ports: exc, inh (nS, both positive), current (pA, held for the step). Source: Brette & Gerstner 2005; firing
    patterns in Naud et al. 2008; NEST aeif_cond_exp.
    """

    equation = (
        "c_m dv/dt = g_l (e_l - v) + g_l delta_t exp((v - v_t)/delta_t) - w + g_exc (e_exc - v) + g_inh (e_inh - v) "
        "+ I;  tau_w dw/dt = a (v - e_l) - w;  v > v_peak: v = v_reset, w += b"
    )
    aliases = ("aeif_cond_exp", "EIF")
    c_m = Param(281.0, "capacitance of the membrane", unit="pF", above=0.0)
    g_l = Param(30.0, "leak conductance", unit="nS", above=0.0)
    e_l = Param(-70.6, "resting potential", unit="mV")
    v_t = Param(-50.4, "potential at which the upstroke begins", unit="mV")
    delta_t = Param(2.0, "sharpness of the upstroke", unit="mV", above=0.0)
    a = Param(4.0, "adaptation below threshold", unit="nS")
    b = Param(80.5, "adaptation per spike", unit="pA")
    tau_w = Param(144.0, "time constant of the adaptation", unit="ms", above=0.0)
    v_peak = Param(0.0, "potential taken as a spike", unit="mV")
    v_reset = Param(-60.0, "potential after a spike", unit="mV")
    t_ref = Param(0.0, "refractory time", unit="ms", at_least=0.0)
    integration = Option("exponential_euler", ("exponential_euler", "euler"), "of v and w")
    v = State("e_l", "membrane potential in mV")
    w = State(0.0, "adaptation current in pA")

    def step(
        self: Any,
        v: Any,
        refractory: Any,
        w: Any,
        g_exc: Any,
        g_inh: Any,
        exc: Any,
        inh: Any,
        current: Any,
    ) -> dict[str, Any]:
        g_exc, g_inh = g_exc + exc, g_inh + inh
        upstroke: Any = exp(minimum((v - self.v_t) / self.delta_t, STEEPEST))
        g = g_exc + g_inh + self.g_l
        drive = upstroke * (self.g_l * self.delta_t) - w + (self.g_l * self.e_l + self.i_e) + current
        drive = drive + times(self.e_exc, g_exc) + times(self.e_inh, g_inh)
        pull = (v - self.e_l) * self.a
        if self.integration == "exponential_euler":
            moved = self._relaxed(v, g, drive)
            w = (w - pull) * exp(-self.dt / self.tau_w) + pull
        else:
            moved = v + (drive - g * v) * (self.dt / self.c_m)
            w = w + (pull - w) * (self.dt / self.tau_w)
        left = self._left(refractory)
        v = where(left == 0.0, moved, v)
        s, fired, refractory = self._fire(v - self.v_peak, left == 0.0, left)
        return {
            "v": where(fired, self.v_reset, v),
            "w": where(fired, w + self.b, w),
            "g_exc": g_exc * exp(-self.dt / self.tau_exc),
            "g_inh": g_inh * exp(-self.dt / self.tau_inh),
            "refractory": refractory,
            "spike": s,
        }


class BrainCogAEIF(_Refractory):
    """The adaptive exponential neuron of BrainCog's brain simulations: no peak, the upstroke ends at the threshold.

    v += dt/c_m (-g_m (v - v_reset) + g_m delta_t exp((v - v_th)/delta_t) + a ad + I)
    ad += dt/tau_w (-ad + b (v - v_reset)) with the new v;   v > v_th: v = v_reset, ad += jump
    v and ad are frozen in the refractory time, which there is longer than t_ref: floor(t_ref/dt) + 1 steps. The
    exponent is limited to 50. The defaults are those of its second inhibitory type; excitatory neurons have a = b = 0.
    Port: current. Source: BrainCog's aEIF.
    """

    equation = (
        "v += dt/c_m (-g_m (v - v_reset) + g_m delta_t exp((v - v_th)/delta_t) + a ad + I);  "
        "ad += dt/tau_w (-ad + b (v - v_reset));  v > v_th: v = v_reset, ad += jump"
    )
    aliases = ("aEIF",)
    inputs = ("current",)
    c_m = Param(8.5, "capacitance of the membrane", above=0.0)
    g_m = Param(0.1, "leak conductance", above=0.0)
    delta_t = Param(0.5, "sharpness of the upstroke", unit="mV", above=0.0)
    v_th = Param(-45.0, "threshold", unit="mV")
    v_reset = Param(-66.0, "resting potential, and that after a spike", unit="mV")
    tau_w = Param(2.0, "time constant of the adaptation", unit="ms", above=0.0)
    a = Param(-0.2, "effect of the adaptation on v")
    b = Param(0.45, "effect of v on the adaptation")
    jump = Param(30.0, "adaptation per spike")
    t_ref = Param(5.0, "refractory time", unit="ms", at_least=0.0)
    v = State("v_reset", "membrane potential in mV")
    ad = State(0.0, "adaptation")

    def step(self: Any, v: Any, refractory: Any, ad: Any, current: Any) -> dict[str, Any]:
        upstroke: Any = exp(minimum((v - self.v_th) / self.delta_t, STEEPEST))
        force = upstroke * (self.g_m * self.delta_t) - (v - self.v_reset) * self.g_m + ad * self.a + current
        left = self._left(refractory)
        active = left == 0.0
        v = where(active, v + force * (self.dt / self.c_m), v)
        ad = where(active, ad + ((v - self.v_reset) * self.b - ad) * (self.dt / self.tau_w), ad)
        s, fired, refractory = self._fire(v - self.v_th, active, left)
        return {
            "v": where(fired, self.v_reset, v),
            "ad": where(fired, ad + self.jump, ad),
            "refractory": refractory,
            "spike": s,
        }

    def _steps(self: Any) -> Any:
        """Upstream counts the steps since the spike and goes on where the count exceeds t_ref/dt."""
        return floor(self.t_ref / self.dt) + 1.0
