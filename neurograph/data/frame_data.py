"""Frames of event recordings, as batches take them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from neurograph.data.event_data import EventData
from neurograph.data.frame_cache import FrameCache, frame_of, frames_folder
from neurograph.data.frame_fill import fill
from neurograph.data.frames.frame_maker import FrameMaker
from neurograph.data.frames.resize import size_of
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


@dataclass(frozen=True, repr=False)
class FrameData:
    """One split of a labelled set of recordings as frames [T, C, H, W]; made by ``EventData.frames``.

    ``labels`` int64 [N]; ``shape`` is (C, H, W), ``steps`` T. Frames are counts, uint8 or (where one is above 255, or
    without a cache) uint16; or float32, by a maker of values or after a change of size. They are not normalised.
    """

    name: str
    split: str
    labels: np.ndarray
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    steps: int
    maker: FrameMaker
    source: str
    store: Store
    places: np.ndarray

    @staticmethod
    def of(
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

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        """The frames [T, C, H, W] and the label of one recording: what a torch DataLoader asks of a data set."""
        label = int(self.labels[index])  # an IndexError ends a loop
        return self.take(np.array([index]))[0], label

    def __repr__(self) -> str:
        return (
            f"<FrameData {self.name!r}, {self.split}: {len(self):,} recordings {(self.steps, *self.shape)} by {self.maker!r}, "
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
