"""A graph drawn as SVG: text only, no scripts, no outside address, light and dark."""

from __future__ import annotations

from collections import Counter
from html import escape
from textwrap import wrap

from neurograph.graph import Graph
from neurograph.io.drawing.facts import (
    EdgeFacts,
    Facts,
    NodeFacts,
    count_text,
    facts_of,
    label_lines,
    short,
    summary_line,
)
from neurograph.io.drawing.layers import Point
from neurograph.io.drawing.layout import Drawn, Line, Size, layout
from neurograph.io.drawing.text import TIMES, width_of
from neurograph.io.drawing.tree import titles_of, tree_of

NAME, SMALL, LABEL, ROW = 13.0, 11.0, 10.5, 13.0  # sizes of text, height of a row of a label
MARGIN = 24.0
FONT = "-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Helvetica,Arial,sans-serif"
_COLORS = (  # class, what, light, dark
    (".paper", "fill", "#ffffff", "#14181d"),
    (".group", "fill", "#f5f7f9", "#1a2027"),
    (".group", "stroke", "#ccd4dc", "#37424e"),
    (".box", "stroke", "#3b4a5a", "#8b9bab"),
    (".input .box", "fill", "#fff3d9", "#40361f"),
    (".population .box", "fill", "#e6f0fb", "#1f3145"),
    (".source .box", "fill", "#f0eafa", "#322a45"),
    (".output .box", "fill", "#e2f5e8", "#1d3a29"),
    (".name", "fill", "#17212b", "#eef3f8"),
    (".what,.title", "fill", "#55626f", "#a9b6c3"),
    (".way", "stroke", "#5b6b7b", "#93a3b3"),
    (".tip", "fill", "#5b6b7b", "#93a3b3"),
    (".exc", "stroke", "#2f74c0", "#6aa9ec"),
    (".tip-exc", "fill", "#2f74c0", "#6aa9ec"),
    (".inh", "stroke", "#c2452d", "#ee8368"),
    (".tip-inh", "fill", "#c2452d", "#ee8368"),
    (".label", "fill", "#3d4a57", "#c3ced9"),
    (".label", "stroke", "#ffffff", "#14181d"),
    (".grouped .label,.title", "stroke", "#f5f7f9", "#1a2027"),
    (".late", "fill", "#9a5b00", "#e7b75f"),
)


def picture(graph: Graph, *, dt: float | None = None, caption: bool = True) -> str:
    """The SVG text of a graph; one that is not complete is drawn without the shapes that are not known."""
    return drawn(facts_of(graph, dt), caption=caption)


def drawn(facts: Facts, *, caption: bool = True) -> str:
    """The SVG text of a graph's facts."""
    rows = {n.name: _rows(n) for n in facts.nodes}
    sizes: dict[str, Size] = {}
    labels = [label_lines(e) for e in facts.edges]
    names = [n.name for n in facts.nodes]
    tree = tree_of(names, [(e.source, e.target) for e in facts.edges])
    titles = titles_of(tree)
    for n in facts.nodes:
        wide = max(width_of(titles[n.name], NAME, True), *(width_of(t, SMALL) for t in rows[n.name]), 60.0) + 26.0
        sizes[n.name] = Size(wide, 16.0 + 17.0 + 14.0 * len(rows[n.name]) - 3.0)
    lines = [Line(e.source, e.target, _label_size(t)) for e, t in zip(facts.edges, labels, strict=True)]
    made = layout(tree, sizes, lines)
    head = (30.0 if caption else 0.0) + MARGIN
    notes = _notes(facts, made)
    width = max(made.size.width, *(width_of(t, SMALL) for t in notes), _caption_width(facts) if caption else 0.0)
    height = made.size.height + head + MARGIN + 16.0 * len(notes)
    left = MARGIN + (width - made.size.width) / 2
    out = [*_frame(facts, width + 2 * MARGIN, height)]
    if caption:
        name = escape(short(facts.name, 60))
        out.append(f'<text class="name" x="{MARGIN:g}" y="{MARGIN + 8:g}" style="font-size:15px">{name}')
        out.append(
            f'<tspan class="what" dx="10" style="font-size:12px;font-weight:400">{escape(summary_line(facts))}</tspan></text>'
        )
    out.append(f'<g transform="translate({left:.1f} {head:.1f})">')
    for _, x, y, size, _ in made.groups:
        out.append(
            f'<rect class="group" x="{x:.1f}" y="{y:.1f}" width="{size.width:.1f}" height="{size.height:.1f}" rx="10"/>'
        )
    for k, edge in enumerate(facts.edges):
        out.append(_way(edge, made.ways.get(k, []), k in made.rings))
    for title, x, y, _, _ in made.groups:
        out.append(f'<text class="title" x="{x + 12:.1f}" y="{y + 19:.1f}">{escape(title)}</text>')
    for n in facts.nodes:
        out.append(_node(n, made.nodes[n.name], sizes[n.name], titles[n.name], rows[n.name]))
    for k, said in enumerate(labels):
        if k in made.labels and said:
            out.append(_label(said, made.labels[k], lines[k].label if k not in made.rings else None, made))
    out.append("</g>")
    for k, text in enumerate(notes):
        out.append(f'<text class="what" x="{MARGIN:g}" y="{height - MARGIN + 10 - 16 * (len(notes) - 1 - k):.1f}">{escape(text)}</text>')  # fmt: skip
    return "\n".join([*out, "</svg>", ""])


def _frame(facts: Facts, width: float, height: float) -> list[str]:
    light = "".join(f"{c}{{{what}:{a}}}" for c, what, a, _ in _COLORS)
    dark = "".join(f"{c}{{{what}:{b}}}" for c, what, _, b in _COLORS)
    markers = "".join(
        f'<marker id="tip{kind}" viewBox="0 0 10 10" refX="9" refY="5" markerUnits="userSpaceOnUse" markerWidth="9" '
        f'markerHeight="9" orient="auto"><path class="tip{kind}" d="{shape}"/></marker>'
        for kind, shape in (
            ("", "M0 .8 10 5 0 9.2 2.4 5Z"), ("-exc", "M0 .8 10 5 0 9.2 2.4 5Z"),
            ("-inh", "M5 5m-4.2 0a4.2 4.2 0 1 0 8.4 0a4.2 4.2 0 1 0-8.4 0"),
        )
    )  # fmt: skip
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img">',
        f"<title>{escape(facts.name)}</title>",
        f"<desc>{escape(summary_line(facts))}</desc>",
        f"<style>text{{font-family:{FONT};font-size:{SMALL:g}px}}.name{{font-weight:600;font-size:{NAME:g}px}}"
        f".title{{font-size:12px;font-weight:600}}.label{{font-size:{LABEL:g}px}}.label,.title{{stroke-width:3px;paint-order:stroke;"
        "stroke-linejoin:round}.box{stroke-width:1.2px}.way{fill:none;stroke-width:1.4px}.ring{stroke-width:1.2px;opacity:.75}"
        f".back{{stroke-dasharray:5 3}}{light}@media (prefers-color-scheme:dark){{{dark}}}</style>",
        f"<defs>{markers}</defs>",
        f'<rect class="paper" width="{width:.0f}" height="{height:.0f}"/>',
    ]


def _rows(n: NodeFacts) -> list[str]:
    """What stands under a node's name."""
    rows = [] if n.kind != "population" and n.type in ("Direct", "Mean") else [short(n.what, 26)]
    if n.shape is not None:
        rows.append(TIMES.join(f"{s:,}" if len(n.shape) == 1 else str(s) for s in n.shape))
    return rows


def _label_size(lines: list[str]) -> Size:
    if not lines:
        return Size(0.0, 0.0)
    return Size(max(width_of(t, LABEL) for t in lines) + 4.0, ROW * len(lines))


def _caption_width(facts: Facts) -> float:
    return width_of(short(facts.name, 60), 15.0, True) + 10.0 + width_of(summary_line(facts), 12.0)


def _notes(facts: Facts, made: Drawn) -> list[str]:
    """What the drawing leaves out, and what its signs mean."""
    notes = []
    signs = {e.sign for e in facts.edges}
    if -1 in signs:
        notes.append("Arrows excite, dots inhibit.")
    if made.unlabelled:
        said = Counter(
            (" > ".join(p.type for p in facts.edges[k].parts), facts.edges[k].delay) for k in made.unlabelled
        )
        for (parts, delay), count in said.most_common(4):
            notes.append(f"{count} {TIMES} {parts or 'one to one'}{f', delay {delay}' if delay else ''}")
    if facts.problem:
        notes += wrap(f"Not complete: {facts.problem}", 76, max_lines=4, placeholder=" …")
    return notes


def _way(edge: EdgeFacts, curves: list[list[Point]], ring: bool) -> str:
    if not curves:
        return ""
    x, y = curves[0][0]
    path = f"M{x:.1f} {y:.1f}" + "".join(_segment(c) for c in curves)
    sign = {1: "exc", -1: "inh"}.get(edge.sign, "")
    names = ["way", *([sign] if sign else []), *(["ring"] if ring else ["back"] if edge.closing else [])]
    tip = f"tip-{sign}" if sign else "tip"
    said = ", ".join([f"{edge.name}: {edge.source} → {edge.target}", *label_lines(edge, 9), *_counts(edge)])
    return f'<path class="{" ".join(names)}" marker-end="url(#{tip})" d="{path}"><title>{escape(said)}</title></path>'


def _segment(c: list[Point]) -> str:
    (x0, _), (x1, _), _, (x, y) = c
    if x0 == x1 == x:
        return f"L{x:.1f} {y:.1f}"
    return "C" + " ".join(f"{px:.1f} {py:.1f}" for px, py in c[1:])


def _counts(edge: EdgeFacts) -> list[str]:
    said = [f"{count_text(edge.weights)} weights"] if edge.weights else []
    return said + ([f"{count_text(edge.synapses)} synapses"] if edge.synapses else [])


def _node(n: NodeFacts, at: Point, size: Size, title: str, rows: list[str]) -> str:
    (x, y), w, h = at, size.width, size.height
    kind = "source" if n.kind == "population" and not n.inputs else n.kind
    top = y - h / 2
    texts = [f'<text class="name" x="{x:.1f}" y="{top + 20:.1f}">{escape(title)}</text>']
    texts += [
        f'<text class="what" x="{x:.1f}" y="{top + 35 + 14 * k:.1f}">{escape(t)}</text>' for k, t in enumerate(rows)
    ]
    said = f"{n.kind} {n.name}: {n.what}"
    return (
        f'<g class="{kind}" text-anchor="middle"><title>{escape(said)}</title><rect class="box" x="{x - w / 2:.1f}" '
        f'y="{top:.1f}" width="{w:.1f}" height="{h:.1f}" rx="{h / 2 if kind in ("input", "output") else 7:.1f}"/>'
        + "".join(texts)
        + "</g>"
    )


def _label(lines: list[str], at: Point, size: Size | None, made: Drawn) -> str:
    """Text around a point; with a size it begins at the left, beside its line."""
    x, y = at
    left = x if size is None else x - size.width / 2 + 2.0
    top = y - ROW * len(lines) / 2 + 10.0
    rows = []
    for k, text in enumerate(lines):
        late = ' class="late"' if text.startswith("delay ") else ""
        rows.append(f'<tspan x="{left:.1f}" y="{top + ROW * k:.1f}"{late}>{escape(text)}</tspan>')
    anchor = ' text-anchor="middle"' if size is None else ""
    made_text = f'<text class="label"{anchor}>{"".join(rows)}</text>'
    return f'<g class="grouped">{made_text}</g>' if _grouped(made, at) else made_text


def _grouped(made: Drawn, at: Point) -> bool:
    x, y = at
    return any(gx <= x <= gx + s.width and gy <= y <= gy + s.height for _, gx, gy, s, _ in made.groups)
