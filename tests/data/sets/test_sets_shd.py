"""Spiking Heidelberg Digits: lists of spikes, damage, and files opened once."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from neurograph.data import EventData, Events, load
from neurograph.errors import DataError


def opened(name: str, split: str, folder: Path, limit: int | None = None) -> EventData:
    data = load(name, split, data_dir=folder, download=False, limit=limit)
    assert isinstance(data, EventData)
    return data


def same(events: Events, wanted: list[tuple[int, int, int, int]]) -> None:
    got = np.column_stack([events.t, events.x, events.y, events.p]).tolist()
    assert got == [list(one) for one in wanted]


def shd_file(path: Path, times: list, units: list, labels: list) -> None:
    with h5py.File(path, "w") as file:
        for name, rows, kind in (("times", times, np.float16), ("units", units, np.int64)):
            held = file.create_dataset(f"spikes/{name}", (len(rows),), h5py.vlen_dtype(kind))
            for place, row in enumerate(rows):
                held[place] = np.array(row, kind)
        file.create_dataset("labels", data=np.array(labels, np.uint16))


def test_shd(tmp_path: Path) -> None:
    shd_file(tmp_path / "shd_train.h5", [[0.5, 0.25, 0.75], []], [[699, 0, 3], []], [19, 0])
    train = opened("shd", "train", tmp_path)
    assert train.classes[19] == "neun" and train.labels.tolist() == [19, 0] and train.sensor == (1, 1, 700)
    same(train.events(0), [(250_000, 0, 0, 0), (500_000, 699, 0, 0), (750_000, 3, 0, 0)])
    assert len(train.events(1)) == 0 and train.version("shd_train.h5#1")
    (tmp_path / "shd_test.h5.gz").write_bytes(gzip.compress((tmp_path / "shd_train.h5").read_bytes()))
    with pytest.raises(DataError, match="no file of the split 'test'.*zenkelab"):
        opened("shd", "test", tmp_path)
    assert load("shd", "test", data_dir=tmp_path).labels.tolist() == [19, 0]  # unpacked where it lies


@pytest.mark.parametrize(
    ("times", "units", "labels", "message"),
    [
        ([[0.5]], [[700]], [1], r"shd_test\.h5: sample 0 has channels 700\.\.700"),
        ([[0.5, 0.5]], [[7]], [1], r"recording 0 has 2 times and 1 units"),
        ([[np.inf]], [[7]], [1], r"recording 0 has times that are no seconds"),
        ([[-0.5]], [[7]], [1], r"times not below 0"),
        ([[0.5]], [[7]], [20], r"sample 0 has the label 20"),
        ([[0.5]], [[7]], [1, 2], r"numbers of recordings differ"),
    ],
)
def test_shd_faults(tmp_path: Path, times: list, units: list, labels: list, message: str) -> None:
    shd_file(tmp_path / "shd_test.h5", times, units, labels)
    with pytest.raises(DataError, match=message):
        opened("shd", "test", tmp_path).events(0)


def test_shd_damage(tmp_path: Path) -> None:
    path = tmp_path / "shd_test.h5"
    shd_file(path, [[0.5]], [[7]], [1])
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"shd_test\.h5: byte 0 and after: .*it cannot be read"):
        opened("shd", "test", tmp_path)
    shd_file(path, [[0.5]], [[7]], [1])
    with h5py.File(path, "a") as file:
        del file["labels"]
    with pytest.raises(DataError, match=r"shd_test\.h5: sample 0 has no label"):
        opened("shd", "test", tmp_path)


def test_shd_lists_in_circles(tmp_path: Path) -> None:
    """The library of HDF5 can turn forever in a heap of lists that says 0 for the length of one; here it is refused."""
    path = tmp_path / "shd_test.h5"
    shd_file(path, [[0.5], [0.25]], [[7], [8]], [1, 2])
    content, at = bytearray(path.read_bytes()), 0
    while (at := content.find(b"GCOL", at)) >= 0:
        content[at + 8 : at + 16] = bytes(8)  # the size of the heap
        at += 4
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"shd_test\.h5: byte \d+: the list of"):
        opened("shd", "test", tmp_path).events(1)


def test_shd_opens_its_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shd_file(tmp_path / "shd_train.h5", [[0.5], [0.25]], [[7], [8]], [1, 2])
    data = opened("shd", "train", tmp_path)
    monkeypatch.setattr("h5py.File", lambda *_, **__: pytest.fail("opened again"))
    same(data.events(1), [(250_000, 8, 0, 0)])
    monkeypatch.undo()
    shd_file(tmp_path / "shd_train.h5", [[0.5], [0.75]], [[7], [9]], [1, 2])
    os.utime(tmp_path / "shd_train.h5", ns=(1, 1))
    same(data.events(1), [(750_000, 9, 0, 0)])
