"""A NIR graph as plain data: kinds of node, their parameters and the rules that parameters must keep."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurograph.errors import FormatError

Array = np.ndarray[Any, Any]
Edge = tuple[str, str]
Sizes = tuple[int, ...]
DEEPEST = 32  # nested graphs
MOST_NODES = 20_000
MOST_EDGES = 2_000_000


@dataclass(frozen=True)
class Kind:
    """The parameters of one kind of node. `required` and `optional` (with what stands for a missing one) by role:

    values: an array of real numbers; whole: sizes; padding: sizes, "same" or "valid".
    """

    required: dict[str, str]
    optional: dict[str, tuple[str, Any]] = field(default_factory=dict)
    neuron: bool = False


_CONV = dict.fromkeys(("stride", "dilation", "groups"), "whole") | {"padding": "padding"}
_CONV |= {"weight": "values", "bias": "values"}
_POOL = dict.fromkeys(("kernel_size", "stride", "padding"), "whole")
_RESET: dict[str, tuple[str, Any]] = {"v_reset": ("values", 0.0)}
_W_IN: dict[str, tuple[str, Any]] = {"w_in": ("values", 1.0)}


def _neuron(*names: str, **optional: tuple[str, Any]) -> Kind:
    return Kind(dict.fromkeys(names, "values"), optional, neuron=True)


KINDS: dict[str, Kind] = {
    "Input": Kind({"shape": "whole"}),
    "Output": Kind({}, {"shape": ("whole", None)}),
    "Affine": Kind({"weight": "values", "bias": "values"}),
    "Linear": Kind({"weight": "values"}),
    "Scale": Kind({"scale": "values"}),
    "Conv1d": Kind(_CONV, {"input_shape": ("whole", None)}),
    "Conv2d": Kind(_CONV, {"input_shape": ("whole", None)}),
    "SumPool2d": Kind(_POOL),
    "AvgPool2d": Kind(_POOL),
    "Flatten": Kind({"start_dim": "whole", "end_dim": "whole"}, {"input_type": ("whole", None)}),
    "Delay": Kind({"delay": "values"}),
    "Threshold": Kind({"threshold": "values"}),
    "I": _neuron("r"),
    "LI": _neuron("tau", "r", "v_leak"),
    "IF": _neuron("r", "v_threshold", **_RESET),
    "LIF": _neuron("tau", "r", "v_leak", "v_threshold", **_RESET),
    "CubaLI": _neuron("tau_syn", "tau_mem", "r", "v_leak", **_W_IN),
    "CubaLIF": _neuron("tau_syn", "tau_mem", "r", "v_leak", "v_threshold", **_RESET, **_W_IN),
}
_ABOVE_0 = ("tau", "tau_syn", "tau_mem")


@dataclass(frozen=True)
class Node:
    """One node: its kind and its checked parameters (arrays of float64, tuples of whole numbers, text)."""

    kind: str
    params: dict[str, Any]

    @property
    def is_neuron(self) -> bool:
        return KINDS[self.kind].neuron

    @property
    def shape(self) -> Sizes | None:
        """The shape that the parameters of a neuron, a threshold or a delay agree on; None where all are numbers."""
        shapes = {v.shape for v in self.params.values() if isinstance(v, np.ndarray) and v.ndim}
        return max(shapes, key=lambda s: (math.prod(s), len(s))) if shapes else None


@dataclass
class Net:
    """Nodes and edges; a nested graph is a Net among the nodes."""

    nodes: dict[str, Node | Net]
    edges: list[Edge]
    metadata: dict[str, Any] = field(default_factory=dict)


def checked(kind: str, given: dict[str, Any], where: str) -> Node:
    """A node of these parameters, or a FormatError that says which is wrong."""
    if kind not in KINDS:
        raise FormatError(f"{where}: unknown kind of node {kind!r}; known are {', '.join(sorted(KINDS))} and NIRGraph")
    spec = KINDS[kind]
    roles = {**spec.required, **{n: role for n, (role, _) in spec.optional.items()}}
    unknown = sorted(set(given) - set(roles))
    if unknown:
        raise FormatError(
            f"{where}: {kind} has no parameter {', '.join(map(repr, unknown))}; it has {', '.join(roles)}. "
            "Reading on would ignore what the file says"
        )
    params: dict[str, Any] = {}
    for name, role in roles.items():
        if name in given:
            params[name] = _READ[role](given[name], f"{where}: {name} of {kind}")
        elif name in spec.required:
            raise FormatError(f"{where}: {kind} lacks its parameter {name!r}; it has {', '.join(given) or 'none'}")
        elif spec.optional[name][1] is not None:
            params[name] = np.asarray(spec.optional[name][1], np.float64)
    for name in _ABOVE_0:
        if name in params and not np.all(params[name] > 0):
            raise FormatError(
                f"{where}: {name} of {kind} holds {float(np.min(params[name])):g}; it is above 0, in seconds"
            )
    if kind == "Delay" and not np.all(params["delay"] >= 0):
        raise FormatError(f"{where}: the delay is {float(np.min(params['delay'])):g}; it is 0 or more, in seconds")
    if spec.neuron or kind in ("Threshold", "Delay"):
        _same_shape(params, where)
    return Node(kind, params)


def _same_shape(params: dict[str, Any], where: str) -> None:
    shapes = {n: v.shape for n, v in params.items() if v.ndim}
    if len(set(shapes.values())) > 1:
        listed = ", ".join(f"{n} {s}" for n, s in shapes.items())
        raise FormatError(f"{where}: parameters of one neuron have one shape, or are numbers; here are {listed}")


def _values(value: Any, where: str) -> Array:
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise FormatError(f"{where} is {array.dtype}; give real numbers")
    array = array.astype(np.float64)
    if not np.all(np.isfinite(array)):
        raise FormatError(f"{where} holds a NaN or an infinity; parameters are finite")
    return array


def _whole(value: Any, where: str) -> Sizes:
    array = np.asarray(value)
    if array.dtype.kind == "f" and array.size and np.all(array == np.floor(array)) and np.all(np.abs(array) < 2**53):
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu" and array.size:
        raise FormatError(f"{where} is {array.dtype}; give whole numbers")
    if array.ndim > 1 or array.size > 32:
        raise FormatError(f"{where} has shape {array.shape}; give a whole number or a short list of them")
    out = tuple(int(n) for n in array.reshape(-1))
    if any(abs(n) >= 2**31 for n in out):
        raise FormatError(f"{where} = {out}: sizes are below 2**31")
    return out


def _padding(value: Any, where: str) -> Sizes | str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        if value not in ("same", "valid"):
            raise FormatError(f"{where} is {value!r}; give sizes, 'same' or 'valid'")
        return value
    return _whole(value, where)


_READ: dict[str, Any] = {"values": _values, "whole": _whole, "padding": _padding}


def uniform(array: Array) -> float | Array:
    """A number where the array holds one value throughout: NIR has no other way to say one number for all."""
    flat = array.reshape(-1)
    return float(flat[0]) if flat.size and np.all(flat == flat[0]) else array
