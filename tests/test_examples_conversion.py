"""The conversion examples run on the embedded digits, train or take weights, and leave a report and a picture."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import neurograph as ng
from neurograph.data import DownloadError
from neurograph.weights_file import load_weights

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
TINY = ["--dataset", "digits", "--limit", "150", "--epochs", "1", "--steps", "4", "--device", "cpu"]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    monkeypatch.syspath_prepend(str(EXAMPLES))  # where python itself looks first when it runs an example

    def loaded(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)  # dataclasses look their module up
        spec.loader.exec_module(module)
        return module

    return loaded


@pytest.mark.parametrize("name", ["lenet5_conversion", "resnet_conversion"])
def test_an_example_trains_converts_and_reports(
    name: str, load: Callable[[str], ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module, first, second = load(name), tmp_path / "first", tmp_path / "second"
    module.main([*TINY, "--output", str(first)])
    printed = capsys.readouterr().out
    for part in ("[DATA] 150 training and 30 test images", "[ANN]", "[SNN]", "correct", f"[OUTPUT] {first}"):
        assert part in printed, printed
    assert (first / "conversion.png").read_bytes().startswith(b"\x89PNG")
    report = json.loads((first / "report.json").read_text())
    assert report["comparison"]["images"] == 30 and len(report["comparison"]["correct"]) == 4
    assert (first / "summary.csv").exists()

    module.main([*TINY, "--weights", str(first / "weights.npz"), "--backend", "numba", "--output", str(second)])
    before, after = load_weights(first / "weights.npz"), load_weights(second / "weights.npz")
    assert list(before) == list(after) and all(np.array_equal(before[n], after[n]) for n in before)
    assert "Epoch 0" not in capsys.readouterr().out and not (second / "summary.csv").exists()
    again = json.loads((second / "report.json").read_text())
    assert again["comparison"]["ann_correct"] == report["comparison"]["ann_correct"]


def test_recipe_qcfs_trains_on_with_quantised_activations(
    load: Callable[[str], ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main, first = load("lenet5_conversion").main, tmp_path / "first"
    options = [*TINY, "--recipe", "qcfs", "--levels", "2", "--calibration", "100"]
    main([*options, "--output", str(first)])
    assert "training on with QCFS(2)" in capsys.readouterr().out
    held, start = load_weights(first / "weights.npz"), (first / "quantised" / "summary.csv").read_text()
    assert {n for n in held if n.endswith("threshold")} == {f"{n}.threshold" for n in ("c1", "c3", "c5", "f6")}
    assert start.count("\n") == 2  # a heading and one epoch
    main([*options, "--weights", str(first / "weights.npz"), "--output", str(tmp_path / "second")])
    assert "Epoch 0" not in capsys.readouterr().out
    reports = [json.loads((tmp_path / n / "report.json").read_text())["comparison"] for n in ("first", "second")]
    assert reports[0]["correct"] == reports[1]["correct"]


def test_without_data_it_says_so_and_takes_the_digits(
    load: Callable[[str], ModuleType],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unreachable(*args: object, **named: object) -> None:
        raise DownloadError("no answer")

    monkeypatch.setattr("neurograph.data.sets.idx.download", unreachable)
    load("lenet5_conversion").main([*TINY[2:], "--data-dir", str(tmp_path), "--output", str(tmp_path / "out")])
    printed = capsys.readouterr().out
    assert "[DATA] no mnist here" in printed and "scikit-learn" in printed


def test_weights_of_another_network_are_refused(load: Callable[[str], ModuleType], tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    np.savez(path, a=np.ones(3))
    with pytest.raises(ng.ShapeError, match="do not belong"):
        load("lenet5_conversion").main([*TINY, "--weights", str(path), "--output", str(tmp_path / "out")])


@pytest.mark.parametrize("name", ["lenet5_conversion", "resnet_conversion"])
def test_an_example_explains_itself(
    name: str, load: Callable[[str], ModuleType], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        load(name).main(["--help"])
    printed = capsys.readouterr().out
    assert ended.value.code == 0
    for option in ("--data-dir", "--epochs", "--limit", "--seed", "--weights", "--recipe", "--steps"):
        assert option in printed
