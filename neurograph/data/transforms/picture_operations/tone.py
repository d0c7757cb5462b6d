"""Changes of a picture's tones that have no amount: its contrast stretched, its histogram flattened, its negative."""

from __future__ import annotations

import torch

from neurograph.data.transforms.picture_operations.operation import Operation, Resampling

__all__ = ["AutoContrast", "Equalize", "Invert"]


class AutoContrast(Operation):
    """Stretch each channel to 0..255: x' = floor(255 (x - low) / (high - low)), low and high being its extremes."""

    def apply(self, images: torch.Tensor, amount: torch.Tensor, resampling: Resampling) -> torch.Tensor:
        exact = images.double()  # the floor of a float32 would be one too low here and there
        low, high = exact.amin((2, 3), keepdim=True), exact.amax((2, 3), keepdim=True)
        # the order of Pillow's roundings: scale first, then the offset; a number / a tensor would be rounded twice
        scale = torch.full_like(low, 255) / (high - low)
        stretched = (exact * scale - low * scale).trunc().clamp(0, 255)
        return torch.where(high > low, stretched, exact).to(images.dtype)


class Equalize(Operation):
    """Flatten the histogram h of each channel: x' = (step // 2 + sum of h below x) // step.

    step is (H W - h of the brightest tone) // 255; a channel where it is 0 stays as it is.
    """

    def apply(self, images: torch.Tensor, amount: torch.Tensor, resampling: Resampling) -> torch.Tensor:
        tones = images.long().flatten(2)
        histogram = torch.zeros((*tones.shape[:2], 256), dtype=torch.long, device=images.device)
        histogram.scatter_add_(2, tones, torch.ones_like(tones))
        brightest = histogram.gather(2, tones.amax(2, keepdim=True))
        step = (tones.shape[2] - brightest) // 255
        below = histogram.cumsum(2) - histogram
        table = ((step // 2 + below) // step.clamp(min=1)).clamp(max=255)
        flat = torch.where(step > 0, table.gather(2, tones), tones)
        return flat.view(images.shape).to(images.dtype)


class Invert(Operation):
    """The negative: x' = 255 - x."""

    def apply(self, images: torch.Tensor, amount: torch.Tensor, resampling: Resampling) -> torch.Tensor:
        return 255 - images
