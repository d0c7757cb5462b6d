"""N-Omniglot: handwriting of 1,623 characters replayed before a DAVIS346 camera (Li, Dong, Zhao, Zeng 2022)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from neurograph.data.event_set import EventSet
from neurograph.data.events.events import Events
from neurograph.data.events.write import aedat4, moving_blob
from neurograph.data.example_pictures import example_labels
from neurograph.data.sets.intervals import between, decoded, read_table, row_of
from neurograph.errors import DataError

if TYPE_CHECKING:
    from neurograph.data.transforms import Transform

__all__ = ["NOmniglot"]

#: Alphabets and their numbers of characters, those of Omniglot (Lake, Salakhutdinov, Tenenbaum 2015): 964 and 659.
BACKGROUND = {
    "Alphabet_of_the_Magi": 20,
    "Anglo-Saxon_Futhorc": 29,
    "Arcadian": 26,
    "Armenian": 41,
    "Asomtavruli_(Georgian)": 40,
    "Balinese": 24,
    "Bengali": 46,
    "Blackfoot_(Canadian_Aboriginal_Syllabics)": 14,
    "Braille": 26,
    "Burmese_(Myanmar)": 34,
    "Cyrillic": 33,
    "Early_Aramaic": 22,
    "Futurama": 26,
    "Grantha": 43,
    "Greek": 24,
    "Gujarati": 48,
    "Hebrew": 22,
    "Inuktitut_(Canadian_Aboriginal_Syllabics)": 16,
    "Japanese_(hiragana)": 52,
    "Japanese_(katakana)": 47,
    "Korean": 40,
    "Latin": 26,
    "Malay_(Jawi_-_Arabic)": 40,
    "Mkhedruli_(Georgian)": 41,
    "N_Ko": 33,
    "Ojibwe_(Canadian_Aboriginal_Syllabics)": 14,
    "Sanskrit": 42,
    "Syriac_(Estrangelo)": 23,
    "Tagalog": 17,
    "Tifinagh": 55,
}
EVALUATION = {
    "Angelic": 20,
    "Atemayar_Qelisayer": 26,
    "Atlantean": 26,
    "Aurek-Besh": 26,
    "Avesta": 26,
    "Ge_ez": 26,
    "Glagolitic": 45,
    "Gurmukhi": 45,
    "Kannada": 41,
    "Keble": 26,
    "Malayalam": 47,
    "Manipuri": 40,
    "Mongolian": 30,
    "Old_Church_Slavonic_(Cyrillic)": 45,
    "Oriya": 46,
    "Sylheti": 28,
    "Syriac_(Serto)": 23,
    "Tengwar": 25,
    "Tibetan": 42,
    "ULOG": 26,
}
#: Folders that the published archives unpack to; the background comes in two.
TOPS = ("dvs_background", "dvs_background_1", "dvs_background_2", "dvs_evaluation")
WRITERS, TRAIN = 20, 15
#: The screen within the camera's picture: columns and rows from these on, and how many.
LEFT, TOP, SIDE = 54, 4, 250
CAMERA = (2, 260, 346)


class NOmniglot(EventSet):
    """dvs_background/<alphabet>/characterNN/NNNN.aedat4 holds one character drawn by 20 people, beside it NNNN.csv.

    The table has a title line and a line for each drawing: its number, the time of the first event and the time after
    the last, in microseconds. A sample is one drawing; its key is the file, '#' and the row. The class is the character.

    Splits: "background" (30 alphabets, classes 0..963) and "evaluation" (20 alphabets, 964..1622) are the official
    ones, for learning from few samples; "train" and "test", for classification among all 1,623 characters, are
    BrainCog's: the first 15 and the last 5 drawings of each. Pictures are cut to the screen as in BrainCog: rows 4 to
    253 and columns 54 to 303 of 260x346. The archives are .rar, which nothing here unpacks.

    Source: "N-Omniglot, a large-scale neuromorphic dataset for spatio-temporal sparse few-shot learning", Sci. Data 9:746.
    """

    name = "nomniglot"
    aliases = ("n_omniglot",)
    splits = ("train", "test", "background", "evaluation")
    classes = tuple(
        f"{alphabet}/character{number:02d}"
        for alphabets in (BACKGROUND, EVALUATION)
        for alphabet, count in alphabets.items()
        for number in range(1, count + 1)
    )
    origin = "N-Omniglot, https://figshare.com/articles/dataset/N-Omniglot/16821427"
    licence = "stated at its page at figshare"
    page = "https://figshare.com/articles/dataset/N-Omniglot/16821427"
    by_hand = "dvs_background_1.rar, dvs_background_2.rar and dvs_evaluation.rar, unpacked,"
    folders = ("nomniglot", "N-Omniglot", "NOmniglot")
    layout = "it must hold dvs_background/ and dvs_evaluation/ with <alphabet>/characterNN/NNNN.aedat4 and NNNN.csv"
    sensor = (2, SIDE, SIDE)
    format = "aedat4"
    usual_size = (28, 28)
    usual_steps = 4

    def present(self, folder: Path, split: str) -> bool:
        wanted = {"background": TOPS[:3], "evaluation": TOPS[3:]}.get(split, TOPS)
        return any((folder / top).is_dir() for top in wanted)

    def index(self, folder: Path, split: str) -> list[tuple[str, int]]:
        tops = [top for top in TOPS if (folder / top).is_dir()]
        if (split != "background" and TOPS[3] not in tops) or (split != "evaluation" and not set(tops) & set(TOPS[:3])):
            raise DataError(f"{folder}: it has {', '.join(tops)} only; the split {split!r} needs more: {self.layout}")
        first, last = {"background": (0, 964), "evaluation": (964, 1623)}.get(split, (0, 1623))
        rows = {"train": range(TRAIN), "test": range(TRAIN, WRITERS)}.get(split, range(WRITERS))
        found = []
        for label in range(first, last):
            for top in tops:
                files = sorted((folder / top / self.classes[label]).glob("*.aedat4"))
                if len(files) > 1:
                    raise DataError(
                        f"{files[0].parent}: {len(files)} recordings; a character has one; keep one of them"
                    )
                if files:
                    key = files[0].relative_to(folder).as_posix()
                    held = len(self._table(files[0]))
                    found += [(f"{key}#{row}", label) for row in rows if row < held]
        return found

    def recording(self, folder: Path, key: str) -> Events:
        name, _, row = key.partition("#")
        path = folder / name
        _, start, end = row_of(path.with_suffix(".csv"), 3, int(row))
        events = between(decoded(path, super().version(folder, key), self._read), start, end, f"{path}, drawing {row}")
        left, top = events.x.astype(np.int64) - LEFT, events.y.astype(np.int64) - TOP
        shown = (left >= 0) & (left < SIDE) & (top >= 0) & (top < SIDE)
        moved = replace(events, x=left.astype(np.uint16), y=top.astype(np.uint16))
        return replace(moved.part(shown), sensor=self.sensor)

    def version(self, folder: Path, key: str) -> str:
        table = (folder / key.partition("#")[0]).with_suffix(".csv")
        return f"{super().version(folder, key)} {super().version(table.parent, table.name)}"

    def _table(self, path: Path) -> list[tuple[int, ...]]:
        return read_table(path.with_suffix(".csv"), 3)

    def _read(self, path: Path) -> Events:
        return self.read_file(path, sensor=CAMERA)

    def augmentation(self, size: tuple[int, int]) -> Transform | None:
        """None: characters are told apart by where their strokes are."""
        return None

    def write_example(self, folder: Path, count: int, rng: np.random.Generator) -> None:
        """Every character written has its 20 drawings, so `count` samples of the test split need a fifth as many."""
        characters = -(-count // (WRITERS - TRAIN))
        for offset, size, top in ((0, 964, TOPS[0]), (964, 659, TOPS[3])):
            for number, place in enumerate(example_labels(characters, size), 1):
                label = offset + int(place)
                alone = folder / top / self.classes[label]
                alone.mkdir(parents=True, exist_ok=True)
                parts, rows = [], ["id,start,end"]
                for drawing in range(WRITERS):
                    start = 1_600_000_000_000_000 + 4_000_000 * drawing
                    blob = moving_blob(label, 1623, self.sensor, rng, count=600, duration=3_000_000, start=start)
                    parts.append(blob)
                    rows.append(f"{drawing + 1},{start},{start + 3_000_000}")
                shifted = {name: np.concatenate([getattr(part, name) for part in parts]) for name in "txyp"}
                shifted["x"], shifted["y"] = shifted["x"] + np.uint16(LEFT), shifted["y"] + np.uint16(TOP)
                (alone / f"{number:04d}.aedat4").write_bytes(aedat4(Events(**shifted, sensor=CAMERA)))
                (alone / f"{number:04d}.csv").write_text("\n".join(rows) + "\n")
