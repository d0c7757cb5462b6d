"""What ends a run or cuts it: early stopping, kills within epochs, no memory; and what is logged."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from neurograph.errors import FormatError
from neurograph.train import (
    EarlyStop,
    EpochRow,
    Keeper,
    Logs,
    OutOfMemoryError,
    TrainingError,
    adamw,
    load_checkpoint,
    read_summary,
)


def table(*values: float) -> list[EpochRow]:
    return [EpochRow(n, 1.0, 1.0, -v, v, 1.0, 1.0, 1.0, 1.0) for n, v in enumerate(values)]


def test_early_stop_counts_epochs_without_a_gain() -> None:
    stop = EarlyStop(2, min_delta=1.0)
    assert not stop.reached(table(1, 2, 3))  # each better, but never by more than 1 twice in a row
    assert stop.reached(table(5, 5.5, 6.0)) and not stop.reached(table(5, 5.5, 6.5))
    assert EarlyStop(2, 1.0, "eval_loss").reached(table(5, 5.5, 6.0))
    assert not EarlyStop(1).reached([]) and not EarlyStop(1).reached(table(1))


@settings(max_examples=50, deadline=None)
@given(values=st.lists(st.floats(0, 100), max_size=12), patience=st.integers(1, 4))
def test_early_stop_is_when_the_best_is_old(values: list[float], patience: int) -> None:
    shown = [float(f"{v:.8g}") for v in values]
    old = bool(shown) and len(shown) - 1 - shown.index(max(shown)) >= patience
    assert EarlyStop(patience).reached(table(*values)) == old


def test_a_run_stops_early_and_stays_stopped(small_run: ModuleType, tmp_path: Path) -> None:
    run = small_run.Run(tmp_path, epochs=9)
    rows = run.fit(stop=EarlyStop(1, min_delta=200.0))
    assert len(rows) == 2 and run.lines[-1].startswith("Stopped after epoch 1: eval_acc1 has not got better")
    again = small_run.Run(tmp_path, epochs=9)
    assert len(again.fit(stop=EarlyStop(1, min_delta=200.0), resume="last")) == 2
    for bad in ({"patience": 0}, {"patience": 1, "min_delta": -1.0}, {"patience": 1, "metric": "lr"}):
        with pytest.raises(TrainingError, match="EarlyStop"):
            EarlyStop(**bad)


def test_killed_three_times_within_epochs(small_run: ModuleType, tmp_path: Path) -> None:
    whole = small_run.Run(tmp_path / "whole")
    expected = whole.fit()
    for left in (5, 6, 7):
        command = [sys.executable, str(Path(__file__).with_name("small_run.py")), str(tmp_path / "cut"), str(left)]
        assert subprocess.run(command, timeout=120).returncode == 9
    assert [p.name for p in (tmp_path / "cut").glob("within*")] == ["within-0002-000004.h5"]
    last = small_run.Run(tmp_path / "cut", every=2)
    rows = last.fit(resume="last")
    assert "epoch 2, step 4" in last.lines[0]
    assert last.bits() == whole.bits() and small_run.lasting(rows) == small_run.lasting(expected)
    assert not list((tmp_path / "cut").glob("within*")) and not list((tmp_path / "cut").glob(".*"))


class Stop(Exception):
    pass


def stopping(after: int) -> Any:
    left = [after]

    def loss(output: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        left[0] -= 1
        if left[0] < 0:
            raise Stop
        return nn.functional.cross_entropy(output, labels, label_smoothing=0.1)

    return loss


@pytest.mark.parametrize("after", [1, 4, 8, 11])
def test_a_loader_that_shuffles_by_the_global_generator(small_run: ModuleType, tmp_path: Path, after: int) -> None:
    def run(folder: Path, **options: Any) -> Any:
        one = small_run.Run(folder, epochs=3, every=1)
        part = small_run.stripes(96, 0)
        pairs = torch.utils.data.TensorDataset(
            torch.from_numpy(part.images).float() / 255, torch.from_numpy(part.labels)
        )
        one.train = torch.utils.data.DataLoader(pairs, 16, shuffle=True)
        one.rows = one.fit(**options)
        return one

    whole = run(tmp_path / "whole")
    with pytest.raises(Stop):
        run(tmp_path / "cut", loss=stopping(after))
    again = run(tmp_path / "cut", resume="last")
    assert again.bits() == whole.bits() and small_run.lasting(again.rows) == small_run.lasting(whole.rows)


@pytest.mark.parametrize("spelling", ["{folder}/../cut/{name}", "{link}/{name}"])
def test_a_checkpoint_within_an_epoch_stays_however_it_is_spelt(
    small_run: ModuleType, tmp_path: Path, spelling: str
) -> None:
    with pytest.raises(Stop):
        small_run.Run(tmp_path / "cut", every=2).fit(loss=stopping(8))
    (tmp_path / "link").symlink_to(tmp_path / "cut")
    (within,) = (tmp_path / "cut").glob("within*")
    path = spelling.format(folder=tmp_path / "cut", link=tmp_path / "link", name=within.name)
    again = small_run.Run(tmp_path / "cut")
    with pytest.raises(Stop):
        again.fit(resume=path, loss=stopping(0))
    assert within.exists() and again.keeper.newest == within
    assert len(small_run.Run(tmp_path / "cut").fit(resume="last")) == 4 and not within.exists()


@pytest.mark.parametrize("within", [False, True])
def test_a_run_goes_on_in_another_folder(small_run: ModuleType, tmp_path: Path, within: bool) -> None:
    whole = small_run.Run(tmp_path / "whole")
    expected = small_run.lasting(whole.fit())
    with pytest.raises(Stop):
        small_run.Run(tmp_path / "cut", every=2).fit(loss=stopping(15))
    (path,) = (tmp_path / "cut").glob("within-0002*" if within else "checkpoint-0001*")
    held = {p.name: p.read_bytes() for p in (tmp_path / "cut").iterdir()}
    for _ in range(2):  # killed before its first checkpoint: the same call goes on, and so does resume='last' later
        with pytest.raises(Stop):
            small_run.Run(tmp_path / "new").fit(resume=path, loss=stopping(0))
        assert small_run.lasting(read_summary(tmp_path / "new/summary.csv")) == expected[:2]
    one = small_run.Run(tmp_path / "new")
    assert small_run.lasting(one.fit(resume=path)) == expected and one.bits() == whole.bits()
    assert small_run.lasting(read_summary(tmp_path / "new/summary.csv")) == expected
    assert {p.name: p.read_bytes() for p in (tmp_path / "cut").iterdir()} == held
    table = (tmp_path / "whole/summary.csv").read_bytes()
    with pytest.raises(TrainingError, match=r"whole holds an earlier run, and resume names .*cut.*an empty one"):
        small_run.Run(tmp_path / "whole").fit(resume=path)
    assert (tmp_path / "whole/summary.csv").read_bytes() == table


def test_resume_within_an_epoch_needs_the_same_cut(small_run: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(Stop):
        small_run.Run(tmp_path, every=1).fit(loss=stopping(3))
    with pytest.raises(TrainingError, match="with batches 6, this run has 4"):
        small_run.Run(tmp_path).fit(resume="last", batches=4)
    with pytest.raises(TrainingError, match="earlier run"):
        small_run.Run(tmp_path).fit()
    with pytest.raises(TrainingError, match="every is 0"):
        Keeper(tmp_path, every=0)
    held = load_checkpoint(Keeper(tmp_path).newest)
    assert held.meta["within"]["step"] == 3 and held.meta["within"]["seconds"] > 0


def steps_of(folder: Path) -> list[tuple[str, ...]]:
    with (folder / "steps.csv").open(newline="") as stream:
        return [tuple(row) for row in csv.reader(stream)]


def test_steps_are_logged_once_each_after_a_resume(small_run: ModuleType, tmp_path: Path) -> None:
    logs = Logs(steps=True)
    small_run.Run(tmp_path / "whole", epochs=2).fit(logs=logs)
    expected = steps_of(tmp_path / "whole")
    assert expected[0] == ("epoch", "step", "loss", "lr") and len(expected) == 13 and expected[-1][:2] == ("1", "5")
    with pytest.raises(Stop):
        small_run.Run(tmp_path / "cut", epochs=2, every=2).fit(logs=logs, loss=stopping(9))
    with (tmp_path / "cut" / "steps.csv").open("a") as stream:
        stream.write("1,")  # as a kill may leave it
    small_run.Run(tmp_path / "cut", epochs=2).fit(logs=logs, resume="last")
    assert steps_of(tmp_path / "cut") == expected
    with pytest.raises(TrainingError, match="logs need a folder"):
        small_run.Run(None).fit(logs=logs)
    (tmp_path / "cut" / "steps.csv").write_text("other\n")
    with pytest.raises(FormatError, match=r"steps\.csv: line 1"):
        small_run.Run(tmp_path / "cut", epochs=2).fit(logs=logs, resume="last")


def test_tensorboard(small_run: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tensorboardX")
    small_run.Run(None, epochs=2).fit(logs=Logs(tensorboard=True, folder=tmp_path))
    (written,) = (tmp_path / "tensorboard").iterdir()
    data = written.read_bytes()
    for tag in (b"step/loss", b"step/lr", b"epoch/eval_acc1", b"epoch/train_loss", b"epoch/data_seconds"):
        assert data.count(tag) == (12 if tag.startswith(b"step") else 2)
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(TrainingError, match=r"neurograph\[tensorboard\]"):
        small_run.Run(None).fit(logs=Logs(tensorboard=True, folder=tmp_path))


class Hungry(nn.Module):
    """Fails to get memory in its fourth step."""

    def __init__(self, kind: type[BaseException], *says: str) -> None:
        super().__init__()
        self.fc, self.kind, self.says, self.left, self.steps = nn.Linear(36, 3), kind, says, 3, 8

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.left -= 1
        if self.left < 0:
            raise self.kind(*self.says)
        return self.fc(images.flatten(1))


# kinds and messages, since an error that is raised keeps alive what was there, threads of the loader among it
FAILURES = (
    (torch.OutOfMemoryError, "CUDA out of memory. Tried to allocate 20.00 MiB"),
    (RuntimeError, "[enforce fail at alloc_cpu.cpp:127] data. DefaultCPUAllocator: can't allocate memory: you tried"),
    (MemoryError,),
)


@pytest.mark.parametrize("error", FAILURES, ids=["cuda", "cpu", "python"])
def test_no_memory_says_what_to_change(small_run: ModuleType, error: tuple[Any, ...]) -> None:
    model = Hungry(*error)
    with pytest.raises(OutOfMemoryError) as caught:
        small_run.Run(None).fit(model=model, optimizer=adamw(model, 16), schedule=None)
    said = str(caught.value)
    for part in ("epoch 0, step 3", "(16, 1, 6, 6)", "T=8", "GiB", "accumulate", "amp", "memory", "width"):
        assert part in said or (part == "GiB" and os.name == "nt")


def test_other_errors_of_a_step_are_not_hidden(small_run: ModuleType) -> None:
    model = Hungry(RuntimeError, "shapes do not fit")
    with pytest.raises(RuntimeError, match="^shapes do not fit$"):
        small_run.Run(None).fit(model=model, optimizer=adamw(model, 16), schedule=None)
