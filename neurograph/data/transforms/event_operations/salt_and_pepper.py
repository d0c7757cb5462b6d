"""Stray events."""

from __future__ import annotations

import torch

from neurograph.data.transforms.event_operations.event_operation import EventOperation

__all__ = ["SaltAndPepper"]


class SaltAndPepper(EventOperation):
    """Add one event to each place (t, c, y, x) with probability u, uniform in 0..strength for each sample.

    Source: BrainCog, which adds and never removes under this name.
    """

    most = 0.3

    def changed(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        share = torch.rand((len(images), 1, 1, 1, 1), generator=generator, device=images.device) * self.strength
        draw = torch.rand(images.shape, generator=generator, device=images.device)
        return images + (draw < share)
