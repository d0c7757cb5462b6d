"""The golden NIR files: outputs, spike counts, order and cut edges, on every backend; and there and back again."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph.io import from_nir, read_nir, to_nir

FOLDER = os.environ.get("NEUROGRAPH_GOLDEN")
FILES = sorted((Path(FOLDER) / "nir").glob("*.expected.json")) if FOLDER else []
NONE = pytest.param(None, id="none", marks=pytest.mark.skip(reason="no nir folder in NEUROGRAPH_GOLDEN"))
CASES = [pytest.param(f, id=f.name.split(".")[0]) for f in FILES] or [NONE]
BACKENDS = [("reference", "float64"), ("numba", "float64"), ("numba", "float32"), ("torch", "float32")]


@pytest.mark.parametrize(("backend", "dtype"), BACKENDS)
@pytest.mark.parametrize("expected", CASES)
def test_outputs_and_spikes(expected: Path, backend: str, dtype: str) -> None:
    data = json.loads(expected.read_text())
    x = np.array(data["input"], dtype)[:, None]
    for scheme, told in data["schemes"].items():
        found = read_nir(expected.with_name(data["file"]), dt=data["dt"], scheme=scheme)
        assert [list(e) for e in found.delayed] == [list(e) for e in data["back_edges"]]
        for name in told["spike_counts"]:
            found.graph.probe(found.names[name], "spike")
        program = ng.compile(found.graph, backend, dtype=dtype)
        outputs, _ = program.run(x)
        y = next(iter(outputs.values()))
        y = np.asarray(y.detach() if hasattr(y, "detach") else y)[:, 0]
        tolerance = 1e-9 if dtype == "float64" else 1e-5
        np.testing.assert_allclose(y, np.array(told["output"]), rtol=tolerance, atol=tolerance)
        for name, count in told["spike_counts"].items():
            assert program.recordings[f"{found.names[name]}.spike"].array().sum() == count, name


@pytest.mark.parametrize("expected", CASES)
def test_the_order_of_evaluation(expected: Path) -> None:
    data = json.loads(expected.read_text())
    found = read_nir(expected.with_name(data["file"]), dt=data["dt"])
    assert sorted(found.order) == sorted(data["evaluation_order"])
    place = {n: k for k, n in enumerate(found.order)}
    told = {n: k for k, n in enumerate(data["evaluation_order"])}
    assert [place[n] for n in data["evaluation_order"]] == sorted(told.values())


@pytest.mark.parametrize("unit", ["step", "s", "ms"])
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("expected", CASES)
def test_import_export_import(expected: Path, nested: bool, unit: str, tmp_path: Path) -> None:
    import nir

    data: dict[str, Any] = json.loads(expected.read_text())
    file = expected.with_name(data["file"])
    first = from_nir(file, dt=data["dt"], unit=unit)
    to_nir(first, tmp_path / "again.nir", dt=data["dt"], unit=unit, nested=nested)
    assert from_nir(tmp_path / "again.nir", unit=unit) == first
    if nested or any(type(n).__name__ == "NIRGraph" for n in nir.read(file, type_check=False).nodes.values()):
        return
    before, after = nir.read(file, type_check=False), nir.read(tmp_path / "again.nir")
    assert set(before.nodes) == set(after.nodes) and set(before.edges) == set(after.edges)
    for name, node in before.nodes.items():
        for key, value in node.to_dict().items():
            if key != "metadata" and node.__class__.__name__ != "Output":
                np.testing.assert_array_equal(
                    np.asarray(after.nodes[name].to_dict()[key]), np.asarray(value), f"{name}.{key}"
                )
