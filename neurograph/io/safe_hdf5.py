"""Reading HDF5 that anyone may have written: plain datasets inside the file, no larger than allowed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neurograph.errors import FormatError, NeuroGraphError
from neurograph.io.formats.format import Budget

Array = np.ndarray[Any, Any]
NUMBERS = "biuf"
CHUNK = 1 << 30  # bytes; HDF5 makes room for a whole chunk, however little of it there is


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


def member(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    """What lies at one name of a group, in this very file."""
    link = group.get(name, getlink=True)
    if link is None:
        raise FormatError(f"{group.name}: {name!r} is missing; it has {', '.join(list(group)[:12]) or 'nothing'}")
    if not isinstance(link, h5py.HardLink):
        raise FormatError(
            f"{group.name}: {name!r} is a {type(link).__name__}, which leads out of the file or in circles"
        )
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
    data = _dataset(group, name)
    if data.dtype.kind not in kinds or data.dtype.itemsize > 8:
        raise FormatError(f"{data.name} holds {data.dtype}, where numbers belong")
    budget.spend(math.prod(data.shape) * data.dtype.itemsize, data.name)
    return np.asarray(data[()])


def text_at(group: h5py.Group, name: str, budget: Budget) -> str:
    """The text of a dataset that holds one string."""
    data = _dataset(group, name)
    if data.shape != () or h5py.check_string_dtype(data.dtype) is None:
        raise FormatError(f"{data.name} holds {data.dtype} of shape {data.shape}, where one text belongs")
    budget.spend(max(data.dtype.itemsize, data.id.get_storage_size()), data.name)
    value = data[()]
    try:
        return value.decode() if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError as error:
        raise FormatError(f"{data.name} is no UTF-8 text: {error}") from None


def _dataset(group: h5py.Group, name: str) -> h5py.Dataset:
    data = member(group, name)
    if not isinstance(data, h5py.Dataset):
        raise FormatError(f"{data.name} is a group, where a dataset belongs")
    if data.is_virtual or data.external:
        raise FormatError(f"{data.name} takes its values from another file")
    if data.shape is None:
        raise FormatError(f"{data.name} is empty")
    if data.chunks is not None and math.prod(data.chunks) * data.dtype.itemsize > CHUNK:
        raise FormatError(f"{data.name} lies in chunks of {data.chunks}, and one chunk is read at a time")
    return data
