"""measure_statistics: running statistics become those of the images given, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import neurograph as ng
from neurograph import data, train
from neurograph.data.image_data import ImageData


def part(count: int = 4000) -> ImageData:
    pixels = np.random.default_rng(0).integers(0, 200, (count, 2, 4, 4), np.uint8)
    return ImageData("made", "train", pixels, np.arange(count) % 3, ("a", "b", "c"), (0.5, 0.5), (1.0, 1.0), "")


def network() -> ng.Graph:
    graph = ng.Graph("normed")
    graph.connect(graph.input("image", (2, 4, 4)), graph.population("act", ng.ReLU()), ng.BatchNorm(), name="norm")
    graph.connect("act", graph.output("logits"), ng.Flatten(), ng.Dense(3), name="head")
    return graph


@pytest.mark.parametrize("training", [True, False])
def test_statistics_become_those_of_the_images(training: bool) -> None:
    model = ng.compile(network(), steps=1).train(training)
    before = {n: w.clone() for n, w in model.weights().items()}
    batches = data.Batches(part(), 50, shuffle=True, normalize=False)
    assert train.measure_statistics(model, batches) == 4000
    assert model.training is training
    after, x = model.weights(), torch.tensor(part().images / 255.0)
    torch.testing.assert_close(after["norm.batch_norm.running_mean"].double(), x.mean((0, 2, 3)), rtol=0.02, atol=0)
    torch.testing.assert_close(after["norm.batch_norm.running_var"].double(), x.var((0, 2, 3)), rtol=0.02, atol=0)
    moved = {n for n, w in after.items() if not torch.equal(w, before[n])}
    assert moved == {"norm.batch_norm.running_mean", "norm.batch_norm.running_var"}
    assert all(p.grad is None for p in model.parameters())


def test_the_mode_comes_back_when_batches_fail() -> None:
    model = ng.compile(network(), steps=1).eval()

    def broken() -> object:
        yield torch.rand(4, 2, 4, 4), torch.zeros(4)
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        train.measure_statistics(model, broken())
    assert not model.training
