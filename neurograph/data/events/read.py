"""Reading an event file of any known format."""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Any

from neurograph.data.events.events import Events
from neurograph.errors import DataError

__all__ = ["read_events"]


def read_events(path: str | os.PathLike[str], format: str | None = None, **options: Any) -> Events:
    """The events of one file, in order of time, row 0 at the top, p = 1 where it became brighter.

    The format is found by what the file holds, then by its ending; ``format`` names it instead. Options are the
    format's: ``sensor=(channels, height, width)`` for every one, and those that its class documents. Events that a file
    does not hold in order of time are sorted, equal times staying as they lie. Raises DataError that names the byte
    for a damaged file, and the known formats for an unknown one.
    """
    from neurograph.data.events.checked import check_sensor
    from neurograph.data.events.formats import format_named, format_of_file

    path = Path(path)
    chosen = format_of_file(path) if format is None else format_named(format)
    if options:  # asking for them takes as long as reading a small file
        takes = [name for name in inspect.signature(chosen.read).parameters if name != "path"]
        if unknown := sorted(set(options) - set(takes)):
            raise DataError(
                f"{path}: format {chosen.name!r} does not take {', '.join(unknown)}; it takes {', '.join(takes)}"
            )
        check_sensor(options.get("sensor"))
    try:
        return chosen.read(path, **options)
    except OSError as error:
        raise DataError(
            f"{path}: it cannot be read ({error.strerror or error}); give the path of an event file"
        ) from None
    except MemoryError:
        raise DataError(f"{path}: its events do not fit into memory; read it on a larger machine or cut it") from None
