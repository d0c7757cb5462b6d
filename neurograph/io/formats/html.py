"""HTML: one page to look at a graph and its tape, without a server or network."""

from __future__ import annotations

from pathlib import Path

from neurograph.graph import Graph
from neurograph.io.formats.format import Format


class Html(Format):
    """The page of `neurograph.view`: `dt` is the step length its tape is made for (default: one that fits the delays)."""

    name = "html"
    endings = (".html", ".htm")
    about = "a page to look at: populations, projections, equations, the tape after each pass"

    def write(self, graph: Graph, path: Path, *, dt: float | None = None, title: str | None = None) -> None:
        from neurograph.view import to_html

        to_html(graph, path, dt=dt, title=title)
