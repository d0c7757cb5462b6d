"""Blurred frames."""

from __future__ import annotations

import torch

from neurograph.data.transforms.event_operations.event_operation import EventOperation
from neurograph.errors import DataError

__all__ = ["GaussianBlur"]

LEAST = 0.1  # pixels: less changes nothing
REACH = 2  # pixels on each side: a kernel of 5


class GaussianBlur(EventOperation):
    """Convolve each frame with exp(-d^2 / (2 s^2)) over 5 x 5 pixels, of sum 1; s uniform in 0.1..strength pixels.

    All frames of a sample get the same s; the picture is mirrored at its border, without the border itself. Counts do
    not stay whole. Raises DataError for frames below 3 x 3 pixels. Source: BrainCog.
    """

    most = 1.0

    def changed(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        height, width = images.shape[-2:]
        if min(height, width) <= REACH:
            raise DataError(f"GaussianBlur: frames of {height} x {width} pixels; it needs 3 x 3 or more to mirror them")
        low = min(LEAST, self.strength)
        draw = torch.rand((len(images), 1), generator=generator, device=images.device)
        sigma = (low + draw * (self.strength - low)).clamp(min=0.05)  # below, the neighbours' weight is 0 in float32
        offset = torch.arange(-REACH, REACH + 1, device=images.device)
        kernel = torch.exp(-0.5 * (offset / sigma) ** 2)
        kernel = (kernel / kernel.sum(1, keepdim=True)).to(images.dtype)
        rows, columns = _matrix(kernel, height), _matrix(kernel, width)
        return (rows[:, None] @ images.flatten(1, 2) @ columns[:, None].transpose(2, 3)).view(images.shape)


def _matrix(kernel: torch.Tensor, size: int) -> torch.Tensor:
    """Convolution along one axis by kernels [N, 5] as matrices [N, size, size]; the axis is mirrored at its ends."""
    place = torch.arange(size, device=kernel.device)
    offset = torch.arange(-REACH, REACH + 1, device=kernel.device)
    source = (place + offset[:, None]).abs()
    source = torch.where(source < size, source, 2 * (size - 1) - source)
    hits = (source[:, :, None] == place).to(kernel.dtype)
    return torch.einsum("no,oij->nij", kernel, hits)
