"""AEDAT 4.0 files of DV: packets of several streams, packed by LZ4 or ZSTD, each a FlatBuffer."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as xml
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from neurograph.data.events.aedat_header import aedat_version
from neurograph.data.events.checked import bad, file_bytes, finished
from neurograph.data.events.event_format import EventFormat
from neurograph.data.events.events import Events
from neurograph.data.events.flatbuffer import Table
from neurograph.errors import DataError

__all__ = ["Aedat4"]

Array = np.ndarray[Any, Any]
EVENT = np.dtype(
    {"names": ["t", "x", "y", "p"], "formats": ["<i8", "<i2", "<i2", "u1"], "offsets": [0, 8, 10, 12], "itemsize": 16}
)
MAGIC = b"#!AER-DAT4.0\r\n"
#: Compression by its number in the file's header.
NONE, LZ4, LZ4_HIGH, ZSTD, ZSTD_HIGH = range(5)
#: No packet may unpack to more: 16 million events, where cameras write some thousand.
LARGEST = 1 << 28


class Aedat4(EventFormat):
    """A version line, a FlatBuffer ``IOHE`` (compression, place of the table at the end, streams in XML), then packets.

    A packet is the number of its stream and its size (int32 each) and its bytes, packed or not; those of a stream of type
    ``EVTS`` hold events of 16 bytes: time (int64, microseconds), x, y (int16), polarity. Other streams (frames, IMU,
    triggers) are passed over. ``stream`` chooses one where several hold events; by default the lowest. The sensor is
    that of the header, row 0 the top. The times are kept as they are, in most files those of the Unix clock. Raises
    DataError for packets that go beyond the file, cannot be unpacked or hold no events.
    """

    name: ClassVar[str] = "aedat4"
    endings: ClassVar[tuple[str, ...]] = (".aedat4",)

    def recognises(self, path: Path, head: bytes) -> bool:
        return aedat_version(head).startswith("4.")

    def accepts(self, path: Path, head: bytes) -> bool:
        return False

    def read(self, path: Path, *, sensor: tuple[int, int, int] | None = None, stream: int | None = None) -> Events:
        raw = file_bytes(path)
        first, end, unpack, streams = _header(path, raw)
        if stream is None:
            stream = min(streams, default=None)
        if stream not in streams:
            what = "no stream of events" if stream is None else f"no stream {stream} of events"
            raise bad(path, len(MAGIC), f"the header declares {what}", f"those it declares: {sorted(streams)}")
        if sensor is None:
            sensor = streams[stream]
        pieces: list[tuple[int, Array]] = []
        for at, size in _packets(path, raw, first, end, stream):
            pieces.append((at, _events(path, raw, at, size, unpack)))
        counts = [len(piece) for _, piece in pieces]
        t, x, y, p = (np.empty(sum(counts), d) for d in (np.int64, np.uint16, np.uint16, np.uint8))
        starts = np.cumsum([0, *counts])
        for k, (at, piece) in enumerate(pieces):
            part = slice(starts[k], starts[k + 1])
            # a negative coordinate becomes a large one, which lies outside every sensor
            t[part], x[part], y[part], p[part] = piece["t"], piece["x"].view("<u2"), piece["y"].view("<u2"), piece["p"]
            pieces[k] = (at, piece[:0])
            if len(piece) and p[part].max() > 1:
                raise bad(path, at, f"a packet with polarity {p[part].max()}; it is 0 or 1")
        return finished(path, t, x, y, p, sensor, lambda k: pieces[int(np.searchsorted(starts, k, "right")) - 1][0])


def _header(
    path: Path, raw: Array
) -> tuple[int, int, Callable[[bytes], bytes], dict[int, tuple[int, int, int] | None]]:
    """First and last byte of the packets, how they are unpacked, and the streams of events with their sensors."""
    start = len(MAGIC)
    if raw[:start].tobytes() != MAGIC:
        raise bad(path, 0, f"it begins with {raw[:start].tobytes()!r}; an AEDAT 4 file begins with {MAGIC!r}")
    if len(raw) < start + 4:
        raise bad(path, len(raw), "the file ends before its header")
    size = 4 + int.from_bytes(raw[start : start + 4].tobytes(), "little")
    if start + size > len(raw):
        raise bad(path, len(raw), f"the file ends inside its header, which takes {size} bytes from byte {start}")
    try:
        table = Table(raw[start : start + size].tobytes(), b"IOHE")
        packing, position = table.number(0, "<i", NONE), table.number(1, "<q", -1)
        at, count = table.vector(2, 1)
        streams = _streams(table.data[at : at + count].decode("utf-8"))
    except (DataError, ValueError, xml.ParseError) as error:
        raise bad(path, start, f"its header cannot be read: {error}") from None
    if not NONE <= packing <= ZSTD_HIGH:
        raise bad(path, start, f"its header gives compression {packing}; 0 to 4 are known")
    if position != -1 and not start + size <= position <= len(raw):
        what = f"its header puts the table of packets at byte {position}, and the file has {len(raw)} bytes"
        raise bad(path, len(raw), what)
    return start + size, len(raw) if position == -1 else position, _unpacker(path, packing), streams


def _streams(text: str) -> dict[int, tuple[int, int, int] | None]:
    if "<!" in text:
        raise ValueError("its list of streams declares entities")
    found: dict[int, tuple[int, int, int] | None] = {}
    for node in xml.fromstring(text).iter("node"):
        values = {attr.get("key"): (attr.text or "") for attr in node.findall("attr")}
        number = node.get("name", "")
        if values.get("typeIdentifier") != "EVTS" or not number.isdecimal():
            continue
        info = next((sub for sub in node.findall("node") if sub.get("name") == "info"), None)
        size = {} if info is None else {attr.get("key"): (attr.text or "") for attr in info.findall("attr")}
        height, width = (int(size.get(key) or 0) for key in ("sizeY", "sizeX"))
        if not (0 <= height <= 1 << 15 and 0 <= width <= 1 << 15):
            raise ValueError(f"stream {number} is {width} wide and {height} high")
        found[int(number)] = (2, height, width) if height and width else None
    return found


def _packets(path: Path, raw: Array, at: int, end: int, stream: int) -> list[tuple[int, int]]:
    """First byte of the content and size of the packets of a stream; the lengths of all are checked."""
    found = []
    while at < end:
        if at + 8 > end:
            raise bad(path, end, f"the packets end inside the packet header of 8 bytes at byte {at}")
        number, size = struct.unpack("<ii", raw[at : at + 8].tobytes())
        if size < 0 or at + 8 + size > end:
            raise bad(path, at + 4, f"a packet of {size} bytes, where {end - at - 8} are left before byte {end}")
        if number < 0:
            raise bad(path, at, f"a packet of stream {number}")
        if number == stream:
            found.append((at + 8, size))
        at += 8 + size
    return found


def _events(path: Path, raw: Array, at: int, size: int, unpack: Callable[[bytes], bytes]) -> Array:
    try:
        data = unpack(raw[at : at + size].tobytes())
        table = Table(data, b"EVTS")
        first, count = table.vector(0, EVENT.itemsize)
    except DataError as error:
        raise bad(path, at, f"a packet of {size} bytes: {error}") from None
    return np.frombuffer(data, EVENT, count, first)


def _unpacker(path: Path, packing: int) -> Callable[[bytes], bytes]:
    """What makes a packet's content of its bytes; nothing larger than LARGEST is made."""
    if packing == NONE:
        return lambda data: data
    try:
        if packing in (LZ4, LZ4_HIGH):
            import lz4.frame as library
        else:
            import zstandard as library
    except ImportError:
        name = "lz4" if packing in (LZ4, LZ4_HIGH) else "zstandard"
        raise DataError(
            f"{path}: its packets are packed and {name} is not installed; pip install 'neurograph[events]'"
        ) from None

    def lz4_frame(data: bytes) -> bytes:
        unpacker, pieces, total, given = library.LZ4FrameDecompressor(), [], 0, data
        try:
            # in pieces: a few bytes can say that they unpack to any size
            while not unpacker.eof and total <= LARGEST:
                pieces.append(unpacker.decompress(given, max_length=max(1 << 16, 4 * len(data))))
                given, total = b"", total + len(pieces[-1])
                if not pieces[-1] and (unpacker.needs_input or not data):
                    break
        except (RuntimeError, ValueError, EOFError) as error:
            raise DataError(f"its LZ4 frame cannot be unpacked ({error})") from None
        return _whole(b"".join(pieces), unpacker.eof, unpacker.unused_data)

    def zstd_frame(data: bytes) -> bytes:
        out, unpacker = bytearray(), library.ZstdDecompressor(max_window_size=LARGEST).decompressobj(write_size=1 << 17)
        try:
            for k in range(0, len(data), 1 << 12):
                out += unpacker.decompress(data[k : k + (1 << 12)])
                if len(out) > LARGEST or unpacker.eof:
                    return _whole(bytes(out), unpacker.eof, unpacker.unused_data + data[k + (1 << 12) :])
        except library.ZstdError as error:
            raise DataError(f"its ZSTD frame cannot be unpacked ({error})") from None
        return _whole(bytes(out), unpacker.eof, b"")

    return lz4_frame if packing in (LZ4, LZ4_HIGH) else zstd_frame


def _whole(out: bytes, ended: bool, more: bytes | None) -> bytes:
    if len(out) > LARGEST:
        raise DataError(f"it unpacks to more than {LARGEST:,} bytes")
    if not ended:
        raise DataError(f"its compressed frame ends early, after {len(out)} unpacked bytes")
    if more:
        raise DataError(f"{len(more)} bytes follow its compressed frame")
    return out
