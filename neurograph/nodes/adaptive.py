"""Integrate-and-fire neurons whose threshold rises with every spike."""

from __future__ import annotations

from typing import Any

from neurograph.expr import exp, where
from neurograph.nodes.propagator import Propagator, phi, times
from neurograph.nodes.refractory import _Refractory
from neurograph.spec import Option, Param, State


class ALIF(_Refractory):
    """LIF with an adaptive threshold, the neuron of LSNNs; all without units but the times, which are in ms.

    V' = alpha V + (1 - alpha) x, alpha = exp(-dt/tau_m);   B = threshold + beta b;   s = 1[V' > B]
    V = V' - s B (`reset="hard"`: to 0);   b = rho b + (1 - rho) s, rho = exp(-dt/tau_a)
    V is frozen for t_ref. Port: input. Source: Bellec et al. 2018.
    """

    equation = "V' = alpha V + (1 - alpha) x;  s = 1[V' > theta + beta b];  b = rho b + (1 - rho) s"
    aliases = ("AdaptiveLIF", "LSNN")
    threshold = Param(1.0, "threshold at rest")
    beta = Param(1.8, "effect of the adaptation on the threshold")
    tau_m = Param(20.0, "time constant of the membrane", unit="ms", above=0.0)
    tau_a = Param(200.0, "time constant of the adaptation", unit="ms", above=0.0)
    t_ref = Param(0.0, "refractory time", unit="ms", at_least=0.0)
    reset = Option("soft", ("soft", "hard"), "soft: minus the threshold of the moment; hard: to 0")
    v = State(0.0, "membrane potential V")
    b = State(0.0, "adaptation b")

    def step(self: Any, v: Any, refractory: Any, b: Any, input: Any) -> dict[str, Any]:
        kept = exp(-self.dt / self.tau_m)
        left = self._left(refractory)
        # 1 - exp(-x) as x phi(-x), which loses no digits where the step is short
        moved = v * kept + times(input, phi(-self.dt / self.tau_m) * (self.dt / self.tau_m))
        v = where(left == 0.0, moved, v)
        theta = b * self.beta + self.threshold
        s, fired, refractory = self._fire(v - theta, left == 0.0, left)
        rise = phi(-self.dt / self.tau_a) * (self.dt / self.tau_a)
        return {
            "v": where(fired, v - theta if self.reset == "soft" else 0.0, v),
            "b": b * exp(-self.dt / self.tau_a) + s * rise,
            "refractory": refractory,
            "spike": s,
        }


class GIF(_Refractory):
    """Generalised integrate-and-fire neuron: every spike starts two currents and raises the threshold twice; exact.

    c_m dv/dt = -g_l (v - e_l) - eta1 - eta2 + i_exc + i_inh + I;   s = 1[v > v_th + theta1 + theta2]
    d eta/dt = -eta/tau_stc, eta += q_stc at a spike;   d theta/dt = -theta/tau_sfa, theta += q_sfa at a spike
    The threshold is sharp: escape noise is left to a noisy input. v is frozen for t_ref, the rest goes on.
    Ports: exc, inh (pA; inhibition is negative), current (pA, held for the step). Units: ms, mV, nS, pF, pA.
    Source: Mensi et al. 2012, Pozzorini et al. 2015; NEST gif_psc_exp.
    """

    equation = (
        "c_m dv/dt = -g_l (v - e_l) - eta + i_exc + i_inh + I;  s = 1[v > v_th + theta];  "
        "d eta/dt = -eta/tau_stc;  d theta/dt = -theta/tau_sfa;  spike: eta += q_stc, theta += q_sfa"
    )
    aliases = ("gif_psc_exp",)
    inputs = ("exc", "inh", "current")
    c_m = Param(83.1, "capacitance of the membrane", unit="pF", above=0.0)
    g_l = Param(3.7, "leak conductance", unit="nS", above=0.0)
    e_l = Param(-67.0, "resting potential", unit="mV")
    v_th = Param(-39.6, "threshold at rest", unit="mV")
    v_reset = Param(-36.7, "potential after a spike", unit="mV")
    t_ref = Param(4.0, "refractory time", unit="ms", at_least=0.0)
    i_e = Param(0.0, "constant current", unit="pA")
    tau_exc = Param(2.0, "time constant of excitation", unit="ms", above=0.0)
    tau_inh = Param(2.0, "time constant of inhibition", unit="ms", above=0.0)
    q_stc1 = Param(56.7, "first current per spike", unit="pA")
    q_stc2 = Param(-6.9, "second current per spike", unit="pA")
    tau_stc1 = Param(57.8, "its time constant", unit="ms", above=0.0)
    tau_stc2 = Param(218.2, "its time constant", unit="ms", above=0.0)
    q_sfa1 = Param(11.7, "first rise of the threshold per spike", unit="mV")
    q_sfa2 = Param(1.8, "second rise of the threshold per spike", unit="mV")
    tau_sfa1 = Param(53.8, "its time constant", unit="ms", above=0.0)
    tau_sfa2 = Param(640.0, "its time constant", unit="ms", above=0.0)
    v = State("e_l", "membrane potential in mV")
    i_exc = State(0.0, "excitatory current in pA")
    i_inh = State(0.0, "inhibitory current in pA")
    eta1 = State(0.0, "first current after spikes in pA")
    eta2 = State(0.0, "second current after spikes in pA")
    theta1 = State(0.0, "first rise of the threshold in mV")
    theta2 = State(0.0, "second rise of the threshold in mV")

    def step(
        self: Any,
        v: Any,
        refractory: Any,
        i_exc: Any,
        i_inh: Any,
        eta1: Any,
        eta2: Any,
        theta1: Any,
        theta2: Any,
        exc: Any,
        inh: Any,
        current: Any,
    ) -> dict[str, Any]:
        p = Propagator(self.dt, self.c_m / self.g_l, self.c_m)
        i_exc, i_inh = i_exc + exc, i_inh + inh
        moved = (v - self.e_l) * p.decay + (self.e_l + times(self.i_e, p.held)) + times(current, p.held)
        moved = moved + i_exc * p.decaying(self.tau_exc) + i_inh * p.decaying(self.tau_inh)
        moved = moved - eta1 * p.decaying(self.tau_stc1) - eta2 * p.decaying(self.tau_stc2)
        # the threshold of the end of the step, where v is too
        theta1, theta2 = theta1 * exp(-self.dt / self.tau_sfa1), theta2 * exp(-self.dt / self.tau_sfa2)
        eta1, eta2 = eta1 * exp(-self.dt / self.tau_stc1), eta2 * exp(-self.dt / self.tau_stc2)
        left = self._left(refractory)
        v = where(left == 0.0, moved, v)
        s, fired, refractory = self._fire(v - (theta1 + theta2 + self.v_th), left == 0.0, left)
        return {
            "v": where(fired, self.v_reset, v),
            "i_exc": i_exc * exp(-self.dt / self.tau_exc),
            "i_inh": i_inh * exp(-self.dt / self.tau_inh),
            "eta1": where(fired, eta1 + self.q_stc1, eta1),
            "eta2": where(fired, eta2 + self.q_stc2, eta2),
            "theta1": where(fired, theta1 + self.q_sfa1, theta1),
            "theta2": where(fired, theta2 + self.q_sfa2, theta2),
            "refractory": refractory,
            "spike": s,
        }
