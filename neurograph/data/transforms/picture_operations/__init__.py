"""Operations of RandAugment: a family a file; a new one is a subclass of Operation in a file of this folder."""

from __future__ import annotations

from inspect import isabstract

from neurograph.data.transforms.picture_operations.operation import Operation, Resampling
from neurograph.registry import found_below

__all__ = ["OPERATIONS", "Operation", "Resampling"]

_FOUND = found_below(Operation, __name__, __path__)  # type: ignore[type-abstract]
OPERATIONS: dict[str, type[Operation]] = {name: kind for name, kind in _FOUND.items() if not isabstract(kind)}
