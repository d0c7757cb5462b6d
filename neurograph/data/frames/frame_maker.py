"""How events become frames: one maker a file, declared by its arguments."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import numpy as np

if TYPE_CHECKING:
    from neurograph.data.events.events import Events

__all__ = ["FrameMaker"]


class FrameMaker(ABC):
    """Events in, frames [T, C, H, W] out; a frozen dataclass, whose repr is the key of the cache.

    ``steps`` is T. Counts are whole numbers; a voxel grid and a time surface are float32.
    """

    known: ClassVar[dict[str, type[FrameMaker]]] = {}
    name: ClassVar[str] = ""
    steps: int

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if cls.name:
            FrameMaker.known[cls.name] = cls

    @abstractmethod
    def __call__(self, events: Events) -> np.ndarray:
        """Frames [T, C, H, W] of a recording; C, H and W are the sensor's."""
