"""Prophesee .dat files: decoded events of 8 bytes behind a text header."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from neurograph.data.events.checked import bad, file_bytes, finished, unwrap
from neurograph.data.events.event_format import EventFormat
from neurograph.data.events.events import Events
from neurograph.data.events.prophesee_header import header_of

__all__ = ["Dat"]

SIZE = 8
#: Kinds of events with x, y and p: Event2d and EventCd.
KINDS = (0x00, 0x0C)


class Dat(EventFormat):
    """Lines of ``% keyword value``, then kind and size of an event (a byte each), then t and address, 32 bits each.

    Little endian. Version 2: x bits 0-13, y bits 14-27, p from bit 28; version 1 (or none given): x bits 0-8, y bits
    9-16, p bit 17. t is in microseconds and goes round at 2^32. The sensor is that of the lines Width and Height, else the
    extent of the events. Row 0 is the top. Raises DataError for other kinds (triggers) and a file that ends inside an
    event.
    """

    name: ClassVar[str] = "dat"
    endings: ClassVar[tuple[str, ...]] = (".dat",)

    def recognises(self, path: Path, head: bytes) -> bool:
        return (
            head.startswith((b"% ", b"%\n"))
            and not _is_raw(head)
            and (path.name.lower().endswith(self.endings) or b"% Data file containing" in head or b"% Version " in head)
        )

    def accepts(self, path: Path, head: bytes) -> bool:
        return head.startswith(b"%")

    def read(self, path: Path, *, sensor: tuple[int, int, int] | None = None) -> Events:
        raw = file_bytes(path)
        header = header_of(path, raw)
        start = header.start
        if not start:
            raise bad(path, 0, f"it begins with {raw[:8].tobytes().hex(' ')}; a .dat file begins with lines of '% '")
        version = header.values.get("version", "1")
        if version not in ("1", "2"):
            raise bad(path, 0, f"the header gives version {version!r}; versions 1 and 2 are known")
        if len(raw) < start + 2:
            raise bad(path, len(raw), "the file ends before kind and size of its events")
        kind, size = int(raw[start]), int(raw[start + 1])
        if kind not in KINDS:
            raise bad(
                path, start, f"events of kind {kind}; read are 0 (Event2d) and 12 (EventCd)", "give a file of CD events"
            )
        if size != SIZE:
            raise bad(path, start + 1, f"events of {size} bytes; these kinds take {SIZE}")
        start += 2
        count, rest = divmod(len(raw) - start, SIZE)
        if rest:
            raise bad(path, len(raw), f"the file ends inside event {count}; events take {SIZE} bytes")
        words = np.frombuffer(raw, "<u4", 2 * count, start).reshape(-1, 2)
        t, address = unwrap(words[:, 0].astype(np.int64), 32), words[:, 1]
        at, mask = ((14, 28), 0x3FFF) if version == "2" else ((9, 17), 0x1FF)
        x = (address & mask).astype(np.uint16)
        y = (address >> at[0] & (0x3FFF if version == "2" else 0xFF)).astype(np.uint16)
        p = (address >> at[1] & (0xF if version == "2" else 1)).astype(np.uint8)
        wrong = np.flatnonzero(p > 1)
        if len(wrong):
            k = int(wrong[0])
            raise bad(path, start + SIZE * k + 7, f"event {k} has polarity {p[k]}; it is 0 or 1")
        if sensor is None and header.size:
            sensor = (2, *header.size)
        return finished(path, t, x, y, p, sensor, lambda k: start + SIZE * k + 4)


def _is_raw(head: bytes) -> bool:
    return b"\n% evt " in head or b"\n% format EVT" in head or head.startswith((b"% evt ", b"% format EVT"))
