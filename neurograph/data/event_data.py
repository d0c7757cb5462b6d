"""One split of a data set of event recordings, read when they are asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from neurograph.data.events.events import Events
from neurograph.data.own_labels import own_labels
from neurograph.data.own_recordings import OwnRecordings
from neurograph.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from neurograph.data.frame_data import FrameData
    from neurograph.data.frames.frame_maker import FrameMaker

__all__ = ["EventData"]


@dataclass(frozen=True, repr=False)
class EventData:
    """One split of a labelled set of recordings.

    ``keys`` name the recordings (a path below the set's folder, or path and part of it); ``read`` gives the events of
    a key; ``version`` gives a text that changes when the file of a key does (its size and time). ``sensor`` is
    (channels, height, width). ``EventData.of`` makes it of recordings of one's own. Raises DataError when the parts do not
    fit together.
    """

    name: str
    split: str
    keys: tuple[str, ...]
    labels: np.ndarray
    classes: tuple[str, ...]
    sensor: tuple[int, int, int]
    read: Callable[[str], Events]
    version: Callable[[str], str]
    source: str

    def __post_init__(self) -> None:
        where = f"data set {self.name!r}, split {self.split!r}"
        if self.labels.dtype != np.int64 or self.labels.shape != (len(self.keys),):
            raise DataError(
                f"{where}: {len(self.keys)} recordings but labels {self.labels.dtype} {self.labels.shape}; "
                "there must be one int64 label per recording"
            )
        if not len(self.keys):
            raise DataError(f"{where}: it is empty; a split must hold at least one recording")
        if self.labels.min() < 0 or self.labels.max() >= len(self.classes):
            raise DataError(
                f"{where}: labels run from {self.labels.min()} to {self.labels.max()}; they must lie in "
                f"0..{len(self.classes) - 1}"
            )

    @staticmethod
    def of(
        recordings: Sequence[Events | str | os.PathLike[str]],
        labels: Any,
        *,
        sensor: tuple[int, int, int] | None = None,
        classes: Sequence[str] | None = None,
        name: str = "own",
        split: str = "train",
    ) -> EventData:
        """Recordings of one's own: a list of Events, or of the paths of event files, and a label for each.

        `sensor` (channels, height, width) is that of all of them, which Events know; `classes` are names, by default "0" to the
        highest label. Raises DataError for recordings without one sensor and labels that are no whole numbers.
        """
        held = OwnRecordings.named(recordings)
        known = {one.sensor for one in held.values() if isinstance(one, Events)}
        if sensor is None:
            if len(known) != 1 or not all(isinstance(one, Events) for one in held.values()):
                of = (
                    "they have the sensors " + ", ".join(map(str, sorted(known)))
                    if len(known) > 1
                    else "files say none"
                )
                raise DataError(
                    f"EventData.of(): {of}; give sensor=(channels, height, width), the same for all recordings"
                )
            (sensor,) = known
        numbers, names = own_labels(labels, classes, "EventData.of()")
        own = OwnRecordings(held, sensor)
        return EventData(name, split, tuple(held), numbers, names, sensor, own.read, own.version, "own recordings")

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index: int) -> tuple[Events, int]:
        """The events and the label of one recording."""
        return self.events(index), int(self.labels[index])

    def __repr__(self) -> str:
        return f"<EventData {self.name!r}, {self.split}: {len(self):,} recordings {self.sensor}, {len(self.classes)} classes>"

    def events(self, index: int) -> Events:
        """The events of one recording."""
        return self.read(self.keys[index])

    def first(self, count: int) -> EventData:
        """The first `count` recordings (all, if there are fewer)."""
        if count < 1:
            raise DataError(f"data set {self.name!r}: first({count}); give a whole number above 0")
        return self.some(np.arange(min(count, len(self))))

    def some(self, places: np.ndarray) -> EventData:
        """The recordings at these places."""
        return replace(self, keys=tuple(self.keys[k] for k in places), labels=self.labels[places])

    def frames(
        self,
        maker: FrameMaker,
        size: int | tuple[int, int] | None = None,
        *,
        cache: str | Path | Literal[False] | None = None,
        workers: int = 0,
        progress: bool = True,
    ) -> FrameData:
        """The recordings as frames [T, C, H, W], made by `maker`, resized to `size` and kept in a cache on disk.

        `size` is (height, width) or one number for both, reached by bilinear interpolation with the corners kept, as in
        BrainCog's pipeline; frames of the sensor's size stay counts. `cache` is a folder (default: `frames` in the cache
        folder of this user; see cached_frames()); False keeps nothing and makes the frames each time. `workers` processes
        fill it (0: this one). Raises DataError for a recording that cannot be read, or a folder that cannot be written.
        """
        from neurograph.data.frame_data import FrameData

        return FrameData.made(self, maker, size, cache=cache, workers=workers, progress=progress)
