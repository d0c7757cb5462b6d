"""Checks of what a transform is constructed with."""

from __future__ import annotations

import math

from neurograph.errors import DataError

__all__ = ["probability", "ratio_range", "within"]


def probability(owner: str, p: float, name: str = "p") -> float:
    """`p`, if it is a probability; raises DataError."""
    if not 0 <= p <= 1:
        raise DataError(f"{owner}: {name} is {p}; a probability lies in 0..1")
    return p


def within(owner: str, name: str, value: float, low: float, high: float = math.inf) -> float:
    """`value`, if it is finite and in low..high; raises DataError."""
    if not (math.isfinite(value) and low <= value <= high):
        rule = f"be {low:g} or more" if high == math.inf else f"lie in {low:g}..{high:g}"
        raise DataError(f"{owner}: {name} is {value}; it must {rule}")
    return value


def ratio_range(owner: str, ratio: float | tuple[float, float]) -> tuple[float, float]:
    """A share, or the (low, high) it is drawn from, as (low, high); raises DataError outside 0..1."""
    low, high = ratio if isinstance(ratio, tuple) else (ratio, ratio)
    if not 0 <= low <= high <= 1:
        raise DataError(f"{owner}: ratio is {ratio}; it is a share in 0..1 or a (low, high) with 0 <= low <= high <= 1")
    return low, high
