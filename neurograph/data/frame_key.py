"""Digests of the code that frames depend on, so that frames of code that was changed are not taken for its own."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from neurograph.data import event_set, events, frames
from neurograph.data.frames.frame_maker import FrameMaker
from neurograph.errors import DataError

__all__ = ["code_of_maker", "code_of_reader"]


def code_of_maker(maker: FrameMaker) -> str:
    """A digest of the text of the makers here and of the modules of this one's classes.

    Raises DataError where the repr of the maker, the key of its settings in the cache, may leave some of them out.
    """
    kind = type(maker)
    # an undecorated subclass has the repr of the class above it
    own = vars(kind).get("__dataclass_fields__")
    made = getattr(kind, "__dataclass_params__", None)
    if own is None or made is None or not (made.frozen and made.repr and all(field.repr for field in own.values())):
        raise DataError(
            f"{kind.__name__}: a frame maker must be a frozen dataclass; its repr is the key of the cache: decorate the class "
            "itself with @dataclass(frozen=True), and leave no setting out of its repr"
        )
    return _digest(sorted(Path(frames.__file__).parent.glob("*.py")), kind.__mro__, kind.__name__)


def code_of_reader(read: Callable[[str], Any]) -> str:
    """A digest of the text of the event formats here, of what the sets share, and of the module that `read` is of.

    Raises DataError where that module has no text.
    """
    from neurograph.data.sets import intervals

    files = sorted(Path(events.__file__).parent.rglob("*.py"))
    files += [Path(intervals.__file__), Path(event_set.__file__)]
    found: list[Any] = []
    while isinstance(read, partial):
        found += [part for part in read.args if callable(part)]
        read = read.func
    found.append(read)
    parts: list[Any] = []
    for one in found:
        holder = getattr(one, "__self__", None)
        if holder is not None:
            parts += type(holder).__mro__
        # a function or a class as it is, else what it is an object of
        parts += [getattr(one, "__func__", one)] if hasattr(one, "__qualname__") else type(one).__mro__
    return _digest(files, parts, f"the reader {getattr(found[-1], '__qualname__', found[-1])}")


def _digest(files: Iterable[Path], parts: Iterable[Any], what: str) -> str:
    """SHA-256 of these files and of the modules of these classes and functions that are not among them."""
    found = hashlib.sha256()
    known = set()
    for file in files:
        found.update(file.read_bytes())
        known.add(str(file))
    for one in parts:
        if one.__module__ in ("builtins", "abc"):
            continue
        try:
            module = sys.modules[one.__module__]
            if (place := getattr(module, "__file__", None)) in known:
                continue
            found.update(inspect.getsource(module if place else one).encode())
        except (OSError, TypeError, KeyError) as error:
            raise DataError(
                f"{what}: its text cannot be read ({error}), so a change of it would not be noticed; put it into a file, or "
                "keep no frames with cache=False"
            ) from error
    return found.hexdigest()
