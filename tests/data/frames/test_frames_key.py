"""The key of frames on disk: code or settings that change have other frames, and what cannot be told is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from neurograph.data import ByTime, EventData, Events, FrameMaker
from neurograph.errors import DataError

Recordings = Callable[[int], EventData]


def fresh(data: EventData, maker: FrameMaker) -> np.ndarray:
    """All frames, made without a cache."""
    return data.frames(maker, cache=False).take(np.arange(len(data)))


MAKER = """
from dataclasses import dataclass
import numpy as np
from neurograph.data import FrameMaker

@dataclass(frozen=True)
class Constant(FrameMaker):
    steps: int
    def __call__(self, events):
        return np.full((self.steps, *events.sensor), {value}, np.float32)
"""


READER = """
from dataclasses import replace
from functools import partial
import numpy as np

class Reader:
    def __init__(self, data):
        self.data = data
    def mirrored(self, key):
        return mirrored(self.data, key)

def mirrored(data, key):
    events = data.read(key)
    return replace(events, x=({top} - np.minimum(events.x, {top})).astype(np.uint16))

def of(data):
    made = {made}
    return replace(data, read=made if made is not mirrored else partial(made, data))
"""


def test_changed_code_of_a_maker(recordings: Recordings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = recordings(2)
    for value in (1, 2):
        name = f"maker_of_a_test_{value}"
        (tmp_path / "code" / f"{name}.py").write_text(MAKER.format(value=value))
        module = __import__(name)
        frames = data.frames(module.Constant(2), cache=tmp_path / "kept", progress=False)
        assert (frames.take(np.array([0])) == value).all()


def test_changed_code_of_a_reader(recordings: Recordings, tmp_path: Path) -> None:
    """A reader that gives other events, by a function, a bound method or a partial of either, has other frames."""
    data, seen = recordings(2), []
    for turn, made in enumerate(("mirrored", "mirrored", "Reader(data).mirrored", "partial(mirrored, data)")):
        name = f"reader_of_a_test_{turn}"
        (tmp_path / "code" / f"{name}.py").write_text(READER.format(top=10 if turn == 0 else 9, made=made))
        own = __import__(name).of(data)
        frames = own.frames(ByTime(2), cache=tmp_path / "kept", progress=False)
        assert np.array_equal(frames.take(np.arange(2)), fresh(own, ByTime(2)))
        seen.append(frames.store.folder)  # type: ignore[attr-defined]
    assert len(set(seen)) == 4
    nowhere: dict[str, object] = {"data": data}
    exec("def read(key): return data.read(key)", nowhere)
    with pytest.raises(DataError, match="the reader read: its text cannot be read"):
        replace(data, read=nowhere["read"]).frames(ByTime(2), cache=tmp_path / "kept")  # type: ignore[arg-type]


@dataclass(frozen=True)
class Scaled(FrameMaker):
    """A maker with settings, for subclasses that hide them."""

    steps: int

    def __call__(self, events: Events) -> np.ndarray:
        return np.full((self.steps, *events.sensor), getattr(self, "by", 1.0), np.float32)


class Undecorated(Scaled):
    """Its repr is that of Scaled, which does not know `by`."""

    def __init__(self, steps: int, by: float) -> None:
        super().__init__(steps)
        object.__setattr__(self, "by", by)


@dataclass(frozen=True)
class Hidden(Scaled):
    """A setting that its repr leaves out."""

    by: float = field(default=1.0, repr=False)


@dataclass
class Loose(FrameMaker):
    """Not frozen, so the settings may change after the frames were made."""

    steps: int
    __hash__ = None  # type: ignore[assignment]

    def __call__(self, events: Events) -> np.ndarray:
        return np.zeros((self.steps, *events.sensor), np.float32)


def test_makers_whose_repr_hides_settings(recordings: Recordings, tmp_path: Path) -> None:
    data = recordings(1)
    for maker in (Undecorated(2, 3.0), Hidden(2, 3.0), Loose(2)):
        with pytest.raises(DataError, match=f"{type(maker).__name__}: a frame maker must be a frozen dataclass"):
            data.frames(maker, cache=tmp_path, progress=False)
        assert len(data.frames(maker, cache=False).take(np.array([0]))) == 1
    assert data.frames(Scaled(2), cache=tmp_path, progress=False).steps == 2
