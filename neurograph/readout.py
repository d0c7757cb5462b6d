"""Readouts: how T steps of an output become one answer. Each folds steps in, so that a run can be split."""

from __future__ import annotations

from typing import Any


class Readout:
    """Base: `add(total, x)` takes the next steps x [t, N, ...] (total None at first), `finish` gives the answer."""

    def add(self, total: Any, x: Any) -> Any:
        part = x.sum(0)
        return part if total is None else total + part

    def finish(self, total: Any, steps: int) -> Any:
        return total

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Mean(Readout):
    """(1/T) sum_t y_t."""

    def finish(self, total: Any, steps: int) -> Any:
        return total / steps


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

    def finish(self, total: Any, steps: int) -> Any:
        if len(total) == 1:
            return total[0]
        if hasattr(total[0], "detach"):
            import torch

            return torch.cat(total)
        import numpy as np

        return np.concatenate(total)


def _where(condition: Any, a: Any, b: Any) -> Any:
    if hasattr(a, "detach"):
        import torch

        return torch.where(condition, a, b)
    import numpy as np

    return np.where(condition, a, b)
