"""from_torch: the same numbers as the module, on every backend."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

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


class Options(nn.Module):
    """An argument with a default, a test that holds in evaluation, and names that torch and the graph use themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.input, self.logits = nn.Linear(6, 6), nn.Linear(6, 6)
        self.steps, self.a = nn.ReLU(), nn.Sequential(OrderedDict(relu=nn.ReLU(), out=nn.Linear(6, 6)))
        self.add = nn.Sequential(nn.Linear(6, 6), nn.ReLU())

    def forward(self, x: torch.Tensor, mask: Any = None, scale: float = 2.0) -> torch.Tensor:
        y = self.steps(self.input(x)) + x
        y = F.dropout(self.add(y) + y, 0.5, self.training)
        return (
            y if mask is not None else scale * self.logits(self.a(y) + torch.zeros_like(y) + x.new_ones(x.size(0), 1))
        )


def row() -> nn.Parameter:
    return nn.Parameter(torch.randn(1, 8, 2))


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
    "same padding": (lambda: nn.Conv2d(3, 4, (2, 3), padding="same", dilation=(2, 1)), IMAGE),
    "valid padding": (lambda: nn.Conv2d(3, 4, 3, padding="valid", stride=(2, 1)), IMAGE),
    **{
        mode: (lambda mode=mode: nn.Conv2d(3, 4, 3, padding=(2, 1), padding_mode=mode), IMAGE)
        for mode in ("reflect", "replicate", "circular")
    },
    "one dimension": (
        lambda: nn.Sequential(
            nn.Conv1d(3, 4, 3, padding="same"),
            nn.BatchNorm1d(4),
            nn.ReLU(),
            nn.MaxPool1d(2, padding=1),
            nn.Conv1d(4, 6, 2, stride=2, groups=2),
            nn.Tanh(),
            nn.AvgPool1d(2, 1),
            nn.AdaptiveAvgPool1d(1),
            nn.Flatten(),
        ),
        (3, 9),
    ),
    "pools": (
        lambda: nn.Sequential(
            nn.MaxPool2d(3, 2, 1, ceil_mode=True),
            nn.AvgPool2d(3, 1, 1, count_include_pad=False),
            nn.MaxPool2d(2, 1, dilation=2),
            nn.AvgPool2d(3, 2, 1, ceil_mode=True),
            nn.AdaptiveMaxPool2d(1),
        ),
        (3, 10, 9),
    ),
    "functional pools": (
        lambda: Fn(lambda m, x: F.avg_pool2d(F.max_pool2d(x, 3, stride=2, padding=1), 2).flatten(1)),
        IMAGE,
    ),
    "batch norm of features": (
        lambda: nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4, affine=False), nn.LeakyReLU(0.2), nn.Linear(4, 3)),
        (6,),
    ),
    "activations": (
        lambda: nn.Sequential(
            nn.Linear(6, 6),
            nn.Sigmoid(),
            nn.Linear(6, 6),
            nn.SiLU(),
            nn.GELU("tanh"),
            nn.Hardtanh(0, 2),
            nn.PReLU(6),
            nn.Hardsigmoid(),
            nn.Identity(),
            nn.Softmax(1),
            nn.LogSoftmax(-1),
        ),
        (6,),
    ),
    "functional activations": (
        lambda: Fn(
            lambda m, x: (
                F.relu(m.a(x))
                + torch.relu(m.b(x))
                + m.a(x).relu()
                + F.relu_(m.b(x))
                + F.relu6(x)
                + x.clamp(0, 1.5)
                + torch.clamp(x, min=0)
                + x.clamp(min=-0.5)
                + F.leaky_relu(x, 0.3)
                + x.sigmoid()
                + F.silu(x)
                + F.gelu(x)
            ),
            a=nn.Linear(6, 6),
            b=nn.Linear(6, 6),
        ),
        (6,),
    ),
    "constants": (
        lambda: Fn(lambda m, x: (2 * (x + m.pos) - 1.5) / 6**0.5 + 0.5 * (1 - x) * m.gain, pos=pos(), gain=pos()),
        IMAGE,
    ),
    "sums": (lambda: Fn(lambda m, x: m.a(x) + (m.a(x) - x) + x + x, a=nn.Linear(6, 6)), (6,)),
    "views": (
        lambda: Fn(lambda m, x: x.view(x.size(0), 3, -1)[:, 1:, ::2].transpose(1, 2).unsqueeze(1).squeeze(1).sum(1)),
        IMAGE,
    ),
    "parts": (
        lambda: Fn(
            lambda m, x: (
                torch.stack([x.chunk(3, 1)[2], x.split([1, 2], 1)[0] ** 2, x.narrow(1, 0, 1)], 2).flatten(1, 2)
                + torch.cat([x.tensor_split(2, 1)[0], x[:, 1:2, :, 2:3].expand(-1, 1, 8, 8)], 1)
            )
        ),
        IMAGE,
    ),
    "joined along the last axis": (
        lambda: Fn(
            lambda m, x: torch.cat([x.select(1, 1), m.p.expand(x.shape[0], -1, -1), x[:, 0].relu()], -1), p=row()
        ),
        IMAGE,
    ),
    "padding": (lambda: nn.Sequential(nn.ZeroPad2d((1, 0, 2, 1)), Fn(lambda m, x: F.pad(x, (0, 1)))), IMAGE),
    "functional layers": (
        lambda: Fn(
            lambda m, x: F.linear(F.layer_norm(F.conv2d(x, m.w, stride=2).flatten(1), (18,)), m.v, m.c),
            w=nn.Parameter(torch.randn(2, 3, 3, 3)),
            v=nn.Parameter(torch.randn(4, 18)),
            c=nn.Parameter(torch.randn(4)),
        ),
        IMAGE,
    ),
    "weight norm": (lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3)), nn.ReLU()), IMAGE),
    "options": (lambda: Options(), (6,)),
    "masked": (
        lambda: Fn(
            lambda m, x: x.masked_fill(torch.eye(4, dtype=torch.bool), 2.0) @ m.w, w=nn.Parameter(torch.randn(4, 3))
        ),
        (4, 4),
    ),
    "one linear layer": (lambda: nn.Linear(3, 2), (3,)),
    "nothing": (nn.Identity, (3,)),
}


@pytest.mark.parametrize("name", MODULES)
def test_the_graph_computes_what_the_module_computes(name: str, compare: Callable[..., ng.Graph]) -> None:
    make, shape = MODULES[name]
    torch.manual_seed(0)
    compare(make(), shape)


def test_names_are_those_of_the_modules() -> None:
    module, x = ResNet(), torch.randn(2, *IMAGE)
    graph = from_torch(module, x, name="net")
    assert graph.name == "net"
    assert [p.name for p in graph.populations][:3] == ["relu", "layer1.0.relu", "layer1.0.relu_2"]
    weights = ng.compile(graph, steps=1).weights()
    torch.testing.assert_close(
        weights["layer1.1.downsample.0.conv2d.weight"], module.layer1[1].downsample[0].weight.data
    )
    torch.testing.assert_close(weights["layer1.0.conv2.batch_norm.running_var"], module.layer1[0].bn2.running_var)
    assert [p.name for p in from_torch(nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU()), x).populations] == ["layer1"]
    options = from_torch(Options(), torch.randn(2, 6))
    assert {"input", "logits", "steps_", "a.relu"} <= set(options.nodes)
    assert {"input_", "a.out"} <= set(options.projections)


def test_names_that_torch_uses_are_known() -> None:
    from neurograph.io.torch_import.flow import _OF_MODULES, _OF_PROGRAMS

    program = ng.compile(from_torch(nn.Linear(3, 2), torch.zeros(1, 3)))
    assert set(vars(program)) - _OF_MODULES <= _OF_PROGRAMS


def test_nothing_is_computed_or_held_twice() -> None:
    module, x = DenseNet(), torch.randn(2, *IMAGE)
    graph = from_torch(module, x)
    arrays = sum(a.numel() for n, a in ng.compile(graph).weights().items())
    assert arrays == sum(v.numel() for k, v in module.state_dict().items() if "num_batches" not in k)
    twice = Fn(lambda m, x: m.a(m.a(x)), a=nn.Linear(3, 3))
    with pytest.warns(UserWarning, match="its weights were used before, by 'a'"):
        from_torch(twice, torch.ones(2, 3))


def test_a_float32_module_and_lower_precision() -> None:
    torch.manual_seed(0)
    module, x = vgg().float(), torch.randn(2, *IMAGE)
    y = ng.compile(from_torch(module, x.double()), steps=1).eval()(x)
    torch.testing.assert_close(y, module.eval()(x), rtol=1e-4, atol=1e-5)
    assert from_torch(nn.Linear(3, 2).bfloat16(), torch.ones(2, 3)).projections["linear"]


@st.composite
def networks(draw: st.DrawFn) -> tuple[nn.Module, int]:
    """A sequence of layers over images, then perhaps linear ones."""
    size = draw(st.integers(5, 8))
    channels, height, parts = 2, size, []
    for _ in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["conv", "norm", "relu", "max", "average", "clamp", "shortcut"]))
        kernel, stride = draw(st.integers(1, 3)), draw(st.integers(1, 2))
        padding, ceil = draw(st.integers(0, kernel // 2)), draw(st.booleans())
        if kind in ("conv", "max", "average") and height + 2 * padding < kernel:
            continue
        if kind == "conv":
            groups = draw(st.sampled_from([1, 2]))
            out = draw(st.sampled_from([2, 4]))
            mode = draw(st.sampled_from(["zeros", "replicate"]))
            part: nn.Module = nn.Conv2d(
                channels, out, kernel, stride, padding, groups=groups, bias=draw(st.booleans()), padding_mode=mode
            )
            channels = out
        elif kind == "max":
            part = nn.MaxPool2d(kernel, stride, padding, ceil_mode=ceil)
        elif kind == "average":
            part = nn.AvgPool2d(kernel, stride, padding, ceil, draw(st.booleans()))
        elif kind == "shortcut":
            part = Fn(lambda m, x: m.a(x) + x, a=nn.Conv2d(channels, channels, 3, padding=1))
        else:
            part = {
                "norm": nn.BatchNorm2d(channels),
                "relu": nn.ReLU(draw(st.booleans())),
                "clamp": nn.Hardtanh(-1, 1),
            }[kind]
        parts.append(part)
        height = nn.Sequential(*parts).eval()(torch.zeros(1, 2, size, size)).shape[-1]
    if draw(st.booleans()):
        parts += [nn.Flatten(), nn.Linear(channels * height**2, 3), nn.ReLU(), nn.Linear(3, 2)]
    return nn.Sequential(*parts).double(), size


@settings(max_examples=15, deadline=None)
@given(network=networks(), seed=st.integers(0, 100))
def test_any_sequence_of_layers(compare: Callable[..., ng.Graph], network: tuple[nn.Module, int], seed: int) -> None:
    module, size = network
    compare(module, (2, size, size), seed, ("torch", "reference"))
