"""The errors of the training package."""

from __future__ import annotations

from neurograph.errors import NeuroGraphError

__all__ = ["DivergedError", "OutOfMemoryError", "TrainingError"]


class TrainingError(NeuroGraphError):
    """Training was asked for with settings that do not fit together."""


class DivergedError(TrainingError):
    """The loss became NaN or infinite."""


class OutOfMemoryError(TrainingError):
    """Memory ran out in a step."""
