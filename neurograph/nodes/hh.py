"""Hodgkin-Huxley neurons: sodium and potassium channels whose gates follow the potential."""

from __future__ import annotations

import math
from typing import Any

from neurograph.expr import clip, exp, spike, where
from neurograph.nodes.cond import _Conductances
from neurograph.nodes.propagator import times
from neurograph.nodes.surrogate import Atan
from neurograph.spec import Neuron, Option, Param, State, SurrogateOption


def over_exprel(x: Any, e: Any) -> Any:
    """x / (e - 1) for e = exp(x); near x = 0, where that is 0/0, its series."""
    near = abs(x) < 0.1
    square = x * x
    series = 1.0 - x * 0.5 + square * (1.0 / 12.0 - square * (1.0 / 720.0 - square * (1.0 / 30240.0)))
    return where(near, series, x / where(near, 1.0, e - 1.0))


def relaxed(x: Any, a: Any, b: Any, dt: float) -> Any:
    """A gate after dt with its rates held: dx/dt = a (1 - x) - b x."""
    rate = a + b
    target = a / rate
    return (x - target) * exp(rate * -dt) + target


class HH(_Conductances):
    """Hodgkin-Huxley neuron of Traub and Miles with exponentially decaying synaptic conductances.

    c_m dv/dt = g_l (e_l - v) + g_na m^3 h (e_na - v) + g_k n^4 (e_k - v) + g_exc (e_exc - v) + g_inh (e_inh - v) + I
    dx/dt = a_x (1 - x) - b_x x for x = m, h, n, with u = v - v_t, all by exponential Euler from the old values:
    a_m = 0.32 (13 - u)/(exp((13 - u)/4) - 1)    b_m = 0.28 (u - 40)/(exp((u - 40)/5) - 1)
    a_h = 0.128 exp((17 - u)/18)                 b_h = 4/(1 + exp((40 - u)/5))
    a_n = 0.032 (15 - u)/(exp((15 - u)/5) - 1)   b_n = 0.5 exp((10 - u)/40)
    A spike is an upward crossing of v_th; `detection="above"` takes every step above it that t_ref allows. Nothing
    is reset or frozen. For the rates u is kept within -300 to 300 mV, so that no input makes a NaN.
    Ports: exc, inh (nS, both positive), current (pA, held for the step). Units: ms, mV, nS, pF, pA.
    Source: Traub & Miles 1991 as in Brette et al. 2007, benchmark 3; NEST hh_cond_exp_traub.
    """

    equation = (
        "c_m dv/dt = g_l (e_l - v) + g_na m^3 h (e_na - v) + g_k n^4 (e_k - v) + g_exc (e_exc - v) "
        "+ g_inh (e_inh - v) + I;  dx/dt = a_x(v) (1 - x) - b_x(v) x;  s = 1[v rises above v_th]"
    )
    aliases = ("hh_cond_exp_traub", "HodgkinHuxley")
    c_m = Param(200.0, "capacitance of the membrane", unit="pF", above=0.0)
    g_l = Param(10.0, "leak conductance", unit="nS", above=0.0)
    g_na = Param(20000.0, "peak sodium conductance", unit="nS", at_least=0.0)
    g_k = Param(6000.0, "peak potassium conductance", unit="nS", at_least=0.0)
    e_l = Param(-60.0, "resting potential", unit="mV")
    e_na = Param(50.0, "reversal potential of sodium", unit="mV")
    e_k = Param(-90.0, "reversal potential of potassium", unit="mV")
    e_inh = Param(-80.0, "reversal potential of inhibition", unit="mV")
    v_t = Param(-63.0, "shift of the rates", unit="mV")
    v_th = Param(-20.0, "potential whose upward crossing is a spike", unit="mV")
    tau_exc = Param(5.0, "time constant of excitation", unit="ms", above=0.0)
    tau_inh = Param(10.0, "time constant of inhibition", unit="ms", above=0.0)
    t_ref = Param(0.0, "time without spikes after a spike; v goes on", unit="ms", at_least=0.0)
    detection = Option("crossing", ("crossing", "above"), "whether a spike is a crossing or any step above v_th")
    v = State("e_l", "membrane potential in mV")
    m = State(0.0, "activation of sodium")
    h = State(0.0, "inactivation of sodium")
    n = State(0.0, "activation of potassium")

    def step(
        self: Any,
        v: Any,
        refractory: Any,
        m: Any,
        h: Any,
        n: Any,
        g_exc: Any,
        g_inh: Any,
        exc: Any,
        inh: Any,
        current: Any,
    ) -> dict[str, Any]:
        g_exc, g_inh = g_exc + exc, g_inh + inh
        u: Any = clip(v - self.v_t, -300.0, 300.0)
        # of six exponentials four are powers of one: exp(-u/5) = exp(-u/40)**8, exp(-u/4) = exp(-u/40)**10
        e40: Any = exp(u * -0.025)
        square = e40 * e40
        fourth = square * square
        e5 = fourth * fourth
        past = e5 * math.exp(8.0)  # exp((40 - u)/5)
        a_m = over_exprel((13.0 - u) * 0.25, e5 * square * math.exp(3.25)) * 1.28
        b_m = over_exprel((40.0 - u) * 0.2, past) * past * 1.4  # x/(exp(x) - 1) exp(x) = y/(exp(y) - 1), y = -x
        a_h: Any = exp(u * (-1.0 / 18.0) + 17.0 / 18.0) * 0.128
        b_h = 4.0 / (past + 1.0)
        a_n = over_exprel((15.0 - u) * 0.2, e5 * math.exp(3.0)) * 0.16
        b_n = e40 * (0.5 * math.exp(0.25))

        na, k = m * m * m * h * self.g_na, (n * n) * (n * n) * self.g_k
        g = g_exc + g_inh + na + k + self.g_l
        drive = na * self.e_na + k * self.e_k + times(self.e_exc, g_exc) + times(self.e_inh, g_inh)
        moved = self._relaxed(v, g, drive + (self.g_l * self.e_l + self.i_e) + current)
        left = self._left(refractory)
        may_fire = left == 0.0 if self.detection == "above" else (left == 0.0) & (v <= self.v_th)
        s, _, refractory = self._fire(moved - self.v_th, may_fire, left)
        return {
            "v": moved,
            "m": relaxed(m, a_m, b_m, self.dt),
            "h": relaxed(h, a_h, b_h, self.dt),
            "n": relaxed(n, a_n, b_n, self.dt),
            "g_exc": g_exc * exp(-self.dt / self.tau_exc),
            "g_inh": g_inh * exp(-self.dt / self.tau_inh),
            "refractory": refractory,
            "spike": s,
        }


class HHClassic(Neuron):
    """The squid axon of Hodgkin and Huxley per cm2, v counted from rest: gates first with the old v, then v with them.

    c dv/dt = I - g_na m^3 h (v - e_na) - g_k n^4 (v - e_k) - g_l (v - e_l);   dx/dt = a_x (1 - x) - b_x x
    a_m = (2.5 - v/10)/(exp(2.5 - v/10) - 1)    b_m = 4 exp(-v/18)
    a_h = 0.07 exp(-v/20)                       b_h = 1/(exp(3 - v/10) + 1)
    a_n = (0.1 - v/100)/(exp(1 - v/10) - 1)     b_n = 0.125 exp(-v/80)
    A spike is an upward crossing of v_th; nothing is reset. `integration`: "euler" (BrainCog; dt of 0.01 ms) or
    "exponential_euler" (stable for a longer dt). For the rates v is kept within -300 to 300 mV.
    Port: current (uA/cm2). Units: ms, mV, mS/cm2, uF/cm2. Source: Hodgkin & Huxley 1952; BrainCog's HHNode.
    """

    equation = (
        "c dv/dt = I - g_na m^3 h (v - e_na) - g_k n^4 (v - e_k) - g_l (v - e_l);  "
        "dx/dt = a_x(v) (1 - x) - b_x(v) x;  s = 1[v rises above v_th]"
    )
    aliases = ("HHNode",)
    inputs = ("current",)
    c = Param(1.0, "capacitance", unit="uF/cm2", above=0.0)
    g_na = Param(120.0, "peak sodium conductance", unit="mS/cm2", at_least=0.0)
    g_k = Param(36.0, "peak potassium conductance", unit="mS/cm2", at_least=0.0)
    g_l = Param(0.3, "leak conductance", unit="mS/cm2", above=0.0)
    e_na = Param(115.0, "reversal potential of sodium", unit="mV")
    e_k = Param(-12.0, "reversal potential of potassium", unit="mV")
    e_l = Param(10.6, "reversal potential of the leak", unit="mV")
    v_th = Param(50.0, "potential whose upward crossing is a spike", unit="mV")
    integration = Option("euler", ("euler", "exponential_euler"), "of v and the gates")
    surrogate = SurrogateOption(Atan())
    v = State(0.0, "membrane potential in mV, 0 at rest")
    m = State(0.05, "activation of sodium")
    h = State(0.59, "inactivation of sodium")
    n = State(0.31, "activation of potassium")

    def step(self: Any, v: Any, m: Any, h: Any, n: Any, current: Any) -> dict[str, Any]:
        u: Any = clip(v, -300.0, 300.0)
        e80: Any = exp(u * (-1.0 / 80.0))
        e20 = (e80 * e80) * (e80 * e80)
        e10 = e20 * e20
        rates = {
            "m": (over_exprel(2.5 - u * 0.1, e10 * math.exp(2.5)), exp(u * (-1.0 / 18.0)) * 4.0),
            "h": (e20 * 0.07, 1.0 / (e10 * math.exp(3.0) + 1.0)),
            "n": (over_exprel(1.0 - u * 0.1, e10 * math.exp(1.0)) * 0.1, e80 * 0.125),
        }
        gates: dict[str, Any] = {}
        for name, x in (("m", m), ("h", h), ("n", n)):
            a, b = rates[name]
            gates[name] = (
                x + (a * (1.0 - x) - b * x) * self.dt if self.integration == "euler" else relaxed(x, a, b, self.dt)
            )
        na = (gates["m"] * gates["m"] * gates["m"]) * gates["h"] * self.g_na
        k = (gates["n"] * gates["n"]) * (gates["n"] * gates["n"]) * self.g_k
        if self.integration == "euler":
            force = current - na * (v - self.e_na) - k * (v - self.e_k) - (v - self.e_l) * self.g_l
            moved = v + force * (self.dt / self.c)
        else:
            g = na + k + self.g_l
            target = (na * self.e_na + k * self.e_k + self.g_l * self.e_l + current) / g
            moved = (v - target) * exp(g * (-self.dt / self.c)) + target
        s = where(v < self.v_th, spike(moved - self.v_th, self.surrogate), 0.0)
        return {"v": moved, **gates, "spike": s}
