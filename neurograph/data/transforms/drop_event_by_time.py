"""Events of a while dropped."""

from __future__ import annotations

import torch

from neurograph.data.transforms.drop_event import thinned
from neurograph.data.transforms.planes import whole_counts
from neurograph.data.transforms.settings import ratio_range

__all__ = ["DropEventByTime"]


class DropEventByTime:
    """Drop the events between t0 and t0 + ``ratio`` T, t0 uniform where that fits into the T frames of a recording.

    A frame covered in part loses each event with the share that is covered, its events lying anywhere in it: a count n
    becomes Binomial(n, 1 - share). The ratio is one number, or uniform in (low, high) for each sample. Counts [N, T, C,
    H, W] stay whole and never grow. Raises DataError for a ratio outside 0..1 and for frames that are not counts.
    Source: Gu et al. 2021 (EventDrop), https://arxiv.org/abs/2106.05836, there on events.
    """

    def __init__(self, ratio: float | tuple[float, float] = 0.2) -> None:
        self.ratio = ratio_range("DropEventByTime", ratio)

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        whole_counts(images, "DropEventByTime")
        count, steps = images.shape[:2]
        low, high = self.ratio
        draw = torch.rand((2, count, 1), generator=generator, device=images.device)
        length = (low + (high - low) * draw[0]) * steps
        start = draw[1] * (steps - length)
        time = torch.arange(steps, device=images.device)
        covered = (torch.minimum(time + 1, start + length) - torch.maximum(time, start)).clamp(min=0)
        return thinned(images, (1 - covered)[:, :, None, None, None], generator)
