"""Two convolutions and a linear layer: one network as a spiking and as an artificial one."""

from __future__ import annotations

from neurograph.encode import Encoder
from neurograph.errors import SpecError
from neurograph.graph import Graph
from neurograph.models.blocks import Source, begin
from neurograph.nodes.point import IF
from neurograph.nodes.surrogate import Sigmoid
from neurograph.projections.reshape import Flatten
from neurograph.readout import Readout
from neurograph.spec import Neuron

RECIPES = ("shallow_convnet",)


def shallow_convnet(
    num_classes: int = 10,
    neuron: Neuron | None = None,
    width: float = 1.0,
    input_shape: tuple[int, int, int] = (2, 32, 32),
    *,
    channels: tuple[int, ...] = (32, 64),
    encoder: Encoder | None = None,
    readout: Readout | None = None,
) -> Graph:
    """Convolutions, each with neurons, then one linear layer: input "image", populations "conv1.act" ..., output "logits".

    The neuron is SpikingJelly's IFNode: IF with threshold 1, a hard reset to 0 that is not detached, and a sigmoid surrogate
    of slope 4. The SNN is given frames [T, N, 2, 32, 32] (T = 8, CIFAR10-DVS); with `neuron=ReLU()` it is the CNN, which is
    given frames one by one, [1, N, 2, 32, 32], and has the same weights.
    The source says "convolution, IFNode, flatten, linear" and leaves the convolutions' sizes out. Chosen here: 3x3 with
    bias, stride 2 and padding 1, to 32 and to 64 maps, so that 64 maps of 8x8 meet the classes: 60,074 weights, 608 and
    18,496 of the convolutions and 40,970 of the linear layer.
    Source: a student's report that compares an SNN and a CNN on CIFAR10-DVS in SpikingJelly.
    """
    if not channels:
        raise SpecError("shallow_convnet(channels=()): at least one convolution")
    usual = IF(threshold=1.0, v_reset=0.0, detach_reset=False, surrogate=Sigmoid(4.0))
    net, image = begin("shallow_convnet", num_classes, neuron, width, input_shape, usual=usual, encoder=encoder)
    last: Source = image
    for k, maps in enumerate(channels, 1):
        last = net.unit(last, f"conv{k}.act", f"conv{k}.conv", net.conv(net.wide(maps), stride=2, bias=True))
    return net.classify(last, num_classes, Flatten(), readout=readout)
