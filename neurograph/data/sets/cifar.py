"""Reader of the binary records shared by CIFAR-10 and CIFAR-100 (Krizhevsky 2009)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from neurograph.data.archives import alone
from neurograph.data.example_pictures import example_labels, example_pictures
from neurograph.data.fetch import download, extract
from neurograph.data.image_set import ImageSet, check_labels
from neurograph.errors import DataError

__all__ = ["CifarSet"]

SHAPE = (3, 32, 32)
PIXELS = 3 * 32 * 32


class CifarSet(ImageSet):
    """Records of label bytes and 3072 pixels (red, green, blue plane, row by row).

    Source: https://www.cs.toronto.edu/~kriz/cifar.html. A file may hold any whole number of
    records (10,000 in the official ones of CIFAR-10). The pickled Python layout is never opened.
    """

    licence = (
        "none stated; free for research, cite Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images"
    )
    page = "https://www.cs.toronto.edu/~kriz/cifar.html"
    #: Files of a split, in order.
    files: ClassVar[dict[str, tuple[str, ...]]]
    #: How many values each label byte may take; the last one is the class.
    label_bytes: ClassVar[tuple[int, ...]]
    address: ClassVar[str]
    md5: ClassVar[str]
    #: The archive, the folder in it, and where the pickled version usually lies.
    archive: ClassVar[str]
    inner: ClassVar[str]
    pickled: ClassVar[tuple[str, ...]]
    #: Files of the pickled version, by which it is known.
    pickles: ClassVar[tuple[str, ...]]

    def present(self, folder: Path, split: str) -> bool:
        return any((folder / name).is_file() for name in self.files[split])

    def hint(self, roots: Sequence[Path]) -> str:
        for root in roots:
            for sub in self.pickled:
                if any((root / sub / name).is_file() for name in self.pickles):
                    return (
                        f"Only the pickled Python layout is in {root / sub}, which is not opened "
                        "because a pickle can run any code; get the binary version "
                        f"({self.archive}) and unpack it beside"
                    )
        return ""

    def fetch(self, folder: Path, *, verify: bool, progress: bool) -> None:
        names = [name for split in self.splits for name in self.files[split]]
        with alone(folder):
            if all((folder / name).is_file() for name in names):
                return  # another process did it meanwhile
            archive = download(
                self.address, folder.parent / self.archive, md5=self.md5 if verify else None, progress=progress
            )
            extract(archive, [f"{self.inner}/{name}" for name in names], folder)
            archive.unlink()

    def read(self, folder: Path, split: str, limit: int | None) -> tuple[np.ndarray, np.ndarray]:
        files = self.files[split]
        missing = [name for name in files if not (folder / name).is_file()]
        if missing:
            raise DataError(
                f"{folder}: {', '.join(missing)} missing; the split {split!r} needs "
                f"{', '.join(files)}; unpack {self.archive} into this folder again"
            )
        heads, record = len(self.label_bytes), len(self.label_bytes) + PIXELS
        paths = [folder / name for name in files]
        counts = [_records(path, record) for path in paths]
        total = sum(counts) if limit is None else min(limit, sum(counts))
        images = np.empty((total, *SHAPE), dtype=np.uint8)
        labels = np.empty(total, dtype=np.int64)
        done = 0
        for path, count in zip(paths, counts, strict=True):
            take = min(count, total - done)
            if take == 0:
                break
            records = _read(path, take, record)
            for place, most in enumerate(self.label_bytes):
                check_labels(records[:, place], most, path, start=place, stride=record)
            labels[done : done + take] = records[:, heads - 1]
            images[done : done + take] = records[:, heads:].reshape(take, *SHAPE)
            done += take
        return images, labels

    def write_example(self, folder: Path, count: int, rng: np.random.Generator) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for files in self.files.values():
            labels = example_labels(max(count, len(files)), len(self.classes))
            pictures = example_pictures(labels, len(self.classes), SHAPE, rng).reshape(len(labels), PIXELS)
            heads = [labels * most // len(self.classes) for most in self.label_bytes]
            records = np.column_stack([*heads, pictures]).astype(np.uint8)
            for name, part in zip(files, np.array_split(records, len(files)), strict=True):
                (folder / name).write_bytes(part.tobytes())


def _records(path: Path, record: int) -> int:
    size = path.stat().st_size
    count, rest = divmod(size, record)
    if rest or not count:
        raise DataError(
            f"{path}: it has {size} bytes, that is {count} records and {rest} bytes from byte "
            f"{count * record} on; it must be one or more whole records of {record} bytes (label, "
            f"{PIXELS} pixels); the file is damaged, get it again"
        )
    return count


def _read(path: Path, count: int, record: int) -> np.ndarray:
    try:
        return np.fromfile(path, dtype=np.uint8, count=count * record).reshape(count, record)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {count} records cannot be read ({error})") from error
