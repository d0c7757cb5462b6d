"""The page as a person uses it, in a headless browser: nothing may be said on the console or asked of a network."""

# ruff: noqa: RUF001  (the page writes sizes with a multiplication sign)

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph import models
from neurograph.view import overlay_of, to_html

Nets = dict[str, Callable[..., ng.Graph]]


def cifar() -> ng.Graph:
    return models.recipe("cifar_convnet")(width=0.03, input_shape=(3, 16, 16))


def test_cifar_convnet_click_collapse_and_tape(view: Any) -> None:
    program = ng.compile(cifar(), "numba", steps=3)
    overlay = overlay_of(program, np.random.default_rng(0).random((2, 3, 16, 16)).astype("float32"))
    it = view(program.to_html(overlay=overlay))
    page = it.page
    assert "cifar_convnet" in page.inner_text("#title") and "PARAMETERS" not in it.panel.upper()
    it.click("n:block2.lif1")
    text = it.panel
    for part in ("block2.lif1", "LIF()", "V' = V + (x - (V - v_rest)) / tau dt", "membrane time constant", "8×8×8",
                 "cifar_convnet.py:", "firing rate", "operations per step"):  # fmt: skip
        assert part in text, part
    page.click("#panel .link >> text=block2.conv1")
    assert it.chosen == "e:block2.conv1"
    for part in ("AvgPool2d(2)", "Conv2d(8, 3, padding=1, bias=False)", "8×16×16 → 8×8×8", "592", "array [8, 8, 3, 3]"):
        assert part in it.panel, part
    assert page.locator("#panel .bars i").count() >= 24
    # collapse by double click, expand by the keyboard
    assert it.nodes() == 10
    corner = page.evaluate(
        "(() => { const b = cy.getElementById('n:block3').renderedBoundingBox(); return [b.x1, b.y1] })()"
    )
    box = page.locator("#drawing").bounding_box()
    page.mouse.dblclick(box["x"] + corner[0] + 14, box["y"] + corner[1] + 14)
    page.wait_for_function("cy.nodes('.element').length === 9")
    assert it.drawn("n:block3") and not it.drawn("n:block3.lif1")
    page.locator("#drawing").focus()
    page.evaluate("choose('n:block3')")
    page.keyboard.press("Enter")
    assert it.nodes() == 10
    page.keyboard.press("c")
    assert it.nodes() == 6
    page.keyboard.press("e")
    assert it.nodes() == 10
    # the tape: linked both ways
    page.click("#tab-tape")
    page.evaluate("choose('n:block1.lif2')")
    assert len(it.lit()) == 1 and it.lit()[0].startswith("%block1.lif2.spike = neuron LIF()")
    page.click("#tape .row:has-text('%block4.conv1.conv2d = ')")
    assert it.chosen == "e:block4.conv1" and len(it.lit()) == 3
    assert page.locator("#tape .time").first.inner_text().endswith("s")
    before = page.locator("#tape .row").count()
    page.select_option("#pass", label="infer")
    assert page.locator("#tape .row").count() > before
    page.keyboard.press("]")
    assert page.input_value("#pass") == "1" and "gone since infer" in page.inner_text("#tape-note")
    page.check("#only")
    assert page.locator("#tape .row:visible").count() == 3


def test_cifar_convnet_colours_themes_and_print(view: Any) -> None:
    program = ng.compile(cifar(), "numba", steps=3)
    overlay = overlay_of(program, np.random.default_rng(0).random((1, 3, 16, 16)).astype("float32"))
    it = view(to_html(program, overlay=overlay), "dark")
    page = it.page
    assert page.evaluate("theme('--ground')") == "#14171c"
    page.click("#theme")
    assert page.evaluate("theme('--ground')") == "#ffffff"
    names = page.locator("#colour option").all_inner_texts()
    assert names == ["kind", "firing rate", "time", "weights", "memory", "operations"]
    for name in names[1:]:
        page.select_option("#colour", label=name)
        assert name in page.inner_text("#legend") and page.locator("#legend .ramp").count() == 1
        assert page.evaluate("cy.nodes('.element.coloured').length") >= 8
    text = page.evaluate("cy.getElementById('u:block1.lif1').data('title')")
    assert len(text.split("\n")) == 2  # the value stands in the node: no colour is needed to read it
    page.click("#side")
    assert page.locator("#graph-view").is_visible() and page.locator("#tape-view").is_visible()
    page.keyboard.press("?")
    assert (
        page.locator("#help").is_visible()
        and "Permission is hereby granted" in page.locator("#help pre").text_content()
    )
    page.keyboard.press("Escape")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert not page.locator("header").is_visible() and page.locator("#paper img").is_visible()
    assert page.locator("#paper tr").count() == 10 + 9 + 2
    assert page.evaluate("document.querySelector('#paper img').src.length") > 5000


def test_microcircuit(view: Any) -> None:
    it = view(to_html(models.recipe("microcircuit")(0.1), dt=0.1))
    page = it.page
    assert it.nodes() == 9 and it.drawn("n:drive")  # eight populations and their sources
    it.click("n:L4E")
    assert "PscExpLIF" in it.panel and "capacitance of the membrane" in it.panel and "250 pF" in it.panel
    page.evaluate("choose('e:L4E_to_L23E')")
    for part in ("FixedTotalNumber(", "synapses expected", "from each source", "Normal(mean=1.5"):
        assert part in it.panel, part
    assert page.evaluate("cy.edges('.recurrent').length") == 55
    assert "closes a cycle" in page.inner_text("#legend") and "negative weights" in page.inner_text("#legend")
    # what is inside a closed group is found and shown
    page.keyboard.press("/")
    page.keyboard.type("drive.L5I")
    assert "1 found" in page.inner_text("#found") or "2 found" in page.inner_text("#found")
    page.keyboard.press("Enter")
    assert it.chosen == "n:drive.L5I" and it.drawn("n:drive.L5I") and it.nodes() == 16
    page.keyboard.press("Escape")
    page.keyboard.press("t")
    assert any("draw poisson" in line for line in it.lit())


def test_compartments(view: Any, nets: Nets) -> None:
    it = view(to_html(nets["mcn"]()))
    page = it.page
    for port in ("basal", "apical", "soma"):
        assert it.drawn(f"p:memory.mcn:{port}")
    ends = page.evaluate("cy.edges().map(e => [e.data('key'), e.target().id()])")
    assert ["e:down", "p:memory.mcn:apical"] in ends and ["e:memory.recurrent", "p:memory.mcn:soma"] in ends
    texts = dict(page.evaluate("cy.edges().map(e => [e.data('key'), e.data('text')])"))
    assert (
        "↻ delay 2" in texts["e:down"] and "↻ delay 1" in texts["e:memory.recurrent"] and "delay" not in texts["e:up"]
    )
    it.click("p:memory.mcn:apical")
    text = it.panel
    assert it.chosen == "n:memory.mcn"
    for part in ("z = sigmoid(beta V_a)", "basal potential V_b", "learnt per neuron", "rule", "'schematic'"):
        assert part in text, part
    page.evaluate("choose('e:down')")
    assert "pyramid.cell → memory.mcn apical" in text or "pyramid.cell → memory.mcn apical" in it.panel
    page.keyboard.press("r")  # layers to the right
    assert it.place("p:memory.mcn:basal")[1] < it.place("p:memory.mcn:soma")[1]
    page.keyboard.press("t")
    page.click("#tape .row:has-text('loop memory.mcn, pyramid.cell')")
    first = it.chosen
    page.click("#tape .row:has-text('loop memory.mcn, pyramid.cell')")
    assert it.chosen != first  # the members of a loop one after another


def test_a_chain_unfolds(view: Any, nets: Nets) -> None:
    it = view(to_html(nets["chain"]()))
    page = it.page
    assert it.drawn("n:block1.a") and not it.drawn("n:block2.a") and "×4" in page.inner_text("#tree")
    page.click("#panel >> text=Unfold ×4")
    assert it.drawn("n:block4.b") and it.nodes() == 11
    page.evaluate("choose('n:block2')")
    page.click("#panel >> text=Fold ×4")
    assert not it.drawn("n:block2.a")
    page.evaluate("choose('n:block3.b', true)")  # a link to a copy unfolds it
    assert it.drawn("n:block3.b")
    page.locator("#drawing").focus()
    page.keyboard.press("Escape")
    assert it.chosen == ""
    page.keyboard.press("Tab")
    assert it.chosen == "n:" + page.evaluate("cy.nodes('.element')[0].data('key')")[2:]
    page.evaluate("choose('n:stem')")
    page.keyboard.press("ArrowDown")
    assert it.chosen == "n:block1.a"
    page.keyboard.press("ArrowUp")
    assert it.chosen == "n:stem"
    zoom = page.evaluate("cy.zoom()")
    page.keyboard.press("+")
    assert page.evaluate("cy.zoom()") > zoom
    page.keyboard.press("0")
    assert page.evaluate("cy.zoom()") == pytest.approx(zoom)


def test_a_thousand_populations(view: Any, nets: Nets) -> None:
    it = view(to_html(nets["thousand"]()))
    page = it.page
    assert it.nodes() == 11  # ten areas and the four hundred, folded
    assert page.evaluate("cy.getElementById('u:unit0').data('title')").startswith("×400")
    page.fill("#search", "area7.p31")
    page.keyboard.press("Enter")
    assert it.chosen == "n:area7.p31" and it.nodes() == 70 and "tau=5.1" in it.panel
    page.keyboard.press("Escape")
    page.locator("#tree").get_by_text("unit0 … unit399").click()
    page.click("#panel .fold >> text=Unfold ×400")
    assert it.nodes() == 469
    page.keyboard.press("e")
    assert it.nodes() == 1000
    page.keyboard.press("t")
    assert page.locator("#tape .row").count() > 3000
    page.evaluate("choose('n:unit7')")
    assert it.lit() and all("unit7" in line or "loop" in line for line in it.lit())
    page.select_option("#colour", label="memory")
    assert page.evaluate("cy.nodes('.element.coloured').length") == 1000


def test_names_are_text(view: Any) -> None:
    evil = "</script><script>window.hacked = 1</script><img src=x onerror=alert(1)>"
    graph = ng.Graph(evil)
    population = graph.population("constructor.__proto__", ng.LIF(), 3)
    graph.nodes["constructor.__proto__"] = type(population)(
        population.name, population.neuron, (3,), "add", f"{evil}:1"
    )
    graph.connect(graph.input("toString", 3), population, ng.Dense(3), name="hasOwnProperty")
    graph.connect(population, graph.output("valueOf"))
    it = view(to_html(graph, title=evil + "{{data}}"))
    page = it.page
    assert page.inner_text("#title") == evil + "{{data}}" and page.title() == evil + "{{data}}"
    assert page.evaluate("window.hacked === undefined")
    page.evaluate("choose('n:constructor.__proto__')")
    assert evil in it.panel
    page.evaluate("choose('e:hasOwnProperty')")
    assert "Dense(3)" in it.panel and it.nodes() == 3


def test_an_incomplete_graph_is_shown_with_its_error(view: Any) -> None:
    graph = ng.Graph("begun")
    a, b = graph.population("a", ng.LIF(), 3), graph.population("b", ng.LIF())
    graph.connect(a, b, ng.Dense(4))
    graph.connect(b, a, ng.Dense(3))
    it = view(to_html(graph))
    page = it.page
    assert it.nodes() == 2 and "cycle without delay" in page.inner_text("#problem")
    it.click("n:b")
    assert "not known yet" in it.panel
    page.click("#tab-tape")
    assert re.search("no tape.*cycle without delay", page.inner_text("#tape"), re.S)
