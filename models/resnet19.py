"""ResNet-19 with threshold-dependent batch norm."""

from __future__ import annotations

import math
from functools import partial

from neurograph.elements import Population
from neurograph.encode import Encoder
from neurograph.graph import Graph
from neurograph.models.blocks import Net, Source, begin, divisor_of, threshold_of
from neurograph.models.residual import residual_stages
from neurograph.projections.dense import Dense
from neurograph.projections.operator import Operator
from neurograph.projections.pool import AdaptiveAvgPool2d
from neurograph.projections.reshape import Flatten
from neurograph.readout import Readout
from neurograph.spec import Neuron

RECIPES = ("resnet19",)


def resnet19(
    num_classes: int = 10,
    neuron: Neuron | None = None,
    width: float = 1.0,
    input_shape: tuple[int, int, int] = (3, 32, 32),
    *,
    alpha: float | None = None,
    hidden: int = 256,
    stats: str = "sequence",
    encoder: Encoder | None = None,
    readout: Readout | None = None,
) -> Graph:
    """ResNet-19 with tdBN: populations "stem.lif", "stage1.block1.lif1" ..., "fc1.lif", output "logits".

    Three stages of 3, 3 and 2 blocks with 128, 256 and 512 maps. A block is conv, tdBN, neurons, conv, tdBN; its second
    neurons get, besides, the block's input, as it is, or in the first block of a stage through tdBN, where the shape changes
    behind a 1x1 convolution. tdBN is batch norm over T*N whose weights begin as alpha * threshold, and as
    alpha * threshold / sqrt(2) where two of them add up and behind the first convolution; the threshold is that of `neuron`
    (1 where it has none). `alpha` is by default what the neuron divides its input by, its tau or 1: the paper's neuron takes
    its input whole, and what reaches the membrane begins with the spread of the threshold. With alpha=1, BrainCog's, 3 % of
    LIF() fire in a step, and none of those behind the linear layer. The maps are averaged and meet `hidden` (times `width`)
    neurons, then the classes. 10 classes give 12,698,250 weights: 12,553,600 of the convolutions, 10,752 of tdBN, 131,328
    and 2,570 of the linear layers.
    Source: Zheng et al. 2021, "Going deeper with directly-trained larger spiking neural networks"; BrainCog's resnet19.
    """
    net, image = begin("resnet19", num_classes, neuron, width, input_shape, stats=stats, encoder=encoder)
    start = (divisor_of(net.neuron) if alpha is None else alpha) * threshold_of(net.neuron)
    stem = net.unit(image, "stem.lif", "stem.conv", net.conv(net.wide(128)), net.norm(start * math.sqrt(0.5)))
    last = residual_stages(net, stem, partial(_block, start), (3, 3, 2), (128, 256, 512))
    layer = (AdaptiveAvgPool2d(1), Flatten(), Dense(net.wide(hidden)))
    return net.classify(net.unit(last, "fc1.lif", "fc1.linear", *layer), num_classes, readout=readout)


def _block(start: float, net: Net, source: Source, name: str, inputs: int, channels: int, stride: int) -> Population:
    half = start * math.sqrt(0.5)  # two normalised currents add up to the variance of one
    first = net.unit(source, f"{name}.lif1", f"{name}.conv1", net.conv(channels, 3, stride), net.norm(start))
    second = net.unit(first, f"{name}.lif2", f"{name}.conv2", net.conv(channels), net.norm(half))
    shortcut: tuple[Operator, ...] = (net.norm(half),) if name.endswith(".block1") else ()
    if stride > 1 or inputs != channels:
        shortcut = (net.conv(channels, 1, stride), net.norm(half))
    net.graph.connect(source, second[second.neuron.inputs[0]], *shortcut, name=f"{name}.shortcut")
    return second
