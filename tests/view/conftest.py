"""Graphs to look at, and a browser that notes every message and every request of a page."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import neurograph as ng

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def mcn_net() -> ng.Graph:
    """Three kinds of neurons, two of them with compartments, and two cycles."""
    graph = ng.Graph("compartments")
    image, context = graph.input("image", (1, 6, 6)), graph.input("context", 5)
    encoder = graph.population("encoder.lif", ng.LIF())
    memory = graph.population("memory.mcn", ng.MCN(tau=ng.learnable(2.0, per="neuron")), 8)
    pyramid = graph.population("pyramid.cell", ng.ThreeCompCond(), 4)
    graph.connect(image, encoder, ng.Flatten(), ng.Dense(12))
    graph.connect(encoder, memory["basal"], ng.Dense(8))
    graph.connect(context, memory["apical"], ng.Dense(8))
    graph.connect(memory, memory["soma"], ng.Dense(8), delay=1.0, name="memory.recurrent")
    graph.connect(memory, pyramid["basal_exc"], ng.Dense(4), name="up")
    graph.connect(encoder, pyramid["apical_exc"], ng.Dense(4))
    graph.connect(pyramid, memory["apical"], ng.Dense(8), delay=2.0, name="down")
    graph.connect(pyramid, graph.output("answer"), ng.Dense(3))
    return graph


def chain(blocks: int = 4) -> ng.Graph:
    """Equal residual blocks one after another."""
    graph = ng.Graph("chain")
    before = graph.population("stem", ng.LIF())
    graph.connect(graph.input("image", (3, 8, 8)), before, ng.Conv2d(4, 3, padding=1))
    for k in range(1, blocks + 1):
        first, second = graph.population(f"block{k}.a", ng.LIF()), graph.population(f"block{k}.b", ng.LIF())
        graph.connect(before, first, ng.Conv2d(4, 3, padding=1), name=f"block{k}.conv1")
        graph.connect(first, second, ng.Conv2d(4, 3, padding=1), name=f"block{k}.conv2")
        graph.connect(before, second, name=f"block{k}.skip")
        before = second
    graph.connect(before, graph.output("y"), ng.Flatten(), ng.Dense(2))
    return graph


def thousand() -> ng.Graph:
    """1,000 populations: ten areas of sixty that differ, and four hundred alike."""
    graph = ng.Graph("thousand")
    areas = [
        graph.population(f"area{a}.p{k}", ng.LIF(tau=2.0 + 0.1 * k), 10 + k % 5) for a in range(10) for k in range(60)
    ]
    alike = [graph.population(f"unit{k}", ng.IF(), 10) for k in range(400)]
    rule = ng.FixedProbability(0.2)
    for k, source in enumerate(areas):
        graph.connect(source, areas[(7 * k + 1) % 600], rule, weight=0.1, delay=1.0)
        graph.connect(source, areas[(k + 13) % 600], rule, weight=-0.1, delay=2.0)
    for k, source in enumerate(alike):
        graph.connect(source, alike[(3 * k + 1) % 400], rule, weight=0.1, delay=1.0)
        graph.connect(areas[k], source, rule, weight=0.1, delay=1.0)
    return graph


@pytest.fixture(scope="session")
def nets() -> dict[str, Callable[..., ng.Graph]]:
    return {"mcn": mcn_net, "chain": chain, "thousand": thousand}


class Viewed:
    """A page in the browser."""

    def __init__(self, page: Any, scheme: str):
        self.page, self.scheme = page, scheme
        self.noise: list[str] = []
        page.on("console", lambda m: self.noise.append(f"{m.type}: {m.text}"))
        page.on("pageerror", lambda e: self.noise.append(f"error: {e}"))
        page.on("dialog", lambda d: (self.noise.append(f"dialog: {d.message}"), d.dismiss()))
        page.on("request", lambda r: self._request(r.url))

    def _request(self, url: str) -> None:
        if not url.startswith(("file:", "data:", "blob:")):
            self.noise.append(f"request: {url}")

    def open(self, path: Path) -> Viewed:
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-ready]")
        return self

    def place(self, element: str) -> tuple[float, float]:
        """Where an element of the drawing is on the screen."""
        at = self.page.evaluate("(id) => cy.getElementById(id).renderedPosition()", element)
        box = self.page.locator("#drawing").bounding_box()
        return box["x"] + at["x"], box["y"] + at["y"]

    def click(self, element: str) -> None:
        self.page.mouse.click(*self.place(element))
        # a second click within cytoscape's time for a double one is another thing
        self.page.wait_for_timeout(300)

    def drawn(self, element: str) -> bool:
        return bool(self.page.evaluate("(id) => cy.getElementById(id).length", element))

    def nodes(self) -> int:
        return int(self.page.evaluate("cy.nodes('.element').length"))

    @property
    def panel(self) -> str:
        return str(self.page.inner_text("#panel"))

    @property
    def chosen(self) -> str:
        return str(self.page.evaluate("state.selected"))

    def lit(self) -> list[str]:
        return list(self.page.locator("#tape .row.lit code").all_inner_texts())


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    found = next((b for b in map(shutil.which, BROWSERS) if b), None)
    if found is None:
        pytest.skip(f"no browser on this machine: none of {', '.join(BROWSERS)}")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        # root has no sandbox in a container
        made = driver.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield made
        made.close()


@pytest.fixture
def view(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Viewed]]:
    """view(page text): opened from disk; at the end no page may have said or asked for anything."""
    opened: list[Viewed] = []

    def show(text: str, scheme: str = "light") -> Viewed:
        path = tmp_path / f"page{len(opened)}.html"
        path.write_text(text, encoding="utf-8")
        page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme=scheme)
        opened.append(Viewed(page, scheme))
        return opened[-1].open(path)

    yield show
    for viewed in opened:
        viewed.page.close()
    assert [n for v in opened for n in v.noise] == []
