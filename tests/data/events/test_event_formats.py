"""Every format on a file written by hand to its published layout; bad files of each end in a DataError with a byte."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurograph.data import Events, read_events
from neurograph.errors import DataError

BYTE = re.compile(r"byte \d+")


def rows_of(events: Events) -> list[tuple[int, int, int, int]]:
    return [tuple(int(n) for n in row) for row in zip(events.t, events.x, events.y, events.p, strict=True)]  # type: ignore[misc]


def check(events: Events) -> None:
    """What holds for every reading: whole arrays, inside the sensor, in order."""
    assert isinstance(events, Events)
    assert (np.diff(events.t) >= 0).all()
    if len(events):
        assert events.x.max() < events.sensor[2] and events.y.max() < events.sensor[1] and events.p.max() <= 1


def bounded(path: Path) -> bool:
    """Read a file that may be bad: a reading that holds, or a DataError that names a byte."""
    try:
        check(read_events(path))
    except DataError as error:
        assert BYTE.search(str(error)) and str(path) in str(error), error
        return False
    return True


def test_a_file_of_each_format_is_read_to_the_last_event(written: tuple[Path, str, Any]) -> None:
    path, form, made = written
    for events in (read_events(path), read_events(path, form)):
        check(events)
        assert rows_of(events) == made.rows
        assert events.sensor == made.sensor


def test_cut_anywhere_it_is_an_error_with_a_byte_or_its_first_events(written: tuple[Path, str, Any]) -> None:
    path, form, made = written
    step = max(1, len(made.data) // 300)
    for size in sorted({*range(0, len(made.data), step), *made.parts}):
        path.write_bytes(made.data[:size])
        try:
            events = read_events(path, form)
        except DataError as error:
            found = BYTE.search(str(error))
            assert found, error
            assert int(found[0][5:]) <= size, error
        else:
            check(events)
            first = made.rows[: len(events)] if form != "csv" else rows_of(events)
            assert [row[0] for row in rows_of(events)] == [row[0] for row in first]
            if form == "aedat2":  # without its header a DAVIS is another chip
                continue
            assert [row[3] for row in rows_of(events)] == [row[3] for row in first]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_flipped_bits_are_an_error_with_a_byte_or_a_reading_that_holds(
    written: tuple[Path, str, Any], data: st.DataObject
) -> None:
    path, _, made = written
    bits = data.draw(st.lists(st.integers(0, 8 * len(made.data) - 1), min_size=1, max_size=4, unique=True))
    damaged = bytearray(made.data)
    for bit in bits:
        damaged[bit // 8] ^= 1 << bit % 8
    path.write_bytes(damaged)
    bounded(path)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_bytes_put_in_or_left_out_never_end_otherwise(written: tuple[Path, str, Any], data: st.DataObject) -> None:
    path, _, made = written
    at = data.draw(st.integers(0, len(made.data)))
    gone = data.draw(st.integers(0, 12))
    path.write_bytes(made.data[:at] + data.draw(st.binary(max_size=12)) + made.data[at + gone :])
    bounded(path)


@pytest.mark.parametrize(
    "name", ["a.aedat", "a.aedat4", "a.bin", "a.dat", "a.raw", "a.es", "a.npz", "a.npy", "a.h5", "a.csv"]
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_anything_under_a_known_ending_never_ends_otherwise(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    bounded(path)


def test_an_event_outside_the_sensor_is_named(write_file: Callable[..., Any]) -> None:
    for which in ("evt2", "dat2", "evt3", "aedat3"):
        path, _ = write_file(which)
        with pytest.raises(DataError, match=r"byte \d+.*the sensor is 20 wide"):
            read_events(path, sensor=(2, 1000, 20))
        assert read_events(path, sensor=(2, 2000, 2000)).sensor == (2, 2000, 2000)


def test_the_byte_named_is_that_of_the_first_event_outside(write_file: Callable[..., Any]) -> None:
    for which in ("dat1", "evt2", "es", "aedat2-dvs128", "atis-overflow"):
        path, made = write_file(which)
        first = next(k for k, row in enumerate(made.rows) if row[1] >= 20)
        with pytest.raises(DataError) as caught:
            read_events(path, sensor=(2, 240, 20))
        found = BYTE.search(str(caught.value))
        assert found and 0 <= int(found[0][5:]) - made.parts[first] < 8, (which, str(caught.value))


def test_channels_and_options(write_file: Callable[..., Any]) -> None:
    path, made = write_file("atis")
    assert not read_events(path, sensor=(1, 34, 34)).p.any()
    with pytest.raises(DataError, match="does not take chip"):
        read_events(path, chip="davis")
    for wrong in ((2, 34), (3, 34, 34), "34", (2, 0, 4)):
        with pytest.raises(DataError, match=r"give \(channels, height, width\)"):
            read_events(path, sensor=wrong)


def test_an_unknown_file_says_what_is_known(tmp_path: Path) -> None:
    path = tmp_path / "a.xyz"
    path.write_bytes(b"\1\2\3")
    with pytest.raises(DataError, match=r"begins with 01 02 03.*aedat4 \(\.aedat4\).*evt3"):
        read_events(path)
    with pytest.raises(DataError, match="known: aedat2"):
        read_events(path, "aedat5")
    with pytest.raises(DataError, match="no such file"):
        read_events(tmp_path / "none.es")
    with pytest.raises(DataError, match="no file"):
        read_events(tmp_path)
    for name in ("a.bin", "a.csv", "a.aedat"):
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(DataError, match="byte 0: the file is empty"):
            read_events(tmp_path / name)


def test_a_large_file_is_mapped_and_gives_the_same(
    written: tuple[Path, str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from neurograph.data.events import checked

    path, _, made = written
    monkeypatch.setattr(checked, "SMALL", 0)
    assert isinstance(checked.file_bytes(path), np.memmap)
    assert rows_of(read_events(path)) == made.rows


def test_content_comes_before_the_ending(write_file: Callable[..., Any]) -> None:
    for which in ("es", "evt3", "aedat3", "aedat4-lz4", "dat2"):
        path, made = write_file(which)
        other = path.with_name("other.bin")
        path.rename(other)
        assert len(read_events(other)) == len(made.rows)


def test_streams_of_other_kinds_are_refused(write_file: Callable[..., Any]) -> None:
    path, made = write_file("es")
    for kind, word in ((0, "generic"), (2, "ATIS"), (4, "colour")):
        path.write_bytes(made.data[:15] + bytes([kind]) + made.data[16:])
        with pytest.raises(DataError, match=f"byte 15.*{word}"):
            read_events(path)
    path, made = write_file("dat2")
    at = made.parts[0]
    path.write_bytes(made.data[: at - 2] + bytes((14, 8)) + made.data[at:])
    with pytest.raises(DataError, match=f"byte {at - 2}: events of kind 14"):
        read_events(path)
    path, made = write_file("aedat3")
    path.write_bytes(made.data.replace(b"DAT3.1", b"DAT3.0"))
    with pytest.raises(DataError, match=r"AEDAT 3\.0"):
        read_events(path)


def test_a_jitter_of_the_lower_time_is_no_round(write_file: Callable[..., Any]) -> None:
    path, made = write_file("evt3")
    words = np.array([0x8001, 0x6010, 0x0003, 0x2004, 0x8001, 0x6020, 0x2005, 0x6018, 0x2006], "<u2")
    path.write_bytes(b"% evt 3.0\n% end\n" + words.tobytes())
    assert rows_of(read_events(path)) == [(4112, 4, 3, 0), (4120, 6, 3, 0), (4128, 5, 3, 0)]


def test_times_that_fall_are_sorted_and_all_events_kept(tmp_path: Path) -> None:
    rows = np.array([(5, 1, 1, 1), (3, 2, 2, 0), (5, 3, 3, 0), (3, 4, 4, 1)])
    path = tmp_path / "a.csv"
    np.savetxt(path, rows, "%d", delimiter=" ")
    assert rows_of(read_events(path)) == [(3, 2, 2, 0), (3, 4, 4, 1), (5, 1, 1, 1), (5, 3, 3, 0)]


def test_the_chip_of_an_aedat2_file(write_file: Callable[..., Any]) -> None:
    path, made = write_file("aedat2-davis")
    path.write_bytes(made.data.replace(b"Davis346blue", b"Cochlea64ear"))
    with pytest.raises(DataError, match="Cochlea64ear"):
        read_events(path)
    assert rows_of(read_events(path, chip="davis346")) == made.rows


def test_a_small_packet_cannot_ask_for_much_memory(tmp_path: Path, write_file: Callable[..., Any]) -> None:
    import lz4.frame
    import zstandard

    path, made = write_file("aedat4-zstd")
    for which, pack in (("aedat4-zstd", zstandard.ZstdCompressor().compress), ("aedat4-lz4", lz4.frame.compress)):
        path, made = write_file(which)
        start = made.parts[0]
        body = pack(bytes((1 << 28) + 1000))
        path.write_bytes(made.data[:start] + np.array([2, len(body)], "<i4").tobytes() + body)
        with pytest.raises(DataError, match=r"byte \d+"):
            read_events(path)
