"""GraphML: attributes that Gephi, yEd and networkx show, and beside them the exact graph."""

from __future__ import annotations

import re
import xml.parsers.expat as expat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from neurograph.errors import FormatError, NeuroGraphError
from neurograph.graph import Graph
from neurograph.io.document.values import shown
from neurograph.io.drawing.facts import Plain, facts_of
from neurograph.io.formats.format import LIMIT, Format, read_bytes, replaced_by
from neurograph.io.formats.json import graph_of_text, text_of
from neurograph.spec import Neuron

EXACT = "neurograph"  # the name of what holds the exact graph
SPACE = "http://graphml.graphdrawing.org/xmlns"
DEPTH = 32  # of elements within elements
_TYPES = {bool: "boolean", int: "long", float: "double", str: "string"}
# what XML cannot hold, and a carriage return, which would come back as a line feed
_UNFIT = re.compile("[^\t\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_READ = {"int": int, "long": int, "float": float, "double": float}


class GraphMl(Format):
    """One directed graph: nodes, edges with the names of their projections, plain attributes, and one attribute
    `neurograph` of the graph that holds the JSON of the exact graph, from which it is read.

    Of a file of another program, each node becomes a neuron of one population, if `neuron` says of which kind.
    """

    name = "graphml"
    endings = (".graphml",)
    about = "the whole graph, with attributes that Gephi, yEd and networkx show"
    reads = True
    whole = True

    def recognises(self, head: bytes) -> bool:
        begin = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        return begin.startswith((b"<?xml", b"<graphml", b"<!--"))

    def write(self, graph: Graph, path: Path, *, dt: float | None = None) -> None:
        replaced_by(path, graphml_text(graph, dt=dt).encode())

    def read(self, path: Path, *, limit: int = LIMIT, neuron: Neuron | None = None) -> Graph:
        found = _parsed(read_bytes(path, limit))
        if found.exact is None:
            return _foreign(found, neuron)
        graph = graph_of_text(found.exact, limit)
        _same(graph, found)
        return graph


def graphml_text(graph: Graph, *, dt: float | None = None) -> str:
    """A graph as GraphML."""
    facts = facts_of(graph, dt)
    keys: dict[tuple[str, str], str] = {("graph", EXACT): "string"}
    body = []

    def data(owner: str, said: Plain) -> str:
        out = []
        for name, value in said.items():
            keys.setdefault((owner, name), _TYPES[type(value)])
            text = str(value).lower() if isinstance(value, bool) else str(value)
            out.append(f'<data key="{owner}-{name}">{escape(_clean(text))}</data>')
        return "".join(out)

    for n in facts.nodes:
        body.append(f"<node id={quoteattr(n.name)}>{data('node', {'label': n.name, **n.plain})}</node>")
    for e in facts.edges:
        ends = f"id={quoteattr(e.name)} source={quoteattr(e.source)} target={quoteattr(e.target)}"
        body.append(f"<edge {ends}>{data('edge', {'label': e.name, **e.plain})}</edge>")
    declared = [
        f'<key id="{owner}-{name}" for="{owner}" attr.name="{name}" attr.type="{kind}"/>'
        for (owner, name), kind in keys.items()
    ]
    return "\n".join([
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<graphml xmlns="{SPACE}">',
        *declared,
        f'<graph id={quoteattr(_clean(graph.name) or "graph")} edgedefault="directed">',
        *body,
        f'<data key="graph-{EXACT}">{_exact(graph)}</data>',
        "</graph>",
        "</graphml>",
        "",
    ])  # fmt: skip


def _exact(graph: Graph) -> str:
    """The graph's JSON; what XML cannot hold is written as JSON escapes it."""
    return escape(_UNFIT.sub(lambda found: f"\\u{ord(found[0]):04x}", text_of(graph)))


def _clean(text: str) -> str:
    return _UNFIT.sub("\ufffd", text)


@dataclass
class _Found:
    """What a GraphML file holds."""

    directed: bool = True
    exact: str | None = None
    nodes: dict[str, None] = field(default_factory=dict)
    edges: list[tuple[str | None, str, str, bool | None, dict[str, str]]] = field(default_factory=list)
    keys: dict[str, tuple[str, str, str]] = field(default_factory=dict)  # id -> for, name, type
    graphs: int = 0


class _Parser:
    """Reads GraphML as events: nothing is expanded, nothing fetched, and no tree is built."""

    def __init__(self) -> None:
        self.found = _Found()
        self.open: list[str] = []
        self.text: list[str] | None = None
        self.key = ""

    def parse(self, content: bytes) -> _Found:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        try:
            parser.Parse(content, True)
        except expat.ExpatError as error:
            raise FormatError(f"it is no XML: {error}") from None
        except (ValueError, LookupError) as error:  # of an encoding that is not known
            raise FormatError(f"it is no XML that is read here: {error}; save it as UTF-8") from None
        if not self.found.graphs:
            raise FormatError("it holds no <graph>")
        return self.found

    def _doctype(self, *_: Any) -> None:
        raise FormatError(
            "it declares a document type or entities, which a graph needs none of; take out <!DOCTYPE ...>"
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(" ")[2]
        self.open.append(tag)
        if len(self.open) > DEPTH:
            raise FormatError(f"elements lie within elements more than {DEPTH} deep")
        if len(self.open) == 1 and tag != "graphml":
            raise FormatError(f"its root is <{shown(tag)[1:-1]}>, not <graphml>")
        parent = self.open[-2] if len(self.open) > 1 else ""
        if tag == "graph":
            self._graph(attributes)
        elif tag == "key" and parent == "graphml":
            self.found.keys[_given(attributes, "id", tag)] = (
                attributes.get("for", "all"), attributes.get("attr.name", ""), attributes.get("attr.type", "string"),
            )  # fmt: skip
        elif tag == "node" and parent == "graph":
            node = _given(attributes, "id", tag)
            if node in self.found.nodes:
                raise FormatError(f"node {shown(node)} is there twice")
            self.found.nodes[node] = None
        elif tag == "edge" and parent == "graph":
            directed = {"true": True, "false": False}.get(attributes.get("directed", ""))
            ends = _given(attributes, "source", tag), _given(attributes, "target", tag)
            self.found.edges.append((attributes.get("id"), *ends, directed, {}))
        elif tag == "hyperedge":
            raise FormatError("it holds a <hyperedge>, and a projection has two ends")
        elif tag == "data" and parent in ("edge", "graph"):
            self.key, self.text = _given(attributes, "key", tag), []

    def _graph(self, attributes: dict[str, str]) -> None:
        self.found.graphs += 1
        if self.found.graphs > 1:
            raise FormatError("it holds several graphs, or one within another; one is read")
        self.found.directed = attributes.get("edgedefault", "directed") != "undirected"

    def _characters(self, text: str) -> None:
        if self.text is not None and self.open[-1] == "data":
            self.text.append(text)

    def _end(self, name: str) -> None:
        tag = self.open.pop()
        if tag != "data" or self.text is None:
            return
        text, self.text = "".join(self.text), None
        owner, name, _ = self.found.keys.get(self.key, ("", "", ""))
        if self.open[-1] == "edge":
            self.found.edges[-1][4][self.key] = text
        elif owner in ("graph", "all") and name == EXACT:
            if self.found.exact is not None:
                raise FormatError(f"it holds {EXACT!r} twice")
            self.found.exact = text


def _parsed(content: bytes) -> _Found:
    return _Parser().parse(content)


def _given(attributes: dict[str, str], name: str, tag: str) -> str:
    if name not in attributes:
        raise FormatError(f"a <{tag}> has no {name!r}")
    return attributes[name]


def _same(graph: Graph, found: _Found) -> None:
    """Refuse a file whose nodes or edges were changed by a program that knows nothing of the exact graph."""
    edges = {name: (source, target) for name, source, target, _, _ in found.edges}
    declared = {name: (p.source.node, p.target.node) for name, p in graph.projections.items()}
    for what, there, exact in (("node", set(found.nodes), set(graph.nodes)), ("edge", set(edges), set(declared))):
        for names, said in ((exact - there, "is gone"), (there - exact, "was added")):
            if names:
                raise FormatError(
                    f"{what} {shown(min(names, key=str))} {said}: another program changed the file, but not {EXACT!r}, "
                    "which holds the exact graph. Change the graph in Python instead, such as with graph.without(...)"
                )
    for name, ends in declared.items():
        if edges[name] != ends or len(found.edges) != len(declared):
            raise FormatError(
                f"edge {shown(name)} has other ends, or is there twice, than {EXACT!r} says; write it anew"
            )


def _foreign(found: _Found, neuron: Neuron | None) -> Graph:
    """A network of a graph that another program wrote: a node is a neuron."""
    if neuron is None:
        raise FormatError(
            f"it holds no {EXACT!r}, which a graph saved by NeuroGraph has, so it says nothing of neurons and operators. "
            f"Give neuron= (such as neuron=ng.LIF()) to make each of its {len(found.nodes):,} nodes a neuron of one population"
        )
    import networkx

    from neurograph.io.formats.networkx import from_networkx

    graph = networkx.MultiDiGraph()
    graph.add_nodes_from(found.nodes)
    wanted = {key: (name, kind) for key, (_, name, kind) in found.keys.items() if name in ("weight", "delay")}
    for _, source, target, directed, data in found.edges:
        for end in (source, target):
            if end not in found.nodes:
                raise FormatError(f"an edge leads to node {shown(end)}, which is not there")
        said = {name: _number(data[key], kind, name) for key, (name, kind) in wanted.items() if key in data}
        graph.add_edge(source, target, **said)
        if source != target and not (found.directed if directed is None else directed):
            graph.add_edge(target, source, **said)
    try:
        return from_networkx(graph, neuron)
    except NeuroGraphError as error:
        raise FormatError(str(error)) from None


def _number(text: str, kind: str, name: str) -> float:
    try:
        return float(_READ.get(kind, float)(text.strip()))
    except (ValueError, OverflowError):
        raise FormatError(f"the {name} of an edge is {shown(text)}, not a number") from None
