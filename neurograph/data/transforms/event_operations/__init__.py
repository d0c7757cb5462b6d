"""Operations of EventRandAugment: one a file; a new one is a subclass of EventOperation in a file of this folder."""

from __future__ import annotations

from neurograph.data.transforms.event_operations.event_operation import EventOperation
from neurograph.registry import found_below

__all__ = ["OPERATIONS", "EventOperation"]

OPERATIONS: dict[str, type[EventOperation]] = found_below(EventOperation, __name__, __path__)  # type: ignore[type-abstract]
