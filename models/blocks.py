"""What the recipes of networks for pictures and events share: how they begin, their layers, and how they end."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Union

import numpy as np

from neurograph.activations.relay import Relay
from neurograph.distributions import Normal
from neurograph.elements import Input, Population
from neurograph.encode import Encoder
from neurograph.errors import SpecError
from neurograph.fields import plain
from neurograph.graph import Graph
from neurograph.nodes.point import LIF
from neurograph.projections.batch_norm import BatchNorm
from neurograph.projections.combine import Combine
from neurograph.projections.conv import Conv2d
from neurograph.projections.dense import Dense
from neurograph.projections.operator import Operator
from neurograph.projections.pool import AvgPool2d
from neurograph.readout import Mean, Readout
from neurograph.spec import Neuron

Source = Union[Input, Population]
Stages = tuple[tuple[int, ...], ...]
Recipe = Callable[..., Graph]


@dataclass
class Net:
    """A graph being built: its neuron, the factor on all widths, and what its batch norms and convolutions are like.

    `stats`: batch norm over T*N ("sequence") or per step ("step"). `kaiming`: convolutions begin as N(0, 2/fan_out).
    """

    graph: Graph
    neuron: Neuron
    width: float
    stats: str
    kaiming: bool = False

    def wide(self, channels: int) -> int:
        """A number of channels at this width, at least 1."""
        return max(1, round(channels * self.width))

    def conv(self, channels: int, kernel: int = 3, stride: int = 1, *, bias: bool = False) -> Conv2d:
        """A convolution to `channels` maps, padded so that stride 1 keeps their size."""
        start = Normal(0.0, math.sqrt(2.0 / (channels * kernel**2))) if self.kaiming else None
        return Conv2d(channels, kernel, stride=stride, padding=kernel // 2, bias=bias, weight=start)

    def norm(self, weight: float = 1.0, bias: float = 0.0) -> BatchNorm:
        return BatchNorm(stats=self.stats, weight=weight, bias=bias)

    def unit(
        self, source: Source, name: str, projection: str, *operators: Operator, neuron: Neuron | None = None
    ) -> Population:
        """Neurons that `source` projects to, at the first of their ports."""
        kind = neuron or self.neuron
        population = self.graph.population(name, kind)
        self.graph.connect(source, population[kind.inputs[0]], *operators, name=projection)
        return population

    def join(
        self, name: str, *arrivals: tuple[Source, str, tuple[Operator, ...]], combine: str | Combine = "add"
    ) -> Population:
        """Where values meet and become one without neurons: their sum, unless `combine` says another way."""
        population = self.graph.population(name, Relay(), combine=combine)
        for source, projection, operators in arrivals:
            self.graph.connect(source, population, *operators, name=projection)
        return population

    def end(self, source: Source, *operators: Operator, readout: Readout | None = None) -> Graph:
        """The graph with the output "logits", by default the mean over T of what arrives there."""
        logits = self.graph.output("logits", readout=readout or Mean())
        self.graph.connect(source, logits, *operators, name="head")
        return self.graph

    def classify(self, source: Source, num_classes: int, *before: Operator, readout: Readout | None = None) -> Graph:
        """The graph with a linear layer to `num_classes` at its end."""
        return self.end(source, *before, Dense(num_classes), readout=readout)


def begin(
    name: str,
    num_classes: int,
    neuron: Neuron | None,
    width: float,
    input_shape: tuple[int, int, int],
    *,
    usual: Neuron | None = None,
    stats: str = "sequence",
    encoder: Encoder | None = None,
    kaiming: bool = False,
) -> tuple[Net, Input]:
    """A graph with its input "image" alone; raises SpecError where the settings of a recipe cannot be.

    A static picture [N, *input_shape] goes through the encoder, frames [T, N, *input_shape] enter as they are. `usual` is
    the recipe's own neuron, LIF() unless it says another.
    """
    if (
        not isinstance(num_classes, int)
        or not isinstance(width, int | float)
        or not (num_classes > 0 and 0 < width < math.inf)
    ):
        raise SpecError(
            f"{name}(num_classes={num_classes!r}, width={width!r}): a whole number and a number; both must be above 0 and finite"
        )
    if not isinstance(input_shape, tuple | list) or len(input_shape) != 3:
        raise SpecError(f"{name}(input_shape={input_shape!r}): give (channels, height, width), such as (3, 32, 32)")
    graph = Graph(name)
    image = graph.input("image", input_shape, encoder=encoder)
    return Net(graph, neuron or usual or LIF(), width, stats, kaiming), image


def of_family(recipe: Recipe, name: str, doc: str) -> Recipe:
    """One recipe of a family that share their settings, under its own name and docstring."""
    recipe.__name__ = recipe.__qualname__ = name
    recipe.__doc__ = doc
    return recipe


def threshold_of(neuron: Neuron) -> float:
    """A neuron's threshold, the mean of several, and where it begins if it is learnt; 1 for a unit that has none."""
    return float(np.mean(plain(neuron.params.get("threshold", 1.0))))


def divisor_of(neuron: Neuron) -> float:
    """What a neuron divides its input by: its tau, also where that is given as 1 / tau = sigmoid(w); 1 for others."""
    if not neuron.options.get("decay_input", False):
        return 1.0
    if "w" in neuron.params:
        return 1.0 + math.exp(-float(np.mean(plain(neuron.params["w"]))))
    return float(np.mean(plain(neuron.params.get("tau", 1.0))))


def conv_stages(net: Net, source: Source, stages: Stages) -> Population:
    """Stages of 3x3 convolutions with batch norm and neurons, spikes averaged by 2 between stages; the last neurons.

    Populations "block1.lif1" ..., projections "block1.conv1" .... A neuron with a further port "apical" gets the same
    spikes there through 1x1 weights of its own.
    """
    pool: list[Operator] = []
    last: Source = source
    for i, stage in enumerate(stages, 1):
        for j, channels in enumerate(stage, 1):
            name, wide = f"block{i}.conv{j}", net.wide(channels)
            lif = net.unit(last, f"block{i}.lif{j}", name, *pool, net.conv(wide), net.norm())
            if "apical" in lif.neuron.inputs:
                gate = (*pool, net.conv(wide, 1), net.norm())
                net.graph.connect(last, lif["apical"], *gate, name=f"{name}_apical")
            last, pool = lif, []
        pool = [AvgPool2d(2)]
    if not isinstance(last, Population):
        raise SpecError(f"{net.graph.name}(stages={stages!r}): at least one convolution")
    return last
