"""Operations of RandAugment: a family a file; a new one is a subclass of Operation in a file of this folder."""

from __future__ import annotations

from neurograph.data.transforms.picture_operations.operation import Operation, Resampling
from neurograph.registry import found_below

__all__ = ["OPERATIONS", "Operation", "Resampling"]

OPERATIONS: dict[str, type[Operation]] = found_below(Operation, __name__, __path__)  # type: ignore[type-abstract]
