"""What a run writes down besides its table: a line per step, and TensorBoard's files."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from neurograph.errors import FormatError
from neurograph.train.failures import TrainingError
from neurograph.train.summary import EpochRow

__all__ = ["LogWriter", "Logs"]

STEPS = "steps.csv"
TENSORBOARD = "tensorboard"
HEADER = ("epoch", "step", "loss", "lr")


@dataclass(frozen=True)
class Logs:
    """Settings: ``steps`` writes steps.csv, ``tensorboard`` event files, both into ``folder`` (default: the keeper's).

    steps.csv has epoch, step (batch), loss and lr of every batch; of several processes those of rank 0. TensorBoard
    gets the same and the table's columns, over the number of batches so far; it needs the extra 'tensorboard'.
    A resumed run goes on in the same files, without what was written after its checkpoint.
    """

    steps: bool = False
    tensorboard: bool = False
    folder: str | os.PathLike[str] | None = None


class LogWriter:
    """Open logs of a run that starts at a batch of an epoch with ``total`` batches; raises TrainingError."""

    def __init__(self, settings: Logs, folder: Path | None, epoch: int, step: int, total: int) -> None:
        self.total = total
        self._lines: TextIO | None = None
        self._board: Any = None
        if not (settings.steps or settings.tensorboard):
            return
        if settings.folder is not None:
            folder = Path(settings.folder)
        if folder is None:
            raise TrainingError("fit: logs need a folder; give Logs(folder=...) or a keeper")
        folder.mkdir(parents=True, exist_ok=True)
        if settings.tensorboard:
            self._board = _board(folder / TENSORBOARD, epoch * total + step)
        if settings.steps:
            self._lines = _reopened(folder / STEPS, (epoch, step))

    @property
    def wanted(self) -> bool:
        """Whether steps are written at all."""
        return self._lines is not None or self._board is not None

    def step(self, epoch: int, step: int, loss: float, lr: float) -> None:
        """A batch that was trained on."""
        if self._lines is not None:
            self._lines.write(f"{epoch},{step},{loss:.8g},{lr:.8g}\n")
        if self._board is not None:
            place = epoch * self.total + step
            self._board.add_scalar("step/loss", loss, place)
            self._board.add_scalar("step/lr", lr, place)

    def epoch(self, row: EpochRow) -> None:
        """A row of the table."""
        if self._board is not None:
            for name, value in asdict(row).items():
                if name != "epoch":
                    self._board.add_scalar(f"epoch/{name}", value, (row.epoch + 1) * self.total)
        self.flush()

    def flush(self) -> None:
        """Hand what is written to the system; before a checkpoint, so that nothing before it is missing."""
        if self._lines is not None:
            self._lines.flush()
        if self._board is not None:
            self._board.flush()

    def close(self) -> None:
        """End the files."""
        for file in (self._lines, self._board):
            if file is not None:
                file.close()


def _board(folder: Path, start: int) -> Any:
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise TrainingError(
            "fit: Logs(tensorboard=True) needs tensorboardX, which writes the files; install the extra 'tensorboard': "
            "pip install 'neurograph[tensorboard]'"
        ) from error
    return SummaryWriter(str(folder), purge_step=start or None)


def _reopened(path: Path, start: tuple[int, int]) -> TextIO:
    """The file with the lines before ``start``, open behind them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    if start != (0, 0) and path.exists():
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.reader(stream))
        if not rows or tuple(rows[0]) != HEADER:
            raise FormatError(f"{path}: line 1 is not the header {','.join(HEADER)}; move the file away")
        for row in rows[1:]:
            # The last line may be torn where the process was killed; what is after the checkpoint comes again.
            if len(row) != len(HEADER) or not (row[0].isdigit() and row[1].isdigit()):
                break
            if (int(row[0]), int(row[1])) < start:
                writer.writerow(row)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text.getvalue(), encoding="utf-8")
    os.replace(temporary, path)
    return path.open("a", encoding="utf-8", newline="")
