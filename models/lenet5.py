"""LeNet5: two convolutions, each with batch norm and max pooling, and three linear layers."""

from __future__ import annotations

from collections.abc import Sequence

from neurograph.activations.rectifier import ReLU
from neurograph.errors import SpecError
from neurograph.graph import Graph
from neurograph.projections.batch_norm import BatchNorm
from neurograph.projections.conv import Conv2d
from neurograph.projections.dense import Dense
from neurograph.projections.pool import AvgPool2d, MaxPool2d
from neurograph.projections.reshape import Flatten
from neurograph.readout import Readout
from neurograph.spec import Neuron

RECIPES = ("lenet5",)

LAYERS = ("c1", "c3", "c5", "f6")
_POOLS: dict[str, type[MaxPool2d] | type[AvgPool2d]] = {"max": MaxPool2d, "avg": AvgPool2d}


def lenet5(
    num_classes: int = 10,
    activation: Neuron | Sequence[Neuron] | None = None,
    input_shape: tuple[int, int, int] = (1, 28, 28),
    *,
    pool: str = "max",
    readout: Readout | None = None,
) -> Graph:
    """LeNet-5 as a graph: input "image", populations "c1", "c3", "c5", "f6", output "logits".

    Each 5x5 convolution is followed by batch norm, then the activation, then pooling by 2 ("max" or "avg");
    16 maps of 5x5 meet 120, 84 and `num_classes` units. 10 classes at 1x28x28 give 61,706 weights and 44 of batch
    norm. `activation` (ReLU) is one neuron for all populations or one for each. The first convolution is
    padded by 2; so is the second where its map would have fewer than 6 pixels, as with the digits of 8x8. Images
    have 4 pixels or more in each direction.
    Source: LeCun et al. 1998, whose names the layers have, with batch norm, and maxima for the subsampling.
    """
    if num_classes < 1 or len(input_shape) != 3 or input_shape[0] < 1 or min(input_shape[1:]) < 4:
        raise SpecError(
            f"lenet5(num_classes={num_classes}, input_shape={input_shape}): one class or more, and images "
            "(channels, height, width) of at least 4x4"
        )
    if pool not in _POOLS:
        raise SpecError(f"lenet5(pool={pool!r}): choose one of {', '.join(_POOLS)}")
    graph = Graph("lenet5")
    image = graph.input("image", input_shape)
    c1, c3, c5, f6 = (graph.population(n, a) for n, a in zip(LAYERS, _each(activation), strict=True))
    inner = 0 if min(input_shape[1:]) // 2 >= 6 else 2
    graph.connect(image, c1, Conv2d(6, 5, padding=2), BatchNorm(), name="conv1")
    graph.connect(c1, c3, _POOLS[pool](2), Conv2d(16, 5, padding=inner), BatchNorm(), name="conv2")
    graph.connect(c3, c5, _POOLS[pool](2), Flatten(), Dense(120), name="fc1")
    graph.connect(c5, f6, Dense(84), name="fc2")
    graph.connect(f6, graph.output("logits", readout=readout), Dense(num_classes), name="fc3")
    return graph


def _each(activation: Neuron | Sequence[Neuron] | None) -> tuple[Neuron, ...]:
    if activation is None or isinstance(activation, Neuron):
        return (activation or ReLU(),) * len(LAYERS)
    if len(activation) != len(LAYERS):
        raise SpecError(f"lenet5: {len(activation)} activations for the {len(LAYERS)} populations {', '.join(LAYERS)}")
    return tuple(activation)
