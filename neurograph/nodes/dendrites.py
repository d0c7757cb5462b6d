"""A neuron of three conductance-driven compartments in physical units."""

from __future__ import annotations

from typing import Any

from neurograph.expr import exp, where
from neurograph.nodes.propagator import times
from neurograph.nodes.refractory import _Refractory
from neurograph.spec import Param, State

COMPARTMENTS = ("soma", "basal", "apical")


class ThreeCompCond(_Refractory):
    """Soma, basal and apical dendrite, each a membrane with excitatory and inhibitory conductances.

    c dv/dt = g_l (e_l - v) + g_exc (e_exc - v) + g_inh (e_inh - v) + sum over neighbours of k (v' - v) + I, per
    compartment; k_basal and k_apical couple the dendrites to the soma;  dg/dt = -g/tau;  an arrival is a jump of g.
    Exponential Euler from the old values. The soma fires at v_th, is reset and rests for t_ref; dendrites go on.
    Ports, for each compartment: <name>_exc, <name>_inh (nS, both positive), <name>_current (pA, held for the step).
    Units: ms, mV, nS, pF, pA. Source: the compartments of NEST iaf_cond_alpha_mc, both dendrites at the soma.
    """

    equation = (
        "c dv/dt = g_l (e_l - v) + g_exc (e_exc - v) + g_inh (e_inh - v) + k (v' - v) + I for soma, basal, apical;  "
        "dg/dt = -g/tau;  s = 1[v_soma > v_th];  v_soma = v_reset for t_ref"
    )
    inputs = tuple(f"{c}_{port}" for c in COMPARTMENTS for port in ("exc", "inh", "current"))
    conductances = tuple(f"{c}_{port}" for c in COMPARTMENTS for port in ("exc", "inh"))
    c_soma = Param(150.0, "capacitance of the soma", unit="pF", above=0.0)
    c_basal = Param(75.0, "capacitance of the basal dendrite", unit="pF", above=0.0)
    c_apical = Param(150.0, "capacitance of the apical dendrite", unit="pF", above=0.0)
    g_soma = Param(10.0, "leak of the soma", unit="nS", above=0.0)
    g_basal = Param(5.0, "leak of the basal dendrite", unit="nS", above=0.0)
    g_apical = Param(10.0, "leak of the apical dendrite", unit="nS", above=0.0)
    k_basal = Param(2.5, "coupling of basal dendrite and soma", unit="nS", at_least=0.0)
    k_apical = Param(1.0, "coupling of apical dendrite and soma", unit="nS", at_least=0.0)
    e_l = Param(-70.0, "resting potential", unit="mV")
    e_exc = Param(0.0, "reversal potential of excitation", unit="mV")
    e_inh = Param(-85.0, "reversal potential of inhibition", unit="mV")
    tau_exc = Param(0.5, "time constant of excitation", unit="ms", above=0.0)
    tau_inh = Param(2.0, "time constant of inhibition", unit="ms", above=0.0)
    v_th = Param(-55.0, "threshold of the soma", unit="mV")
    v_reset = Param(-60.0, "potential of the soma after a spike", unit="mV")
    v_soma = State("e_l", "potential of the soma in mV")
    v_basal = State("e_l", "potential of the basal dendrite in mV")
    v_apical = State("e_l", "potential of the apical dendrite in mV")
    g_soma_exc = State(0.0, "excitatory conductance of the soma in nS")
    g_soma_inh = State(0.0, "inhibitory conductance of the soma in nS")
    g_basal_exc = State(0.0, "excitatory conductance of the basal dendrite in nS")
    g_basal_inh = State(0.0, "inhibitory conductance of the basal dendrite in nS")
    g_apical_exc = State(0.0, "excitatory conductance of the apical dendrite in nS")
    g_apical_inh = State(0.0, "inhibitory conductance of the apical dendrite in nS")

    def step(
        self: Any,
        refractory: Any,
        v_soma: Any,
        v_basal: Any,
        v_apical: Any,
        g_soma_exc: Any,
        g_soma_inh: Any,
        g_basal_exc: Any,
        g_basal_inh: Any,
        g_apical_exc: Any,
        g_apical_inh: Any,
        soma_exc: Any,
        soma_inh: Any,
        soma_current: Any,
        basal_exc: Any,
        basal_inh: Any,
        basal_current: Any,
        apical_exc: Any,
        apical_inh: Any,
        apical_current: Any,
    ) -> dict[str, Any]:
        soma = g_soma_exc + soma_exc, g_soma_inh + soma_inh
        basal = g_basal_exc + basal_exc, g_basal_inh + basal_inh
        apical = g_apical_exc + apical_exc, g_apical_inh + apical_inh

        def moved(v: Any, g: Any, leak: Any, c: Any, coupling: Any, pull: Any) -> Any:
            total = g[0] + g[1] + (leak + coupling)
            drive = pull + leak * self.e_l + times(self.e_exc, g[0]) + times(self.e_inh, g[1])
            target = drive / total
            return (v - target) * exp(total * (-self.dt / c)) + target

        k_basal, k_apical = self.k_basal, self.k_apical
        pull = v_basal * k_basal + v_apical * k_apical + soma_current
        v = moved(v_soma, soma, self.g_soma, self.c_soma, k_basal + k_apical, pull)
        left = self._left(refractory)
        v = where(left == 0.0, v, v_soma)
        s, fired, refractory = self._fire(v - self.v_th, left == 0.0, left)
        fades = exp(-self.dt / self.tau_exc), exp(-self.dt / self.tau_inh)
        pulls = v_soma * k_basal + basal_current, v_soma * k_apical + apical_current
        return {
            "v_soma": where(fired, self.v_reset, v),
            "v_basal": moved(v_basal, basal, self.g_basal, self.c_basal, k_basal, pulls[0]),
            "v_apical": moved(v_apical, apical, self.g_apical, self.c_apical, k_apical, pulls[1]),
            "g_soma_exc": soma[0] * fades[0],
            "g_soma_inh": soma[1] * fades[1],
            "g_basal_exc": basal[0] * fades[0],
            "g_basal_inh": basal[1] * fades[1],
            "g_apical_exc": apical[0] * fades[0],
            "g_apical_inh": apical[1] * fades[1],
            "refractory": refractory,
            "spike": s,
        }
