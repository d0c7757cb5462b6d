"""Pre-activation ResNets of 18, 34 and 50 layers: batch norm, neurons, convolution; what is added are currents."""

from __future__ import annotations

from neurograph.elements import Population
from neurograph.encode import Encoder
from neurograph.graph import Graph
from neurograph.models.blocks import Net, Recipe, Source, begin, of_family
from neurograph.models.residual import BASIC, BOTTLENECK, pool_of, residual_stages, stem_of
from neurograph.projections.operator import Operator
from neurograph.projections.pool import AdaptiveAvgPool2d
from neurograph.projections.reshape import Flatten
from neurograph.readout import Readout
from neurograph.spec import Neuron

RECIPES = ("resnet18", "resnet34", "resnet50")

_WIDTHS = (64, 128, 256, 512)


def _resnet(name: str, layers: tuple[int, ...], expansion: int, doc: str) -> Recipe:
    """The recipe of one depth: so many blocks in each stage."""

    def recipe(
        num_classes: int = 10,
        neuron: Neuron | None = None,
        width: float = 1.0,
        input_shape: tuple[int, int, int] = (3, 32, 32),
        *,
        stem: str = "3x3",
        stem_pool: bool = False,
        stats: str = "sequence",
        encoder: Encoder | None = None,
        readout: Readout | None = None,
    ) -> Graph:
        net, image = begin(name, num_classes, neuron, width, input_shape, stats=stats, encoder=encoder, kaiming=True)
        first = (stem_of(net, stem, net.wide(_WIDTHS[0])), *pool_of(stem_pool))
        block = _basic if expansion == BASIC else _bottleneck
        last = residual_stages(net, net.join("stem", (image, "stem.conv", first)), block, layers, _WIDTHS, expansion)
        return net.classify(last, num_classes, net.norm(), AdaptiveAvgPool2d(1), Flatten(), readout=readout)

    return of_family(recipe, name, doc)


def _basic(net: Net, source: Source, name: str, inputs: int, channels: int, stride: int) -> Population:
    first = net.unit(source, f"{name}.lif1", f"{name}.norm1", net.norm())
    second = net.unit(first, f"{name}.lif2", f"{name}.conv1", net.conv(channels, 3, stride), net.norm())
    return _sum(net, source, name, (second, f"{name}.conv2", (net.conv(channels),)), inputs, channels, stride)


def _bottleneck(net: Net, source: Source, name: str, inputs: int, channels: int, stride: int) -> Population:
    first = net.unit(source, f"{name}.lif1", f"{name}.norm1", net.norm())
    second = net.unit(first, f"{name}.lif2", f"{name}.conv1", net.conv(channels, 1), net.norm())
    third = net.unit(second, f"{name}.lif3", f"{name}.conv2", net.conv(channels, 3, stride), net.norm())
    wide = channels * BOTTLENECK
    return _sum(net, source, name, (third, f"{name}.conv3", (net.conv(wide, 1),)), inputs, wide, stride)


def _sum(
    net: Net, source: Source, name: str, arrival: tuple[Source, str, tuple[Operator, ...]], inputs: int, channels: int,
    stride: int,
) -> Population:  # fmt: skip
    """What the block computes, and its input: as it is, or through neurons and a 1x1 convolution."""
    if stride == 1 and inputs == channels:
        return net.join(f"{name}.sum", arrival, (source, f"{name}.identity", ()))
    spikes = net.unit(source, f"{name}.shortcut.lif", f"{name}.shortcut.norm", net.norm())
    return net.join(f"{name}.sum", arrival, (spikes, f"{name}.shortcut.conv", (net.conv(channels, 1, stride),)))


resnet18 = _resnet(
    "resnet18",
    (2, 2, 2, 2),
    BASIC,
    """A pre-activation ResNet of 18 layers: populations "stage1.block1.lif1" ..., sums "stage1.block1.sum", output "logits".

    A block adds conv2(lif2(bn2(conv1(lif1(bn1(x)))))) to x, or where the shape changes to a 1x1 convolution of
    lif(bn(x)). The last sum, a current like a membrane potential, is normalised, averaged over the map and over T without
    neurons. Convolutions begin as N(0, 2/fan_out). stem: "3x3", or "7x7" with stride 2 for ImageNet, no batch norm behind
    it; `stem_pool` puts a 3x3 max pool with stride 2 there. 10 classes at 3 channels give 11,173,066 weights, at 2 channels
    11,172,490: BrainCog counts two more for each of its 19 nodes, and so 11,173,104 and 11,172,528.
    Source: He et al. 2016, "Identity mappings in deep residual networks"; BrainCog's resnet18.
    """,
)

resnet34 = _resnet(
    "resnet34",
    (3, 4, 6, 3),
    BASIC,
    """A pre-activation ResNet of 34 layers: resnet18 with 3, 4, 6 and 3 blocks; 10 classes give 21,281,226 weights.""",
)

resnet50 = _resnet(
    "resnet50",
    (3, 4, 6, 3),
    BOTTLENECK,
    """A pre-activation ResNet of 50 layers: resnet34 with bottlenecks, 1x1, 3x3 and 1x1 to four times the maps.

    10 classes give 23,516,874 weights.
    """,
)
