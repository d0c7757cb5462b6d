"""Batches of an image data set, in an order that depends on seed and epoch only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from neurograph.data.image_data import ImageData
from neurograph.data.transforms import Normalize, Transform
from neurograph.errors import DataError

__all__ = ["Batches"]


class Batches:
    """Iterate over (images float32 [B, C, H, W], labels int64 [B]) on ``device``.

    Pixels are scaled to 0..1, changed by ``transform``, then normalised with the data set's mean
    and std. With ``normalize=False`` the last step is left out, for a ``transform`` that contains
    Normalize itself (RandomErasing belongs behind it).

    Order and transforms draw from generators seeded by ``(seed, epoch)``: epoch k is the same
    whether the run was resumed or not. Each ``iter()`` is one epoch and counts on; ``set_epoch``
    sets which one is next. Raises DataError for a batch size below 1.
    """

    def __init__(
        self,
        data: ImageData,
        batch_size: int,
        *,
        shuffle: bool = False,
        seed: int = 0,
        drop_last: bool = False,
        transform: Transform | None = None,
        normalize: bool = True,
        device: torch.device | str = "cpu",
    ) -> None:
        if batch_size < 1:
            raise DataError(f"Batches: batch_size is {batch_size}; it must be 1 or more")
        if drop_last and batch_size > len(data):
            raise DataError(
                f"Batches: batch_size {batch_size} with drop_last leaves nothing of the "
                f"{len(data)} images of {data.name!r}; take a smaller batch or drop_last=False"
            )
        self.data = data
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.drop_last = drop_last
        self.transform = transform
        self.device = torch.device(device)
        self._normalize = Normalize(data.mean, data.std) if normalize else None
        self._labels = torch.from_numpy(data.labels)
        self._next_epoch = 0

    def __len__(self) -> int:
        whole, rest = divmod(len(self.data), self.batch_size)
        return whole if self.drop_last or not rest else whole + 1

    def set_epoch(self, epoch: int) -> None:
        """Make the next iteration that of ``epoch`` (counted from 0)."""
        self._next_epoch = epoch

    def order(self, epoch: int) -> torch.Tensor:
        """Indices of all images, int64 [N], in the order of that epoch."""
        if not self.shuffle:
            return torch.arange(len(self.data))
        generator = torch.Generator().manual_seed(self._seed(epoch, 0))
        return torch.randperm(len(self.data), generator=generator)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        epoch = self._next_epoch
        self._next_epoch += 1
        return self._epoch(epoch)

    def _epoch(self, epoch: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        order = self.order(epoch)
        generator = torch.Generator(self.device).manual_seed(self._seed(epoch, 1))
        for number in range(len(self)):
            index = order[number * self.batch_size : (number + 1) * self.batch_size]
            # Bytes go to the device and become floats there: a quarter of the traffic.
            pixels = torch.from_numpy(self.data.images[index.numpy()])
            images = pixels.to(self.device).float().div_(255)
            if self.transform is not None:
                images = self.transform(images, generator)
            if self._normalize is not None:
                images = self._normalize(images)
            yield images, self._labels[index].to(self.device)

    def _seed(self, epoch: int, purpose: int) -> int:
        sequence = np.random.SeedSequence((self.seed, epoch, purpose))
        return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))
