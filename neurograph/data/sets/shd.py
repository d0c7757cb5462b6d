"""Spiking Heidelberg Digits: spoken digits through a model of the cochlea (Cramer, Stradmann, Schemmel, Zenke 2020)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neurograph.data.archives import Archive
from neurograph.data.event_set import EventSet
from neurograph.data.events.events import Events
from neurograph.data.events.write import moving_blob
from neurograph.data.example_pictures import example_labels
from neurograph.data.sets.intervals import decoded
from neurograph.errors import DataError

if TYPE_CHECKING:
    from neurograph.data.events.formats.spikes import SpikesFile
    from neurograph.data.transforms import Transform

__all__ = ["Shd"]

HOST = "https://zenkelab.org/datasets"
ENGLISH = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
GERMAN = ("null", "eins", "zwei", "drei", "vier", "fuenf", "sechs", "sieben", "acht", "neun")
CHANNELS = 700


class Shd(EventSet):
    """8,156 + 2,264 spoken digits in English and German as spikes of 700 channels, up to about 1.4 s; official split.

    shd_train.h5 and shd_test.h5 hold spikes/times (seconds) and spikes/units (channel 0..699), each a list a sample,
    and labels: 0..9 English, 10..19 German. Two speakers are in the test split only. A key is the file, '#' and the
    number of the sample. The channel is the column; there is one row and one polarity.

    Source: "The Heidelberg Spiking Data Sets for the Systematic Evaluation of Spiking Neural Networks", IEEE TNNLS
    33:2744. Addresses and md5 as published with tonic and SpikingJelly.
    """

    name = "shd"
    aliases = ("spiking_heidelberg_digits",)
    classes = ENGLISH + GERMAN
    origin = "Spiking Heidelberg Digits, https://zenkelab.org/resources/spiking-heidelberg-datasets-shd/"
    licence = "CC BY 4.0"
    page = "https://zenkelab.org/datasets/"
    folders = ("shd", "SHD", "hdspikes")
    layout = "it must hold shd_train.h5 and shd_test.h5"
    sensor = (1, 1, CHANNELS)
    usual_steps = 100
    archives = (
        Archive(
            "shd_train.h5.zip",
            "shd_train.h5",
            f"{HOST}/shd_train.h5.zip",
            "f3252aeb598ac776c1b526422d90eecb",
            others=("shd_train.h5.gz",),
            split="train",
        ),
        Archive(
            "shd_test.h5.zip",
            "shd_test.h5",
            f"{HOST}/shd_test.h5.zip",
            "1503a5064faa34311c398fb0a1ed0a6f",
            others=("shd_test.h5.gz",),
            split="test",
        ),
    )

    def present(self, folder: Path, split: str) -> bool:
        return (folder / f"shd_{split}.h5").is_file()

    def index(self, folder: Path, split: str) -> list[tuple[str, int]]:
        path = folder / f"shd_{split}.h5"
        labels = self._file(folder, path.name).labels
        wrong = np.flatnonzero((labels < 0) | (labels >= len(self.classes)))
        if wrong.size:
            raise DataError(
                f"{path}: sample {wrong[0]} has {f'the label {labels[wrong[0]]}' if labels[wrong[0]] >= 0 else 'no label'}; "
                "labels are 0..19; get it again"
            )
        return [(f"{path.name}#{number}", int(label)) for number, label in enumerate(labels)]

    def recording(self, folder: Path, key: str) -> Events:
        number = int(key.partition("#")[2])
        file = self._file(folder, key)
        events = file[number]
        if len(events) and (events.sensor != self.sensor or events.t[0] < 0):
            raise DataError(
                f"{file.path}: sample {number} has channels {events.x.min()}..{events.x.max()} from {events.t[0]} us on; "
                f"channels are 0..{CHANNELS - 1} and times not below 0; the file is damaged, get it again"
            )
        return events

    def _file(self, folder: Path, key: str) -> SpikesFile:
        """The file of a key, opened once for all samples of it."""
        from neurograph.data.events.formats.spikes import SpikesFile

        return decoded(folder / key.partition("#")[0], self.version(folder, key), SpikesFile)

    def augmentation(self, size: tuple[int, int]) -> Transform | None:
        """None: a shift of the channels would be another pitch."""
        return None

    def write_example(self, folder: Path, count: int, rng: np.random.Generator) -> None:
        import h5py

        folder.mkdir(parents=True, exist_ok=True)
        for split in self.splits:
            labels = example_labels(count, 20)
            blobs = [moving_blob(int(label), 20, self.sensor, rng, duration=900_000) for label in labels]
            with h5py.File(folder / f"shd_{split}.h5", "w") as file:
                times = file.create_dataset("spikes/times", count, h5py.vlen_dtype(np.float16))
                units = file.create_dataset("spikes/units", count, h5py.vlen_dtype(np.uint16))
                for place, blob in enumerate(blobs):
                    times[place], units[place] = (blob.t * 1e-6).astype(np.float16), blob.x
                file["labels"] = labels.astype(np.uint16)
                file["extra/keys"] = np.array([name.encode() for name in self.classes])
