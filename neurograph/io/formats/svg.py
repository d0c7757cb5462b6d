"""SVG: a drawing of the graph for papers and READMEs."""

from __future__ import annotations

from pathlib import Path

from neurograph.graph import Graph
from neurograph.io.formats.format import Format, replaced_by


class Svg(Format):
    """Populations in layers, prefixes as boxes; `caption=False` leaves out the line above."""

    name = "svg"
    endings = (".svg",)
    about = "a drawing: populations, projections, shapes and delays, for papers and READMEs"

    def write(self, graph: Graph, path: Path, *, dt: float | None = None, caption: bool = True) -> None:
        from neurograph.io.drawing.picture import picture

        replaced_by(path, picture(graph, dt=dt, caption=caption).encode())
