"""The errors a user can meet. Each message says what, where, the rule and the fix."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType

_PACKAGE = os.path.dirname(os.path.abspath(__file__))


class NeuroGraphError(Exception):
    """Root of every error NeuroGraph raises on purpose."""


class GraphError(NeuroGraphError):
    """The graph as declared cannot be a network (names, ports, cycles, delays)."""


class ShapeError(NeuroGraphError):
    """Two things that must fit together do not."""


class SpecError(NeuroGraphError):
    """A neuron, surrogate or operator is declared wrongly."""


class BackendError(NeuroGraphError):
    """A backend cannot run what it was given."""


class FormatError(NeuroGraphError):
    """A file is not what its format says."""


class DataError(NeuroGraphError):
    """A data set, input tensor or recording is missing, corrupt or of the wrong kind."""


_read_from: ContextVar[str] = ContextVar("read_from", default="")


@contextmanager
def read_from(place: str) -> Iterator[None]:
    """While a file is read, what it declares was declared at `place`, not where the reading was asked for."""
    token = _read_from.set(place)
    try:
        yield
    finally:
        _read_from.reset(token)


def declared_at() -> str:
    """`file:line` of the nearest caller outside the package (recipes count as callers, what they share does not)."""
    if place := _read_from.get():
        return place
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        path = os.path.abspath(frame.f_code.co_filename)
        ours = frame.f_globals.get("__name__", "").startswith("neurograph.models.")
        if "RECIPES" in frame.f_globals if ours else not path.startswith(_PACKAGE + os.sep):
            try:
                short = os.path.relpath(path)
            except ValueError:  # another drive on Windows
                short = path
            return f"{path if short.startswith('..') else short}:{frame.f_lineno}"
        frame = frame.f_back
    return "<unknown>"
