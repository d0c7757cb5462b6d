"""Checkpoints of a run: what goes into one, and going on from it."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from neurograph.train import checkpoint
from neurograph.train.failures import TrainingError
from neurograph.train.keeper import Keeper
from neurograph.train.meter import Meter
from neurograph.train.run import Place, Run
from neurograph.train.summary import EpochRow, read_summary, write_summary

__all__ = ["SUMMARY", "begin", "save_epoch", "save_within"]

SUMMARY = "summary.csv"


def save_epoch(run: Run, place: Place) -> None:
    """Write the table, then the checkpoint of its last epoch; in all processes, of which the first writes."""
    states = _states(run)
    if run.keeper is None or not run.ranks.first:
        return
    if run.logs is not None:
        run.logs.flush()
    # The table first: if the run is killed in between, the row is dropped on resume. The other
    # way round it would be missing for good.
    write_summary(run.keeper.folder / SUMMARY, place.rows)
    row = place.rows[-1]
    run.keeper.save(row.epoch, row.eval_acc1, meta={"row": asdict(row)}, **states)


def save_within(run: Run, epoch: int, step: int, meter: Meter, seconds: float, waited: float, begun: Tensor) -> None:
    """Write a checkpoint of an epoch's first ``step`` batches; in all processes, of which the first writes."""
    states = _states(run)
    begun_everywhere = run.ranks.gathered(begun)
    # Of all processes, since those that go on count from it.
    meters = [meter.state_dict()] if run.ranks.world == 1 else _of_all(run, meter)
    if run.keeper is None or not run.ranks.first:
        return
    if run.logs is not None:
        run.logs.flush()
    states["extra"]["begun"] = begun_everywhere
    within = {"epoch": epoch, "step": step, "meters": meters, "seconds": seconds, "data_seconds": waited}
    within |= _cut(run)
    run.keeper.save_within(epoch, step, meta={"within": within}, **states)


def begin(run: Run, resume: str | os.PathLike[str] | None) -> Place:
    """Where to start and the rows before it, after loading what ``resume`` names."""
    keeper = run.keeper
    if resume is None:
        if keeper is not None and (keeper.newest is not None or (keeper.folder / SUMMARY).exists()):
            raise TrainingError(
                f"fit: {keeper.folder} holds an earlier run and resume is not set; a run needs a "
                "folder of its own; choose another one, or continue with resume='last'"
            )
        run.ranks.spread_random()
        return Place()
    path = _path(keeper, resume)
    if path is None:
        run.report("No checkpoint to resume from; starting with epoch 0.")
        run.ranks.spread_random()
        return Place()
    saved = checkpoint.load(path)
    try:
        place = _restored(run, saved, path)
    except (RuntimeError, ValueError, KeyError, TypeError, IndexError) as error:
        raise TrainingError(
            f"{path}: it does not fit this model, optimizer or schedule ({error}); resume with those of the first run"
        ) from error
    if keeper is not None:
        place.rows = _rows_before(keeper, path, place.epoch)
        run.ranks.gathered(torch.zeros(1))  # all have looked into the folder, before the first one changes it
        if run.ranks.first and _own(keeper, path):
            keeper.forget_after(place.epoch - 1, but=path)
        elif run.ranks.first and place.rows:
            # at once: a run that is killed within its first epoch here is resumed in this folder
            write_summary(keeper.folder / SUMMARY, place.rows)
    where = f"epoch {place.epoch}, step {place.step}" if place.step else f"epoch {place.epoch - 1}"
    run.report(f"Resumed from {path} ({where}).")
    return place


def _own(keeper: Keeper, path: Path) -> bool:
    """Whether a checkpoint lies in the keeper's folder."""
    return path.resolve().parent == keeper.folder.resolve()


def _rows_before(keeper: Keeper, path: Path, epoch: int) -> list[EpochRow]:
    """The rows of the table beside a checkpoint that come before an epoch.

    Raises TrainingError where the checkpoint lies elsewhere than in the keeper's folder, and that holds a run.
    """
    table, mine = path.resolve().parent / SUMMARY, keeper.folder / SUMMARY
    rows = [row for row in (read_summary(table) if table.exists() else []) if row.epoch < epoch]
    # a table of just these rows is what an earlier attempt at the same left
    if not _own(keeper, path) and (keeper.newest is not None or (mine.exists() and read_summary(mine) != rows)):
        raise TrainingError(
            f"fit: {keeper.folder} holds an earlier run, and resume names a checkpoint of another folder ({path}); a run "
            "needs a folder of its own: choose an empty one or the checkpoint's, or continue with resume='last'"
        )
    return rows


def _restored(run: Run, saved: checkpoint.Checkpoint, path: Path) -> Place:
    run.model.load_state_dict(saved.model)
    run.optimizer.load_state_dict(saved.optimizer or {})
    for name, part in run.parts().items():
        if (part is None) != (saved.extra.get(name) is None):
            raise TrainingError(
                f"{path}: it was saved {'with' if part is None else 'without'} a {name}, this "
                f"run is {'without' if part is None else 'with'} one; resume with the settings "
                "of the first run"
            )
        if part is not None:
            part.load_state_dict(saved.extra[name])
    states = saved.extra.get("ranks")
    rank, world = run.ranks.rank, run.ranks.world
    if (len(states) if states else 1) != world:
        run.report(f"{path} was saved by {len(states) if states else 1} processes; random numbers go on differently.")
        states = None

    def random() -> None:
        saved.restore_random()
        if states:
            torch.set_rng_state(states[rank])

    random()
    if (states is None) and world > 1:
        run.ranks.spread_random()
    if "within" not in saved.meta:
        return Place(int(saved.meta["row"]["epoch"]) + 1)
    within = saved.meta["within"]
    if len(within["meters"]) != world:
        raise TrainingError(
            f"{path}: it was saved within an epoch by {len(within['meters'])} processes, this run has {world}; resume "
            "with as many, or from a checkpoint of a whole epoch"
        )
    for name, now in _cut(run).items():
        if within[name] != now:
            raise TrainingError(
                f"{path}: it was saved within an epoch with {name} {within[name]}, this run has {now}; resume with the "
                "settings of the first run, or from a checkpoint of a whole epoch"
            )
    return Place(
        int(within["epoch"]), int(within["step"]), meter=within["meters"][rank], seconds=float(within["seconds"]),
        data_seconds=float(within["data_seconds"]), random=random, begun=saved.extra["begun"][rank],
    )  # fmt: skip


def _path(keeper: Keeper | None, resume: str | os.PathLike[str]) -> Path | None:
    if resume != "last":
        return Path(resume)
    if keeper is None:
        raise TrainingError("fit: resume='last' needs a keeper, in whose folder to look; give keeper=Keeper(folder)")
    return keeper.newest


def _states(run: Run) -> dict[str, Any]:
    """The states, with the random state of each process (the CPU's: loaders and dropout there draw from it)."""
    states = run.states()
    if run.ranks.world > 1:
        states["extra"]["ranks"] = run.ranks.gathered(torch.get_rng_state())
    return states


def _cut(run: Run) -> dict[str, int]:
    """What must be the same for a step of an epoch to be the same place."""
    return {"batches": run.total, "accumulate": run.updater.settings.accumulate}


def _of_all(run: Run, meter: Meter) -> list[dict[str, Any]]:
    state = meter.state_dict()
    numbers = [state["total"], state["weight"], state["images"], state["read"], *state["hits"]]
    every = run.ranks.gathered(torch.tensor(numbers, dtype=torch.float64))
    return [
        {"total": t, "weight": w, "images": int(n), "read": int(r), "hits": [int(h) for h in hits]}
        for t, w, n, r, *hits in (one.tolist() for one in every)
    ]
