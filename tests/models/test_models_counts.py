"""Numbers of weights: those that papers and BrainCog state, with the arithmetic."""

from __future__ import annotations

from typing import Any

import pytest

import neurograph as ng
from neurograph import models
from neurograph.summary import rows_of


def conv(*widths: int, kernel: int = 3) -> int:
    """Weights of convolutions without bias, one from each width to the next."""
    return sum(a * b * kernel**2 for a, b in zip(widths, widths[1:], strict=False))


def nodes(graph: ng.Graph) -> int:
    """Populations that are no relays: BrainCog's nodes, each with a threshold and a surrogate width."""
    return sum(not p.neuron.identity for p in graph.populations)


def test_cifar_convnet(count: Any) -> None:
    graph = models.recipe("cifar_convnet")()
    maps = (3, 256, 256, 256, 256, 512, 512, 1024, 1024)
    assert count(graph) == conv(*maps) + 2 * sum(maps[1:]) + 10_250 == 19_489_546
    assert count(graph) + 2 * nodes(graph) == 19_489_562  # BrainCog's
    assert count(models.recipe("cifar_convnet")(100)) + 2 * nodes(graph) == 19_581_812


def test_dvs_convnet(count: Any) -> None:
    graph = models.recipe("dvs_convnet")()
    maps = (2, 128, 128, 256, 256, 256, 512, 512, 512)
    assert count(graph) == conv(*maps) + 2 * sum(maps[1:]) + 5_130 == 7_532_810
    assert count(graph) + 2 * nodes(graph) == 7_532_826  # BrainCog's


def test_mnist_convnet(count: Any) -> None:
    graph = models.recipe("mnist_convnet")()
    expected = conv(1, 128, 128) + 2 * 256 + (128 * 7 * 7 + 1) * 2048 + 2049 * 10
    assert count(graph) == expected == 13_016_714
    assert count(graph) + 2 * nodes(graph) == 13_016_722  # BrainCog's


def test_vgg_snn(count: Any) -> None:
    maps = (2, 64, 128, 256, 256, 512, 512, 512, 512)
    expected = conv(*maps) + 2 * sum(maps[1:]) + (512 * 3 * 3 + 1) * 10
    assert count(models.recipe("vgg_snn")()) == expected == 9_268_746


def test_shallow_convnet(count: Any) -> None:
    expected = conv(2, 32, 64) + 32 + 64 + (64 * 8 * 8 + 1) * 10
    for neuron in (None, ng.ReLU()):
        assert count(models.recipe("shallow_convnet")(neuron=neuron)) == expected == 60_074


def preactivation(layers: tuple[int, ...], bottleneck: bool, inputs: int, classes: int, stem: int) -> int:
    """A pre-activation ResNet: batch norm has 2 values for each channel it is given, and stands before each convolution."""
    total, channels = stem**2 * inputs * 64, 64
    for stage, blocks in enumerate(layers):
        width = 64 * 2**stage
        out = width * (4 if bottleneck else 1)
        for block in range(blocks):
            if bottleneck:
                total += channels * width + 9 * width**2 + width * out + 2 * (channels + width + width)
            else:
                total += 9 * (channels * width + width**2) + 2 * (channels + width)
            if channels != out or (stage and not block):
                total += channels * out + 2 * channels
            channels = out
    return total + 2 * channels + (channels + 1) * classes


@pytest.mark.parametrize(
    ("name", "layers", "bottleneck", "known"),
    [
        ("resnet18", (2, 2, 2, 2), False, 11_173_066),
        ("resnet34", (3, 4, 6, 3), False, 21_281_226),
        ("resnet50", (3, 4, 6, 3), True, 23_516_874),
    ],
)
def test_resnet(name: str, layers: tuple[int, ...], bottleneck: bool, known: int, count: Any) -> None:
    recipe = models.recipe(name)
    assert count(recipe()) == preactivation(layers, bottleneck, 3, 10, 3) == known
    assert count(recipe(stem_pool=True)) == known
    imagenet = recipe(1000, input_shape=(3, 224, 224), stem="7x7", stem_pool=True)
    assert count(imagenet) == preactivation(layers, bottleneck, 3, 1000, 7)


def test_resnet18_has_braincogs_numbers(count: Any) -> None:
    graph = models.recipe("resnet18")()
    assert nodes(graph) == 19  # 2 in each of 8 blocks, and 3 shortcuts
    assert count(graph) + 2 * nodes(graph) == 11_173_104
    dvs = models.recipe("resnet18")(input_shape=(2, 48, 48))
    assert count(dvs) + 2 * nodes(dvs) == 11_172_528


def test_resnet19(count: Any) -> None:
    maps = (*(128,) * 7, *(256,) * 6, *(512,) * 4)
    shortcuts = conv(128, 256, 512, kernel=1) + 2 * (128 + 256 + 512)
    expected = conv(3, *maps) + 2 * sum(maps) + shortcuts + 513 * 256 + 257 * 10
    assert count(models.recipe("resnet19")()) == expected == 12_698_250


@pytest.mark.parametrize(
    ("name", "torchvision"), [("sew_resnet18", 11_689_512), ("sew_resnet34", 21_797_672), ("sew_resnet50", 25_557_032)]
)
def test_sew_resnet_has_the_weights_of_the_resnet(name: str, torchvision: int, count: Any) -> None:
    recipe = models.recipe(name)
    graph = recipe(1000, input_shape=(3, 224, 224), stem="7x7", stem_pool=True)
    assert count(graph) == torchvision  # as torchvision's resnet18, 34, 50 count
    features = 2048 if name.endswith("50") else 512
    assert torchvision - count(recipe()) == 3 * 64 * (49 - 9) + (features + 1) * 990
    assert {count(recipe(g=g)) for g in ("add", "and", "iand")} == {count(recipe())}


@pytest.mark.parametrize(
    ("name", "maps", "features", "hidden", "votes", "known"),
    [
        ("plif_net_mnist", (1, 128, 128), 128 * 7 * 7, 2048, 100, 13_198_976),
        ("plif_net_cifar10", (3, *(256,) * 6), 256 * 8 * 8, 2048, 100, 36_718_336),
        ("plif_net_cifar10_dvs", (2, *(128,) * 4), 128 * 8 * 8, 512, 100, 4_691_200),
        ("plif_net_gesture", (2, *(128,) * 5), 128 * 4 * 4, 512, 110, 1_698_304),
    ],
)
def test_plif_net(
    name: str, maps: tuple[int, ...], features: int, hidden: int, votes: int, known: int, count: Any
) -> None:
    graph = models.recipe(name)()
    assert count(graph) == conv(*maps) + 2 * sum(maps[1:]) + features * hidden + hidden * votes == known
    learnt = sum(w.learnable and not w.buffer and n.endswith(".w") for n, w in ng.lower(graph).weights.items())
    assert learnt == len(maps) - 1 + 2  # one time constant for each layer


def test_spikformer(count: Any) -> None:
    d = 384
    patches = conv(3, d // 8, d // 4, d // 2, d, d) + 2 * (d // 8 + d // 4 + d // 2 + d + d)
    block = 4 * (d * d + d + 2 * d) + (d * 4 * d + 4 * d + 8 * d) + (4 * d * d + d + 2 * d)
    assert (
        count(models.recipe("spikformer")()) == patches + 4 * block + (d + 1) * 10 == 9_324_730
    )  # 9.32 M in the paper
    assert (patches, block) == (2_201_520, 1_779_840)


def test_operations_of_attention_are_counted() -> None:
    graph = models.recipe("spikformer")(4, width=1.0, input_shape=(3, 8, 8), depth=1, dim=12, heads=3)
    rows = {r.name: r.macs for r in rows_of(graph, ng.lower(graph, stop_after="infer"))}
    tokens, features = (8 >> 2) ** 2, 12 // 3
    for name in ("scores", "mixed"):  # q k^T and (q k^T) v
        assert rows[f"block1.attention.{name}"] == 3 * tokens * tokens * features
    assert f"{sum(rows.values()):,} multiply-accumulates" in str(graph)
    assert rows["block1.attention.to_q"] == tokens * (12 * 12 + 12)  # the linear layer, and batch norm


@pytest.mark.parametrize("name", ["cifar_convnet", "resnet18", "spikformer", "resnet19"])
def test_width_scales_and_docstrings_state_the_count(name: str, count: Any) -> None:
    recipe = models.recipe(name)
    assert count(recipe(width=0.5)) < 0.4 * count(recipe()) and f"{count(recipe()):,}" in (recipe.__doc__ or "")
