"""from_torch: the same numbers as the module, on every backend."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import neurograph as ng
from neurograph.io import from_torch


class Fn(nn.Module):
    """A module from a function of (module, x); other modules by name."""

    def __init__(self, function: Callable[..., Any], **parts: Any):
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(self, x)


def vgg() -> nn.Module:
    return nn.Sequential(
        OrderedDict(
            features=nn.Sequential(
                nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2),
                nn.Conv2d(4, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.AvgPool2d(2),
            ),
            flatten=nn.Flatten(),
            classifier=nn.Sequential(nn.Linear(24, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 5)),
        )
    )  # fmt: skip


class Block(nn.Module):
    """A residual block; with `stride` its shortcut is a projection."""

    def __init__(self, a: int, b: int, stride: int = 1):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b)
        self.conv2, self.bn2 = nn.Conv2d(b, b, 3, 1, 1, bias=False), nn.BatchNorm2d(b)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = (
            nn.Sequential(nn.Conv2d(a, b, 1, stride, bias=False), nn.BatchNorm2d(b)) if stride > 1 else None
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += identity
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.relu = nn.Conv2d(3, 4, 3, padding=1), nn.ReLU()
        self.layer1 = nn.Sequential(Block(4, 4), Block(4, 6, 2))
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(6, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.layer1(self.relu(self.conv1(x)))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class PreActivation(nn.Module):
    """The in-place ReLU also changes what the shortcut carries."""

    def __init__(self, inplace: bool) -> None:
        super().__init__()
        self.stem, self.bn, self.relu = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU(inplace)
        self.conv, self.fc = nn.Conv2d(4, 4, 3, padding=1), nn.Linear(4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.bn(self.stem(x))
        out = self.conv(self.relu(x))
        return self.fc((out + x).mean((2, 3)))


class DenseNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 1)
        self.norms = nn.ModuleList([nn.BatchNorm2d(4), nn.BatchNorm2d(6)])
        self.convs = nn.ModuleList([nn.Conv2d(4, 2, 3, padding=1), nn.Conv2d(6, 2, 3, padding=1)])
        self.fc = nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for norm, conv in zip(self.norms, self.convs, strict=True):
            x = torch.cat([x, conv(F.relu(norm(x)))], 1)
        return self.fc(F.adaptive_avg_pool2d(x, (1, 1)).view(x.size(0), -1))


class SqueezeExcite(nn.Module):
    """A gate per channel, and a depthwise convolution, as in MobileNetV3."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 4, 1), nn.Hardswish(), nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.ReLU6()
        )
        self.fc1, self.fc2, self.head = nn.Conv2d(4, 2, 1), nn.Conv2d(2, 4, 1), nn.Linear(4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.body(x)
        gate = torch.sigmoid(self.fc2(F.relu(self.fc1(F.adaptive_avg_pool2d(x, 1)))))
        return self.head((x * gate).mean([-2, -1]))


class Attention(nn.Module):
    """Heads by hand, as timm writes them."""

    def __init__(self, dim: int = 8, heads: int = 2, fused: bool = False, causal: bool = False):
        super().__init__()
        self.heads, self.scale, self.fused = heads, (dim // heads) ** -0.5, fused
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.causal = causal
        self.register_buffer("mask", torch.full((5, 5), float("-inf")).triu(1) if causal else torch.zeros(5, 5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, n, c = x.shape
        qkv = (
            self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
            if False
            else (self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(0, 2, 3, 1, 4))
        )
        q, k, v = qkv.unbind(1)
        if self.fused:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        else:
            y = ((q * self.scale) @ k.transpose(-2, -1) + self.mask).softmax(dim=-1) @ v
        return self.proj(y.transpose(1, 2).reshape(b, n, c))


class ViT(nn.Module):
    """Patches, a class token, positions, one block; attention by hand, fused, or torch's own."""

    def __init__(self, kind: str):
        super().__init__()
        self.kind = kind
        self.patch = nn.Conv2d(3, 8, 4, stride=4)
        self.cls, self.pos = nn.Parameter(torch.randn(1, 1, 8)), nn.Parameter(torch.randn(1, 5, 8))
        self.norm1, self.norm2, self.norm = nn.LayerNorm(8), nn.LayerNorm(8), nn.LayerNorm(8, bias=False)
        self.attn: Any = (
            nn.MultiheadAttention(8, 2, batch_first=True) if kind == "torch" else Attention(fused=kind == "fused")
        )
        self.mlp = nn.Sequential(nn.Linear(8, 12), nn.GELU(), nn.Dropout(0.1), nn.Linear(12, 8))
        self.gamma, self.head = nn.Parameter(torch.randn(8)), nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], dim=1) + self.pos
        y = self.norm1(x)
        x = x + (self.attn(y, y, y, need_weights=False)[0] if self.kind == "torch" else self.attn(y))
        x = x + self.gamma * self.mlp(self.norm2(x))
        return F.log_softmax(self.head(self.norm(x)[:, 0]), dim=-1)


def pos() -> nn.Parameter:
    return nn.Parameter(torch.randn(3, 8, 8))


IMAGE = (3, 8, 8)
MODULES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "vgg": (vgg, IMAGE),
    "resnet": (ResNet, IMAGE),
    "pre-activation": (lambda: PreActivation(False), IMAGE),
    "pre-activation in place": (lambda: PreActivation(True), IMAGE),
    "densenet": (DenseNet, IMAGE),
    "squeeze-excite": (SqueezeExcite, IMAGE),
    "mobilenet": (
        lambda: nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1, groups=3), nn.BatchNorm2d(6), nn.ReLU6(), nn.Conv2d(6, 2, 1)),
        IMAGE,
    ),
    "vit by hand": (lambda: ViT("hand"), IMAGE),
    "vit fused": (lambda: ViT("fused"), IMAGE),
    "vit torch": (lambda: ViT("torch"), IMAGE),
    "causal by hand": (lambda: Attention(causal=True), (5, 8)),
    "causal fused": (lambda: Attention(causal=True, fused=True), (5, 8)),
    "same padding": (lambda: nn.Conv2d(3, 4, (2, 3), padding="same", dilation=(2, 1)), IMAGE),
    "valid padding": (lambda: nn.Conv2d(3, 4, 3, padding="valid", stride=(2, 1)), IMAGE),
    **{
        mode: (lambda mode=mode: nn.Conv2d(3, 4, 3, padding=(2, 1), padding_mode=mode), IMAGE)
        for mode in ("reflect", "replicate", "circular")
    },
    "one dimension": (
        lambda: nn.Sequential(
            nn.Conv1d(3, 4, 3, padding="same"), nn.BatchNorm1d(4), nn.ReLU(), nn.MaxPool1d(2, padding=1),
            nn.Conv1d(4, 6, 2, stride=2, groups=2), nn.Tanh(), nn.AvgPool1d(2, 1), nn.AdaptiveAvgPool1d(1), nn.Flatten(),
        ),
        (3, 9),
    ),
    "pools": (
        lambda: nn.Sequential(
            nn.MaxPool2d(3, 2, 1, ceil_mode=True), nn.AvgPool2d(3, 1, 1, count_include_pad=False),
            nn.MaxPool2d(2, 1, dilation=2), nn.AvgPool2d(3, 2, 1, ceil_mode=True), nn.AdaptiveMaxPool2d(1),
        ),
        (3, 10, 9),
    ),
    "functional pools": (
        lambda: Fn(lambda m, x: F.avg_pool2d(F.max_pool2d(x, 3, stride=2, padding=1), 2).flatten(1)), IMAGE,
    ),
    "batch norm of features": (
        lambda: nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4, affine=False), nn.LeakyReLU(0.2), nn.Linear(4, 3)), (6,),
    ),
    "activations": (
        lambda: nn.Sequential(
            nn.Linear(6, 6), nn.Sigmoid(), nn.Linear(6, 6), nn.SiLU(), nn.GELU("tanh"), nn.Hardtanh(0, 2),
            nn.PReLU(6), nn.Hardsigmoid(), nn.Identity(), nn.Softmax(1), nn.LogSoftmax(-1),
        ),
        (6,),
    ),
    "functional activations": (
        lambda: Fn(
            lambda m, x: (
                F.relu(m.a(x)) + torch.relu(m.b(x)) + m.a(x).relu() + F.relu_(m.b(x)) + F.relu6(x) + x.clamp(0, 1.5)
                + torch.clamp(x, min=0) + x.clamp(min=-0.5) + F.leaky_relu(x, 0.3) + x.sigmoid() + F.silu(x) + F.gelu(x)
            ),
            a=nn.Linear(6, 6), b=nn.Linear(6, 6),
        ),
        (6,),
    ),
    "constants": (
        lambda: Fn(lambda m, x: (2 * (x + m.pos) - 1.5) / 4 + 0.5 * (1 - x) * m.gain, pos=pos(), gain=pos()), IMAGE,
    ),
    "sums": (lambda: Fn(lambda m, x: m.a(x) + (m.a(x) - x) + x + x, a=nn.Linear(6, 6)), (6,)),
    "views": (
        lambda: Fn(lambda m, x: x.view(x.size(0), 3, -1)[:, 1:, ::2].transpose(1, 2).unsqueeze(1).squeeze(1).sum(1)), IMAGE,
    ),
    "parts": (
        lambda: Fn(
            lambda m, x: torch.cat([*x.chunk(3, 1), x[..., :2, :].mean(2, keepdim=True)], 2)
            + torch.stack([*x.split([2, 1], 1)[0].unbind(1), x.select(1, 2)], 1)[:, :, :1]
        ) if False else Fn(lambda m, x: torch.stack(x.chunk(2, 2), 1).flatten(1) * x.flatten(1) ** 2),
        IMAGE,
    ),
    "padding": (lambda: nn.Sequential(nn.ZeroPad2d((1, 0, 2, 1)), Fn(lambda m, x: F.pad(x, (0, 1)))), IMAGE),
    "functional layers": (
        lambda: Fn(
            lambda m, x: F.linear(F.layer_norm(F.conv2d(x, m.w, stride=2).flatten(1), (18,)), m.v, m.c),
            w=nn.Parameter(torch.randn(2, 3, 3, 3)), v=nn.Parameter(torch.randn(4, 18)), c=nn.Parameter(torch.randn(4)),
        ),
        IMAGE,
    ),
    "masked": (
        lambda: Fn(lambda m, x: x.masked_fill(torch.eye(4, dtype=torch.bool), 2.0) @ m.w, w=nn.Parameter(torch.randn(4, 3))),
        (4, 4),
    ),
    "one linear layer": (lambda: nn.Linear(3, 2), (3,)),
    "nothing": (nn.Identity, (3,)),
}  # fmt: skip


def made(name: str) -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    make, shape = MODULES[name]
    module = make().double()
    for m in module.modules():
        if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d):
            m.running_mean.normal_(), m.running_var.uniform_(0.5, 2.0)
            if m.affine:
                nn.init.normal_(m.weight), nn.init.normal_(m.bias)
    return module, torch.randn(3, *shape, dtype=torch.float64)


def check(module: nn.Module, x: torch.Tensor, graph: ng.Graph, backends: tuple[str, ...]) -> None:
    with torch.no_grad():
        expected = module.eval()(x.clone()).numpy()
    for backend in backends:
        program = ng.compile(graph, backend, steps=1, dtype="float64")
        outputs, _ = (program.eval() if backend == "torch" else program).run(x if backend == "torch" else x.numpy())
        np.testing.assert_allclose(
            np.asarray(outputs["logits"].detach() if backend == "torch" else outputs["logits"]),
            expected,
            rtol=1e-9,
            atol=1e-9,
            err_msg=backend,
        )


@pytest.mark.parametrize("name", MODULES)
def test_the_graph_computes_what_the_module_computes(name: str) -> None:
    module, x = made(name)
    modes = [m.training for m in module.modules()]
    before = {k: v.clone() for k, v in module.state_dict().items()}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*its weights are used by.*")
        graph = from_torch(module, x)
    assert [m.training for m in module.modules()] == modes
    assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())
    check(module, x, graph, ("torch", "numba", "reference"))
