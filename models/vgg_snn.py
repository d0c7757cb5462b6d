"""VGG-SNN: eight convolutions for the frames of an event camera, four pools, one linear layer."""

from __future__ import annotations

from neurograph.encode import Encoder
from neurograph.graph import Graph
from neurograph.models.blocks import begin, conv_stages
from neurograph.projections.pool import AvgPool2d
from neurograph.projections.reshape import Flatten
from neurograph.readout import Readout
from neurograph.spec import Neuron

RECIPES = ("vgg_snn",)

_STAGES = ((64, 128), (256, 256), (512, 512), (512, 512))


def vgg_snn(
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
    """VGG-SNN as a graph: input "image" of frames [T, N, 2, H, W], populations "block1.lif1" ..., output "logits".

    3x3 convolutions without bias, batch norm and neurons: 64, 128, P, 256, 256, P, 512, 512, P, 512, 512, P with average
    pools P of 2; 512 maps of 3x3 (48x48 pixels) meet the classes. 10 classes give 9,268,746 weights: 9,217,152 of the
    convolutions, 5,504 of batch norm, 46,090 of the linear layer.
    Source: Deng et al. 2022, "Temporal efficient training", with BrainCog's convolutions.
    """
    net, image = begin("vgg_snn", num_classes, neuron, width, input_shape, stats=stats, encoder=encoder)
    return net.classify(conv_stages(net, image, stages), num_classes, AvgPool2d(2), Flatten(), readout=readout)
