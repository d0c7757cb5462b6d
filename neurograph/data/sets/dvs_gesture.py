"""DVS128 Gesture: 11 gestures of 29 people under 3 kinds of light, DVS128 camera (Amir et al. 2017)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurograph.data.archives import Archive
from neurograph.data.event_set import EventSet
from neurograph.data.events.events import Events
from neurograph.data.events.write import aedat3, moving_blob
from neurograph.data.example_pictures import example_labels
from neurograph.data.sets.intervals import between, decoded, read_table, row_of
from neurograph.errors import DataError

__all__ = ["DvsGesture"]

LISTS = {"train": "trials_to_train.txt", "test": "trials_to_test.txt"}


class DvsGesture(EventSet):
    """Recordings of a person in one light, userNN_<light>.aedat (AEDAT 3.1), cut where userNN_<light>_labels.csv says.

    A sample is an interval start <= t < end of that table (class 1..11, microseconds); its key is the file, '#' and
    the row from 0. The official split by people: trials_to_train.txt, trials_to_test.txt. Cut this way there are
    1,176 + 288 samples, as in SpikingJelly and snnTorch; the paper counts 1,342 in all.

    Source: "A Low Power, Fully Event-Based Gesture Recognition System", CVPR 2017. md5 as published with SpikingJelly.
    """

    name = "dvs128_gesture"
    aliases = ("dvsg", "dvs_gesture", "ibm_gesture")
    classes = (
        "hand_clapping",
        "right_hand_wave",
        "left_hand_wave",
        "right_arm_clockwise",
        "right_arm_counter_clockwise",
        "left_arm_clockwise",
        "left_arm_counter_clockwise",
        "arm_roll",
        "air_drums",
        "air_guitar",
        "other_gestures",
    )
    origin = "DVS128 Gesture, https://research.ibm.com/dvsgesture/"
    licence = "CC BY 4.0"
    page = "https://ibm.ent.box.com/s/3hiq58ww1pbbjrinh367ykfdf60xsfm8/folder/50167556794"
    by_hand = "DvsGesture.tar.gz"
    folders = ("dvs128_gesture", "DVS128Gesture", "DVSGesture", "DvsGesture")
    layout = "it must hold trials_to_train.txt, trials_to_test.txt and what they list, userNN_<light>.aedat with tables"
    sensor = (2, 128, 128)
    format = "aedat3"
    usual_size = (48, 48)
    archives = (Archive("DvsGesture.tar.gz", "DvsGesture", md5="8a5c71fb11e24e5ca5b11866ca6c00a1"),)

    def present(self, folder: Path, split: str) -> bool:
        return (self.inside(folder, "DvsGesture") / LISTS[split]).is_file()

    def index(self, folder: Path, split: str) -> list[tuple[str, int]]:
        top = self.inside(folder, "DvsGesture")
        below = top.relative_to(folder).as_posix()
        found = []
        try:
            names = (top / LISTS[split]).read_text(encoding="utf-8").split()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{top / LISTS[split]}: it cannot be read ({error}); get the list again") from error
        for name in names:
            if "/" in name or "\\" in name or not name.endswith(".aedat"):
                raise DataError(f"{top / LISTS[split]}: it lists {name!r}; it must list names of .aedat files")
            if not (top / name).is_file():
                raise DataError(f"{top / name} is missing, which {LISTS[split]} lists; unpack {self.by_hand} again")
            table = top / f"{name.removesuffix('.aedat')}_labels.csv"
            for row, (number, start, end) in enumerate(read_table(table, 3)):
                if not 1 <= number <= 11 or start >= end:
                    raise DataError(
                        f"{table}: row {row} is class {number}, {start} to {end} us; classes are 1..11 and an interval "
                        "begins before it ends; get the table again"
                    )
                found.append((f"{below}/{name}#{row}", number - 1))
        return found

    def recording(self, folder: Path, key: str) -> Events:
        name, _, row = key.partition("#")
        path = folder / name
        _, start, end = row_of(self._table(path), 3, int(row))
        return between(decoded(path, super().version(folder, key), self.read_file), start, end, f"{path}, row {row}")

    def version(self, folder: Path, key: str) -> str:
        table = self._table(folder / key.partition("#")[0])
        return f"{super().version(folder, key)} {super().version(table.parent, table.name)}"

    def _table(self, path: Path) -> Path:
        return path.with_name(f"{path.stem}_labels.csv")

    def write_example(self, folder: Path, count: int, rng: np.random.Generator) -> None:
        top = folder / "DvsGesture"
        top.mkdir(parents=True, exist_ok=True)
        user = 0
        for listed in LISTS.values():
            names = []
            labels = example_labels(count, 11)
            for group in np.array_split(labels, -(-count // 11)):  # a recording holds some eleven gestures
                user += 1
                names.append(f"user{user:02d}_fluorescent.aedat")
                blobs, rows = [], ["class,startTime_usec,endTime_usec"]
                for place, label in enumerate(group):
                    start = 80_000_000 + 7_000_000 * place
                    blobs.append(
                        moving_blob(int(label), 11, self.sensor, rng, count=4000, duration=6_000_000, start=start)
                    )
                    rows.append(f"{label + 1},{start},{start + 6_000_000}")
                (top / names[-1]).write_bytes(aedat3(_joined(blobs)))
                self._table(top / names[-1]).write_text("\n".join(rows) + "\n")
            (top / listed).write_text("\n".join(names) + "\n")


def _joined(parts: list[Events]) -> Events:
    fields = {name: np.concatenate([getattr(part, name) for part in parts]) for name in "txyp"}
    return Events(**fields, sensor=parts[0].sensor)
