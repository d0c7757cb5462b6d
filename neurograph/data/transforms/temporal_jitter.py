"""Events moved in time."""

from __future__ import annotations

import math

import torch

from neurograph.data.transforms.drop_event import thinned
from neurograph.data.transforms.planes import whole_counts
from neurograph.data.transforms.settings import within

__all__ = ["TemporalJitter"]


class TemporalJitter:
    """Move each event by a normal time of standard deviation ``std``, in frames; what would leave stays at the end.

    An event lies anywhere in its frame t, so it comes to frame t + d with P(d) = the integral over u in 0..1 of
    Phi((d + 1 - u) / std) - Phi((d - u) / std); the counts of a pixel are shared out among the frames by draws from
    Binomial, one for each d. Counts [N, T, C, H, W] stay whole and their sum over t is kept, pixel by pixel. Raises
    DataError for a std below 0 and for frames that are not counts. Source: the time jitter of tonic, there on events.
    """

    def __init__(self, std: float = 0.5) -> None:
        self.std = within("TemporalJitter", "std", std, 0)

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        _, steps, *rest_of_shape = whole_counts(images, "TemporalJitter").shape
        chance = self.chances(steps)
        stride = math.prod(rest_of_shape)
        place = images.flatten().nonzero()[:, 0]  # few cells of a frame hold events
        frame, left = place // stride % steps, images.flatten()[place]
        result = torch.zeros_like(images).flatten()
        rest, time = torch.ones(steps, dtype=torch.float64), torch.arange(steps)
        for shift in sorted(range(1 - steps, steps), key=abs):
            to = time + shift
            share = torch.where((to >= 0) & (to < steps), chance[time, to.clamp(0, steps - 1)], 0.0)
            if float(share.max()) == 0:
                continue
            part = (share / rest.clamp(min=1e-12)).to(images.device)[frame]  # of those that are not placed yet
            moved = thinned(left, part, generator)
            # whole numbers: a sum in any order has the same bits
            result.index_add_(0, torch.where(part > 0, place + shift * stride, place), moved)
            left, rest = left - moved, (rest - share).clamp(min=0)
        return result.index_add_(0, place, left).view(images.shape)

    def chances(self, steps: int) -> torch.Tensor:
        """P [from, to] of coming from one frame to another, float64 [T, T]; rows sum to 1."""
        if self.std == 0:
            return torch.eye(steps, dtype=torch.float64)
        edge = torch.arange(-steps, steps + 1, dtype=torch.float64) / self.std
        # the integral of Phi: z Phi(z) + phi(z)
        upper = torch.special.ndtr(edge)
        total = (edge * upper + torch.exp(-0.5 * edge**2) / math.sqrt(2 * math.pi)) * self.std
        # P(moved by less than d whole frames) = total(d) - total(d - 1), for d = 1 - T .. T
        below = total.diff()
        place = torch.arange(steps)
        to_end = below[(place[None, :] - place[:, None]) + steps]  # P(frame <= to), d = to + 1 - from
        to_end[:, -1] = 1
        chance = to_end.diff(dim=1, prepend=torch.zeros(steps, 1, dtype=torch.float64))
        chance = torch.where(chance < 1e-9, 0.0, chance)
        return chance / chance.sum(1, keepdim=True)
