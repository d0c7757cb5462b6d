"""What a conversion did, and what the spiking network can do."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np

from neurograph.convert.activity import activity
from neurograph.convert.conversion import Conversion, Recipe, Site
from neurograph.convert.energy import ENERGY_SOURCE
from neurograph.convert.measure import Comparison, compare
from neurograph.errors import DataError
from neurograph.graph import Graph, Population

VERSION = 1


@dataclass(frozen=True)
class SiteReport:
    """One activation and the neurons in its place.

    theta_*: threshold over channels. start: potential at the start as a part of theta. latency: steps until the fastest neuron
    of the layer fires at the currents of the ANN, min (theta - v0) / a, mean over calibration images; None where the potential
    does not add up over steps, or nothing is active.
    """

    name: str
    activation: str
    neuron: str
    shape: tuple[int, ...]
    neurons: int
    channels: int
    theta_min: float
    theta_mean: float
    theta_max: float
    start: float | None
    latency: float | None
    facts: dict[str, float]


@dataclass
class ConversionReport:
    """The passes, thresholds and errors of a conversion; `test` adds what the network does on images.

    fold_error: the largest change of an output by folding batch normalisation, as a part of the largest output. latency: steps
    until the first spike can reach the output, t0 = sum_l min (theta_l - v0) / a_l on the quickest way (Bu et al. 2025: over
    all layers); read answers later. comparison: the last test.
    """

    recipe: str
    passes: list[str]
    recipe_source: str
    history: list[str]
    source: Graph
    graph: Graph
    reference: Graph
    analogue: Graph | None
    sites: list[SiteReport]
    fold_error: float | None
    latency: float | None
    calibration: int
    seed: int
    notes: list[str]
    comparison: Comparison | None = None

    @classmethod
    def of(cls, recipe: Recipe, c: Conversion) -> ConversionReport:
        sites = _sites(c)
        return cls(
            recipe=recipe.name, passes=[f"{p.name}: {p!r}" for p in recipe.passes], recipe_source=recipe.source,
            history=list(c.history), source=c.source, graph=c.graph.copied(), reference=c.reference or c.source,
            analogue=c.analogue, sites=sites, fold_error=c.fold_error, latency=_quickest(c.graph, sites),
            calibration=len(c.images), seed=c.seed, notes=list(c.notes),
        )  # fmt: skip

    def test(
        self,
        images: Any,
        labels: Any = None,
        *,
        steps: int = 32,
        at: int | None = None,
        batch: int = 100,
        backend: str = "torch",
        device: str = "cpu",
        dtype: str = "float32",
        progress: bool = False,
    ) -> Comparison:
        """Run the ANN and the spiking network on the same images and compare them, after every step up to `steps`.

        images: [N, *shape] with labels [N] or none, or batches of images or (images, labels). at: the T that counts, chosen
        before the test (default `steps`); errors, rates and operations are for it, and nothing is chosen by the result.
        Without labels there is no accuracy, only agreement. Memory holds one batch and counts, whatever the number of images.
        """
        self.comparison = compare(
            self.graph, self.source, self.analogue, None if self.reference is self.source else self.reference,
            images, labels, steps=steps, at=at, batch=batch, backend=backend, device=device, dtype=dtype, progress=progress,
        )  # fmt: skip
        return self.comparison

    def data(self) -> dict[str, Any]:
        """Everything but the networks themselves, of numbers, text, lists and dicts: what to_json writes."""
        tested = self.comparison
        out: dict[str, Any] = {
            "format": "neurograph conversion report",
            "version": VERSION,
            "network": self.source.name,
            "recipe": {"name": self.recipe, "passes": self.passes, "source": self.recipe_source},
            "history": self.history,
            "calibration_images": self.calibration,
            "seed": self.seed,
            "fold_error": self.fold_error,
            "latency": self.latency,
            "sites": [asdict(s) | {"shape": list(s.shape)} for s in self.sites],
            "notes": self.notes,
            "comparison": None,
        }
        if tested is not None:
            sums = {"synops": tested.synops, "macs": tested.macs, "energy": tested.energy}
            out["comparison"] = (
                asdict(tested) | sums | {"ann_energy": tested.ann_energy, "energy_source": ENERGY_SOURCE}
            )
        return out

    def to_json(self, path: str | os.PathLike[str]) -> Path:
        """Write data() to a JSON file; returns its path."""
        target = Path(path)
        target.write_text(json.dumps(self.data(), indent=1, allow_nan=False) + "\n", encoding="utf-8")
        return target

    def draw(self, path: str | os.PathLike[str], *, title: str | None = None) -> Path:
        """Draw the last test as one picture (the ending of `path` chooses the format); returns its path.

        Accuracy and agreement over T, and of each layer firing, error and operations. Raises DataError before a test,
        NeuroGraphError without matplotlib.
        """
        if self.comparison is None:
            raise DataError(
                "report.draw(): nothing is tested yet, so there is nothing to draw; call report.test(images)"
            )
        from neurograph.convert.picture import draw

        return draw(self, self.comparison, Path(path), title)

    def __str__(self) -> str:
        from neurograph.convert.text import text_of

        return text_of(self)

    def __repr__(self) -> str:
        state = "not tested" if self.comparison is None else f"tested on {self.comparison.images:,} images"
        return f"<ConversionReport {self.source.name!r} by {self.recipe!r}: {len(self.sites)} layers, {state}>"


def _sites(c: Conversion) -> list[SiteReport]:
    out, fastest = [], _fastest(c)
    for site in c.sites.values():
        node = c.graph.nodes[site.population]
        assert isinstance(node, Population)
        theta, v0 = _threshold(node), node.neuron.params.get("v0")
        out.append(
            SiteReport(
                name=site.population,
                activation=repr(site.activation),
                neuron=type(node.neuron).__name__,
                shape=tuple(site.shape),
                neurons=math.prod(site.shape),
                channels=theta.size,
                theta_min=float(theta.min()),
                theta_mean=float(theta.mean()),
                theta_max=float(theta.max()),
                start=None if v0 is None else float(np.mean(_value(v0) / theta)),
                latency=fastest.get(site.population),
                facts={k: float(v) for k, v in site.facts.items()},
            )
        )
    return out


def _value(parameter: Any) -> Any:
    return np.asarray(getattr(parameter, "value", parameter), np.float64)


def _threshold(node: Population) -> Any:
    return _value(node.neuron.params.get("threshold", math.nan))


def _fastest(c: Conversion) -> dict[str, float]:
    """Of each site whose neurons integrate: steps until the first of them fires, at what the ANN sends it."""
    waiting: dict[str, Any] = {}
    for name in c.sites:
        node = c.graph.nodes[name]
        if isinstance(node, Population) and "v0" in node.neuron.params:
            waiting[name] = _threshold(node) - _value(node.neuron.params["v0"])
    if c.analogue is None or not waiting:
        return {}
    found: dict[str, list[float]] = {n: [] for n in waiting}
    for recorded, _ in activity(c.analogue, c.images[:100], [(n, _output(c.sites[n])) for n in waiting]):
        for (name, _variable), values in recorded.items():
            a = values[0]
            rate = (a / waiting[name]).reshape(len(a), -1).max(1)
            found[name].extend((1.0 / rate[rate > 0]).tolist())
    return {n: float(np.mean(x)) for n, x in found.items() if x}


def _output(site: Site) -> str:
    return site.activation.outputs[0]


def _quickest(graph: Graph, sites: list[SiteReport]) -> float | None:
    """The sum of latencies on the quickest way from input to output."""
    latency = {s.name: s.latency for s in sites}
    if not sites or any(x is None for x in latency.values()):
        return None
    flow = nx.DiGraph()
    for p in graph.projections.values():
        flow.add_edge(p.source.node, p.target.node, steps=latency.get(p.target.node) or 0.0)
    start, end = graph.inputs[0].name, graph.outputs[0].name
    return float(nx.shortest_path_length(flow, start, end, weight="steps"))
