"""Loss and accuracy of a pass over the data, with few waits for the device."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from neurograph.train.failures import DivergedError
from neurograph.train.metrics import RunningMean, correct

__all__ = ["Meter"]


class Meter:
    """Add up batches; every ``interval`` batches read the numbers back and check the loss.

    Each read waits for a CUDA device to finish all its work, so there the interval is above 1;
    the step a loss became NaN in is exact all the same, only noticed later.
    """

    def __init__(self, where: str, steps: int, device: torch.device, topk: Sequence[int]) -> None:
        self.where = where
        self.steps = steps
        self.topk = tuple(topk)
        self.interval = 1 if device.type == "cpu" else 20
        self.images = 0
        self._loss = RunningMean()
        self._hits = [0] * len(self.topk)
        self._read = 0
        self._waiting: list[tuple[torch.Tensor, torch.Tensor, int]] = []

    def add(self, loss: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor) -> bool:
        """Count a batch; True when the numbers were brought up to date.

        Raises DivergedError for a loss that is not finite.
        """
        hits = correct(logits.detach(), labels, self.topk)
        self._waiting.append((loss.detach().double(), hits, len(labels)))
        self.images += len(labels)
        if len(self._waiting) < self.interval:
            return False
        self.flush()
        return True

    def flush(self) -> None:
        """Read back what is waiting."""
        if not self._waiting:
            return
        losses = torch.stack([loss for loss, _, _ in self._waiting]).tolist()
        hits = torch.stack([hit for _, hit, _ in self._waiting]).sum(0).tolist()
        for loss, (_, _, count) in zip(losses, self._waiting, strict=True):
            if not math.isfinite(loss):
                raise DivergedError(
                    f"{self.where}, step {self._read} of {self.steps}: the loss is {loss}; a loss "
                    "must be finite; try a lower learning rate, a longer warm-up or amp=False, and "
                    "check the inputs for NaN; resume from the last checkpoint"
                )
            self._loss.add(loss, count)
            self._read += 1
        self._hits = [old + new for old, new in zip(self._hits, hits, strict=True)]
        self._waiting.clear()

    @property
    def loss(self) -> float:
        """Mean loss per image so far."""
        return self._loss.mean

    @property
    def percent(self) -> tuple[float, ...]:
        """Accuracy in percent so far, one per k."""
        return tuple(100 * hits / max(self._loss.weight, 1) for hits in self._hits)
