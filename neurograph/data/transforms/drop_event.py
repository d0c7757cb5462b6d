"""Events dropped one by one."""

from __future__ import annotations

import torch

from neurograph.data.transforms.planes import per_sample, whole_counts
from neurograph.data.transforms.settings import ratio_range

__all__ = ["DropEvent", "thinned"]


class DropEvent:
    """Drop each event with probability ``ratio``: a count n becomes Binomial(n, 1 - ratio).

    The ratio is one number, or uniform in (low, high) for each sample. Counts [N, T, C, H, W] stay whole and never
    grow. Raises DataError for a ratio outside 0..1 and for frames that are not counts. Source: the random drop of Gu et
    al. 2021 (EventDrop), https://arxiv.org/abs/2106.05836, which drops a fixed number of events instead.
    """

    def __init__(self, ratio: float | tuple[float, float] = (0.1, 0.9)) -> None:
        self.ratio = ratio_range("DropEvent", ratio)

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        whole_counts(images, "DropEvent")
        low, high = self.ratio
        ratio = low + (high - low) * torch.rand(len(images), generator=generator, device=images.device)
        return thinned(images, per_sample(1 - ratio, images), generator)


def thinned(counts: torch.Tensor, keep: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Each event of `counts` kept with probability `keep`, which is broadcast to them."""
    chance = keep.clamp(0, 1).to(counts.dtype).expand_as(counts).contiguous()
    return torch.binomial(counts.contiguous(), chance, generator=generator)
