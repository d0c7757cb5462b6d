"""Sources of spikes: Poisson processes and lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from neurograph.errors import SpecError, declared_at
from neurograph.expr import where
from neurograph.quantities import refuse_units
from neurograph.spec import Neuron, Param


class Poisson(Neuron):
    """Independent Poisson processes: the events of each step are counted, N ~ Poisson(rate dt).

    The output is the count times `weight`, so a source connected one to one drives each target with the sum of
    `rate` events a second, which may come from thousands of fibres at once (as Brian's PoissonInput or a NEST
    poisson_generator). rate in Hz with dt in ms.
    """

    equation = "N ~ Poisson(rate dt / 1000);  spike = weight N"
    aliases: ClassVar[tuple[str, ...]] = ("poisson_generator", "PoissonGroup", "PoissonInput")
    inputs = ()
    given = {"count": "poisson"}
    rate = Param(10.0, "events per second", unit="Hz", at_least=0.0)
    weight = Param(1.0, "what one event counts")

    def mean(self, params: Mapping[str, Any], dt: float) -> Any:
        return params["rate"] * (dt / 1000.0)

    def step(self, count: Any) -> dict[str, Any]:
        return {"spike": count * self.weight}


class PoissonPulse(Poisson):
    """Independent Poisson processes that are silent before `start` and from `stop` on."""

    equation = "N ~ Poisson(rate dt / 1000);  spike = weight N if start <= t < stop else 0"
    aliases = ()
    given = {"count": "poisson", "n": "step"}
    start = Param(0.0, "when it begins", unit="ms")
    stop = Param(10.0, "when it ends", unit="ms")

    def step(self, count: Any, n: Any) -> dict[str, Any]:  # type: ignore[override]
        # half a step late, so that n dt against a multiple of dt does not hang on rounding
        t = (n + 0.5) * self.dt
        return {"spike": where((t >= self.start) & (t < self.stop), count * self.weight, 0.0)}


class SpikeList(Neuron):
    """Spikes at given times: neuron `neurons[k]` fires in the step of `times[k]`, time / dt rounded.

    times in the unit of dt, at least 0. Two spikes of a neuron in one step count twice.
    """

    equation = "spike = number of listed times in this step"
    aliases = ("spike_generator", "SpikeGeneratorGroup")
    inputs = ()
    given = {"listed": "events"}

    def __init__(self, times: Any, neurons: Any):
        super().__init__()
        refuse_units(times, f"SpikeList(times=...) at {declared_at()}", "the unit of dt")
        self.times, self.neurons = np.asarray(times, np.float64).reshape(-1), np.asarray(neurons).reshape(-1)
        if len(self.times) != len(self.neurons):
            raise SpecError(
                f"SpikeList at {declared_at()}: {len(self.times)} times for {len(self.neurons)} neurons; give one neuron each"
            )
        if len(self.neurons) and self.neurons.dtype.kind not in "iu":
            raise SpecError(f"SpikeList at {declared_at()}: neurons are whole numbers, not {self.neurons.dtype}")
        if not np.all(np.isfinite(self.times)) or np.any(self.times < 0):
            raise SpecError(f"SpikeList at {declared_at()}: times are finite and at least 0")

    def events(self, dt: float) -> tuple[Any, Any]:
        steps = np.floor(self.times / dt + 0.5).astype(np.int64)
        order = np.argsort(steps, kind="stable")
        return steps[order], self.neurons[order]

    def step(self, listed: Any) -> dict[str, Any]:
        return {"spike": listed}

    def __repr__(self) -> str:
        return f"SpikeList({len(self.times)} spikes)"
