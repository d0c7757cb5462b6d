"""Layers and activations of torch, as functions: what each becomes in a graph."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from neurograph.activations.rectifier import Clamp, ReLU, ReLU6
from neurograph.activations.smooth import LeakyReLU, Sigmoid, SiLU, Tanh
from neurograph.io.torch_import import arithmetic, attention, layout
from neurograph.io.torch_import.call import Call
from neurograph.io.torch_import.flow import Flow
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
    if momentum is None:
        warnings.warn(f"{call.name}: momentum=None, an average over all batches, becomes momentum=0.1", stacklevel=2)
    operator = BatchNorm(eps=eps, momentum=0.1 if momentum is None else momentum, affine=affine)
    return call.then(input, operator.started(**arrays))


def layer_norm(
    call: Call, input: Flow, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5,
) -> Flow:  # fmt: skip
    arrays = call.arrays(weight=weight, bias=bias)
    if "bias" in arrays:
        arrays.setdefault("weight", np.ones_like(arrays["bias"]))
    axes = 1 if isinstance(normalized_shape, int) else len(normalized_shape)
    operator = LayerNorm(axes, eps=eps, affine=bool(arrays), bias="bias" in arrays)
    return call.then(input, operator.started(**arrays))


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
