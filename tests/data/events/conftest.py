"""Writers of event files, each from the layout that was published, with no code of the readers."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import h5py
import lz4.frame
import numpy as np
import pytest
import zstandard

REAL = os.environ.get("NEUROGRAPH_DATA")
Row = tuple[int, int, int, int]


class Written(NamedTuple):
    """A file's bytes, the events it holds (t, x, y from the top, p), its sensor, and where its parts begin."""

    data: bytes
    rows: list[Row]
    sensor: tuple[int, int, int]
    parts: list[int]


def made_rows(width: int, height: int, count: int = 30, start: int = 1000, step: int = 40, seed: int = 0) -> list[Row]:
    rng = np.random.default_rng(seed)
    times = start + np.cumsum(rng.integers(0, step, count))
    corners = [(0, 0, 1), (width - 1, 0, 0), (0, height - 1, 1), (width - 1, height - 1, 0)]
    rest = [(int(rng.integers(width)), int(rng.integers(height)), int(rng.integers(2))) for _ in range(count - 4)]
    return [(int(t), x, y, p) for t, (x, y, p) in zip(times, corners + rest, strict=True)]


def aedat1() -> Written:
    rows = made_rows(128, 128)
    out, parts = b"# no version line: 1.0\r\n", []
    for t, x, y, p in rows:
        parts.append(len(out))
        out += struct.pack(">Hi", (127 - y) << 8 | x << 1 | p, t)
    return Written(out, rows, (2, 128, 128), parts)


def aedat2_dvs128() -> Written:
    rows = made_rows(128, 128, start=(1 << 31) - 300)
    out, parts = b"#!AER-DAT2.0\r\n# Timestamps tick is 1 us\r\n", []
    for k, (t, x, y, p) in enumerate(rows):
        parts.append(len(out))
        # signed times: the counter goes from 2^31 - 1 to -2^31
        out += struct.pack(">iI", (127 - y) << 8 | x << 1 | p, t & 0xFFFFFFFF)
        if k == 7:
            out += struct.pack(">iI", 0x8000 | 5 << 8, t & 0xFFFFFFFF)  # an external event
    return Written(out, rows, (2, 128, 128), parts)


def aedat2_davis() -> Written:
    rows = made_rows(346, 260)
    out, parts = b"#!AER-DAT2.0\r\n# AEChip: eu.seebetter.ini.chips.davis.Davis346blue\r\n#<xml/>\r\n", []
    for k, (t, x, y, p) in enumerate(rows):
        parts.append(len(out))
        out += struct.pack(">II", (259 - y) << 22 | (345 - x) << 12 | p << 11, t)
        if k % 3 == 0:
            out += struct.pack(">II", 1 << 31 | 99 << 22 | 300 << 12 | 512, t)  # APS
            out += struct.pack(">II", 1 << 31 | 3 << 10 | 77 << 12, t)  # IMU
            out += struct.pack(">II", 1 << 10 | 5 << 12, t)  # external
    return Written(out, rows, (2, 260, 346), parts)


def aedat31() -> Written:
    rows = made_rows(128, 128, start=(1 << 31) - 300)
    out = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#Start-Time: 2026-01-01 00:00:00 (TZ+0000)\r\n#!END-HEADER\r\n"
    parts = []

    def packet(kind: int, size: int, upper: int, room: int, number: int, valid: int, body: bytes) -> None:
        nonlocal out
        parts.append(len(out))
        out += struct.pack("<hhiiiiii", kind, 1, size, 4, upper, room, number, valid)
        parts.append(len(out))
        out += body

    for begin in range(0, len(rows), 10):
        for upper in (0, 1):
            some = [r for r in rows[begin : begin + 10] if r[0] >> 31 == upper]
            if not some:
                continue
            body = b"".join(struct.pack("<Ii", x << 17 | y << 2 | p << 1 | 1, t & 0x7FFFFFFF) for t, x, y, p in some)
            body += struct.pack("<Ii", 3 << 17, some[-1][0] & 0x7FFFFFFF)  # one that is not valid
            packet(1, 8, upper, len(some) + 3, len(some) + 1, len(some), body + bytes(16))
            packet(0, 8, upper, 1, 1, 1, bytes(8))  # special
            packet(3, 36, upper, 1, 1, 1, bytes(36))  # IMU
    return Written(out, rows, (2, 128, 128), parts)


def flat_header(compression: int, table: int, text: bytes) -> bytes:
    """IOHE: vtable of three fields, then the table: distance, compression, place of text, table of packets."""
    vtable = struct.pack("<5H", 10, 24, 4, 16, 8)
    head = b"IOHE" + bytes(2) + vtable  # the vtable begins at byte 14 (with the size in front), the table at 24
    # compression at +4, text at +8, position at +16
    body = struct.pack("<iiIxxxxq", 10, compression, 16, table) + struct.pack("<I", len(text)) + text + b"\0"
    out = struct.pack("<I", 24 - 4) + head + body
    return struct.pack("<I", len(out)) + out


def flat_events(rows: list[Row]) -> bytes:
    """EVTS: one field, a vector of structs of 16 bytes."""
    vtable = struct.pack("<3H", 6, 8, 4)
    head = b"EVTS" + bytes(2) + vtable  # the vtable at byte 14, the table at 20
    vector = struct.pack("<I", len(rows)) + b"".join(struct.pack("<qhhBxxx", *row) for row in rows)
    # the vector's place counts from the field that holds it
    out = struct.pack("<I", 20 - 4) + head + struct.pack("<iI", 6, 4) + vector
    return struct.pack("<I", len(out)) + out


def aedat4(compression: int = 0, pack: Callable[[bytes], bytes] = bytes, table: bool = True) -> Written:
    rows = made_rows(240, 180, start=1_700_000_000_000_000)
    node = '<node name="{0}" path="/{0}/"><attr key="typeIdentifier" type="string">{1}</attr>{2}</node>'
    info = '<node name="info" path="/i/"><attr key="sizeX" type="int">240</attr><attr key="sizeY" type="int">180</attr></node>'
    text = f'<dv version="2.0"><node name="outInfo" path="/o/">{node.format(0, "FRME", info)}{node.format(2, "EVTS", info)}'
    text += f"{node.format(3, 'IMUS', '')}</node></dv>"
    packets, parts = b"", []
    size = len(flat_header(0, 0, text.encode()))
    for begin in range(0, len(rows), 8):
        for stream, body in ((0, b"frame" * 5), (2, pack(flat_events(rows[begin : begin + 8]))), (3, b"imu")):
            parts.append(14 + size + len(packets))
            packets += struct.pack("<ii", stream, len(body)) + body
    position = 14 + size + len(packets)
    out = b"#!AER-DAT4.0\r\n" + flat_header(compression, position if table else -1, text.encode()) + packets
    return Written(out + (b"the table of packets" if table else b""), rows, (2, 180, 240), parts)


def atis_bin() -> Written:
    rows = [(t, x, y, p) for t, x, y, p in made_rows(34, 34)]
    out, parts = b"", []
    for t, x, y, p in rows:
        parts.append(len(out))
        out += struct.pack(">BBBH", x, y, p << 7 | t >> 16, t & 0xFFFF)
    return Written(out, rows, (2, 34, 34), parts)


def atis_overflow() -> Written:
    rows = [(t * 2000, x, y, p) for t, x, y, p in made_rows(240, 180, start=1)]
    out, parts, rounds = b"", [], 0
    for t, x, y, p in rows:
        while t // 8192 > rounds:
            out, rounds = out + struct.pack(">BBBH", 0, 240, 0, 8191), rounds + 1
        parts.append(len(out))
        now = t - rounds * 8192
        out += struct.pack(">BBBH", x, y, p << 7 | now >> 16, now & 0xFFFF)
    return Written(out, rows, (2, 180, 240), parts)


def dat1() -> Written:
    rows = made_rows(304, 240, start=(1 << 32) - 200)
    out, parts = b"% Data file containing CD events.\n% Date 2014-01-01 00:00:00\n", []
    out += bytes((0, 8))
    for t, x, y, p in rows:
        parts.append(len(out))
        out += struct.pack("<II", t & 0xFFFFFFFF, x | y << 9 | p << 17)
    return Written(out, rows, (2, 240, 304), parts)


def dat2() -> Written:
    rows = made_rows(1280, 720)
    out, parts = b"% Data file containing CD events\n% Version 2\n% Height 720\n% Width 1280\n", []
    out += bytes((12, 8))
    for t, x, y, p in rows:
        parts.append(len(out))
        out += struct.pack("<II", t, x | y << 14 | p << 28)
    return Written(out, rows, (2, 720, 1280), parts)


def evt2() -> Written:
    rows = made_rows(640, 480, start=(1 << 34) - 200)
    out, parts = b"% evt 2.0\n% geometry 640x480\n% end\n", []
    out += struct.pack("<I", 1 << 28 | 3 << 11)  # before the first time: it has none
    last = -1
    for t, x, y, p in rows:
        high = t >> 6 & 0xFFFFFFF
        if high != last:
            out += struct.pack("<I", 8 << 28 | high)
            out += struct.pack("<II", 0xA << 28 | 1, 0xE << 28 | 5)
        last = high
        parts.append(len(out))
        out += struct.pack("<I", p << 28 | (t & 63) << 22 | x << 11 | y)
    return Written(out, rows, (2, 480, 640), parts)


def evt21(legacy: bool = False, said: bool = True) -> Written:
    endian = f"endianness={'legacy' if legacy else 'little'};" if said else ""
    out = f"% camera x\n% evt 2.1\n% format EVT21;{endian}height=320;width=320\n% end\n".encode()
    parts, rows = [], []

    def word(value: int) -> bytes:
        return struct.pack("<II", value >> 32, value & 0xFFFFFFFF) if legacy else struct.pack("<Q", value)

    rng = np.random.default_rng(3)
    for k in range(12):
        t, y, p, x = 5000 + 50 * k, int(rng.integers(320)), int(rng.integers(2)), 32 * int(rng.integers(10))
        mask = int(rng.integers(1, 1 << 32))
        out += word(8 << 60 | (t >> 6) << 32)
        parts.append(len(out))
        out += word(p << 60 | (t & 63) << 54 | x << 43 | y << 32 | mask)
        rows += [(t, x + bit, y, p) for bit in range(32) if mask >> bit & 1]
        out += word(0xA << 60 | 7 << 32)
    return Written(out, rows, (2, 320, 320), parts)


def evt3() -> Written:
    out, parts, rows = b"% evt 3.0\n% format EVT3;height=720;width=1280\n% end\n", [], []

    def word(kind: int, value: int) -> None:
        nonlocal out
        parts.append(len(out))
        out += struct.pack("<H", kind << 12 | value)

    rng = np.random.default_rng(4)
    word(2, 5)  # before the first time
    for k in range(12):
        t = (1 << 24) - 12000 + 2500 * k  # the time goes round
        word(8, t >> 12 & 0xFFF)
        word(6, t & 0xFFF)
        y, x, p = int(rng.integers(720)), int(rng.integers(1200)), int(rng.integers(2))
        word(0, y | (k % 2) << 11)
        word(2, x | p << 11)
        rows.append((t, x, y, p))
        word(3, x | (1 - p) << 11)
        for kind, width in ((4, 12), (4, 12), (5, 8)):
            mask = int(rng.integers(1 << width))
            word(kind, mask)
            rows += [(t, x + bit, y, 1 - p) for bit in range(width) if mask >> bit & 1]
            x += width
        word(10, 1)
        word(14, 3)
        word(15, 9)
    return Written(out, rows, (2, 720, 1280), parts)


def es() -> Written:
    rows = made_rows(304, 240, start=500, step=400)
    out, parts, last = b"Event Stream" + bytes((2, 0, 0, 1)) + struct.pack("<HH", 304, 240), [], 0
    for k, (t, x, y, p) in enumerate(rows):
        passed = t - last
        out += bytes([0xFF]) * (passed // 127) + (bytes([0xFE]) if k % 5 == 0 else b"")
        parts.append(len(out))
        out += struct.pack("<BHH", passed % 127 << 1 | p, x, 239 - y)
        last = t
    return Written(out, rows, (2, 240, 304), parts)


def csv() -> Written:
    rows = made_rows(34, 34)
    out = b"# a comment\nx,y,polarity,timestamp\n" + b"".join(f"{x},{y},{p},{t}\n".encode() for t, x, y, p in rows)
    return Written(out, rows, (2, 34, 34), [])


WRITERS: dict[str, tuple[str, str, Callable[[], Written]]] = {
    "aedat1": ("a.aedat", "aedat2", aedat1),
    "aedat2-dvs128": ("a.aedat", "aedat2", aedat2_dvs128),
    "aedat2-davis": ("a.aedat", "aedat2", aedat2_davis),
    "aedat3": ("a.aedat", "aedat3", aedat31),
    "aedat4": ("a.aedat4", "aedat4", aedat4),
    "aedat4-open": ("a.aedat4", "aedat4", lambda: aedat4(table=False)),
    "aedat4-lz4": ("a.aedat4", "aedat4", lambda: aedat4(1, lz4.frame.compress)),
    "aedat4-lz4high": ("a.aedat4", "aedat4", lambda: aedat4(2, lambda data: lz4.frame.compress(data, 9))),
    "aedat4-zstd": ("a.aedat4", "aedat4", lambda: aedat4(3, zstandard.ZstdCompressor().compress)),
    "aedat4-zstdhigh": ("a.aedat4", "aedat4", lambda: aedat4(4, zstandard.ZstdCompressor(19).compress)),
    "atis": ("a.bin", "atis-bin", atis_bin),
    "atis-overflow": ("a.bin", "atis-bin", atis_overflow),
    "dat1": ("a.dat", "dat", dat1),
    "dat2": ("a.dat", "dat", dat2),
    "evt2": ("a.raw", "evt2", evt2),
    "evt21": ("a.raw", "evt2.1", evt21),
    "evt21-legacy": ("a.raw", "evt2.1", lambda: evt21(True)),
    "evt21-legacy-unsaid": ("a.raw", "evt2.1", lambda: evt21(True, False)),
    "evt3": ("a.raw", "evt3", evt3),
    "es": ("a.es", "es", es),
    "csv": ("a.csv", "csv", csv),
}


@pytest.fixture(params=list(WRITERS))
def written(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str, Written]:
    """A file of each format that has bytes of its own, the format's name, and what it holds."""
    name, form, write = WRITERS[request.param]
    made = write()
    path = tmp_path / name
    path.write_bytes(made.data)
    return path, form, made


@pytest.fixture
def write_file(tmp_path: Path) -> Callable[[str], tuple[Path, Written]]:
    """Writes the file of a name in WRITERS."""

    def write(which: str) -> tuple[Path, Written]:
        name, _, writer = WRITERS[which]
        made = writer()
        path = tmp_path / name
        path.write_bytes(made.data)
        return path, made

    return write


@pytest.fixture
def write_spikes(tmp_path: Path) -> Callable[..., tuple[Path, list[tuple[np.ndarray, np.ndarray]]]]:
    """A file in the layout of SHD: lists of times (half floats, seconds) and units."""

    def write(count: int = 20, **options: object) -> tuple[Path, list[tuple[np.ndarray, np.ndarray]]]:
        rng, path, out = np.random.default_rng(5), tmp_path / "shd.h5", []
        with h5py.File(path, "w") as file:
            times = file.create_dataset("spikes/times", (count,), h5py.vlen_dtype(np.float16), **options)
            units = file.create_dataset("spikes/units", (count,), h5py.vlen_dtype(np.uint16), **options)
            for k in range(count):
                size = int(rng.integers(0, 300)) if k else 0
                out.append((np.sort(rng.random(size)).astype(np.float16), rng.integers(0, 700, size).astype(np.uint16)))
                times[k], units[k] = out[-1]
            file["labels"] = rng.integers(0, 20, count).astype(np.uint16)
        return path, out

    return write


@pytest.fixture
def real() -> Path:
    """The folder of real recordings."""
    if REAL is None or not (Path(REAL) / "events").is_dir():
        pytest.skip("NEUROGRAPH_DATA names no folder with events/")
    return Path(REAL)
