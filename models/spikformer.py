"""Spikformer: attention between spikes, without softmax."""

from __future__ import annotations

import numpy as np

from neurograph.elements import Population
from neurograph.encode import Encoder
from neurograph.errors import SpecError
from neurograph.fields import Learnable, learnable, plain
from neurograph.graph import Graph
from neurograph.models.blocks import Net, Source, begin
from neurograph.nodes.point import LIF
from neurograph.nodes.surrogate import Sigmoid
from neurograph.projections.arrange import Permute, Reshape
from neurograph.projections.combine import MatMul
from neurograph.projections.operator import Operator
from neurograph.projections.pool import AdaptiveAvgPool2d, MaxPool2d
from neurograph.projections.reshape import Flatten
from neurograph.projections.scale import Scale
from neurograph.readout import Readout
from neurograph.spec import Neuron

RECIPES = ("spikformer",)

_SCALE = 0.125  # of the attention, as published, whatever the heads' size


def spikformer(
    num_classes: int = 10,
    neuron: Neuron | None = None,
    width: float = 1.0,
    input_shape: tuple[int, int, int] = (3, 32, 32),
    *,
    depth: int = 4,
    dim: int = 384,
    heads: int = 12,
    pools: int = 2,
    stats: str = "sequence",
    encoder: Encoder | None = None,
    readout: Readout | None = None,
) -> Graph:
    """Spikformer as a graph: "patch.lif1" ..., "block1.attention.q" ..., "block1.mlp.lif1" ..., sums "block1.out", "logits".

    Patches: four 3x3 convolutions with batch norm and neurons, to 1/8, 1/4, 1/2 and all of `dim` (times `width`) maps, the
    last `pools` of them followed by a max pool of 2; the neurons of a fifth are added as positions. A block adds attention,
    then two linear layers (4 dim, dim), to what it gets. Attention: spikes q, k, v of linear layers with batch norm, in
    `heads` of tokens x features; neurons with half the threshold get 0.125 (q k^T) v; a linear layer with neurons follows. A
    linear layer over tokens is a 1x1 convolution over the map. The neuron is LIF with threshold 1 and a sigmoid surrogate of slope 4.
    With depth 4 and dim 384, Spikformer-4-384, 10 classes give 9,324,730 weights: 2,201,520 of the patches, 1,779,840 of each
    block, 3,850 of the linear layer. Source: Zhou et al. 2023, "Spikformer: when spiking neural network meets transformer".
    """
    usual = LIF(tau=2.0, threshold=1.0, surrogate=Sigmoid(4.0))
    net, image = begin("spikformer", num_classes, neuron, width, input_shape, usual=usual, stats=stats, encoder=encoder)
    size = heads * max(1, round(dim * width / heads)) if heads > 0 else 0  # a whole number of features for each head
    side = [n >> pools for n in input_shape[1:]] if 0 <= pools <= 4 else [0]
    if min(depth, dim, heads, *side) < 1:
        raise SpecError(
            f"spikformer(depth={depth}, dim={dim}, heads={heads}, pools={pools}, input_shape={input_shape}): depth, dim and "
            "heads are 1 or more, pools 0 to 4, and the pooled picture has at least one pixel"
        )
    tokens = _patches(net, image, size, pools)
    for k in range(1, depth + 1):
        attended = net.join(
            f"block{k}.sum",
            (tokens, f"block{k}.identity", ()),
            (_attention(net, tokens, f"block{k}.attention", size, heads, (side[0], side[1])), f"block{k}.attended", ()),
        )
        inner = net.unit(attended, f"block{k}.mlp.lif1", f"block{k}.mlp.linear1", *_linear(net, 4 * size))
        mixed = net.unit(inner, f"block{k}.mlp.lif2", f"block{k}.mlp.linear2", *_linear(net, size))
        arrivals = ((attended, f"block{k}.identity2", ()), (mixed, f"block{k}.mixed", ()))
        tokens = net.join(f"block{k}.out", *arrivals)
    return net.classify(tokens, num_classes, AdaptiveAvgPool2d(1), Flatten(), readout=readout)


def _patches(net: Net, image: Source, size: int, pools: int) -> Population:
    last: Source = image
    pool: tuple[Operator, ...] = ()
    for k in range(1, 5):
        layer = (*pool, net.conv(max(1, size * 2**k // 16)), net.norm())
        last = net.unit(last, f"patch.lif{k}", f"patch.conv{k}", *layer)
        pool = (MaxPool2d(2),) if k > 4 - pools else ()
    patches = net.join("patch.out", (last, "patch.pool", pool))
    place = net.unit(patches, "position.lif", "position.conv", net.conv(size), net.norm())
    return net.join("tokens", (patches, "tokens.patches", ()), (place, "tokens.position", ()))


def _linear(net: Net, size: int) -> tuple[Operator, ...]:
    return net.conv(size, 1, bias=True), net.norm()


def _attention(net: Net, source: Source, name: str, size: int, heads: int, side: tuple[int, int]) -> Population:
    """Neurons that get each head's 0.125 (q k^T) v, and those of the linear layer behind them."""
    count = side[0] * side[1]
    split = (Reshape((heads, size // heads, count)), Permute(0, 2, 1))  # [heads, tokens, features]
    q, k, v = (net.unit(source, f"{name}.{n}", f"{name}.to_{n}", *_linear(net, size)) for n in "qkv")
    pairs = ((q, f"{name}.queries", split), (k, f"{name}.keys", split))
    scores = net.join(f"{name}.scores", *pairs, combine=MatMul(transposed=True))
    arrivals: tuple[tuple[Source, str, tuple[Operator, ...]], ...]
    arrivals = ((scores, f"{name}.weights", ()), (v, f"{name}.values", split))
    mixed = net.join(f"{name}.mixed", *arrivals, combine=MatMul())
    whole = (Scale(_SCALE), Permute(0, 2, 1), Reshape((size, *side)))
    spikes = net.unit(mixed, f"{name}.lif", f"{name}.heads", *whole, neuron=_half(net.neuron))
    return net.unit(spikes, f"{name}.out", f"{name}.linear", *_linear(net, size))


def _half(neuron: Neuron) -> Neuron:
    """The neuron with half its threshold, where it has one."""
    threshold = neuron.params.get("threshold")
    if threshold is None:
        return neuron
    half = np.asarray(plain(threshold)) / 2.0
    value = half if half.ndim else float(half)
    return neuron.changed(threshold=learnable(value, threshold.per) if isinstance(threshold, Learnable) else value)
