"""AEDAT 1.0 and 2.0 files of jAER: pairs of address and time behind a text header."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

import numba
import numpy as np

from neurograph.data.events.aedat_header import aedat_version, header_lines, size_of_chip
from neurograph.data.events.checked import bad, file_bytes, finished, unwrap
from neurograph.data.events.event_format import EventFormat
from neurograph.data.events.events import Events

__all__ = ["Aedat2"]

Array = np.ndarray[Any, Any]


@numba.njit(cache=True)
def _address(raw: Array, at: int, size: int) -> Any:
    """The address, 4 bytes in events of 8, else 2."""
    first = np.int64(raw[at]) << 8 | np.int64(raw[at + 1])
    return first << 16 | np.int64(raw[at + 2]) << 8 | np.int64(raw[at + 3]) if size == 8 else first


@numba.njit(cache=True)
def _kept(address: int, davis: bool) -> bool:
    """Whether it is an event of polarity: no APS or IMU word (31) nor external event (10) of a DAVIS; 15 of a DVS128."""
    return address & 0x80000400 == 0 if davis else address & 0x8000 == 0


@numba.njit(cache=True)
def _survey(raw: Array, start: int, size: int, davis: bool) -> tuple[int, int]:
    """How many events there are, and all bits that any address has."""
    count, bits = 0, 0
    for at in range(start, len(raw), size):
        address = _address(raw, at, size)
        bits |= address
        count += _kept(address, davis)
    return count, bits


@numba.njit(cache=True)
def _decode(
    raw: Array, start: int, size: int, davis: bool, height: int, width: int, t: Array, x: Array, y: Array, p: Array
) -> None:
    count = 0
    for at in range(start, len(raw), size):
        address = _address(raw, at, size)
        if not _kept(address, davis):
            continue
        now = _address(raw, at + size - 4, 8)
        t[count] = now - (1 << 32) if now >> 31 else now
        if davis:
            right, up, p[count] = address >> 12 & 0x3FF, address >> 22 & 0x1FF, address >> 11 & 1
            x[count] = width - 1 - right if right < width else 0xFFFF
        else:
            right, up, p[count] = address >> 1 & 0x7F, address >> 8 & 0x7F, address & 1
            x[count] = right if right < width else 0xFFFF
        y[count] = height - 1 - up if up < height else 0xFFFF
        count += 1


@numba.njit(cache=True)
def _place(raw: Array, start: int, size: int, davis: bool, wanted: int) -> int:
    for at in range(start, len(raw), size):
        wanted -= _kept(_address(raw, at, size), davis)
        if wanted < 0:
            return at
    return len(raw)


class Aedat2(EventFormat):
    """Big endian address (16 bits in 1.0, 32 in 2.0) and time (signed 32 bits, microseconds, going round).

    DVS128: polarity bit 0, x 1-7, y 8-14; bit 15 marks an external event. DAVIS: external event bit 10, polarity 11, x
    12-21, y 22-30, and bit 31 marks APS and IMU words. Only events of polarity are kept. Addresses count y from the
    bottom, so rows are turned over and row 0 is at the top; those of a DAVIS count x from the right, so its columns are
    turned over too. p is the bit itself in both.

    For the DVS128 this is the published layout of addresses of AEDAT 2.0 and nothing else: p = bit 0, x = bits 1-7, y =
    bits 8-14, turned over so that row 0 is at the top. jAER's extractor of that chip gives 1 - bit 0 and 127 - x instead, and SpikingJelly
    inverts p too: files of a camera whose bit 0 means OFF need p=1 - p and, to look as in jAER, x=127 - x.

    The chip is that of the header's line AEChip; without one it is a DAVIS240 where an address has more than 16 bits, else
    a DVS128; ``chip="davis"`` or ``"dvs128"`` overrides it. Times that fall are sorted. Raises DataError for an unknown
    chip, a file that ends inside an event, and events outside the sensor.
    """

    name: ClassVar[str] = "aedat2"
    endings: ClassVar[tuple[str, ...]] = (".aedat", ".dat")

    def recognises(self, path: Path, head: bytes) -> bool:
        return aedat_version(head) in ("1.0", "2.0")

    def accepts(self, path: Path, head: bytes) -> bool:
        return path.name.lower().endswith(".aedat") and not head.startswith(b"#!AER-DAT")

    def read(self, path: Path, *, sensor: tuple[int, int, int] | None = None, chip: str | None = None) -> Events:
        raw = file_bytes(path)
        version = aedat_version(raw[:16].tobytes()) or "1.0"
        if version not in ("1.0", "2.0"):
            raise bad(path, 9, f"the header says AEDAT {version}", "give no format=")
        header = header_lines(path, raw, must_end=False)
        start, size = header.start, 6 if version == "1.0" else 8
        count, rest = divmod(len(raw) - start, size)
        if rest:
            raise bad(
                path, len(raw), f"the file ends inside event {count}; events of AEDAT {version} take {size} bytes"
            )
        davis, height, width = self._chip(path, header.lines, raw, start, size, chip)
        if sensor is None:
            sensor = (2, height, width)
        count, _ = _survey(raw, start, size, davis)
        t, x, y, p = (np.empty(count, d) for d in (np.int64, np.uint16, np.uint16, np.uint8))
        _decode(raw, start, size, davis, sensor[1], sensor[2], t, x, y, p)
        return finished(path, unwrap(t, 32), x, y, p, sensor, lambda k: _place(raw, start, size, davis, k))

    def _chip(
        self, path: Path, lines: tuple[str, ...], raw: Array, start: int, size: int, chip: str | None
    ) -> tuple[bool, int, int]:
        """Whether the addresses are those of a DAVIS, and height and width."""
        said = next((line.partition(":")[2] for line in lines if re.match(r"#\s*AEChip\s*:", line)), "")
        # the name of the class, not of its package: every DAVIS lies in ini.chips.davis
        named = chip if chip is not None else said.strip().split(".")[-1]
        if not named:
            _, bits = _survey(raw, start, size, False)
            named = "DAVIS240" if bits >> 16 else "DVS128"
        found = size_of_chip("DAVIS240" if named.lower() == "davis" else named)
        if found is None:
            what = f"chip={chip!r}" if chip is not None else f"the header names the chip {said.strip()!r}"
            raise bad(path, 0, f"{what}, whose addresses are not known", 'give chip="dvs128" or "davis" and sensor=')
        davis = not re.search("DVS_?128|TMPDIFF", named.upper())
        return davis, *found
