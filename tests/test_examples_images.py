"""The examples on pictures and events run on small data, and leave model files that the engine reads."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import neurograph as ng
from neurograph.io.files import load_model

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
TINY = ["--dataset", "digits", "--limit", "100", "--epochs", "1", "--width", "0.02", "--step", "2", "--device", "cpu"]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], ModuleType]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NEUROGRAPH_DATA", raising=False)
    for place in ("neurograph.data.frame_cache", "neurograph.data.registry", "neurograph.data"):
        monkeypatch.setattr(f"{place}.cache_folder", lambda: tmp_path / "cache" / "data")

    def loaded(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return loaded


def test_the_main_job_trains_simulates_and_writes_a_model_file(
    load: Callable[[str], ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module, folder = load("cifar_convnet"), tmp_path / "out"
    module.main([*TINY, "--output", str(folder)])
    printed = capsys.readouterr().out
    for part in (
        "[DATA] 100 training and 20 test images", "[MODEL ARCH]", "Model cifar_convnet created, param count: ", "[OPTIMIZER]",
        "learning rate is 0.000625, 1 epochs", "*** Best metric: ", f"[OUTPUT] {folder}/summary.csv", "[NUMBA] the same graph",
        "[PARITY] float64, torch and numba: all", "[PARITY] float32, torch and numba: all",
    ):  # fmt: skip
        assert part in printed, printed
    assert {"summary.csv", "curves.png", "model.h5", "checkpoint-0000.h5"} <= {f.name for f in folder.iterdir()}
    held = load_model(folder / "model.h5")
    assert held.meta["dataset"] == "digits" and held.meta["steps"] == 2 and held.meta["recipe"] == "cifar_convnet"
    assert held.meta["job"]["threshold"] == 0.5 and held.meta["job"]["seed"] == 42
    module.main([*TINY, "--output", str(folder), "--resume", "last"])
    again = capsys.readouterr().out
    assert "Resumed from" in again and "Nothing to do" in again and load_model(folder / "model.h5").meta == held.meta


def test_sizes_that_are_not_given_are_said(
    load: Callable[[str], ModuleType], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = load("cifar_convnet")
    sizes = {"width": 0.02, "steps": 2, "limit": 40, "epochs": 1}
    monkeypatch.setattr("neurograph.job.presets.DIGITS", sizes)
    module.main(["--dataset", "digits", "--device", "cpu", "--node-type", "PLIFNode", "--act-fun", "AtanGrad"])
    printed = capsys.readouterr().out
    line = "[PRESET] cpu: --width 0.02 --step 2 --limit 40 --epochs 1 (full size: --width 1 --step 8 --epochs 200 --limit 50000)"
    assert line in printed and "PLIF(" in printed
    job = module.job_of(module.arguments(["--recipe", "braincog", "--batch-size", "64", "--lr", "0.1"]))
    assert (job.schedule, job.batch, job.lr, job.warmup_epochs, job.min_lr) == ("braincog", 64, 0.1, None, 1e-5)
    with pytest.raises(SystemExit):
        module.arguments(["--resume", "last"])


def test_gestures_are_trained_on_made_up_recordings(
    load: Callable[[str], ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load("dvs_gesture").main(["--smoke", "--output", "g"])
    printed = capsys.readouterr().out
    assert "made-up samples" in printed and "11 training and 11 test recordings" in printed
    assert "[CLASS] arm_roll: " in printed and "2 frames of shape (2, 48, 48), by time" in printed
    held = load_model(tmp_path / "g" / "model.h5")
    assert (
        held.meta["data"] == "example" and held.meta["frames"] == "time" and held.graph.inputs[0].shape == (2, 48, 48)
    )


def test_without_the_gestures_it_says_where_they_are_and_goes_on(
    load: Callable[[str], ModuleType], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = load("dvs_gesture")
    monkeypatch.setattr("neurograph.job.presets.EVENTS", {"width": 0.02, "steps": 2, "limit": 20, "epochs": 1})
    monkeypatch.setattr(module, "load_splits", lambda job: load_at_most(job, 22))
    module.main(["--output", "g"])
    printed = capsys.readouterr().out
    assert "MADE-UP" in printed and "get DvsGesture.tar.gz from" in printed


def load_at_most(job, count):  # type: ignore[no-untyped-def]
    from dataclasses import replace

    from neurograph.job import load_splits

    return load_splits(replace(job, example=min(job.example, count)))


def test_one_network_as_snn_and_cnn(
    load: Callable[[str], ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load("snn_vs_cnn").main(["--smoke", "--data-set", "nmnist", "--output", "s"])
    printed = capsys.readouterr().out
    assert "One pass of the CNN sees 1 frame, one of the SNN 8." in printed and "MADE UP" in printed
    assert printed.count("60,074 weights") == 2 and "ms/sample" in printed and "ms/frame" in printed
    held = {side: load_model(tmp_path / "s" / side / "model.h5") for side in ("snn", "cnn")}
    assert held["snn"].meta["steps"] == 8 and held["cnn"].meta["steps"] == 1
    kinds = {side: {type(p.neuron).__name__ for p in m.graph.populations} for side, m in held.items()}
    assert kinds == {"snn": {"IF"}, "cnn": {"ReLU"}}
    same = ("dataset", "epochs", "lr", "batch", "seed", "optimizer", "augment")
    assert all(held["snn"].meta["job"][k] == held["cnn"].meta["job"][k] for k in same)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cifar_convnet", "dvs_gesture", "snn_vs_cnn"])
def test_an_error_is_one_line(name: str, tmp_path: Path) -> None:
    words = [sys.executable, str(EXAMPLES / f"{name}.py"), "--device", "gpu"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith("error: device 'gpu'") and "Traceback" not in done.stderr
    assert ng.__version__
