"""Loss and accuracy of a pass over the data, with few waits for the device."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from neurograph.train.distributed import Context
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

    def add(self, loss: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor) -> list[float]:
        """Count a batch; returns the losses of the batches that were read back with it, none if it has to wait.

        Raises DivergedError for a loss that is not finite.
        """
        hits = correct(logits.detach(), labels, self.topk)
        self._waiting.append((loss.detach().double(), hits, len(labels)))
        self.images += len(labels)
        if len(self._waiting) < self.interval:
            return []
        return self.flush()

    def flush(self) -> list[float]:
        """Read back what is waiting; returns the losses of those batches."""
        if not self._waiting:
            return []
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
        return losses

    def joined(self, ranks: Context) -> None:
        """Make the numbers those of all processes; call it at the end of a pass."""
        total, weight, images, *hits = ranks.total([self._loss.total, self._loss.weight, self.images, *self._hits])
        self._loss.total, self._loss.weight, self.images = total, weight, int(images)
        self._hits = [int(hit) for hit in hits]

    def state_dict(self) -> dict[str, Any]:
        """The numbers so far, for a pass that is continued; flush first."""
        return {
            "total": self._loss.total,
            "weight": self._loss.weight,
            "images": self.images,
            "hits": list(self._hits),
            "read": self._read,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue a pass."""
        self._loss.total, self._loss.weight = state["total"], state["weight"]
        self.images, self._hits, self._read = state["images"], list(state["hits"]), state["read"]

    @property
    def loss(self) -> float:
        """Mean loss per image so far."""
        return self._loss.mean

    @property
    def percent(self) -> tuple[float, ...]:
        """Accuracy in percent so far, one per k."""
        return tuple(100 * hits / max(self._loss.weight, 1) for hits in self._hits)
