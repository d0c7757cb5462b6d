"""Operators that put values into another order or shape and compute nothing: Reshape, Permute, Select, Pad, Broadcast."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from neurograph.errors import ShapeError, SpecError, declared_at
from neurograph.projections.operator import Array, Operator, Run
from neurograph.spec import Shape

if TYPE_CHECKING:
    import torch


def _sizes(operator: str, sizes: Sequence[int]) -> Shape:
    out = tuple(sizes)
    if not out or not all(isinstance(n, int) and n > 0 for n in out):
        raise SpecError(f"{operator}({sizes!r}) at {declared_at()}: give whole numbers above 0, such as (3, 4)")
    return out


class Reshape(Operator):
    """The same values in C order with other axes: (64,) to (4, 16)."""

    key = "reshape"
    linear = True
    moves_only = True

    kept_as: ClassVar[dict[str, str | None]] = {"shape": "to"}

    def __init__(self, shape: Sequence[int]):
        self.to = _sizes("Reshape", shape)

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        if math.prod(source) != math.prod(self.to):
            raise ShapeError(f"{self}: its input {source} has {math.prod(source)} values, not {math.prod(self.to)}")
        return self.to

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        return x.reshape(x.shape[0], *self.to)

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        return x.reshape(len(x), *self.to)

    def settings(self) -> str:
        return str(self.to)


class Permute(Operator):
    """Axes in another order: Permute(1, 0) of (tokens, features) is (features, tokens)."""

    key = "permute"
    linear = True
    moves_only = True

    def __init__(self, *order: int):
        if sorted(order) != list(range(len(order))) or not order:
            raise SpecError(f"Permute{order} at {declared_at()}: give every axis once, counted from 0")
        self.order = order

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        if len(source) != len(self.order):
            raise ShapeError(f"{self} orders {len(self.order)} axes, but its input has shape {source}")
        return tuple(source[a] for a in self.order)

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        return x.permute(0, *(a + 1 for a in self.order))

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        return x.transpose(0, *(a + 1 for a in self.order))

    def settings(self) -> str:
        return ", ".join(map(str, self.order))


class Select(Operator):
    """Part of an axis: one index, and the axis is gone, or a slice."""

    key = "select"
    linear = True
    moves_only = True

    def __init__(self, axis: int, index: int | slice):
        if not isinstance(axis, int) or axis < 0 or not isinstance(index, int | slice):
            raise SpecError(f"Select({axis!r}, {index!r}) at {declared_at()}: an axis from 0 on, an index or a slice")
        if isinstance(index, slice) and (index.step or 1) < 1:
            raise SpecError(f"Select({axis}, {index!r}) at {declared_at()}: a slice goes forward")
        self.axis, self.index = axis, index

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        if self.axis >= len(source):
            raise ShapeError(f"{self}: its input {source} has no axis {self.axis}")
        n = source[self.axis]
        if isinstance(self.index, slice):
            length = len(range(*self.index.indices(n)))
            if not length:
                raise ShapeError(f"{self}: nothing of its input {source} is selected")
            return (*source[: self.axis], length, *source[self.axis + 1 :])
        if not -n <= self.index < n or len(source) == 1:
            raise ShapeError(f"{self}: its input {source} must have that index and another axis that stays")
        return (*source[: self.axis], *source[self.axis + 1 :])

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        return x[(slice(None),) * (self.axis + 1) + (self.index,)]

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        return x[(slice(None),) * (self.axis + 1) + (self.index,)]  # type: ignore[no-any-return]

    def settings(self) -> str:
        i = self.index
        if isinstance(i, int):
            return f"{self.axis}, {i}"
        return f"{self.axis}, slice({i.start}, {i.stop}{f', {i.step}' if i.step not in (None, 1) else ''})"


class Pad(Operator):
    """Zeros before and after: one pair of numbers for each axis."""

    key = "pad"
    linear = True

    def __init__(self, *sides: tuple[int, int]):
        self.sides = tuple((int(a), int(b)) for a, b in sides)
        if not self.sides or min(n for side in self.sides for n in side) < 0:
            raise SpecError(f"Pad{sides} at {declared_at()}: two whole numbers, 0 or more, for each axis")

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        if len(source) != len(self.sides):
            raise ShapeError(f"{self} pads {len(self.sides)} axes, but its input has shape {source}")
        return tuple(a + n + b for n, (a, b) in zip(source, self.sides, strict=True))

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        from torch.nn.functional import pad

        return pad(x, [n for side in reversed(self.sides) for n in side])

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        return np.pad(x, ((0, 0), *self.sides))

    def settings(self) -> str:
        return ", ".join(map(str, self.sides))


class Broadcast(Operator):
    """Axes of length 1, and axes missing before the first, repeated to `shape`: (8, 1, 1) to (8, 5, 5)."""

    key = "broadcast"
    linear = True

    kept_as: ClassVar[dict[str, str | None]] = {"shape": "to"}

    def __init__(self, shape: Sequence[int]):
        self.to = _sizes("Broadcast", shape)

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        full = (1,) * (len(self.to) - len(source)) + source
        if len(full) != len(self.to) or any(n not in (1, m) for n, m in zip(full, self.to, strict=True)):
            raise ShapeError(f"{self}: its input {source} cannot be repeated to that")
        return self.to

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        return x.reshape(x.shape[0], *(1,) * (len(self.to) + 1 - x.dim()), *x.shape[1:]).expand(-1, *self.to)

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        full = x.reshape(len(x), *(1,) * (len(self.to) + 1 - x.ndim), *x.shape[1:])
        return np.broadcast_to(full, (len(x), *self.to))

    def settings(self) -> str:
        return str(self.to)
