"""Whatever happens to a file of a set, it is read or refused by a DataError that says where."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurograph.data import EventData, dataset, load, names
from neurograph.errors import DataError


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Cut short, with some bytes changed, or with a piece replaced by one of another length."""
    kind, bytes_ = rng.integers(3), bytearray(content)
    place = int(rng.integers(len(content)))
    if kind == 0:
        return bytes(bytes_[:place])
    if kind == 1:
        for where in rng.integers(len(content), size=4):
            bytes_[where] = rng.integers(256)
    else:
        bytes_[place : place + 20] = rng.bytes(int(rng.integers(1, 40)))
    return bytes(bytes_)


@pytest.mark.parametrize("name", [n for n in names() if dataset(n).folders])
def test_damage_is_refused_or_read(tmp_path: Path, name: str) -> None:
    kind, rng = dataset(name), np.random.default_rng(len(name))
    kind.write_example(tmp_path, 4, rng)
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    refused = 0
    for turn in range(12):
        path = files[turn * 7 % len(files)]
        whole = path.read_bytes()
        path.write_bytes(damaged(whole, rng))
        try:
            for split in kind.splits[:2]:
                data = load(name, split, data_dir=tmp_path, download=False)
                if isinstance(data, EventData):
                    for place, key in enumerate(data.keys):
                        if path.name in key or path.suffix in (".csv", ".txt"):
                            data.events(place)
                else:
                    data.take(np.arange(len(data)))
        except DataError as error:
            refused += 1
            assert str(tmp_path) in str(error)
        path.write_bytes(whole)
    assert refused
