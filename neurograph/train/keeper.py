"""Which checkpoints of a run stay on disk."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from neurograph.train import checkpoint
from neurograph.train.failures import TrainingError

__all__ = ["Keeper", "Kept"]

NAME = re.compile(r"checkpoint-(\d+)\.h5")
WITHIN = re.compile(r"within-(\d+)-(\d+)\.h5")
TEMPORARY = re.compile(r"\.(checkpoint-\d+|within-\d+-\d+)\.h5\.\d+\.tmp")


class Kept(NamedTuple):
    """A checkpoint on disk: its epoch (from 0), its metric (higher is better) and its file."""

    epoch: int
    metric: float
    path: Path


class Within(NamedTuple):
    """A checkpoint within an epoch: its epoch, how many of its batches are done, and its file."""

    epoch: int
    step: int
    path: Path


class Keeper:
    """Keep the last checkpoint of a folder and the ``keep`` best ones; remove the others.

    With ``every``, there is one more within each epoch, after every so many updates, that the next one replaces.

    The folder is made if needed and read again at the start, so a restarted run goes on where it
    was. Left-overs of a save that was killed are removed. Use one folder per run. Raises
    TrainingError for bad settings, FormatError for a damaged checkpoint in the folder.
    """

    def __init__(self, folder: str | os.PathLike[str], keep: int = 3, every: int | None = None) -> None:
        if keep < 1:
            raise TrainingError(f"Keeper: keep is {keep}; at least 1 checkpoint must stay")
        if every is not None and every < 1:
            raise TrainingError(
                f"Keeper: every is {every}; it must be 1 update or more, or None for none within epochs"
            )
        self.folder = Path(folder)
        self.keep = keep
        self.every = every
        self.kept: list[Kept] = []
        self._within: list[Within] = []
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(self.folder.iterdir()):
            if TEMPORARY.fullmatch(path.name):
                path.unlink(missing_ok=True)  # another process of the run may have been faster
            elif match := WITHIN.fullmatch(path.name):
                self._within.append(Within(int(match.group(1)), int(match.group(2)), path))
            elif NAME.fullmatch(path.name):
                header = checkpoint.peek(path)
                epoch = header.epoch if header.epoch is not None else _epoch_of(path)
                self.kept.append(Kept(epoch, _number(header.metric), path))
        self._sort()

    @property
    def best(self) -> Kept | None:
        """The checkpoint with the highest metric, the earlier one of equals."""
        return self.kept[0] if self.kept else None

    @property
    def last(self) -> Kept | None:
        """The checkpoint of the highest epoch."""
        return max(self.kept, key=lambda kept: kept.epoch, default=None)

    @property
    def newest(self) -> Path | None:
        """The checkpoint that a run goes on from: the last epoch's, or one within the epoch after it."""
        last = self.last
        within = max(self._within, default=None)
        if within is not None and (last is None or within.epoch > last.epoch):
            return within.path
        return None if last is None else last.path

    def save_within(self, epoch: int, step: int, **parts: Any) -> Path:
        """Write the checkpoint of an epoch's first ``step`` batches, then remove the one before it; returns its path."""
        path = self.folder / f"within-{epoch:04d}-{step:06d}.h5"
        checkpoint.save(path, epoch=epoch, **parts)
        self._drop_within(but=path)
        self._within = [Within(epoch, step, path)]
        return path

    def save(
        self,
        epoch: int,
        metric: float,
        *,
        model: Mapping[str, Any],
        optimizer: Mapping[str, Any] | None = None,
        meta: Mapping[str, Any] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Path:
        """Write the checkpoint of an epoch, then remove what need not stay; returns its path."""
        path = self.folder / f"checkpoint-{epoch:04d}.h5"
        checkpoint.save(
            path,
            model=model,
            optimizer=optimizer,
            meta=meta,
            extra=extra,
            epoch=epoch,
            # JSON has no NaN; a run without a usable metric ranks last on reading, too.
            metric=metric if math.isfinite(metric) else None,
        )
        self.kept = [kept for kept in self.kept if kept.path != path]
        self.kept.append(Kept(epoch, _number(metric), path))
        self._sort()
        for extra_one in [kept for kept in self.kept[self.keep :] if kept != self.last]:
            extra_one.path.unlink(missing_ok=True)
            self.kept.remove(extra_one)
        self._drop_within()
        return path

    def forget_after(self, epoch: int, but: Path | None = None) -> None:
        """Remove checkpoints of later epochs, except one: a run resumed at ``epoch`` writes them anew."""
        self._drop_within(but)
        for kept in [kept for kept in self.kept if kept.epoch > epoch]:
            kept.path.unlink(missing_ok=True)
            self.kept.remove(kept)

    def _drop_within(self, but: Path | None = None) -> None:
        """Remove the checkpoints within epochs, except one, however its path is spelt."""
        place = None if but is None else but.resolve()
        stay = [within for within in self._within if within.path.resolve() == place]
        for within in self._within:
            if within not in stay:
                within.path.unlink(missing_ok=True)
        self._within = stay

    def lines(self) -> list[str]:
        """The kept checkpoints as text, best first."""
        return ["Current checkpoints:", *(f" {k.path} ({k.metric:.2f})" for k in self.kept)]

    def best_line(self) -> str:
        """The best metric as text."""
        best = self.best
        if best is None:
            return "*** Best metric: none yet ***"
        return f"*** Best metric: {best.metric:.2f} (epoch {best.epoch}) ***"

    def _sort(self) -> None:
        self.kept.sort(key=lambda kept: (-kept.metric, kept.epoch))


def _number(metric: float | None) -> float:
    return metric if metric is not None and math.isfinite(metric) else -math.inf


def _epoch_of(path: Path) -> int:
    match = NAME.fullmatch(path.name)
    return int(match.group(1)) if match else -1
