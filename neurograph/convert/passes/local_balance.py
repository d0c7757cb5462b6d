"""Local threshold balancing: thresholds found layer by layer from what they would cut off."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from neurograph.activations.activation import Activation
from neurograph.compiler import compile
from neurograph.convert.conversion import Array, Conversion, Pass
from neurograph.convert.passes.calibrate import means
from neurograph.convert.passes.observe import Observe, usable
from neurograph.convert.passes.place import replace_neuron
from neurograph.errors import DataError, GraphError, SpecError, declared_at
from neurograph.expr import relu
from neurograph.graph import Output, Population
from neurograph.nodes.burst import BurstIF
from neurograph.readout import MeanFrom
from neurograph.spec import Param, learnable


class _Clipped(Activation):
    """y = min(max(x, 0), theta), and what theta cuts off."""

    equation = "y = max(x, 0) - max(x - theta, 0)"
    outputs = ("output", "excess")  # type: ignore[assignment]
    threshold = Param(1.0, "theta, the largest output")

    def step(self, input: Any) -> dict[str, Any]:
        excess = relu(input - self.threshold)
        return {"output": relu(input) - excess, "excess": excess}


class LocalBalance(Observe):
    """theta_c += 2 eta mean(max(z_c - theta_c, 0)) for each batch, from 0: descent of E[(max(z, 0) - clip(z, 0, theta))^2].

    z is what arrives in the ANN whose activations are clipped at the thresholds as they are, so each layer sees what those
    before will let through. `passes` over the images, in their order, in batches of `batch`. More let theta come closer to the
    largest z; up to `eta` = 1/2 it stays below. `per`: "channel" or "layer". The ceiling of an activation is an upper bound.
    Source: Bu et al. 2025, "Inference-scale complexity in ANN-SNN conversion for high-performance and low-power applications".
    """

    def __init__(self, eta: float = 0.5, *, passes: int = 20, batch: int = 50, per: str = "channel"):
        where = f"LocalBalance(eta={eta}, passes={passes}, batch={batch}) at {declared_at()}"
        if not (isinstance(eta, int | float) and 0 < eta < float("inf")):
            raise SpecError(f"{where}: eta is a finite number above 0")
        if not all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in (passes, batch)):
            raise SpecError(f"{where}: passes and batch are whole numbers, 1 or more")
        self.declare("local threshold balancing", per)
        self.eta, self.passes, self.batch = eta, passes, batch

    def __repr__(self) -> str:
        return f"{self.text} per {self.per}, eta={self.eta}, {self.passes} passes in batches of {self.batch}"

    def apply(self, conversion: Conversion) -> None:
        import torch

        conversion.before_place(self)
        graph = conversion.graph.copied()
        clipped = replace(conversion, graph=graph)
        for site in conversion.sites.values():
            zero = np.zeros((site.shape[0],) + (1,) * (len(site.shape) - 1))
            # learnt parameters are data to the compiler, which folds a fixed 0
            neuron = _Clipped(threshold=learnable(zero, per="channel"))
            replace_neuron(clipped, site, neuron)
        graph.probes = {}
        for name in conversion.sites:
            graph.probe(name, "excess")
        program = compile(graph, "torch").eval()
        parameters = dict(program.named_parameters())
        thresholds = {name: parameters[f"{name}.threshold"] for name in conversion.sites}
        for _ in range(self.passes):
            for start in range(0, len(conversion.images), self.batch):
                images = np.asarray(conversion.images[start : start + self.batch], np.float32)
                with torch.no_grad():
                    program.run({graph.inputs[0].name: torch.as_tensor(images)}, 1)
                    for name, threshold in thresholds.items():
                        excess = np.asarray(program.recordings[f"{name}.excess"].array()[0], np.float64)
                        mean = np.moveaxis(excess, 1, 0).reshape(excess.shape[1], -1).mean(1)
                        if not np.all(np.isfinite(mean)):
                            raise DataError(f"activation {name!r} is NaN or infinite on the calibration images")
                        rise = 2 * self.eta * (mean if self.per == "channel" else mean.mean())
                        threshold.add_(torch.as_tensor(np.broadcast_to(rise, mean.shape).copy()).view_as(threshold))
        for name, site in conversion.sites.items():
            found = thresholds[name].detach().numpy().astype(np.float64).reshape(-1)
            site.threshold = usable(found if self.per == "channel" else found[:1], site)


class DelayAnswer(Pass):
    """Mean of the answers from step t0 on, t0 = sum_l (theta_l - v_l(0)) / max relu(z_l): the steps until spikes come through.

    Per layer, the time of the neuron that fires first, with z what arrives in it in the ANN, as a mean over calibration
    images; t0 is rounded down. A short run keeps its last `least` steps (see MeanFrom). Source: Bu et al. 2025.
    """

    name = "delay answer"

    def __init__(self, least: int = 4):
        if isinstance(least, bool) or not isinstance(least, int) or least < 1:
            raise SpecError(f"DelayAnswer(least={least!r}) at {declared_at()}: a whole number of steps, 1 or more")
        self.least = least

    def apply(self, conversion: Conversion) -> None:
        if conversion.analogue is None:
            raise GraphError(f"the pass {self.name!r} needs potentials and thresholds: it comes after 'place'")
        conversion.after_place(self, BurstIF)
        missing: dict[str, Array] = {}
        for name in conversion.sites:
            node = conversion.graph.nodes[name]
            assert isinstance(node, Population) and isinstance(node.neuron, BurstIF)
            missing[name] = np.asarray(node.neuron.params["threshold"]) - np.asarray(node.neuron.params["v0"])
        times: dict[str, list[Array]] = {name: [] for name in missing}
        for batch in means(conversion.analogue, list(missing), conversion.images, 1):
            for name, z in batch.items():
                per_step = (z / np.maximum(missing[name], 1e-30)).reshape(len(z), -1).max(1)
                times[name].append(per_step)
        first = 0.0
        for name, parts in times.items():
            per_step = np.concatenate(parts)
            active = per_step[per_step > 0]  # a layer that an image leaves silent has no first spike
            conversion.sites[name].facts["first spike"] = latency = float((1.0 / active).mean()) if len(active) else 0.0
            first += latency
        for output in conversion.graph.outputs:
            conversion.put(Output(output.name, MeanFrom(int(first), least=self.least), output.at))
