"""What a format is: a name, the endings of its files, and how to write a graph and read one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

from neurograph.errors import FormatError
from neurograph.graph import Graph
from neurograph.sealed import check_regular

LIMIT = 4 << 30  # bytes of arrays that a file may make us allocate


class Format:
    """Base of all formats; each is one file in this folder. `reads` and `writes` say which way it goes.

    Keyword-only arguments of `read` and `write` are its options. A format that is read raises FormatError for every
    file that is not what it should be, runs no code of the file, and allocates `limit` bytes at most for its arrays.
    """

    name: ClassVar[str] = ""
    endings: ClassVar[tuple[str, ...]] = ()
    about: ClassVar[str] = ""
    reads: ClassVar[bool] = False
    writes: ClassVar[bool] = True
    whole: ClassVar[bool] = False  # what is read equals what was written

    def recognises(self, head: bytes) -> bool:
        """Whether a file that begins with these bytes may be of this format."""
        return False

    def read(self, path: Path, *, limit: int = LIMIT) -> Graph:
        raise FormatError(f"{path}: {self.name} is written only; graphs are read from {_readable()}")

    def write(self, graph: Graph, path: Path) -> None:
        raise FormatError(f"{path}: {self.name} is read only")


def _readable() -> str:
    from neurograph.io.formats import FORMATS

    return ", ".join(f.name for f in FORMATS.values() if f.reads)


def replaced_by(path: Path, content: bytes) -> None:
    """Write a whole file or leave the one from before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def read_bytes(path: Path, limit: int) -> bytes:
    """The bytes of a file that is not larger than the limit."""
    try:
        check_regular(path)
        size = path.stat().st_size
        if size > limit:
            raise FormatError(f"{path}: {size:,} bytes, the limit is {limit:,}; raise it with limit=")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise FormatError(f"{path}: it cannot be read ({getattr(error, 'strerror', None) or error})") from None


class Budget:
    """How many bytes of arrays a file may still make us allocate."""

    def __init__(self, limit: int):
        self.limit, self.used = limit, 0

    def spend(self, size: int, what: str) -> None:
        self.used += size
        if size < 0 or self.used > self.limit:
            raise FormatError(
                f"{what} declares {size:,} bytes; with it the arrays of the file would take {self.used:,}, and the limit "
                f"is {self.limit:,}. Raise it with limit= if you trust the file"
            )


def options_of(method: Any) -> dict[str, Any]:
    """The keyword-only parameters of a format's read or write, by name."""
    import inspect

    found = inspect.signature(method).parameters.values()
    return {p.name: p for p in found if p.kind is p.KEYWORD_ONLY}
