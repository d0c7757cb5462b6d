"""DvsConvNet: eight convolutions for the frames of an event camera."""

from __future__ import annotations

from neurograph.encode import Encoder
from neurograph.graph import Graph
from neurograph.models.blocks import begin, conv_stages
from neurograph.projections.pool import AdaptiveAvgPool2d
from neurograph.projections.reshape import Flatten
from neurograph.readout import Readout
from neurograph.spec import Neuron

RECIPES = ("dvs_convnet",)

_STAGES = ((128, 128), (256,), (256, 256), (512,), (512, 512))


def dvs_convnet(
    num_classes: int = 10,
    neuron: Neuron | None = None,
    width: float = 1.0,
    input_shape: tuple[int, int, int] = (2, 48, 48),
    *,
    stages: tuple[tuple[int, ...], ...] = _STAGES,
    stats: str = "sequence",
    encoder: Encoder | None = None,
    readout: Readout | None = None,
) -> Graph:
    """DvsConvNet as a graph: input "image" of frames [T, N, 2, H, W], populations "block1.lif1" ..., output "logits".

    The layers of cifar_convnet in five stages, (128, 128), 256, (256, 256), 512 and (512, 512). 10 classes give 7,532,810
    weights: 7,522,560 of the convolutions, 5,120 of batch norm, 5,130 of the linear layer. BrainCog counts two more numbers
    for each of its 8 nodes, threshold and surrogate width, and so 7,532,826. Source: BrainCog's dvs_convnet.
    """
    net, image = begin("dvs_convnet", num_classes, neuron, width, input_shape, stats=stats, encoder=encoder)
    last = conv_stages(net, image, stages)
    return net.classify(last, num_classes, AdaptiveAvgPool2d(1), Flatten(), readout=readout)
