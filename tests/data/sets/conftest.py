"""Writers of the published layouts that share nothing with the package: bytes one by one, from the papers' descriptions."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

import numpy as np
import pytest

#: An event: microseconds, column, row, 1 where it became brighter.
Event = tuple[int, int, int, int]


@pytest.fixture
def some_events() -> Callable[..., list[Event]]:
    """Events of a generator, in order of time."""

    def make(seed: int, count: int, width: int, height: int, start: int = 0, end: int = 300_000) -> list[Event]:
        rng = np.random.default_rng(seed)
        times = np.sort(rng.integers(start, end, count))
        return [(int(t), int(rng.integers(width)), int(rng.integers(height)), int(rng.integers(2))) for t in times]

    return make


@pytest.fixture
def atis() -> Callable[[Sequence[Event]], bytes]:
    """N-MNIST's page: bits 39-32 x, 31-24 y, 23 polarity, 22-0 microseconds."""

    def write(events: Sequence[Event]) -> bytes:
        return b"".join((x << 32 | y << 24 | p << 23 | t).to_bytes(5, "big") for t, x, y, p in events)

    return write


@pytest.fixture
def dvs128() -> Callable[[Sequence[tuple[int, int, int, int]]], bytes]:
    """jAER's AEDAT 2.0: pairs of big endian address and time; bit 0 polarity as the camera sends it, 1-7 x, 8-14 y."""

    def write(words: Sequence[tuple[int, int, int, int]]) -> bytes:
        head = b"#!AER-DAT2.0\r\n# This is a raw AE data file - do not edit\r\n# created Thu Nov 12 2015\r\n"
        return head + b"".join(struct.pack(">II", y << 8 | x << 1 | bit, t) for t, x, y, bit in words)

    return write


@pytest.fixture
def aedat31() -> Callable[[Sequence[Event]], bytes]:
    """iniVation's AEDAT 3.1: packets with a header of 28 bytes; an event is a word (valid, polarity, y, x) and a time."""

    def write(events: Sequence[Event]) -> bytes:
        out = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#Start-Time: 2016-03-01 10:00:00 (TZ+0100)\r\n"
        out += b"#!END-HEADER\r\n"
        # a packet of special events (kind 0) lies between: readers must skip it
        out += struct.pack("<HHIIIIII", 0, 1, 8, 4, 0, 1, 1, 1) + struct.pack("<II", 1 | 1 << 1, 5)
        for first in range(0, len(events), 100):
            part = events[first : first + 100]
            out += struct.pack("<HHIIIIII", 1, 1, 8, 4, 0, len(part), len(part), len(part))
            out += b"".join(struct.pack("<II", x << 17 | y << 2 | p << 1 | 1, t) for t, x, y, p in part)
        return out

    return write


@pytest.fixture
def dv4() -> Callable[[Sequence[Event], int, int], bytes]:
    """iniVation's AEDAT 4.0, uncompressed, FlatBuffers written field by field, the vtable behind its table."""

    def flat(kind: bytes, body: bytes, field: int) -> bytes:
        # root -> table (8 bytes: offset of the vtable, offset of the one field), vtable behind it
        slots = struct.pack("<HH", 4 + 2 * (field + 1), 8) + b"\0\0" * field + struct.pack("<H", 4)
        slots += b"\0" * (-len(slots) % 4)
        table = struct.pack("<iI", -8, 4 + len(slots))
        gap = -(8 + len(table) + len(slots)) % 8
        table = struct.pack("<iI", -8, 4 + len(slots) + gap)
        buffer = struct.pack("<I", 8) + kind + table + slots + b"\0" * gap + body
        return struct.pack("<I", len(buffer)) + buffer

    def write(events: Sequence[Event], width: int, height: int) -> bytes:
        xml = (
            '<dv version="2.0"><node name="outInfo" path="/outInfo/"><node name="0" path="/outInfo/0/">'
            '<attr key="compression" type="string">NONE</attr><attr key="originalOutputName" type="string">events</attr>'
            '<attr key="typeIdentifier" type="string">EVTS</attr><node name="info" path="/outInfo/0/info/">'
            f'<attr key="sizeX" type="int">{width}</attr><attr key="sizeY" type="int">{height}</attr>'
            '<attr key="source" type="string">DAVIS346_00000336</attr></node></node></node></dv>'
        ).encode()
        out = b"#!AER-DAT4.0\r\n" + flat(b"IOHE", struct.pack("<I", len(xml)) + xml + b"\0", 2)
        for first in range(0, len(events), 70):
            part = events[first : first + 70]
            body = struct.pack("<I", len(part)) + b"".join(
                struct.pack("<qhh?3x", t, x, y, bool(p)) for t, x, y, p in part
            )
            packet = flat(b"EVTS", body, 0)
            out += struct.pack("<ii", 0, len(packet)) + packet
        return out

    return write
