"""Readouts: how T steps of an output become one answer. Each folds steps in, so that a run can be split."""

from __future__ import annotations

from typing import Any

from neurograph.constructed import Constructed
from neurograph.errors import SpecError, declared_at


class Readout(Constructed):
    """Base: `add(total, x)` takes the next steps x [t, N, ...] (total None at first), `finish` gives the answer."""

    family = "readout"

    def add(self, total: Any, x: Any) -> Any:
        part = x.sum(0)
        return part if total is None else total + part

    def finish(self, total: Any, steps: int) -> Any:
        return total

    def some(self, total: Any, rows: Any) -> Any:
        """The total of some of the samples, by their places; here it is one array [N, ...]."""
        return total[rows]

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Mean(Readout):
    """(1/T) sum_t y_t."""

    def finish(self, total: Any, steps: int) -> Any:
        return total / steps


class MeanFrom(Readout):
    """(1/(T - t0)) sum_{t >= t0} y_t: the mean without the first steps, in which a deep spiking network is still silent.

    t0 = min(first, T - least), at least 0: a short run keeps its last `least` steps, or all where it has fewer. Steps are
    counted from the beginning of the run, whatever its windows. Source: delayed evaluation, Bu et al. 2025.
    """

    def __init__(self, first: int, *, least: int = 4):
        for name, value, low in (("first", first, 0), ("least", least, 1)):
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                raise SpecError(
                    f"MeanFrom({name}={value!r}) at {declared_at()}: a whole number of steps, {low} or more"
                )
        self.first, self.least = first, least

    def add(self, total: Any, x: Any) -> Any:
        """`total`: steps seen, their sum from `first` on, and the last `least` steps, should the run end now."""
        seen, late, recent = (0, None, None) if total is None else total
        after = x[max(0, self.first - seen) :].sum(0)
        recent = x if recent is None or len(x) >= self.least else _joined([recent, x])
        return seen + len(x), after if late is None else late + after, recent[-self.least :]

    def finish(self, total: Any, steps: int) -> Any:
        seen, late, recent = total
        return late / (seen - self.first) if seen - self.first >= self.least else recent.sum(0) / len(recent)

    def some(self, total: Any, rows: Any) -> Any:
        seen, late, recent = total
        return seen, late[rows], recent[:, rows]

    def __repr__(self) -> str:
        return f"MeanFrom({self.first}" + ("" if self.least == 4 else f", least={self.least}") + ")"


class Sum(Readout):
    """sum_t y_t."""


class Max(Readout):
    """max_t y_t."""

    def add(self, total: Any, x: Any) -> Any:
        highest = x.max(0)
        highest = highest if not hasattr(highest, "values") else highest.values
        if total is None:
            return highest
        return _where(highest > total, highest, total)


class Last(Readout):
    """y_T."""

    def add(self, total: Any, x: Any) -> Any:
        return x[-1]


class SpikeCount(Readout):
    """The number of steps with a spike; its gradient is that of the sum."""

    def add(self, total: Any, x: Any) -> Any:
        fired = _where(x != 0, x * 0 + 1, x * 0)
        if hasattr(x, "detach"):
            fired = x + (fired - x).detach()
        return super().add(total, fired)


class Steps(Readout):
    """All steps [T, N, ...], unreduced."""

    def add(self, total: Any, x: Any) -> Any:
        return [x] if total is None else [*total, x]

    def some(self, total: Any, rows: Any) -> Any:
        return [x[:, rows] for x in total]

    def finish(self, total: Any, steps: int) -> Any:
        return total[0] if len(total) == 1 else _joined(total)


def _joined(parts: list[Any]) -> Any:
    if hasattr(parts[0], "detach"):
        import torch

        return torch.cat(parts)
    import numpy as np

    return np.concatenate(parts)


def _where(condition: Any, a: Any, b: Any) -> Any:
    if hasattr(a, "detach"):
        import torch

        return torch.where(condition, a, b)
    import numpy as np

    return np.where(condition, a, b)
