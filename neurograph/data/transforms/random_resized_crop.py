"""Random parts of a picture, brought to one size."""

from __future__ import annotations

import math

import torch

from neurograph.data.transforms.planes import planes
from neurograph.errors import DataError

__all__ = ["RandomResizedCrop"]

TRIES = 10  # of Szegedy et al. and everyone since


class RandomResizedCrop:
    """Cut a random box out of each picture and resize it to ``size`` (H, W), or to the size the picture had.

    The box has the share a of the picture's area, a uniform in ``scale``, and the width over height r, log-uniform in
    ``ratio``: w = round(sqrt(a r H W)), h = round(sqrt(a H W / r)). The first of 10 draws that fits is taken, else the
    largest middle box with a ratio in bounds. All frames of a sample are cut alike. The resizing is bilinear and
    weighs all pixels a smaller picture covers (a triangle as wide as an output pixel), within the box alone.

    Raises DataError for bounds that are none. Source: Szegedy et al. 2015, https://arxiv.org/abs/1409.4842; the details
    as in torchvision.
    """

    def __init__(
        self,
        size: tuple[int, int] | None = None,
        scale: tuple[float, float] = (0.08, 1.0),
        ratio: tuple[float, float] = (3 / 4, 4 / 3),
    ) -> None:
        if size is not None and not (len(size) == 2 and all(int(n) == n and n >= 1 for n in size)):
            raise DataError(
                f"RandomResizedCrop: size is {size}; give (height, width), whole numbers from 1 on, or None"
            )
        if not (0 < scale[0] <= scale[1] <= 1 and 0 < ratio[0] <= ratio[1] < math.inf):
            raise DataError(
                f"RandomResizedCrop: scale {scale} and ratio {ratio}; both are (low, high) with 0 < low <= high, "
                "and scale at most 1"
            )
        self.size, self.scale, self.ratio = size, scale, ratio

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        flat = planes(images, "RandomResizedCrop")
        height, width = flat.shape[2:]
        top, left, tall, wide = self.boxes(len(flat), height, width, generator)
        to_height, to_width = self.size or (height, width)
        rows = _weights(top, tall, height, to_height).to(images.dtype)
        columns = _weights(left, wide, width, to_width).to(images.dtype)
        part = rows[:, None] @ flat @ columns[:, None].transpose(2, 3)
        return part.view(*images.shape[:-2], to_height, to_width)

    def boxes(self, count: int, height: int, width: int, generator: torch.Generator) -> torch.Tensor:
        """Whole numbers [4, N]: top, left, height and width of the box of each of `count` pictures."""
        device = generator.device
        draw = torch.rand((2, TRIES, count), generator=generator, device=device)
        place = torch.rand((2, count), generator=generator, device=device)
        area = height * width * (self.scale[0] + draw[0] * (self.scale[1] - self.scale[0]))
        low, high = math.log(self.ratio[0]), math.log(self.ratio[1])
        ratio = torch.exp(low + draw[1] * (high - low))
        tall, wide = (area / ratio).sqrt().round(), (area * ratio).sqrt().round()
        fits = (tall >= 1) & (tall <= height) & (wide >= 1) & (wide <= width)
        first = fits.int().argmax(0, keepdim=True)  # the first of the largest
        some = fits.any(0)
        # the largest box in the middle whose ratio is in bounds, where no draw fitted
        shape = min(max(width / height, self.ratio[0]), self.ratio[1])
        most_tall, most_wide = min(height, max(1, round(width / shape))), min(width, max(1, round(height * shape)))
        tall = torch.where(some, tall.gather(0, first)[0], most_tall)
        wide = torch.where(some, wide.gather(0, first)[0], most_wide)
        top = torch.where(some, (place[0] * (height - tall + 1)).floor(), (height - most_tall) // 2)
        left = torch.where(some, (place[1] * (width - wide + 1)).floor(), (width - most_wide) // 2)
        return torch.stack([top, left, tall, wide])


def _weights(start: torch.Tensor, length: torch.Tensor, size: int, to_size: int) -> torch.Tensor:
    """How much each of `size` pixels counts in each of `to_size` outputs, [N, to_size, size]; rows sum to 1."""
    pixel = torch.arange(size, device=start.device)
    output = torch.arange(to_size, device=start.device)
    step = (length / to_size)[:, None, None]
    middle = start[:, None, None] + (output[:, None] + 0.5) * step
    end = (start + length)[:, None, None]
    # enlarged, a triangle of one pixel; its part beyond the box's edge goes to the pixel at the edge
    inside = (pixel >= start[:, None, None]) & (pixel < end)
    weight = (1 - (pixel + 0.5 - middle).abs() / step.clamp(min=1)).clamp(min=0) * inside
    return weight / weight.sum(2, keepdim=True)
