"""The data of a run: the two splits, as pictures or as frames of events."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurograph.errors import DataError
from neurograph.job.settings import Job

if TYPE_CHECKING:
    from neurograph.data import DataSet, EventData, FrameData, ImageData
    from neurograph.data.frames import FrameMaker

__all__ = ["Parts", "Splits", "example_folder", "framed", "load_parts", "load_splits", "maker_of", "sample_shape"]


@dataclass(frozen=True)
class Parts:
    """The training and the test split, and how they came about: "real", "limited" or "example"."""

    train: ImageData | FrameData
    test: ImageData | FrameData
    kind: str = "real"

    @property
    def events(self) -> bool:
        """Whether samples are sequences of frames."""
        return hasattr(self.train, "steps")

    @property
    def noun(self) -> str:
        return "recordings" if self.events else "images"


@dataclass(frozen=True)
class Splits:
    """The training and the test split as they lie on disk, and how they came about."""

    train: ImageData | EventData
    test: ImageData | EventData
    kind: str

    def shape(self, job: Job) -> tuple[int, ...]:
        """Channels, height and width of what a network is given."""
        return sample_shape(self.train, job.frames, job.size)

    def first(self, limit: int | None) -> Splits:
        """The first `limit` training and a fifth as many test samples; None, or more than there are: all."""
        if limit is None:
            return self
        share = max(1, limit // 5)
        if limit >= len(self.train) and share >= len(self.test):
            return self
        return Splits(
            self.train.first(limit), self.test.first(share), "example" if self.kind == "example" else "limited"
        )

    def parts(self, job: Job, progress: bool = False) -> Parts:
        """Both splits as networks are given them: events as the frames that the job asks for."""
        held = [
            framed(p, job.steps, job.frames, job.size, job.cache, job.workers, progress)
            for p in (self.train, self.test)
        ]
        return Parts(held[0], held[1], self.kind)


def sample_shape(part: Any, frames: str = "time", size: Any = None) -> tuple[int, ...]:
    """Channels, height and width of a picture, or of a recording's frames."""
    if hasattr(part, "images"):
        return tuple(part.shape)
    chosen = _size(part, size) or part.sensor[1:]
    channels = maker_of(frames, 1).shape(part.sensor)[0]
    return (channels, *((chosen, chosen) if isinstance(chosen, int) else chosen))


def framed(
    part: Any, steps: int, frames: str = "time", size: Any = None, cache: str | None = None, workers: int = 0,
    progress: bool = False,
) -> Any:  # fmt: skip
    """Recordings as T frames each; pictures as they are."""
    if hasattr(part, "images"):
        return part
    return part.frames(maker_of(frames, steps), _size(part, size), cache=cache, workers=workers, progress=progress)


def load_splits(job: Job, report: Callable[[str], None] = print) -> Splits:
    """Both splits of the job's data set, cut to its limit.

    Pictures that are neither here nor to be had are replaced by scikit-learn's digits, which is said through `report`;
    for events there is no such stand-in, and their DownloadError names the page to get them from.
    """
    from neurograph import data

    kind = data.dataset(job.dataset)
    train: Any
    test: Any
    if job.example:
        folder = example_folder(kind.name, job.example)
        report(f"[DATA] {kind.name}: made-up samples written in its published layout; accuracies mean nothing")
        train, test = (data.load(kind.name, s, folder).first(job.example) for s in ("train", "test"))
    elif isinstance(kind, data.EventSet):
        train, test = (data.load(kind.name, s, job.data_dir) for s in ("train", "test"))
    else:
        train, test = data.load_both(job.dataset, job.data_dir, report=report)
    return Splits(train, test, "example" if job.example else "real").first(job.limit)


def load_parts(job: Job, report: Callable[[str], None] = print, progress: bool = False) -> Parts:
    """Both splits of the job's data set as networks are given them; see `load_splits`."""
    return load_splits(job, report).parts(job, progress)


def _size(part: Any, size: Any) -> Any:
    """Height and width of frames: those asked for, else the set's usual ones; None: the sensor's."""
    from neurograph.data import dataset

    return size if size is not None else getattr(dataset(part.name), "usual_size", None)


def maker_of(text: str, steps: int) -> FrameMaker:
    """The maker of frames that a text such as "number" (by_number) or "duration:duration_us=50000" names.

    Raises DataError for what is none.
    """
    from neurograph.data.frames import frame_maker

    name, _, rest = text.partition(":")
    given: dict[str, Any] = {}
    for word in filter(None, rest.split(",")):
        key, sign, value = word.partition("=")
        try:
            if not sign or key == "steps":
                raise ValueError
            given[key] = float(value) if "." in value or "e" in value.lower() else int(value)
        except ValueError:
            raise DataError(
                f"frames {text!r}: {word!r} is no setting KEY=NUMBER, as in duration:duration_us=50000; T is set by steps"
            ) from None
    return frame_maker(name, **given, steps=steps)


def _writers(kind: DataSet) -> str:
    """A digest of the code that writes a set's example, so that files of an earlier way to write are not taken for it."""
    from neurograph.data import example_pictures
    from neurograph.data.events import write

    modules = {sys.modules[part.__module__] for part in type(kind).__mro__ if part.__module__.startswith("neurograph")}
    files = sorted(str(m.__file__) for m in (*modules, write, example_pictures))
    return hashlib.sha256(b"".join(Path(f).read_bytes() for f in files)).hexdigest()[:12]


def example_folder(dataset: str, count: int) -> Path:
    """Made-up files in the layout of a data set, in the cache folder; written once, whole or not at all."""
    from neurograph.data import cache_folder
    from neurograph.data import dataset as named

    kind = named(dataset)
    folder = cache_folder().parent / "examples" / f"{kind.name}-{count}-{_writers(kind)}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as place:
            made = Path(place) / "made"
            made.mkdir()
            kind.write_example(made, count, np.random.default_rng(0))
            # another process may have been faster
            with contextlib.suppress(OSError):
                os.rename(made, folder)
    return folder
