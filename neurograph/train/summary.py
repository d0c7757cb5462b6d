"""The table of a run: one row per epoch in ``summary.csv``."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from neurograph.errors import FormatError

__all__ = ["EpochRow", "read_summary", "write_summary"]


@dataclass(frozen=True)
class EpochRow:
    """Results of one epoch: accuracies in percent, ``seconds`` for training and evaluation.

    ``data_seconds`` of them training has waited for its next batch.
    """

    epoch: int
    train_loss: float
    train_acc: float
    eval_loss: float
    eval_acc1: float
    eval_acc5: float
    lr: float
    images_per_s: float
    seconds: float
    data_seconds: float = 0.0


COLUMNS = tuple(column.name for column in fields(EpochRow))


def write_summary(path: str | os.PathLike[str], rows: Sequence[EpochRow]) -> None:
    """Write all rows; the file is the old one or the new one at every moment, never a half."""
    path = Path(path)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        epoch, *numbers = astuple(row)
        writer.writerow([epoch, *(f"{number:.8g}" for number in numbers)])
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as stream:
            stream.write(text.getvalue())
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_summary(path: str | os.PathLike[str]) -> list[EpochRow]:
    """Read all rows; raises FormatError naming the file and the line."""
    path = Path(path)
    try:
        lines = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path}: it cannot be read ({error}); give a summary.csv that fit wrote") from error
    if not lines or tuple(lines[0]) != COLUMNS:
        raise FormatError(f"{path}: line 1 is not the header {','.join(COLUMNS)}; give a summary.csv that fit wrote")
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        try:
            if len(line) != len(COLUMNS):
                raise ValueError
            epoch, *values = line
            row = EpochRow(int(epoch), *map(float, values))
        except (ValueError, TypeError) as error:
            raise FormatError(
                f"{path}: line {number} is {','.join(line)!r}; it must hold {len(COLUMNS)} numbers "
                "with a whole epoch first; correct or remove the line"
            ) from error
        rows.append(row)
    return rows
