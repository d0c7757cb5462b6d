"""Data sets of event recordings."""

from __future__ import annotations

import itertools
import re
from abc import abstractmethod
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from neurograph.data.data_set import DataSet
from neurograph.data.event_data import EventData
from neurograph.data.events.events import Events
from neurograph.data.events.read import read_events
from neurograph.errors import DataError

if TYPE_CHECKING:
    from neurograph.data.transforms import Transform

__all__ = ["EventSet", "check_folders", "in_turn", "natural", "recordings_for", "split_of"]


class EventSet(DataSet):
    """A data set of recordings; `sensor` is (channels, height, width)."""

    holds = "events"
    sensor: ClassVar[tuple[int, int, int]]
    #: Height and width that networks are usually given; None: the sensor's.
    usual_size: ClassVar[tuple[int, int] | None] = None
    #: Steps T that networks are usually given.
    usual_steps: ClassVar[int] = 10
    #: Format of its files, for `read_events`.
    format: ClassVar[str | None] = None
    #: What lies where in the folder, for messages.
    layout: ClassVar[str]

    def open(self, folder: Path, split: str, limit: int | None, source: str) -> EventData:
        found = self.index(folder, split)[:limit]
        if not found:
            raise DataError(f"{folder}: it holds no recording of the split {split!r} of {self.name}; {self.layout}")
        return EventData(
            name=self.name,
            split=split,
            keys=tuple(key for key, _ in found),
            labels=np.array([label for _, label in found], dtype=np.int64),
            classes=self.class_names(folder),
            sensor=self.sensor,
            read=partial(self.recording, folder),
            version=partial(self.version, folder),
            source=source,
        )

    def class_names(self, folder: Path) -> tuple[str, ...]:
        """Names of the classes, where the folder knows them better than the set."""
        return self.classes

    def inside(self, folder: Path, *names: str) -> Path:
        """The folder of these names in the folder, or the folder itself: archives differ in how they were unpacked."""
        return next((folder / name for name in names if (folder / name).is_dir()), folder)

    def read_file(self, path: Path, **options: Any) -> Events:
        """The events of one file on this set's sensor; raises DataError naming the byte of what lies outside of it."""
        return read_events(path, self.format, **{"sensor": self.sensor, **options})

    @abstractmethod
    def index(self, folder: Path, split: str) -> list[tuple[str, int]]:
        """Key and label of every recording of the split, in an order that never changes."""

    @abstractmethod
    def recording(self, folder: Path, key: str) -> Events:
        """The events of a key; raises DataError for a bad file."""

    def version(self, folder: Path, key: str) -> str:
        """Size and times of the file of a key, which is what stands before '#' in it."""
        path = folder / key.partition("#")[0]
        try:
            stat = path.stat()
        except OSError as error:
            raise DataError(f"{path}: it cannot be read ({error}); put the file of {self.name} there again") from error
        # the files of an archive often all have one time of writing, and it can be set; that of the last change cannot
        return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}"

    def augmentation(self, size: tuple[int, int]) -> Transform | None:
        """A shift by up to a twelfth of the width, as in BrainCog."""
        from neurograph.data.transforms import RandomCrop

        return RandomCrop(max(1, size[1] // 12))


def check_folders(top: Path, names: Iterable[str]) -> None:
    """Raise DataError naming the folders of classes that are not there: without them it would be another data set."""
    missing = [name for name in names if not (top / name).is_dir()]
    if missing:
        listed = ", ".join(missing[:10]) + (f" and {len(missing) - 10} more" if len(missing) > 10 else "")
        raise DataError(
            f"{top}: {len(missing)} folders of classes are missing: {listed}; get the set again (a class that is left out on "
            "purpose has an empty folder)"
        )


def natural(name: str) -> list[tuple[int, str]]:
    """Sorting key under which a2 comes before a10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def split_of(names: list[str], split: str, share: float = 0.9) -> list[str]:
    """The first `share` of a class for "train", the rest for "test"; round() takes halves to the even number."""
    cut = round(share * len(names))
    return names[:cut] if split == "train" else names[cut:]


def recordings_for(test: int, share: float = 0.9) -> int:
    """How many recordings of a class leave so many to the test split."""
    return next(n for n in itertools.count(test) if n - round(share * n) >= test)


def in_turn(classes: Iterable[tuple[int, list[str]]]) -> list[tuple[str, int]]:
    """Keys and labels, the first of every class, then the second: so that a part of the split has all classes."""
    placed = [(place, label, key) for label, keys in classes for place, key in enumerate(keys)]
    return [(key, label) for _, label, key in sorted(placed, key=lambda one: one[:2])]
