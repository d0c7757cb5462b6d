"""Multi-compartment neurons: basal and apical dendrites and a soma, each a state and a port."""

from __future__ import annotations

from typing import Any

from neurograph.expr import detach, hard_reset, sigmoid, spike
from neurograph.nodes.surrogate import Atan, QGate
from neurograph.spec import Neuron, Option, Param, State, SurrogateOption


class ThreeComp(Neuron):
    """Three compartments, all reset by a spike (BrainCog's ThreeCompNode).

    V_b = (V_b + x_b) / tau_b;  V_a = (V_a + x_a) / tau_a;  U' = U + (V_a + V_b - U) / tau.
    The input is inside the division, and dt plays no part: time constants are in steps.
    """

    equation = "V_b = (V_b + x_b)/tau_b;  V_a = (V_a + x_a)/tau_a;  U' = U + (V_a + V_b - U)/tau;  s = 1[U' > theta]"
    aliases = ("ThreeCompNode",)
    inputs = ("basal", "apical")
    threshold = Param(1.0, "threshold theta")
    tau = Param(2.0, "time constant of the soma", unit="steps", above=0.0)
    tau_basal = Param(2.0, "time constant of the basal dendrite", unit="steps", above=0.0)
    tau_apical = Param(2.0, "time constant of the apical dendrite", unit="steps", above=0.0)
    detach_reset = Option(True, (True, False), "whether the reset passes no gradient to the spike")
    surrogate = SurrogateOption(Atan())
    v_basal = State(0.0, "basal potential V_b")
    v_apical = State(0.0, "apical potential V_a")
    u = State(0.0, "somatic potential U")

    def step(self, v_basal: Any, v_apical: Any, u: Any, basal: Any, apical: Any) -> dict[str, Any]:
        v_basal = (v_basal + basal) / self.tau_basal
        v_apical = (v_apical + apical) / self.tau_apical
        u = u + (v_apical + v_basal - u) / self.tau
        s = spike(u - self.threshold, self.surrogate)  # type: ignore[arg-type]
        r = detach(s) if self.detach_reset else s
        return {
            "v_basal": hard_reset(v_basal, r, 0.0),  # type: ignore[arg-type]
            "v_apical": hard_reset(v_apical, r, 0.0),  # type: ignore[arg-type]
            "u": hard_reset(u, r, 0.0),  # type: ignore[arg-type]
            "spike": s,
        }


class MCN(Neuron):
    """Basal, apical and soma: the apical potential gates what reaches the soma.

    V_b += (x_b - V_b) / tau_basal dt;   V_a += (x_a - V_a) / tau_apical dt;   z = sigmoid(beta V_a)
    drive = g (V_b - [U]) + x_s, where g = g_B / g_L, and U is subtracted unless `coupling="feedforward"`
    U' = U + (z (drive - U)) / tau dt        gate_leak=True: the gate scales the leak too (Spiking-WM's code)
    U' = U + (z drive - U) / tau dt          gate_leak=False (the paper's text)
    U' = z V_b + x_s                         rule="schematic": no memory in the soma
    s = 1[U' > theta]; a spike sets U, V_b and V_a to zero.
    Source: Spiking-WM, arXiv 2503.00713, and its released code. Time constants may be learnable.
    """

    equation = (
        "V_b += (x_b - V_b)/tau_b;  V_a += (x_a - V_a)/tau_a;  z = sigmoid(beta V_a);  "
        "U' = U + z (g (V_b - U) + x_s - U)/tau;  s = 1[U' > theta]"
    )
    aliases = ("MCNode", "MCNNode")
    inputs = ("basal", "apical", "soma")
    threshold = Param(0.5, "threshold theta")
    tau = Param(2.0, "time constant of the soma", unit="dt", above=0.0)
    tau_basal = Param(2.0, "time constant of the basal dendrite", unit="dt", above=0.0)
    tau_apical = Param(2.0, "time constant of the apical dendrite", unit="dt", above=0.0)
    conductance_ratio = Param(1.0, "g_B / g_L", at_least=0.0)
    beta = Param(1.0, "steepness of the apical gate")
    rule = Option("integrate", ("integrate", "schematic"), "whether the soma integrates")
    gate_leak = Option(True, (True, False), "whether the gate scales the soma's leak")
    detach_reset = Option(True, (True, False), "whether the reset passes no gradient to the spike")
    surrogate = SurrogateOption(QGate())
    v_basal = State(0.0, "basal potential V_b")
    v_apical = State(0.0, "apical potential V_a")
    u = State(0.0, "somatic potential U")

    @classmethod
    def schematic(cls, **values: Any) -> MCN:
        """The preset U = sigmoid(V_a) V_b + S_in: the soma follows its input without memory."""
        return cls(rule="schematic", **values)

    def step(self, v_basal: Any, v_apical: Any, u: Any, basal: Any, apical: Any, soma: Any) -> dict[str, Any]:
        v_basal = v_basal + (basal - v_basal) / self.tau_basal * self.dt
        v_apical = v_apical + (apical - v_apical) / self.tau_apical * self.dt
        z = sigmoid(v_apical * self.beta)
        if self.rule == "schematic":
            u = z * v_basal + soma
        else:
            drive = (v_basal - u) * self.conductance_ratio + soma
            pull = z * (drive - u) if self.gate_leak else z * drive - u
            u = u + pull / self.tau * self.dt
        s = spike(u - self.threshold, self.surrogate)  # type: ignore[arg-type]
        r = detach(s) if self.detach_reset else s
        return {
            "v_basal": hard_reset(v_basal, r, 0.0),  # type: ignore[arg-type]
            "v_apical": hard_reset(v_apical, r, 0.0),  # type: ignore[arg-type]
            "u": hard_reset(u, r, 0.0),  # type: ignore[arg-type]
            "spike": s,
        }
