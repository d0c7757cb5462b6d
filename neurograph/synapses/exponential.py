"""Exponential, alpha and biexponential synapses, integrated exactly."""

from __future__ import annotations

import math
from typing import Any

from neurograph.errors import SpecError, declared_at
from neurograph.expr import exp
from neurograph.spec import Param, State
from neurograph.synapses.synapse import Synapse


class Exponential(Synapse):
    """A jump by the weight that decays: ds/dt = -s / tau + w delta(t - t_arrival)."""

    equation = "s = s + x;  output s;  s = s exp(-dt / tau)"
    tau = Param(5.0, "time constant", unit="ms", above=0.0)
    s = State(0.0, "what the target receives")

    def step(self, s: Any, input: Any) -> dict[str, Any]:
        s = s + input
        return {"output": s, "s": s * exp(-self.dt / self.tau)}  # type: ignore[operator]


class Alpha(Synapse):
    """s(t) = w (t / tau) exp(1 - t / tau): rises to the weight at t = tau."""

    equation = "h = h + x e / tau;  output s;  s = (s + h dt) exp(-dt / tau);  h = h exp(-dt / tau)"
    tau = Param(2.0, "time to the peak", unit="ms", above=0.0)
    h = State(0.0, "the drive of s")
    s = State(0.0, "what the target receives")

    def step(self, h: Any, s: Any, input: Any) -> dict[str, Any]:
        h = h + input * (math.e / self.tau)  # type: ignore[operator]
        decay = exp(-self.dt / self.tau)  # type: ignore[operator]
        return {"output": s, "s": (s + h * self.dt) * decay, "h": h * decay}


class Biexponential(Synapse):
    """s(t) = w f (exp(-t / tau_decay) - exp(-t / tau_rise)), with f such that the peak is the weight.

    tau_rise < tau_decay. The factor f follows from the time constants given at the declaration.
    """

    equation = "a = a + f x;  b = b + f x;  output a - b;  a = a exp(-dt / tau_decay);  b = b exp(-dt / tau_rise)"
    tau_rise = Param(1.0, "rise time constant", unit="ms", above=0.0)
    tau_decay = Param(5.0, "decay time constant", unit="ms", above=0.0)
    factor = Param(1.0, "f; computed unless given", above=0.0)
    a = State(0.0, "the part that decays slowly")
    b = State(0.0, "the part that decays fast")

    def __init__(self, *, tau_rise: float = 1.0, tau_decay: float = 5.0, **values: Any):
        # as Python's floats: a NumPy scalar of few bits would overflow
        rise, decay = float(tau_rise), float(tau_decay)
        if not rise < decay:
            raise SpecError(
                f"Biexponential(tau_rise={tau_rise!r}, tau_decay={tau_decay!r}) at {declared_at()}: tau_rise must be "
                "below tau_decay; where they are equal use Alpha(tau)"
            )
        if "factor" not in values and rise > 0:
            peak = decay * rise / (decay - rise) * math.log(decay / rise)
            height = math.exp(-peak / decay) - math.exp(-peak / rise) if math.isfinite(peak) else 0.0
            if not 0.0 < height <= 1.0:
                raise SpecError(
                    f"Biexponential(tau_rise={tau_rise!r}, tau_decay={tau_decay!r}) at {declared_at()}: these lie so far apart "
                    "that floats cannot say how high the peak is. Give factor=, or use Exponential(tau)"
                )
            values["factor"] = 1.0 / height
        super().__init__(tau_rise=tau_rise, tau_decay=tau_decay, **values)

    def step(self, a: Any, b: Any, input: Any) -> dict[str, Any]:
        jump = input * self.factor
        a, b = a + jump, b + jump
        fast = exp(-self.dt / self.tau_rise)  # type: ignore[operator]
        return {"output": a - b, "a": a * exp(-self.dt / self.tau_decay), "b": b * fast}  # type: ignore[operator]
