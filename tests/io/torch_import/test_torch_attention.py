"""from_torch: attention, the same numbers as the module, on every backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
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
        qkv = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(0, 2, 3, 1, 4)
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


IMAGE = (3, 8, 8)
MODULES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "vit by hand": (lambda: ViT("hand"), IMAGE),
    "vit fused": (lambda: ViT("fused"), IMAGE),
    "vit torch": (lambda: ViT("torch"), IMAGE),
    "causal by hand": (lambda: Attention(causal=True), (5, 8)),
    "causal fused": (lambda: Attention(causal=True, fused=True), (5, 8)),
    "transformer encoder": (
        lambda: nn.TransformerEncoder(
            nn.TransformerEncoderLayer(8, 2, 12, activation="gelu", batch_first=True, norm_first=True),
            2,
            nn.LayerNorm(8),
            enable_nested_tensor=False,
        ),
        (5, 8),
    ),
    "transformer layer": (lambda: nn.TransformerEncoderLayer(8, 2, 12, batch_first=True), (5, 8)),
    "attention to a mask": (
        lambda: Fn(
            lambda m, x: m.a(x, x, x, attn_mask=torch.ones(5, 5, dtype=torch.bool).triu(1), need_weights=False)[0],
            a=nn.MultiheadAttention(8, 2, bias=False, batch_first=True),
        ),
        (5, 8),
    ),
}


@pytest.mark.parametrize("name", MODULES)
def test_the_graph_computes_what_the_module_computes(name: str, compare: Callable[..., ng.Graph]) -> None:
    make, shape = MODULES[name]
    torch.manual_seed(0)
    compare(make(), shape)


def test_it_trains_like_the_module() -> None:
    module, x = ViT("torch").double(), torch.randn(3, 3, 8, 8, dtype=torch.float64)
    program = ng.compile(from_torch(module, x), steps=1, dtype="float64")
    g = torch.randn(3, 5, dtype=torch.float64)
    module.zero_grad()
    (module.eval()(x) * g).sum().backward()
    (program.eval()(x) * g).sum().backward()
    named = dict(program.named_parameters())
    torch.testing.assert_close(named["patch.conv2d.weight"].grad, module.patch.weight.grad)
    torch.testing.assert_close(named["mlp.0.dense_2.weight"].grad, module.mlp[3].weight.grad)
    torch.testing.assert_close(named["attn.q.dense.weight"].grad, module.attn.in_proj_weight.grad[:8])
    torch.testing.assert_close(named["patch.shift_2.bias"].grad, module.pos.grad[0])
