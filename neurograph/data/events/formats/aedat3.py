"""AEDAT 3.1 files of cAER, as DVS128-Gesture is published in: packets of typed events."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import Any, ClassVar

import numba
import numpy as np

from neurograph.data.events.aedat_header import aedat_version, header_lines, size_of_chip
from neurograph.data.events.checked import bad, file_bytes, finished
from neurograph.data.events.event_format import EventFormat
from neurograph.data.events.events import Events

__all__ = ["Aedat3"]

Array = np.ndarray[Any, Any]
PACKET = struct.Struct("<hhiiiiii")
POLARITY, SIZE = 1, 8
#: Events of one packet in the table of packets: first byte, events, upper part of their time.
FIRST, COUNT, UPPER = 0, 1, 2


@numba.njit(cache=True)
def _word(raw: Array, at: int) -> Any:
    return np.int64(raw[at]) | np.int64(raw[at + 1]) << 8 | np.int64(raw[at + 2]) << 16 | np.int64(raw[at + 3]) << 24


@numba.njit(cache=True)
def _decode(raw: Array, packets: Array, t: Array, x: Array, y: Array, p: Array) -> tuple[int, int]:
    """Valid events found, and the byte of the first time that is negative, or -1."""
    count = 0
    for k in range(len(packets)):
        first, events, upper = packets[k]
        for at in range(first, first + events * SIZE, SIZE):
            word = _word(raw, at)
            if not word & 1:
                continue
            now = _word(raw, at + 4)
            if now >> 31:
                return count, at + 4
            t[count] = (upper << 31) + now
            p[count] = word >> 1 & 1
            y[count] = word >> 2 & 0x7FFF
            x[count] = word >> 17
            count += 1
    return count, -1


class Aedat3(EventFormat):
    """Text lines to ``#!END-HEADER``, then packets: a header of 28 bytes and events of one type, little endian.

    Packet header: type and source (int16), size of an event, place of its time, upper 31 bits of the time, room, number of
    events and number of valid ones (int32). Of type 1 (polarity) an event is a word (valid bit 0, polarity 1, y 2-16, x
    17-31) and the lower 31 bits of the time in microseconds; those not valid are left out, packets of other types
    passed over. Row 0 is the top. The sensor is that of the header's Source line, else the extent. ``source`` chooses one
    source where several recorded; by default the lowest with events. Raises DataError for packets that go beyond the
    file or contradict themselves.
    """

    name: ClassVar[str] = "aedat3"
    endings: ClassVar[tuple[str, ...]] = (".aedat",)

    def recognises(self, path: Path, head: bytes) -> bool:
        return aedat_version(head).startswith("3.")

    def accepts(self, path: Path, head: bytes) -> bool:
        return False

    def read(self, path: Path, *, sensor: tuple[int, int, int] | None = None, source: int | None = None) -> Events:
        raw = file_bytes(path)
        version = aedat_version(raw[:16].tobytes())
        if version != "3.1":
            raise bad(
                path, 9, f"AEDAT {version or 'of no version'}; 3.1 is read here", "convert the file to 3.1 or 4.0"
            )
        header = header_lines(path, raw, must_end=True)
        found = _packets(path, raw, header.start)
        if source is None:
            source = min(found, default=0)
        elif source not in found:
            raise bad(
                path, header.start, f"source {source} has no events of polarity", f"those with events: {sorted(found)}"
            )
        packets = np.array(found.get(source, []), np.int64).reshape(-1, 3)
        if sensor is None:
            sensor = _sensor(header.lines, source)
        count = int(packets[:, COUNT].sum())
        t, x, y, p = (np.empty(count, d) for d in (np.int64, np.uint16, np.uint16, np.uint8))
        count, wrong = _decode(raw, packets, t, x, y, p)
        if wrong >= 0:
            raise bad(path, wrong, "a negative time")
        t, x, y, p = (a[:count] for a in (t, x, y, p))
        return finished(path, t, x, y, p, sensor, lambda k: _place(raw, packets, k))


def _packets(path: Path, raw: Array, at: int) -> dict[int, list[tuple[int, int, int]]]:
    """Packets of polarity by source: first byte of their events, number, upper part of the time."""
    found: dict[int, list[tuple[int, int, int]]] = {}
    while at < len(raw):
        if at + PACKET.size > len(raw):
            raise bad(path, len(raw), f"the file ends inside the packet header of {PACKET.size} bytes at byte {at}")
        kind, source, size, place, upper, room, number, valid = PACKET.unpack(raw[at : at + PACKET.size].tobytes())
        start = at + PACKET.size
        if size < 0 or room < 0 or (size == 0 and room > 0):
            raise bad(path, at + 4, f"a packet of {room} events of {size} bytes")
        if not 0 <= valid <= number <= room:
            raise bad(path, at + 16, f"room for {room} events, {number} events and {valid} valid ones")
        if start + size * room > len(raw):
            ends = f"the packet at byte {at} takes {size * room} bytes from byte {start}, and the file ends before"
            raise bad(path, len(raw), ends)
        if kind == POLARITY:
            if size != SIZE or place != 4:
                raise bad(path, at + 4, f"polarity events of {size} bytes with the time at {place}; they have 8 and 4")
            if upper < 0:
                raise bad(path, at + 12, f"upper part of the time {upper}; it is 0 or more")
            found.setdefault(source, []).append((start, number, upper))
        at = start + size * room
    return found


def _sensor(lines: tuple[str, ...], source: int) -> tuple[int, int, int] | None:
    for line in lines:
        named = re.match(r"#\s*Source\s+(-?\d+)\s*:\s*(.*)", line)
        if named and int(named[1]) == source and (size := size_of_chip(named[2])):
            return 2, *size
    return None


def _place(raw: Array, packets: Array, wanted: int) -> int:
    for first, events, _ in packets:
        valid = raw[first : first + events * SIZE : SIZE] & 1
        places = np.flatnonzero(valid)
        if wanted < len(places):
            return int(first + SIZE * places[wanted])
        wanted -= len(places)
    return len(raw)
