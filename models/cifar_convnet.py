"""CifarConvNet: eight convolutions, each with batch norm and spiking neurons, and one linear layer."""

from __future__ import annotations

from neurograph.encode import Encoder
from neurograph.graph import Graph
from neurograph.models.blocks import begin, conv_stages
from neurograph.projections.pool import AdaptiveAvgPool2d
from neurograph.projections.reshape import Flatten
from neurograph.readout import Readout
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
    net, image = begin("cifar_convnet", num_classes, neuron, width, input_shape, stats=stats, encoder=encoder)
    last = conv_stages(net, image, stages)
    return net.classify(last, num_classes, AdaptiveAvgPool2d(1), Flatten(), readout=readout)
