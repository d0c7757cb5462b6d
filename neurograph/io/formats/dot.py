"""DOT: a graph as text for Graphviz, which lays it out; the text is written without Graphviz."""

from __future__ import annotations

from pathlib import Path

from neurograph.graph import Graph
from neurograph.io.drawing.facts import EdgeFacts, Facts, NodeFacts, facts_of, label_lines, short
from neurograph.io.drawing.text import TIMES
from neurograph.io.drawing.tree import Group, titles_of, tree_of
from neurograph.io.formats.format import Format, replaced_by

_FILL = {"input": "#fff3d9", "population": "#e6f0fb", "output": "#e2f5e8"}
_SHAPE = {"input": 'box, style="rounded,filled"', "population": "box", "output": 'box, style="rounded,filled"'}
_COLOR = {1: "#2f74c0", -1: "#c2452d", 0: "#5b6b7b"}


class Dot(Format):
    """A digraph: prefixes are clusters, projections that lead back in a cycle dashed, `ranksep` and the like left to dot."""

    name = "dot"
    endings = (".dot", ".gv")
    about = "text for Graphviz: clusters, shapes, delays"

    def write(self, graph: Graph, path: Path, *, dt: float | None = None) -> None:
        replaced_by(path, dot_text(graph, dt=dt).encode())


def dot_text(graph: Graph, *, dt: float | None = None) -> str:
    """A graph in the language of Graphviz."""
    facts = facts_of(graph, dt)
    tree = tree_of([n.name for n in facts.nodes])
    out = [
        f"digraph {_quoted(facts.name)} {{",
        '  graph [fontname="Helvetica", fontsize=12, compound=true, nodesep=0.35, ranksep=0.5];',
        '  node [fontname="Helvetica", fontsize=11, style=filled, color="#3b4a5a"];',
        '  edge [fontname="Helvetica", fontsize=9, color="#5b6b7b", fontcolor="#3d4a57", arrowsize=0.7];',
    ]
    out += _group(tree, {n.name: n for n in facts.nodes}, titles_of(tree), "  ")
    out += [f"  {_edge(e)};" for e in facts.edges]
    return "\n".join([*out, *_problem(facts), "}", ""])


def _group(group: Group, nodes: dict[str, NodeFacts], titles: dict[str, str], space: str) -> list[str]:
    out = []
    for child in group.children:
        if isinstance(child, str):
            out.append(f"{space}{_node(nodes[child], titles[child])};")
            continue
        out += [
            f"{space}subgraph {_quoted('cluster_' + child.prefix)} {{",
            f'{space}  label={_quoted(child.title)}; labeljust=l; style="rounded,filled"; color="#ccd4dc"; '
            'fillcolor="#f5f7f9";',
            *_group(child, nodes, titles, space + "  "),
            f"{space}}}",
        ]
    return out


def _node(n: NodeFacts, title: str) -> str:
    rows = [title, short(n.what, 40)]
    if n.shape is not None:
        rows.append(TIMES.join(map(str, n.shape)))
    about = {"tooltip": f"{n.kind} {n.name}: {n.what}"}
    return (
        f'{_quoted(n.name)} [label={_lines(rows)}, shape={_SHAPE[n.kind]}, fillcolor="{_FILL[n.kind]}", {_list(about)}]'
    )


def _edge(e: EdgeFacts) -> str:
    said = {"id": e.name, "tooltip": f"{e.name}: {' > '.join(p.what for p in e.parts) or 'one to one'}"}
    if e.ports > 1:
        said["headlabel"] = e.port
    rows = [t for t in label_lines(e, 6) if t != f"to {e.port}"]
    more = [f"label={_lines(rows)}"] if rows else []
    if e.closing:
        # the order of declaration decides what is above, not Graphviz's own choice of what leads back
        more.append("style=dashed" if e.source == e.target else "style=dashed, constraint=false")
    if e.sign:
        more.append(f'color="{_COLOR[e.sign]}"')
    if e.sign < 0:
        more.append("arrowhead=dot")
    return f"{_quoted(e.source)} -> {_quoted(e.target)} [{', '.join([*more, _list(said)])}]"


def _problem(facts: Facts) -> list[str]:
    if not facts.problem:
        return []
    return [f"  label={_quoted('Not complete: ' + short(facts.problem, 160))}; labelloc=b; labeljust=l;"]


def _list(said: dict[str, str]) -> str:
    return ", ".join(f"{name}={_quoted(text)}" for name, text in said.items())


def _lines(rows: list[str]) -> str:
    return '"' + "\\n".join(_escaped(r) for r in rows) + '"'


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    # a line of its own would be read as a new line of the file, and a backslash as the beginning of \N or \n
    return " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')
