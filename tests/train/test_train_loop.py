"""Training runs: learning, table, resume to the last bit, interruption, divergence, curves."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from neurograph.errors import DataError, FormatError, ShapeError
from neurograph.train import (
    DivergedError,
    EpochRow,
    Keeper,
    TrainingError,
    adamw,
    draw_curves,
    evaluate,
    load_checkpoint,
    read_summary,
    write_summary,
)


@pytest.fixture
def Run(small_run: ModuleType) -> Any:
    return small_run.Run


@pytest.fixture
def lasting(small_run: ModuleType) -> Any:
    return small_run.lasting


def test_it_learns_and_reports(Run: Any, lasting: Any, tmp_path: Path) -> None:
    run = Run(tmp_path)
    rows = run.fit()
    assert rows[-1].eval_acc1 > 90 and rows[-1].eval_loss < rows[0].eval_loss
    assert all(row.eval_acc5 == 100 and row.images_per_s > 0 for row in rows)
    assert lasting(read_summary(tmp_path / "summary.csv")) == lasting(rows)
    assert (tmp_path / "summary.csv").read_text().splitlines()[0] == (
        "epoch,train_loss,train_acc,eval_loss,eval_acc1,eval_acc5,lr,images_per_s,seconds,data_seconds"
    )
    assert "Current checkpoints:" in run.lines
    best = max(rows, key=lambda row: row.eval_acc1)
    assert run.lines[-1] == f"*** Best metric: {best.eval_acc1:.2f} (epoch {best.epoch}) ***"
    loss, acc1, acc5 = evaluate(run.model, run.test, progress=False)
    assert (loss, acc1, acc5) == (rows[-1].eval_loss, rows[-1].eval_acc1, rows[-1].eval_acc5)
    last = load_checkpoint(run.keeper.last.path)
    assert torch.equal(last.model["5.weight"], run.model.state_dict()["5.weight"])
    assert last.meta["row"]["epoch"] == 3


class Stop(Exception):
    pass


def stop_after(epoch: int) -> Callable[[EpochRow], None]:
    def stop(row: EpochRow) -> None:
        if row.epoch == epoch:
            raise Stop

    return stop


@pytest.mark.parametrize("done", [1, 3])
def test_resumed_run_equals_undisturbed_run(Run: Any, lasting: Any, tmp_path: Path, done: int) -> None:
    whole = Run(tmp_path / "whole")
    expected = whole.fit()

    first = Run(tmp_path / "cut")
    with pytest.raises(Stop):
        first.fit(on_epoch=stop_after(done - 1))
    assert first.bits() != whole.bits()
    torch.manual_seed(999)
    second = Run(tmp_path / "cut")
    torch.manual_seed(999)
    rows = second.fit(resume="last")
    assert second.bits() == whole.bits()
    assert lasting(rows) == lasting(expected)
    assert lasting(read_summary(tmp_path / "cut/summary.csv")) == lasting(expected)
    assert f"(epoch {done - 1})" in second.lines[0]


KILLED = """
import os, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from small_run import Run
Run(Path(sys.argv[2])).fit(on_epoch=lambda row: os._exit(9) if row.epoch == 1 else None)
"""


def test_killed_process_is_continued(Run: Any, lasting: Any, tmp_path: Path) -> None:
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", KILLED, here, str(tmp_path / "cut")]
    assert subprocess.run(command, env=dict(os.environ), timeout=120).returncode == 9
    assert [row.epoch for row in read_summary(tmp_path / "cut/summary.csv")] == [0, 1]
    # Killed between table and checkpoint of epoch 2: its row must not stay.
    rows = read_summary(tmp_path / "cut/summary.csv")
    torn = EpochRow(2, *[float("inf")] * 8)
    write_summary(tmp_path / "cut/summary.csv", [*rows, torn])
    whole = Run(tmp_path / "whole")
    expected = whole.fit()
    second = Run(tmp_path / "cut")
    assert lasting(second.fit(resume="last")) == lasting(expected)
    assert second.bits() == whole.bits()


def test_resume_from_an_earlier_checkpoint(Run: Any, lasting: Any, tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.keeper = Keeper(tmp_path, keep=9)
    expected = run.fit()
    again = Run(tmp_path)
    rows = again.fit(resume=tmp_path / "checkpoint-0001.h5")
    assert lasting(rows) == lasting(expected) and again.bits() == run.bits()
    # Going back removes what the new run is about to write again.
    back = Run(tmp_path)
    with pytest.raises(Stop):
        back.fit(resume=tmp_path / "checkpoint-0000.h5", on_epoch=stop_after(1))
    assert sorted(kept.epoch for kept in Keeper(tmp_path).kept) == [0, 1]
    assert len(read_summary(tmp_path / "summary.csv")) == 2
    assert lasting(Run(tmp_path).fit(resume="last")) == lasting(expected)
    third = Run(tmp_path)
    assert lasting(third.fit(resume="last")) == lasting(expected)
    assert any("Nothing to do" in line for line in third.lines)


def test_resume_last_in_an_empty_folder_starts(Run: Any, tmp_path: Path) -> None:
    run = Run(tmp_path, epochs=1)
    assert len(run.fit(resume="last")) == 1
    assert "No checkpoint" in run.lines[0]


def test_an_earlier_run_is_not_overwritten(Run: Any, tmp_path: Path) -> None:
    Run(tmp_path, epochs=1).fit()
    before = (tmp_path / "summary.csv").read_bytes()
    with pytest.raises(TrainingError, match="earlier run.*resume='last'"):
        Run(tmp_path, epochs=1).fit()
    assert (tmp_path / "summary.csv").read_bytes() == before


def test_resume_with_what_does_not_fit(Run: Any, tmp_path: Path) -> None:
    Run(tmp_path, epochs=1).fit()
    with pytest.raises(TrainingError, match="epochs is 2, the saved state has 1"):
        Run(tmp_path, epochs=2).fit(resume="last")
    with pytest.raises(TrainingError, match="with a schedule"):
        Run(tmp_path, epochs=1).fit(resume="last", schedule=None)
    other, model = Run(tmp_path, epochs=1), nn.Sequential(nn.Flatten(), nn.Linear(36, 3))
    with pytest.raises(TrainingError, match="does not fit"):
        other.fit(resume="last", model=model, optimizer=adamw(model, 16))
    with pytest.raises(TrainingError, match="needs a keeper"):
        Run(None).fit(resume="last")
    (tmp_path / "text.h5").write_text("hello")
    with pytest.raises(FormatError, match="text.h5"):
        Run(tmp_path, epochs=1).fit(resume=tmp_path / "text.h5")


class Spoiled(nn.Module):
    """Returns NaN from a training step on, or in evaluation."""

    def __init__(self, step: int, in_eval: bool = False) -> None:
        super().__init__()
        self.fc = nn.Linear(36, 3)
        self.left, self.in_eval = step, in_eval

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits = self.fc(images.flatten(1))
        if self.training:
            self.left -= 1
        bad = (not self.training) if self.in_eval else (self.training and self.left < 0)
        return logits * float("nan") if bad else logits


def test_nan_names_epoch_and_step_and_spares_weights_and_checkpoint(Run: Any, tmp_path: Path) -> None:
    run = Run(tmp_path)
    model = Spoiled(8)
    optimizer = adamw(model, 16)
    with pytest.raises(DivergedError, match="training, epoch 1, step 2 of 6: the loss is nan.*try"):
        run.fit(model=model, optimizer=optimizer, schedule=None)
    assert all(bool(p.isfinite().all()) for p in model.parameters())
    assert [kept.epoch for kept in Keeper(tmp_path).kept] == [0]
    assert len(read_summary(tmp_path / "summary.csv")) == 1


def test_nan_in_evaluation_is_not_saved(Run: Any, tmp_path: Path) -> None:
    run = Run(tmp_path)
    model = Spoiled(99, in_eval=True)
    with pytest.raises(DivergedError, match="evaluation, epoch 0, step 0 of 2"):
        run.fit(model=model, optimizer=adamw(model, 16), schedule=None)
    assert Keeper(tmp_path).kept == [] and model.training


def test_interrupt_leaves_the_last_checkpoint(Run: Any, tmp_path: Path) -> None:
    run = Run(tmp_path)

    def press(image: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        if run.keeper.kept:
            raise KeyboardInterrupt
        return nn.functional.cross_entropy(image, label)

    with pytest.raises(KeyboardInterrupt):
        run.fit(loss=press)
    assert "checkpoint-0000.h5" in run.lines[-1]
    load_checkpoint(Keeper(tmp_path).last.path)


def test_amp_on_cpu_computes_in_bfloat16(Run: Any) -> None:
    seen = set()

    class Watch(nn.Linear):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            result = super().forward(images.flatten(1))
            seen.add(result.dtype)
            return result

    for amp, dtype in ((True, torch.bfloat16), ("bf16", torch.bfloat16), (False, torch.float32)):
        seen.clear()
        model = Watch(36, 3)
        rows = Run(None).fit(model=model, optimizer=adamw(model, 16), schedule=None, amp=amp, epochs=1)
        assert seen == {dtype} and rows[0].train_loss > 0
    for amp in ("fp16", "int8", 1):
        with pytest.raises(TrainingError, match="amp"):
            Run(None).fit(amp=amp)


def test_batches_cut_the_epoch_and_the_schedule(Run: Any) -> None:
    run = Run(None, epochs=1)
    seen: list[tuple[int, int, int]] = []
    at = run.schedule.at
    run.schedule.at = lambda *place: (seen.append(place), at(*place))[1]  # type: ignore
    run.fit(batches=2)
    assert seen == [(0, 0, 2), (0, 1, 2)]
    with pytest.raises(TrainingError, match="batches is 0"):
        run.fit(batches=0)
    with pytest.raises(TrainingError, match="epochs is 0"):
        run.fit(epochs=0)


def test_bad_loaders_and_outputs(Run: Any) -> None:
    with pytest.raises(DataError, match="train loader has no batch"):
        Run(None).fit(train=[])
    with pytest.raises(DataError, match="test loader has no batch"):
        Run(None).fit(test=[])
    with pytest.raises(ShapeError, match=r"returned \(16, 1, 6, 6\) for 16 images"):
        Run(None).fit(model=nn.Identity())


def test_progress_bar_shows_the_numbers(Run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    Run(None, epochs=1).fit(progress=True)
    shown = capsys.readouterr()
    for part in ("Epoch 0/1", "loss ", "Acc@1 ", "images/s", "lr "):
        assert part in shown.err
    assert shown.out == ""


def rows_of(count: int) -> list[EpochRow]:
    return [EpochRow(n, 2 / (n + 1), 50 + n, 2.2 / (n + 1), 48 + n, 90.0, 1e-3, 900.0, 3.0) for n in range(count)]


@pytest.mark.parametrize("count", [1, 40])
def test_curves(tmp_path: Path, count: int) -> None:
    write_summary(tmp_path / "summary.csv", rows_of(count))
    path = draw_curves(tmp_path)
    assert path == tmp_path / "curves.png" and path.read_bytes().startswith(b"\x89PNG")
    vector = draw_curves(tmp_path / "summary.csv", tmp_path / "c.svg", title="My run")
    assert b"<svg" in vector.read_bytes()


def test_curves_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_summary(tmp_path / "summary.csv", rows_of(2))
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(TrainingError, match=r"neurograph\[plot\]"):
        draw_curves(tmp_path)


def test_bad_tables(tmp_path: Path) -> None:
    path = tmp_path / "summary.csv"
    write_summary(path, rows_of(3))
    assert read_summary(path)[2].eval_acc1 == 50
    good = path.read_text()
    lines = good.splitlines()
    for text, message in (
        ("", "line 1 is not the header"),
        ("a,b\n1,2\n", "line 1 is not the header"),
        (good.replace(lines[2], "1,2,3"), "line 3 is '1,2,3'"),
        (good.replace(lines[3], lines[3].replace("50", "x")), "line 4"),
        (good + ",,,\n", "line 5"),
    ):
        path.write_text(text)
        with pytest.raises(FormatError, match=message):
            read_summary(path)
    path.write_text(lines[0] + "\n")
    with pytest.raises(FormatError, match="no row"):
        draw_curves(path)
    with pytest.raises(FormatError, match="cannot be read"):
        read_summary(tmp_path / "none.csv")
