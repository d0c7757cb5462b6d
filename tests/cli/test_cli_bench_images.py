"""bench images: the rows, their choice, what a run of them leaves behind, and the smoke test."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from neurograph.io.files import load_model
from neurograph.suite import rows

TINY = "--example-data 8 --epochs 1 --width 0.03 --batch 4 --no-progress"


def test_without_a_choice_it_lists_all_rows(cli: Any) -> None:
    done = cli("neurograph bench images")
    assert "57 rows" in done.out and "cifar10-lif-qgate-convnet" in done.out and "82.60 / 82.90" in done.out
    data = cli("neurograph bench images --json").json["rows"]
    assert len(data) == 57 and data[0]["published"] == 95.54 and data[0]["here"] is None
    assert "resnet18" not in cli("neurograph bench images --recipe cifar_convnet --list").out


def test_rows_are_chosen_by_what_they_are(cli: Any) -> None:
    line = "neurograph bench images --list --json"
    for words, count in (
        ("", 57), ("--dataset cifar10", 13), ("--dataset dvs128_gesture", 12), ("--node LIFNode --surrogate atan", 8),
        ("dvsc10-", 14), ("all --node relu", 1), ("--recipe resnet18 --dataset NCALTECH101", 3),
    ):  # fmt: skip
        assert len(cli(f"{line} {words}").json["rows"]) == count, words


def test_a_run_lands_in_the_table_and_replaces_the_earlier_one(cli: Any, tmp_path: Path) -> None:
    line = f"neurograph bench images dvsc10-cnn {TINY} --results t/mine.csv --folder runs/{{0}}"
    assert "example" in cli(line.format("a")).out
    cli(line.format("b") + " --epochs 2")
    (row,) = csv.DictReader((tmp_path / "t" / "mine.csv").read_text().splitlines())
    assert row["row"] == "dvsc10-cnn" and row["epochs"] == "2" and row["data"] == "example" and row["device"] == "cpu"
    assert row["published"] == "68.2" and row["batch"] == "4" and row["width"] == "0.03" and row["train_samples"] == "8"
    page = (tmp_path / "t" / "mine.md").read_text()
    assert page.count("\n| ") == 2 + 57 and "no measure" in page and "| 68.20 |" in page
    held = load_model(tmp_path / "runs" / "b" / "dvsc10-cnn" / "net.h5")
    assert held.meta["row"] == "dvsc10-cnn" and held.meta["data"] == "example"
    listed = cli("neurograph bench images --dataset dvsc10 --list --results t/mine.csv").out
    assert "ran on made-up data" in listed
    again = cli(f"neurograph bench images dvsc10-cnn {TINY} --epochs 3 --resume --folder runs/b --results t/mine.json")
    assert "Resumed from" in again.err and json.loads((tmp_path / "t" / "mine.json").read_text())[0]["epochs"] == 3


def test_real_and_limited_data_are_told_apart(cli: Any, tiny_data: Path) -> None:
    line = "neurograph bench images cifar10-demo --epochs 1 --width 0.02 --steps 2 --batch 10 --augment none --json"
    assert cli(line + " --folder a").json["results"][0]["data"] == "real"
    found = cli(line + " --folder b --limit 20").json["results"][0]
    assert found["data"] == "limited" and (found["train_samples"], found["test_samples"]) == (20, 4)
    assert "of 4 samples, 1 epoch, width 0.02, cpu" in cli("neurograph bench images cifar10-demo --list").out


def test_smoke_runs_rows_on_tiny_data(cli: Any, tiny_data: Path) -> None:
    line = "neurograph bench images --smoke cifar10-demo dvsc10-cnn ncaltech101-lif-qgate-resnet18"
    data = cli(f"{line} --json").json
    assert data["failed"] == 0
    found = {r["row"]: r for r in data["rows"]}
    assert found["cifar10-demo"]["data"] == "real" and found["dvsc10-cnn"]["data"] == "example"
    assert found["cifar10-demo"]["shape"] == [8, 3, 32, 32] and found["cifar10-demo"]["weights"] == 19_489_546
    assert found["ncaltech101-lif-qgate-resnet18"]["shape"] == [10, 2, 48, 48]
    assert all(r["seconds"] > 0 for r in data["rows"])


def test_smoke_takes_options_or_refuses_them(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from neurograph.suite import run

    jobs = []

    def seen(row: Any, job: Any, **options: Any) -> None:
        jobs.append(job)

    monkeypatch.setattr(run, "run_row", seen)
    line = "neurograph bench images dvsc10-cnn --smoke"
    cli(f"{line} --amp --lr 0.5 --schedule constant --workers 1 --seed 3 --mix cutmix")
    (job,) = jobs
    assert (job.amp, job.lr, job.schedule, job.workers, job.seed, job.mix) == (True, 0.5, "constant", 1, 3, "cutmix")
    for words in ("--example-data 3", "--limit 4", "--epochs 1", "--folder x", "--resume", "--results r.csv", "--list"):
        said = cli(f"{line} {words}", code=2).err
        assert f"{words.split()[0]}: --smoke takes two steps" in said


def test_several_processes_are_refused(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "not under torchrun" in cli(f"neurograph bench images dvsc10-cnn {TINY}", code=2).err
    cli("neurograph bench images --list")


def test_a_row_that_fails_is_named_and_the_others_go_on(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from neurograph.suite import run

    real = run.run_row

    def failing(row: Any, job: Any, **options: Any) -> Any:
        if row.row == "dvsc10-snn":
            raise RuntimeError("no kernel")
        return real(row, job, **options)

    monkeypatch.setattr(run, "run_row", failing)
    done = cli("neurograph bench images --smoke dvsc10-snn dvsc10-cnn", code=1)
    assert "1 fail: dvsc10-snn" in done.out and "RuntimeError: no kernel" in done.err and "dvsc10-cnn" in done.out


@pytest.mark.slow
def test_every_row_passes_the_smoke_test(cli: Any) -> None:
    data = cli("neurograph bench images all --smoke --json").json
    assert data["failed"] == 0 and [r["row"] for r in data["rows"]] == [r.row for r in rows()]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("cifar11", 1, "no row 'cifar11'"),
        ("--node ALIF", 1, "no row with node 'ALIF'; among these rows there are IFNode, LIFNode, PLIFNode, ReLU"),
        ("cifar10-demo --resume", 2, "say in which folder"),
        ("cifar10-demo --workers 1", 2, "--workers: it needs a data set of events"),
        ("cifar10-demo --mix eventmix", 1, "mixes events"),
        ("cifar10-demo --augment best", 2, "not one of none, randaugment, usual"),
        ("cifar10-demo --results words.csv", 1, "no table of results"),
        ("cifar10-demo --width 0", 2, "width"),
    ],
)
def test_bad_input_is_said(cli: Any, tiny_data: Path, tmp_path: Path, words: str, code: int, said: str) -> None:
    (tmp_path / "words.csv").write_text("a,b\n1,2\n")
    done = cli(f"neurograph bench images {words} --epochs 1", code=code)
    assert said in done.err and not done.out


def test_data_that_are_not_here_are_no_other_data(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Digits stand in for CIFAR-10 where one trains to try things out, never in the table."""

    def refused(*given: Any, **options: Any) -> None:
        from neurograph.data import DownloadError

        raise DownloadError("no network")

    monkeypatch.setattr("neurograph.data.registry._folder", refused)
    done = cli("neurograph bench images cifar10-demo --epochs 1 --width 0.02", code=1)
    assert "neither here nor to be had" in done.err and "--example-data" in done.err
