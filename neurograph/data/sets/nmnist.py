"""N-MNIST: MNIST seen by an ATIS camera in three saccades (Orchard, Jayawant, Cohen, Thakor 2015)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neurograph.data.archives import Archive
from neurograph.data.event_set import EventSet
from neurograph.data.events.events import Events
from neurograph.data.events.write import atis_bin, moving_blob
from neurograph.data.example_pictures import example_labels

if TYPE_CHECKING:
    from neurograph.data.transforms import Transform

__all__ = ["NMnist"]

HOST = "https://data.mendeley.com/public-files/datasets/468j46mzdv/files"
TOPS = {"train": "Train", "test": "Test"}


class NMnist(EventSet):
    """60,000 + 10,000 recordings, 34x34, about 0.3 s: Train/<digit>/NNNNN.bin and Test/<digit>/NNNNN.bin.

    NNNNN counts MNIST's pictures of the split from 1, and the recordings are in that order. A folder with some of the files is read as well.
    Source: "Converting Static Image Datasets to Spiking Neuromorphic Datasets Using Saccades", Front. Neurosci. 9:437.
    Addresses and md5 as published with tonic.
    """

    name = "nmnist"
    aliases = ("n_mnist",)
    classes = tuple(str(digit) for digit in range(10))
    origin = "N-MNIST, https://www.garrickorchard.com/datasets/n-mnist"
    licence = "CC BY-SA 4.0"
    page = "https://www.garrickorchard.com/datasets/n-mnist"
    folders = ("nmnist", "NMNIST", "N-MNIST")
    layout = "it must hold Train/<digit>/NNNNN.bin and Test/<digit>/NNNNN.bin"
    sensor = (2, 34, 34)
    format = "atis-bin"
    archives = (
        Archive(
            "Train.zip",
            "Train",
            f"{HOST}/39c25547-014b-4137-a934-9d29fa53c7a0/file_downloaded",
            "20959b8e626244a1b502305a9e6e2031",
            split="train",
        ),
        Archive(
            "Test.zip",
            "Test",
            f"{HOST}/05a4d654-7e03-4c15-bdfa-9bb2bcbea494/file_downloaded",
            "69ca8762b2fe404d9b9bad1103e97832",
            split="test",
        ),
    )

    def present(self, folder: Path, split: str) -> bool:
        return (folder / TOPS[split]).is_dir()

    def index(self, folder: Path, split: str) -> list[tuple[str, int]]:
        top = folder / TOPS[split]
        found = [(path.name, label) for label in range(10) for path in (top / str(label)).glob("*.bin")]
        return [(f"{top.name}/{label}/{name}", label) for name, label in sorted(found)]

    def recording(self, folder: Path, key: str) -> Events:
        return self.read_file(folder / key)

    def augmentation(self, size: tuple[int, int]) -> Transform | None:
        """None: saccades of a digit are shifted already."""
        return None

    def write_example(self, folder: Path, count: int, rng: np.random.Generator) -> None:
        for top in TOPS.values():
            for number, label in enumerate(example_labels(count, 10), 1):
                place = folder / top / str(label)
                place.mkdir(parents=True, exist_ok=True)
                (place / f"{number:05d}.bin").write_bytes(atis_bin(moving_blob(int(label), 10, self.sensor, rng)))
