"""What recipes of residual networks share: their stem, their stages, and which blocks halve the resolution."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from neurograph.elements import Population
from neurograph.errors import SpecError
from neurograph.models.blocks import Net, Source
from neurograph.projections.conv import Conv2d
from neurograph.projections.operator import Operator
from neurograph.projections.pool import MaxPool2d

STEMS = ("3x3", "7x7")
BASIC, BOTTLENECK = 1, 4  # how many times a block's width it puts out

Block = Callable[[Net, Source, str, int, int, int], Population]


def stem_of(net: Net, stem: str, channels: int) -> Conv2d:
    """The first convolution: 3x3 for small pictures, 7x7 with stride 2 for those of ImageNet."""
    if stem not in STEMS:
        raise SpecError(f"{net.graph.name}(stem={stem!r}): choose one of {', '.join(STEMS)}")
    return net.conv(channels) if stem == "3x3" else net.conv(channels, 7, 2)


def pool_of(pool: bool) -> tuple[Operator, ...]:
    """The max pool behind the first convolution, where there is one."""
    return (MaxPool2d(3, 2, padding=1),) if pool else ()


def residual_stages(
    net: Net, source: Source, block: Block, layers: Sequence[int], widths: Sequence[int], expansion: int = BASIC
) -> Source:
    """`layers` blocks for each stage, "stage1.block1" ...; every stage but the first begins with stride 2.

    `block(net, source, name, inputs, channels, stride)` adds one; `inputs` is the number of its input's channels.
    """
    inputs = net.wide(widths[0])
    for i, (count, width) in enumerate(zip(layers, widths, strict=True), 1):
        channels = net.wide(width)
        for j in range(1, count + 1):
            stride = 2 if i > 1 and j == 1 else 1
            source = block(net, source, f"stage{i}.block{j}", inputs, channels, stride)
            inputs = channels * expansion
    return source
