"""Files that are not what they should be, targets that cannot be written, and what is left when writing is cut short."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph.io.formats import FORMATS

WHOLE = [f.name for f in FORMATS.values() if f.whole]
ENDINGS = {f.name: f.endings[0] for f in FORMATS.values()}


def small(value: float = 1.0) -> ng.Graph:
    graph = ng.Graph("small")
    x = graph.input("x", 3)
    n = graph.population("n", ng.LIF(tau=2.0))
    graph.connect(x, n, ng.Dense(3, weight=np.full((3, 3), value)))
    graph.connect(n, graph.output("y"))
    return graph


def changed(path: Path, **values: Any) -> Path:
    tree = json.loads(path.read_text())
    path.write_text(json.dumps({**tree, **values}))
    return path


@pytest.mark.parametrize("version", [2, 0, -1, "1", 1.0, True, None])
def test_other_versions(version: Any, tmp_path: Path) -> None:
    path = changed(ng.save(small(), tmp_path / "a.json"), format_version=version)
    with pytest.raises(
        ng.FormatError, match=r"format_version is .*reads 1 to 1; written by 'neurograph .*Read it with that"
    ):
        ng.load(path)


def test_what_json_may_say(tmp_path: Path) -> None:
    path = ng.save(small(), tmp_path / "a.json")
    tree = json.loads(path.read_text())
    assert (
        tree["format_version"] == 1
        and tree["producer"] == f"neurograph {ng.__version__}"
        and tree["hash"] == small().hash
    )
    assert path.read_text() == path.read_text().strip() + "\n"
    ng.save(ng.load(path), tmp_path / "b.json")
    assert (tmp_path / "b.json").read_bytes() == path.read_bytes()
    with pytest.raises(ng.FormatError, match="'extra', which nothing reads"):
        ng.load(changed(path, extra=1))
    tree["graph"]["nodes"][1]["neuron"]["with"]["tau"] = 3.0
    path.write_text(json.dumps(tree))
    with pytest.raises(ng.FormatError, match='changed after it was written.*take out "hash"'):
        ng.load(path)
    del tree["hash"]
    path.write_text(json.dumps(tree))
    assert ng.load(path).nodes["n"].neuron.params["tau"] == 3.0
    tree["graph"]["nodes"][1]["neuron"]["with"]["tau"] = -3.0
    path.write_text(json.dumps(tree))
    with pytest.raises(ng.FormatError, match=r"a.json: node 1 \('n'\) .*tau must be above 0"):
        ng.load(path)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b"null", b"\x89HDF\r\n\x1a\n", b"PK\x03\x04", b"<?xml version='1.0'?>", b"\x00" * 600, b"tau: 2",
                b"NeuroGraph model\n", b"NeuroGraph model\n{}\n", b"\xef\xbb\xbf{}", b"\xff\xfe{\x00}\x00"]
)  # fmt: skip
def test_files_of_another_kind(content: bytes, tmp_path: Path) -> None:
    for name in ("a.json", "a.h5", "a.graphml", "a.nir", "a"):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ng.FormatError) as caught:
            ng.load(path)
        assert str(path) in str(caught.value)
        for format in [f.name for f in FORMATS.values() if f.reads]:
            with pytest.raises(ng.FormatError):
                ng.load(path, format=format)
        with pytest.raises(ng.FormatError):
            ng.load_model(path)


def test_places_that_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder.h5").mkdir()
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    for path in (
        tmp_path / "none.h5",
        tmp_path,
        tmp_path / "folder.h5",
        tmp_path / "pipe",
        tmp_path / "dangling",
        "/dev/zero",
        "a\0b",
        "",
    ):
        for format in (None, *[f.name for f in FORMATS.values() if f.reads]):
            with pytest.raises(ng.FormatError):
                ng.load(path, format=format)
        with pytest.raises(ng.FormatError):
            ng.load_model(path)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = ng.save(small(), tmp_path / "a.json")
    path.chmod(0)
    with pytest.raises(ng.FormatError, match="cannot be read"):
        ng.load(path)


@pytest.mark.parametrize("format", WHOLE)
def test_targets_that_cannot_be_written(format: str, tmp_path: Path) -> None:
    ending = ENDINGS[format]
    (tmp_path / f"folder{ending}").mkdir()
    (tmp_path / "file").write_text("x")
    for path in (
        tmp_path / f"folder{ending}",
        tmp_path / "file" / f"a{ending}",
        tmp_path / ("a" * 300 + ending),
        Path(f"/proc/a{ending}"),
    ):
        with pytest.raises(ng.FormatError) as caught:
            ng.save(small(), path)
        assert str(path) in str(caught.value)
    with pytest.raises(ng.FormatError):
        ng.save(small(), "", format=format)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", f"folder{ending}"]
    made = ng.save(small(), tmp_path / "new" / "deep" / f"a{ending}")
    assert ng.load(made) == small()


def test_formats_and_options_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        ng.FormatError, match=r"no format has the ending '.xyz'; give format=, or one of .*\.json \(json\)"
    ):
        ng.save(small(), tmp_path / "a.xyz")
    with pytest.raises(ng.FormatError, match="unknown format 'xyz'; known: .*hdf5"):
        ng.save(small(), tmp_path / "a", format="xyz")
    with pytest.raises(ng.FormatError, match="json has no option 'dt'; it takes none"):
        ng.save(small(), tmp_path / "a.json", dt=1.0)
    path = ng.save(small(), tmp_path / "a.data", format="json")
    assert ng.load(path) == small(), "what a file says of itself counts more than its ending"
    with pytest.raises(ng.FormatError):
        ng.load(path, format="hdf5")
    with pytest.raises(ng.FormatError, match="has no option 'scheme'"):
        ng.load(path, scheme="euler")


@pytest.mark.parametrize("format", WHOLE)
def test_a_killed_writer_leaves_the_file_from_before(format: str, tmp_path: Path) -> None:
    path = ng.save(small(7.0), tmp_path / f"a{ENDINGS[format]}")
    code = (
        "import sys, numpy as np, neurograph as ng\n"
        "g = ng.Graph('big'); x = g.input('x', 400)\n"
        "g.connect(x, g.population('n', ng.LIF()), ng.Dense(900, weight=np.random.default_rng(0).random((900, 400))))\n"
        "print('ready', flush=True)\n"
        "while True: ng.save(g, sys.argv[1])"
    )
    for wait in (0.0, 0.02, 0.1):
        with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None and child.stdout.readline()
            time.sleep(wait)
            child.send_signal(signal.SIGKILL)
        assert ng.load(path).name in ("small", "big"), "whole, the old one or the new"
    others = [p.name for p in tmp_path.iterdir() if p != path]
    assert all(n.startswith(f".{path.name}.") for n in others)


def test_an_interrupted_writer_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for ending in (".json", ".h5"):
        path = ng.save(small(7.0), tmp_path / f"a{ending}")

        def refused(*_: Any) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", refused)
            patch.setattr(Path, "replace", refused)
            with pytest.raises(ng.FormatError, match="No space left on device"):
                ng.save(small(), path)
        assert ng.load(path) == small(7.0)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.h5", "a.json"]


def test_a_model_file_opens_as_hdf5_and_says_what_it_is(tmp_path: Path) -> None:
    import h5py

    graph = small()
    graph.name = "名" * 200
    path = ng.save(graph, tmp_path / "a.h5")
    assert ng.load(path) == graph
    with h5py.File(path) as file:
        assert json.loads(file["graph"][()])["graph"]["name"] == graph.name
    with h5py.File(path, "r+") as file:
        file["note"] = 1
    with pytest.raises(ng.FormatError):
        ng.load_model(path)
    assert ng.load_model(path, verify=False).graph == graph


@pytest.mark.parametrize("format", WHOLE)
def test_names_that_are_no_text(format: str, tmp_path: Path) -> None:
    for name in ("\ud800", "a\udfffb"):
        graph = small()
        graph.name = name
        with pytest.raises(ng.FormatError):
            ng.save(graph, tmp_path / f"a{ENDINGS[format]}")
    assert not list(tmp_path.iterdir())


def test_values_that_are_no_data(tmp_path: Path) -> None:
    graph = ng.Graph()

    class Odd(ng.Neuron):
        kind = ng.Option(None)
        v = ng.State(0.0)

        def step(self, v: Any, input: Any) -> dict[str, Any]:
            return {"v": v, "spike": input}

    graph.population("n", Odd(kind=len), 3)
    with pytest.raises(
        ng.FormatError, match=r"population 'n' .*Odd\(kind=...\): <built-in function len>.* cannot be written"
    ):
        ng.save(graph, tmp_path / "a.json")


def test_what_is_wrong_in_a_file_is_said_where_it_was_declared(tmp_path: Path) -> None:
    graph = ng.Graph("g")
    lif = graph.population("lif", ng.LIF(tau=3.0), 2)
    graph.connect(graph.input("x", 2), lif)
    graph.connect(lif, graph.output("y"))
    path = ng.save(graph, tmp_path / "g.json")
    path.write_text(path.read_text().replace('"tau": 3.0', '"tau": -3.0'))
    with pytest.raises(ng.FormatError, match=rf"LIF\(tau=-3\) at {re.escape(lif.at)}: tau must be above 0"):
        ng.load(path)
    with pytest.raises(ng.SpecError, match=r"at [^:]*test_refused\.py:\d+"):  # and afterwards it is the caller again
        ng.LIF(tau=-3.0)
