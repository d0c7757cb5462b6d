"""Leaky integrate-and-fire neurons driven by conductances.

Units: ms, mV, nS, pF, pA. What arrives in a step is added first, then everything moves on by dt; v is frozen in the
refractory time, conductances are not. Parameters are NEST's.
"""

from __future__ import annotations

import math
from typing import Any

from neurograph.expr import exp, where
from neurograph.nodes.propagator import times
from neurograph.nodes.refractory import _Refractory
from neurograph.spec import Option, Param, State

SCHEMES = ("exponential_euler", "euler", "rk4")


class _Conductances(_Refractory):
    """The membrane and the two conductances that conductance-driven neurons share."""

    inputs = ("exc", "inh", "current")
    conductances = ("exc", "inh")
    c_m = Param(250.0, "capacitance of the membrane", unit="pF", above=0.0)
    g_l = Param(16.6667, "leak conductance", unit="nS", above=0.0)
    e_l = Param(-70.0, "resting potential", unit="mV")
    e_exc = Param(0.0, "reversal potential of excitation", unit="mV")
    e_inh = Param(-85.0, "reversal potential of inhibition", unit="mV")
    tau_exc = Param(0.2, "time constant of excitation", unit="ms", above=0.0)
    tau_inh = Param(2.0, "time constant of inhibition", unit="ms", above=0.0)
    i_e = Param(0.0, "constant current", unit="pA")
    g_exc = State(0.0, "excitatory conductance in nS")
    g_inh = State(0.0, "inhibitory conductance in nS")

    def _relaxed(self: Any, v: Any, g: Any, drive: Any) -> Any:
        """v after dt under c_m dv/dt = drive - g v with g and drive held: exponential Euler."""
        target = drive / g
        return (v - target) * exp(g * (-self.dt / self.c_m)) + target


class _CondLIF(_Conductances):
    """LIF on conductances; a subclass says how these move."""

    v_th = Param(-55.0, "threshold", unit="mV")
    v_reset = Param(-60.0, "potential after a spike", unit="mV")
    integration = Option("exponential_euler", SCHEMES, "of v; the conductances are exact")
    v = State("e_l", "membrane potential in mV")

    def _end(self: Any, v: Any, refractory: Any, current: Any, at: Any) -> dict[str, Any]:
        """`at(part)`: the two conductances after this part of the step."""
        left = self._left(refractory)
        v = where(left == 0.0, self._moved(v, current, at), v)
        s, fired, refractory = self._fire(v - self.v_th, left == 0.0, left)
        return {"v": where(fired, self.v_reset, v), "refractory": refractory, "spike": s}

    def _moved(self: Any, v: Any, current: Any, at: Any) -> Any:
        def held(part: float) -> tuple[Any, Any]:
            g_exc, g_inh = at(part)
            drive = times(self.e_exc, g_exc) + times(self.e_inh, g_inh) + (self.g_l * self.e_l + self.i_e) + current
            return g_exc + g_inh + self.g_l, drive

        def slope(v: Any, part: float) -> Any:
            g, drive = held(part)
            return (drive - g * v) * (self.dt / self.c_m)

        if self.integration == "exponential_euler":
            return self._relaxed(v, *held(0.0))
        if self.integration == "euler":
            return v + slope(v, 0.0)
        k1 = slope(v, 0.0)
        k2 = slope(v + k1 * 0.5, 0.5)
        k3 = slope(v + k2 * 0.5, 0.5)
        return v + (k1 + (k2 + k3) * 2.0 + slope(v + k3, 1.0)) * (1.0 / 6.0)


class CondExpLIF(_CondLIF):
    """LIF with exponentially decaying synaptic conductances.

    c_m dv/dt = g_l (e_l - v) + g_exc (e_exc - v) + g_inh (e_inh - v) + I;  dg/dt = -g/tau;  an arrival is a jump of g.
    `integration`: "exponential_euler" (exact in v for conductances held over dt), "euler", "rk4".
    Ports: exc, inh (nS, both positive), current (pA, held for the step). Source: NEST iaf_cond_exp; COBA of
    Vogels & Abbott 2005.
    """

    equation = (
        "c_m dv/dt = g_l (e_l - v) + g_exc (e_exc - v) + g_inh (e_inh - v) + I;  dg/dt = -g/tau;  s = 1[v > v_th]"
    )
    aliases = ("iaf_cond_exp", "COBA")

    def step(
        self: Any, v: Any, refractory: Any, g_exc: Any, g_inh: Any, exc: Any, inh: Any, current: Any
    ) -> dict[str, Any]:
        g_exc, g_inh = g_exc + exc, g_inh + inh

        def at(part: float) -> tuple[Any, Any]:
            if part == 0.0:
                return g_exc, g_inh
            return g_exc * exp(-self.dt * part / self.tau_exc), g_inh * exp(-self.dt * part / self.tau_inh)

        after = at(1.0)
        return {**self._end(v, refractory, current, at), "g_exc": after[0], "g_inh": after[1]}


class CondAlphaLIF(_CondLIF):
    """LIF with alpha-shaped synaptic conductances: an arrival of 1 nS makes a conductance that peaks at 1 nS after tau.

    c_m dv/dt = g_l (e_l - v) + g_exc (e_exc - v) + g_inh (e_inh - v) + I;  dg/dt = d - g/tau;  dd/dt = -d/tau;
    an arrival adds e/tau to d. `integration` as in CondExpLIF; its first-order schemes hold g over dt.
    Ports: exc, inh (nS, both positive), current (pA, held for the step). Source: NEST iaf_cond_alpha.
    """

    equation = (
        "c_m dv/dt = g_l (e_l - v) + g_exc (e_exc - v) + g_inh (e_inh - v) + I;  dg/dt = d - g/tau;  dd/dt = -d/tau"
    )
    aliases = ("iaf_cond_alpha",)
    d_exc = State(0.0, "what drives the excitatory conductance, in nS/ms")
    d_inh = State(0.0, "what drives the inhibitory conductance, in nS/ms")

    def step(
        self: Any,
        v: Any,
        refractory: Any,
        g_exc: Any,
        g_inh: Any,
        d_exc: Any,
        d_inh: Any,
        exc: Any,
        inh: Any,
        current: Any,
    ) -> dict[str, Any]:
        d_exc = d_exc + times(exc, math.e / self.tau_exc)
        d_inh = d_inh + times(inh, math.e / self.tau_inh)

        def moved(g: Any, d: Any, tau: Any, part: float) -> Any:
            return g if part == 0.0 else (g + d * (self.dt * part)) * exp(-self.dt * part / tau)

        def at(part: float) -> tuple[Any, Any]:
            return moved(g_exc, d_exc, self.tau_exc, part), moved(g_inh, d_inh, self.tau_inh, part)

        after = at(1.0)
        return {
            **self._end(v, refractory, current, at),
            "g_exc": after[0],
            "g_inh": after[1],
            "d_exc": d_exc * exp(-self.dt / self.tau_exc),
            "d_inh": d_inh * exp(-self.dt / self.tau_inh),
        }
