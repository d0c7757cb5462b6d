"""Running a row of the table: as a job of its own size, or two steps of it on tiny data."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import neurograph as ng
from neurograph import data
from neurograph.errors import DataError, NeuroGraphError
from neurograph.job import Job, Parts, Training, graph_of, load_parts
from neurograph.suite.results import Result
from neurograph.suite.rows import Row
from neurograph.summary import weights_of
from neurograph.version import __version__

__all__ = ["Smoked", "job_of", "result_of", "run_row", "smoke"]

#: Two steps of two samples, in a network of a 32nd of the channels.
SMOKE: Mapping[str, Any] = {"width": 1 / 32, "batch": 2, "limit": 4, "epochs": 1, "batches": 2, "device": "cpu"}
SAMPLES = 4


def job_of(row: Row, **changed: Any) -> Job:
    """The job of a row as it was published; `changed` (where not None) in place of it."""
    kinds = {f.name: f.type for f in fields(Job)}
    given: dict[str, Any] = {
        "recipe": row.recipe, "dataset": row.dataset, "node": row.node, "surrogate": row.surrogate, "steps": row.steps,
        "batch": row.batch, "epochs": row.epochs, "augment": row.augment, "mix": row.mix, "schedule": "braincog",
    }  # fmt: skip
    settings: dict[str, Any] = {}
    for key, text in row.settings.items():
        target, name = (given, key) if key in kinds else (settings, key)
        target[name] = _value(text)
    return replace(Job(**given, settings=settings), **{k: v for k, v in changed.items() if v is not None})


def _value(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return {"True": True, "False": False}.get(text, text)


def run_row(
    row: Row, job: Job, *, report: Callable[[str], None] = print, progress: bool = True, parts: Parts | None = None
) -> Result:
    """Train a row's job and write its model file into the job's folder; raises as `fit`, and DataError without data."""
    parts = load_parts(job, report, progress) if parts is None else parts
    if data.dataset(job.dataset).name != parts.train.name:
        raise DataError(
            f"row {row.row}: {job.dataset} is neither here nor to be had, and no other data stand in for it; name its "
            "folder with --data-dir, or try the row with --example-data"
        )
    run = Training(job, graph_of(job, parts), parts, name=row.recipe)
    report(f"{row.row}: {run.weights:,} weights, T={job.steps}, on {run.device}; published: {row.figures} %")
    run.fit(report=report, progress=progress)
    model = run.save(run.folder / "net.h5", row=row.row, published=row.published)
    return result_of(row, run, model)


def result_of(row: Row, run: Training, model: Path) -> Result:
    """What a finished run of a row gave."""
    job, last = run.job, run.rows[-1]
    best = max(run.rows, key=lambda r: r.eval_acc1)
    return Result(
        row=row.row, published=row.published, second=row.second, accuracy=last.eval_acc1, best=best.eval_acc1,
        best_epoch=best.epoch, data=run.parts.kind, train_samples=len(run.parts.train), test_samples=len(run.parts.test),
        epochs=last.epoch + 1, steps=job.steps, batch=job.batch, width=1.0 if job.width is None else job.width,
        schedule=job.schedule, augment=job.augment, mix=job.mix, seed=job.seed, weights=run.weights, samples_per_s=last.images_per_s,
        seconds=sum(r.seconds for r in run.rows), device=_device(run), date=time.strftime("%Y-%m-%d"),
        version=__version__, model=str(model),
    )  # fmt: skip


def _device(run: Training) -> str:
    if run.device.type != "cuda":
        return str(run.device)
    import torch

    return str(torch.cuda.get_device_name(run.device))


@dataclass(frozen=True)
class Smoked:
    """What two steps of a row gave; `problem` is empty where they passed. `weights` are those at full width."""

    row: str
    data: str
    shape: tuple[int, ...]
    weights: int
    seconds: float
    problem: str = ""


def smoke(
    rows: list[Row], *, data_dir: str | None = None, done: Callable[[Smoked], object] = lambda _: None,
    **changed: Any,
) -> list[Smoked]:  # fmt: skip
    """Two steps of training, an evaluation and a model file of each row.

    Shapes and steps T are the published ones, width and batch are small. Data are real where they are at hand, else
    made up in the set's layout. A row that fails is reported and the others go on.
    """
    held: dict[tuple[Any, ...], Parts] = {}
    out = []
    with tempfile.TemporaryDirectory(prefix="neurograph-smoke-") as place:
        for row in rows:
            began = time.perf_counter()
            job = job_of(row, **{**SMOKE, **changed}, data_dir=data_dir, cache=place, folder=Path(place, row.row))
            kind, weights, problem = "", 0, ""
            shape: tuple[int, ...] = ()
            try:
                key = (data.dataset(job.dataset).name, job.frames, job.steps, job.size)
                if key not in held:
                    held[key] = _tiny(job)
                parts = held[key]
                kind, shape = ("example" if parts.kind == "example" else "real"), (job.steps, *parts.train.shape)
                weights = weights_of(ng.lower(graph_of(replace(job, width=1.0), parts)))
                run_row(row, job, report=_quiet, progress=False, parts=parts)
            except (NeuroGraphError, OSError, RuntimeError) as error:
                problem = f"{type(error).__name__}: {error}"
            out.append(Smoked(row.row, kind, shape, weights, time.perf_counter() - began, problem))
            done(out[-1])
    return out


def _tiny(job: Job) -> Parts:
    """A few real samples where the files are at hand, else made-up ones."""
    try:
        for split in ("train", "test"):
            data.load(job.dataset, split, job.data_dir, download=False, limit=1)
    except DataError:
        job = replace(job, example=SAMPLES)
    return load_parts(job, _quiet)


def _quiet(text: str) -> None:
    """Says nothing."""
