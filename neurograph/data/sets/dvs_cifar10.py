"""CIFAR10-DVS: 10,000 pictures of CIFAR-10 moved before a DVS128 camera (Li, Liu, Ji, Li, Shi 2017)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neurograph.data.archives import Archive
from neurograph.data.event_set import EventSet, check_folders, in_turn, natural, recordings_for, split_of
from neurograph.data.events.events import Events
from neurograph.data.events.write import aedat2_dvs128, moving_blob
from neurograph.data.example_pictures import example_labels
from neurograph.data.sets.cifar10 import Cifar10

if TYPE_CHECKING:
    from neurograph.data.transforms import Transform

__all__ = ["DvsCifar10"]

#: Number of the file on the host, and md5, as published with SpikingJelly.
FILES = {
    "airplane": ("7712788", "0afd5c4bf9ae06af762a77b180354fdd"),
    "automobile": ("7712791", "8438dfeba3bc970c94962d995b1b9bdd"),
    "bird": ("7712794", "a9c207c91c55b9dc2002dc21c684d785"),
    "cat": ("7712812", "52c63c677c2b15fa5146a8daf4d56687"),
    "deer": ("7712815", "b6bf21f6c04d21ba4e23fc3e36c8a4a3"),
    "dog": ("7712818", "f379ebdf6703d16e0a690782e62639c3"),
    "frog": ("7712842", "cad6ed91214b1c7388a5f6ee56d08803"),
    "horse": ("7712851", "e7cbbf77bec584ffbf913f00e682782a"),
    "ship": ("7712836", "41c7bd7d6b251be82557c6cce9a7d5c9"),
    "truck": ("7712839", "89f3922fd147d9aeff89e76a2b0b70a7"),
}


class DvsCifar10(EventSet):
    """1,000 recordings a class, 128x128, about 1.3 s: <class>/cifar10_<class>_<k>.aedat (AEDAT 2.0).

    There is no official split; this one is BrainCog's, the first 90 % of each class to train and the last 10 % to
    test, files in the order of their numbers. The camera stood on its side: pictures are turned upright, as in
    SpikingJelly, x = 127 - y and y = 127 - x of the address; its polarity bit is 0 where it became brighter.

    Source: "CIFAR10-DVS: An Event-Stream Dataset for Object Classification", Front. Neurosci. 11:309.
    """

    name = "dvs_cifar10"
    aliases = ("dvsc10", "cifar10_dvs")
    classes = Cifar10.classes
    origin = "CIFAR10-DVS, https://figshare.com/articles/dataset/CIFAR10-DVS_New/4724671"
    licence = "stated at its page at figshare"
    page = "https://figshare.com/articles/dataset/CIFAR10-DVS_New/4724671"
    folders = ("dvs_cifar10", "CIFAR10DVS", "CIFAR10-DVS", "DVS_Cifar10")
    layout = "it must hold <class>/cifar10_<class>_<k>.aedat"
    sensor = (2, 128, 128)
    usual_size = (48, 48)
    format = "aedat2"
    archives = tuple(
        Archive(f"{name}.zip", name, f"https://ndownloader.figshare.com/files/{number}", md5)
        for name, (number, md5) in FILES.items()
    )

    def present(self, folder: Path, split: str) -> bool:
        return any(next((folder / name).glob("*.aedat"), None) is not None for name in self.classes)

    def index(self, folder: Path, split: str) -> list[tuple[str, int]]:
        check_folders(folder, self.classes)
        classes = []
        for label, name in enumerate(self.classes):
            files = sorted((path.name for path in (folder / name).glob("*.aedat")), key=natural)
            classes.append((label, [f"{name}/{file}" for file in split_of(files, split)]))
        return in_turn(classes)

    def recording(self, folder: Path, key: str) -> Events:
        events = self.read_file(folder / key, chip="dvs128")
        # the reader turned the rows over and leaves columns and polarity as the camera sends them
        return replace(events, x=events.y, y=127 - events.x, p=1 - events.p)

    def augmentation(self, size: tuple[int, int]) -> Transform | None:
        """A shift by up to a twelfth of the width, a mirror image and a turn by up to 15 degrees, as in BrainCog."""
        from neurograph.data.transforms import Compose, HorizontalFlip, RandomAffine, RandomCrop

        return Compose(RandomCrop(max(1, size[1] // 12)), HorizontalFlip(), RandomAffine(15.0))

    def write_example(self, folder: Path, count: int, rng: np.random.Generator) -> None:
        for name in self.classes:
            (folder / name).mkdir(parents=True, exist_ok=True)
        for label, held in zip(*np.unique(example_labels(count, 10), return_counts=True), strict=True):
            name = self.classes[label]
            for number in range(recordings_for(int(held))):
                events = moving_blob(int(label), 10, self.sensor, rng, duration=1_300_000)
                turned = replace(events, x=127 - events.y, y=127 - events.x, p=1 - events.p)
                (folder / name / f"cifar10_{name}_{number}.aedat").write_bytes(aedat2_dvs128(turned))
