"""Spikes of Heidelberg's spoken digits and commands (SHD, SSC; Cramer et al. 2020): many recordings in one HDF5 file."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import h5py
import numpy as np

from neurograph.data.events.checked import LARGEST, bad, finished
from neurograph.data.events.event_format import EventFormat
from neurograph.data.events.events import Events
from neurograph.data.events.formats.hdf5 import MAGIC, has_member
from neurograph.errors import DataError, FormatError
from neurograph.io.formats.format import Budget
from neurograph.io.safe_hdf5 import array_at, group_at, member, opened

__all__ = ["Spikes", "SpikesFile"]

Array = np.ndarray[Any, Any]
UNITS = 700
_REFERENCE = np.dtype({"names": ["count", "at", "place"], "formats": ["<u4", "<u8", "<u4"], "itemsize": 16})
_HEAP = struct.Struct("<4sIQ")  # mark, version, size
_OBJECT = struct.Struct("<HHxxxxQ")  # place, uses, size
_FILTERS = (h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE)


class SpikesFile:
    """The recordings of one file, read when they are asked for.

    ``labels`` int64 [N]; ``file[k]`` gives Events of height 1 whose x is the unit, sensor (1, 1, 700), t in whole
    microseconds. The lists of HDF5 are followed here and not by its library, which can turn forever in a damaged heap.
    Raises DataError for a damaged file.
    """

    def __init__(self, path: str | Path, limit: int = LARGEST) -> None:
        self.path = Path(path)
        with _refused(self.path), opened(self.path, "HDF5 with spikes") as file:
            group = group_at(file, "spikes")
            self._lists = {name: _List(member(group, name), limit) for name in ("times", "units")}
            if "labels" in file:
                self.labels = array_at(file, "labels", Budget(limit), "iu").reshape(-1).astype(np.int64)
            else:
                self.labels = np.full(len(self), -1)
        sizes = {name: len(found.references) for name, found in self._lists.items()} | {"labels": len(self.labels)}
        if len(set(sizes.values())) != 1:
            raise bad(self.path, 0, f"numbers of recordings differ: {sizes}")

    def __len__(self) -> int:
        return len(self._lists["times"].references)

    def __getitem__(self, index: int) -> Events:
        if not 0 <= index < len(self):
            raise DataError(f"{self.path}: recording {index}; it holds {len(self)}, give 0 to {len(self) - 1}")
        with self.path.open("rb") as stream:
            times, units = (self._lists[name].read(self.path, stream, index) for name in ("times", "units"))
        byte = int(self._lists["times"].references["at"][index])
        if len(times) != len(units):
            raise bad(self.path, byte, f"recording {index} has {len(times)} times and {len(units)} units")
        times = times.astype(np.float64)
        if not (np.isfinite(times) & (np.abs(times) < 1e9)).all():
            raise bad(self.path, byte, f"recording {index} has times that are no seconds")
        if len(units) and not (units.min() >= 0 and units.max() <= 65535):
            raise bad(self.path, byte, f"recording {index} has units from {units.min()} to {units.max()}")
        t, x = np.rint(times * 1e6).astype(np.int64), units.astype(np.uint16)
        y, p = np.zeros(len(t), np.uint16), np.zeros(len(t), np.uint8)
        width = UNITS if not len(x) or x.max() < UNITS else int(x.max()) + 1
        return finished(self.path, t, x, y, p, (1, 1, width), lambda _: byte)


class Spikes(EventFormat):
    """Groups ``spikes/times`` (seconds) and ``spikes/units``, lists of one length a recording, and ``labels``.

    ``index`` chooses the recording; SpikesFile gives all. Raises DataError as that does.
    """

    name: ClassVar[str] = "spikes"
    endings: ClassVar[tuple[str, ...]] = (".h5", ".hdf5")

    def recognises(self, path: Path, head: bytes) -> bool:
        return head.startswith(MAGIC) and has_member(path, "spikes")

    def accepts(self, path: Path, head: bytes) -> bool:
        return False

    def read(self, path: Path, *, sensor: tuple[int, int, int] | None = None, index: int | None = None) -> Events:
        file = SpikesFile(path)
        if index is None:
            raise DataError(f"{path}: it holds {len(file)} recordings; give index=")
        events = file[index]
        place = int(file._lists["times"].references["at"][index])
        return finished(path, events.t, events.x, events.y, events.p, sensor or events.sensor, lambda _: place)


class _List:
    """A dataset of lists of numbers: where each lies in the file, found without reading them."""

    def __init__(self, data: Any, limit: int) -> None:
        if not isinstance(data, h5py.Dataset) or data.ndim != 1 or data.is_virtual or data.external:
            raise FormatError(f"{data.name} is no list of lists in this file")
        kind = h5py.check_vlen_dtype(data.dtype)
        if kind is None or kind.kind not in "iuf" or kind.itemsize > 8:
            raise FormatError(f"{data.name} holds {data.dtype}, where lists of numbers belong")
        self.name, self.kind, self.base = data.name, np.dtype(kind), data.file.userblock_size
        Budget(limit).spend(16 * len(data), data.name)
        self.references = np.frombuffer(_stored(data), _REFERENCE)

    def read(self, path: Path, stream: BinaryIO, index: int) -> Array:
        count, address, place = (int(n) for n in self.references[index])
        if not count:
            return np.empty(0, self.kind)
        size = stream.seek(0, 2)
        at = self.base + address
        wrong = bad(path, at, f"the list of {self.name} at {index}, {count} numbers, is not there")
        if address >= 1 << 62 or at + _HEAP.size > size:
            raise wrong
        stream.seek(at)
        mark, _, room = _HEAP.unpack(stream.read(_HEAP.size))
        if mark != b"GCOL":
            raise wrong
        end, at = min(at + room, size), at + _HEAP.size
        while at + _OBJECT.size <= end:
            stream.seek(at)
            found, _, length = _OBJECT.unpack(stream.read(_OBJECT.size))
            at += _OBJECT.size
            if found == place and found:
                if count * self.kind.itemsize > length or at + length > end:
                    break
                return np.frombuffer(stream.read(count * self.kind.itemsize), self.kind)
            if not found:  # what is free, to the end
                break
            at += -(-length // 8) * 8
        raise wrong


def _stored(data: h5py.Dataset) -> bytes:
    """The 16 bytes that stand for each list, in order."""
    want, size = 16 * len(data), data.file.id.get_filesize()
    if data.chunks is None:
        start = data.id.get_offset()
        if data.id.get_storage_size() != want or start is None or want > size:
            raise FormatError(f"{data.name} does not hold its {len(data)} lists")
        with open(data.file.filename, "rb") as stream:
            stream.seek(data.file.userblock_size + start)
            return stream.read(want)
    plist, chunk = data.id.get_create_plist(), 16 * math.prod(data.chunks)
    filters = [plist.get_filter(k)[0] for k in range(plist.get_nfilters())]
    if any(f not in _FILTERS for f in filters) or chunk > max(want, 1 << 24):
        raise FormatError(f"{data.name} is packed by filters {filters} in chunks of {chunk} bytes")
    if data.id.get_num_chunks() != -(-len(data) // data.chunks[0]):
        raise FormatError(f"{data.name} does not have all of its chunks")
    out = bytearray()
    for first in range(0, len(data), data.chunks[0]):
        mask, piece = data.id.read_direct_chunk((first,))
        for k in reversed(range(len(filters))):
            if mask >> k & 1:
                continue
            if filters[k] == h5py.h5z.FILTER_DEFLATE:
                try:
                    piece = zlib.decompressobj().decompress(piece, chunk + 1)
                except zlib.error as error:
                    raise FormatError(f"{data.name}: a chunk cannot be unpacked: {error}") from None
            elif len(piece) == chunk:
                piece = np.frombuffer(piece, np.uint8).reshape(16, -1).T.tobytes()
        if len(piece) != chunk:
            raise FormatError(f"{data.name}: a chunk holds {len(piece)} bytes and not {chunk}")
        out += piece
    return bytes(out[:want])


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    try:
        yield
    except FormatError as error:
        raise DataError(f"{path}: byte 0 and after: {error}; the file is damaged or holds no spikes") from None
