"""MnistConvNet: two convolutions and two linear layers for handwritten digits."""

from __future__ import annotations

from neurograph.encode import Encoder
from neurograph.graph import Graph
from neurograph.models.blocks import begin, conv_stages
from neurograph.projections.dense import Dense
from neurograph.projections.dropout import Dropout
from neurograph.projections.pool import AvgPool2d
from neurograph.projections.reshape import Flatten
from neurograph.readout import Readout
from neurograph.spec import Neuron

RECIPES = ("mnist_convnet",)


def mnist_convnet(
    num_classes: int = 10,
    neuron: Neuron | None = None,
    width: float = 1.0,
    input_shape: tuple[int, int, int] = (1, 28, 28),
    *,
    hidden: int = 2048,
    dropout: float = 0.5,
    stats: str = "sequence",
    encoder: Encoder | None = None,
    readout: Readout | None = None,
) -> Graph:
    """MnistConvNet as a graph: populations "block1.lif1", "block2.lif1", "pool2.lif", "fc1.lif", output "logits".

    Two 3x3 convolutions of 128 maps with batch norm, each followed by an average pool of 2; after the second pool neurons
    again, dropout, a linear layer of `hidden` neurons (both times `width`), a linear layer of classes. 10 classes give
    13,016,714 weights: 148,608 of the convolutions, 512 of batch norm, 12,847,104 and 20,490 of the linear layers. BrainCog
    counts two more for each of its 4 nodes, and so 13,016,722. Source: BrainCog's mnist_convnet.
    """
    net, image = begin("mnist_convnet", num_classes, neuron, width, input_shape, stats=stats, encoder=encoder)
    maps = conv_stages(net, image, ((128,), (128,)))
    pooled = net.unit(maps, "pool2.lif", "pool2.pool", AvgPool2d(2))
    layer = (Dropout(dropout), Flatten(), Dense(net.wide(hidden)))
    return net.classify(net.unit(pooled, "fc1.lif", "fc1.linear", *layer), num_classes, readout=readout)
