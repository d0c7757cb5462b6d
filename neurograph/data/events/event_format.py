"""What a format of event files must offer; a class in `formats/` is found by itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from neurograph.data.events.events import Events

__all__ = ["EventFormat"]


class EventFormat(ABC):
    """One format of event files: how it is recognised and read.

    To add one, put a module with a subclass into ``neurograph/data/events/formats``; nothing else changes. Every reader
    goes by the layout that was published, checks lengths before it takes memory, and raises DataError that names the
    first bad byte.
    """

    name: ClassVar[str] = ""
    #: Endings, small letters, with the dot.
    endings: ClassVar[tuple[str, ...]] = ()

    def recognises(self, path: Path, head: bytes) -> bool:
        """Whether a file that begins with these bytes (4096 at most) is surely of this format."""
        return False

    def accepts(self, path: Path, head: bytes) -> bool:
        """Whether a file with the right ending, whose bytes no format recognises, may be of this format."""
        return True

    @abstractmethod
    def read(self, path: Path, *, sensor: tuple[int, int, int] | None = None) -> Events:
        """The events of a file; `sensor` overrides what the file says; raises DataError for a bad one."""
