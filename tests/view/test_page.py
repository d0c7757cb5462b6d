"""The text of a page: it holds everything, no address, and nothing that could be run by accident."""

from __future__ import annotations

import copy
import hashlib
import json
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph import models
from neurograph.compiler import lower
from neurograph.view import to_html
from neurograph.view.page import LIBRARIES, SCRIPTS, embedded

Nets = dict[str, Callable[..., ng.Graph]]
ROOM = Path(ng.__file__).parent / "view"


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert found
    return dict(json.loads(found[1]))


def test_the_page_holds_no_address_and_forbids_all_loading(nets: Nets) -> None:
    page = to_html(nets["mcn"]())
    assert not re.search(r"https?:|//# source|@import|url\(|<link(?! rel=\"icon\")|\bsrc=\"", page)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy.startswith("default-src 'none'; script-src 'sha256-") and "unsafe-eval" not in policy
    assert "unsafe-inline" not in policy.split("style-src")[0] and policy.count("sha256-") == len(LIBRARIES) + 1
    assert "{{" not in page.split("<script", 1)[0]


def test_vendored_scripts_are_those_that_were_noted() -> None:
    noted = (ROOM / "vendor" / "README.md").read_text()
    for name in LIBRARIES:
        file = ROOM / "vendor" / f"{name}.min.js"
        assert hashlib.sha256(file.read_bytes()).hexdigest() in noted
        assert "Permission is hereby granted" in (ROOM / "vendor" / f"{name}.LICENSE.txt").read_text()


def test_scripts_are_all_taken_and_short() -> None:
    files = {f.name: len(f.read_text().splitlines()) for f in ROOM.iterdir() if f.suffix in (".js", ".css", ".html")}
    assert {f for f in files if f.endswith(".js")} == set(SCRIPTS)
    assert max(files.values()) <= 400


def test_data_cannot_end_its_element() -> None:
    text = embedded({"a": "</script><!--<script>\u2028", "b": [1.5, None, True]})
    assert "<" not in text and json.loads(text) == {"a": "</script><!--<script>\u2028", "b": [1.5, None, True]}
    with pytest.raises(ValueError):
        embedded({"a": float("nan")})


def test_graph_tape_and_programs_give_pages(nets: Nets, tmp_path: Path) -> None:
    graph = nets["mcn"]()
    path = tmp_path / "net.html"
    assert graph.to_html(path) == path.read_text(encoding="utf-8")
    passes = [p["name"] for p in data_of(graph.to_html())["tape"]["passes"]]
    assert passes == ["infer", "fuse", "schedule", "plan"]
    for backend in ("torch", "numba", "reference"):
        data = data_of(ng.compile(graph, backend).to_html())
        assert data["program"].startswith(f"{backend} program") and len(data["nodes"]) == len(graph.nodes)
        weights = {v["name"]: v for part in data["parts"] for v in part.get("values", ())}
        assert weights["weight"]["value"]["count"] > 0  # a program's weights are known
    data = data_of(to_html(lower(graph, stop_after="fuse")))
    assert len(data["nodes"]) == len(graph.nodes) and data["title"] == "compartments"
    with pytest.raises(ng.GraphError, match="only a graph, a tape or a program"):
        to_html(3)
    with pytest.raises(ng.DataError, match="Choose a folder"):
        graph.to_html(tmp_path / "missing" / "net.html")


def test_a_program_shows_the_graph_as_it_was_compiled(nets: Nets) -> None:
    graph = nets["mcn"]()
    program = ng.compile(graph, "torch")
    keys = list(program.state_dict())
    graph.population("later", ng.LIF(), 3)
    assert "later" not in {n["id"] for n in data_of(program.to_html())["nodes"]}
    twin = copy.deepcopy(program)
    assert list(twin.state_dict()) == keys and twin.tape is program.tape and "graph" not in vars(program)
    assert pickle.loads(pickle.dumps(program.state_dict())).keys() == program.state_dict().keys()


def test_a_tape_without_its_graph_is_read_back(nets: Nets) -> None:
    import dataclasses

    for graph in (nets["mcn"](), models.recipe("plastic")(20, 20), models.recipe("cifar_convnet")(width=0.02)):
        tape = dataclasses.replace(lower(graph, dt=0.1 if graph.name == "plastic" else 1.0), graph=None)
        data = data_of(to_html(tape))
        assert {n["id"] for n in data["nodes"]} == set(graph.nodes)
        found = sorted((e["source"], e["target"], e["port"], e["delay"]) for e in data["edges"])
        wanted = sorted((p.source.node, p.target.node, p.target.port, f"{p.delay:g}" if p.delay else "")
                        for p in graph.projections.values())  # fmt: skip
        assert found == wanted


def test_every_neuron_and_recipe_can_be_shown() -> None:
    from neurograph.nodes import NEURONS

    graph = ng.Graph("all")
    for name, kind in NEURONS.items():
        graph.population(f"all.{name}", kind(), 4)
    data = data_of(graph.to_html())
    assert not data["problem"] and all(k["equation"] or k["traced"] for k in data["kinds"])
    for recipe in ("brunel", "cuba", "coba", "plastic", "lenet5", "resnet_cifar", "hh_network"):
        assert data_of(models.recipe(recipe)().to_html(dt=1.0 if recipe in ("lenet5", "resnet_cifar") else 0.1))[
            "nodes"
        ]


def test_weights_are_summed_up_never_embedded(nets: Nets) -> None:
    graph = ng.Graph("wide")
    hidden = graph.population("hidden", ng.LIF())
    graph.connect(graph.input("x", 500), hidden, ng.Dense(800))
    graph.connect(hidden, graph.output("y"), ng.Dense(10))
    empty, full = graph.to_html(), ng.compile(graph, "numba").to_html()
    assert len(full) - len(empty) < 3000
    values = [v["value"] for p in data_of(full)["parts"] for v in p["values"] if v["name"] == "weight"]
    assert [v["count"] for v in values] == [400_000, 8_000] and all(sum(v["bins"]) == v["count"] for v in values)


def test_synapses_made_and_expected() -> None:
    graph = models.recipe("cuba")(400)
    expected = data_of(graph.to_html(dt=0.1))["parts"]
    made = data_of(ng.compile(graph, "numba", dt=0.1).to_html())["parts"]
    for before, after in zip(expected, made, strict=True):
        assert "made" not in before and after["made"]
        assert np.isclose(before["synapses"], after["synapses"], rtol=0.2) and after["bytes"] > 0


def test_the_document_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = Path(__file__).resolve().parents[2] / "docs" / "view.md"
    (code,) = re.findall(r"```python\n(.*?)```", document.read_text(), re.S)
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    assert data_of((tmp_path / "program.html").read_text())["overlay"]["time"]
    assert not data_of((tmp_path / "network.html").read_text())["overlay"]


def test_plastic_weights_are_those_of_now() -> None:
    graph = models.recipe("plastic")(200, 20)
    simulation = ng.compile(graph, "numba", dt=0.1)
    simulation.run(300.0)
    (name,) = [n for n, p in graph.projections.items() if p.plasticity is not None]
    (part,) = [p for p in data_of(simulation.to_html())["parts"] if "plasticity" in p]
    assert part["weight"]["mean"] == f"{simulation.synapses(name)[2].mean():.6g}"
