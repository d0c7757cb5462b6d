"""PLIF-Nets: the networks of the paper on learnable membrane time constants."""

from __future__ import annotations

from neurograph.encode import Encoder
from neurograph.graph import Graph
from neurograph.models.blocks import Recipe, Source, Stages, begin, of_family
from neurograph.nodes.point import PLIF
from neurograph.nodes.surrogate import Atan
from neurograph.projections.dense import Dense
from neurograph.projections.dropout import Dropout
from neurograph.projections.operator import Operator
from neurograph.projections.pool import MaxPool2d
from neurograph.projections.reshape import Flatten
from neurograph.projections.voting import Voting
from neurograph.readout import Readout
from neurograph.spec import Neuron

RECIPES = ("plif_net_mnist", "plif_net_cifar10", "plif_net_cifar10_dvs", "plif_net_gesture")

_VOTERS = 10  # neurons that speak for one class


def _plif_net(name: str, stages: Stages, hidden: int, classes: int, shape: tuple[int, int, int], doc: str) -> Recipe:
    """The recipe of one data set: widths of its stages, neurons of its first linear layer, classes and pictures."""

    def recipe(
        num_classes: int = classes,
        neuron: Neuron | None = None,
        width: float = 1.0,
        input_shape: tuple[int, int, int] = shape,
        *,
        dropout: float = 0.5,
        stats: str = "sequence",
        encoder: Encoder | None = None,
        readout: Readout | None = None,
    ) -> Graph:
        usual = PLIF(threshold=1.0, surrogate=Atan(2.0))
        net, image = begin(name, num_classes, neuron, width, input_shape, usual=usual, stats=stats, encoder=encoder)
        last: Source = image
        pool: tuple[Operator, ...] = ()
        for i, stage in enumerate(stages, 1):
            for j, channels in enumerate(stage, 1):
                layer = (*pool, net.conv(net.wide(channels)), net.norm())
                last, pool = net.unit(last, f"block{i}.lif{j}", f"block{i}.conv{j}", *layer), ()
            pool = (MaxPool2d(2),)
        sizes = (net.wide(hidden), num_classes * _VOTERS)
        first = net.unit(last, "fc1.lif", "fc1.linear", *pool, Dropout(dropout), Flatten(), Dense(sizes[0], bias=False))
        second = net.unit(first, "fc2.lif", "fc2.linear", Dropout(dropout), Dense(sizes[1], bias=False))
        return net.end(second, Voting(_VOTERS), readout=readout)

    return of_family(recipe, name, doc)


plif_net_mnist = _plif_net(
    "plif_net_mnist",
    ((128,),) * 2,
    2048,
    10,
    (1, 28, 28),
    """PLIF-Net for MNIST, Fashion-MNIST and N-MNIST (2, 34, 34): {c128-PLIF-MP2} x 2, DP-FC2048-PLIF, DP-FC100-PLIF, voting.

    The layers are those of plif_net_cifar10. 10 classes at 1x28x28 give 13,198,976 weights besides the neurons' own: 148,608
    of the convolutions, 512 of batch norm, 12,845,056 and 204,800 of the linear layers. Source: Fang et al. 2021.
    """,
)

plif_net_cifar10 = _plif_net(
    "plif_net_cifar10",
    ((256,) * 3,) * 2,
    2048,
    10,
    (3, 32, 32),
    """PLIF-Net for CIFAR-10: {{c256-PLIF} x 3, MP2} x 2, DP-FC2048-PLIF, DP-FC100-PLIF, voting.

    c256 is a 3x3 convolution to 256 maps without bias and batch norm, MP2 a max pool of 2 on spikes, DP dropout with one mask
    for all steps, FC a linear layer without bias (SpikingJelly's version has one); 10 neurons vote for each class, and
    "logits" are their mean rates. Populations "block1.lif1" ..., "fc1.lif", "fc2.lif". The neuron is PLIF with threshold 1
    and the surrogate Atan(2); w begins as 0 (tau 2). 10 classes give 36,718,336 weights besides the neurons' own: 2,956,032
    of the convolutions, 3,072 of batch norm, 33,554,432 and 204,800 of the linear layers.
    Source: Fang et al. 2021, "Incorporating learnable membrane time constant to enhance learning of SNNs", table 1.
    """,
)

plif_net_cifar10_dvs = _plif_net(
    "plif_net_cifar10_dvs",
    ((128,),) * 4,
    512,
    10,
    (2, 128, 128),
    """PLIF-Net for CIFAR10-DVS: {c128-PLIF-MP2} x 4, DP-FC512-PLIF, DP-FC100-PLIF, voting.

    The layers are those of plif_net_cifar10; 128x128 pixels become maps of 8x8. 10 classes
    give 4,691,200 weights besides the neurons' own: 444,672, 1,024, 4,194,304 and 51,200. Source: Fang et al. 2021.
    """,
)

plif_net_gesture = _plif_net(
    "plif_net_gesture",
    ((128,),) * 5,
    512,
    11,
    (2, 128, 128),
    """PLIF-Net for DVS128 Gesture: {c128-PLIF-MP2} x 5, DP-FC512-PLIF, DP-FC110-PLIF, voting.

    The layers are those of plif_net_cifar10; 128x128 pixels become maps of 4x4. 11 classes
    give 1,698,304 weights besides the neurons' own: 592,128, 1,280, 1,048,576 and 56,320. Source: Fang et al. 2021.
    """,
)
