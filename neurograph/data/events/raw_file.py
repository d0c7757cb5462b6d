"""What Prophesee's .raw formats share: words behind a text header, and the errors of both."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numba
import numpy as np

from neurograph.data.events.checked import bad, file_bytes, finished
from neurograph.data.events.event_format import EventFormat
from neurograph.data.events.events import Events
from neurograph.data.events.prophesee_header import Header, header_of
from neurograph.errors import DataError

__all__ = ["RawFile", "empty", "later"]

Array = np.ndarray[Any, Any]


def empty(count: int) -> tuple[Array, Array, Array, Array]:
    """Room for so many events: t, x, y, p."""
    return np.empty(count, np.int64), np.empty(count, np.uint16), np.empty(count, np.uint16), np.empty(count, np.uint8)


@numba.njit(cache=True)
def later(high: Any, before: Any, rounds: Any, bits: int) -> Any:
    """Rounds that the upper part of the time has made when it becomes `high` after `before`.

    A fall by more than half its range is a new round, a rise by as much after one takes it back.
    """
    half = 1 << (bits - 1)
    if high - before < -half:
        return rounds + 1
    if high - before > half and rounds > 0:
        return rounds - 1
    return rounds


class RawFile(EventFormat):
    """A .raw file of one version; the word's size is `step` bytes."""

    endings: ClassVar[tuple[str, ...]] = (".raw",)
    version: ClassVar[str]
    step: ClassVar[int]

    def recognises(self, path: Path, head: bytes) -> bool:
        if not head.startswith(b"%"):
            return False
        # the line that says it may lie behind the first 4096 bytes; the header as a whole is short
        try:
            return header_of(path, np.frombuffer(head, np.uint8)).version == self.version
        except DataError:
            return False

    def accepts(self, path: Path, head: bytes) -> bool:
        return False

    def read(self, path: Path, *, sensor: tuple[int, int, int] | None = None) -> Events:
        raw = file_bytes(path)
        header = header_of(path, raw)
        if header.version not in ("", self.version):
            raise bad(path, 0, f"the header says EVT {header.version}, not {self.version}", "give no format=")
        count, rest = divmod(len(raw) - header.start, self.step)
        if rest:
            raise bad(
                path, len(raw), f"the file ends inside word {count}; words of EVT {self.version} take {self.step} bytes"
            )
        if sensor is None and header.size:
            sensor = (2, *header.size)
        # where the header ends at an odd byte, words are not aligned and must be copied
        words = np.frombuffer(raw, np.uint8, offset=header.start).view(f"<u{self.step}") if count else np.empty(0, "u1")
        words = np.ascontiguousarray(words, dtype=f"u{self.step}")
        if not words.flags.aligned:
            words = words.copy()
        (t, x, y, p), source = self.decode(path, words, header)
        return finished(path, t, x, y, p, sensor, lambda k: header.start + self.step * source(k))

    @abstractmethod
    def decode(self, path: Path, words: Array, header: Header) -> tuple[tuple[Array, Array, Array, Array], Any]:
        """t, x, y and p, and a function that gives the word of an event; raises DataError for words that cannot be."""
