"""CIFAR-10: 50,000 + 10,000 colour pictures, 32x32 (Krizhevsky 2009), official binary layout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from neurograph.data.fetch import download, extract
from neurograph.data.image_set import ImageSet, check_labels
from neurograph.errors import DataError

__all__ = ["Cifar10"]

FILES = {
    "train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
    "test": ("test_batch.bin",),
}
SHAPE = (3, 32, 32)
RECORD = 1 + 3 * 32 * 32
ARCHIVE = "cifar-10-binary.tar.gz"


class Cifar10(ImageSet):
    """Records of one label byte and 3072 bytes (red, green, blue plane, row by row).

    Source: https://www.cs.toronto.edu/~kriz/cifar.html. A file may hold any whole number of
    records (10,000 in the official ones). The pickled Python layout is never opened.
    """

    name = "cifar10"
    classes = (
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    )
    # Over all pixels of the training split. The often copied (.2023, .1994, .2010) is the mean
    # of the deviations inside each picture, which is smaller.
    mean = (0.4914, 0.4822, 0.4465)
    std = (0.2470, 0.2435, 0.2616)
    address = f"https://www.cs.toronto.edu/~kriz/{ARCHIVE}"
    md5 = "c32a1d4ab5d03f1284b67883e8d87530"
    origin = "CIFAR-10, https://www.cs.toronto.edu/~kriz/cifar.html"
    folders = (
        "cifar-10-batches-bin",
        "cifar10/cifar-10-batches-bin",
        "cifar/cifar-10-batches-bin",
        "cifar10",
    )

    def present(self, folder: Path, split: str) -> bool:
        return any((folder / name).is_file() for name in FILES[split])

    def hint(self, roots: Sequence[Path]) -> str:
        pickled = ("cifar-10-batches-py", "cifar10/cifar-10-batches-py", "cifar10", ".")
        for root in roots:
            for sub in (*pickled, "cifar/cifar-10-batches-py"):
                if (root / sub / "data_batch_1").is_file() or (root / sub / "test_batch").is_file():
                    return (
                        f"Only the pickled Python layout is in {root / sub}, which is not opened "
                        "because a pickle can run any code; get the binary version "
                        f"({ARCHIVE}) and unpack it beside"
                    )
        return ""

    def fetch(self, folder: Path, *, verify: bool, progress: bool) -> None:
        archive = download(
            self.address,
            folder.parent / ARCHIVE,
            md5=self.md5 if verify else None,
            progress=progress,
        )
        names = [name for split in self.splits for name in FILES[split]]
        extract(archive, [f"cifar-10-batches-bin/{name}" for name in names], folder)
        archive.unlink()

    def read(self, folder: Path, split: str, limit: int | None) -> tuple[np.ndarray, np.ndarray]:
        missing = [name for name in FILES[split] if not (folder / name).is_file()]
        if missing:
            raise DataError(
                f"{folder}: {', '.join(missing)} missing; the split {split!r} needs "
                f"{', '.join(FILES[split])}; unpack {ARCHIVE} into this folder again"
            )
        paths = [folder / name for name in FILES[split]]
        counts = [_records(path) for path in paths]
        total = sum(counts) if limit is None else min(limit, sum(counts))
        images = np.empty((total, *SHAPE), dtype=np.uint8)
        labels = np.empty(total, dtype=np.int64)
        done = 0
        for path, count in zip(paths, counts, strict=True):
            take = min(count, total - done)
            if take == 0:
                break
            records = _read(path, take)
            check_labels(records[:, 0], len(self.classes), path, start=0, stride=RECORD)
            labels[done : done + take] = records[:, 0]
            images[done : done + take] = records[:, 1:].reshape(take, *SHAPE)
            done += take
        return images, labels


def _records(path: Path) -> int:
    size = path.stat().st_size
    count, rest = divmod(size, RECORD)
    if rest or not count:
        raise DataError(
            f"{path}: it has {size} bytes, that is {count} records and {rest} bytes from byte "
            f"{count * RECORD} on; it must be one or more whole records of {RECORD} bytes (label, "
            "3072 pixels); the file is damaged, get it again"
        )
    return count


def _read(path: Path, count: int) -> np.ndarray:
    try:
        return np.fromfile(path, dtype=np.uint8, count=count * RECORD).reshape(count, RECORD)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {count} records cannot be read ({error})") from error
