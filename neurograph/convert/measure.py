"""The spiking network beside the ANN on a fixed set of images, batch by batch, with counts only in memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from neurograph.compiler import compile
from neurograph.convert.energy import Counter, Work, ann_macs, energy
from neurograph.convert.images import labelled_batches, numpy_of
from neurograph.errors import DataError, ShapeError
from neurograph.graph import Graph, Output, Population, Port, Projection
from neurograph.nodes.bounded import BoundedIF
from neurograph.projections.pool import MaxPool2d
from neurograph.readout import Readout, Sum

Array = np.ndarray[Any, Any]

_ROOM = 2**28  # bytes that the steps of the largest population may take at once


@dataclass(frozen=True)
class Layer:
    """One spiking population over all images and the first `at` steps.

    rate: spikes per neuron and step. silent: part of the neurons that fired for no image; quiet: part of (image, neuron)
    without a spike; saturated: part of (image, neuron) that fired all it can, in every step (BoundedIF: its highest level).
    dead: part of the ANN's units that were 0 for all images. error: sum |y - a| / sum |a| of y = theta times the rate (BoundedIF:
    times the sum of its spikes) against the ANN's activation a at the same place; correlation: Pearson's, of y and a. None
    where there is nothing to compare with.
    """

    name: str
    neurons: int
    rate: float
    spikes: float
    silent: float
    quiet: float
    saturated: float
    dead: float | None
    error: float | None
    correlation: float | None


@dataclass(frozen=True)
class Comparison:
    """What the SNN answered beside the ANN. correct[t - 1] and agreeing[t - 1] count images after t steps.

    `at` is the T that was chosen beforehand; ann_only, snn_only (who alone was right), p, layers and work are for that T.
    reference_*: the quantised network, where a conversion is to equal one. Counts of correct are None without labels.
    """

    images: int
    steps: int
    at: int
    backend: str
    agreeing: list[int]
    correct: list[int] | None
    ann_correct: int | None
    ann_only: int | None
    snn_only: int | None
    p: float | None
    reference_correct: int | None
    reference_agreeing: list[int] | None
    layers: list[Layer]
    work: list[Work]
    ann_macs: int

    def __str__(self) -> str:
        from neurograph.convert.text import tested_text

        return tested_text(self)

    @property
    def synops(self) -> float:
        """Additions that spikes cause, per image."""
        return sum(w.synops for w in self.work)

    @property
    def macs(self) -> float:
        """Multiply-accumulates of the SNN on what is no spike, per image: its first layer, once."""
        return sum(w.macs for w in self.work)

    @property
    def energy(self) -> float:
        """Joules per image (see energy)."""
        return energy(self.synops, self.macs)

    @property
    def ann_energy(self) -> float:
        return energy(0.0, self.ann_macs)


def mcnemar(b: int, c: int) -> float:
    """Exact two-sided p of McNemar's test: of b + c images that only one of two got right, b or fewer for either.

    p = min(1, 2 P[X <= min(b, c)]), X ~ Binomial(b + c, 1/2); 1 where there is none. Source: McNemar 1947.
    """
    from scipy.stats import binomtest

    return float(binomtest(min(b, c), b + c, 0.5).pvalue) if b + c else 1.0


class Counted(Readout):
    """Over the first `until` steps: the sum of the values and the sum of their magnitudes, as a pair."""

    def __init__(self, until: int):
        self.until = until

    def add(self, total: Any, x: Any) -> Any:
        seen, net, size = (0, 0.0, 0.0) if total is None else total
        part = x[: max(0, self.until - seen)]
        return (seen + len(x), net + part.sum(0), size + abs(part).sum(0)) if len(part) else total

    def finish(self, total: Any, steps: int) -> Any:
        return total[1:]


class Running(Readout):
    """What another readout would answer after each step, [T, N, ...]."""

    def __init__(self, readout: Readout):
        self.readout = readout

    def add(self, total: Any, x: Any) -> Any:
        inner, done = (None, []) if total is None else total
        for t in range(len(x)):
            inner = self.readout.add(inner, x[t : t + 1])
            done.append(self.readout.finish(inner, len(done) + 1))
        return inner, done

    def finish(self, total: Any, steps: int) -> Any:
        return np.stack([numpy_of(x) for x in total[1]])


class Instrumented:
    """A graph compiled so that a run gives its first output's answers and, of some populations, a readout."""

    def __init__(self, graph: Graph, answer: Any, watched: dict[str, Readout], backend: str, options: dict[str, Any]):
        probed = graph.copied()
        probed.probes = {}
        self.answers = graph.outputs[0].name
        for output in graph.outputs:
            probed.nodes[output.name] = Output(output.name, answer(output.readout), output.at)
        self.watched: dict[str, str] = {}
        for population, readout in watched.items():
            node = graph.nodes[population]
            assert isinstance(node, Population)
            name = _free(probed, f"{population.replace('.', '_')}_watched")
            probed.nodes[name] = Output(name, readout, node.at)
            wire = _free(probed, f"{name}_wire")
            port = Port(population, node.neuron.outputs[0])
            probed.projections[wire] = Projection(wire, port, Port(name, "input"), (), 0.0, node.at)
            self.watched[population] = name
        self.program = compile(probed, backend, **options)
        if backend == "torch":
            self.program.eval()
        shapes = [math.prod(s.shape) for s in self.program.tape.slots.values()]
        self.largest = max(shapes)

    def __call__(self, images: Array, steps: int) -> tuple[Array, dict[str, Any]]:
        window = int(np.clip(_ROOM // (4 * self.largest * len(images)), 1, steps))
        if self.program.backend == "torch":
            import torch

            given = torch.as_tensor(images).to(self.program.device, self.program.dtype)
            with torch.inference_mode():
                outputs, _ = self.program.run(given, steps, chunk=window, keep_state=window < steps)
        else:
            outputs, _ = self.program.run(np.asarray(images, self.program.dtype), steps, chunk=window)
        return numpy_of(outputs[self.answers]), {p: numpy_of(outputs[n]) for p, n in self.watched.items()}


def _free(graph: Graph, name: str) -> str:
    while name in graph.nodes or name in graph.projections:
        name += "_"
    return name


class _Pairs:
    """Sums over pairs (y, a) from which their relative error and correlation follow."""

    def __init__(self) -> None:
        self.sums = np.zeros(8)
        self.active: Any = False

    def add(self, y: Array, a: Array) -> None:
        y, a = y.astype(np.float64), a.astype(np.float64)
        self.active = self.active | (a != 0).any(0)
        of_y, of_a, both = (y.sum(), (y * y).sum()), (a.sum(), (a * a).sum()), (y * a).sum()
        self.sums += np.array([y.size, *of_y, *of_a, both, np.abs(y - a).sum(), np.abs(a).sum()])

    def error(self) -> float | None:
        return float(self.sums[6] / self.sums[7]) if self.sums[7] else None

    def correlation(self) -> float | None:
        n, y, yy, a, aa, ya = self.sums[:6]
        spreads = n * yy - y * y, n * aa - a * a
        if spreads[0] <= 1e-12 * n * yy or spreads[1] <= 1e-12 * n * aa:
            return None  # one of them does not vary
        return float(np.clip((n * ya - y * a) / np.sqrt(spreads[0] * spreads[1]), -1.0, 1.0))


class _Spikes:
    """What is counted of one spiking population."""

    def __init__(self, population: Population, at: int):
        neuron, self.at = population.neuron, at
        self.name, self.bounded = population.name, isinstance(neuron, BoundedIF)
        theta = neuron.params.get("threshold")
        self.theta = None if theta is None else np.asarray(getattr(theta, "value", theta), np.float64)
        most = neuron.options["high"] if self.bounded else at * int(neuron.options.get("max_spikes", 1))  # type: ignore[call-overload]
        self.most = float(most)  # type: ignore[arg-type]
        self.images, self.total, self.quiet, self.saturated = 0, 0.0, 0, 0
        self.fired: Any = False
        self.pairs = _Pairs()
        self.compared = False

    def add(self, net: Array, size: Array, activation: Array | None) -> None:
        self.images += len(net)
        self.total += float(size.sum(dtype=np.float64))
        self.fired = self.fired | (size > 0).any(0)
        self.quiet += int((size == 0).sum())
        self.saturated += int((net >= self.most).sum())
        if activation is not None and self.theta is not None:
            self.compared = True
            self.pairs.add(net * self.theta / (1 if self.bounded else self.at), activation)

    def layer(self) -> Layer:
        neurons = int(np.size(self.fired))
        every = neurons * self.images
        return Layer(
            self.name,
            neurons,
            self.total / every / self.at,
            self.total / self.images,
            float(1.0 - np.mean(self.fired)),
            self.quiet / every,
            self.saturated / every,
            float(1.0 - np.mean(self.pairs.active)) if self.compared else None,
            self.pairs.error() if self.compared else None,
            self.pairs.correlation() if self.compared else None,
        )


def compare(
    snn: Graph,
    ann: Graph,
    analogue: Graph | None,
    reference: Graph | None,
    data: Any,
    labels: Any,
    *,
    steps: int,
    at: int | None,
    batch: int,
    backend: str,
    device: str,
    dtype: str,
    progress: bool,
) -> Comparison:
    """Run the ANN and the SNN on the same images; see ConversionReport.test.

    analogue: the ANN with its activations where the neurons are. reference: the quantised network, if any.
    """
    at = steps if at is None else at
    if not all(isinstance(n, int) and not isinstance(n, bool) for n in (steps, at)) or not 1 <= at <= steps:
        raise DataError(f"test(steps={steps!r}, at={at!r}): whole numbers, 1 <= at <= steps")
    if isinstance(batch, bool) or not isinstance(batch, int) or batch < 1:
        raise DataError(f"test(batch={batch!r}): a whole number of images, at least one at a time")
    spiking = [n for n in snn.populations if "spike" in n.neuron.outputs and not n.neuron.identity]
    options: dict[str, Any] = {"dtype": dtype, **({"device": device} if backend == "torch" else {})}
    once: dict[str, Any] = {"dtype": dtype, "device": device if backend == "torch" else "cpu"}
    spikes = Instrumented(snn, Running, {n.name: Counted(at) for n in spiking}, backend, options)
    shape = spikes.program.tape.slots[spikes.answers].shape
    if len(shape) != 1:
        raise ShapeError(f"test(): output {spikes.answers!r} has shape {shape}; an answer is one axis of logits")
    plain = Instrumented(ann, _summed, {}, "torch", once)
    quantised = None if reference is None else Instrumented(reference, _summed, {}, "torch", once)
    places: dict[str, Readout] = {n.name: Sum() for n in spiking if analogue is not None and n.name in analogue.nodes}
    active = Instrumented(_plain_pools(analogue), _summed, places, "torch", once) if analogue is not None else None
    counted, counter = {n.name: _Spikes(n, at) for n in spiking}, Counter(snn, [n.name for n in spiking])
    images, labelled = 0, None
    correct, agreeing, same = np.zeros(steps, int), np.zeros(steps, int), np.zeros(steps, int)
    ann_correct = reference_correct = ann_only = snn_only = 0
    given = labelled_batches(data, labels, batch, ann.inputs[0].shape, shape[0])
    for x, y in _shown(given, progress):
        if labelled not in (None, y is not None):
            raise DataError("test(): some batches have labels and some have none")
        labelled = y is not None
        answers, found = spikes(x, steps)
        says = answers.argmax(-1)
        expected = plain(x, 1)[0].argmax(-1)
        images += len(x)
        agreeing += (says == expected).sum(1)
        if quantised is not None:
            exactly = quantised(x, 1)[0].argmax(-1)
            same += (says == exactly).sum(1)
        if y is not None:
            right, ann_right = says == y, expected == y
            correct += right.sum(1)
            ann_correct += int(ann_right.sum())
            ann_only += int((ann_right & ~right[at - 1]).sum())
            snn_only += int((~ann_right & right[at - 1]).sum())
            if quantised is not None:
                reference_correct += int((exactly == y).sum())
        activations = active(x, 1)[1] if active is not None else {}
        for name, (net, size) in found.items():
            counted[name].add(net, size, activations.get(name))
        counter.add({name: size for name, (_, size) in found.items()})
    if not images:
        raise DataError("test(): there is no image to test on")
    return Comparison(
        images=images, steps=steps, at=at, backend=backend,
        agreeing=agreeing.tolist(), correct=correct.tolist() if labelled else None,
        ann_correct=ann_correct if labelled else None,
        ann_only=ann_only if labelled else None, snn_only=snn_only if labelled else None,
        p=mcnemar(ann_only, snn_only) if labelled else None,
        reference_correct=reference_correct if labelled and quantised is not None else None,
        reference_agreeing=same.tolist() if quantised is not None else None,
        layers=[s.layer() for s in counted.values()], work=counter.per_image(images, at), ann_macs=ann_macs(ann),
    )  # fmt: skip


def _summed(readout: Readout) -> Readout:
    return Sum()  # of one step


def _plain_pools(graph: Graph) -> Graph:
    """The graph with plain maxima for pools over time: of one step both are the same, whatever the pool keeps."""
    out = graph.copied()
    for p in graph.projections.values():
        out.projections[p.name] = replace(p, operators=tuple(map(_plain_pool, p.operators)))
    return out


def _plain_pool(operator: Any) -> Any:
    if not isinstance(operator, MaxPool2d) or type(operator) is MaxPool2d:
        return operator
    out = MaxPool2d(operator.kernel, operator.stride)
    vars(out).update({k: v for k, v in vars(operator).items() if k in vars(out)})
    return out


def _shown(batches: Iterator[tuple[Array, Array | None]], progress: bool) -> Iterator[tuple[Array, Array | None]]:
    from tqdm import tqdm

    with tqdm(desc="Testing", unit=" images", disable=not progress) as bar:
        for x, y in batches:
            yield x, y
            bar.update(len(x))


__all__ = ["Comparison", "Counted", "Instrumented", "Layer", "Running", "compare", "mcnemar"]
