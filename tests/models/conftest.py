"""Recipes of networks for pictures at a size that runs in a moment, and how their weights are counted."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph import models

# recipe -> (channels, height, width) that it accepts at least
SHAPES: dict[str, tuple[int, int, int]] = {
    "cifar_convnet": (3, 8, 8),
    "mnist_convnet": (1, 8, 8),
    "dvs_convnet": (2, 16, 16),
    "vgg_snn": (2, 16, 16),
    "shallow_convnet": (2, 8, 8),
    "resnet18": (3, 8, 8),
    "resnet34": (3, 8, 8),
    "resnet50": (3, 8, 8),
    "resnet19": (3, 8, 8),
    "sew_resnet18": (3, 8, 8),
    "sew_resnet34": (3, 8, 8),
    "sew_resnet50": (3, 8, 8),
    "plif_net_mnist": (1, 8, 8),
    "plif_net_cifar10": (3, 8, 8),
    "plif_net_cifar10_dvs": (2, 16, 16),
    "plif_net_gesture": (2, 32, 32),
    "spikformer": (3, 8, 8),
}


def small(name: str, neuron: ng.Neuron | None = None, **options: Any) -> ng.Graph:
    """A recipe of 4 classes at a small width."""
    return models.recipe(name)(4, neuron, 0.05, SHAPES[name], **options)


def counted(graph: ng.Graph) -> int:
    """The weights of projections that training changes; what neurons learn themselves is left out."""
    own = {p.name for p in graph.populations}
    weights = ng.lower(graph).weights
    return sum(
        math.prod(w.shape)
        for n, w in weights.items()
        if w.learnable and not w.buffer and n.rpartition(".")[0] not in own
    )


def lively(program: Any, seed: int = 0) -> dict[str, np.ndarray]:
    """A program's weights with batch norms that make neurons fire throughout."""
    rng, out = np.random.default_rng(seed), {}
    for name, value in program.weights().items():
        array = np.array(value.detach().numpy() if hasattr(value, "detach") else value, np.float64)
        if name.endswith("batch_norm.weight"):
            array = rng.uniform(0.8, 1.6, array.shape)
        elif name.endswith("batch_norm.bias"):
            array = rng.uniform(0.2, 1.0, array.shape)
        elif name.endswith("running_var"):
            array = rng.uniform(0.05, 0.3, array.shape)
        elif ".dense." in name:
            array = array * 3.0
        out[name] = array
    return out


@pytest.fixture(scope="session")
def shapes() -> dict[str, tuple[int, int, int]]:
    return SHAPES


@pytest.fixture(scope="session")
def tiny() -> Callable[..., ng.Graph]:
    return small


@pytest.fixture(scope="session")
def count() -> Callable[[ng.Graph], int]:
    return counted


@pytest.fixture(scope="session")
def firing() -> Callable[..., dict[str, np.ndarray]]:
    return lively
