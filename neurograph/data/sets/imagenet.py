"""ImageNet (ILSVRC2012), or any folder of class folders: 1,281,167 + 50,000 pictures (Russakovsky et al. 2015)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np

from neurograph.data.event_set import in_turn, natural
from neurograph.data.example_pictures import example_labels, example_pictures
from neurograph.data.fetch import DownloadError
from neurograph.data.image_set import ImageSet
from neurograph.data.picture_files import PictureFiles
from neurograph.errors import DataError

if TYPE_CHECKING:
    from neurograph.data.transforms import Transform

__all__ = ["ImageNet"]

ENDINGS = (".jpeg", ".jpg", ".png", ".bmp", ".webp", ".ppm")
TOPS = {"train": ("train",), "test": ("val", "validation", "test")}


class ImageNet(ImageSet):
    """train/<class>/*.JPEG and val/<class>/*.JPEG; classes are the folders of train/, sorted (WordNet ids in ImageNet).

    Pictures are read when they are asked for: the shorter side scaled to 256, the middle 224x224 (`size`, `shorter`).
    Random crops and scales belong to the transforms. The split "test" is the official validation split, in val/,
    validation/ or test/; its pictures must lie in class folders too. Needs Pillow, the extra `images`.

    Source: "ImageNet Large Scale Visual Recognition Challenge", IJCV 115:211.
    """

    name = "imagenet"
    aliases = ("ilsvrc2012", "image_folder")
    #: Those of the folder, of which this holds none; ask the data.
    classes = ()
    mean = (0.485, 0.456, 0.406)
    std = (0.229, 0.224, 0.225)
    origin = "ImageNet ILSVRC2012, https://image-net.org/challenges/LSVRC/2012/"
    licence = "ImageNet's terms of access: non-commercial research and teaching"
    page = "https://image-net.org/download.php"
    by_hand = "ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar, unpacked to train/<class>/ and val/<class>/,"
    folders = ("imagenet", "ImageNet", "ILSVRC2012")
    size: ClassVar[int] = 224
    shorter: ClassVar[int] = 256

    def augmentation(self, size: tuple[int, int]) -> Transform | None:
        """A random box of the picture, of 8 to 100 % of its area, brought to the size, and a mirror image."""
        from neurograph.data.transforms import Compose, HorizontalFlip, RandomResizedCrop

        return Compose(RandomResizedCrop(size), HorizontalFlip())

    def present(self, folder: Path, split: str) -> bool:
        top = self._top(folder, split)
        return top is not None and next(_folders(top), None) is not None

    def fetch(self, folder: Path, *, verify: bool, progress: bool) -> None:
        refused: DownloadError = self.refusal(folder)
        raise refused

    def _top(self, folder: Path, split: str) -> Path | None:
        return next((folder / name for name in TOPS[split] if (folder / name).is_dir()), None)

    def class_names(self, folder: Path) -> tuple[str, ...]:
        top = self._top(folder, "train") or self._top(folder, "test")
        return tuple(sorted(one.name for one in _folders(top))) if top else ()

    def read(self, folder: Path, split: str, limit: int | None) -> tuple[np.ndarray, np.ndarray]:
        top = self._top(folder, split)
        if top is None:
            raise DataError(f"{folder}: no folder {' or '.join(TOPS[split])} for the split {split!r}; put it there")
        names = {name: label for label, name in enumerate(self.class_names(folder))}
        classes = []
        for one in sorted(_folders(top)):
            if one.name not in names:
                raise DataError(
                    f"{one}: a class that train/ does not have; both splits must have the same class folders"
                )
            files = sorted((f.name for f in one.iterdir() if f.suffix.lower() in ENDINGS), key=natural)
            classes.append((names[one.name], [f"{one.name}/{file}" for file in files]))
        found = in_turn(classes)[:limit]
        if not found:
            raise DataError(f"{top}: no picture in its class folders; it must hold <class>/*.JPEG")
        images = PictureFiles([top / key for key, _ in found], self.size, self.shorter)
        # ImageData asks of the array its dtype, shape and places only
        return cast(np.ndarray, images), np.array([label for _, label in found], np.int64)

    def write_example(self, folder: Path, count: int, rng: np.random.Generator) -> None:
        from PIL import Image

        most = min(10, count)
        for top in ("train", "val"):
            labels = example_labels(count, most)
            for number, (label, picture) in enumerate(
                zip(labels, example_pictures(labels, most, (3, 240, 320), rng), strict=True)
            ):
                place = folder / top / f"n{1440764 + int(label):08d}"
                place.mkdir(parents=True, exist_ok=True)
                Image.fromarray(picture.transpose(1, 2, 0)).save(place / f"{place.name}_{number}.JPEG", quality=90)


def _folders(top: Path) -> Iterator[Path]:
    return (one for one in top.iterdir() if one.is_dir() and not one.name.startswith("."))
