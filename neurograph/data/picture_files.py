"""Pictures in files, decoded when they are asked for, in threads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from neurograph.errors import DataError

__all__ = ["PictureFiles", "read_picture"]

THREADS = min(16, os.cpu_count() or 1)


def read_picture(path: Path, size: int, shorter: int) -> np.ndarray:
    """uint8 [3, size, size]: the shorter side scaled to `shorter` (bilinear), then the middle; raises DataError."""
    try:
        from PIL import Image
    except ImportError as error:
        raise DataError("pictures in files need Pillow: pip install 'neurograph[images]'") from error
    try:
        with Image.open(path) as file:
            file.draft("RGB", (shorter, shorter))  # JPEG decodes straight to a half, a quarter or an eighth
            picture = file.convert("RGB")
            scale = shorter / min(picture.size)
            width, height = (max(shorter, round(side * scale)) for side in picture.size)
            picture = picture.resize((width, height), Image.Resampling.BILINEAR)
            left, top = (width - size) // 2, (height - size) // 2
            pixels = np.asarray(picture.crop((left, top, left + size, top + size)))
    except Exception as error:  # what a damaged picture makes the decoders raise is not limited
        raise DataError(f"{path}: it cannot be read as a picture ({error}); it is damaged, get it again") from error
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


class PictureFiles:
    """What behaves like a uint8 array [N, 3, size, size] of pictures, read when it is indexed.

    A slice is again one of these; a number gives one picture, places or a mask give an array. A picture that cannot be
    read is a DataError naming its file.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, paths: Sequence[Path], size: int, shorter: int) -> None:
        if not 0 < size <= shorter:
            raise DataError(f"PictureFiles: size {size} of a shorter side of {shorter}; give 0 < size <= shorter side")
        self.paths = paths
        self.size = size
        self.shorter = shorter

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return (len(self.paths), 3, self.size, self.size)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, chosen: object) -> np.ndarray | PictureFiles:
        if isinstance(chosen, slice):
            return PictureFiles(self.paths[chosen], self.size, self.shorter)
        if isinstance(chosen, int | np.integer):
            return read_picture(self.paths[int(chosen)], self.size, self.shorter)
        return self._read(np.arange(len(self))[np.asarray(chosen)])

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        return self._read(np.arange(len(self))).astype(dtype or np.uint8, copy=False)  # type: ignore[call-overload, no-any-return]

    def _read(self, places: np.ndarray) -> np.ndarray:
        out = np.empty((len(places), *self.shape[1:]), np.uint8)
        if not len(places):
            return out

        def one(row: int) -> None:
            out[row] = read_picture(self.paths[int(places[row])], self.size, self.shorter)

        with ThreadPoolExecutor(min(THREADS, len(places))) as threads:  # Pillow lets other threads run as it decodes
            list(threads.map(one, range(len(places))))
        return out
