"""JSON: a graph as text that is compared line by line and read by anything."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from neurograph.errors import FormatError
from neurograph.graph import Graph
from neurograph.io.document import Digests, document, graph_of, hash_of, left_out
from neurograph.io.document.values import KINDS, shown
from neurograph.io.formats.format import LIMIT, Budget, Format, read_bytes, replaced_by
from neurograph.version import __version__

VERSION = 1
INLINE = 256  # numbers up to which an array is written as numbers
VALUE = 72  # bytes that a value of JSON takes in Python, about
Array = np.ndarray[Any, Any]
_DTYPE = re.compile(r"(<|\|)([biuf])([1248])\Z")
_KEYS = {"format", "format_version", "producer", "hash", "graph"}


class Json(Format):
    """One object: format, format_version, producer, the hash of the graph, and its document.

    Short arrays are numbers in a text, `{"array": {"dtype": "<f8", "shape": [3], "numbers": "1.0 2.0 0.5"}}`, longer ones
    base64 of their little-endian bytes. Keys are sorted; the same graph gives the same text. The hash is checked; who
    changes a file by hand takes the line out.
    """

    name = "json"
    endings = (".json",)
    about = "the whole graph as canonical text, for comparing versions"
    reads = True
    whole = True

    def recognises(self, head: bytes) -> bool:
        return head.lstrip()[:1] == b"{"

    def write(self, graph: Graph, path: Path) -> None:
        replaced_by(path, text_of(graph).encode())

    def read(self, path: Path, *, limit: int = LIMIT) -> Graph:
        return graph_of_text(read_bytes(path, limit), limit)


def text_of(graph: Graph) -> str:
    """A graph as JSON text."""
    whole = {
        "format": "neurograph",
        "format_version": VERSION,
        "producer": f"neurograph {__version__}",
        "hash": hash_of(graph),
        "graph": document(graph, _written),
    }
    return json.dumps(whole, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def graph_of_text(text: str | bytes, limit: int = LIMIT) -> Graph:
    """The graph of such a text; raises FormatError."""
    budget = Budget(limit)
    data = parsed(text, budget)
    check_header(data, _KEYS)
    array = Digests(lambda stored: _read(stored, budget))
    graph = graph_of(data.get("graph"), array)
    if not left_out():
        check_hash(array.hash_of_data(data["graph"]), data.get("hash"))
    return graph


def parsed(text: str | bytes, budget: Budget) -> Any:
    """The value of JSON text, strictly: no NaN, no key twice, no more lists and objects than the budget allows."""
    count = sum(map(text.count, (b",", b":", b"[", b"{"))) if isinstance(text, bytes) else sum(map(text.count, ",:[{"))
    budget.spend(VALUE * count, "the text")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key, value in pairs:
            if key in out:
                raise ValueError(f"an object has the key {shown(key)} twice")
            out[key] = value
        return out

    def refuse(name: str) -> Any:
        raise ValueError(f"{name} is no JSON")

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=refuse)
    except RecursionError:
        raise FormatError("it is no JSON of a graph: objects lie within objects too deeply") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise FormatError(f"it is no JSON: {error}") from None


def check_header(data: Any, keys: set[str]) -> None:
    """Whether this is a graph, of a version this NeuroGraph reads."""
    if not isinstance(data, dict) or data.get("format") != "neurograph":
        raise FormatError('it is no graph of NeuroGraph: "format" is not "neurograph"')
    version = data.get("format_version")
    if type(version) is not int or not 1 <= version <= VERSION:
        raise FormatError(
            f"format_version is {shown(version)}, this NeuroGraph reads 1 to {VERSION}; written by "
            f"{shown(data.get('producer'))}. Read it with that release"
        )
    surplus = set(data) - keys
    if surplus:
        raise FormatError(f"it holds {', '.join(map(repr, sorted(surplus)))}, which nothing reads")


def check_hash(found: str, said: Any) -> None:
    """Whether the graph of a file, with this hash, is the one that was written."""
    if said is not None and said != found:
        raise FormatError(
            f"the graph has the hash {found[:12]}, the file says {shown(said)[:14]}: it was changed after it was written. "
            'If you changed it yourself, take out "hash"'
        )


def _written(array: Array) -> dict[str, Any]:
    out: dict[str, Any] = {"dtype": array.dtype.str, "shape": list(array.shape)}
    if array.size <= INLINE and (array.dtype.kind != "f" or (np.isfinite(array).all() and array.dtype.itemsize <= 8)):
        # NumPy writes the shortest text that reads back as the same number in its own type
        numbers = array.reshape(-1).astype(np.uint8) if array.dtype.kind == "b" else array.reshape(-1)
        return {**out, "numbers": " ".join(str(n) for n in numbers)}
    return {**out, "base64": base64.b64encode(np.ascontiguousarray(array).data).decode()}


def _read(stored: Any, budget: Budget) -> Array:
    if not isinstance(stored, dict) or len(stored) != 3 or not {"dtype", "shape"} < set(stored):
        raise FormatError(f"{shown(stored)} is no array: it has dtype, shape, and numbers or base64")
    shape = stored["shape"]
    if not isinstance(shape, list) or not all(type(n) is int and 0 <= n < 2**40 for n in shape) or len(shape) > 32:
        raise FormatError(f"an array's shape is whole numbers, not {shown(shape)}")
    dtype = dtype_of(stored["dtype"])
    size = math.prod(shape)
    budget.spend(size * dtype.itemsize, f"an array of {shape}")
    try:
        if isinstance(stored.get("numbers"), str):
            words = stored["numbers"].split()
            if dtype.kind in "iub":
                flat = np.array([int(w) for w in words], np.uint8 if dtype.kind == "b" else dtype).astype(dtype)
            else:
                flat = np.array([dtype.type(w) for w in words], dtype)
        else:
            flat = np.frombuffer(base64.b64decode(stored.get("base64"), validate=True), dtype)  # type: ignore[arg-type]
        return flat.reshape(shape).copy()
    except (ValueError, TypeError, OverflowError, binascii.Error) as error:
        raise FormatError(f"an array of shape {shape} and type {dtype}: {error}") from None


def dtype_of(text: Any) -> np.dtype[Any]:
    """The type of an array by its name, of those that a file may hold."""
    if not isinstance(text, str) or not _DTYPE.match(text):
        raise FormatError(f"an array's type is such as '<f8', not {shown(text)}")
    try:
        dtype = np.dtype(text)
    except TypeError as error:
        raise FormatError(str(error)) from None
    if dtype.kind not in KINDS:
        raise FormatError(f"an array of {dtype}: arrays are of numbers or truth values")
    return dtype
