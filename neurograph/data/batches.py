"""Batches of pictures or frames, in an order that depends on seed and epoch only."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch

from neurograph.data.event_data import EventData
from neurograph.data.frame_data import FrameData
from neurograph.data.image_data import ImageData
from neurograph.data.prefetch import Prefetch
from neurograph.data.transforms import Normalize, Transform
from neurograph.errors import DataError

__all__ = ["Batches", "Mix"]


class Mix(Protocol):
    """A change of a batch that mixes its samples, and their labels with them."""

    def __call__(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Images [N, ...] and labels int64 [N] in, images [N, ...] and labels float [N, K] out."""
        ...


class Batches:
    """Iterate over (x, labels) on ``device``: pictures float32 [B, C, H, W], frames float32 [T, B, C, H, W].

    Pictures are scaled to 0..1, changed by ``transform``, then normalised with the data set's mean and std (not with
    ``normalize=False``, for a ``transform`` that contains Normalize itself: RandomErasing belongs behind it). Frames stay
    counts; a transform is given them batch first, [B, T, C, H, W]. ``mix`` comes last. Labels are int64 [B], after a mix
    float [B, K].

    Order, transforms and mixes draw from generators seeded by ``(seed, epoch)``: epoch k is the same whether the run was
    resumed or not. Each ``iter()`` is one epoch and counts on; ``set_epoch`` sets which one is next.

    With ``balance`` each of the N places of an epoch's order is drawn with replacement, where a sample's weight is
    N / (samples of its class): every class that has samples comes as often as another, on average. Needs ``shuffle``.

    ``prefetch`` batches are made ahead by a thread, in the same order and with the same bits as with 0, which makes each
    when it is asked for. ``waited`` is how many seconds the loop over the latest epoch has waited for batches.

    ``rank`` and ``world`` are for several processes: ``batch_size`` is that of the joint batch, of which this process gets
    the rows from rank B / world on, so that all of them together have what one process would. Changes are made to the
    joint batch, since a mix needs all of it.

    Raises DataError for a batch size below 1, for joint batches that `world` does not divide, and for ``balance`` without
    ``shuffle``.
    """

    def __init__(
        self,
        data: ImageData | FrameData,
        batch_size: int,
        *,
        shuffle: bool = False,
        seed: int = 0,
        drop_last: bool = False,
        transform: Transform | None = None,
        mix: Mix | None = None,
        normalize: bool = True,
        device: torch.device | str = "cpu",
        prefetch: int = 2,
        rank: int = 0,
        world: int = 1,
        balance: bool = False,
    ) -> None:
        if not isinstance(data, ImageData | FrameData):
            made = (
                "data.frames(ByTime(steps=10))"
                if isinstance(data, EventData)
                else (
                    "ImageData.of(images, labels) of pictures or EventData.of(recordings, labels).frames(...) of events; for other "
                    "samples a torch.utils.data.DataLoader"
                )
            )
            raise DataError(f"Batches: data is of type {type(data).__name__}; it takes pictures or frames: give {made}")
        if isinstance(batch_size, bool) or not isinstance(batch_size, int | np.integer) or batch_size < 1:
            raise DataError(f"Batches: batch_size is {batch_size!r}; it must be a whole number, 1 or more")
        if torch.device(device).type == "cuda" and not torch.cuda.is_available():
            raise DataError(f"Batches: device is {str(device)!r}; torch sees no CUDA device here; give device='cpu'")
        _check_called("transform", transform, ("images", "generator"))
        _check_called("mix", mix, ("images", "labels", "generator"))
        if drop_last and batch_size > len(data):
            raise DataError(
                f"Batches: batch_size {batch_size} with drop_last leaves nothing of the "
                f"{len(data)} samples of {data.name!r}; take a smaller batch or drop_last=False"
            )
        if prefetch < 0:
            raise DataError(f"Batches: prefetch is {prefetch}; give how many batches to make ahead, 0 for none")
        if world < 1 or not 0 <= rank < world:
            raise DataError(f"Batches: rank is {rank} of world {world}; a rank must lie in 0..world-1")
        if balance and not shuffle:
            raise DataError("Batches: balance draws the order at random; give shuffle=True with it")
        rest = 0 if drop_last else len(data) % batch_size
        if batch_size % world or rest % world:
            which = f"batch_size {batch_size}" if batch_size % world else f"the last batch of {rest}"
            raise DataError(
                f"Batches: {which} cannot be shared out evenly among {world} processes; batch_size is that of the joint "
                f"batch: take a multiple of {world}{'' if batch_size % world else ', or drop_last=True'}"
            )
        self.data = data
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.balance = balance
        self.seed = seed
        self.drop_last = drop_last
        self.transform = transform
        self.mix = mix
        self.device = torch.device(device)
        self.prefetch = prefetch
        self.rank, self.world = rank, world
        self.waited = 0.0
        self._normalize = Normalize(data.mean, data.std) if normalize and isinstance(data, ImageData) else None
        self._labels = torch.from_numpy(data.labels)
        self._next_epoch = 0

    def __len__(self) -> int:
        whole, rest = divmod(len(self.data), self.batch_size)
        return whole if self.drop_last or not rest else whole + 1

    def set_epoch(self, epoch: int) -> None:
        """Make the next iteration that of ``epoch`` (counted from 0)."""
        self._next_epoch = epoch

    def order(self, epoch: int) -> torch.Tensor:
        """Indices of samples, int64 [N], in the order of that epoch: of all, or as ``balance`` draws them."""
        if not self.shuffle:
            return torch.arange(len(self.data))
        generator = torch.Generator().manual_seed(self._seed(epoch, 0))
        if self.balance:
            count = torch.bincount(self._labels)
            weights = len(self.data) / count[self._labels].double()
            return torch.multinomial(weights, len(self.data), replacement=True, generator=generator)
        return torch.randperm(len(self.data), generator=generator)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        epoch = self._next_epoch
        self._next_epoch += 1
        return self._epoch(epoch)

    def _epoch(self, epoch: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        self.waited = 0.0
        made = self._made(epoch)
        ahead = Prefetch(made, self.prefetch) if self.prefetch else None
        batches = made if ahead is None else ahead
        try:
            while True:
                began = time.perf_counter()
                batch = next(batches, None)
                self.waited += time.perf_counter() - began
                if batch is None:
                    return
                yield batch
        finally:
            if ahead is not None:
                ahead.close()

    def _made(self, epoch: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        order = self.order(epoch)
        generator = torch.Generator(self.device).manual_seed(self._seed(epoch, 1))
        mixing = torch.Generator(self.device).manual_seed(self._seed(epoch, 2))
        for number in range(len(self)):
            index = order[number * self.batch_size : (number + 1) * self.batch_size]
            share = len(index) // self.world
            rows = slice(self.rank * share, (self.rank + 1) * share)
            if self.transform is None and self.mix is None:
                index, rows = index[rows], slice(None)
            yield self._batch(index, rows, generator, mixing)

    def _batch(
        self, index: torch.Tensor, rows: slice, generator: torch.Generator, mixing: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        # bytes go to the device and become floats there: a quarter of the traffic
        x = self._sent(torch.from_numpy(self.data.take(index.numpy())))
        labels = self._sent(self._labels[index])
        frames = isinstance(self.data, FrameData)
        if frames and self.transform is None and self.mix is None:
            # to floats and time first in one go
            return x.transpose(0, 1).to(torch.float32, memory_format=torch.contiguous_format), labels
        x = x.to(torch.float32) if frames else x.float().div_(255)
        if self.transform is not None:
            x = self.transform(x, generator)
        if self._normalize is not None:
            x = self._normalize(x)
        if self.mix is not None:
            x, labels = self.mix(x, labels, mixing)
        x, labels = x[rows], labels[rows]
        return (x.transpose(0, 1).contiguous() if frames else x), labels

    def _sent(self, values: torch.Tensor) -> torch.Tensor:
        if self.device.type == "cuda":  # a copy from pinned memory does not hold up the thread that asks for it
            return values.pin_memory().to(self.device, non_blocking=True)
        return values.to(self.device)

    def _seed(self, epoch: int, purpose: int) -> int:
        sequence = np.random.SeedSequence((self.seed, epoch, purpose))
        return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))


def _check_called(name: str, change: object, arguments: tuple[str, ...]) -> None:
    """Raise DataError for a class in place of one of its objects, and for what cannot be called with these arguments."""
    if change is None:
        return
    if isinstance(change, type):
        raise DataError(f"Batches: {name} is the class {change.__name__}; give an object of it: {change.__name__}(...)")
    called = getattr(change, "forward", change)  # of a torch module, whose call takes anything
    try:
        inspect.signature(called).bind(*arguments)  # type: ignore[arg-type]
    except TypeError:
        what = getattr(change, "__name__", type(change).__name__)
        rest = ", ".join(arguments[1:])
        raise DataError(
            f"Batches: {name} {what} is not called as {name}({', '.join(arguments)}); it is given whole batches and a generator "
            f"to draw from; of a function of one batch make lambda images, {rest}: "
            + ("f(images)" if name == "transform" else "(f(images), labels)")
        ) from None
    except ValueError:  # a signature that Python does not know
        return
