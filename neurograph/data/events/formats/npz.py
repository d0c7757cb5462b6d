"""Events in NumPy's .npz and .npy files, as SpikingJelly, tonic and ES-ImageNet keep them."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import numpy as np

from neurograph.data.events.checked import LARGEST, bad
from neurograph.data.events.columns import from_columns, named
from neurograph.data.events.event_format import EventFormat
from neurograph.data.events.events import Events
from neurograph.errors import DataError, FormatError
from neurograph.io.formats.format import Budget

__all__ = ["Npz", "members"]

Array = np.ndarray[Any, Any]
PIECE = 1 << 24
MOST_HEADER = 1 << 16
Located = tuple[Array, int]
Header = tuple[np.dtype[Any], tuple[int, ...], bool]


class Npz(EventFormat):
    """.npz with arrays t, x, y, p (or their usual names), with one structured array of them, or with pos and neg.

    pos and neg (ES-ImageNet) are [n, 3] of (y, x, t), one array a polarity. .npy holds a structured array. Whole times are
    microseconds, others seconds; p is 0 and 1 or -1 and 1. Nothing is unpickled, and no array is made before the file is
    known to hold its bytes; those of an .npz may take ``limit`` bytes, and only those that are needed are read. Without ``sensor`` it is the extent of the events. Raises DataError that names the byte at
    which an array begins.
    """

    name: ClassVar[str] = "npz"
    endings: ClassVar[tuple[str, ...]] = (".npz", ".npy")

    def recognises(self, path: Path, head: bytes) -> bool:
        return head.startswith(b"\x93NUMPY") or (head.startswith(b"PK\x03\x04") and path.name.lower().endswith(".npz"))

    def accepts(self, path: Path, head: bytes) -> bool:
        return True

    def read(self, path: Path, *, sensor: tuple[int, int, int] | None = None, limit: int = LARGEST) -> Events:
        with path.open("rb") as stream:
            packed = stream.read(4) == b"PK\x03\x04"
            stream.seek(0)
            size = path.stat().st_size
            arrays = (
                members(path, partial(_wanted, path), limit) if packed else {"": (_array(path, stream, size, 0, ""), 0)}
            )
        if "pos" in arrays and "neg" in arrays:
            columns = _signs(path, arrays)
        else:
            columns = _columns(path, arrays)

        def place(name: str, k: int) -> str:
            return f"byte {columns[name][1]} and after"

        return from_columns(path, {name: array for name, (array, _) in columns.items()}, sensor, place)


def _wanted(path: Path, headers: dict[str, Header]) -> Iterable[str]:
    """Names of the arrays that hold the events; raises DataError that tells all where none do."""
    if "pos" in headers and "neg" in headers:
        return "pos", "neg"
    if found := named(headers):
        return found.values()
    for name, (dtype, *_) in headers.items():
        if dtype.names and named(dtype.names):
            return (name,)
    raise _none(path, headers)


def _columns(path: Path, arrays: dict[str, Located]) -> dict[str, Located]:
    """t, x, y and p, each an array of the file or a field of one."""
    if found := named(arrays):
        return {want: arrays[name] for want, name in found.items()}
    for array, byte in arrays.values():
        if array.dtype.names and (found := named(array.dtype.names)):
            return {want: (array[name].reshape(-1), byte) for want, name in found.items()}
    raise _none(path, {name: (array.dtype, array.shape, False) for name, (array, _) in arrays.items()})


def _none(path: Path, headers: dict[str, Header]) -> DataError:
    listed = {
        name or "the array": dtype.names or f"{dtype} {shape}" for name, (dtype, shape, _) in list(headers.items())[:12]
    }
    return bad(path, 0, f"it holds {listed}", "events need arrays or fields t, x, y, p, or arrays pos and neg")


def _signs(path: Path, arrays: dict[str, Located]) -> dict[str, Located]:
    for name in ("pos", "neg"):
        array, byte = arrays[name]
        if array.ndim != 2 or array.shape[1] != 3 or array.dtype.names:
            raise bad(path, byte, f"{name} is {array.dtype} {array.shape}; it has a row of (y, x, t) for each event")
    both = np.concatenate([arrays["pos"][0], arrays["neg"][0]])
    p = np.repeat(np.array([1, 0], np.uint8), [len(arrays["pos"][0]), len(arrays["neg"][0])])
    byte = arrays["pos"][1]
    t = both[:, 2]
    if t.dtype.kind == "f" and (t == np.floor(t)).all():
        t = t.astype(np.int64)  # steps, kept as floats
    return {"t": (t, byte), "x": (both[:, 1], byte), "y": (both[:, 0], byte), "p": (p, byte)}


def members(
    path: Path, choose: Callable[[dict[str, Header]], Iterable[str]], limit: int = LARGEST
) -> dict[str, Located]:
    """The arrays of an .npz that `choose` names, given dtype and shape of all; each with the byte at which it begins.

    Checksums are looked at. Raises DataError for a damaged file, and where the arrays would take more than `limit` bytes.
    """
    out: dict[str, Located] = {}
    budget, byte = Budget(limit), 0
    try:
        with zipfile.ZipFile(path) as file:
            held = {info.filename[:-4]: info for info in file.infolist() if info.filename.endswith(".npy")}
            headers = {}
            for name, info in held.items():
                byte = info.header_offset
                with file.open(info) as stream:
                    headers[name] = _header(path, stream, info.file_size, byte, f"{name!r} ")
            for name in choose(headers):
                byte = held[name].header_offset
                dtype, shape, _ = headers[name]
                budget.spend(math.prod(shape) * dtype.itemsize, f"array {name!r}")
                with file.open(held[name]) as stream:
                    out[name] = (_array(path, stream, held[name].file_size, byte, f"{name!r} "), byte)
    except FormatError as error:
        raise bad(path, byte, str(error), "read it with limit= where you trust the file") from None
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        OverflowError,
    ) as error:
        raise bad(path, byte, f"the archive cannot be read behind this byte ({error})") from None
    return out


def _header(path: Path, stream: BinaryIO | Any, size: int, byte: int, name: str) -> Header:
    """What an array is, of whose `size` bytes, header and values, a stream gives the first; it stands behind the header."""
    try:
        version = np.lib.format.read_magic(stream)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"version {version} of the layout")
        wide = 2 if version == (1, 0) else 4
        # NumPy would make room for whatever length is given here
        length = stream.read(wide)
        if int.from_bytes(length, "little") > MOST_HEADER:
            raise ValueError(f"its header has {int.from_bytes(length, 'little')} bytes")
        read = np.lib.format.read_array_header_1_0 if wide == 2 else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(io.BytesIO(length + stream.read(int.from_bytes(length, "little"))))
    except (
        ValueError,
        EOFError,
        SyntaxError,
        TypeError,
        KeyError,
        OverflowError,
        UnicodeDecodeError,
        RecursionError,
    ) as error:
        if isinstance(error, zipfile.BadZipFile):
            raise
        at = size if str(error).startswith("EOF") and not name else byte
        raise bad(path, at, f"array {name}has no header of NumPy's ({str(error)[:200]})") from None
    if dtype.hasobject:
        raise bad(path, byte, f"array {name}holds Python objects, which are never unpickled", "save it as numbers")
    if not dtype.itemsize:
        raise bad(path, byte, f"array {name}holds {dtype}, which has no bytes")
    start = stream.tell()
    want = math.prod(shape) * dtype.itemsize
    if any(n < 0 for n in shape) or size - start != want:
        what = f"array {name}is {dtype} {shape}, {want} bytes, and {size - start} follow its header"
        raise bad(path, byte if byte else min(size, start + max(want, 0)), what)
    return dtype, shape, fortran


def _array(path: Path, stream: BinaryIO | Any, size: int, byte: int, name: str) -> Array:
    """One array of `size` bytes, header and values, that begins at a byte of the file."""
    dtype, shape, fortran = _header(path, stream, size, byte, name)
    want = math.prod(shape) * dtype.itemsize
    values = bytearray()
    while piece := stream.read(min(PIECE, want - len(values) + 1)):
        values += piece
        if len(values) > want:
            break
    if len(values) != want:
        raise bad(path, byte, f"array {name}holds {len(values)} bytes, its header says {want}")
    try:
        return np.frombuffer(values, dtype).reshape(shape, order="F" if fortran else "C")
    except ValueError as error:
        raise DataError(f"{path}: byte {byte}: array {name}cannot be made ({error}); the file is damaged") from None
