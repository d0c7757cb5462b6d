"""Make a trained network ready to be fine-tuned with quantised activations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from neurograph.activations.quantised import QCFS
from neurograph.convert.conversion import Conversion, Site
from neurograph.convert.images import calibration_images
from neurograph.convert.passes.observe import Observe, percentile
from neurograph.errors import GraphError, ShapeError, SpecError, declared_at
from neurograph.graph import Graph, Population
from neurograph.spec import learnable


def quantised(
    graph: Graph,
    calibration: Any,
    *,
    levels: int = 4,
    observe: Observe | None = None,
    weights: Any = None,
    limit: int = 1000,
) -> Graph:
    """A copy of an ANN whose activations are QCFS with `levels` steps and learnt thresholds: train it some epochs, then convert.

    y = (theta / L) clip(floor(x L / theta + 1/2), 0, L) in the place of each ReLU, ReLU6 or Clamp from 0. theta begins with
    what `observe` finds on calibration images [N, *shape] (default the 99.9th percentile per layer; per channel, one is learnt
    for each); it is a parameter "<population>.threshold". Weights stay, those of `weights` (a trained program or arrays by
    name) where the graph does not hold them. Convert the trained network with the recipe "qcfs".

    Raises GraphError where there is no such activation, SpecError for levels. Source: Bu et al. 2022 (QCFS).
    """
    if isinstance(levels, bool) or not isinstance(levels, int) or levels < 1:
        raise SpecError(f"quantised(levels={levels!r}) at {declared_at()}: a whole number, 1 or more")
    if not isinstance(graph, Graph):
        raise GraphError(
            f"quantised() takes a graph, not {type(graph).__name__}; from_torch(module, example) makes one"
        )
    if not isinstance(observe, Observe | None):
        raise SpecError(f"quantised(observe={observe!r}) at {declared_at()}: an Observe, such as percentile(99.9)")
    ann = graph if weights is None else graph.with_weights(weights)
    images = calibration_images(calibration, limit)
    if ann.inputs and images.shape[1:] != ann.inputs[0].shape:
        raise ShapeError(
            f"quantised(calibration=...): images of shape {images.shape[1:]}, but {ann.name!r} takes {ann.inputs[0].shape}"
        )
    conversion = Conversion(ann, ann.copied(), images)
    shapes = conversion.shapes()
    for node in conversion.activations():
        if node.neuron.spiking and not isinstance(node.neuron, QCFS):  # type: ignore[attr-defined]
            conversion.sites[node.name] = Site(node.name, node.neuron, shapes[node.name], node.at)  # type: ignore[arg-type]
    if not conversion.sites:
        raise GraphError(f"graph {ann.name!r} has no ReLU, ReLU6 or Clamp from 0, so there is nothing to quantise")
    (observe or percentile(99.9, per="layer")).apply(conversion)
    for site in conversion.sites.values():
        population = ann.nodes[site.population]
        assert isinstance(population, Population)
        theta = learnable(site.spread(site.theta), per="population" if len(site.theta) == 1 else "channel")
        conversion.put(replace(population, neuron=QCFS(levels=levels, threshold=theta)))
    conversion.graph.name = f"{ann.name}_quantised"
    return conversion.graph
