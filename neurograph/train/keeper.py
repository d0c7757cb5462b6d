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
TEMPORARY = re.compile(r"\.checkpoint-\d+\.h5\.\d+\.tmp")


class Kept(NamedTuple):
    """A checkpoint on disk: its epoch (from 0), its metric (higher is better) and its file."""

    epoch: int
    metric: float
    path: Path


class Keeper:
    """Keep the last checkpoint of a folder and the ``keep`` best ones; remove the others.

    The folder is made if needed and read again at the start, so a restarted run goes on where it
    was. Left-overs of a save that was killed are removed. Use one folder per run. Raises
    TrainingError for bad settings, FormatError for a damaged checkpoint in the folder.
    """

    def __init__(self, folder: str | os.PathLike[str], keep: int = 3) -> None:
        if keep < 1:
            raise TrainingError(f"Keeper: keep is {keep}; at least 1 checkpoint must stay")
        self.folder = Path(folder)
        self.keep = keep
        self.kept: list[Kept] = []
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(self.folder.iterdir()):
            if TEMPORARY.fullmatch(path.name):
                path.unlink()
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
        return path

    def forget_after(self, epoch: int) -> None:
        """Remove checkpoints of later epochs: a run resumed at ``epoch`` writes them anew."""
        for kept in [kept for kept in self.kept if kept.epoch > epoch]:
            kept.path.unlink(missing_ok=True)
            self.kept.remove(kept)

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
