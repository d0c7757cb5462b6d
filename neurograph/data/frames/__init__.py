"""Events to frames: one maker a file, found by its name."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from neurograph.data.frames.by_count import ByCount
from neurograph.data.frames.by_duration import ByDuration
from neurograph.data.frames.by_number import ByNumber
from neurograph.data.frames.by_time import ByTime
from neurograph.data.frames.frame_maker import CountMaker, FrameMaker
from neurograph.data.frames.time_surface import TimeSurface
from neurograph.data.frames.voxel_grid import VoxelGrid
from neurograph.errors import DataError

__all__ = [
    "ByCount",
    "ByDuration",
    "ByNumber",
    "ByTime",
    "CountMaker",
    "FrameMaker",
    "TimeSurface",
    "VoxelGrid",
    "frame_maker",
    "frame_makers",
]


def frame_makers() -> tuple[str, ...]:
    """Names of all frame makers, sorted."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return tuple(sorted(FrameMaker.known))


def frame_maker(name: str, **settings: Any) -> FrameMaker:
    """The frame maker of that name, "by_number" or "number", with these settings: frame_maker("number", steps=10).

    Raises DataError for an unknown name (listing the known) and for settings that do not fit it.
    """
    name = f"by_{name}" if f"by_{name}" in frame_makers() else name
    if name not in frame_makers():
        raise DataError(f"unknown frame maker {name!r}; known are: {', '.join(frame_makers())}")
    kind = FrameMaker.known[name]
    try:
        return kind(**settings)
    except TypeError as error:
        wanted = ", ".join(getattr(kind, "__dataclass_fields__", {}))
        raise DataError(f"frame maker {name!r}: its settings are {wanted}; given were {', '.join(settings)}") from error
