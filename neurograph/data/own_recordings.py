"""Recordings of one's own, in memory or in files, behind the two functions that EventData asks."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from neurograph.data.events.events import Events
from neurograph.data.events.read import read_events
from neurograph.errors import DataError

__all__ = ["OwnRecordings"]


@dataclass(frozen=True)
class OwnRecordings:
    """Recordings by key, each as Events or as the path of an event file of any known format."""

    held: Mapping[str, Events | Path]
    sensor: tuple[int, int, int]

    @staticmethod
    def named(recordings: object) -> dict[str, Events | Path]:
        """Recordings with a key each: the path of a file, else the place in the list; raises DataError for what is neither."""
        if not isinstance(recordings, list | tuple):
            raise DataError(
                f"EventData.of(recordings={type(recordings).__name__}): give a list of Events, or of paths of event files"
            )
        out: dict[str, Events | Path] = {}
        for place, one in enumerate(recordings):
            if isinstance(one, Events):
                out[str(place)] = one
            elif isinstance(one, str | os.PathLike):
                out[os.fspath(one)] = Path(one)
            else:
                raise DataError(
                    f"EventData.of(): recording {place} is {type(one).__name__}; give Events(t, x, y, p, sensor), or the path "
                    "of an event file"
                )
        if len(out) != len(recordings):
            raise DataError("EventData.of(): a path stands there twice; give every recording once")
        return out

    def read(self, key: str) -> Events:
        """The events of a recording; raises DataError where they are of another sensor."""
        one = self.held[key]
        if isinstance(one, Path):
            return read_events(one, sensor=self.sensor)
        if one.sensor != self.sensor:
            raise DataError(
                f"recording {key!r}: its sensor (channels, height, width) is {one.sensor}, that of the set {self.sensor}; all "
                "recordings of a set have one sensor"
            )
        return one

    def version(self, key: str) -> str:
        """What changes where the recording does: a digest of its arrays, or size and times of its file."""
        one = self.held[key]
        if isinstance(one, Events):
            digest = hashlib.sha256(repr(one.sensor).encode())
            for array in (one.t, one.x, one.y, one.p):
                digest.update(array.tobytes())
            return digest.hexdigest()
        try:
            stat = one.stat()
        except OSError as error:
            raise DataError(f"{one}: it cannot be read ({error}); give the path of an event file") from error
        return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}"
