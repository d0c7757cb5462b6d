"""Encoders: how a static input [N, ...] becomes T steps. A sequence [T, N, ...] passes as it is.

x is taken to lie in [0, 1] except by Direct. One text serves NumPy and torch (`xp` is either).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neurograph.constructed import Constructed
from neurograph.errors import SpecError, declared_at
from neurograph.spec import Shape


class Encoder(Constructed):
    """Base of all encoders. `static=True`: every step sees the same values, so they are kept once.

    Each run encodes its input anew: a run continued from a state starts again at step 0 (the random numbers of Rate go on).
    """

    family = "encoder"
    static = False

    def shape(self, shape: Shape) -> Shape:
        """The shape of one step for an input of `shape`."""
        return shape

    def encode(self, xp: Any, x: Any, steps: int, window: range, uniform: Any) -> Any:
        """The steps `window` of a sequence of `steps` for x [N, ...]; `uniform(shape, t)` draws from U(0, 1)."""
        raise NotImplementedError

    def __repr__(self) -> str:
        held = ", ".join(f"{k}={v}" for k, v in vars(self).items())
        return f"{type(self).__name__}({held})"


class Direct(Encoder):
    """y_t = x: the input current of every step; gradients reach x."""

    static = True

    def encode(self, xp: Any, x: Any, steps: int, window: range, uniform: Any) -> Any:
        return x[None]


class Rate(Encoder):
    """y_t = 1[x > U(0, 1)]: a Bernoulli spike train of rate x. No gradient reaches x."""

    def encode(self, xp: Any, x: Any, steps: int, window: range, uniform: Any) -> Any:
        return xp.stack([_as(xp, x > uniform(x.shape, t), x) for t in window])


class Latency(Encoder):
    """Time to first spike: at step i of `period`, y = 1/(i+1) where period-i-1 < x period <= period-i, else 0.

    Brighter is earlier; `weighted=False` gives 1 instead of 1/(i+1).
    """

    def __init__(self, period: int | None = None, *, weighted: bool = True):
        if period is not None and period < 1:
            raise SpecError(f"Latency(period={period}) at {declared_at()}: at least 1")
        self.period, self.weighted = period, weighted

    def encode(self, xp: Any, x: Any, steps: int, window: range, uniform: Any) -> Any:
        period = self.period or steps
        out = []
        for t in window:
            i = t % period
            fires = (x * period <= period - i) & (x * period > period - i - 1)
            out.append(_as(xp, fires, x) * (1.0 / (i + 1) if self.weighted else 1.0))
        return xp.stack(out)


class Phase(Encoder):
    """Bits of floor(2**bits x), the highest first, with weight 2**-i at step i; repeats after `bits` steps.

    For x below 1: x = 1 is the level 2**bits, which has none of the bits and is silent, as in BrainCog; scale pictures by
    255/256 where white is to be seen.
    """

    def __init__(self, bits: int = 8):
        if not 1 <= bits <= 24:
            raise SpecError(f"Phase(bits={bits}) at {declared_at()}: 1 to 24")
        self.bits = bits

    def encode(self, xp: Any, x: Any, steps: int, window: range, uniform: Any) -> Any:
        level = xp.floor(x * 2**self.bits)
        out = []
        for t in window:
            i = t % self.bits
            bit = xp.floor(level / 2 ** (self.bits - 1 - i)) % 2
            out.append(bit * 2.0**-i)
        return xp.stack(out)


class PopulationCode(Encoder):
    """Each value drives `size` units with Gaussian tuning; a unit fires once, the sooner the better it fits.

    mu_i = low + (2 i - 3)/2 (high - low)/(size - 2), sigma = (high - low) / (1.5 (size - 2)), i = 0 .. size-1;
    a = exp(-(x - mu)^2 / (2 sigma^2)). `mode="time"`: a spike at step int(T a), as published (strong is late);
    `mode="voltage"`: V += a each step, a spike and V -= threshold when V >= threshold.
    The first axis grows from C to size * C (unit-major).
    """

    def __init__(
        self, size: int, *, mode: str = "voltage", low: float = 0.0, high: float = 1.0, threshold: float = 0.99
    ):
        if size < 3 or mode not in ("time", "voltage") or not high > low or not threshold > 0:
            raise SpecError(
                f"PopulationCode(size={size}, mode={mode!r}, low={low}, high={high}, threshold={threshold}) at "
                f"{declared_at()}: size >= 3, mode 'time' or 'voltage', low < high, threshold > 0"
            )
        self.size, self.mode, self.low, self.high, self.threshold = size, mode, low, high, threshold

    def shape(self, shape: Shape) -> Shape:
        return (self.size * shape[0], *shape[1:])

    def encode(self, xp: Any, x: Any, steps: int, window: range, uniform: Any) -> Any:
        spread = (self.high - self.low) / (self.size - 2)
        sigma = spread / 1.5
        units = [
            xp.exp(-((x - self.low - (2 * i - 3) / 2 * spread) ** 2) / (2 * sigma * sigma)) for i in range(self.size)
        ]
        a = xp.concatenate(units, 1)
        if self.mode == "time":
            return xp.stack([_as(xp, xp.floor(a * steps) == t, a) for t in window])
        v, out = a * 0.0, []
        for t in range(window.stop):
            v = v + a
            s = _as(xp, v >= self.threshold, a)
            v = v - s * self.threshold
            if t >= window.start:
                out.append(s)
        return xp.stack(out)


def _as(xp: Any, condition: Any, like: Any) -> Any:
    return condition.astype(like.dtype) if isinstance(condition, np.ndarray) else condition.to(like.dtype)
