"""Data of one's own: arrays, lists and files as users have them, and what is said where they do not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neurograph import data
from neurograph.data import Batches, ByNumber, EventData, Events, ImageData
from neurograph.errors import DataError

RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (12, 3, 8, 8), dtype=np.uint8)
LABELS = np.arange(12) % 4
SENSOR = (2, 6, 5)


def events(n: int = 40, seed: int = 0) -> Events:
    rng = np.random.default_rng(seed)
    return Events.of(
        rng.integers(0, 900, n), rng.integers(0, 5, n), rng.integers(0, 6, n), rng.integers(0, 2, n), SENSOR
    )


RECORDINGS = [events(seed=k) for k in range(6)]


# --- pictures


def test_pictures_of_arrays_tensors_and_lists() -> None:
    part = ImageData.of(PICTURES, LABELS)
    assert part.shape == (3, 8, 8) and part.classes == ("0", "1", "2", "3") and len(part) == 12
    np.testing.assert_allclose(part.mean, PICTURES.mean((0, 2, 3)) / 255, rtol=1e-12)
    np.testing.assert_allclose(part.std, PICTURES.std((0, 2, 3)) / 255, rtol=1e-12)
    for images, labels in (
        (torch.from_numpy(PICTURES), torch.from_numpy(LABELS)), (PICTURES, LABELS.tolist()), (PICTURES, LABELS.astype("u1")),
    ):  # fmt: skip
        again = ImageData.of(images, labels)
        assert np.array_equal(again.images, part.images) and np.array_equal(again.labels, part.labels)
        assert again.labels.dtype == np.int64
    x, y = next(iter(Batches(part, 12)))
    assert x.shape == (12, 3, 8, 8) and abs(float(x.mean())) < 1e-5 and y.tolist() == LABELS.tolist()


def test_grey_pictures_and_a_test_split_like_the_training_split() -> None:
    part = ImageData.of(PICTURES[:, 0], LABELS, classes="abcd", name="mine")
    test = ImageData.of(PICTURES[:5, 1], [0, 1, 0, 1, 0], like=part, split="test")
    assert part.shape == test.shape == (1, 8, 8)
    assert (test.mean, test.std, test.classes) == (part.mean, part.std, ("a", "b", "c", "d"))
    assert (part.name, test.split) == ("mine", "test")


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(4, 6), st.integers(5, 7))))
@settings(max_examples=30, deadline=None)
def test_normalised_pictures_have_mean_0_and_deviation_1(images: np.ndarray) -> None:
    part = ImageData.of(images, np.zeros(len(images), int))
    x, _ = next(iter(Batches(part, len(images), prefetch=0)))
    assert torch.allclose(x.mean((0, 2, 3)), torch.zeros(images.shape[1]), atol=1e-3)
    for channel in range(images.shape[1]):
        expected = 0.0 if np.ptp(images[:, channel]) == 0 else 1.0
        assert float(x[:, channel].std(correction=0)) == pytest.approx(expected, abs=1e-3)


PICTURE_MISTAKES: dict[str, tuple[Any, Any, str]] = {
    "values from 0 to 1": (PICTURES / 255, LABELS, r"float64 with shape \(12, 3, 8, 8\).*DataLoader\(TensorDataset"),
    "channels last": (PICTURES.transpose(0, 2, 3, 1), LABELS, r"\(12, 8, 8, 3\); channels come before.*transpose\(0, 3, 1, 2\)"),
    "one-hot labels": (PICTURES, np.eye(4)[LABELS], r"labels are float64 with shape \(12, 4\).*argmax\(1\)"),
    "labels of real numbers": (PICTURES, LABELS * 1.0, "labels are float64"),
    "too few labels": (PICTURES, LABELS[:5], "12 images but 5 labels"),
    "labels below 0": (PICTURES, LABELS - 1, r"labels run from -1"),
}  # fmt: skip


@pytest.mark.parametrize("name", PICTURE_MISTAKES)
def test_mistakes_with_pictures(name: str) -> None:
    images, labels, match = PICTURE_MISTAKES[name]
    with pytest.raises(DataError, match=match):
        ImageData.of(images, labels)


def test_image_data_says_how_arrays_become_what_it_takes() -> None:
    def made(images: Any, labels: Any) -> ImageData:
        return ImageData("own", "train", images, labels, ("a",) * 4, (0.5,) * 3, (0.2,) * 3, "me")

    with pytest.raises(DataError, match=r"\(255 \* images\).round\(\)"):
        made(PICTURES / 255, LABELS)
    with pytest.raises(DataError, match=r"images are a Tensor.*ImageData.of"):
        made(torch.from_numpy(PICTURES), LABELS)
    with pytest.raises(DataError, match=r"labels are a list.*ImageData.of"):
        made(PICTURES, LABELS.tolist())


# --- events


def test_events_of_other_types() -> None:
    t, x, y, p = [5, 3, 3, 9], [1, 0, 2, 4], [0, 5, 1, 1], [1, 0, 1, 0]
    made = Events.of(t, x, y, p, SENSOR)
    assert made.t.tolist() == [3, 3, 5, 9] and made.x.tolist() == [0, 2, 1, 4] and made.p.tolist() == [0, 1, 1, 0]
    assert (made.t.dtype, made.x.dtype, made.p.dtype) == (np.int64, np.uint16, np.uint8)
    for polarity in ([1, -1, 1, -1], np.array([1, 0, 1, 0], bool), np.array([1, 0, 1, 0], np.int8)):
        assert np.array_equal(Events.of(t, x, y, polarity, SENSOR).p, made.p)
    assert Events.of(t, x, y, p, (1, 6, 5)).p.tolist() == [0, 0, 0, 0]
    assert len(Events.of(*[np.zeros(0, np.int64)] * 4, SENSOR)) == 0
    assert ByNumber(2)(made).sum() == 4


EVENT_MISTAKES: dict[str, tuple[tuple[Any, ...], str]] = {
    "seconds": (([0.1, 0.2], [1, 1], [1, 1], [0, 1], SENSOR), r"t is float64 \(2,\).*microseconds"),
    "outside": (([1, 2], [1, 5], [1, 1], [0, 1], SENSOR), r"event 1 has x = 5; it must lie in 0..4.*\(2, 6, 5\)"),
    "width and height changed": (([1, 2], [1, 1], [5, 6], [0, 1], SENSOR), "event 1 has y = 6; it must lie in 0..5"),
    "polarity": (([1], [1], [1], [2], SENSOR), "event 0 has p = 2"),
    "lengths": (([1, 2], [1], [1, 1], [0, 1], SENSOR), "x has 1 values, t has 2"),
    "sensor": (([1], [1], [1], [0], (6, 5)), r"sensor=\(6, 5\).*\(channels, height, width\)"),
}


@pytest.mark.parametrize("name", EVENT_MISTAKES)
def test_mistakes_with_events(name: str) -> None:
    given, match = EVENT_MISTAKES[name]
    with pytest.raises(DataError, match=match):
        Events.of(*given)


def test_events_and_makers_name_the_way_out() -> None:
    with pytest.raises(DataError, match=r"t is a list.*Events.of\("):
        Events([1], [1], [1], [1], SENSOR)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"x is int64.*Events.of\("):
        Events(*[np.zeros(2, np.int64)] * 4, SENSOR)
    with pytest.raises(DataError, match=r"given a dict; it takes Events.*Events.of.*read_events"):
        ByNumber(2)({"t": np.zeros(2)})  # type: ignore[arg-type]
    assert data.frame_maker("number", steps=3) == data.frame_maker("by_number", steps=3) == ByNumber(3)


# --- recordings


def test_recordings_in_memory_become_batches(tmp_path: Path) -> None:
    part = EventData.of(RECORDINGS, LABELS[:6])
    assert part.sensor == SENSOR and part.classes == ("0", "1", "2", "3")
    made = part.frames(ByNumber(3), cache=False)
    kept = part.frames(ByNumber(3), cache=tmp_path, progress=False)
    expected = np.stack([ByNumber(3)(one) for one in RECORDINGS])
    for frames in (made, kept):
        assert np.array_equal(frames.take(np.arange(6)), expected)
    x, y = next(iter(Batches(kept, 4)))
    assert x.shape == (3, 4, *SENSOR) and y.tolist() == [0, 1, 2, 3]


def test_other_recordings_have_other_frames_in_one_cache(tmp_path: Path) -> None:
    for seed in (0, 100):
        recordings = [events(seed=seed + k) for k in range(6)]
        frames = EventData.of(recordings, LABELS[:6]).frames(ByNumber(2), cache=tmp_path, progress=False)
        assert np.array_equal(frames.take(np.array([5])), ByNumber(2)(recordings[5])[None])


def test_recordings_in_files(tmp_path: Path) -> None:
    paths = []
    for k, one in enumerate(RECORDINGS):
        paths.append(tmp_path / f"{k}.npz")
        np.savez(paths[-1], t=one.t, x=one.x, y=one.y, p=one.p)
    part = EventData.of([str(p) for p in paths[:3]] + paths[3:], LABELS[:6], sensor=SENSOR)
    frames = part.frames(ByNumber(3), cache=tmp_path / "cache", workers=2, progress=False)
    assert np.array_equal(frames.take(np.arange(6)), np.stack([ByNumber(3)(one) for one in RECORDINGS]))
    with pytest.raises(DataError, match=r"give sensor=\(channels, height, width\)"):
        EventData.of(paths, LABELS[:6])
    with pytest.raises(DataError, match="nothing.npz"):
        EventData.of([tmp_path / "nothing.npz"], [0], sensor=SENSOR).frames(ByNumber(2), cache=tmp_path / "c")
    with pytest.raises(DataError, match="a path stands there twice"):
        EventData.of([paths[0], paths[0]], [0, 1], sensor=SENSOR)


def test_mistakes_with_recordings() -> None:
    with pytest.raises(DataError, match="recording 1 is dict; give Events"):
        EventData.of([RECORDINGS[0], {"t": 1}], [0, 1])  # type: ignore[list-item]
    with pytest.raises(DataError, match="recordings=Events.: give a list"):
        EventData.of(RECORDINGS[0], [0])  # type: ignore[arg-type]
    other = Events.of([1], [1], [1], [1], (2, 9, 9))
    with pytest.raises(DataError, match=r"sensors \(2, 6, 5\), \(2, 9, 9\); give sensor="):
        EventData.of([RECORDINGS[0], other], [0, 1])
    mixed = EventData.of([RECORDINGS[0], other], [0, 1], sensor=SENSOR)
    with pytest.raises(DataError, match=r"recording '1': its sensor.*\(2, 9, 9\)"):
        mixed.frames(ByNumber(2), cache=False).take(np.array([1]))
    with pytest.raises(DataError, match="2 recordings but labels"):
        EventData.of(RECORDINGS[:2], [0])


# --- batches


def test_batches_say_what_they_take() -> None:
    part = ImageData.of(PICTURES, LABELS)
    with pytest.raises(DataError, match=r"type EventData.*give data.frames\(ByTime"):
        Batches(EventData.of(RECORDINGS, LABELS[:6]), 2)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"type tuple.*ImageData.of\(images, labels\).*DataLoader"):
        Batches((PICTURES, LABELS), 2)  # type: ignore[arg-type]
    for change in ("transform", "mix"):
        kind = data.HorizontalFlip if change == "transform" else data.MixUp
        with pytest.raises(DataError, match=f"{change} is the class {kind.__name__}; give an object"):
            Batches(part, 2, **{change: kind})  # type: ignore[arg-type]
        with pytest.raises(DataError, match=f"{change} <lambda> is not called as.*make lambda images"):
            Batches(part, 2, **{change: lambda x: x})  # type: ignore[arg-type]
    with pytest.raises(DataError, match="transform Flatten is not called as"):
        Batches(part, 2, transform=torch.nn.Flatten())  # type: ignore[arg-type]
    flipped = next(iter(Batches(part, 2, transform=lambda images, generator: images.flip(-1), normalize=False)))[0]
    assert torch.equal(flipped, torch.from_numpy(PICTURES[:2]).flip(-1) / 255)


def test_a_part_is_a_data_set_of_torch_and_says_what_it_is(tmp_path: Path) -> None:
    pictures = ImageData.of(PICTURES, LABELS)
    recordings = EventData.of(RECORDINGS, LABELS[:6])
    frames = recordings.frames(ByNumber(3), cache=False)
    for part, sample in ((pictures, PICTURES[3]), (frames, ByNumber(3)(RECORDINGS[3]))):
        x, y = part[3]
        assert np.array_equal(x, sample) and y == 3 and np.array_equal(part[-1][0], part[len(part) - 1][0])
        assert [label for _, label in part] == part.labels.tolist()  # type: ignore[attr-defined]
        with pytest.raises(IndexError):
            part[len(part)]
    x, y = next(iter(torch.utils.data.DataLoader(pictures, 4)))  # type: ignore[arg-type]
    assert x.shape == (4, 3, 8, 8) and y.tolist() == [0, 1, 2, 3]
    assert recordings[2][0] is RECORDINGS[2] and recordings[2][1] == 2
    assert repr(pictures) == "<ImageData 'own', train: 12 pictures (3, 8, 8), 4 classes>"
    assert repr(recordings) == "<EventData 'own', train: 6 recordings (2, 6, 5), 4 classes>"
    assert repr(frames) == "<FrameData 'own', train: 6 recordings (3, 2, 6, 5) by ByNumber(steps=3), 4 classes>"


# --- frames made elsewhere


def test_frames_that_another_library_made() -> None:
    frames = RNG.integers(0, 9, (6, 4, 2, 5, 7))
    for array, kind in (
        (frames.astype(np.uint8), np.uint8), (frames, np.uint16), (frames.astype(np.float64), np.float32),
        (torch.from_numpy(frames).float(), np.float32),
    ):  # fmt: skip
        part = data.FrameData.of(array, LABELS[:6])
        assert (part.steps, part.shape, part.take(np.array([1])).dtype) == (4, (2, 5, 7), kind)
        x, y = next(iter(Batches(part.first(5), 5, transform=data.HorizontalFlip(0.0), mix=data.EventMix(4, prob=0.0))))
        assert torch.equal(x, torch.from_numpy(frames[:5]).float().transpose(0, 1)) and y.argmax(1).tolist() == [
            0,
            1,
            2,
            3,
            0,
        ]
    assert repr(part) == "<FrameData 'own', train: 6 recordings (4, 2, 5, 7), 4 classes>"


FRAME_MISTAKES: dict[str, tuple[Any, Any, str]] = {
    "one sample": (np.zeros((4, 2, 5, 7)), [0], r"shape \(4, 2, 5, 7\); they are numbers \[N, T, C, H, W\]"),
    "too few labels": (np.zeros((3, 4, 2, 5, 7)), [0, 1], "3 samples, 2 labels"),
    "labels below 0": (np.zeros((2, 4, 2, 5, 7)), [0, -1], "from -1 to 0"),
    "counts below 0": (np.full((2, 4, 2, 5, 7), -1), [0, 1], "whole numbers from -1 to -1"),
    "words": (np.full((2, 4, 2, 5, 7), "a"), [0, 1], "frames are <U1"),
}


@pytest.mark.parametrize("name", FRAME_MISTAKES)
def test_mistakes_with_frames(name: str) -> None:
    frames, labels, match = FRAME_MISTAKES[name]
    with pytest.raises(DataError, match=match):
        data.FrameData.of(frames, labels)
    with pytest.raises(DataError, match="batch_size is '4'; it must be a whole number"):
        Batches(ImageData.of(PICTURES, LABELS), "4")  # type: ignore[arg-type]
