"""Made-up event recordings and the bytes of the file formats that event sets are published in.

For examples of a set's layout. The formats are those of `neurograph.data.events.formats`, which says more of them.
"""

from __future__ import annotations

import struct

import numpy as np

from neurograph.data.events.events import Events

__all__ = ["aedat2_dvs128", "aedat3", "aedat4", "atis_bin", "moving_blob"]


def moving_blob(
    label: int,
    classes: int,
    sensor: tuple[int, int, int],
    rng: np.random.Generator,
    *,
    count: int = 3000,
    duration: int = 300_000,
    start: int = 0,
) -> Events:
    """Events of a blob that moves; its class is the angle at which it starts and the direction it turns to.

    `count` events over `duration` microseconds from `start` on, brighter in front of the blob and darker behind it,
    a tenth of them noise. A sensor of height 1 gets a rising or falling tone.
    """
    channels, height, width = sensor
    angle = 2 * np.pi * label / classes
    time = np.sort(rng.integers(0, duration, count))
    way = time / duration - 0.5
    move = np.array([np.cos(3 * angle), np.sin(3 * angle)]) * 0.4
    side = rng.normal(0, 0.06, (2, count))
    x = 0.5 + 0.25 * np.cos(angle) + move[0] * way + side[0]
    y = 0.5 + 0.25 * np.sin(angle) + move[1] * way + side[1]
    noise = rng.random(count) < 0.1
    x, y = np.where(noise, rng.random(count), x), np.where(noise, rng.random(count), y)
    front = (side * move[:, None]).sum(0) > 0
    return Events(
        t=(start + time).astype(np.int64),
        x=np.clip(x * width, 0, width - 1).astype(np.uint16),
        y=np.clip(y * height, 0, height - 1).astype(np.uint16),
        p=front.astype(np.uint8) if channels == 2 else np.zeros(count, np.uint8),
        sensor=sensor,
    )


def atis_bin(events: Events) -> bytes:
    """40 bits an event, big endian: x, y, polarity, 23 bits of microseconds (Orchard et al. 2015)."""
    out = np.empty((len(events), 5), np.uint8)
    out[:, 0], out[:, 1] = events.x, events.y
    out[:, 2] = (events.p << 7) | ((events.t >> 16) & 0x7F).astype(np.uint8)
    out[:, 3], out[:, 4] = (events.t >> 8) & 0xFF, events.t & 0xFF
    return out.tobytes()


def aedat2_dvs128(events: Events) -> bytes:
    """AEDAT 2.0 of a DVS128, big endian: address (bit 0 polarity, 1-7 x, 8-14 y), microseconds."""
    head = b"#!AER-DAT2.0\r\n# This is a raw AE data file created by saveaerdat.m\r\n"
    address = events.p.astype(np.uint32) | (events.x.astype(np.uint32) << 1) | (events.y.astype(np.uint32) << 8)
    return head + np.column_stack([address, events.t.astype(np.uint32)]).astype(">u4").tobytes()


def aedat3(events: Events, packet: int = 4096) -> bytes:
    """AEDAT 3.1, little endian: packets of a 28-byte header and polarity events (bit 0 valid, 1 polarity, 2-16 y, 17-31 x)."""
    out = [b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#Start-Time: 2016-01-01 00:00:00\r\n#!END-HEADER\r\n"]
    address = 1 | (events.p.astype(np.uint32) << 1) | (events.y.astype(np.uint32) << 2)
    address |= events.x.astype(np.uint32) << 17
    words = np.column_stack([address, (events.t & 0x7FFFFFFF).astype(np.uint32)]).astype("<u4")
    overflow = events.t >> 31
    first = 0
    while first < len(words):  # a packet has one overflow count
        same = int(np.searchsorted(overflow, overflow[first], "right"))
        last = min(first + packet, same)
        n = last - first
        out.append(struct.pack("<hhiiiiii", 1, 1, 8, 4, int(overflow[first]), n, n, n) + words[first:last].tobytes())
        first = last
    return b"".join(out)


def aedat4(events: Events, packet: int = 4096) -> bytes:
    """AEDAT 4.0 without compression: FlatBuffers, a header that describes stream 0, then packets of events."""
    _, height, width = events.sensor
    info = (
        '<dv version="2.0"><node name="outInfo" path="/mainloop/output_file/outInfo/">'
        '<node name="0" path="/mainloop/output_file/outInfo/0/">'
        '<attr key="compression" type="string">NONE</attr>'
        '<attr key="originalModuleName" type="string">capture</attr>'
        '<attr key="originalOutputName" type="string">events</attr>'
        '<attr key="typeDescription" type="string">Array of events (polarity ON/OFF).</attr>'
        '<attr key="typeIdentifier" type="string">EVTS</attr>'
        '<node name="info" path="/mainloop/output_file/outInfo/0/info/">'
        f'<attr key="sizeX" type="int">{width}</attr><attr key="sizeY" type="int">{height}</attr>'
        '<attr key="source" type="string">DAVIS346</attr><attr key="tsOffset" type="long">0</attr>'
        "</node></node></node></dv>"
    ).encode()
    # the vtable (10 bytes and 2 of padding) names one field of the table, the third: the text
    table = struct.pack("<5H2xiI", 10, 8, 0, 0, 4, 12, 4) + struct.pack("<I", len(info)) + info + b"\0"
    out = [b"#!AER-DAT4.0\r\n", _sized(struct.pack("<I", 20) + b"IOHE" + table)]
    layout = [("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "u1"), ("pad", "V3")]
    for first in range(0, len(events), packet):
        part = events.part(slice(first, first + packet))
        words = np.zeros(len(part), layout)
        for name in "txyp":
            words[name] = getattr(part, name)
        # vtable (6 bytes and 2 of padding), table with one field, vector of events
        table = struct.pack("<3H2xiI", 6, 8, 4, 8, 4) + struct.pack("<I", len(part)) + words.tobytes()
        body = _sized(struct.pack("<I", 16) + b"EVTS" + table)
        out.append(struct.pack("<ii", 0, len(body)) + body)
    return b"".join(out)


def _sized(buffer: bytes) -> bytes:
    return struct.pack("<I", len(buffer)) + buffer
