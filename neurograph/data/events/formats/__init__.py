"""Formats of event files. A file placed in this folder is found; no list has to be edited.

They are found when an event file is first read: the compiled kernels behind them take a while to load.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from neurograph.data.events.event_format import EventFormat
from neurograph.errors import DataError
from neurograph.registry import found_below

FORMATS: dict[str, EventFormat]


@cache
def _formats() -> dict[str, EventFormat]:
    found = (cls() for cls in found_below(EventFormat, __name__, __path__).values() if cls.name)  # type: ignore[type-abstract]
    return {made.name: made for made in sorted(found, key=lambda made: made.name)}


def __getattr__(name: str) -> Any:
    if name == "FORMATS":
        return _formats()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _known() -> str:
    return ", ".join(f"{name} ({' '.join(made.endings)})" for name, made in _formats().items())


def format_named(name: str) -> EventFormat:
    """The format of a name."""
    if name not in _formats():
        raise DataError(f"unknown format of event files {name!r}; known: {_known()}")
    return _formats()[name]


def format_of_file(path: Path) -> EventFormat:
    """The format of a file, by what it begins with, and where that says nothing by its ending."""
    if not path.is_file():
        raise DataError(
            f"{path}: {'it is no file' if path.exists() else 'no such file'}; give the path of an event file"
        )
    try:
        with path.open("rb") as stream:
            head = stream.read(4096)
    except OSError as error:
        raise DataError(
            f"{path}: it cannot be read ({error.strerror or error}); give the path of an event file"
        ) from None
    found = [made for made in _formats().values() if made.recognises(path, head)]
    if not found:
        found = [m for m in _formats().values() if path.name.lower().endswith(m.endings) and m.accepts(path, head)]
    if not found:
        begins = head[:16].hex(" ") or "nothing, it is empty"
        raise DataError(
            f"{path}: byte 0: it begins with {begins}, which no known format of event files does, and its ending "
            f"{path.suffix!r} fits none either; known: {_known()}; give format= where you know it"
        )
    by_ending = [made for made in found if path.name.lower().endswith(made.endings)]
    return (by_ending or found)[0]
