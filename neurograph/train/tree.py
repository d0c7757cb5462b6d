"""Nested Python state as JSON plus a list of tensors, exactly and without pickle.

JSON holds everything but tensor values. What JSON cannot say plainly is an object with the key
"$": tensors (by number), tuples, floats that are not finite, dicts with keys that are not strings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from neurograph.errors import FormatError

__all__ = ["flatten", "rebuild"]

MARK = "$"


def flatten(value: Any, where: str) -> tuple[Any, list[tuple[str, torch.Tensor]]]:
    """JSON value and the tensors it refers to, each with its place such as ``model.fc.weight``.

    Raises FormatError for anything but None, bool, int, float, str, list, tuple, dict and dense
    tensors, naming its place.
    """
    tensors: list[tuple[str, torch.Tensor]] = []
    return _flatten(value, where, tensors), tensors


def _flatten(value: Any, where: str, tensors: list[tuple[str, torch.Tensor]]) -> Any:
    if isinstance(value, torch.Tensor):
        if value.layout != torch.strided or value.is_quantized:
            raise FormatError(
                f"checkpoint entry {where}: a tensor of layout {value.layout}, dtype "
                f"{value.dtype}; only plain dense tensors can be saved; convert it first"
            )
        tensors.append((where, value))
        return {MARK: "tensor", "id": len(tensors) - 1}
    # Exact types: a subclass (an enum, a numpy number) would come back as something else.
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {MARK: "float", "value": repr(value)}
    if type(value) is list:
        return [_flatten(item, f"{where}[{n}]", tensors) for n, item in enumerate(value)]
    if type(value) is tuple:
        items = [_flatten(item, f"{where}[{n}]", tensors) for n, item in enumerate(value)]
        return {MARK: "tuple", "items": items}
    if isinstance(value, Mapping):
        if all(type(key) is str for key in value) and MARK not in value:
            return {key: _flatten(item, f"{where}.{key}", tensors) for key, item in value.items()}
        pairs = [
            [_flatten(key, f"key of {where}", tensors), _flatten(item, f"{where}.{key}", tensors)]
            for key, item in value.items()
        ]
        return {MARK: "dict", "items": pairs}
    raise FormatError(
        f"checkpoint entry {where}: a {type(value).__name__} cannot be saved; use None, bool, int, "
        "float, str, list, tuple, dict or tensors (numpy numbers: .item())"
    )


def rebuild(value: Any, tensors: Mapping[int, torch.Tensor]) -> Any:
    """What ``flatten`` was given; raises KeyError, TypeError or ValueError for foreign JSON."""
    if isinstance(value, list):
        return [rebuild(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value.get(MARK)
    if MARK not in value:
        return {key: rebuild(item, tensors) for key, item in value.items()}
    if kind == "tensor":
        return tensors[value["id"]]
    if kind == "tuple":
        return tuple(rebuild(item, tensors) for item in value["items"])
    if kind == "float":
        return float(value["value"])
    if kind == "dict":
        return {rebuild(key, tensors): rebuild(item, tensors) for key, item in value["items"]}
    raise ValueError(f"unknown entry kind {kind!r}")
