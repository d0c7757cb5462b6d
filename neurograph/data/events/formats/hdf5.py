"""Events in HDF5 files: arrays t, x, y, p in a group `events` (DSEC, e2vid, ECD) or at the root."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import h5py
import numpy as np

from neurograph.data.events.checked import LARGEST
from neurograph.data.events.columns import from_columns, named
from neurograph.data.events.event_format import EventFormat
from neurograph.data.events.events import Events
from neurograph.errors import DataError, FormatError
from neurograph.io.formats.format import Budget
from neurograph.io.safe_hdf5 import array_at, has, member, opened

__all__ = ["MAGIC", "Hdf5", "has_member"]

MAGIC = b"\x89HDF\r\n\x1a\n"


class Hdf5(EventFormat):
    """Groups ``events`` or the root with arrays t, x, y, p (or xs, ys, ts, ps and the like), packed by gzip or not.

    Whole times are microseconds, others seconds; an array ``t_offset`` is added to them (DSEC). The sensor is that of the
    attribute ``sensor_resolution`` (height, width), else the extent. Links, arrays in other files and arrays larger than
    ``limit`` bytes are refused. Raises DataError that names the array: within HDF5 a byte has no place of its own.
    """

    name: ClassVar[str] = "hdf5"
    endings: ClassVar[tuple[str, ...]] = (".h5", ".hdf5")

    def recognises(self, path: Path, head: bytes) -> bool:
        return head.startswith(MAGIC) and not has_member(path, "spikes")

    def accepts(self, path: Path, head: bytes) -> bool:
        return False

    def read(self, path: Path, *, sensor: tuple[int, int, int] | None = None, limit: int = LARGEST) -> Events:
        try:
            with opened(path, "HDF5 with events") as file:
                group = file
                if has(file, "events"):
                    found = member(file, "events")
                    if not isinstance(found, h5py.Group):
                        raise FormatError("'events' is one dataset; arrays t, x, y and p are read")
                    group = found
                names = named(group)
                if names is None:
                    raise FormatError(
                        f"{group.name} has {', '.join(list(group)[:12]) or 'nothing'}, and not t, x, y and p"
                    )
                budget = Budget(limit)
                columns = {want: array_at(group, name, budget) for want, name in names.items()}
                offset = 0
                for place in (group, file):
                    if has(place, "t_offset"):
                        offset = _offset(array_at(place, "t_offset", budget))
                        break
                sensor = sensor or _sensor(file)
        except FormatError as error:
            raise DataError(f"{path}: byte 0 and after: {error}; the file is damaged or holds no events") from None
        return from_columns(path, columns, sensor, lambda name, k: f"array {names[name]!r}, place {k}", offset)


def has_member(path: Path, name: str) -> bool:
    """Whether an HDF5 file that can be read has something of this name at its root."""
    try:
        with opened(path, "HDF5") as file:
            return has(file, name)
    except FormatError:
        return False


def _offset(held: np.ndarray) -> int:
    """The one whole number of t_offset, in microseconds."""
    value = held.item() if held.size == 1 else None
    if value is None or held.dtype.kind == "b" or not abs(value) < 1 << 62 or value != round(value):
        shown = held.dtype if value is None else value
        raise FormatError(f"t_offset is {shown} {held.shape}; it is one whole number of microseconds, below 2^62")
    return int(value)


def _sensor(file: h5py.File) -> tuple[int, int, int] | None:
    if "sensor_resolution" not in file.attrs:
        return None
    size = np.asarray(file.attrs["sensor_resolution"]).reshape(-1)
    if size.dtype.kind not in "iu" or len(size) < 2 or not all(0 < n <= 1 << 16 for n in size[:2]):
        raise FormatError(f"attribute sensor_resolution is {size}; it is (height, width)")
    return 2, int(size[0]), int(size[1])
