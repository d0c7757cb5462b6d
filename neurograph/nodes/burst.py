"""Integrate-and-fire as conversion uses it: fires at the threshold, subtracts it, and may fire several times a step."""

from __future__ import annotations

from typing import Any

from neurograph.errors import SpecError, declared_at
from neurograph.expr import clip, custom_gradient, floor, spike, where
from neurograph.nodes.surrogate import Atan
from neurograph.spec import Neuron, Option, Param, State, SurrogateOption


class BurstIF(Neuron):
    """Integrate-and-fire with up to `max_spikes` spikes a step: n = clip(floor(V' / theta), 0, max), V = V' - n theta.

    One spike a step: n = 1[V' >= theta]. The rate of n over T steps is clip(floor((T z + v0) / theta), 0, T max) / T for a
    constant input z, a quantised ReLU. `reset="hard"`: V = 0 where it fired; "none": V = V' (BrainCog's SNode with
    soft_mode=False). Source: Cao 2015, Rueckauer 2017 (soft reset); Li & Zeng 2022 (bursts).
    """

    equation = "V' = V + x;  n = clip(floor(V' / theta), 0, max_spikes);  V = V' - n theta"
    aliases = ("SNode",)
    threshold = Param(1.0, "threshold theta", above=0.0)
    v0 = Param(0.0, "potential at the start")
    max_spikes = Option(1, doc="spikes a step, at most")
    reset = Option("soft", ("soft", "hard", "none"), "soft: minus n theta; hard: to 0; none")
    surrogate = SurrogateOption(Atan())
    v = State("v0", "membrane potential")

    def __init__(self, **values: Any):
        super().__init__(**values)
        most = self.options["max_spikes"]
        if isinstance(most, bool) or not isinstance(most, int) or most < 1:
            raise SpecError(f"BurstIF(max_spikes={most!r}) at {declared_at()}: a whole number, 1 or more")

    def step(self, v: Any, input: Any) -> dict[str, Any]:
        v = v + input
        theta: Any = self.threshold
        n: Any
        if self.max_spikes == 1:
            n = 1.0 - spike(theta - v, self.surrogate)  # type: ignore[arg-type]  # 1[v >= theta]
        else:
            u = v / theta
            inside = where(u < 0.0, 0.0, where(u > self.max_spikes, 0.0, 1.0))  # type: ignore[operator]
            n = custom_gradient(clip(floor(u), 0.0, self.max_spikes), (u, inside))  # type: ignore[arg-type]
        if self.reset == "soft":
            v = v - n * theta
        elif self.reset == "hard":
            v = where(n > 0.0, 0.0, v)
        return {"v": v, "spike": n}
