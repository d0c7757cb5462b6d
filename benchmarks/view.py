"""Sizes and times of the viewer's pages: how large, how long to write, how long until one can use them.

    python benchmarks/view.py [--repeats 3] [--out folder]

Each page is opened from disk in headless Chromium, `repeats` times in a fresh context; "usable" is from the start of the
navigation until the first layout is drawn, the median. Playwright and a browser have to be installed.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

import neurograph as ng
from neurograph import models


def mcn() -> ng.Graph:
    """Neurons with compartments in two cycles."""
    graph = ng.Graph("MCN")
    context = graph.input("context", 32)
    encoder = graph.population("encoder.lif", ng.LIF())
    memory = graph.population("memory.mcn", ng.MCN(), 64)
    pyramid = graph.population("pyramid.cell", ng.ThreeCompCond(), 64)
    graph.connect(graph.input("image", (1, 28, 28)), encoder, ng.Flatten(), ng.Dense(128))
    graph.connect(encoder, memory["basal"], ng.Dense(64))
    graph.connect(context, memory["apical"], ng.Dense(64))
    graph.connect(memory, memory["soma"], ng.Dense(64), delay=1.0)
    graph.connect(memory, pyramid["basal_exc"], ng.Dense(64))
    graph.connect(pyramid, memory["apical"], ng.Dense(64), delay=2.0)
    graph.connect(pyramid, graph.output("answer"), ng.Dense(10))
    return graph


def flat(alike: bool) -> ng.Graph:
    """1,000 populations without prefixes, connected at random: what is hardest to lay out (and, alike, to fold)."""
    rng, graph = np.random.default_rng(0), ng.Graph("1,000 alike" if alike else "1,000 flat")
    made = [graph.population(f"p{k}", ng.LIF(tau=2.0 if alike else 2.0 + 0.01 * k), 10) for k in range(1000)]
    for _ in range(2000):
        source, target = rng.integers(1000, size=2)
        graph.connect(made[source], made[target], ng.FixedProbability(0.1), weight=0.1, delay=1.0)
    return graph


def grouped() -> ng.Graph:
    """1,000 populations in ten areas of ten columns of ten."""
    graph = ng.Graph("1,000 grouped")
    before: object = graph.input("x", 16)
    for k in range(1000):
        here = graph.population(f"area{k // 100}.column{k // 10 % 10}.layer{k % 10}", ng.LIF(tau=2.0 + 0.01 * k))
        graph.connect(before, here, ng.Dense(16))
        before = here
    graph.connect(before, graph.output("y"), ng.Dense(4))
    return graph


CASES: dict[str, tuple[Callable[[], ng.Graph], float]] = {
    "cifar_convnet": (models.recipe("cifar_convnet"), 1.0),
    "microcircuit": (models.recipe("microcircuit"), 0.1),
    "MCN": (mcn, 1.0),
    "1,000 flat": (lambda: flat(False), 1.0),
    "1,000 alike": (lambda: flat(True), 1.0),
    "1,000 grouped": (grouped, 1.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, help="keep the pages and a picture of each here")
    options = parser.parse_args()
    browser = next((b for b in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if b), None)
    if browser is None:
        raise SystemExit("no chromium on this machine")
    folder = options.out or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    print("| page | KB | of it data, KB | written in, s | usable after, s | unfolded and expanded, s |")
    print("| --- | --- | --- | --- | --- | --- |")
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        empty = len(ng.Graph("empty").to_html())
        for name, (recipe, dt) in CASES.items():
            graph = recipe()
            before = time.perf_counter()
            text = graph.to_html(dt=dt)
            written = time.perf_counter() - before
            path = folder / f"{name.replace(' ', '_').replace(',', '')}.html"
            path.write_text(text, encoding="utf-8")
            usable, opened = [], []
            for _ in range(options.repeats):
                page = chromium.new_page(viewport={"width": 1440, "height": 860})
                page.goto(path.resolve().as_uri())
                page.wait_for_selector("html[data-ready]")
                usable.append(float(page.get_attribute("html", "data-ready") or 0) / 1000)
                page.screenshot(path=str(path.with_suffix(".png")))
                opened.append(page.evaluate(
                    "() => { const t = performance.now(); folds.forEach(f => f.open = true); setAll(true); return performance.now() - t }"
                ) / 1000)  # fmt: skip
                page.close()
            size, data = len(text.encode()) / 1000, (len(text) - empty) / 1000
            print(
                f"| {name} | {size:,.0f} | {data:,.0f} | {written:.2f} | {statistics.median(usable):.2f} "
                f"| {statistics.median(opened):.2f} |",
                flush=True,
            )
        chromium.close()


if __name__ == "__main__":
    main()
