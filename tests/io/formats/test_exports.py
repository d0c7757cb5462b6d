"""Exports for other programs: GraphML, DOT, SVG, Model Explorer and networkx."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import networkx
import numpy as np
import pytest

import neurograph as ng
from neurograph import models
from neurograph.io import from_networkx, to_networkx
from neurograph.io.drawing.facts import facts_of
from neurograph.io.drawing.picture import drawn, picture
from neurograph.io.formats.dot import dot_text
from neurograph.io.formats.graphml import graphml_text
from neurograph.io.formats.model_explorer import explorer_data

SVG = "{http://www.w3.org/2000/svg}"


def cortex() -> ng.Graph:
    """Ports, delays, loops, prefixes, and two projections between the same populations."""
    graph = ng.Graph('cortex <&> "x"\\')
    image, context = graph.input("image", (1, 8, 8)), graph.input("context", 10)
    hidden = graph.population("hidden.lif", ng.LIF())
    graph.connect(image, hidden, ng.Flatten(), ng.Dense(12), name="hidden.fc")
    mcn = graph.population("cortex.mcn", ng.MCN(), 6)
    graph.connect(hidden, mcn["basal"], ng.Dense(6))
    graph.connect(hidden, mcn["basal"], ng.Dense(6), delay=3.0)
    graph.connect(context, mcn["apical"], ng.Dense(6))
    graph.connect(mcn, mcn["apical"], ng.Dense(6), delay=1.0, name="cortex.again")
    out = graph.population("cortex.out", ng.LIF())
    graph.connect(mcn, out, ng.Dense(4))
    graph.connect(out, hidden, ng.Dense(12), delay=2.0)
    graph.connect(out, graph.output("y"))
    graph.probe(mcn, "spike")
    return graph


def incomplete() -> ng.Graph:
    graph = ng.Graph("incomplete")
    a, b = graph.population("a", ng.LIF()), graph.population("b", ng.LIF())
    graph.connect(a, b, delay=1.0)
    graph.connect(b, a)
    return graph


def recipe(name: str) -> ng.Graph:
    return models.recipe(name)(*((np.full((3, 3), 50.0),) if name == "brain_regions" else ()))


GRAPHS = {"cortex": cortex, "incomplete": incomplete, "empty": ng.Graph} | {
    name: (lambda n=name: recipe(n)) for name in models.RECIPES
}
EACH = pytest.mark.parametrize("name", sorted(GRAPHS))


def test_facts_are_those_of_the_summary() -> None:
    from neurograph.compiler import lower
    from neurograph.summary import rows_of

    for graph in (cortex(), recipe("lenet5"), recipe("resnet_cifar")):
        rows = {r.name: r for r in rows_of(graph, lower(graph, stop_after="infer"))}
        facts = facts_of(graph)
        for node in facts.nodes:
            assert (node.shape, node.weights) == (rows[node.name].shape, rows[node.name].weights)
        for edge in facts.edges:
            assert (edge.weights, edge.macs) == (rows[edge.name].weights, rows[edge.name].macs)
    by_name = {e.name: e for e in facts_of(cortex()).edges}
    assert by_name["cortex.again"].closing and by_name["cortex_out_to_hidden_lif"].closing
    assert by_name["hidden_lif_to_cortex_mcn_2"].recurrent and not by_name["hidden_lif_to_cortex_mcn_2"].closing
    assert by_name["hidden_lif_to_cortex_mcn_2"].delay == "3" and not by_name["cortex_out_to_y"].recurrent
    brunel = {e.name: e for e in facts_of(recipe("brunel")).edges}
    assert brunel["inh_to_exc"].sign == -1 and brunel["exc_to_exc"].sign == 1
    coba = facts_of(recipe("coba"))  # positive conductances of an inhibitory port, and delays of 0.1
    assert (
        {e.sign for e in coba.edges if e.source == "inh"} == {-1}
        and not coba.problem
        and "less than half" in facts_of(recipe("coba"), 1.0).problem
    )
    assert brunel["exc_to_exc"].synapses == 10_000_000 and brunel["exc_to_exc"].weights == 0


@EACH
def test_networkx_keeps_everything(name: str) -> None:
    graph = GRAPHS[name]()
    made = to_networkx(graph)
    assert isinstance(made, networkx.MultiDiGraph) and set(made.nodes) == set(graph.nodes)
    assert {(a, b, k) for a, b, k in made.edges(keys=True)} == {
        (p.source.node, p.target.node, p.name) for p in graph.projections.values()
    }
    assert from_networkx(made) == graph
    plain = to_networkx(graph, objects=False)
    values = [v for _, data in plain.nodes(data=True) for v in data.values()]
    values += [v for _, _, data in plain.edges(data=True) for v in data.values()]
    assert all(type(v) in (str, int, float, bool) for v in values)


def test_networkx_attributes() -> None:
    made = cortex().nx
    assert made.nodes["hidden.lif"]["shape"] == "12" and made.nodes["hidden.lif"]["sizes"] == (12,)
    assert made.nodes["hidden.lif"]["neuron"] == "LIF" and made.nodes["image"]["kind"] == "input"
    again = made.edges["cortex.mcn", "cortex.mcn", "cortex.again"]
    assert (again["delay"], again["target_port"], again["macs"], again["weights"]) == ("1", "apical", 36, 42)
    made.remove_node("context")
    assert "context" not in from_networkx(made).nodes
    assert list(from_networkx(made).projections) == list(cortex().without("context").projections)
    made.add_node("new")
    with pytest.raises(ng.GraphError, match="neuron="):
        from_networkx(made)
    made.remove_node("new")
    made.add_edge("image", "cortex.out")
    with pytest.raises(ng.GraphError, match="connect"):
        from_networkx(made)


def test_a_network_of_any_networkx_graph() -> None:
    small = networkx.watts_strogatz_graph(20, 4, 0.1, seed=1)
    graph = from_networkx(small, ng.LIF())
    (p,) = graph.projections.values()
    assert graph.populations[0].shape == (20,) and p.delay == 1.0 and p.rule is not None
    assert p.rule.expected(20, 20, True) == 2 * small.number_of_edges()
    for a, b in small.edges:
        small.edges[a, b].update(weight=0.5, delay=2.0)
    (p,) = from_networkx(small, ng.LIF()).projections.values()
    assert p.rule is not None and set(p.rule.weight) == {0.5} and set(p.rule.delay) == {2.0}
    with pytest.raises(ng.GraphError, match="no nodes"):
        from_networkx(networkx.Graph(), ng.LIF())


@EACH
def test_graphml_is_read_by_networkx_too(name: str, tmp_path: Path) -> None:
    graph = GRAPHS[name]()
    path = ng.save(graph, tmp_path / "graph.graphml")
    assert ng.load(path) == graph
    made = networkx.read_graphml(path, force_multigraph=True)
    assert list(made.nodes) == list(graph.nodes)
    assert {k for _, _, k in made.edges(keys=True)} == set(graph.projections)
    if name == "cortex":
        assert made.nodes["cortex.mcn"]["neurons"] == 6 and made.nodes["cortex.mcn"]["kind"] == "population"
        again = made.edges["cortex.mcn", "cortex.mcn", "cortex.again"]
        assert again["recurrent"] is True and again["delay"] == "1" and again["weights"] == 42


def test_graphml_keeps_odd_names_and_arrays(tmp_path: Path) -> None:
    graph = cortex()
    graph.name = "]]> &amp; <b> \r\n\t \x07 \ufffe 名前 \U0001f9e0"
    graph.population("odd", ng.LIF(tau=np.array([2.0, 3.0, 5e-324], np.float64), v=np.float32(-0.0)), 3)
    graph.connect("cortex.out", "odd", ng.Dense(3, weight=np.random.default_rng(0).normal(size=(3, 4))))
    loaded = ng.load(ng.save(graph, tmp_path / "odd.graphml"))
    assert loaded == graph and loaded.name == graph.name


HEAD = '<?xml version="1.0"?><graphml xmlns="http://graphml.graphdrawing.org/xmlns">'
FOREIGN = (
    HEAD + '<key id="w" for="edge" attr.name="weight" attr.type="double"/><graph edgedefault="directed">'
    '<node id="a"/><node id="b"/><edge source="a" target="b"><data key="w">0.25</data></edge>'
    '<edge source="b" target="a" directed="false"><data key="w"> 2 </data></edge></graph></graphml>'
)


def test_graphml_of_another_program(tmp_path: Path) -> None:
    path = tmp_path / "foreign.graphml"
    path.write_text(FOREIGN)
    with pytest.raises(ng.FormatError, match="neuron=ng.LIF"):
        ng.load(path)
    graph = ng.load(path, neuron=ng.LIF())
    (p,) = graph.projections.values()
    assert graph.populations[0].shape == (2,) and list(p.rule.weight) == [0.25, 2.0, 2.0]  # type: ignore[union-attr]
    assert list(p.rule.pre) == [0, 0, 1] or sorted(p.rule.pre) == [0, 0, 1]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><graphml>&b;</graphml>',
            "DOCTYPE",
        ),
        ('<?xml version="1.0"?><!DOCTYPE graphml SYSTEM "http://example.org/x.dtd"><graphml/>', "DOCTYPE"),
        ("<?xml version='1.0'?><svg/>", "its root is <svg>"),
        (HEAD + "</graphml>", "no <graph>"),
        (HEAD + "<graph><node/></graph></graphml>", "<node> has no 'id'"),
        (HEAD + "<graph><node id='a'/><node id='a'/></graph></graphml>", "twice"),
        (HEAD + "<graph><edge source='a'/></graph></graphml>", "no 'target'"),
        (HEAD + "<graph/><graph/></graphml>", "several graphs"),
        (HEAD + "<graph><hyperedge/></graph></graphml>", "two ends"),
        (HEAD + "<graph>" + "<x>" * 40 + "</x>" * 40 + "</graph></graphml>", "deep"),
        (HEAD + "<graph><node id='a'></graph></graphml>", "no XML"),
        ('<?xml version="1.0" encoding="cp037"?><graphml/>', "no XML"),
        ('<?xml version="1.0" encoding="no-such"?><graphml/>', "no XML"),
        (FOREIGN.replace('target="b"', 'target="c"'), "not there"),
        (FOREIGN.replace("0.25", "much"), "not a number"),
        (FOREIGN.replace('<node id="a"/><node id="b"/>', "").split("<edge")[0] + "</graph></graphml>", "no nodes"),
    ],
)
def test_graphml_that_is_wrong(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "wrong.graphml"
    path.write_text(text)
    with pytest.raises(ng.FormatError, match=re.escape(said)):
        ng.load(path, neuron=ng.LIF())


def test_graphml_changed_by_another_program(tmp_path: Path) -> None:
    path = ng.save(cortex(), tmp_path / "graph.graphml")
    made = networkx.read_graphml(path, force_multigraph=True)
    networkx.write_graphml(made, tmp_path / "same.graphml")
    assert ng.load(tmp_path / "same.graphml") == cortex()  # networkx keeps what it does not know
    text = path.read_text()
    for change, said in (
        (lambda t: re.sub(r'<node id="context">.*?</node>', "", t), "is gone"),
        (lambda t: t.replace("<edge", '<node id="more"/><edge', 1), "was added"),
        (lambda t: re.sub(r'<edge id="cortex.again".*?</edge>', "", t), "is gone"),
        (lambda t: t.replace('source="image"', 'source="context"', 1), "other ends"),
        (lambda t: t.replace("</data>\n</graph>", "</data><data key='graph-neurograph'>{}</data>\n</graph>"), "twice"),
        (lambda t: t.replace('"delay": 1.0', '"delay": 1.5'), "changed after"),
    ):
        changed = change(text)
        assert changed != text
        path.write_text(changed)
        with pytest.raises(ng.FormatError, match=said):
            ng.load(path)


def test_graphml_obeys_its_limit(tmp_path: Path) -> None:
    path = ng.save(cortex(), tmp_path / "graph.graphml")
    with pytest.raises(ng.FormatError, match="limit"):
        ng.load(path, limit=100)


def test_mutated_graphml_is_refused_or_read(tmp_path: Path) -> None:
    rng, whole = random.Random(0), graphml_text(cortex()).encode()
    path = tmp_path / "mutated.graphml"
    for _ in range(300):
        path.write_bytes(mutated(whole, rng))
        try:
            graph = ng.load(path, format="graphml")
        except ng.FormatError:
            continue
        assert isinstance(graph, ng.Graph)


def mutated(whole: bytes, rng: random.Random) -> bytes:
    """A file with bytes changed, cut out, doubled, or a tag or number replaced."""
    out = bytearray(whole)
    for _ in range(rng.choice([1, 1, 2, 5])):
        at, size = rng.randrange(max(1, len(out))), rng.choice([1, 1, 4, 60, 900])
        kind = rng.randrange(5)
        if kind == 0:
            out[at : at + 1] = bytes([rng.randrange(256)])
        elif kind == 1:
            del out[at : at + size]
        elif kind == 2:
            out[at:at] = out[rng.randrange(max(1, len(out))) :][:size]
        elif kind == 3:
            new = rng.choice(
                [b"<", b"</graph>", b"&x;", b"<!DOCTYPE a>", b"<![CDATA[", b'"', b"\x00", b"\xff", b"99999999"]
            )
            out[at:at] = new
        else:
            out = out[: max(1, at)]
    return bytes(out)


def test_delays_of_any_size_are_written(tmp_path: Path) -> None:
    graph = cortex()
    graph.connect("hidden.lif", "cortex.out", ng.Dense(4), delay=5e-324)
    graph.connect("hidden.lif", "cortex.out", ng.Dense(4), delay=1e300)
    assert facts_of(graph).problem and ng.load(ng.save(graph, tmp_path / "graph.graphml")) == graph


@EACH
def test_dot_is_balanced_and_quoted(name: str, tmp_path: Path) -> None:
    graph = GRAPHS[name]()
    text = ng.save(graph, tmp_path / "graph.dot").read_text()
    bare = re.sub(r'"(?:[^"\\\n]|\\.)*"', "Q", text)
    assert '"' not in bare and bare.count("{") == bare.count("}") and bare.count("[") == bare.count("]")
    assert len(re.findall(r"^  Q -> Q ", bare, re.M)) == len(graph.projections)
    dot = shutil.which("dot")
    if dot is not None and name in ("cortex", "incomplete", "empty"):
        done = subprocess.run([dot, "-Tplain"], input=text, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0 and not done.stderr, done.stderr
        assert done.stdout.count("\nnode ") == len(graph.nodes)


def test_dot_says_what_it_should() -> None:
    text = dot_text(cortex())
    assert text.startswith('digraph "cortex <&> \\"x\\"\\\\" {')
    assert 'subgraph "cluster_cortex"' in text and '"cluster_hidden"' not in text
    again = next(line for line in text.splitlines() if '"cortex.mcn" -> "cortex.mcn"' in line)
    assert "style=dashed" in again and 'headlabel="apical"' in again and "delay 1" in again
    assert 'label="hidden.lif\\nLIF()\\n12"' in text
    assert "arrowhead=dot" in dot_text(recipe("brunel"))
    assert "Not complete: ShapeError" in dot_text(incomplete())


@EACH
def test_model_explorer_data(name: str, tmp_path: Path) -> None:
    graph = GRAPHS[name]()
    data = json.loads(ng.save(graph, tmp_path / "graph.explorer.json").read_text())
    assert data == explorer_data(graph) and set(data) == {"label", "graphs"}
    (made,) = data["graphs"]
    nodes = {n["id"]: n for n in made["nodes"]}
    assert len(nodes) == len(made["nodes"]) and set(graph.nodes) <= set(nodes)
    for node in nodes.values():
        assert isinstance(node["label"], str) and isinstance(node["namespace"], str) and "." not in node["namespace"]
        assert all(set(a) == {"key", "value"} and isinstance(a["value"], str) for a in node["attrs"])
        for edge in node.get("incomingEdges", []):
            source = nodes[edge["sourceNodeId"]]
            assert edge["sourceNodeOutputId"] in {m["id"] for m in source["outputsMetadata"]}
            assert edge["targetNodeInputId"] in {m["id"] for m in node["inputsMetadata"]}
    with pytest.raises(ng.FormatError):
        ng.load(tmp_path / "graph.explorer.json")


def test_model_explorer_shows_operators() -> None:
    nodes = {n["id"]: n for n in explorer_data(cortex())["graphs"][0]["nodes"]}
    flat, dense = nodes["hidden.fc.flatten"], nodes["hidden.fc.dense"]
    assert flat["incomingEdges"][0]["sourceNodeId"] == "image" and flat["namespace"] == "hidden/fc"
    assert dense["incomingEdges"][0]["sourceNodeId"] == "hidden.fc.flatten"
    assert {"key": "weights", "value": "780"} in dense["attrs"]
    assert nodes["hidden.lif"]["incomingEdges"][0]["sourceNodeId"] == "hidden.fc.dense"
    assert {"key": "tensor_shape", "value": "12"} in dense["outputsMetadata"][0]["attrs"]
    again = nodes["cortex.again.dense"]
    assert again["namespace"] == "cortex" and again["label"] == "again: Dense"
    assert again["incomingEdges"][0]["metadata"] == {"projection": "cortex.again", "delay": "1", "recurrent": "yes"}


def boxes_of(root: ElementTree.Element) -> list[tuple[float, float, float, float]]:
    boxes = [r for r in root.iter(f"{SVG}rect") if r.get("class") == "box"]
    return [tuple(float(r.get(k, "")) for k in ("x", "y", "width", "height")) for r in boxes]  # type: ignore[misc]


@EACH
def test_svg_draws_every_part_apart(name: str, tmp_path: Path) -> None:
    graph = GRAPHS[name]()
    text = ng.save(graph, tmp_path / "graph.svg").read_text()
    root = ElementTree.fromstring(text)
    boxes = boxes_of(root)
    assert len(boxes) == len(graph.nodes)
    assert sum(p.get("marker-end") is not None for p in root.iter(f"{SVG}path")) == len(graph.projections)
    for k, (x, y, w, h) in enumerate(boxes):
        for a, b, c, d in boxes[:k]:
            assert x >= a + c or a >= x + w or y >= b + d or b >= y + h, f"{name}: two nodes overlap"
    assert "<script" not in text and "prefers-color-scheme" in text
    assert set(re.findall(r'https?://[^"\s<]+', text)) == {"http://www.w3.org/2000/svg"}
    width, height = float(root.get("width", "")), float(root.get("height", ""))
    numbers = [
        float(n)
        for p in root.iter(f"{SVG}path")
        if p.get("marker-end")
        for n in re.findall(r"-?[\d.]+", p.get("d", ""))
    ]
    assert all(-60 <= n <= max(width, height) + 60 for n in numbers)


def test_svg_says_what_it_should() -> None:
    text = picture(cortex())
    assert text.count('class="way back"') == 2 and ">delay 3<" in text and ">to apical<" in text
    assert ">cortex</text>" in text and ">mcn</text>" in text and "cortex &lt;&amp;&gt;" in text
    assert "Not complete: ShapeError" in picture(incomplete())
    assert "Arrows excite, dots inhibit." in picture(recipe("brunel"))
    assert picture(cortex()) == picture(cortex())
    facts = facts_of(cortex())
    assert (
        "populations," in drawn(facts).split("<style>")[1]
        and "populations," not in drawn(facts, caption=False).split("<style>")[1]
    )
