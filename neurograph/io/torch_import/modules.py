"""Modules of torch: what each becomes in a graph, and why others do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from neurograph.io.torch_import import arithmetic, attention, layers, layout, transformer
from neurograph.io.torch_import.call import Call
from neurograph.io.torch_import.flow import Flow
from neurograph.projections.arrange import Pad


def _conv(call: Call, m: Any, x: Flow) -> Flow:
    return layers.conv(call, x, m.weight, m.bias, m.stride, m.padding, m.dilation, m.groups, m.padding_mode)


def _batch_norm(call: Call, m: Any, x: Flow) -> Flow:
    return layers.batch_norm(call, x, m.running_mean, m.running_var, m.weight, m.bias, momentum=m.momentum, eps=m.eps)


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
    nn.LayerNorm: lambda call, m, x: layers.layer_norm(call, x, m.normalized_shape, m.weight, m.bias, m.eps),
    nn.ReLU: lambda call, m, x: layers.relu(call, x),
    nn.ReLU6: lambda call, m, x: layers.relu6(call, x),
    nn.Hardtanh: lambda call, m, x: layers.clamp(call, x, m.min_val, m.max_val),
    nn.LeakyReLU: lambda call, m, x: layers.leaky_relu(call, x, m.negative_slope),
    nn.PReLU: lambda call, m, x: layers.prelu(call, x, m.weight),
    nn.Sigmoid: lambda call, m, x: layers.sigmoid(call, x),
    nn.Tanh: lambda call, m, x: layers.tanh(call, x),
    nn.SiLU: lambda call, m, x: layers.silu(call, x),
    nn.GELU: lambda call, m, x: layers.gelu(call, x, m.approximate),
    nn.Hardsigmoid: lambda call, m, x: arithmetic.hardsigmoid(call, x),
    nn.Hardswish: lambda call, m, x: arithmetic.hardswish(call, x),
    nn.Softmax: lambda call, m, x: layers.softmax(call, x, m.dim),
    nn.Softmax2d: lambda call, m, x: layers.softmax(call, x, -3),
    nn.LogSoftmax: lambda call, m, x: layers.log_softmax(call, x, m.dim),
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
    nn.TransformerEncoderLayer: transformer.encoder_layer,
    nn.TransformerEncoder: transformer.encoder,
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
    nn.DataParallel: ("it only distributes a module", "Give the module inside: model.module"),
    nn.parallel.DistributedDataParallel: ("it only distributes a module", "Give the module inside: model.module"),
}


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
