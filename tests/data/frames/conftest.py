"""Recordings in files of their own, read by a module that other processes can import too."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from neurograph.data import EventData, Events

MODULE = """
from functools import partial
from pathlib import Path

import numpy as np

from neurograph.data import EventData, Events


def read(folder, key):
    values = np.fromfile(folder / key, np.int64)
    if values.size % 4:
        raise ValueError("cut off")
    t, x, y, p = values.reshape(-1, 4).T
    return Events(t.copy(), x.astype(np.uint16), y.astype(np.uint16), p.astype(np.uint8), (2, 9, 11))


def version(folder, key):
    stat = (folder / key).stat()
    return f"{stat.st_size} {stat.st_mtime_ns}"


def data(folder):
    folder = Path(folder)
    keys = tuple(sorted(p.name for p in folder.glob("*.rec")))
    labels = np.arange(len(keys)) % 3
    parts = partial(read, folder), partial(version, folder)
    return EventData("made", "train", keys, labels, ("a", "b", "c"), (2, 9, 11), *parts, "made up")
"""


def write(path: Path, rng: np.random.Generator, count: int) -> None:
    columns = [np.sort(rng.integers(0, 10_000, count)), *(rng.integers(0, n, count) for n in (11, 9, 2))]
    np.stack(columns, 1).astype(np.int64).tofile(path)


@pytest.fixture
def recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], EventData]]:
    """recordings(n): n recordings of up to 400 events in the folder `raw`, read by the module `recordings_of_a_test`."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "recordings_of_a_test.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path / "code"))

    def made(count: int) -> EventData:
        rng = np.random.default_rng(1)
        (tmp_path / "raw").mkdir()
        for k in range(count):
            write(tmp_path / "raw" / f"{k:04}.rec", rng, int(rng.integers(0, 400)))
        module = importlib.import_module("recordings_of_a_test")
        found = module.data(tmp_path / "raw")
        assert isinstance(found, EventData)
        return found

    yield made
    sys.modules.pop("recordings_of_a_test", None)


@pytest.fixture(scope="session")
def events_at() -> Callable[..., Events]:
    """Events at these times; x, y and p by turns unless given."""

    def made(times: object, sensor: tuple[int, int, int] = (2, 4, 6), **given: object) -> Events:
        t = np.asarray(times, np.int64)
        k = np.arange(len(t))
        x = np.asarray(given.get("x", k % sensor[2]), np.uint16)
        y = np.asarray(given.get("y", k % sensor[1]), np.uint16)
        p = np.asarray(given.get("p", k % sensor[0]), np.uint8)
        return Events(t, x, y, p, sensor)

    return made
