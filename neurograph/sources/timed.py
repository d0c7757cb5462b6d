"""Sources that follow a table over time: any current, and Poisson processes whose rate changes."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurograph.errors import SpecError, declared_at
from neurograph.expr import exp, where
from neurograph.quantities import refuse_units
from neurograph.spec import Neuron, Param

MOST_EVENTS = 8.0  # expected in one step of a TimedPoisson
TERMS = 32  # P(N > 32) is 1e-11 where 8 are expected


class _Timed(Neuron):
    """A source that reads row floor(t / interval) of a table, and the last row from then on: not listed itself."""

    inputs = ()

    def _keep(self, name: str, values: Any, interval: float, unit: str) -> Any:
        owner = f"{type(self).__name__}({name}=...) at {declared_at()}"
        refuse_units(values, owner, unit)
        refuse_units(interval, f"{type(self).__name__}(interval=...) at {declared_at()}", "the unit of dt")
        table = np.asarray(values)
        if (
            table.dtype.kind not in "fiub"
            or table.ndim not in (1, 2)
            or not table.size
            or not np.all(np.isfinite(table))
        ):
            raise SpecError(
                f"{owner}: {name} are finite numbers [samples], the same for all neurons, or [samples, neurons]; got "
                f"{table.dtype} of shape {table.shape}"
            )
        if isinstance(interval, bool) or not isinstance(interval, int | float | np.number) or not 0 < interval < np.inf:
            raise SpecError(f"{type(self).__name__}(interval={interval!r}) at {declared_at()}: a finite time above 0")
        self.interval = float(interval)
        return np.array(table, np.float64)

    def _rows(self, values: Any, dt: float) -> tuple[Any, int]:
        steps = round(self.interval / dt)
        if steps < 1 or abs(self.interval / dt - steps) > 1e-6 * steps:
            raise SpecError(
                f"{self!r}: interval={self.interval:g} is no whole number of steps of dt={dt:g}; resample the values, or "
                "choose another dt"
            )
        return values.reshape(len(values), -1), steps

    def __repr__(self) -> str:
        values = next(v for v in self.arguments_given().values() if isinstance(v, np.ndarray))
        return f"{type(self).__name__}({len(values)} x {self.interval:g})"


class TimedCurrent(_Timed):
    """I(t) = amplitude values[floor(t / interval)], the last value from then on: any waveform.

    values: [samples] for all neurons alike, or [samples, neurons] (in C order); interval: the time each is held, a
    whole number of steps. Source of the convention: Brian2's TimedArray.
    """

    equation = "I = amplitude values[floor(t / interval)]"
    aliases = ("TimedArray",)
    given = {"held": "table"}
    outputs = ("current",)
    amplitude = Param(1.0, "what the values are multiplied by")

    def __init__(self, values: Any, interval: float, **params: Any):
        super().__init__(**params)
        self.values = self._keep("values", values, interval, "the unit of the target's port")

    def table(self, dt: float) -> tuple[Any, int]:
        return self._rows(self.values, dt)

    def step(self, held: Any) -> dict[str, Any]:
        return {"current": held * self.amplitude}


class TimedPoisson(_Timed):
    """Independent Poisson processes whose rate follows a table: r(t) = rates[floor(t / interval)], the last from then on.

    rates: Hz (dt in ms), [samples] for all neurons alike, or [samples, neurons] (in C order); interval: the time each is
    held, a whole number of steps. At most 8 events are expected in a step. As Poisson, the output is the count times
    `weight`.
    """

    equation = "N ~ Poisson(rates[floor(t / interval)] dt / 1000);  spike = weight N"
    aliases = ("inhomogeneous_poisson_generator",)
    given = {"rate": "table", "u": "uniform"}
    weight = Param(1.0, "what one event counts")

    def __init__(self, rates: Any, interval: float, **params: Any):
        super().__init__(**params)
        self.rates = self._keep("rates", rates, interval, "Hz")
        if np.any(self.rates < 0):
            raise SpecError(
                f"TimedPoisson(rates=...) at {declared_at()}: rates are at least 0, not {self.rates.min():g}"
            )

    def table(self, dt: float) -> tuple[Any, int]:
        most = float(self.rates.max()) * dt / 1000.0
        if most > MOST_EVENTS:
            raise SpecError(
                f"{self!r}: {self.rates.max():g} Hz are {most:g} events in a step of dt={dt:g}, at most {MOST_EVENTS:g} can be "
                "drawn. Use a smaller dt, or more neurons of a lower rate"
            )
        return self._rows(self.rates, dt)

    def step(self, rate: Any, u: Any) -> dict[str, Any]:
        # the count is how many values of the cumulative distribution u has reached
        mean = rate * (self.dt / 1000.0)
        term: Any = exp(-mean)
        reached, count = term, where(u >= term, 1.0, 0.0)
        for k in range(1, TERMS):
            term = term * (mean * (1.0 / k))
            reached = reached + term
            count = count + where(u >= reached, 1.0, 0.0)
        return {"spike": count * self.weight}  # type: ignore[operator]
