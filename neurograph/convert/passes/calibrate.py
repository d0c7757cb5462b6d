"""Calibration: what spiking neurons do on calibration images is compared with the activations they stand for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from neurograph.compiler import compile
from neurograph.convert.conversion import Array, Conversion, Pass, Site
from neurograph.convert.passes.bias import add_bias
from neurograph.errors import GraphError, SpecError, declared_at
from neurograph.graph import Graph, Output, Population, Port, Projection
from neurograph.nodes.burst import BurstIF
from neurograph.readout import Mean

PER = ("channel", "neuron")


class _Calibrate(Pass):
    """Layer by layer, the mean error that is left when all layers before are corrected."""

    def __init__(self, steps: int = 32, *, per: str = "channel"):
        where = f"{type(self).__name__}(steps={steps}, per={per!r}) at {declared_at()}"
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise SpecError(f"{where}: steps is a whole number, 1 or more")
        if per not in PER:
            raise SpecError(f"{where}: choose one of {', '.join(PER)}")
        self.steps, self.per = steps, per

    def apply(self, conversion: Conversion) -> None:
        analogue = conversion.analogue
        if analogue is None:
            raise GraphError(
                f"the pass {self.name!r} compares spiking neurons with activations: it comes after 'place'"
            )
        conversion.after_place(self, BurstIF)
        order = in_order(conversion.graph, list(conversion.sites))
        wanted = mean_activity(analogue, order, conversion.images, 1)
        for name in order:
            site = conversion.sites[name]
            rate = mean_activity(conversion.graph, [name], conversion.images, self.steps)[name]
            error = wanted[name] - rate * site.spread(site.theta)
            if self.per == "channel":
                error = error.reshape(len(error), -1).mean(1)
            self.correct(conversion, site, error)

    def correct(self, conversion: Conversion, site: Site, error: Array) -> None:
        raise NotImplementedError


class CalibrateBias(_Calibrate):
    """b_c += mean(a_c) - mean(theta_c r_c), a the activations and r the rates after `steps` steps: the mean error is taken away.

    The means are over calibration images and positions of a channel; r is measured with all layers before corrected. What is
    clipped above the threshold and lost in the first steps counts too, so `steps` should be those of the runs to come.
    Source: bias calibration of Li et al. 2021 (SNNC, light pipeline).
    """

    name = "calibrate bias"

    def __init__(self, steps: int = 32):
        super().__init__(steps)

    def correct(self, conversion: Conversion, site: Site, error: Array) -> None:
        add_bias(conversion, site.population, error)


class CalibratePotential(_Calibrate):
    """v(0) += T (mean(a) - mean(theta r)), per neuron or channel: what is missing after T = `steps` steps is there at the start.

    Its effect on the rate fades as 1/T, so it corrects what the first steps lose. Source: initial potential calibration of Li
    et al. 2021 (SNNC).
    """

    name = "calibrate potential"

    def __init__(self, steps: int = 32, *, per: str = "neuron"):
        super().__init__(steps, per=per)

    def correct(self, conversion: Conversion, site: Site, error: Array) -> None:
        node = conversion.graph.nodes[site.population]
        assert isinstance(node, Population)
        shift = self.steps * (site.spread(error) if self.per == "channel" else error)
        conversion.put(replace(node, neuron=node.neuron.changed(v0=node.neuron.params["v0"] + shift)))


def in_order(graph: Graph, names: Sequence[str]) -> list[str]:
    """The names so that each comes after those it depends on."""
    return sorted(names, key=lambda name: len(upstream(graph, name)))


def upstream(graph: Graph, name: str) -> set[str]:
    """A node and all that it depends on."""
    sources: dict[str, set[str]] = {}
    for p in graph.projections.values():
        sources.setdefault(p.target.node, set()).add(p.source.node)
    found, todo = {name}, [name]
    while todo:
        new = sources.get(todo.pop(), set()) - found
        found |= new
        todo += new
    return found


def mean_activity(graph: Graph, populations: Sequence[str], images: Array, steps: int) -> dict[str, Array]:
    """Mean over images and steps of the first output of each population, [*shape]."""
    totals: dict[str, Any] = dict.fromkeys(populations, 0.0)
    for batch in means(graph, populations, images, steps):
        for name, values in batch.items():
            totals[name] = totals[name] + values.sum(0, dtype=np.float64)
    return {n: t / len(images) for n, t in totals.items()}


def means(
    graph: Graph, populations: Sequence[str], images: Array, steps: int, *, batch: int = 100, dtype: str = "float32"
) -> Iterator[dict[str, Array]]:
    """Mean over steps of the first output of each population, [N, *shape], for each batch; no more runs than they need."""
    import torch

    needed = set().union(*(upstream(graph, name) for name in populations))
    part = Graph(graph.name, {n: node for n, node in graph.nodes.items() if n in needed})
    part.projections = {n: p for n, p in graph.projections.items() if p.target.node in needed}
    outputs = {}
    for name in populations:
        node = graph.nodes[name]
        assert isinstance(node, Population)
        output = outputs[name] = f"mean of {name}"
        part.nodes[output] = Output(output, Mean(), node.at)
        read = f"{name} to its mean"
        part.projections[read] = Projection(
            read, Port(name, node.neuron.outputs[0]), Port(output, "input"), (), 0.0, node.at
        )
    program = compile(part, "torch", dtype=dtype).eval()
    for start in range(0, len(images), batch):
        given = torch.as_tensor(np.asarray(images[start : start + batch], dtype))
        with torch.inference_mode():
            found, _ = program.run({graph.inputs[0].name: given}, steps)
        yield {name: found[output].numpy() for name, output in outputs.items()}
