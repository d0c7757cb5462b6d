"""The table of own results beside the published ones: a CSV (or JSON) file and the same as Markdown beside it."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from neurograph.errors import FormatError
from neurograph.suite.rows import rows

__all__ = ["Result", "markdown", "read_results", "write_results"]


@dataclass(frozen=True)
class Result:
    """What a run of a row gave: accuracies in percent on the test split.

    `data` is "real" (all of it), "limited" (the first part) or "example" (made up: its accuracy means nothing).
    """

    row: str
    published: float
    second: float | None
    accuracy: float
    best: float
    best_epoch: int
    data: str
    train_samples: int
    test_samples: int
    epochs: int
    steps: int
    batch: int
    width: float
    schedule: str
    augment: str
    mix: str
    seed: int
    weights: int
    samples_per_s: float
    seconds: float
    device: str
    date: str
    version: str
    model: str


_WHOLE = ("best_epoch", "train_samples", "test_samples", "epochs", "steps", "batch", "seed", "weights")
_REAL = ("published", "accuracy", "best", "width", "samples_per_s", "seconds")


def read_results(path: str | os.PathLike[str]) -> dict[str, Result]:
    """The results of a file by row; none where there is no file. Raises FormatError naming the line."""
    path = Path(path)
    if not path.exists():
        return {}
    try:
        text = path.read_text(encoding="utf-8")
        table = csv.DictReader(io.StringIO(text))
        lines = json.loads(text) if path.suffix == ".json" else list(table)
        if path.suffix != ".json" and "row" not in (table.fieldnames or ()):
            raise ValueError("its first line has no column 'row'")
        return {r.row: r for r in map(_result, lines)}
    except (OSError, UnicodeDecodeError, csv.Error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(
            f"{path}: no table of results ({error}); give one that bench images wrote, or a new name"
        ) from None


def _result(line: Mapping[str, Any]) -> Result:
    given: dict[str, Any] = {f.name: line[f.name] for f in fields(Result)}
    given |= {k: int(line[k]) for k in _WHOLE} | {k: float(line[k]) for k in _REAL}
    given["second"] = float(line["second"]) if line["second"] not in ("", None) else None
    return Result(**given)


def write_results(path: str | os.PathLike[str], results: Iterable[Result]) -> Path:
    """Put the results into the table, in place of earlier ones of the same rows; returns the Markdown file.

    The file is the old one or the new one at every moment.
    """
    path = Path(path)
    held = read_results(path) | {r.row: r for r in results}
    order = {r.row: k for k, r in enumerate(rows())}
    ordered = sorted(held.values(), key=lambda r: (order.get(r.row, len(order)), r.row))
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".json":
        text = json.dumps([asdict(r) for r in ordered], indent=1) + "\n"
    else:
        out = io.StringIO()
        writer = csv.DictWriter(out, [f.name for f in fields(Result)], lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: "" if v is None else v for k, v in asdict(r).items()} for r in ordered)
        text = out.getvalue()
    page = path.with_suffix(".md")
    for place, content in ((path, text), (page, markdown(ordered))):
        temporary = place.with_name(f".{place.name}.{os.getpid()}.tmp")
        temporary.write_text(content, encoding="utf-8")
        os.replace(temporary, place)
    return page


def markdown(results: Iterable[Result]) -> str:
    """Published and own figures side by side; rows that were not run have none of their own."""
    own = {r.row: r for r in results}
    head = (
        "row", "data set", "neuron", "surrogate", "network", "T", "batch", "published (%)", "here: last (%)",
        "best (%)", "data", "samples", "epochs", "schedule", "width", "T", "batch", "mix", "device", "date", "time",
    )  # fmt: skip
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join('---' for _ in head)} |"]
    for row in rows():
        cells = [
            row.row, row.dataset, row.node, row.surrogate, row.recipe, row.steps, row.batch, row.figures,
        ]  # fmt: skip
        r = own.pop(row.row, None)
        if r is None:
            cells += [""] * (len(head) - len(cells))
        else:
            example = r.data == "example"
            cells += [
                "no measure" if example else f"{r.accuracy:.2f}",
                "no measure" if example else f"{r.best:.2f} (epoch {r.best_epoch})",
                r.data, f"{r.train_samples:,} + {r.test_samples:,}", r.epochs, r.schedule, f"{r.width:g}", r.steps, r.batch,
                r.mix, r.device, r.date, f"{r.seconds:.0f} s",
            ]  # fmt: skip
        lines.append(f"| {' | '.join(map(str, cells))} |")
    notes = dict.fromkeys(n for r in rows() for n in r.note.split("; ") if n)
    text = "# Published and own results\n\nWritten by `neurograph bench images`; data: real (all of it), limited (a part) or example (made up).\n\n"
    return text + "\n".join(lines) + "\n\n" + "\n".join(f"* {n}" for n in notes) + "\n"
