"""Where a drawing places nodes and lines: layers, prefixes, rings."""

from __future__ import annotations

import random
from typing import Any
from xml.etree import ElementTree

import neurograph as ng
from neurograph.io.drawing.facts import facts_of
from neurograph.io.drawing.layers import BOTTOM, TOP, Box, Link, layered
from neurograph.io.drawing.layout import Line, Size, layout
from neurograph.io.drawing.picture import picture
from neurograph.io.drawing.tree import titles_of, tree_of


def test_layers_go_down_and_keep_apart() -> None:
    boxes = [Box(40.0, 40.0, 30.0)] * 6
    links = [
        Link(0, 1),
        Link(0, 2, (50.0, 20.0)),
        Link(1, 3),
        Link(2, 3),
        Link(0, 3),
        Link(TOP, 4),
        Link(4, BOTTOM),
        Link(5, 3),
    ]
    made = layered(boxes, links)
    for link, way in zip(links, made.ways, strict=True):
        assert all(b[1] >= a[1] for a, b in zip(way, way[1:], strict=False))
        if link.source >= 0 and link.target >= 0:
            assert made.at[link.target][1] > made.at[link.source][1]
    assert made.at[5][1] == made.at[1][1]  # a source stands right above what it leads to
    assert made.ways[4][0][0] != made.at[1][0] and made.labels[1] != (0.0, 0.0)


def test_prefixes_and_rings() -> None:
    tree = tree_of(["in", "a.b.x", "a.b.y", "a.c.z", "out"])
    assert titles_of(tree) == {"in": "in", "a.b.x": "x", "a.b.y": "y", "a.c.z": "c.z", "out": "out"}
    names = ["e", "i", "drive.e", "drive.i"]
    pairs = [("e", "e"), ("e", "i"), ("i", "e"), ("i", "i"), ("drive.e", "e"), ("drive.i", "i")]
    made = layout(
        tree_of(names, pairs), dict.fromkeys(names, Size(80.0, 40.0)), [Line(a, b, Size(0.0, 0.0)) for a, b in pairs]
    )
    assert made.nodes["e"][1] == made.nodes["i"][1] and made.nodes["drive.e"][0] == made.nodes["e"][0]
    assert made.rings == set(range(6)) and not made.groups


def test_lines_into_a_ring_meet_the_member_they_belong_to() -> None:
    graph = ng.Graph("ring")
    x, names = graph.input("x", 20), [f"net.{n}" for n in "abcde"]
    for name in names:
        graph.connect(x, graph.population(name, ng.LIF(), 20), ng.Dense(20))
    for a in names:
        for b in names:
            graph.connect(a, b, ng.Dense(20), delay=1.0)
    out = graph.output("y")
    for name in names:
        graph.connect(name, out, ng.Dense(20))
    facts = facts_of(graph)
    pairs = [(e.source, e.target) for e in facts.edges]
    sizes = {n.name: Size(80.0, 40.0) for n in facts.nodes}
    made = layout(tree_of(sizes, pairs), sizes, [Line(a, b, Size(0.0, 0.0)) for a, b in pairs])
    for k, (a, b) in enumerate(pairs):
        for name, (px, py) in ((a, made.ways[k][0][0]), (b, made.ways[k][-1][-1])):
            x0, y0 = made.nodes[name]
            assert abs(px - x0) <= 40.1 and abs(py - y0) <= 20.1, (a, b)
            assert abs(px - x0) >= 39.9 or abs(py - y0) >= 19.9, (a, b)


def test_hundreds_of_populations_are_drawn() -> None:
    graph: Any = ng.Graph("large")
    rng = random.Random(0)
    names = [f"area{k // 50}.layer{k // 10 % 5}.p{k % 10}" for k in range(400)]
    for k, name in enumerate(names):
        graph.population(name, ng.LIF(), 10)
        if k:
            graph.connect(names[rng.randrange(max(0, k - 12), k)], name, ng.Dense(10))
        if k % 40 == 39:
            graph.connect(name, names[k - 30], ng.Dense(10), delay=2.0)
    root = ElementTree.fromstring(picture(graph))
    assert len([r for r in root.iter("{http://www.w3.org/2000/svg}rect") if r.get("class") == "box"]) == 400
