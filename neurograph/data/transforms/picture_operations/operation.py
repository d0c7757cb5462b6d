"""What an operation of RandAugment is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch

__all__ = ["Operation", "Resampling"]

LEVELS = 10.0  # the level at which an operation is at its strongest


@dataclass(frozen=True)
class Resampling:
    """How pixels are read between their places (cubic or linear), and what lies outside, [C] of bytes."""

    cubic: bool
    fill: torch.Tensor


class Operation(ABC):
    """A change of pictures of bytes, as Pillow does it, each picture by its own amount.

    Pictures are floats [N, C, H, W] of whole numbers 0..255, C being 1 or 3, in and out; amounts are [N].
    """

    increasing: ClassVar[bool | None] = None  # in the list with (True) or without (False) `inc`; None: in both

    def amount(self, level: torch.Tensor, sign: torch.Tensor) -> torch.Tensor:
        """What timm passes to the operation at a level [N] in 0..10, with a sign [N] of -1 or 1 to draw from."""
        return level

    @abstractmethod
    def apply(self, images: torch.Tensor, amount: torch.Tensor, resampling: Resampling) -> torch.Tensor:
        """The pictures changed by these amounts."""
