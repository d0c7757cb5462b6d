"""The page on formats: its examples run, and it names every format with its endings and options."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from neurograph import models
from neurograph.io.drawing.picture import picture
from neurograph.io.formats import FORMATS

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "formats.md").read_text()


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    space: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.S):
        if "net.nir" in block and importlib.util.find_spec("nir") is None:
            continue
        exec(block, space)


def test_every_format_is_there() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    for f in FORMATS.values():
        (row,) = (r for r in rows if r.startswith(f"| `{f.name}` |"))
        cells = [c.strip() for c in row.strip("|").split("|")]
        assert cells[1].split() == [f"`{e}`" for e in f.endings]
        assert cells[2] == ("yes" if f.reads else "no")
        assert ("the whole graph" in cells[3] or "everything" in cells[3]) == f.whole


def test_its_picture_is_drawn_by_this_version() -> None:
    assert (ROOT / "docs" / "microcircuit.svg").read_text() == picture(models.microcircuit())
