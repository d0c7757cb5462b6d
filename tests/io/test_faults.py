"""Files with faults: each loads or ends in FormatError, soon and in little memory. benchmarks/fuzz.py reads many more."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import neurograph as ng
from neurograph.io.formats import FORMATS

READ = [f.name for f in FORMATS.values() if f.reads]


@pytest.mark.parametrize("format", READ)
def test_files_with_faults_are_refused(format: str, reading: Any) -> None:
    report = reading.read_many(format, 250, seed=7)
    assert report.files == 250 and not report.wrong, str(report)
    assert report.slowest[0] < 10.0 and report.peak < 3 * reading.LIMIT, str(report)


def small() -> ng.Graph:
    graph = ng.Graph("small")
    x = graph.input("x", 20)
    graph.connect(x, graph.population("n", ng.LIF()), ng.Dense(20, weight=np.arange(400.0).reshape(20, 20)))
    return graph


@pytest.mark.parametrize("format", ["json", "hdf5", "graphml"])
def test_a_limit_holds(format: str, tmp_path: Path) -> None:
    path = ng.save(small(), tmp_path / f"a{FORMATS[format].endings[0]}")
    assert ng.load(path, limit=1 << 20) == small()
    with pytest.raises(ng.FormatError, match="limit"):
        ng.load(path, limit=2000)


def test_a_key_may_not_be_there_twice(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    many = ",".join(f'"k{k}": 1' for k in range(200_000))
    path.write_text(f'{{"format": "neurograph", {many}, "k199999": 2}}')
    with pytest.raises(ng.FormatError, match="'k199999' twice"):
        ng.load(path)


def test_what_nothing_reads_is_no_part(tmp_path: Path) -> None:
    path = ng.save(small(), tmp_path / "a.json")
    text = path.read_text().replace('"weight": 1.0', '"weight": 2.0')
    assert text != path.read_text()
    path.write_text("\n".join(line for line in text.splitlines() if '"hash"' not in line))
    with pytest.raises(ng.FormatError, match="a weight, which only a connectivity rule takes"):
        ng.load(path)


def resealed(path: Path, mutate: Any, change: Any) -> Path:
    with h5py.File(path, "r+") as file:
        change(file)
    mutate.reseal(path)
    return path


def packed(file: h5py.File, raw: bytes, mask: int = 0) -> None:
    dtype, shape = file["arrays/0"].dtype, file["arrays/0"].shape
    del file["arrays/0"]
    made = file.create_dataset("arrays/0", shape, dtype, chunks=shape, compression="gzip", shuffle=True)
    made.id.write_direct_chunk((0, 0), raw, mask)


def external(file: h5py.File) -> None:
    del file["arrays/0"]
    file["arrays/0"] = h5py.ExternalLink("/dev/zero", "/")


def declared(file: h5py.File) -> None:
    del file["arrays/0"]
    file.create_dataset("arrays/0", (20, 20), "f8")


def filtered(file: h5py.File) -> None:
    values = file["arrays/0"][()]
    del file["arrays/0"]
    file.create_dataset("arrays/0", data=values, compression="lzf")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: packed(f, b"not gzip"), "cannot be unpacked"),
        (external, "is a link"),
        (declared, "declares 3,200 bytes and holds 0"),
        (filtered, "packed by filters"),
        (lambda f: f.move("arrays/0", "arrays/7"), "'0' is missing"),
        (lambda f: f.move("graph", "graph2"), "'graph' is missing"),
    ],
)
def test_hdf5_that_is_not_as_written(change: Any, message: str, tmp_path: Path, mutate: Any) -> None:
    path = resealed(ng.save(small(), tmp_path / "a.h5"), mutate, change)
    with pytest.raises(ng.FormatError, match=message):
        ng.load(path)


def test_a_chunk_is_unpacked_to_its_size_and_no_further(tmp_path: Path, mutate: Any) -> None:
    path = resealed(ng.save(small(), tmp_path / "a.h5"), mutate, lambda f: packed(f, mutate.faults().bomb()))
    with pytest.raises(ng.FormatError, match="unpacks to more than 3,200 bytes"):
        ng.load(path)


def test_every_changed_byte_is_found(tmp_path: Path) -> None:
    path = ng.save(small(), tmp_path / "a.h5")
    whole = path.read_bytes()
    for at in [*range(0, 520, 3), *range(520, len(whole), 97)]:
        if at < 512 and not whole[at]:
            continue
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(ng.FormatError):
            ng.load(path)


def test_the_script_is_there() -> None:
    script = Path(__file__).resolve().parents[2] / "benchmarks" / "fuzz.py"
    spec = importlib.util.spec_from_file_location("fuzz", script)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert made.main.__doc__
