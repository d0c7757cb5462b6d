"""Small artificial networks with what a conversion has to deal with."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import neurograph as ng

IMAGES = np.random.default_rng(0).random((24, 3, 9, 9), np.float32)


class Cnn(nn.Module):
    """Grouped, dilated and strided convolutions, batch norm before and after, a shortcut, a concatenation and every pool."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.pool = nn.MaxPool2d(3, 2, padding=1)
        self.grouped = nn.Conv2d(8, 8, 3, padding=1, groups=4, bias=False)
        self.grouped_norm = nn.BatchNorm2d(8)
        self.before = nn.BatchNorm2d(8)
        self.dilated = nn.Conv2d(8, 6, 2, dilation=2)
        self.side = nn.Conv2d(8, 4, 3, stride=1)
        self.fc1, self.fc1_norm = nn.Linear(10, 12), nn.BatchNorm1d(12)
        self.fc2 = nn.Linear(12, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(F.relu(self.norm(self.first(x))))
        x = torch.relu(self.grouped_norm(self.grouped(x)) + x)
        x = torch.cat([F.relu6(self.dilated(self.before(x))), self.side(x).clamp(min=0)], 1)
        x = torch.flatten(F.adaptive_avg_pool2d(F.avg_pool2d(x, 2, 1), 1), 1)
        return F.log_softmax(self.fc2(F.relu(self.fc1_norm(self.fc1(x)))), 1)


class Block(nn.Module):
    """A transformer block: layer norm, attention of two heads, softmax, shortcuts and a ReLU network."""

    def __init__(self, tokens: int = 6, size: int = 8) -> None:
        super().__init__()
        self.embed, self.place = nn.Linear(4, size), nn.Parameter(0.3 * torch.randn(tokens, size))
        self.norm1, self.norm2 = nn.LayerNorm(size), nn.LayerNorm(size)
        self.qkv, self.out = nn.Linear(size, 3 * size), nn.Linear(size, size)
        self.up, self.down, self.head = nn.Linear(size, 2 * size), nn.Linear(2 * size, size), nn.Linear(size, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.embed(x)) + self.place
        q, k, v = self.qkv(self.norm1(x)).chunk(3, dim=-1)
        q, k, v = (self.heads(q), self.heads(k), self.heads(v))
        weights = torch.softmax(q @ k.transpose(-2, -1) / 2.0, dim=-1)
        x = x + self.out((weights @ v).transpose(1, 2).reshape(-1, 6, 8))
        x = x + self.down(F.relu(self.up(self.norm2(x))))
        return self.head(x.mean(1))

    def heads(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(-1, 6, 2, 4).transpose(1, 2)


def settled(module: nn.Module, shape: tuple[int, ...], seed: int = 0) -> nn.Module:
    """The module with random weights and the running statistics of random inputs, in evaluation mode."""
    torch.manual_seed(seed)
    for p in module.parameters():
        if p.dim() > 1:
            nn.init.kaiming_uniform_(p)
    module.train()
    with torch.no_grad():
        for _ in range(40):
            module(torch.rand(32, *shape))
    return module.eval()


def lenet(seed: int = 0) -> ng.Graph:
    """A graph of an ANN that holds its weights: two convolutions with pools, two dense layers."""
    graph = ng.Graph("small")
    image = graph.input("image", (3, 9, 9))
    one, two, three = (graph.population(n, ng.ReLU()) for n in ("one", "two", "three"))
    graph.connect(image, one, ng.Conv2d(6, 3, padding=1), ng.BatchNorm(), name="conv1")
    graph.connect(one, two, ng.MaxPool2d(2), ng.Conv2d(8, 3), ng.BatchNorm(), name="conv2")
    graph.connect(two, three, ng.Flatten(), ng.Dense(16), name="fc1")
    graph.connect(three, graph.output("logits"), ng.Dense(5), name="fc2")
    model = ng.compile(graph, steps=1, seed=seed)
    with torch.no_grad():
        for _ in range(30):
            model(torch.rand(32, 3, 9, 9))
    return graph.with_weights(model)


@pytest.fixture
def nets() -> SimpleNamespace:
    """The networks of this file."""
    return SimpleNamespace(IMAGES=IMAGES, Cnn=Cnn, Block=Block, lenet=lenet, settled=settled)
