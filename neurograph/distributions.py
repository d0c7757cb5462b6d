"""Distributions: what weights, delays and initial states are drawn from, value by value from counter-based bits.

A distribution is one class: its settings, its values for an array of bits in NumPy (the definition) and the same
for one number as text for the compiler. Both give the same float64, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from neurograph import random
from neurograph.constructed import Constructed
from neurograph.errors import SpecError, declared_at

Array = np.ndarray[Any, Any]
TRIES = 64  # redraws until a value is within the bounds; then it is clipped


def logarithm(whole: Any) -> Any:
    """ln(whole / 2**53) for whole numbers 1 .. 2**53 as float64, to 2e-15; arrays or, compiled, a number."""
    pattern = np.float64(whole).view(np.int64)
    exponent = (pattern - 0x3FE6A09E667F3BCD) >> 52  # so that the mantissa lies around 1, from sqrt(1/2) to sqrt(2)
    mantissa = np.int64(pattern - (exponent << 52)).view(np.float64)
    s = (mantissa - 1.0) / (mantissa + 1.0)
    z = s * s
    series = 1 / 7 + z * (1 / 9 + z * (1 / 11 + z * (1 / 13 + z * (1 / 15 + z * (1 / 17)))))
    series = 2.0 * s * (1.0 + z * (1 / 3 + z * (1 / 5 + z * series)))
    return np.float64(exponent - 53) * 0.6931471805599453 + series


def exponential(x: Any) -> Any:
    """exp(x), |x| < 700, within 2 ulp; arrays or, compiled, a number."""
    n = np.floor(x * 1.4426950408889634 + 0.5)
    r = (x - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10
    e = 1 / 5040 + r * (1 / 40320 + r * (1 / 362880 + r * (1 / 3628800 + r * (1 / 39916800 + r / 479001600))))
    e = 1.0 + r * (1.0 + r * (0.5 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120 + r * (1 / 720 + r * e))))))
    return e * np.int64((np.int64(n) + 1023) << 52).view(np.float64)


def standard(raw: Any, table: Any) -> Any:
    """N(0, 1) from 64 random bits: neurograph.random.normal for one number, without branches, for many at once."""
    step = (raw >> np.uint64(52)) & np.uint64(2047)
    finer = np.uint64(2) + ((raw >> np.uint64(41)) & np.uint64(2047))
    step += np.uint64(step == 2047) * finer
    inside = np.float64(np.int64(raw & np.uint64((1 << 41) - 1))) * 2.0**-41
    value = table[step] + (table[step + np.uint64(1)] - table[step]) * inside
    return value * np.float64(1 - 2 * np.int64(raw >> np.uint64(63)))


def _normal(raw: Any, numbers: Any, table: Any) -> Any:
    return numbers[2] + numbers[3] * standard(raw, table)


def _uniform(raw: Any, numbers: Any, table: Any) -> Any:
    return numbers[2] + numbers[3] * (np.float64(np.int64(raw >> np.uint64(11))) * 2.0**-53)


def _log_normal(raw: Any, numbers: Any, table: Any) -> Any:
    return exponential(numbers[2] + numbers[3] * standard(raw, table))


def _exponential(raw: Any, numbers: Any, table: Any) -> Any:
    return numbers[2] - numbers[3] * logarithm(np.float64(np.int64(raw >> np.uint64(11)) + 1))


class Distribution(Constructed):
    """Base of all distributions. `low` and `high` bound the values: one outside is drawn again."""

    family = "distribution"
    native: ClassVar[tuple[Callable[..., Any], ...]] = ()  # for the compiler: helpers, then draw(raw, numbers, table)
    low: float | None = None
    high: float | None = None

    def numbers(self) -> list[float]:
        """Low and high bound and the two parameters of `native` and `values`."""
        return [
            -math.inf if self.low is None else self.low,
            math.inf if self.high is None else self.high,
            *self.parameters(),
        ]

    def parameters(self) -> tuple[float, float]:
        raise NotImplementedError

    def values(self, raw: Array) -> Array:
        """Unbounded float64 values from raw bits."""
        raise NotImplementedError

    def sample(self, key: int, count: int, dtype: Any = np.float64) -> Array:
        """`count` values of the stream `key`; those out of bounds are drawn again, then clipped."""
        raw = random.bits(key, count)
        out = self.values(raw)
        low, high = self.numbers()[:2]
        for _ in range(TRIES):
            outside = np.flatnonzero((out < low) | (out > high))
            if not len(outside):
                break
            with np.errstate(over="ignore"):
                raw[outside] = random.all_mixed(raw[outside] + np.uint64(random.GOLDEN))
            out[outside] = self.values(raw[outside])
        return np.asarray(np.clip(out, low, high)).astype(dtype)

    def settings(self) -> dict[str, float]:
        raise NotImplementedError

    def __repr__(self) -> str:
        bounds = {} if isinstance(self, Uniform) else {"low": self.low, "high": self.high}
        shown = self.settings() | {k: v for k, v in bounds.items() if v is not None}
        return f"{type(self).__name__}({', '.join(f'{k}={v:g}' for k, v in shown.items())})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Distribution) and type(other) is type(self) and other.numbers() == self.numbers()

    def __hash__(self) -> int:
        return hash((type(self).__name__, *self.numbers()))

    def _checked(self, name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not math.isfinite(value):
            raise SpecError(f"{type(self).__name__}({name}={value!r}) at {declared_at()}: give a finite number")
        return float(value)

    def _bounded(self, low: Any, high: Any) -> None:
        self.low = None if low is None else self._checked("low", low)
        self.high = None if high is None else self._checked("high", high)
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise SpecError(
                f"{type(self).__name__}(low={low:g}, high={high:g}) at {declared_at()}: low must be below high"
            )

    def _above(self, name: str, value: Any, *, zero: bool = False) -> float:
        number = self._checked(name, value)
        if number < 0 or (number == 0 and not zero):
            rule = "must not be negative" if zero else "must be above 0"
            raise SpecError(f"{type(self).__name__}({name}={value:g}) at {declared_at()}: {name} {rule}")
        return number


class Normal(Distribution):
    """N(mean, sd); with `low` or `high`, drawn again until it is within them (low=0 keeps the sign of a weight)."""

    native = (standard, _normal)

    def __init__(self, mean: float, sd: float, low: float | None = None, high: float | None = None):
        self.mean, self.sd = self._checked("mean", mean), self._above("sd", sd, zero=True)
        self._bounded(low, high)

    def parameters(self) -> tuple[float, float]:
        return self.mean, self.sd

    def values(self, raw: Array) -> Array:
        return self.mean + self.sd * random.normal(raw)

    def settings(self) -> dict[str, float]:
        return {"mean": self.mean, "sd": self.sd}


class Uniform(Distribution):
    """Equally likely anywhere in [low, high)."""

    native = (_uniform,)

    def __init__(self, low: float, high: float):
        self._bounded(low, high)

    def parameters(self) -> tuple[float, float]:
        assert self.low is not None and self.high is not None
        return self.low, self.high - self.low

    def values(self, raw: Array) -> Array:
        low, width = self.parameters()
        return low + width * random.uniform(raw)

    def settings(self) -> dict[str, float]:
        return dict(zip(("low", "high"), self.numbers()[:2], strict=True))


class LogNormal(Distribution):
    """The exponential of a normal one; mean and sd are those of the values themselves."""

    native = (standard, exponential, _log_normal)

    def __init__(self, mean: float, sd: float, low: float | None = None, high: float | None = None):
        self.mean, self.sd = self._above("mean", mean), self._above("sd", sd, zero=True)
        self._bounded(low, high)

    def parameters(self) -> tuple[float, float]:
        variance = math.log1p((self.sd / self.mean) ** 2)
        return math.log(self.mean) - variance / 2, math.sqrt(variance)

    def values(self, raw: Array) -> Array:
        mean, sd = self.parameters()
        return np.asarray(exponential(mean + sd * random.normal(raw)))

    def settings(self) -> dict[str, float]:
        return {"mean": self.mean, "sd": self.sd}


class Exponential(Distribution):
    """Density exp(-x / mean) / mean, x >= 0."""

    native = (logarithm, _exponential)

    def __init__(self, mean: float, low: float | None = None, high: float | None = None):
        self.mean = self._above("mean", mean)
        self._bounded(low, high)

    def parameters(self) -> tuple[float, float]:
        return 0.0, self.mean

    def values(self, raw: Array) -> Array:
        whole = ((raw >> np.uint64(11)).astype(np.int64) + 1).astype(np.float64)
        return np.asarray(0.0 - self.mean * logarithm(whole))

    def settings(self) -> dict[str, float]:
        return {"mean": self.mean}
