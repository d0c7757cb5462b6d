"""Layers and activations of torch: what each becomes in a graph, as a function and as a module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor, nn

from neurograph.activations.rectifier import Clamp, ReLU, ReLU6
from neurograph.activations.smooth import LeakyReLU, Sigmoid, SiLU, Tanh
from neurograph.io import arithmetic, attention, layout
from neurograph.io.call import Call
from neurograph.io.flow import Flow
from neurograph.projections.arrange import Pad
from neurograph.projections.batch_norm import BatchNorm
from neurograph.projections.conv import Conv2d
from neurograph.projections.conv1d import Conv1d
from neurograph.projections.gelu import Gelu
from neurograph.projections.layer_norm import LayerNorm
from neurograph.projections.softmax import Softmax
from neurograph.spec import learnable


def conv(
    call: Call, input: Flow, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1, padding_mode: str = "zeros",
) -> Flow:  # fmt: skip
    arrays = call.arrays(weight=weight, bias=bias)
    channels, _, *kernel = arrays["weight"].shape
    settings: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    if len(kernel) == 1:
        settings = {k: v[0] if isinstance(v, tuple | list) else v for k, v in settings.items()}
        made: Any = Conv1d(
            channels, kernel[0], groups=groups, bias=bias is not None, padding_mode=padding_mode, **settings
        )
    else:
        settings = {k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()}
        settings = {k: v * 2 if isinstance(v, tuple) and len(v) == 1 else v for k, v in settings.items()}
        made = Conv2d(
            channels,
            (kernel[0], kernel[1]),
            groups=groups,
            bias=bias is not None,
            padding_mode=padding_mode,
            **settings,
        )
    return call.then(input, made.started(**arrays))


def batch_norm(
    call: Call, input: Flow, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None,
    training: bool = False, momentum: float | None = 0.1, eps: float = 1e-5,
) -> Flow:  # fmt: skip
    if training or running_mean is None or running_var is None:
        call.fail(
            "it normalises by the batch in evaluation, too, as it keeps no running statistics",
            "Use track_running_stats=True and train, or estimate the statistics of the data first",
        )
    arrays = call.arrays(running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    affine = "weight" in arrays or "bias" in arrays
    if affine:  # one of the two may be missing
        arrays.setdefault("weight", np.ones_like(arrays["running_mean"]))
        arrays.setdefault("bias", np.zeros_like(arrays["running_mean"]))
    operator = BatchNorm(eps=eps, momentum=0.1 if momentum is None else momentum, affine=affine)
    return call.then(input, operator.started(**arrays))


def layer_norm(
    call: Call, input: Flow, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5,
    part: str = "",
) -> Flow:  # fmt: skip
    arrays = call.arrays(weight=weight, bias=bias)
    if "bias" in arrays:
        arrays.setdefault("weight", np.ones_like(arrays["bias"]))
    axes = 1 if isinstance(normalized_shape, int) else len(normalized_shape)
    operator = LayerNorm(axes, eps=eps, affine=bool(arrays), bias="bias" in arrays)
    return call.then(input, operator.started(**arrays), part)


def softmax(call: Call, input: Flow, dim: Any = None, *args: Any, log: bool = False, **kwargs: Any) -> Flow:
    if dim is None:
        call.fail("does not say along which axis", "Give dim=-1")
    axes = len(input.shape)
    return call.then(input, Softmax(call.axis(dim, axes) - axes, log=log))


def log_softmax(call: Call, input: Flow, dim: Any = None, *args: Any, **kwargs: Any) -> Flow:
    return softmax(call, input, dim, log=True)


def gelu(call: Call, input: Flow, approximate: str = "none") -> Flow:
    return call.then(input, Gelu(tanh=approximate == "tanh"))


def relu(call: Call, input: Flow, inplace: bool = False) -> Flow:
    return call.activation(input, ReLU())


def relu6(call: Call, input: Flow, inplace: bool = False) -> Flow:
    return call.activation(input, ReLU6())


def sigmoid(call: Call, input: Flow) -> Flow:
    return call.activation(input, Sigmoid())


def tanh(call: Call, input: Flow) -> Flow:
    return call.activation(input, Tanh())


def silu(call: Call, input: Flow, inplace: bool = False) -> Flow:
    return call.activation(input, SiLU())


def leaky_relu(call: Call, input: Flow, negative_slope: float = 0.01, inplace: bool = False) -> Flow:
    return call.activation(input, LeakyReLU(slope=float(negative_slope)))


def prelu(call: Call, input: Flow, weight: Any) -> Flow:
    slope = call.arrays(weight=weight)["weight"]
    return call.activation(
        input, LeakyReLU(slope=learnable(slope, per="channel") if slope.size > 1 else learnable(slope.item()))
    )


def hardtanh(call: Call, input: Flow, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Flow:
    return clamp(call, input, min_val, max_val)


def clamp(call: Call, input: Flow, min: Any = None, max: Any = None) -> Flow:
    if not isinstance(min, int | float) or not isinstance(max, int | float | None):
        call.fail(f"clamps to {min!r} .. {max!r}", "Give min= as a number, and max= as a number or not at all")
    if max is None or max == float("inf"):
        below = call.activation(call.shifted(input, -float(min)), ReLU())
        return call.shifted(below, float(min))
    if min == 0 and max == 6:
        return relu6(call, input)
    return call.activation(input, Clamp(low=float(min), high=float(max)))


def dropout(call: Call, input: Flow, p: float = 0.5, training: bool = True, inplace: bool = False) -> Flow:
    if training and p > 0:
        call.fail("drops values in evaluation, too", "Give training=self.training")
    return input


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **arithmetic.FUNCTIONS, **layout.FUNCTIONS,
    "conv1d": conv, "conv2d": conv, "batch_norm": batch_norm, "layer_norm": layer_norm, "softmax": softmax,
    "log_softmax": log_softmax, "gelu": gelu, "relu": relu, "relu6": relu6, "sigmoid": sigmoid, "tanh": tanh,
    "silu": silu, "leaky_relu": leaky_relu, "prelu": prelu, "hardtanh": hardtanh, "clamp": clamp, "clip": clamp,
    "clamp_min": clamp, "dropout": dropout, "dropout1d": dropout, "dropout2d": dropout,
    "alpha_dropout": dropout, "feature_alpha_dropout": dropout,
    "scaled_dot_product_attention": attention.scaled_dot_product,
}  # fmt: skip


def _conv(call: Call, m: Any, x: Flow) -> Flow:
    return conv(call, x, m.weight, m.bias, m.stride, m.padding, m.dilation, m.groups, m.padding_mode)


def _batch_norm(call: Call, m: Any, x: Flow) -> Flow:
    return batch_norm(call, x, m.running_mean, m.running_var, m.weight, m.bias, momentum=m.momentum, eps=m.eps)


def _avg_pool(call: Call, m: Any, x: Flow) -> Flow:
    over = getattr(m, "divisor_override", None)
    return layout.avg_pool(call, x, m.kernel_size, m.stride, m.padding, m.ceil_mode, m.count_include_pad, over)


def _max_pool(call: Call, m: Any, x: Flow) -> Flow:
    return layout.max_pool(call, x, m.kernel_size, m.stride, m.padding, m.dilation, m.ceil_mode, m.return_indices)


def _adaptive_max_pool(call: Call, m: Any, x: Flow) -> Flow:
    return layout.adaptive_max_pool(call, x, m.output_size, m.return_indices)


def _adaptive_avg_pool(call: Call, m: Any, x: Flow) -> Flow:
    return layout.adaptive_avg_pool(call, x, m.output_size)


def _zero_pad(call: Call, m: Any, x: Flow) -> Flow:
    sides = m.padding
    pairs = [(sides[k], sides[k + 1]) for k in range(0, len(sides), 2)][::-1]
    return call.rearranged(x, Pad(*[(0, 0)] * (len(x.shape) - len(pairs)), *pairs))


def _same(call: Call, m: Any, x: Flow) -> Flow:
    return x


MODULES: dict[type[nn.Module], Callable[..., Any]] = {
    nn.Conv1d: _conv,
    nn.Conv2d: _conv,
    nn.Linear: lambda call, m, x: arithmetic.linear(call, x, m.weight, m.bias),
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.SyncBatchNorm: _batch_norm,
    nn.LayerNorm: lambda call, m, x: layer_norm(call, x, m.normalized_shape, m.weight, m.bias, m.eps),
    nn.ReLU: lambda call, m, x: relu(call, x),
    nn.ReLU6: lambda call, m, x: relu6(call, x),
    nn.Hardtanh: lambda call, m, x: clamp(call, x, m.min_val, m.max_val),
    nn.LeakyReLU: lambda call, m, x: leaky_relu(call, x, m.negative_slope),
    nn.PReLU: lambda call, m, x: prelu(call, x, m.weight),
    nn.Sigmoid: lambda call, m, x: sigmoid(call, x),
    nn.Tanh: lambda call, m, x: tanh(call, x),
    nn.SiLU: lambda call, m, x: silu(call, x),
    nn.GELU: lambda call, m, x: gelu(call, x, m.approximate),
    nn.Hardsigmoid: lambda call, m, x: arithmetic.hardsigmoid(call, x),
    nn.Hardswish: lambda call, m, x: arithmetic.hardswish(call, x),
    nn.Softmax: lambda call, m, x: softmax(call, x, m.dim),
    nn.Softmax2d: lambda call, m, x: softmax(call, x, -3),
    nn.LogSoftmax: lambda call, m, x: log_softmax(call, x, m.dim),
    nn.MaxPool1d: _max_pool,
    nn.MaxPool2d: _max_pool,
    nn.AvgPool1d: _avg_pool,
    nn.AvgPool2d: _avg_pool,
    nn.AdaptiveAvgPool1d: _adaptive_avg_pool,
    nn.AdaptiveAvgPool2d: _adaptive_avg_pool,
    nn.AdaptiveMaxPool1d: _adaptive_max_pool,
    nn.AdaptiveMaxPool2d: _adaptive_max_pool,
    nn.Flatten: lambda call, m, x: layout.view(call, x),
    nn.Unflatten: lambda call, m, x: layout.view(call, x),
    nn.ZeroPad1d: _zero_pad,
    nn.ZeroPad2d: _zero_pad,
    nn.MultiheadAttention: attention.multihead,
    **dict.fromkeys(
        (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout),
        _same,
    ),
}  # fmt: skip

_RECURRENT = (
    "recurrent layers keep a state of their own over a sequence",
    "Import what is around it, or declare the recurrence as populations of a graph",
)
_PER_SAMPLE = (
    "it normalises by the statistics of each sample",
    "Use BatchNorm2d, whose statistics are constants in evaluation, or LayerNorm",
)
REASONS: dict[type[nn.Module], tuple[str, str]] = {
    nn.RNNBase: _RECURRENT,
    nn.RNNCellBase: _RECURRENT,
    nn.GroupNorm: _PER_SAMPLE,
    nn.InstanceNorm1d: _PER_SAMPLE,
    nn.InstanceNorm2d: _PER_SAMPLE,
    nn.Embedding: ("it looks up whole numbers, and inputs are real", "Import the network behind it"),
    nn.TransformerEncoder: (
        "its forward chooses among several ways while it runs",
        "Write the block with nn.MultiheadAttention, nn.LayerNorm and nn.Linear",
    ),
}
REASONS[nn.TransformerEncoderLayer] = REASONS[nn.TransformerDecoderLayer] = REASONS[nn.TransformerEncoder]


def module(call: Call, m: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What a module becomes; parametrised ones (weight_norm, spectral_norm) like those they come from."""
    kinds = type(m).__mro__ if hasattr(m, "parametrizations") else (type(m),)
    handler = next((MODULES[k] for k in kinds if k in MODULES), None)
    if handler is None:
        default = ("there is no such layer in a graph", "Replace it by layers that are imported (see from_torch)")
        reason, fix = next((why for kind, why in REASONS.items() if isinstance(m, kind)), default)
        call.fail(reason, fix)
    bad = _bad_weights(m)
    if bad:
        call.fail(bad, "Look at the training that made them")
    return handler(call, m, *args, **kwargs)


def _bad_weights(m: nn.Module) -> str | None:
    for name, tensor in (*m.named_parameters(), *m.named_buffers()):
        if isinstance(tensor, Tensor) and tensor.is_floating_point() and not tensor.isfinite().all():
            return f"{name!r} holds NaN or infinity"
    return None
