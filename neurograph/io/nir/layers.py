"""Which operator stands for which stateless node of NIR, for the shape that arrives at it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from neurograph.errors import FormatError, NeuroGraphError
from neurograph.io.nir.model import Node, Sizes, uniform
from neurograph.projections.arrange import Reshape
from neurograph.projections.conv import Conv2d
from neurograph.projections.conv1d import Conv1d
from neurograph.projections.dense import Dense
from neurograph.projections.operator import Operator
from neurograph.projections.pool import AvgPool2d
from neurograph.projections.reshape import Flatten, OneToOne
from neurograph.projections.sum_pool import SumPool2d

_SPREAD = 1 << 23  # values


def operator_of(node: Node, source: Sizes, where: str) -> tuple[Operator, Sizes]:
    """The operator of a node and the shape of what it gives."""
    try:
        operator = _MAKE[node.kind](node.params, source, where)
        return operator, operator.shape(source, None)
    except FormatError:
        raise
    except NeuroGraphError as error:
        raise FormatError(f"{where}: {error}") from None


def has_bias(node: Node) -> bool:
    """Whether the node gives something else than 0 for an input of 0."""
    return bool(np.any(node.params["bias"] != 0)) if "bias" in node.params else False


def _dense(p: dict[str, Any], source: Sizes, where: str) -> Operator:
    weight = p["weight"]
    if weight.ndim != 2:
        raise FormatError(f"{where}: weights are (outputs, inputs); of shape {weight.shape} they are not read")
    if source != weight.shape[1:]:
        known = f"it has {weight.shape[1]} inputs, but {source} arrives"
        fix = (
            "Put a Flatten before it"
            if math.prod(source) == weight.shape[1]
            else "Its weights belong to another network"
        )
        raise FormatError(f"{where}: {known}. {fix}")
    if "bias" not in p:
        return Dense(weight=weight, bias=False)
    return Dense(weight=weight, bias=_bias(p, weight.shape[0], where))


def _bias(p: dict[str, Any], size: int, where: str) -> Any:
    bias = p["bias"]
    if bias.size == 1:
        return np.full(size, float(bias.reshape(-1)[0]))
    if bias.shape != (size,):
        raise FormatError(f"{where}: the bias has shape {bias.shape} for {size} outputs")
    return bias


def _scale(p: dict[str, Any], source: Sizes, where: str) -> Operator:
    scale = p["scale"]
    if scale.size == 1 and float(scale.reshape(-1)[0]) != 1.0:
        return OneToOne(float(scale.reshape(-1)[0]))
    if scale.size == 1 and math.prod(source) <= _SPREAD:
        scale = np.ones(source)  # an operator that computes nothing would be taken out, and its name with it
    if scale.shape != source:
        raise FormatError(
            f"{where}: the scale has shape {scale.shape}, but {source} arrives; give one number or {source}"
        )
    factor = uniform(scale)
    return OneToOne(factor if isinstance(factor, float) and factor != 1.0 else scale)


def _conv(p: dict[str, Any], axes: int, where: str) -> tuple[dict[str, Any], tuple[int, ...]]:
    weight = p["weight"]
    if weight.ndim != axes + 2 or 0 in weight.shape:
        letters = "(out, in/groups, height, width)" if axes == 2 else "(out, in/groups, length)"
        raise FormatError(f"{where}: weights are {letters}, found shape {weight.shape}")
    groups = p["groups"]
    if len(groups) != 1:
        raise FormatError(f"{where}: groups = {groups}; one whole number")
    args: dict[str, Any] = {n: sizes(p[n], axes, f"{where}: {n}") for n in ("stride", "dilation")}
    padding = p["padding"]
    args["padding"] = padding if isinstance(padding, str) else sizes(padding, axes, f"{where}: padding")
    return {**args, "groups": groups[0]}, weight.shape[2:]


def _conv1d(p: dict[str, Any], source: Sizes, where: str) -> Operator:
    args, kernel = _conv(p, 1, where)
    args = {n: v[0] if isinstance(v, tuple) else v for n, v in args.items()}
    made = Conv1d(p["weight"].shape[0], kernel[0], **args)
    _channels(p, source, args["groups"], where)
    return made.started(weight=p["weight"], bias=_bias(p, p["weight"].shape[0], where))


def _conv2d(p: dict[str, Any], source: Sizes, where: str) -> Operator:
    args, kernel = _conv(p, 2, where)
    made = Conv2d(p["weight"].shape[0], (kernel[0], kernel[1]), **args)
    _channels(p, source, args["groups"], where)
    return made.started(weight=p["weight"], bias=_bias(p, p["weight"].shape[0], where))


def _channels(p: dict[str, Any], source: Sizes, groups: int, where: str) -> None:
    needed = p["weight"].shape[1] * groups
    if len(source) != p["weight"].ndim - 1 or source[0] != needed:
        raise FormatError(
            f"{where}: weights {p['weight'].shape} in {groups} groups take {needed} channels, but {source} arrives "
            "(shapes in NIR are without batch and without time)"
        )


def _pool(cls: type[AvgPool2d] | type[SumPool2d]) -> Any:
    def make(p: dict[str, Any], source: Sizes, where: str) -> Operator:
        kernel, stride, padding = (sizes(p[n], 2, f"{where}: {n}") for n in ("kernel_size", "stride", "padding"))
        return cls((kernel[0], kernel[1]), (stride[0], stride[1]), padding=(padding[0], padding[1]))

    return make


def _flatten(p: dict[str, Any], source: Sizes, where: str) -> Operator:
    start, end = (sizes(p[n], 1, f"{where}: {n}")[0] for n in ("start_dim", "end_dim"))
    axes = len(source)
    first, last = start + axes * (start < 0), end + axes * (end < 0)
    if not 0 <= first <= last < axes:
        raise FormatError(
            f"{where}: Flatten from axis {start} to {end}, but {source} arrives. Axes are counted without the batch, so all "
            "of them are start_dim=0, end_dim=-1"
        )
    if first == 0 and last == axes - 1:
        return Flatten()
    return Reshape((*source[:first], math.prod(source[first : last + 1]), *source[last + 1 :]))


def sizes(given: tuple[int, ...], axes: int, where: str) -> tuple[int, ...]:
    """A size for each axis, from one for all or one for each."""
    if len(given) not in (1, axes):
        raise FormatError(f"{where} = {given}: give one number or {axes}")
    return given * axes if len(given) == 1 else given


_MAKE: dict[str, Any] = {
    "Affine": _dense,
    "Linear": _dense,
    "Scale": _scale,
    "Conv1d": _conv1d,
    "Conv2d": _conv2d,
    "SumPool2d": _pool(SumPool2d),
    "AvgPool2d": _pool(AvgPool2d),
    "Flatten": _flatten,
}
OPERATORS = tuple(_MAKE)
