"""When a run that no longer gets better ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from neurograph.train.failures import TrainingError
from neurograph.train.summary import COLUMNS, EpochRow

__all__ = ["EarlyStop"]


@dataclass(frozen=True)
class EarlyStop:
    """Stop after ``patience`` epochs in a row without ``metric`` getting better by more than ``min_delta``.

    ``metric`` is a column of the table; losses are better when lower, accuracies when higher. It looks at the table
    alone, in the digits that summary.csv keeps, so a resumed run stops where an undisturbed one does. Raises
    TrainingError for bad settings.
    """

    patience: int
    min_delta: float = 0.0
    metric: str = "eval_acc1"

    def __post_init__(self) -> None:
        known = [name for name in COLUMNS if "loss" in name or "acc" in name]
        if self.metric not in known:
            raise TrainingError(f"EarlyStop: metric is {self.metric!r}; choose one of {', '.join(known)}")
        if self.patience < 1 or not self.min_delta >= 0:
            raise TrainingError(
                f"EarlyStop: patience {self.patience}, min_delta {self.min_delta}; patience must be 1 or more and "
                "min_delta 0 or more"
            )

    def reached(self, rows: Sequence[EpochRow]) -> bool:
        """Whether the run should end after these epochs."""
        sign = -1.0 if "loss" in self.metric else 1.0
        values = [sign * float(f"{getattr(row, self.metric):.8g}") for row in rows]
        best, since = float("-inf"), 0
        for value in values:
            if value > best + self.min_delta or best == float("-inf"):
                best, since = value, 0
            else:
                since += 1
        return since >= self.patience

    def line(self, rows: Sequence[EpochRow]) -> str:
        """What a user is told."""
        return (
            f"Stopped after epoch {rows[-1].epoch}: {self.metric} has not got better by more than {self.min_delta:g} "
            f"for {self.patience} epochs."
        )
