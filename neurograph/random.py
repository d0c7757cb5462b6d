"""Counter-based random numbers: what is drawn depends on the seed, a name and a counter, never on the order.

A stream is a 64-bit key made from the seed, a name and further whole numbers (a step, say). Its i-th value is
SplitMix64's output for that key at position i, so any thread may draw any part of it, and a run may be split
anywhere. The NumPy text here is the definition; `bits` of kernels.runtime computes the same in compiled code.
Source: Steele, Lea & Flood 2014 (SplitMix64).
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


def mixed(z: int) -> int:
    """SplitMix64's finaliser of one 64-bit number."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def stream(seed: int, name: str, *numbers: int) -> int:
    """The key of a stream."""
    key = mixed((seed * GOLDEN + zlib.crc32(name.encode()) + 1) & _MASK)
    for number in numbers:
        key = at_step(key, number)
    return key


def at_step(key: int, step: int) -> int:
    """The key of one step of a stream."""
    return mixed((key + (step + 1) * GOLDEN) & _MASK)


def all_mixed(z: Array) -> Array:
    """SplitMix64's finaliser of many numbers (uint64)."""
    with np.errstate(over="ignore"):
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)))


def bits(key: int, count: int, start: int = 0) -> Array:
    """uint64 values start .. start + count of a stream."""
    with np.errstate(over="ignore"):
        return all_mixed(np.uint64(key) + np.arange(start + 1, start + count + 1, dtype=np.uint64) * np.uint64(GOLDEN))


def uniform(raw: Array, dtype: Any = np.float64) -> Array:
    """U[0, 1) from raw bits, exact in the dtype: 53 of them in float64, 24 in float32."""
    shift, scale = (40, 2.0**-24) if np.dtype(dtype) == np.float32 else (11, 2.0**-53)
    return (raw >> np.uint64(shift)).astype(dtype) * np.dtype(dtype).type(scale)


@lru_cache(maxsize=1)
def normal_table() -> Array:
    """Quantiles of the half-normal distribution: 2048 steps of equal probability, and 2048 more inside the last.

    [2, 2049] float64; the outermost quantile is that of the middle of the last sub-step.
    """
    from scipy.special import ndtri

    coarse = np.arange(2049) / 2048.0
    fine = 2047.0 / 2048.0 + coarse / 2048.0
    fine[-1] = 1.0 - 0.5 / 2048.0**2
    coarse[-1] = 1.0 - 1e-3 / 2048.0  # never used: the fine row stands for the last step
    return np.stack([ndtri(0.5 + 0.5 * coarse), ndtri(0.5 + 0.5 * fine)])


def normal(raw: Array, dtype: Any = np.float64) -> Array:
    """N(0, 1) from raw bits: the quantile function, linear between tabulated quantiles.

    Bit 63 is the sign, 11 bits choose the step, 11 more the sub-step of the last one, 41 (30) interpolate.
    Mean 0, variance within 1e-5 of 1; values stay within 5.2.
    """
    table = normal_table()
    step = (raw >> np.uint64(52)) & np.uint64(2047)
    tail = step == np.uint64(2047)
    row = tail.astype(np.intp)
    column = np.where(tail, (raw >> np.uint64(41)) & np.uint64(2047), step).astype(np.intp)
    inside = (raw & np.uint64((1 << 41) - 1)).astype(np.float64) * 2.0**-41
    low, high = table[row, column], table[row, column + 1]
    value = low + (high - low) * inside
    return np.where(raw >> np.uint64(63) == 0, value, -value).astype(dtype)


def poisson_thresholds(mean: float) -> Array:
    """uint32 thresholds c_k: a count is how many of them a uniform 32-bit number reaches; P(count > k) is exact
    to 2**-32. `mean` at most 32: larger ones are sums of draws.
    """
    from scipy.special import pdtrc  # what scipy.stats.poisson.sf computes with, loaded in a tenth of its time

    tail = pdtrc(np.arange(96), mean)
    cut = np.round((1.0 - tail) * 2.0**32)
    return cut[cut < 2.0**32].astype(np.uint32)


def words(key: int, count: int, start: int = 0) -> Array:
    """uint32 values start .. start + count of a stream: the low half of each of its numbers, then the high half."""
    first = start // 2
    return bits(key, (start + count + 1) // 2 - first, first).astype("<u8").view("<u4")[start - 2 * first :][:count]


def poisson(drawn: Array, thresholds: Array) -> Array:
    """Counts from 32-bit words."""
    return np.searchsorted(thresholds, drawn, side="right")
