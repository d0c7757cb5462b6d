"""What probes record: spikes packed eight to a byte, other values as they are; in memory or to an HDF5 file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neurograph.errors import DataError

Array = np.ndarray[Any, Any]


class Recording:
    """One recorded variable, step after step. `array()` gives [T, N, ...]; `count()` sums spikes over all."""

    def __init__(self, key: str):
        self.key = key
        self._parts: list[Array] = []
        self._packed: bool | None = None
        self._shape: tuple[int, ...] = ()
        self._dtype: Any = None
        self.steps = 0

    def append(self, values: Array) -> None:
        """Add steps [t, N, ...]. Values of 0 and 1 alone are kept as bits."""
        binary = bool(np.all((values == 0) | (values == 1)))
        if self._packed is None:
            self._packed, self._shape, self._dtype = binary, values.shape[1:], values.dtype
        elif self._packed and not binary:  # a later step shows that these were no spikes
            self._parts = [self._unpack(p) for p in self._parts]
            self._packed = False
        flat = values.reshape(len(values), -1)
        self._parts.append(np.packbits(flat.astype(bool), axis=1) if self._packed else flat.copy())
        self.steps += len(values)

    def _unpack(self, part: Array) -> Array:
        size = int(np.prod(self._shape))
        return np.unpackbits(part, axis=1, count=size).astype(self._dtype)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(p.nbytes for p in self._parts)

    @property
    def packed(self) -> bool:
        """Whether the values are kept as bits."""
        return bool(self._packed)

    def array(self) -> Array:
        """All recorded steps as [T, N, ...]."""
        if not self._parts:
            raise DataError(f"nothing was recorded of {self.key!r} yet; run the program first")
        parts = [self._unpack(p) if self._packed else p for p in self._parts]
        return np.concatenate(parts).reshape(self.steps, *self._shape)

    def count(self) -> int:
        """The number of spikes (values that are not 0)."""
        if self._packed:
            return int(sum(int(np.bitwise_count(p).sum()) for p in self._parts))
        return int(sum(np.count_nonzero(p) for p in self._parts))


class Recorder:
    """Collects the probes of one run, in memory, or streamed to `path` (HDF5) with bounded memory."""

    def __init__(self, path: str | Path | None = None):
        self.recordings: dict[str, Recording] = {}
        self._file: Any = None
        if path is not None:
            import h5py

            self._file = h5py.File(path, "w")

    def add(self, key: str, values: Any) -> None:
        if hasattr(values, "detach"):
            values = values.detach().cpu()
            values = (values.float() if values.dtype.itemsize < 4 else values).numpy()  # NumPy has no bfloat16
        array = np.asarray(values)
        if self._file is not None:
            self._stream(key, array)
        else:
            self.recordings.setdefault(key, Recording(key)).append(array)

    def _stream(self, key: str, array: Array) -> None:
        name = key.replace(".", "/")
        binary = key.endswith("spike") and bool(np.all((array == 0) | (array == 1)))
        rows = array.reshape(len(array), -1)
        if name in self._file and self._file[name].attrs["packed"] and not binary:
            # a later step shows that these were no spikes
            before = np.unpackbits(self._file[name][...], axis=1, count=rows.shape[1])
            del self._file[name]
            rows = np.concatenate([before.astype(array.dtype), rows])
        if name not in self._file:
            width = -(-rows.shape[1] // 8) if binary else rows.shape[1]
            made = self._file.create_dataset(
                name, (0, width), maxshape=(None, width), dtype=np.uint8 if binary else array.dtype, chunks=True
            )
            made.attrs["shape"], made.attrs["packed"] = array.shape[1:], binary
        data = self._file[name]
        rows = np.packbits(rows.astype(bool), axis=1) if data.attrs["packed"] else rows
        data.resize(data.shape[0] + len(rows), axis=0)
        data[-len(rows) :] = rows
        self._file.flush()

    def close(self) -> Mapping[str, Recording]:
        if self._file is not None:
            self._file.close()
            self._file = None
        return self.recordings


def read_recording(path: str | Path, key: str) -> Array:
    """The steps [T, N, ...] of one variable in a file that a run streamed to."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            data = file[key.replace(".", "/")]
            rows, shape = data[...], tuple(data.attrs["shape"])
            if data.attrs["packed"]:
                rows = np.unpackbits(rows, axis=1, count=int(np.prod(shape))).astype(np.float32)
            return rows.reshape(len(rows), *shape)  # type: ignore[no-any-return]
    except (OSError, KeyError) as error:
        raise DataError(f"{path}: no recording of {key!r} can be read ({error})") from None
