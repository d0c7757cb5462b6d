"""Names there and back: NIR's are any text, NeuroGraph's are dotted words.

A character that has no place in a word is written `_xHEX_`; a name that begins with a digit gets `_` in front. Operators that
follow each other become one projection named `first_then_second`. All of it can be read back without a table.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from neurograph.errors import FormatError

_THEN = "_then_"
_WORD = re.compile(r"[A-Za-z0-9_]")
_ESCAPE = re.compile(r"_x([0-9A-F]{1,6})_")
_LONGEST = 512


def encoded(name: str, prefixes: Collection[str] = ()) -> str:
    """A NIR name as a NeuroGraph name; `decoded` gives it back. A dot after one of `prefixes` is no hierarchy."""
    spelt = [not _WORD.match(c) for c in name]
    for dot in (k for k, c in enumerate(name) if c == "."):
        between = 0 < dot < len(name) - 1 and _WORD.match(name[dot - 1]) and _WORD.match(name[dot + 1])
        spelt[dot] = not between or name[:dot] in prefixes
    # what stands there once those are spelt, as far as underscores go
    shadow = "".join("_" if s else c for s, c in zip(spelt, name, strict=True))
    for match in re.finditer(r"(?:(?<=_)|^)then(?=_|$)|_(?=x[0-9A-F]{1,6}_)", shadow):
        spelt[match.start()] = True  # would read as "then", or as a spelt character
    out = "".join(_hex(c) if s else c for s, c in zip(spelt, name, strict=True))
    return f"_{out}" if re.match(r"_*[0-9]", out) else out or _hex("\0")


def decoded(name: str) -> str:
    """The NIR name of an encoded name; of others the name itself."""
    if re.match(r"_+[0-9]", name):
        name = name[1:]
    text = _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if int(m[1], 16) < 0x110000 else m[0], name)
    return "" if text == "\0" else text


def all_encoded(names: Iterable[str], where: str) -> dict[str, str]:
    """NeuroGraph names of NIR names, none of which is the prefix of another."""
    given = list(names)
    for name in given:
        if len(name) > _LONGEST:
            raise FormatError(
                f"{where}: a node's name has {len(name)} characters ({name[:40]!r}...); at most {_LONGEST}"
            )
    taken = set(given)
    return {name: encoded(name, taken) for name in given}


def chained(names: Iterable[str]) -> str:
    """The name of a projection through several operators."""
    return _THEN.join(names)


def unchained(name: str) -> list[str]:
    """The NIR names of the operators of a projection."""
    return [decoded(part) for part in name.split(_THEN)]


class Taken:
    """Names in use. `fresh(base)` gives one like `base` that is none of them, nor a prefix of one, nor has one as prefix."""

    def __init__(self, names: Iterable[str]):
        self.names: set[str] = set()
        self.prefixes: set[str] = set()
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        self.names.add(name)
        self.prefixes.update(_prefixes(name))

    def fresh(self, base: str) -> str:
        while base in self.names or base in self.prefixes or any(p in self.names for p in _prefixes(base)):
            base += "_"
        self.add(base)
        return base


def _prefixes(name: str) -> list[str]:
    return [name[:k] for k, c in enumerate(name) if c == "."]


def _hex(character: str) -> str:
    return f"_x{ord(character):X}_"
