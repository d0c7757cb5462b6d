"""Sources of current: steps, ramps and noise."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurograph.errors import SpecError, declared_at
from neurograph.expr import exp, maximum, minimum, sqrt, where
from neurograph.spec import Neuron, Param, State


class StepCurrent(Neuron):
    """I(t) = amplitude for start <= t < stop, else 0."""

    equation = "I = amplitude if start <= t < stop else 0"
    aliases = ("step_current_generator", "dc_generator")
    inputs = ()
    given = {"n": "step"}
    outputs = ("current",)
    amplitude = Param(100.0, "current", unit="pA")
    start = Param(0.0, "when it begins", unit="ms")
    stop = Param(1e30, "when it ends", unit="ms")

    def step(self, n: Any) -> dict[str, Any]:
        # half a step late, so that n dt against a multiple of dt does not hang on rounding
        t = (n + 0.5) * self.dt
        return {"current": where((t >= self.start) & (t < self.stop), self.amplitude, 0.0)}  # type: ignore[arg-type]


class RampCurrent(Neuron):
    """I(t) rises linearly from `low` at `start` to `high` at `stop`, and stays there."""

    equation = "I = low + (high - low) clip((t - start) / (stop - start), 0, 1)"
    inputs = ()
    given = {"n": "step"}
    outputs = ("current",)
    low = Param(0.0, "current before", unit="pA")
    high = Param(100.0, "current after", unit="pA")
    start = Param(0.0, "when it begins to rise", unit="ms")
    stop = Param(100.0, "when it has risen", unit="ms")

    def __init__(self, **values: Any):
        super().__init__(**values)
        if not np.all(np.asarray(self.params["stop"]) > np.asarray(self.params["start"])):
            raise SpecError(f"{self!r} at {declared_at()}: stop must be above start; a jump is a StepCurrent")

    def step(self, n: Any) -> dict[str, Any]:
        part = (n * self.dt - self.start) / (self.stop - self.start)  # type: ignore[operator]
        return {"current": self.low + (self.high - self.low) * minimum(maximum(part, 0.0), 1.0)}  # type: ignore[operator]


class NoiseCurrent(Neuron):
    """Ornstein-Uhlenbeck noise: dI/dt = (mean - I) / tau + sigma sqrt(2 / tau) xi, integrated exactly.

    sigma is the standard deviation of I, reached after a few tau. Source: Uhlenbeck & Ornstein 1930; Gillespie 1996.
    """

    equation = "I = mean + (I - mean) exp(-dt/tau) + sigma sqrt(1 - exp(-2 dt/tau)) z,  z ~ N(0, 1)"
    aliases = ("noise_generator", "OU")
    inputs = ()
    given = {"z": "normal"}
    outputs = ("current",)
    mean_current = Param(0.0, "mean", unit="pA")
    sigma = Param(10.0, "standard deviation", unit="pA", at_least=0.0)
    tau = Param(5.0, "correlation time", unit="ms", above=0.0)
    i = State("mean_current", "current")

    def step(self, i: Any, z: Any) -> dict[str, Any]:
        decay = exp(-self.dt / self.tau)  # type: ignore[operator]
        spread = self.sigma * sqrt(1.0 - exp(-2.0 * self.dt / self.tau))  # type: ignore[operator]
        i = self.mean_current + (i - self.mean_current) * decay + z * spread
        return {"current": i, "i": i}
