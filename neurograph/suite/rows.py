"""The rows of the table, read from rows.csv: what was published, and what to run for it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from typing import Any

from neurograph.errors import DataError

__all__ = ["Row", "chosen", "rows"]


@dataclass(frozen=True)
class Row:
    """A published accuracy (percent) and the run that it is of.

    `second` is a second figure that was published of the same row, `second_is` says which. `mix` is the augmentation
    that the second figure of a row "-/mix" was measured with. `settings` are further settings of the job, as typed.
    """

    row: str
    source: str
    dataset: str
    node: str
    surrogate: str
    recipe: str
    steps: int
    batch: int
    epochs: int
    augment: str
    mix: str
    published: float
    second: float | None
    second_is: str
    settings: dict[str, str]
    note: str

    @property
    def figures(self) -> str:
        """The published figure, or both."""
        return f"{self.published:.2f}" + ("" if self.second is None else f" / {self.second:.2f}")


@cache
def rows() -> tuple[Row, ...]:
    """All rows, in the order of their sources."""
    text = resources.files(__package__).joinpath("rows.csv").read_text(encoding="utf-8")
    return tuple(_row(line) for line in csv.DictReader(text.splitlines()))


def _row(line: dict[str, str]) -> Row:
    given: dict[str, Any] = {f.name: line[f.name] for f in fields(Row)}
    given |= {k: int(line[k]) for k in ("steps", "batch", "epochs")}
    given |= {"published": float(line["published"]), "second": float(line["second"]) if line["second"] else None}
    given["settings"] = dict(word.split("=", 1) for word in line["settings"].split())
    return Row(**given)


def chosen(names: Sequence[str] = (), **only: str | None) -> list[Row]:
    """The rows of these names (a name may be the beginning of several), kept where each field of `only` agrees.

    A field is compared without regard to case, dashes and the endings Node and Grad: "lif" is "LIFNode". Raises DataError
    for a name that no row begins with, and where nothing is left.
    """
    found = rows()
    if names:
        picked: dict[str, Row] = {}
        for name in names:
            here = [r for r in found if r.row == name] or [r for r in found if r.row.startswith(name)]
            if not here:
                raise DataError(f"no row {name!r}; `neurograph bench images` lists them all")
            picked |= {r.row: r for r in here}
        found = tuple(picked.values())
    for key, value in only.items():
        if value is not None:
            here = [r for r in found if same(getattr(r, key), value)]
            if not here:
                known = sorted({str(getattr(r, key)) for r in found} - {""})
                raise DataError(f"no row with {key} {value!r}; among these rows there are {', '.join(known)}")
            found = tuple(here)
    return list(found)


def same(held: str, typed: str) -> bool:
    """Whether two names of a data set, a neuron or a surrogate are one."""
    return _plain(held) == _plain(typed) or (_alias(held) is not None and _alias(held) == _alias(typed))


def _plain(name: str) -> str:
    text = "".join(c for c in name.lower() if c.isalnum())
    for ending in ("node", "grad"):
        text = text.removesuffix(ending)
    return text


def _alias(name: str) -> str | None:
    """The data set's own name; None for what is none."""
    from neurograph.data import dataset

    try:
        return dataset(name).name
    except DataError:
        return None
