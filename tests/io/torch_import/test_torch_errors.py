"""from_torch: what is not imported, and what it says."""

from __future__ import annotations

from collections import OrderedDict
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


IMAGE = (3, 8, 8)


def nan_weights() -> nn.Module:
    module = nn.Sequential(OrderedDict(features=nn.Sequential(nn.Conv2d(3, 2, 1))))
    with torch.no_grad():
        module.features[0].weight[0] = float("nan")
    return module


def branching(m: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return x if x.sum() > 0 else -x


FEATURES = {
    "features": lambda part: nn.Sequential(OrderedDict(features=nn.Sequential(nn.ReLU(), part))),
}
BAD: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], str]] = {
    "recurrent": (lambda: FEATURES["features"](nn.LSTM(3, 3)), (4, 3), r"features\.1 \(LSTM\).*keep a state"),
    "group norm": (lambda: FEATURES["features"](nn.GroupNorm(1, 3)), IMAGE, r"features\.1 \(GroupNorm\).*each sample"),
    "unknown layer": (lambda: nn.Upsample(scale_factor=2), IMAGE, r"upsample \(Upsample\): there is no such layer"),
    "unknown function": (lambda: Fn(lambda m, x: torch.exp(x)), (3,), r"Fn \(exp\), .*test_torch_errors.py:\d+: exp has no"),
    "unknown method": (lambda: Fn(lambda m, x: x.cumsum(1)), (3,), "cumsum has no counterpart"),
    "batch statistics": (
        lambda: FEATURES["features"](nn.BatchNorm2d(3, track_running_stats=False)), IMAGE,
        r"features\.1 \(BatchNorm2d\).*track_running_stats=True",
    ),
    "not a number": (nan_weights, IMAGE, r"weights of 'features\.0' \(Conv2d.weight\) hold NaN"),
    "complex": (lambda: nn.Linear(3, 2, dtype=torch.complex64), (3,), "complex"),
    "several outputs": (lambda: Fn(lambda m, x: (x, x)), (3,), "returns a tuple; a graph has one output"),
    "outputs by name": (lambda: Fn(lambda m, x: {"y": x}), (3,), "returns a dict"),
    "a constant": (lambda: Fn(lambda m, x: m.w, w=nn.Parameter(torch.ones(2, 3))), (3,), "returns a constant"),
    "control flow": (lambda: Fn(branching), (3,), "Fn cannot be traced: TraceError: symbolically traced variables"),
    "a new tensor of the input's size": (lambda: Fn(lambda m, x: x + torch.ones(x.size(0), 1)), (3,), "by x.new_zeros or a buffer"),
    "two inputs": (lambda: nn.Bilinear(2, 2, 2), (2,), "Bilinear"),
    "a batch of two": (lambda: Fn(lambda m, x: x.view(2, 3, 1)), (3,), r"does not pass: shape '\[2, 3, 1\]' is .* size 9\Z"),
    "over the batch": (lambda: Fn(lambda m, x: x - x.mean(0, keepdim=True)), (3,), "works along the batch"),
    "softmax over the batch": (lambda: nn.Softmax(0), (3,), r"softmax \(Softmax\): works along the batch"),
    "moved batch": (lambda: Fn(lambda m, x: x.transpose(0, 1)), (3,), "works along the batch"),
    "batch in a view": (lambda: Fn(lambda m, x: x.reshape(-1, 2)), (4,), "must stay the batch"),
    "size of the batch": (lambda: Fn(lambda m, x: x / x.size(0)), (4,), "computes with the size of the batch"),
    "the batch second": (lambda: Fn(lambda m, x: m.a(x, x, x)[0], a=nn.MultiheadAttention(4, 2)), (3, 4), "batch_first=True"),
    "attention weights": (
        lambda: Fn(lambda m, x: m.a(x, x, x)[1] + 0, a=nn.MultiheadAttention(4, 2, batch_first=True)), (3, 4), "weights of an attention",
    ),
    "wrong example": (lambda: nn.Linear(3, 2), (4,), r"linear \(Linear\): the example does not pass: mat1 and mat2"),
    "two values": (lambda: Fn(lambda m, x: x / x), (3,), "divides by a value"),
    "random": (lambda: Fn(lambda m, x: x + torch.randn(3)), (3,), "other answers.*Random"),
    "random each time": (lambda: Fn(lambda m, x: x + torch.rand_like(x)), (3,), "rand_like has no counterpart"),
    "random by shape": (lambda: Fn(lambda m, x: x + torch.randn(x.shape[1])), (3,), r"Fn \(randn\), .*is not constant"),
    "drops always": (lambda: Fn(lambda m, x: F.dropout(x)), (3,), "training=self.training"),
    "indices": (lambda: nn.MaxPool2d(2, return_indices=True), IMAGE, "return_indices=False"),
    "divisor": (lambda: nn.AvgPool2d(2, divisor_override=3), IMAGE, "divisor_override"),
    "a number of the data": (lambda: Fn(lambda m, x: x * x.max().item()), (3,), r"Fn \(max\)"),
    "overwritten elsewhere": (
        lambda: Fn(lambda m, x: x.view(-1, 3).add_(1.0) + x), (3,), "other answers than the module",
    ),
    "outside": (lambda: nn.Sequential(nn.ReLU(), nn.DataParallel(nn.ReLU())), (3,), r"1 \(DataParallel\).*model\.module"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_imported_says_so(name: str) -> None:
    make, shape, message = BAD[name]
    torch.manual_seed(0)
    with pytest.raises(ng.GraphError, match=message):
        from_torch(make(), torch.randn(2, *shape))


def test_what_is_no_module_or_no_batch() -> None:
    with pytest.raises(ng.GraphError, match="takes an nn.Module, got builtin"):
        from_torch(len, torch.zeros(1, 3))  # type: ignore[arg-type]
    with pytest.raises(ng.ShapeError, match="give a batch of inputs"):
        from_torch(nn.Linear(3, 2), torch.zeros(3))
    with pytest.raises(ng.GraphError, match="dtype torch.int64"):
        from_torch(nn.Linear(3, 2), torch.zeros(2, 3, dtype=torch.int64))
    module = nn.Sequential(nn.Linear(3, 2), nn.LSTM(2, 2))
    module[0].eval()
    with pytest.raises(ng.GraphError):
        from_torch(module, torch.zeros(2, 3))
    assert [m.training for m in module.modules()] == [True, False, True]
