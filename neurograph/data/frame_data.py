"""Frames of event recordings, as batches take them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from neurograph.data.event_data import EventData
from neurograph.data.frame_cache import FrameCache, frame_of, frames_folder
from neurograph.data.frame_fill import fill
from neurograph.data.frames.frame_maker import FrameMaker
from neurograph.data.frames.resize import size_of
from neurograph.data.own_labels import own_labels
from neurograph.errors import DataError

__all__ = ["FrameData"]


class Store(Protocol):
    """Where frames come from."""

    def take(self, places: np.ndarray) -> np.ndarray:
        """The frames [B, T, C, H, W] of these recordings."""
        ...


@dataclass(frozen=True)
class MadeFrames:
    """Frames that are made each time they are asked for."""

    data: EventData
    maker: FrameMaker
    size: tuple[int, int]

    def take(self, places: np.ndarray) -> np.ndarray:
        return np.stack([frame_of(self.data, self.maker, self.size, self.data.keys[k]) for k in places])


@dataclass(frozen=True)
class HeldFrames:
    """Frames that are at hand, [N, T, C, H, W]."""

    frames: np.ndarray

    def take(self, places: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(self.frames[places])


@dataclass(frozen=True, repr=False)
class FrameData:
    """One split of a labelled set of recordings as frames [T, C, H, W]; made by ``EventData.frames``, or ``FrameData.of``.

    ``labels`` int64 [N]; ``shape`` is (C, H, W), ``steps`` T. Frames are counts, uint8 or (where one is above 255, or
    without a cache) uint16; or float32, by a maker of values or after a change of size. They are not normalised.
    """

    name: str
    split: str
    labels: np.ndarray
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    steps: int
    maker: FrameMaker | None  # None: made elsewhere
    source: str
    store: Store
    places: np.ndarray

    @staticmethod
    def made(
        data: EventData,
        maker: FrameMaker,
        size: int | tuple[int, int] | None = None,
        *,
        cache: str | Path | Literal[False] | None = None,
        workers: int = 0,
        progress: bool = True,
    ) -> FrameData:
        """See EventData.frames."""
        if not isinstance(maker, FrameMaker):
            raise DataError(f"data set {data.name!r}: frames({maker!r}); give a frame maker, as ByTime(steps=10)")
        channels, *sensor = maker.shape(data.sensor)
        height, width = size_of(size, (channels, sensor[0], sensor[1]))
        store: Store
        if cache is False:
            store = MadeFrames(data, maker, (height, width))
        else:
            store = FrameCache(data, maker, (height, width), Path(cache) if cache is not None else frames_folder())
            fill(store, workers, progress)
        shape = (channels, height, width)
        places = np.arange(len(data))
        return FrameData(
            data.name, data.split, data.labels, data.classes, shape, maker.steps, maker, data.source, store, places
        )

    @staticmethod
    def of(
        frames: Any,
        labels: Any,
        *,
        classes: Sequence[str] | None = None,
        name: str = "own",
        split: str = "train",
    ) -> FrameData:
        """Frames of one's own, [N, T, C, H, W] as an array or a tensor, and a label for each.

        Counts (bytes, or whole numbers up to 65535) stay counts, other numbers are float32. `classes` are names, by
        default "0" to the highest label. Raises DataError for other arrays and for labels that do not fit.
        """
        array = frames.detach().cpu().numpy() if hasattr(frames, "detach") else np.asarray(frames)
        if array.ndim != 5 or array.dtype.kind not in "iuf" or 0 in array.shape:
            raise DataError(
                f"FrameData.of(): frames are {array.dtype} with shape {array.shape}; they are numbers [N, T, C, H, W], samples "
                "first: give np.stack(list of [T, C, H, W])"
            )
        numbers, names = own_labels(labels, classes, "FrameData.of()")
        if len(numbers) != len(array) or numbers.min() < 0 or numbers.max() >= len(names):
            raise DataError(
                f"FrameData.of(): {len(array)} samples, {len(numbers)} labels from {numbers.min(initial=0)} to "
                f"{numbers.max(initial=0)}, {len(names)} classes; give one label a sample, from 0 to classes - 1"
            )
        if array.dtype.kind == "f":
            array = array.astype(np.float32, copy=False)
        elif array.dtype != np.uint8:
            if array.min() < 0 or array.max() > 0xFFFF:
                raise DataError(
                    f"FrameData.of(): whole numbers from {array.min()} to {array.max()}; counts are 0 to 65535; give other "
                    "numbers as .astype('float32')"
                )
            array = array.astype(np.uint16, copy=False)
        steps, channels, height, width = (int(n) for n in array.shape[1:])
        return FrameData(
            name, split, numbers, names, (channels, height, width), steps, None, "own frames", HeldFrames(array),
            np.arange(len(array)),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        """The frames [T, C, H, W] and the label of one recording: what a torch DataLoader asks of a data set."""
        label = int(self.labels[index])  # an IndexError ends a loop
        return self.take(np.array([index]))[0], label

    def __repr__(self) -> str:
        by = "" if self.maker is None else f" by {self.maker!r}"
        return (
            f"<FrameData {self.name!r}, {self.split}: {len(self):,} recordings {(self.steps, *self.shape)}{by}, "
            f"{len(self.classes)} classes>"
        )

    def take(self, index: np.ndarray) -> np.ndarray:
        """The frames at these places, [B, T, C, H, W], uint8, uint16 or float32."""
        return self.store.take(self.places[index])

    def first(self, count: int) -> FrameData:
        """The frames of the first `count` recordings (all, if there are fewer)."""
        if count < 1:
            raise DataError(f"data set {self.name!r}: first({count}); give a whole number above 0")
        return self.some(np.arange(min(count, len(self))))

    def some(self, places: np.ndarray) -> FrameData:
        """The frames of the recordings at these places."""
        return replace(self, labels=self.labels[places], places=self.places[places])
