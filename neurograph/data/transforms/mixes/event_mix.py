"""EventMix."""

from __future__ import annotations

import torch

from neurograph.data.transforms.mixes.mix import Mix
from neurograph.data.transforms.planes import frames
from neurograph.errors import DataError

__all__ = ["EventMix"]


class EventMix(Mix):
    """Replace what lies under a random mask over (t, y, x) by the events of x_j; labels by the number of events.

    The mask is where g(t, y, x) = sum over k of p_k exp(-((t - m_t)^2 / s_t^2 + (y - m_y)^2 / s_y^2 + (x - m_x)^2 /
    s_x^2) / 2) is among the highest: floor(lam T H W) voxels, lam ~ Beta(beta, beta), both polarities alike. It has
    ``components`` Gaussians, one number or from (low, high) for each sample: p uniform in 0..1, the means uniform over
    the frames' voxels, each deviation uniform in 0..1, but 0.1 at least, times half the size along its axis. With r_i
    the share of the events of sample i that lie under the mask, y' = w y_i + (1 - w) y_j with

        w = 1 - r_j / (1 - r_i + r_j).

    For a sample without events r is the mask's share of the voxels, and so is 1 - w where x' keeps and gets no event.
    Counts stay whole, and each comes from x_i or x_j. Frames [N, T, C, H, W]; the rest as Mix says. Raises DataError
    for components that are none, other layouts and numbers below 0. Source: Shen, Zhao, Zeng 2022, "EventMix: an
    efficient augmentation strategy for event-based data", https://arxiv.org/abs/2205.12054.
    """

    def __init__(
        self, classes: int, beta: float = 2.0, prob: float = 0.5, components: int | tuple[int, int] = 3
    ) -> None:
        super().__init__(classes, beta, prob, "beta")
        low, high = components if isinstance(components, tuple) else (components, components)
        if not (isinstance(low, int) and isinstance(high, int) and 1 <= low <= high):
            raise DataError(
                f"EventMix: components is {components}; it is a whole number from 1 on or a (low, high) of such"
            )
        self.beta, self.components = beta, (low, high)

    def mixed(
        self, images: torch.Tensor, others: torch.Tensor, share: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        frames(images, "EventMix")
        if images.numel() and not bool(images.min() >= 0):
            raise DataError("EventMix: frames with numbers below 0 or none; labels go by counts of events, 0 or more")
        mask = self.mask(images, share, generator)
        voxels = mask.flatten(1).double().mean(1)
        own_share, other_share = _share(images, mask, voxels), _share(others, mask, voxels)
        total = 1 - own_share + other_share
        weight = torch.where(total > 0, 1 - other_share / total.where(total > 0, 1.0), 1 - voxels)
        return torch.where(mask[:, :, None], others, images), weight

    def mask(self, images: torch.Tensor, share: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Mask [N, T, H, W] of the floor(share T H W) voxels of each sample where its mixture is densest; fewer at ties."""
        count, steps, _, height, width = images.shape
        low, high = self.components
        device, sizes = images.device, (steps, height, width)
        draw = torch.rand((7, count, high), generator=generator, device=device)
        number = torch.randint(low, high + 1, (count, 1), generator=generator, device=device)
        peak = draw[0] * (torch.arange(high, device=device) < number)
        bells = []  # along each axis, [N, k, size]; a Gaussian of three axes is their product
        for axis, size in enumerate(sizes):
            middle = (draw[1 + axis] * size).floor()[:, :, None]
            deviation = (draw[4 + axis].clamp(min=0.1) * size * 0.5)[:, :, None]
            bells.append(torch.exp(-0.5 * ((torch.arange(size, device=device) - middle) / deviation) ** 2))
        density = torch.einsum("nk,nkt,nky,nkx->ntyx", peak, *bells).flatten(1)
        most = (share * density.shape[1]).floor().long()
        return _densest(density, most).view(count, *sizes)


def _densest(density: torch.Tensor, most: torch.Tensor) -> torch.Tensor:
    """Mask of the `most` [N] greatest of the numbers [N, K], 0 or more; fewer where equal ones would be too many.

    The bound is found by halving: as whole numbers, the bits of floats from 0 on have the floats' order. Eight times as
    fast as sorting on the CPU.
    """
    bits = density.contiguous().view(torch.int32)
    low = torch.full((len(bits), 1), -1, dtype=torch.int64, device=bits.device)
    high = torch.full_like(low, 0x7F800000)  # infinity: nothing is above it
    above = torch.empty_like(bits)  # whole numbers are added up faster than truth values
    for _ in range(31):
        middle = (low + high).div(2, rounding_mode="floor")
        few = torch.gt(bits, middle.int(), out=above).sum(1, keepdim=True, dtype=torch.int32) <= most[:, None]
        low, high = torch.where(few, low, middle + 1), torch.where(few, middle, high)
    return bits > high.int()


def _share(images: torch.Tensor, mask: torch.Tensor, otherwise: torch.Tensor) -> torch.Tensor:
    """The share [N] of the events of each sample that lie under the mask; `otherwise` where there are none."""
    per_voxel = images.sum(2).double()
    inside, total = (per_voxel * mask).sum((1, 2, 3)), per_voxel.sum((1, 2, 3))
    return torch.where(total > 0, inside / total.where(total > 0, 1.0), otherwise)
