"""SEW-ResNets of 18, 34 and 50 layers: a block's spikes and its input's spikes meet element by element."""

from __future__ import annotations

from functools import partial

from neurograph.elements import Population
from neurograph.encode import Encoder
from neurograph.errors import SpecError
from neurograph.graph import Graph
from neurograph.models.blocks import Net, Recipe, Source, begin, divisor_of, of_family, threshold_of
from neurograph.models.residual import BASIC, BOTTLENECK, pool_of, residual_stages, stem_of
from neurograph.projections.combine import Combine, Product
from neurograph.projections.iand import IAnd
from neurograph.projections.pool import AdaptiveAvgPool2d
from neurograph.projections.reshape import Flatten
from neurograph.readout import Readout
from neurograph.spec import Neuron

RECIPES = ("sew_resnet18", "sew_resnet34", "sew_resnet50")

_WIDTHS = (64, 128, 256, 512)
_MEET: dict[str, str | Combine] = {"add": "add", "and": Product(), "iand": IAnd()}
_FIRES = 1.25  # times the threshold, the current with which a block of g="and" begins


def _sew(name: str, layers: tuple[int, ...], expansion: int, doc: str) -> Recipe:
    """The recipe of one depth: so many blocks in each stage."""

    def recipe(
        num_classes: int = 10,
        neuron: Neuron | None = None,
        width: float = 1.0,
        input_shape: tuple[int, int, int] = (3, 32, 32),
        *,
        g: str = "add",
        stem: str = "3x3",
        stem_pool: bool = False,
        stats: str = "sequence",
        encoder: Encoder | None = None,
        readout: Readout | None = None,
    ) -> Graph:
        if g not in _MEET:
            raise SpecError(f"{name}(g={g!r}): choose one of {', '.join(_MEET)}")
        net, image = begin(name, num_classes, neuron, width, input_shape, stats=stats, encoder=encoder, kaiming=True)
        last: Source = net.unit(image, "stem.lif", "stem.conv", stem_of(net, stem, net.wide(_WIDTHS[0])), net.norm())
        if stem_pool:
            last = net.join("stem.pool", (last, "stem.max", pool_of(stem_pool)))
        last = residual_stages(net, last, partial(_block, g, expansion), layers, _WIDTHS, expansion)
        return net.classify(last, num_classes, AdaptiveAvgPool2d(1), Flatten(), readout=readout)

    return of_family(recipe, name, doc)


def _block(
    g: str, expansion: int, net: Net, source: Source, name: str, inputs: int, channels: int, stride: int
) -> Population:
    wide, spikes = channels * expansion, source
    convs = [(channels, 3, stride), (wide, 3, 1)]
    if expansion == BOTTLENECK:
        convs = [(channels, 1, 1), (channels, 3, stride), (wide, 1, 1)]
    for k, (maps, kernel, step) in enumerate(convs, 1):
        norm = net.norm()
        if g == "and" and k == len(convs):  # the block's neurons fire in every step: x y is x
            norm = net.norm(0.0, _FIRES * divisor_of(net.neuron) * threshold_of(net.neuron))
        spikes = net.unit(spikes, f"{name}.lif{k}", f"{name}.conv{k}", net.conv(maps, kernel, step), norm)
    if stride > 1 or inputs != wide:
        shortcut = (net.conv(wide, 1, stride), net.norm())
        source = net.unit(source, f"{name}.shortcut.lif", f"{name}.shortcut.conv", *shortcut)
    arrivals = ((source, f"{name}.identity", ()), (spikes, f"{name}.spikes", ()))
    return net.join(f"{name}.out", *arrivals, combine=_MEET[g])


sew_resnet18 = _sew(
    "sew_resnet18",
    (2, 2, 2, 2),
    BASIC,
    """SEW-ResNet-18: populations "stem.lif", "stage1.block1.lif1" ..., "stage1.block1.out" where spikes meet, "logits".

    A block is convolution, batch norm and neurons, twice; y is its spikes and x its input, where the shape changes through a
    1x1 convolution, batch norm and neurons. g says how they meet: "add" x + y, "and" x y, "iand" x (1 - y); products of
    values that are not 0 or 1, as a ReLU's, grow from block to block, so its twin has g="add". Convolutions begin as
    N(0, 2/fan_out), and blocks of g="and" as the identity, without which no spike comes through many of them: their last
    batch norm begins with weight 0 and a bias above the threshold. stem: "3x3", or "7x7" with stride 2 and `stem_pool` for
    ImageNet. With that stem, 3 channels and 1,000 classes there are 11,689,512 weights, as in the ResNet-18 of He et al.; 10
    classes and "3x3" give 11,173,962.
    Source: Fang et al. 2021, "Deep residual learning in spiking neural networks".
    """,
)

sew_resnet34 = _sew(
    "sew_resnet34",
    (3, 4, 6, 3),
    BASIC,
    """SEW-ResNet-34: sew_resnet18 with 3, 4, 6 and 3 blocks; 21,797,672 weights for ImageNet.""",
)

sew_resnet50 = _sew(
    "sew_resnet50",
    (3, 4, 6, 3),
    BOTTLENECK,
    """SEW-ResNet-50: sew_resnet34 with bottlenecks, 1x1, 3x3 and 1x1 to four times the maps.

    25,557,032 weights for ImageNet. With g="iand" it is x (1 - y) as in the paper; SpikingJelly's and BrainCog's bottlenecks
    compute y (1 - x).
    """,
)
