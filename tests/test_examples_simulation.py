"""The simulation examples run, print what they found and leave a picture."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

import neurograph as ng

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
TINY = {
    "brunel": ["--n-exc", "400", "--seconds", "0.25", "--regime", "B"],
    "microcircuit": ["--scale", "0.02", "--seconds", "0.3"],
    "stdp": ["--inputs", "100", "--neurons", "2", "--seconds", "1", "--rate", "150"],
}


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("name", TINY)
def test_an_example_runs(name: str, streamed: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture, file = tmp_path / "a.png", tmp_path / "spikes.h5"
    extra = ["--record", str(file)] if streamed else []
    load(name).main([*TINY[name], "--threads", "2", "--seed", "3", "--out", str(picture), *extra])
    printed = capsys.readouterr().out
    for part in ("[BUILD]", "synapses in", "bytes each", "[RUN]", "x real time", "[RATE]", "Hz", f"[OUTPUT] {picture}"):
        assert part in printed, printed
    assert ("published" in printed) == (name != "stdp")
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 10_000
    if streamed:
        population = {"brunel": "exc", "microcircuit": "L4E", "stdp": "output"}[name]
        assert len(ng.read_record(file, f"{population}.spike")[0]) > 0


@pytest.mark.parametrize("name", TINY)
def test_an_example_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        load(name).main(["--help"])
    printed = capsys.readouterr().out
    assert ended.value.code == 0
    for option in ("--seconds", "--threads", "--seed", "--record", "--out"):
        assert option in printed
    assert len((EXAMPLES / f"{name}.py").read_text().splitlines()) < 100
