"""The table of published results: what stands in it, and the jobs that its rows become."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import neurograph as ng
from neurograph import data
from neurograph.job import Job, neuron_of
from neurograph.models import RECIPES, recipe
from neurograph.nodes import surrogate_named
from neurograph.suite import Result, chosen, job_of, read_results, rows, write_results


def test_all_rows_are_there() -> None:
    found = rows()
    assert len({r.row for r in found}) == len(found) == 57
    counts = Counter((r.dataset, r.recipe == "resnet18") for r in found if r.source == "BrainCog benchmark")
    assert counts == {
        (d, k): 3 if d == "NCALTECH101" else 6 for d in ("cifar10", "cifar100", "dvsc10", "dvsg", "NCALTECH101") for k in (True, False)
    }  # fmt: skip
    for r in found:
        assert data.dataset(r.dataset).name in data.names() and r.recipe in RECIPES
        assert r.surrogate == "" or surrogate_named(r.surrogate)
        assert 0 < r.published < 100 and (r.second is None) == (not r.second_is)


@pytest.mark.parametrize(
    ("row", "figures", "steps"),
    [
        ("cifar10-if-atan-convnet", "95.54", 4),
        ("cifar10-lif-qgate-convnet", "96.04", 4),
        ("cifar10-plif-qgate-convnet", "96.04 / 95.84", 4),
        ("cifar10-plif-atan-resnet18", "92.64 / 90.65", 4),
        ("cifar100-lif-qgate-convnet", "77.73", 4),
        ("dvsc10-plif-qgate-convnet", "83.20", 10),
        ("dvsg-plif-qgate-resnet18", "92.42", 10),
        ("ncaltech101-if-qgate-convnet", "23.09 / 51.15", 10),
        ("ncaltech101-lif-qgate-resnet18", "66.22 / 70.84", 10),
        ("cifar10-demo", "50.02", 8),
        ("dvsc10-snn", "66.68", 8),
        ("dvsc10-cnn", "68.20", 1),
    ],
)
def test_figures_are_those_of_the_source(row: str, figures: str, steps: int) -> None:
    (found,) = chosen([row])
    assert found.figures == figures and found.steps == steps


def test_a_row_becomes_a_job_with_the_published_settings() -> None:
    job = job_of(chosen(["dvsg-plif-atan-resnet18"])[0])
    published = {
        "threshold": 0.5, "tau": 2.0, "alpha": 2.0, "lr": None, "weight_decay": 1e-4, "schedule": "braincog", "warmup_epochs": None,
        "warmup_lr": 1e-6, "min_lr": 1e-5, "smoothing": 0.1, "seed": 42, "optimizer": "adamw", "epochs": 200, "batch": 128,
        "steps": 10, "frames": "time", "width": 1.0, "mix": "none",
    }  # fmt: skip
    assert {k: getattr(job, k) for k in published} == published
    assert job.settings == {"stem_pool": True} and job.node == "PLIFNode" and job.surrogate == "AtanGrad"
    snn = job_of(chosen(["dvsc10-snn"])[0], epochs=3, width=None)
    assert (snn.optimizer, snn.lr, snn.schedule, snn.threshold, snn.alpha) == ("sgd", 0.05, "constant", 1.0, 4.0)
    assert (snn.size, snn.frames, snn.epochs, snn.width) == (32, "number", 3, 1.0)
    mixed = chosen(["ncaltech101-lif-qgate-resnet18"])[0]
    assert job_of(mixed).mix == "eventmix" and mixed.second_is == "with EventMix"
    assert isinstance(job_of(mixed), Job)


def test_the_row_of_spikingjelly_runs_its_neuron() -> None:
    usual = recipe("shallow_convnet")(num_classes=10).populations[0].neuron
    assert repr(neuron_of(job_of(chosen(["dvsc10-snn"])[0]))) == repr(usual) and "detach_reset=False" in repr(usual)
    assert repr(neuron_of(job_of(chosen(["dvsc10-cnn"])[0]))) == repr(ng.ReLU())


def test_only_the_rows_of_ncaltech101_draw_classes_alike() -> None:
    assert {r.row for r in rows() if job_of(r).balance} == {r.row for r in rows() if r.dataset == "NCALTECH101"}


def result(row: str, accuracy: float) -> Result:
    return Result(
        row, 95.54, None, accuracy, accuracy, 0, "real", 10, 2, 1, 4, 2, 1.0, "short", "none", "none", 42, 5, 1.0, 2.0, "cpu", "2026-01-01",
        "0", "net.h5",
    )  # fmt: skip


@pytest.mark.parametrize("ending", [".csv", ".json"])
def test_results_are_kept_by_row_in_the_order_of_the_table(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"mine{ending}"
    write_results(path, [result("cifar10-demo", 1.0)])
    write_results(path, [result("cifar10-if-atan-convnet", 2.0), result("cifar10-demo", 3.0)])
    held = read_results(path)
    assert list(held) == ["cifar10-if-atan-convnet", "cifar10-demo"] and held["cifar10-demo"] == result(
        "cifar10-demo", 3.0
    )
    page = path.with_suffix(".md").read_text()
    assert "| 3.00 | 3.00 (epoch 0) | real | 10 + 2 | 1 | short | 1 | 4 | 2 | none | cpu | 2026-01-01 | 2 s |" in page
    assert not [f for f in tmp_path.iterdir() if f.name.startswith(".")]
    path.write_text("not a table")
    with pytest.raises(ng.FormatError, match="no table of results"):
        write_results(path, [])


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(ng.DataError, match="no row 'mnist'"):
        chosen(["mnist"])
    with pytest.raises(ng.DataError, match="among these rows there are cifar_convnet, resnet18"):
        chosen(["cifar100"], recipe="dvs_convnet")
