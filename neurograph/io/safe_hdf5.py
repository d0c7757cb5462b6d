"""Reading HDF5 that anyone may have written: plain datasets inside the file, no larger than allowed.

Compressed values are unpacked here and not by the HDF5 library, whose gzip filter makes room for whatever a chunk unpacks
to, however small the dataset says it is. Texts are read here too: in a damaged heap of texts the library can turn forever.
"""

from __future__ import annotations

import itertools
import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

from neurograph.errors import FormatError, NeuroGraphError
from neurograph.io.formats.format import Budget

Array = np.ndarray[Any, Any]
NUMBERS = "biuf"
_UNPACKED = (h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE)


@contextmanager
def opened(path: Path, what: str) -> Iterator[h5py.File]:
    """A file to read; whatever HDF5 says of a malformed one is a FormatError."""
    try:
        with h5py.File(path, "r") as file:
            yield file
    except NeuroGraphError:
        raise
    except RecursionError:
        raise FormatError(f"{path}: groups lie within groups too deeply") from None
    except Exception as error:  # a damaged file can make HDF5 raise anything
        raise FormatError(f"{path}: it cannot be read as {what} ({error}); it may be damaged or cut short") from None


def has(group: h5py.Group, name: str) -> bool:
    """Whether a group has something of this name; a link is not followed, as `in` would."""
    return bool(group.id.links.exists(name.encode()))


def member(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    """What lies at one name of a group, in this very file."""
    if not has(group, name):
        raise FormatError(f"{group.name}: {name!r} is missing; it has {', '.join(list(group)[:12]) or 'nothing'}")
    if group.id.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
        raise FormatError(f"{group.name}: {name!r} is a link, which leads out of the file or in circles")
    found = group[name]
    if not isinstance(found, h5py.Group | h5py.Dataset):
        raise FormatError(f"{group.name}: {name!r} is neither a group nor a dataset")
    return found


def group_at(group: h5py.Group, name: str) -> h5py.Group:
    found = member(group, name)
    if not isinstance(found, h5py.Group):
        raise FormatError(f"{found.name} is a dataset, where a group belongs")
    return found


def array_at(group: h5py.Group, name: str, budget: Budget, kinds: str = NUMBERS) -> Array:
    """The numbers of a dataset: inside the file, of the declared size, which the budget allows."""
    data = _dataset(group, name, budget)
    if data.dtype.kind not in kinds or data.dtype.itemsize > 8:
        raise FormatError(f"{data.name} holds {data.dtype}, where numbers belong")
    size = math.prod(data.shape) * data.dtype.itemsize
    budget.spend(size, data.name)
    stored = data.id.get_storage_size()
    if stored > data.file.id.get_filesize():
        raise FormatError(f"{data.name} holds {stored:,} bytes, more than the file")
    if data.chunks is None or data.id.get_create_plist().get_nfilters() == 0:
        if stored < size:
            raise FormatError(f"{data.name} declares {size:,} bytes and holds {stored:,}")
        return np.asarray(data[()])
    return _unpacked(data)


def text_at(group: h5py.Group, name: str, budget: Budget) -> str:
    """The text of a dataset that holds one string."""
    data = _dataset(group, name, budget)
    if data.shape != () or h5py.check_string_dtype(data.dtype) is None:
        raise FormatError(f"{data.name} holds {data.dtype} of shape {data.shape}, where one text belongs")
    (text,) = texts_of(data, budget)
    return text


def texts_of(data: h5py.Dataset, budget: Budget) -> list[str]:
    """The texts of a dataset of strings, in C order."""
    count, kind = math.prod(data.shape), h5py.check_string_dtype(data.dtype)
    each = _REFERENCE.size if kind is None or kind.length is None else kind.length
    start, size = data.id.get_offset(), data.file.id.get_filesize()
    if start is None or kind is None or count * each > size or data.id.get_storage_size() != count * each:
        raise FormatError(f"{data.name} does not hold its {count:,} texts in one piece")
    out = []
    with open(data.file.filename, "rb") as stream:
        base = data.file.userblock_size
        stream.seek(start)
        for held in [stream.read(each) for _ in range(count)]:
            raw = held.rstrip(b"\0") if each == kind.length else _from_heap(stream, base, held, budget, data.name)
            try:
                out.append(raw.decode())
            except UnicodeDecodeError as error:
                raise FormatError(f"{data.name} is no UTF-8 text: {error}") from None
    return out


def _from_heap(stream: BinaryIO, base: int, reference: bytes, budget: Budget, name: str) -> bytes:
    """A text of any length, which a reference finds in a heap: (length, address of the heap, number in it)."""
    wrong = FormatError(f"{name}: the heap that holds its text is damaged")
    if len(reference) != _REFERENCE.size:
        raise wrong
    length, address, number = _REFERENCE.unpack(reference)
    if length == 0:
        return b""
    if address >= 1 << 62:
        raise wrong
    stream.seek(base + address)
    head = stream.read(_HEAP.size)
    if len(head) < _HEAP.size:
        raise wrong
    mark, _, size = _HEAP.unpack(head)
    at = _HEAP.size
    while mark == b"GCOL" and at + _OBJECT.size <= size:
        stream.seek(base + address + at)
        head = stream.read(_OBJECT.size)
        if len(head) < _OBJECT.size:
            break
        found, _, room = _OBJECT.unpack(head)
        if found == number and found:
            if not length <= room <= size:
                break
            budget.spend(length, name)
            text = stream.read(length)
            if len(text) < length:
                break
            return text
        if not found:  # what is free, to the end
            break
        at += _OBJECT.size + -(-room // 8) * 8
    raise wrong


_REFERENCE = struct.Struct("<IQI")
_HEAP = struct.Struct("<4sIQ")  # mark, version, size
_OBJECT = struct.Struct("<HHxxxxQ")  # number, uses, size


def _dataset(group: h5py.Group, name: str, budget: Budget) -> h5py.Dataset:
    data = member(group, name)
    if not isinstance(data, h5py.Dataset):
        raise FormatError(f"{data.name} is a group, where a dataset belongs")
    if data.is_virtual or data.external:
        raise FormatError(f"{data.name} takes its values from another file")
    if data.shape is None:
        raise FormatError(f"{data.name} is empty")
    chunk = 0 if data.chunks is None else math.prod(data.chunks) * data.dtype.itemsize
    if chunk > budget.limit:
        raise FormatError(f"{data.name} lies in chunks of {chunk:,} bytes, and the limit is {budget.limit:,}")
    return data


def _unpacked(data: h5py.Dataset) -> Array:
    """The values of a dataset in chunks of gzip, each unpacked to its size and no further."""
    plist, chunks = data.id.get_create_plist(), data.chunks
    filters = [plist.get_filter(k)[0] for k in range(plist.get_nfilters())]
    if any(f not in _UNPACKED for f in filters) or filters != sorted(set(filters), key=_UNPACKED.index):
        raise FormatError(f"{data.name} is packed by filters {filters}; gzip and shuffle are read")
    grid = [range(-(-n // c)) for n, c in zip(data.shape, chunks, strict=True)]
    count, held = math.prod(map(len, grid)), data.id.get_num_chunks()
    if count != held:
        raise FormatError(f"{data.name} has {count} chunks, and {held} of them are in the file")
    out = np.empty(data.shape, data.dtype)
    for place in itertools.product(*grid):
        first = tuple(k * c for k, c in zip(place, chunks, strict=True))
        mask, packed = data.id.read_direct_chunk(first)
        piece = _piece(packed, [f for k, f in enumerate(filters) if not mask >> k & 1], data)
        inside = tuple(slice(a, min(a + c, n)) for a, c, n in zip(first, chunks, data.shape, strict=True))
        out[inside] = piece[tuple(slice(0, s.stop - s.start) for s in inside)]
    return out


def _piece(packed: bytes, filters: list[int], data: h5py.Dataset) -> Array:
    """One chunk of the size that the dataset says."""
    dtype, size = data.dtype, math.prod(data.chunks) * data.dtype.itemsize
    if h5py.h5z.FILTER_DEFLATE in filters:
        stream = zlib.decompressobj()
        try:
            packed = stream.decompress(packed, size + 1)
        except zlib.error as error:
            raise FormatError(f"{data.name}: a chunk cannot be unpacked: {error}") from None
    if len(packed) != size:
        raise FormatError(
            f"{data.name}: a chunk unpacks to {'more' if len(packed) > size else 'less'} than {size:,} bytes"
        )
    raw = np.frombuffer(packed, np.uint8)
    if h5py.h5z.FILTER_SHUFFLE in filters:
        raw = np.ascontiguousarray(raw.reshape(dtype.itemsize, -1).T).reshape(-1)
    return (raw != 0 if dtype.kind == "b" else raw.view(dtype)).reshape(data.chunks)
