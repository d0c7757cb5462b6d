"""RandAugment for frames of events."""

from __future__ import annotations

import torch

from neurograph.data.transforms.event_operations import OPERATIONS, EventOperation
from neurograph.data.transforms.planes import frames
from neurograph.data.transforms.settings import within
from neurograph.errors import DataError

__all__ = ["EventRandAugment"]


class EventRandAugment:
    """Change each sample by ``n`` operations drawn with replacement, each at ``m`` / 30 of its greatest strength.

    The operations are CutoutAbs (up to 0.5), CutoutTemporal (0.5), GaussianBlur (1) and SaltAndPepper (0.3), or those
    of `operations`, by name. Frames [N, T, C, H, W]. Raises DataError for settings that make no sense. Source: BrainCog
    (n = 3, m = 15), after Cubuk et al. 2019, https://arxiv.org/abs/1909.13719, and Li et al. 2022 (NDA),
    https://arxiv.org/abs/2203.06145.
    """

    def __init__(self, n: int = 3, m: float = 15.0, operations: tuple[str, ...] | None = None) -> None:
        if not isinstance(n, int) or n < 1:
            raise DataError(f"EventRandAugment: n is {n}; it is a whole number of operations from 1 on")
        self.n, self.m = n, within("EventRandAugment", "m", m, 0, 30)
        names = tuple(sorted(OPERATIONS)) if operations is None else operations
        unknown = [name for name in names if name not in OPERATIONS]
        if unknown or not names:
            raise DataError(
                f"EventRandAugment: operations {names}; take one or more of {', '.join(sorted(OPERATIONS))}"
            )
        self.operations: tuple[EventOperation, ...] = tuple(
            OPERATIONS[name](m / 30 * OPERATIONS[name].most) for name in names
        )

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        images, most = frames(images, "EventRandAugment").clone(), len(self.operations)
        choice = torch.randint(most, (self.n, len(images)), generator=generator, device=images.device)
        order = choice.argsort(dim=1, stable=True)
        sizes = torch.stack([row.bincount(minlength=most) for row in choice]).tolist()
        for layer in range(self.n):
            for operation, index in zip(self.operations, order[layer].split(sizes[layer]), strict=True):
                if len(index):
                    images[index] = operation(images[index], generator)
        return images
