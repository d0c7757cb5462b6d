"""The text header that Prophesee's .raw and .dat files share: lines of `% keyword value`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurograph.data.events.checked import bad

__all__ = ["Header", "header_of"]

LONGEST = 1 << 16
#: (height, width) by generation of the sensor, where the header gives only the plugin that recorded.
PLUGINS = ((r"gen3", (480, 640)), (r"gen4|imx636|evk4", (720, 1280)), (r"genx320", (320, 320)))


@dataclass(frozen=True)
class Header:
    """Values by keyword in small letters, `options` of the format line, and where the binary part starts."""

    values: dict[str, str]
    options: dict[str, str]
    start: int

    @property
    def version(self) -> str:
        """ "2", "2.1" or "3" of a .raw file, "" where the header does not say."""
        form = self.options.get("name", "").upper()
        if form in ("EVT2", "EVT21", "EVT3"):
            return {"EVT2": "2", "EVT21": "2.1", "EVT3": "3"}[form]
        return {"2.0": "2", "2": "2", "2.1": "2.1", "3.0": "3", "3": "3"}.get(self.values.get("evt", ""), "")

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width, where the header says them or names a known sensor."""
        for found in (
            re.fullmatch(r"(\d{1,5})x(\d{1,5})", self.values.get("geometry", "").lower()),
            re.fullmatch(r"(\d{1,5})x(\d{1,5})", f"{self.options.get('width')}x{self.options.get('height')}"),
            re.fullmatch(r"(\d{1,5})x(\d{1,5})", f"{self.values.get('width')}x{self.values.get('height')}"),
        ):
            if found and 0 < int(found[1]) <= 1 << 16 and 0 < int(found[2]) <= 1 << 16:
                return int(found[2]), int(found[1])
        plugin = self.values.get("plugin_name", "").lower()
        return next((size for name, size in PLUGINS if re.search(name, plugin)), None)


def header_of(path: Path, raw: np.ndarray[Any, Any]) -> Header:
    """The header at the start of the bytes of a file; raises DataError where a line has no end."""
    head = raw[:LONGEST].tobytes()
    values: dict[str, str] = {}
    start = 0
    # a line of data may begin with %, but then it holds bytes that are no text
    while head[start : start + 1] == b"%" and head[start + 1 : start + 2] in (b" ", b"\n", b"\r", b"\t"):
        end = head.find(b"\n", start)
        if end < 0:
            raise bad(path, len(head), "the file ends inside a line of its header")
        line = head[start:end].decode("latin-1").strip()
        start = end + 1
        if line == "% end":
            break
        key, _, value = line[1:].strip().partition(" ")
        values.setdefault(key.lower(), value.strip())
    options = {}
    for piece in filter(None, values.get("format", "").split(";")):
        key, given, value = piece.partition("=")
        options[key.strip().lower() if given else "name"] = value.strip().lower() if given else piece.strip()
    return Header(values, options, start)
