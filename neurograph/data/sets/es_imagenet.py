"""ES-ImageNet: ImageNet turned to event streams by a moving-edge filter (Lin, Ding, Qiang, Deng, Li 2021)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurograph.data.event_set import EventSet
from neurograph.data.events.events import Events
from neurograph.data.events.write import moving_blob
from neurograph.data.example_pictures import example_labels
from neurograph.errors import DataError

__all__ = ["EsImageNet"]

TOPS = {"train": "train", "test": "val"}
LISTS = {"train": "trainlabel.txt", "test": "vallabel.txt"}
NAMES = "trainlabel_dir.txt"
#: Longest side of a picture, the side of the canvas it is centred on, and what the authors cut off all around.
LONGEST, MARGIN, SIDE = 254, 16, 224
STEPS, STEP_US = 8, 1000
#: Bytes of the two arrays: an event at every pixel in every step, as int64, and as much again.
MOST = 1 << 25


class EsImageNet(EventSet):
    """1,257,035 + 49,881 files train/<file>.npz, val/<file>.npz: "pos" and "neg", each [n, 3] of row, column, step 1..8.

    The lists trainlabel.txt and vallabel.txt hold a line a sample: file, class 0..999, height, width; files of
    trainlabel.txt may lie in folders train/class<k>/. As in the authors' loader the picture is centred on 256x256 and
    the middle 224x224 is kept. Step s becomes the time 1000 (s - 1) us, so eight frames of 1,000 us are the authors'
    frames. trainlabel_dir.txt, where it is there, names the classes (WordNet ids). The archives are .rar, in 25 parts.

    Source: "ES-ImageNet: A Million Event-Stream Classification Dataset for Spiking Neural Networks", Front. Neurosci. 15.
    """

    name = "es_imagenet"
    aliases = ("esimagenet", "esimnet")
    classes = tuple(f"class{number}" for number in range(1000))
    origin = "ES-ImageNet, https://github.com/lyh983012/ES-imagenet-master"
    licence = "that of ImageNet, whose pictures it shows: non-commercial research and teaching"
    page = "https://cloud.tsinghua.edu.cn/d/94873ab4ec2a4eb497b3/"
    by_hand = "ES-imagenet-0.18.part01.rar to part25.rar, unpacked (train/, val/, trainlabel.txt, vallabel.txt),"
    folders = ("es_imagenet", "ES-ImageNet", "ES-imagenet-0.18")
    layout = "it must hold train/, val/, trainlabel.txt and vallabel.txt"
    sensor = (2, SIDE, SIDE)
    usual_steps = STEPS

    def _top(self, folder: Path) -> Path:
        return self.inside(folder, "ES-imagenet-0.18")

    def present(self, folder: Path, split: str) -> bool:
        top = self._top(folder)
        return (top / LISTS[split]).is_file() and (top / TOPS[split]).is_dir()

    def class_names(self, folder: Path) -> tuple[str, ...]:
        path = self._top(folder) / NAMES
        if not path.is_file():
            return self.classes
        rows = _lines(path, 2)
        names = {number: name for _, (name, number) in rows}
        if sorted(names) != [str(k) for k in sorted(range(1000), key=str)] or len(rows) != 1000:
            raise DataError(f"{path}: its {len(rows)} lines do not give each class 0..999 one name; get it again")
        return tuple(names[str(k)] for k in range(1000))

    def index(self, folder: Path, split: str) -> list[tuple[str, int]]:
        top = self._top(folder)
        below = (top / TOPS[split]).relative_to(folder).as_posix()
        path = top / LISTS[split]
        rows = _lines(path, 4)
        sizes = np.array(
            [[int(cell) if cell.isdecimal() and len(cell) < 5 else -1 for cell in words[1:]] for _, words in rows],
            np.int64,
        )
        sizes = sizes.reshape(-1, 3)
        wrong = np.logical_or(sizes < (0, 1, 1), sizes > (999, LONGEST, LONGEST)).any(axis=1)
        leads_out = np.array([".." in words[0] or words[0].startswith("/") for _, words in rows], bool)
        wrong = np.logical_or(wrong, leads_out)
        if wrong.any():
            number, words = rows[int(wrong.argmax())]
            raise DataError(
                f"{path}: line {number} is {' '.join(words)!r}; it must be a file below {TOPS[split]}/, a class of 0..999, "
                f"height and width of at most {LONGEST}; get the list again"
            )
        labels = sizes[:, 0]
        # the first of every class, then the second, as in_turn() does, but for a million samples
        by_class = np.argsort(labels, kind="stable")
        first = np.searchsorted(labels[by_class], labels[by_class])
        order = by_class[np.lexsort((labels[by_class], np.arange(len(rows)) - first))]
        found = []
        for place in order.tolist():
            name, label, height, width = rows[place][1]
            found.append((f"{below}/{name.rpartition('.')[0] or name}.npz#{int(label)},{height},{width}", int(label)))
        return found

    def _path(self, folder: Path, key: str) -> Path:
        """The file of a key; training files may lie in a folder of their class."""
        name, _, rest = key.partition("#")
        path = folder / name
        inner = path.parent / f"class{rest.partition(',')[0]}" / path.name
        return inner if inner.is_file() and not path.is_file() else path

    def version(self, folder: Path, key: str) -> str:
        return super().version(folder, self._path(folder, key).relative_to(folder).as_posix())

    def recording(self, folder: Path, key: str) -> Events:
        path = self._path(folder, key)
        _, height, width = (int(cell) for cell in key.partition("#")[2].split(","))
        parts = _arrays(path)
        rows = np.concatenate([part[:, 0] for part in parts]).astype(np.int64) + (LONGEST - height) // 2 - MARGIN
        columns = np.concatenate([part[:, 1] for part in parts]).astype(np.int64) + (LONGEST - width) // 2 - MARGIN
        steps = np.concatenate([part[:, 2] for part in parts]).astype(np.int64)
        bright = np.repeat(np.array([1, 0], np.uint8), [len(part) for part in parts])
        wrong = np.flatnonzero((steps < 1) | (steps > STEPS))
        if wrong.size:
            raise DataError(
                f"{path}: event {wrong[0]} is of step {steps[wrong[0]]}; steps are 1..{STEPS}; get it again"
            )
        kept = np.flatnonzero((rows >= 0) & (rows < SIDE) & (columns >= 0) & (columns < SIDE))
        order = kept[np.argsort(steps[kept], kind="stable")]
        return Events(
            t=(steps[order] - 1) * STEP_US,
            x=columns[order].astype(np.uint16),
            y=rows[order].astype(np.uint16),
            p=bright[order],
            sensor=self.sensor,
        )

    def write_example(self, folder: Path, count: int, rng: np.random.Generator) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for split, top in TOPS.items():
            lines = []
            for number, label in enumerate(example_labels(count, 1000)):
                name = f"n{label:08d}_{number}.npz" if split == "train" else f"ILSVRC2012_val_{number + 1:08d}.npz"
                place = folder / top / f"class{label}" if split == "train" else folder / top
                place.mkdir(parents=True, exist_ok=True)
                events = moving_blob(int(label), 1000, (2, 190, 254), rng, duration=STEPS * STEP_US)
                cells = np.column_stack([events.y, events.x, events.t // STEP_US + 1]).astype(np.uint8)
                np.savez_compressed(place / name, pos=cells[events.p == 1], neg=cells[events.p == 0])
                lines.append(f"{name} {label} 190 254")
            (folder / LISTS[split]).write_text("\n".join(lines) + "\n")


def _lines(path: Path, cells: int) -> list[tuple[int, list[str]]]:
    """Numbered lines of so many words; raises DataError naming the line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: it cannot be read ({error}); get the list again") from error
    found = [(number, line.split()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    for number, words in found:
        if len(words) != cells:
            raise DataError(f"{path}: line {number} has {len(words)} words; it must have {cells}; get the list again")
    return found


def _arrays(path: Path) -> list[np.ndarray]:
    from neurograph.data.events.formats.npz import members

    try:
        held = members(path, lambda headers: [name for name in ("pos", "neg") if name in headers], MOST)
    except OSError as error:
        raise DataError(f"{path}: it cannot be read ({error}); get it again") from error
    if len(held) != 2:
        raise DataError(f"{path}: it holds {', '.join(held) or 'neither'} of 'pos' and 'neg'; get it again")
    for name, (part, _) in held.items():
        if part.ndim != 2 or part.shape[1] != 3 or part.dtype.kind not in "ui":
            raise DataError(
                f"{path}: {name!r} is {part.dtype} {part.shape}; it must be whole numbers [n, 3]; get it again"
            )
    return [part for part, _ in held.values()]
