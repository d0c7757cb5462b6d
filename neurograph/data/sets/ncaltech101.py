"""N-Caltech101: Caltech101 seen by an ATIS camera in three saccades (Orchard, Jayawant, Cohen, Thakor 2015)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neurograph.data.archives import Archive
from neurograph.data.event_set import EventSet, check_folders, in_turn, natural, recordings_for, split_of
from neurograph.data.events.events import Events
from neurograph.data.events.write import atis_bin, moving_blob
from neurograph.data.example_pictures import example_labels

if TYPE_CHECKING:
    from neurograph.data.transforms import Transform

__all__ = ["NCaltech101"]

NAMES = """
    Faces_easy Leopards Motorbikes accordion airplanes anchor ant barrel bass beaver binocular bonsai brain brontosaurus
    buddha butterfly camera cannon car_side ceiling_fan cellphone chair chandelier cougar_body cougar_face crab crayfish
    crocodile crocodile_head cup dalmatian dollar_bill dolphin dragonfly electric_guitar elephant emu euphonium ewer
    ferry flamingo flamingo_head garfield gerenuk gramophone grand_piano hawksbill headphone hedgehog helicopter ibis
    inline_skate joshua_tree kangaroo ketch lamp laptop llama lobster lotus mandolin mayfly menorah metronome minaret
    nautilus octopus okapi pagoda panda pigeon pizza platypus pyramid revolver rhino rooster saxophone schooner scissors
    scorpion sea_horse snoopy soccer_ball stapler starfish stegosaurus stop_sign strawberry sunflower tick trilobite
    umbrella watch water_lilly wheelchair wild_cat windsor_chair wrench yin_yang
"""


class NCaltech101(EventSet):
    """Recordings of up to 240x180 pixels: Caltech101/<class>/image_NNNN.bin, 100 classes of things.

    Its authors left out Caltech101's class "Faces", the same pictures as "Faces_easy", so 100 classes remain beside
    BACKGROUND_Google, which is pictures of anything and no class: it is not read. (BrainCog's commands say
    --num-classes 100 as well.) There is no official split; this one is BrainCog's, the first 90 % of each class to
    train and the rest to test, files in the order of their numbers. Classes have 31 to 800 recordings.

    Source: "Converting Static Image Datasets to Spiking Neuromorphic Datasets Using Saccades", Front. Neurosci. 9:437.
    md5 as published with SpikingJelly.
    """

    name = "ncaltech101"
    aliases = ("n_caltech101",)
    classes = tuple(NAMES.split())
    origin = "N-Caltech101, https://www.garrickorchard.com/datasets/n-caltech101"
    licence = "CC BY 4.0"
    page = "https://www.garrickorchard.com/datasets/n-caltech101 (https://data.mendeley.com/datasets/cy6cvx3ryv)"
    by_hand = "Caltech101.zip"
    folders = ("ncaltech101", "N-Caltech101", "NCALTECH101", "Caltech101")
    layout = "it must hold Caltech101/<class>/image_NNNN.bin"
    sensor = (2, 180, 240)
    format = "atis-bin"
    usual_size = (48, 48)
    archives = (Archive("Caltech101.zip", "Caltech101", md5="66201824eabb0239c7ab992480b50ba3"),)

    def present(self, folder: Path, split: str) -> bool:
        top = self.inside(folder, "Caltech101")
        return any(next((top / name).glob("*.bin"), None) is not None for name in self.classes)

    def index(self, folder: Path, split: str) -> list[tuple[str, int]]:
        top = self.inside(folder, "Caltech101")
        check_folders(top, self.classes)
        below = top.relative_to(folder).as_posix()
        classes = []
        for label, name in enumerate(self.classes):
            files = sorted((path.name for path in (top / name).glob("*.bin")), key=natural)
            classes.append((label, [f"{below}/{name}/{file}" for file in split_of(files, split)]))
        return in_turn(classes)

    def recording(self, folder: Path, key: str) -> Events:
        return self.read_file(folder / key)

    def augmentation(self, size: tuple[int, int]) -> Transform | None:
        """None, as in BrainCog."""
        return None

    def write_example(self, folder: Path, count: int, rng: np.random.Generator) -> None:
        for name in self.classes:
            (folder / "Caltech101" / name).mkdir(parents=True, exist_ok=True)
        for label, held in zip(*np.unique(example_labels(count, 100), return_counts=True), strict=True):
            place = folder / "Caltech101" / self.classes[label]
            for number in range(1, recordings_for(int(held)) + 1):
                events = moving_blob(int(label), 100, self.sensor, rng, count=2000)
                (place / f"image_{number:04d}.bin").write_bytes(atis_bin(events))
