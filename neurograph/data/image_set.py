"""Data sets of pictures of one size."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from neurograph.data.data_set import DataSet
from neurograph.data.image_data import ImageData
from neurograph.errors import DataError

if TYPE_CHECKING:
    from neurograph.data.transforms import Transform

__all__ = ["ImageSet", "check_labels"]


class ImageSet(DataSet):
    """A data set of pictures, with the mean and deviation of its channels on the 0..1 scale."""

    holds = "pictures"
    mean: ClassVar[tuple[float, ...]]
    std: ClassVar[tuple[float, ...]]
    #: Whether a mirrored picture still shows what its label says.
    mirrors: ClassVar[bool] = True

    def open(self, folder: Path, split: str, limit: int | None, source: str) -> ImageData:
        images, labels = self.read(folder, split, limit)
        return ImageData(
            name=self.name,
            split=split,
            images=images,
            labels=labels,
            classes=self.class_names(folder),
            mean=self.mean,
            std=self.std,
            source=source,
        )

    def augmentation(self, size: tuple[int, int]) -> Transform | None:
        """A shift by up to an eighth of the width, and a mirror image where it shows the same."""
        from neurograph.data.transforms import Compose, HorizontalFlip, RandomCrop

        return Compose(RandomCrop(max(1, size[1] // 8)), *([HorizontalFlip()] if self.mirrors else []))

    def class_names(self, folder: Path) -> tuple[str, ...]:
        """Names of the classes, where the folder knows them better than the set."""
        return self.classes

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
