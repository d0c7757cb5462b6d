"""EventDrop: one way to drop events, at random."""

from __future__ import annotations

import torch

from neurograph.data.transforms.drop_event import DropEvent
from neurograph.data.transforms.drop_event_by_area import DropEventByArea
from neurograph.data.transforms.drop_event_by_time import DropEventByTime
from neurograph.data.transforms.planes import whole_counts
from neurograph.data.transforms.settings import probability
from neurograph.data.transforms.transform import Transform

__all__ = ["EventDrop"]


class EventDrop:
    """Drop events by time, by area or one by one, or none: one of the three with probability ``p``, 3/4 in the paper.

    The share of the time and of the events is uniform in 0.1..0.9, that of the sides of the box in 0.05..0.25; the
    paper draws from the nine, nine and five steps of these ranges. Each sample gets its own. Counts [N, T, C, H, W] stay
    whole and never grow. Raises DataError for a p outside 0..1 and for frames that are not counts. Source: Gu et al.
    2021, https://arxiv.org/abs/2106.05836.
    """

    def __init__(self, p: float = 0.75) -> None:
        self.p = probability("EventDrop", p)
        self.ways: tuple[Transform, ...] = (
            DropEventByTime((0.1, 0.9)),
            DropEventByArea((0.05, 0.25)),
            DropEvent((0.1, 0.9)),
        )

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        images, device = whole_counts(images, "EventDrop").clone(), images.device
        draw = torch.rand(len(images), generator=generator, device=device)
        way = torch.randint(len(self.ways), (len(images),), generator=generator, device=device)
        way = torch.where(draw < self.p, way, len(self.ways))
        sizes = way.bincount(minlength=len(self.ways) + 1).tolist()
        for drop, index in zip(self.ways, way.argsort(stable=True).split(sizes), strict=False):
            if len(index):
                images[index] = drop(images[index], generator)
        return images
