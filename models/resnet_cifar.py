"""A ResNet for small pictures: basic blocks whose sum is two projections that arrive at one population."""

from __future__ import annotations

from neurograph.activations.rectifier import ReLU
from neurograph.errors import SpecError
from neurograph.graph import Graph, Population
from neurograph.projections.batch_norm import BatchNorm
from neurograph.projections.conv import Conv2d
from neurograph.projections.dense import Dense
from neurograph.projections.operator import Operator
from neurograph.projections.pool import AdaptiveAvgPool2d
from neurograph.projections.reshape import Flatten
from neurograph.readout import Readout
from neurograph.spec import Neuron

RECIPES = ("resnet_cifar",)

STAGES = 3


def resnet_cifar(
    num_classes: int = 10,
    activation: Neuron | None = None,
    input_shape: tuple[int, int, int] = (3, 32, 32),
    *,
    depth: int = 8,
    width: int = 16,
    readout: Readout | None = None,
) -> Graph:
    """A ResNet of depth 6n + 2 as a graph: input "image", populations "stem.act", "stage1.block1.act1" ..., output "logits".

    Three stages of n blocks have `width`, twice and four times as many maps, each after the first at half the
    resolution. A block is two 3x3 convolutions with batch norm; its second population gets, besides, the block's
    input, as it is or through a 1x1 convolution with batch norm ("shortcut") where the shape changes. The maps
    are averaged before the linear layer. Depth 8 and width 16 give 78,042 weights for 10 classes.
    Source: He et al. 2016, "Deep residual learning for image recognition", section 4.2 with its projections (B).
    """
    blocks, rest = divmod(depth - 2, 2 * STAGES)
    if num_classes < 1 or width < 1 or blocks < 1 or rest:
        raise SpecError(
            f"resnet_cifar(num_classes={num_classes}, depth={depth}, width={width}): the depth is 8, 14, 20, ... (6n + 2), "
            "classes and width are 1 or more"
        )
    kind = activation or ReLU()
    graph = Graph("resnet_cifar")
    before = graph.population("stem.act", kind)
    graph.connect(graph.input("image", input_shape), before, *_conv(width), name="stem.conv")
    for stage in range(STAGES):
        for block in range(blocks):
            halves = stage > 0 and block == 0
            before = _block(
                graph, before, f"stage{stage + 1}.block{block + 1}", kind, width * 2**stage, 2 if halves else 1
            )
    logits = graph.output("logits", readout=readout)
    graph.connect(before, logits, AdaptiveAvgPool2d(1), Flatten(), Dense(num_classes), name="head")
    return graph


def _block(graph: Graph, source: Population, name: str, kind: Neuron, channels: int, stride: int) -> Population:
    inner, out = graph.population(f"{name}.act1", kind), graph.population(f"{name}.act2", kind)
    graph.connect(source, inner, *_conv(channels, stride=stride), name=f"{name}.conv1")
    graph.connect(inner, out, *_conv(channels), name=f"{name}.conv2")
    shortcut = () if stride == 1 else _conv(channels, 1, stride)
    graph.connect(source, out, *shortcut, name=f"{name}.shortcut")
    return out


def _conv(channels: int, kernel: int = 3, stride: int = 1) -> tuple[Operator, ...]:
    return Conv2d(channels, kernel, stride=stride, padding=kernel // 2, bias=False), BatchNorm()
