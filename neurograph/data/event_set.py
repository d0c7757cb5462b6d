"""Data sets of event recordings."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from neurograph.data.data_set import DataSet
from neurograph.data.event_data import EventData
from neurograph.data.events.events import Events

if TYPE_CHECKING:
    from neurograph.data.transforms import Transform

__all__ = ["EventSet"]


class EventSet(DataSet):
    """A data set of recordings; `sensor` is (channels, height, width)."""

    sensor: ClassVar[tuple[int, int, int]]
    #: Height and width that networks are usually given; None: the sensor's.
    usual_size: ClassVar[tuple[int, int] | None] = None
    #: Steps T that networks are usually given.
    usual_steps: ClassVar[int] = 10

    def open(self, folder: Path, split: str, limit: int | None, source: str) -> EventData:
        found = self.index(folder, split)[:limit]
        return EventData(
            name=self.name,
            split=split,
            keys=tuple(key for key, _ in found),
            labels=np.array([label for _, label in found], dtype=np.int64),
            classes=self.classes,
            sensor=self.sensor,
            read=partial(self.recording, folder),
            version=partial(self.version, folder),
            source=source,
        )

    @abstractmethod
    def index(self, folder: Path, split: str) -> list[tuple[str, int]]:
        """Key and label of every recording of the split, in an order that never changes."""

    @abstractmethod
    def recording(self, folder: Path, key: str) -> Events:
        """The events of a key; raises DataError for a bad file."""

    def version(self, folder: Path, key: str) -> str:
        """Size and time of the file of a key."""
        stat = (folder / key).stat()
        return f"{stat.st_size} {stat.st_mtime_ns}"

    def augmentation(self, size: tuple[int, int]) -> Transform | None:
        """A shift by up to a twelfth of the width, as in BrainCog."""
        from neurograph.data.transforms import RandomCrop

        return RandomCrop(max(1, size[1] // 12))
