"""Point neurons: IF, LIF, PLIF and the leaky integrator.

x is the input of the step, V the membrane potential, theta the threshold, tau in units of dt.
A spike is s = 1[V' > theta], with V' the potential before the reset.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

from neurograph.errors import SpecError, declared_at
from neurograph.expr import detach, exp, hard_reset, sigmoid, soft_reset, spike
from neurograph.nodes.surrogate import Atan, QGate
from neurograph.spec import Learnable, Neuron, Option, Param, State, SurrogateOption, learnable


class _Point(Neuron):
    """The part the point neurons share: threshold, reset and the rule that ends a step."""

    threshold = Param(0.5, "threshold theta")
    threshold_of = Option("value", ("value", "sigmoid"), "whether theta is the parameter or its sigmoid")
    v_reset = Param(0.0, "potential after a hard reset")
    reset = Option("hard", ("hard", "soft", "none"), "hard: to v_reset; soft: minus theta; none")
    detach_reset = Option(True, (True, False), "whether the reset passes no gradient to the spike")
    detach_state = Option(False, (True, False), "whether no gradient crosses from step to step")
    surrogate = SurrogateOption(QGate())

    def _enter(self, v: Any) -> Any:
        return detach(v) if self.detach_state else v

    def _fire(self, v: Any) -> dict[str, Any]:
        theta = sigmoid(self.threshold) if self.threshold_of == "sigmoid" else self.threshold  # type: ignore[arg-type]
        s = spike(v - theta, self.surrogate)  # type: ignore[arg-type]
        r = detach(s) if self.detach_reset else s
        if self.reset == "hard":
            v = hard_reset(v, r, self.v_reset)  # type: ignore[arg-type]
        elif self.reset == "soft":
            v = soft_reset(v, r, theta)  # type: ignore[arg-type]
        return {"v": v, "spike": s}


class IF(_Point):
    """Integrate-and-fire: V' = V + x dt."""

    equation = "V' = V + x dt;  s = 1[V' > theta];  V = reset(V', s)"
    aliases = ("IFNode",)
    v = State(0.0, "membrane potential")
    surrogate = SurrogateOption(Atan())

    def step(self, v: Any, input: Any) -> dict[str, Any]:
        return self._fire(self._enter(v) + input * self.dt)


class LIF(_Point):
    """Leaky integrate-and-fire: V' = V + (x - (V - v_rest)) / tau dt.

    `decay_input=False`: V' = V - (V - v_rest) / tau dt + x. `integration="exact"`: the solution over one
    step for a constant input, V' = x_inf + (V - x_inf) exp(-dt/tau).
    """

    equation = "V' = V + (x - (V - v_rest)) / tau dt;  s = 1[V' > theta];  V = reset(V', s)"
    aliases = ("LIFNode",)
    tau = Param(2.0, "membrane time constant", unit="dt", above=0.0)
    v_rest = Param(0.0, "resting potential")
    decay_input = Option(True, (True, False), "whether the input is divided by tau")
    integration = Option("euler", ("euler", "exact"))
    v = State("v_rest", "membrane potential")

    def step(self, v: Any, input: Any) -> dict[str, Any]:
        v = self._enter(v)
        away = v - self.v_rest
        if self.integration == "exact":
            decay = exp(-self.dt / self.tau)  # type: ignore[operator]
            target = input if self.decay_input else input * self.tau
            return self._fire(target + (away - target) * decay + self.v_rest)
        if self.decay_input:
            return self._fire(v + (input - away) / self.tau * self.dt)
        return self._fire(v - away / self.tau * self.dt + input)


class PLIF(_Point):
    """LIF whose time constant is trained: V' = V + (x - (V - v_rest)) sigmoid(w) dt, tau = 1 / sigmoid(w).

    Give `tau` (the start, w = -ln(tau - 1)) or `w`. Source: Fang et al. 2021.
    """

    equation = "V' = V + (x - (V - v_rest)) sigmoid(w) dt;  s = 1[V' > theta];  V = reset(V', s)"
    aliases = ("PLIFNode",)
    threshold = Param(1.0, "threshold theta")
    w = Param(learnable(0.0), "1 / tau = sigmoid(w)")
    v_rest = Param(0.0, "resting potential")
    decay_input = Option(True, (True, False), "whether the input is multiplied by sigmoid(w)")
    v = State("v_rest", "membrane potential")
    surrogate = SurrogateOption(Atan(learnable(2.0)))
    kept_as: ClassVar[dict[str, str | None]] = {"tau": None}  # given as w

    def __init__(self, *, tau: float | Learnable | None = None, **values: Any):
        if tau is not None:
            given = tau if isinstance(tau, Learnable) else learnable(tau)
            if "w" in values or not given.value > 1.0:
                raise SpecError(f"PLIF(tau={tau!r}) at {declared_at()}: give either w or one tau above 1")
            values["w"] = learnable(-math.log(given.value - 1.0), given.per)
        super().__init__(**values)

    def step(self, v: Any, input: Any) -> dict[str, Any]:
        v = self._enter(v)
        away = v - self.v_rest
        k = sigmoid(self.w)  # type: ignore[arg-type]
        if self.decay_input:
            return self._fire(v + (input - away) * k * self.dt)
        return self._fire(v - away * k * self.dt + input)


class LeakyIntegrator(Neuron):
    """A readout without spikes: V = V + (x - V) / tau dt; the output is V."""

    equation = "V = V + (x - V) / tau dt"
    aliases = ("LI", "ReadoutNode")
    outputs = ("v",)
    tau = Param(2.0, "membrane time constant", unit="dt", above=0.0)
    v = State(0.0, "membrane potential")

    def step(self, v: Any, input: Any) -> dict[str, Any]:
        return {"v": v + (input - v) / self.tau * self.dt}
