"""What an operator is in NIR: the inverse of layers.py, and the same for operators that NIR can express."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from neurograph.io.nir.losses import Losses
from neurograph.io.nir.model import Array, Node, Sizes
from neurograph.projections.arrange import Reshape
from neurograph.projections.batch_norm import BatchNorm
from neurograph.projections.conv import Conv2d
from neurograph.projections.conv1d import Conv1d
from neurograph.projections.dense import Dense
from neurograph.projections.dropout import Dropout
from neurograph.projections.operator import Operator, fixed
from neurograph.projections.pool import AdaptiveAvgPool2d, AvgPool2d
from neurograph.projections.reshape import Flatten, OneToOne
from neurograph.projections.scale import Scale
from neurograph.projections.sparse import Sparse
from neurograph.projections.sum_pool import SumPool2d

Weights = Mapping[str, Array]


def weights_of(operator: Operator, source: Sizes, target: Sizes, element: str, losses: Losses) -> Weights:
    """The weights an operator begins with; those that compile() would draw are refused."""
    out = {}
    for name, weight in operator.held(source, target).items():
        plane = getattr(operator, "_plane", None)
        known = isinstance(weight.init, fixed) or weight.buffer or isinstance(operator, BatchNorm)
        known = known or (name == "weight" and getattr(plane, "weight", None) is not None)
        if not known:
            losses.refuse(
                element,
                f"{name!r} of {operator!r} is drawn at random; export a program, or graph.with_weights(program)",
            )
            out[name] = np.zeros(weight.shape)
            continue
        out[name] = np.asarray(weight.init(np.random.default_rng(0), weight.shape), np.float64)
    return out


def layer_of(
    operator: Operator, weights: Weights, source: Sizes, target: Sizes, element: str, losses: Losses
) -> Node | None:  # fmt: skip
    """The node of an operator; None where it changes nothing, or NIR has none (and then it is refused)."""
    if isinstance(operator, Dropout) or (isinstance(operator, OneToOne) and operator.is_identity):
        return None  # in evaluation
    make = _NODES.get(type(operator))
    if make is None:
        known = sorted(c.__name__ for c in _NODES if c is not BatchNorm)
        losses.refuse(element, f"{operator!r}; NIR has {', '.join(known)}")
        return None
    made = make(operator, weights, source, target)
    if isinstance(made, str):
        losses.refuse(element, f"{operator!r}: {made}")
        return None
    return made


def _dense(o: Any, w: Weights, source: Sizes, target: Sizes) -> Node | str:
    if len(source) != 1:
        return "NIR's weights act on one axis"
    return Node("Affine", {"weight": w["weight"], "bias": w["bias"]}) if "bias" in w else Node("Linear", dict(w))


def _sparse(o: Any, w: Weights, source: Sizes, target: Sizes) -> Node | str:
    if len(source) != 1 or len(target) != 1:
        return "NIR's weights act on one axis; put a Flatten before"
    matrix = o.matrix.copy()
    matrix.data = np.asarray(w["weight"], np.float64)
    return Node("Linear", {"weight": matrix.toarray()})


def _conv2d(o: Any, w: Weights, source: Sizes, target: Sizes) -> Node | str:
    if o.padding_mode != "zeros":
        return f"padding by {o.padding_mode}; NIR pads with zeros"
    same = o.padding != o.trailing
    held = {
        "input_shape": source[1:], "weight": w["weight"], "stride": o.stride,
        "padding": "same" if same else o.padding, "dilation": o.dilation, "groups": (o.groups,),
        "bias": w.get("bias", np.zeros(target[0])),
    }  # fmt: skip
    return Node("Conv2d", held)


def _conv1d(o: Any, w: Weights, source: Sizes, target: Sizes) -> Node | str:
    made = _conv2d(o._plane, w, (source[0], 1, source[1]), target)
    if isinstance(made, str):
        return made
    p = made.params
    last = {n: p[n] if isinstance(p[n], str) else p[n][-1:] for n in ("stride", "padding", "dilation", "input_shape")}
    return Node("Conv1d", {**p, **last})


def _pool(kind: str) -> Callable[[Any, Weights, Sizes, Sizes], Node | str]:
    def make(o: Any, w: Weights, source: Sizes, target: Sizes) -> Node | str:
        if o.ceil and type(o)(o.kernel, o.stride, padding=o.padding).shape(source, None) != target:
            return "windows that reach over the border (ceil)"
        if not getattr(o, "count_padding", True) and any(o.padding):
            return "padding that does not count; NIR's does"
        return Node(kind, {"kernel_size": o.kernel, "stride": o.stride, "padding": o.padding})

    return make


def _adaptive(o: Any, w: Weights, source: Sizes, target: Sizes) -> Node | str:
    size = source[1:]
    if any(n % m for n, m in zip(size, o.size, strict=True)):
        return f"windows of several sizes: {o.size} does not divide {size}"
    kernel = tuple(n // m for n, m in zip(size, o.size, strict=True))
    return Node("AvgPool2d", {"kernel_size": kernel, "stride": kernel, "padding": (0, 0)})


def _flatten(o: Any, w: Weights, source: Sizes, target: Sizes) -> Node | str:
    return Node("Flatten", {"start_dim": (0,), "end_dim": (-1,), "input_type": source})


def _reshape(o: Any, w: Weights, source: Sizes, target: Sizes) -> Node | str:
    for first in range(len(source)):
        for last in range(first, len(source)):
            merged = math.prod(source[first : last + 1])
            if (*source[:first], merged, *source[last + 1 :]) == target:
                return Node("Flatten", {"start_dim": (first,), "end_dim": (last,), "input_type": source})
    return f"from {source} to {target}; NIR only joins neighbouring axes"


def _one_to_one(o: Any, w: Weights, source: Sizes, target: Sizes) -> Node | str:
    return Node("Scale", {"scale": np.array(np.broadcast_to(w["weight"], source))})


def _scale(o: Any, w: Weights, source: Sizes, target: Sizes) -> Node | str:
    if "bias" in w and np.any(w["bias"]):
        return "a bias without weights; NIR has it in Affine and Conv"
    per = w["weight"].reshape((-1,) + (1,) * (len(source) - 1))
    return Node("Scale", {"scale": np.array(np.broadcast_to(per, source))})


def _batch_norm(o: Any, w: Weights, source: Sizes, target: Sizes) -> Node | str:
    return "batch normalisation; NIR has none. Pass fold_batch_norm=True to take it into the weights before it"


_NODES: dict[type[Operator], Callable[[Any, Weights, Sizes, Sizes], Node | str]] = {
    Dense: _dense,
    Sparse: _sparse,
    Conv1d: _conv1d,
    Conv2d: _conv2d,
    AvgPool2d: _pool("AvgPool2d"),
    SumPool2d: _pool("SumPool2d"),
    AdaptiveAvgPool2d: _adaptive,
    Flatten: _flatten,
    Reshape: _reshape,
    OneToOne: _one_to_one,
    Scale: _scale,
    BatchNorm: _batch_norm,
}


def folded(weights: Weights, norm: BatchNorm, of_norm: Weights) -> dict[str, Array]:
    """Weights and bias that do what they did followed by batch normalisation in evaluation."""
    factor = 1.0 / np.sqrt(of_norm["running_var"] + norm.eps)
    factor = factor * of_norm["weight"] if "weight" in of_norm else factor
    weight = weights["weight"]
    bias = weights.get("bias", np.zeros(len(weight))) - of_norm["running_mean"]
    bias = bias * factor + of_norm.get("bias", 0.0)
    return {"weight": weight * factor.reshape((-1,) + (1,) * (weight.ndim - 1)), "bias": bias}


def scaled(node: Node, factor: Array) -> Node | None:
    """The node with its outputs multiplied; None where its weights cannot take that up."""
    p = dict(node.params)
    if node.kind not in ("Affine", "Linear", "Conv1d", "Conv2d", "Scale"):
        return None
    if node.kind == "Scale":
        return Node("Scale", {"scale": p["scale"] * factor})
    per: Array = np.asarray(factor)
    if node.kind.startswith("Conv"):
        channels = per.reshape(per.shape[0], -1) if per.ndim else per.reshape(1, 1)
        if np.any(channels != channels[:, :1]):
            return None
        per = channels[:, 0]
    weight = p["weight"]
    per = np.broadcast_to(per, (len(weight),)) if per.ndim or per.size == 1 else per
    p["weight"] = weight * per.reshape((-1,) + (1,) * (weight.ndim - 1))
    if "bias" in p:
        p["bias"] = p["bias"] * per
    return Node(node.kind, p)
