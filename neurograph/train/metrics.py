"""Accuracy and running means."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from neurograph.errors import ShapeError

__all__ = ["RunningMean", "accuracy", "correct"]


def correct(logits: torch.Tensor, labels: torch.Tensor, topk: Sequence[int] = (1, 5)) -> torch.Tensor:
    """How many labels are among the k highest logits, int64 [len(topk)], on the logits' device.

    ``logits`` is [N, classes], or [T, N, classes], whose mean over T counts; ``labels`` int64 [N], or float
    [N, classes], whose highest counts. A k above the number of classes counts as all
    classes. Nothing is read back from the device, so a loop can add these up without waiting.
    Raises ShapeError.
    """
    if logits.ndim == 3:
        logits = logits.mean(0)
    if labels.ndim == 2 and labels.is_floating_point():
        labels = labels.argmax(1)
    if logits.ndim != 2 or labels.shape != logits.shape[:1]:
        raise ShapeError(
            f"accuracy: logits {tuple(logits.shape)} and labels {tuple(labels.shape)}; they must "
            "be [N, classes] and [N]; check what the model returns"
        )
    if not topk or min(topk) < 1:
        raise ShapeError(f"accuracy: topk is {tuple(topk)}; give one or more numbers above 0")
    most = min(max(topk), logits.shape[1])
    best = logits.topk(most, dim=1).indices
    hits = best == labels[:, None]
    return torch.stack([hits[:, :k].sum() for k in topk])


def accuracy(logits: torch.Tensor, labels: torch.Tensor, topk: Sequence[int] = (1, 5)) -> tuple[float, ...]:
    """Share of labels among the k highest logits, in percent, one number per k."""
    share = correct(logits, labels, topk).double() * (100 / max(len(labels), 1))
    return tuple(share.tolist())


class RunningMean:
    """Mean of numbers that come in one after the other, each with a weight."""

    def __init__(self) -> None:
        self.total = 0.0
        self.weight = 0.0

    def add(self, value: float, weight: float = 1.0) -> None:
        """Add one number."""
        self.total += value * weight
        self.weight += weight

    @property
    def mean(self) -> float:
        """Mean so far; NaN before the first number."""
        return self.total / self.weight if self.weight else float("nan")
