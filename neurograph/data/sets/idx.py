"""Reader of the idx format shared by MNIST and Fashion-MNIST.

Layout (big endian): bytes 0-1 zero, byte 2 the type (8 = uint8), byte 3 the number of axes, then
one uint32 per axis, then the values. Source: http://yann.lecun.com/exdb/mnist/.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, ClassVar

import numpy as np

from neurograph.data.archives import alone
from neurograph.data.example_pictures import example_labels, example_pictures
from neurograph.data.fetch import download
from neurograph.data.image_set import ImageSet, check_labels
from neurograph.errors import DataError

__all__ = ["IdxSet", "read_idx"]

CHUNK = 1 << 22
STEMS = {"train": "train", "test": "t10k"}


def read_idx(path: Path, axes: int) -> np.ndarray:
    """Values of an idx file of uint8 with so many axes; memory-mapped unless it ends in .gz.

    Raises DataError naming the file, the byte and the rule that is broken.
    """
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rb") as stream:
                return _read_stream(stream, path, axes)
        with path.open("rb") as stream:
            shape = _header(stream, path, axes)
        start = 4 + 4 * axes
        want, have = start + _count(shape), path.stat().st_size
        if have != want:
            raise _length_error(path, shape, want, have)
        return np.memmap(path, dtype=np.uint8, mode="r", offset=start, shape=shape)
    except (EOFError, zlib.error, OSError) as error:
        raise DataError(f"{path}: it cannot be read to its end ({error}); the file is damaged, get it again") from error


def _read_stream(stream: BinaryIO | gzip.GzipFile, path: Path, axes: int) -> np.ndarray:
    shape = _header(stream, path, axes)
    start, count = 4 + 4 * axes, _count(shape)
    # In pieces, because a damaged header can promise more bytes than there is memory.
    values = bytearray()
    while len(values) <= count:
        piece = stream.read(min(CHUNK, count + 1 - len(values)))
        if not piece:
            break
        values += piece
    if len(values) != count:
        raise _length_error(path, shape, start + count, start + len(values))
    return np.frombuffer(values, dtype=np.uint8).reshape(shape)


def _header(stream: BinaryIO | gzip.GzipFile, path: Path, axes: int) -> tuple[int, ...]:
    head = stream.read(4 + 4 * axes)
    magic = bytes((0, 0, 8, axes))
    if head[:4] != magic:
        raise DataError(
            f"{path}: bytes 0-3 are {head[:4].hex(' ') or 'missing'}; an idx file of uint8 with "
            f"{axes} axes starts with {magic.hex(' ')}; get the file again"
        )
    if len(head) < 4 + 4 * axes:
        raise DataError(
            f"{path}: it ends at byte {len(head)} inside the header of {4 + 4 * axes} bytes; get the file again"
        )
    shape = struct.unpack(f">{axes}I", head[4:])
    if 0 in shape:
        raise DataError(f"{path}: bytes 4-{len(head) - 1} give the shape {shape}; a split must not be empty")
    return shape


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for extent in shape:
        count *= extent
    return count


def _length_error(path: Path, shape: tuple[int, ...], want: int, have: int) -> DataError:
    ending = f"it ends at byte {have}" if have < want else f"it goes on after byte {want}"
    return DataError(
        f"{path}: {ending}; its header gives the shape {shape}, which is {want} bytes; the file "
        "is damaged, get it again"
    )


class IdxSet(ImageSet):
    """Shared reader of 28x28 grey sets in four idx files, .gz or unpacked."""

    size: ClassVar[tuple[int, int]] = (28, 28)
    address: ClassVar[str]
    #: md5 of the official .gz files, by name without .gz.
    checksums: ClassVar[dict[str, str]]
    #: First ten official labels per split; they tell sets with equal file names apart.
    opening: ClassVar[dict[str, tuple[int, ...]]]

    def present(self, folder: Path, split: str) -> bool:
        return any(_file(folder, split, part) is not None for part in ("images", "labels"))

    def fetch(self, folder: Path, *, verify: bool, progress: bool) -> None:
        with alone(folder):
            for name, md5 in self.checksums.items():
                download(
                    f"{self.address}{name}.gz",
                    folder / f"{name}.gz",
                    md5=md5 if verify else None,
                    progress=progress,
                )

    def read(self, folder: Path, split: str, limit: int | None) -> tuple[np.ndarray, np.ndarray]:
        image_path, label_path = (self._need(folder, split, part) for part in ("images", "labels"))
        images, labels = read_idx(image_path, 3), read_idx(label_path, 1)
        if images.shape[1:] != self.size:
            raise DataError(
                f"{image_path}: bytes 8-15 give images of {images.shape[1]}x{images.shape[2]}; "
                f"{self.name} has {self.size[0]}x{self.size[1]}; get the right file"
            )
        if len(images) != len(labels):
            raise DataError(
                f"{image_path}: {len(images)} images, but {label_path} has {len(labels)} labels; "
                "the two must be of one split; get both again"
            )
        check_labels(labels, len(self.classes), label_path, start=8, stride=1)
        self._check_identity(labels, split, label_path)
        return images[:limit, None], labels[:limit].astype(np.int64)

    def write_example(self, folder: Path, count: int, rng: np.random.Generator) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for split in self.splits:
            labels = example_labels(count, len(self.classes))
            pictures = example_pictures(labels, len(self.classes), (1, *self.size), rng)[:, 0]
            for part, values in (("images", pictures), ("labels", labels.astype(np.uint8))):
                head = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
                (folder / _stems(split, part)[0]).write_bytes(head + values.tobytes())

    def _need(self, folder: Path, split: str, part: str) -> Path:
        path = _file(folder, split, part)
        if path is None:
            raise DataError(
                f"{folder}: {_stems(split, part)[0]} (or the same with .gz) is missing, while the "
                f"other file of the split {split!r} is there; put it into this folder"
            )
        return path

    def _check_identity(self, labels: np.ndarray, split: str, path: Path) -> None:
        start = tuple(int(label) for label in labels[:10])
        for other in ImageSet.known.values():
            if not issubclass(other, IdxSet) or isinstance(self, other):
                continue
            if start == other.opening[split]:
                raise DataError(
                    f"{path}: its first labels are those of {other.name}, not of {self.name}; the "
                    f"two share file names; name the folder of {self.name} with data_dir=..."
                )


def _stems(split: str, part: str) -> tuple[str, str]:
    axes = 3 if part == "images" else 1
    stem = f"{STEMS[split]}-{part}"
    return f"{stem}-idx{axes}-ubyte", f"{stem}.idx{axes}-ubyte"


def _file(folder: Path, split: str, part: str) -> Path | None:
    for stem in _stems(split, part):
        for path in (folder / stem, folder / f"{stem}.gz"):
            if path.is_file():
                return path
    return None
