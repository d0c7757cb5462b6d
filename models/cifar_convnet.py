"""CifarConvNet: eight convolutions, each with batch norm and spiking neurons, and one linear layer."""

from __future__ import annotations

from neurograph.encode import Encoder
from neurograph.errors import SpecError
from neurograph.graph import Graph, Population
from neurograph.nodes.point import LIF
from neurograph.projections.batch_norm import BatchNorm
from neurograph.projections.conv import Conv2d
from neurograph.projections.dense import Dense
from neurograph.projections.operator import Operator
from neurograph.projections.pool import AdaptiveAvgPool2d, AvgPool2d
from neurograph.projections.reshape import Flatten
from neurograph.readout import Mean, Readout
from neurograph.spec import Neuron

RECIPES = ("cifar_convnet",)

_STAGES = ((256, 256), (256, 256), (512, 512), (1024, 1024))


def cifar_convnet(
    num_classes: int = 10,
    neuron: Neuron | None = None,
    width: float = 1.0,
    input_shape: tuple[int, int, int] = (3, 32, 32),
    *,
    stages: tuple[tuple[int, ...], ...] = _STAGES,
    stats: str = "sequence",
    encoder: Encoder | None = None,
    readout: Readout | None = None,
) -> Graph:
    """CifarConvNet as a graph: input "image", populations "block1.lif1" ..., output "logits".

    Each convolution is 3x3 with padding 1 and no bias, then batch norm, then neurons; the spikes of a stage
    are average-pooled by 2 before the next, and averaged over the whole map before the linear layer, whose
    answers are averaged over T. 10 classes at width 1 give 19,489,546 weights. `stats`: batch norm over T*N
    ("sequence") or per step ("step"). A neuron with several input ports receives the convolution at its
    first, and at a further port "apical" through a convolution of its own 1x1 projection.
    Source: BrainCog's cifar_convnet (arXiv 2207.08533).
    """
    if num_classes < 1 or not width > 0:
        raise SpecError(f"cifar_convnet(num_classes={num_classes}, width={width}): both must be above 0")
    kind = LIF() if neuron is None else neuron
    graph = Graph("cifar_convnet")
    source = graph.input("image", input_shape, encoder=encoder)
    previous: object = source
    pool: list[Operator] = []
    for i, stage in enumerate(stages, 1):
        for j, channels in enumerate(stage, 1):
            wide = max(1, round(channels * width))
            name = f"block{i}.conv{j}"
            lif = graph.population(f"block{i}.lif{j}", kind)
            conv = (*pool, Conv2d(wide, 3, padding=1, bias=False), BatchNorm(stats=stats))
            graph.connect(previous, lif[kind.inputs[0]], *conv, name=name)  # type: ignore[arg-type]
            _gate(graph, previous, lif, pool, wide, stats, name)
            previous, pool = lif, []
        pool = [AvgPool2d(2)] if i < len(stages) else []
    logits = graph.output("logits", readout=readout or Mean())
    graph.connect(previous, logits, AdaptiveAvgPool2d(1), Flatten(), Dense(num_classes), name="head")  # type: ignore[arg-type]
    return graph


def _gate(
    graph: Graph, source: object, target: Population, pool: list[Operator], channels: int, stats: str, name: str
) -> None:
    """A multi-compartment neuron's apical dendrite sees the same spikes through 1x1 weights of its own."""
    if "apical" in target.neuron.inputs:
        operators = (*pool, Conv2d(channels, 1, bias=False), BatchNorm(stats=stats))
        graph.connect(source, target["apical"], *operators, name=f"{name}_apical")  # type: ignore[arg-type]
