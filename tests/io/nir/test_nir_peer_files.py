"""Models of Norse, snnTorch and SpikingJelly, in files that their own exporters wrote, give what they gave there.

`benchmarks/nir_peers.py --fixtures` makes the files anew: each has beside it an input, and the output of the model itself.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurograph.io import from_nir, read_nir, to_nir

nir = pytest.importorskip("nir")
FILES = sorted((Path(__file__).parent / "files").glob("*.json"))


def test_there_are_files_of_three_libraries() -> None:
    assert {f.name.partition("_")[0] for f in FILES} == {"norse", "snntorch", "spikingjelly"}
    assert all(f.with_suffix(".nir").stat().st_size < 50_000 for f in FILES)


@pytest.mark.parametrize("told", FILES, ids=lambda f: f.stem)
def test_a_model_of_another_library(told: Path, run: Any, tmp_path: Path) -> None:
    data = json.loads(told.read_text())
    options = {"start": data["start"], "bias_at_start": data["bias_at_start"]}
    found = read_nir(told.with_suffix(".nir"), dt=data["dt"], **options)
    if data["dt"] is None:
        assert (found.dt, found.dt_from, found.convention) == (1e-4, "gains", "discrete")
    x, expected = np.array(data["input"], float), np.array(data["output"])
    assert np.any(expected != 0)
    for backend in ("reference", "numba", "torch"):
        np.testing.assert_allclose(run(found.graph, x, backend, "float32"), expected, atol=2e-6, err_msg=backend)
    to_nir(found.graph, tmp_path / "again.nir", dt=found.dt, dtype="float64")
    again = from_nir(tmp_path / "again.nir")
    np.testing.assert_allclose(run(again, x), run(found.graph, x), atol=1e-9)
    assert again == found.graph or data["bias_at_start"]  # a bias in a cycle is moved forward
