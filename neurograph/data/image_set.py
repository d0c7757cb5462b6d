"""What a data set must tell the registry; a subclass with a name registers itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from neurograph.errors import DataError

__all__ = ["ImageSet", "check_labels"]


class ImageSet(ABC):
    """A data set: its constants, where its files usually lie, how to fetch and read them.

    To add one, put a module with a subclass into ``neurograph/data``; nothing else changes.
    """

    known: ClassVar[dict[str, type[ImageSet]]] = {}

    #: Name for ``load``; a subclass without one is a shared reader and is not registered.
    name: ClassVar[str] = ""
    classes: ClassVar[tuple[str, ...]]
    mean: ClassVar[tuple[float, ...]]
    std: ClassVar[tuple[float, ...]]
    #: Where the data were published, for ImageData.source.
    origin: ClassVar[str]
    splits: ClassVar[tuple[str, ...]] = ("train", "test")
    #: Sub-folders to look into, the first being where a download goes; empty: no files needed.
    folders: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.name:
            return
        holder = ImageSet.known.get(cls.name)
        if holder is not None and holder.__module__ != cls.__module__:
            raise DataError(
                f"data set name {cls.name!r} is used by {holder.__module__} and {cls.__module__}; "
                "a name may be taken once; rename one of the two"
            )
        ImageSet.known[cls.name] = cls

    def locate(self, roots: Sequence[Path], split: str) -> Path | None:
        """First folder that holds at least one file of the split, or None.

        Sub-folders come before the root itself: two sets can share file names (MNIST and
        Fashion-MNIST), and a sub-folder says which of them it is.
        """
        for root in roots:
            for folder in (*(root / sub for sub in self.folders), root):
                if self.present(folder, split):
                    return folder
        return None

    def hint(self, roots: Sequence[Path]) -> str:
        """Extra sentence for the message that the files were not found."""
        return ""

    @abstractmethod
    def present(self, folder: Path, split: str) -> bool:
        """Whether the folder holds at least one file of the split."""

    @abstractmethod
    def fetch(self, folder: Path, *, verify: bool, progress: bool) -> None:
        """Download the official files into the folder; raises DownloadError or DataError."""

    @abstractmethod
    def read(self, folder: Path, split: str, limit: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Images uint8 [N, C, H, W] and labels int64 [N]; raises DataError for a bad file."""


def check_labels(labels: np.ndarray, classes: int, path: Path, start: int, stride: int) -> None:
    """Raise DataError naming the file byte of the first label outside ``0..classes-1``."""
    wrong = np.flatnonzero(labels >= classes)
    if wrong.size:
        index = int(wrong[0])
        raise DataError(
            f"{path}: byte {start + index * stride} is label {int(labels[index])} of record "
            f"{index}; labels must lie in 0..{classes - 1}; the file is damaged or of another "
            "data set, get it again"
        )
