"""What an operation of EventRandAugment is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch

from neurograph.data.transforms.planes import frames
from neurograph.data.transforms.settings import within

__all__ = ["EventOperation"]


class EventOperation(ABC):
    """A change of frames of events [N, T, C, H, W] of a strength in 0..``most``, ``most`` unless it is given.

    A transform of its own. Raises DataError for another strength and for what is not frames.
    """

    most: ClassVar[float]

    def __init__(self, strength: float | None = None) -> None:
        self.strength = within(
            type(self).__name__, "strength", self.most if strength is None else strength, 0, self.most
        )

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return self.changed(frames(images, type(self).__name__), generator)

    @abstractmethod
    def changed(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """The frames, each sample changed by its own random numbers."""
