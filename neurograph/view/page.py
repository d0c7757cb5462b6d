"""One self-contained HTML page: template, styles, scripts and data in one file that loads nothing."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from neurograph.errors import DataError
from neurograph.version import __version__
from neurograph.view.data import Reader
from neurograph.view.overlay import overlay_data
from neurograph.view.subject import Subject, subject_of
from neurograph.view.tapes import Lines, tapes_of

_ROOM = Path(__file__).parent
SCRIPTS = (
    "dom.js", "tree.js", "boxes.js", "layers.js", "layout.js", "routes.js", "style.js", "values.js", "panel.js", "tape.js",
    "outline.js", "drawing.js", "keys.js", "main.js",
)  # fmt: skip
LIBRARIES = ("cytoscape", "dagre")


def to_html(
    what: Any, path: str | Path | None = None, *, dt: float | None = None, overlay: Any = None, title: str | None = None
) -> str:
    """The page of a graph, a tape or a program, written to `path` if given.

    dt: of a graph, one that fits its delays unless given; a tape and a program have their own. overlay: an Overlay, or a dict of what one takes. A graph that
    is not complete is shown as far as it goes, with the error. Weights appear as histograms, never as values.
    """
    subject = subject_of(what, dt)
    text = page(subject, overlay, title)
    if path is not None:
        try:
            Path(path).write_text(text, encoding="utf-8")
        except OSError as error:
            raise DataError(
                f"to_html({str(path)!r}): {error}. Choose a folder that exists and can be written"
            ) from None
    return text


def page(subject: Subject, overlay: Any = None, title: str | None = None) -> str:
    name = title if title is not None else subject.graph.name
    data = {
        "title": name, "name": subject.graph.name, "version": __version__, "dt": subject.dt,
        "problem": subject.problem, "program": _program(subject), **Reader(subject).data(), "tape": tapes_of(subject),
        "overlay": overlay_data(overlay, subject.final, Lines(subject.graph).element),
    }  # fmt: skip
    scripts = [*(_library(n) for n in LIBRARIES), "\n".join(_read(n) for n in SCRIPTS)]
    filled = {
        "title": html.escape(name),
        "policy": " ".join(_hash(s) for s in scripts),
        "style": _read("page.css"),
        "libraries": "\n".join(f"<script>{s}</script>" for s in scripts[:-1]),
        "licences": html.escape("\n\n".join(_licence(n) for n in LIBRARIES)),
        "data": embedded(data),
        "page": f"<script>{scripts[-1]}</script>",
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda m: filled[m[1]], _read("page.html"))


def embedded(data: Any) -> str:
    """JSON that cannot end the element it stands in: a `<` of a name or a path is written as an escape."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _program(subject: Subject) -> str:
    program = subject.program
    if program is None:
        return ""
    dtype = str(getattr(program, "dtype", "")).removeprefix("torch.")
    return f"{program.backend} program, {dtype} on {getattr(program, 'device', 'cpu')}"


@cache
def _read(name: str) -> str:
    return (_ROOM / name).read_text(encoding="utf-8")


@cache
def _library(name: str) -> str:
    """A vendored script as it is, without addresses in its comments: nothing in the page may look like one."""
    text = _read(f"vendor/{name}.min.js")
    text = re.sub(r"https?://", "", text)
    return re.sub(r"\n?//# sourceMappingURL=\S*", "", text)


def _licence(name: str) -> str:
    return f"{name}\n\n" + _read(f"vendor/{name}.LICENSE.txt")


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
