"""Real recordings: number of events, sensor and span as other readers give them."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest

from neurograph.data import read_events
from neurograph.errors import DataError

FILES = {
    "tonic_sample.aedat4": (111954, (240, 320), 0.590),
    "pyaedat_IMU_translBoxes.aedat": (162771, (180, 240), 2.073),
    "pyaedat_synthesized_RotatingBar.aedat": (45000, (180, 240), 89.9),
    "tonic_sample_nmnist.bin": (4325, (34, 34), 0.311),
    "tonic_sample_ncars.dat": (2009, (42, 78), 0.100),
    "expelliarmus_evt2_sample.raw": (539481, (480, 640), 0.050),
    # 0.054 s where a fall of the lower time by 11 us is taken for a round of 4096 us
    "expelliarmus_evt3_sample.raw": (219596, (720, 1280), 0.0088),
    "faery_dvs.es": (473225, (240, 320), 0.999),
}


@pytest.mark.parametrize("name", FILES)
def test_a_real_file(real: Path, name: str) -> None:
    count, size, span = FILES[name]
    events = read_events(real / "events" / name)
    assert (len(events), events.sensor) == (count, (2, *size))
    assert events.span == pytest.approx(span, abs=6e-4)
    assert (np.diff(events.t) >= 0).all()


def test_a_header_without_events(real: Path) -> None:
    events = read_events(real / "events/tonic_sample_header.aedat")
    assert len(events) == 0 and events.sensor == (2, 260, 346) and events.span == 0.0


@pytest.mark.parametrize("name", FILES)
def test_a_real_file_cut_or_changed_is_a_reading_or_an_error_with_a_byte(real: Path, tmp_path: Path, name: str) -> None:
    data = (real / "events" / name).read_bytes()
    rng, path = np.random.default_rng(1), tmp_path / name
    for k in range(16):
        damaged = bytearray(data[: int(rng.integers(len(data)))] if k % 2 else data)
        for _ in range(4 * (k % 4)):
            damaged[int(rng.integers(min(len(damaged), len(damaged) if k > 7 else 1500)))] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            events = read_events(path)
        except DataError as error:
            assert "byte" in str(error)
        else:
            assert (np.diff(events.t) >= 0).all()


@pytest.mark.slow
def test_all_files_of_a_part_of_nmnist(real: Path, tmp_path: Path) -> None:
    counts = []
    with tarfile.open(real / "nmnist_small/nmnist_small_bin.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
        for file in sorted(tmp_path.rglob("*.bin")):
            events = read_events(file)
            assert events.sensor == (2, 34, 34) and (np.diff(events.t) >= 0).all() and events.t[0] >= 0
            raw = np.fromfile(file, np.uint8).reshape(-1, 5)
            assert np.array_equal(events.x, raw[:, 0]) and np.array_equal(events.y, raw[:, 1])
            counts.append(len(events))
    assert (len(counts), min(counts), max(counts)) == (1100, 1069, 7152)
