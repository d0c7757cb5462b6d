"""Formats of graph files. A file placed in this folder is found; no list has to be edited.

They are found when a file is first read or written: what they need takes a while to load.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from neurograph.errors import FormatError
from neurograph.io.formats.format import Format
from neurograph.registry import found_below
from neurograph.sealed import check_regular

FORMATS: dict[str, Format]


@cache
def _formats() -> dict[str, Format]:
    return {
        made.name: made for made in (cls() for cls in found_below(Format, __name__, __path__).values()) if made.name
    }


def __getattr__(name: str) -> Any:
    if name == "FORMATS":
        return _formats()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def format_named(name: str) -> Format:
    """The format of a name."""
    if name not in _formats():
        raise FormatError(f"unknown format {name!r}; known: {', '.join(sorted(_formats()))}")
    return _formats()[name]


def format_for_writing(path: Path) -> Format:
    """The format that a path's ending stands for."""
    found = [f for f in _formats().values() if f.writes and path.name.lower().endswith(f.endings)]
    if not found:
        known = ", ".join(f"{'/'.join(f.endings)} ({f.name})" for f in _formats().values() if f.writes)
        raise FormatError(f"{path}: no format has the ending {path.suffix!r}; give format=, or one of {known}")
    # the longest ending says most: .explorer.json before .json
    return max(found, key=lambda f: max(len(e) for e in f.endings if path.name.lower().endswith(e)))


def format_of_file(path: Path) -> Format:
    """The format of a file that is there, by what it begins with, and where that fits several by its ending."""
    try:
        check_regular(path)
        with path.open("rb") as stream:
            head = stream.read(1024)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FormatError(f"{path}: it cannot be read ({reason}); give the path of a graph file") from None
    fitting = [f for f in _formats().values() if f.reads and f.recognises(head)]
    by_ending = [f for f in fitting if path.name.lower().endswith(f.endings)]
    if len(fitting) > 1 and by_ending:
        fitting = by_ending
    if not fitting:
        known = ", ".join(f"{f.name} ({'/'.join(f.endings)})" for f in _formats().values() if f.reads)
        raise FormatError(
            f"{path}: its first bytes, {head[:16]!r}, are of no format that is read here: {known}{_weights_alone(head)}"
        )
    return fitting[0]


def _weights_alone(head: bytes) -> str:
    """What to do with a file that holds weights without a graph."""
    if not head.startswith(b"PK"):
        return ""
    if b".npy" in head:
        return ". It looks like arrays: ng.load_weights(path) reads them, for ng.compile(graph, weights=...)"
    if b".pkl" in head or b".pt" in head:
        return (
            ". It looks like a file of torch.save: torch.load(path, weights_only=True) reads its tensors by name, for "
            "ng.compile(graph, weights=...)"
        )
    return ""
