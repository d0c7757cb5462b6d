"""Frames on disk: what is given is always what the files and settings of now say, whoever dies and whatever breaks."""

from __future__ import annotations

import errno
import multiprocessing
import os
import pickle
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from neurograph.data import (
    ByNumber,
    ByTime,
    EventData,
    Events,
    FrameMaker,
    TimeSurface,
    VoxelGrid,
    cached_frames,
    dataset,
    load,
)
from neurograph.data.claim import Claim, claim
from neurograph.errors import DataError

Recordings = Callable[[int], EventData]


def fresh(data: EventData, maker: FrameMaker, size: int | tuple[int, int] | None = None) -> np.ndarray:
    """All frames, made without a cache."""
    return data.frames(maker, size, cache=False).take(np.arange(len(data)))


def shards(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.frames"))


@pytest.mark.parametrize("size", [None, (9, 11), 9, (5, 20)])
@pytest.mark.parametrize("maker", [ByTime(5), ByNumber(1), VoxelGrid(4), TimeSurface(3, 500.0)], ids=repr)
def test_frames_are_those_of_the_maker(
    recordings: Recordings, tmp_path: Path, maker: FrameMaker, size: int | tuple[int, int] | None
) -> None:
    data = recordings(70)
    whole = data.frames(maker, size, cache=tmp_path / "kept", progress=False)
    height, width = (9, 11) if size is None else (size, size) if isinstance(size, int) else size
    assert (len(whole), whole.steps, whole.shape) == (70, maker.steps, (maker.shape(data.sensor)[0], height, width))
    assert whole.labels is data.labels and whole.classes == data.classes and whole.name == "made"
    index = np.array([69, 3, 3, 40, 0])
    taken = whole.take(index)
    counts = maker.dtype == np.uint16 and (height, width) == (9, 11)
    assert taken.dtype == (np.uint8 if counts else np.float32)
    expected = np.stack([maker(data.events(int(k))) for k in index])
    if (height, width) != (9, 11):
        pixels = torch.from_numpy(expected.astype(np.float32)).flatten(0, 1)
        resized = torch.nn.functional.interpolate(pixels, (height, width), mode="bilinear", align_corners=True)
        expected = resized.numpy().reshape(*expected.shape[:3], height, width)
    assert np.allclose(taken, expected, atol=1e-6)
    assert np.array_equal(taken, fresh(data, maker, size)[index])
    part = whole.some(np.array([5, 69])).first(9)
    assert np.array_equal(part.take(np.array([1])), whole.take(np.array([69]))) and part.labels.tolist() == [2, 0]
    assert np.array_equal(pickle.loads(pickle.dumps(whole)).take(index), taken), "another process may be given it"


def test_large_counts(tmp_path: Path) -> None:
    counts = [0, 1, 6, 7, 8, 134, 135, 255, 256, 16_390, 16_391, 65_535]

    def read(key: str) -> Events:
        x = np.repeat(np.arange(len(counts)), counts[: int(key)] + [0] * (len(counts) - int(key)))
        zeros = np.zeros(len(x), np.int64)
        return Events(zeros, x.astype(np.uint16) * 90, zeros.astype(np.uint16), zeros.astype(np.uint8), (1, 1, 1000))

    keys = tuple(str(n) for n in range(len(counts) + 1))
    labels = np.zeros(len(keys), np.int64)
    data = EventData("large", "train", keys, labels, ("a",), (1, 1, 1000), read, lambda key: key, "made up")
    frames = data.frames(ByNumber(1), cache=tmp_path, progress=False).take(np.arange(len(keys)))
    assert frames.dtype == np.uint16 and frames[-1, 0, 0, 0, ::90].tolist() == counts
    assert np.array_equal(frames, fresh(data, ByNumber(1)))
    small = data.first(9).frames(ByNumber(1), cache=tmp_path, progress=False).take(np.arange(9))
    assert small.dtype == np.uint8 and np.array_equal(small, frames[:9])


def test_default_folder_is_the_users(
    recordings: Recordings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = recordings(3)
    data.frames(ByTime(2), cache=False).take(np.arange(3))
    assert not (tmp_path / "cache").exists(), "cache=False writes nothing"
    data.frames(ByTime(2))
    (kept,) = cached_frames()
    assert kept.path.parent == tmp_path / "cache" / "neurograph" / "data" / "frames"
    assert kept.path.stat().st_mode & 0o077 == 0, "for this user only"
    assert "made train" in capsys.readouterr().err, "progress"


def test_second_time_reads_no_recording(recordings: Recordings, tmp_path: Path) -> None:
    data = recordings(40)
    first = data.frames(ByTime(3), cache=tmp_path, progress=False).take(np.arange(40))

    versions = {key: data.version(key) for key in data.keys}
    for key in data.keys:
        (tmp_path / "raw" / key).unlink()
    again = replace(data, version=versions.__getitem__).frames(ByTime(3), cache=tmp_path, progress=False)
    assert np.array_equal(again.take(np.arange(40)), first)


def test_a_change_gives_new_frames(recordings: Recordings, tmp_path: Path) -> None:
    data, kept = recordings(40), tmp_path / "kept"
    data.frames(ByTime(3), cache=kept, progress=False)
    before = [file.stat().st_mtime_ns for file in shards(kept)]
    file = tmp_path / "raw" / data.keys[35]
    rows = np.fromfile(file, np.int64).reshape(-1, 4)
    rows[:, 1] = 10 - rows[:, 1]
    rows.tofile(file)  # of the same length
    changed = data.frames(ByTime(3), cache=kept, progress=False)
    assert np.array_equal(changed.take(np.arange(40)), fresh(data, ByTime(3)))
    assert len(shards(kept)) == len(before) + 1, "only the shard of that recording is made anew"
    for other in (ByTime(4), ByNumber(3)):
        assert np.array_equal(data.frames(other, cache=kept, progress=False).take(np.arange(40)), fresh(data, other))
    sized = data.frames(ByTime(3), (4, 5), cache=kept, progress=False)
    assert np.array_equal(sized.take(np.arange(40)), fresh(data, ByTime(3), (4, 5)))
    assert len(cached_frames(kept)) == 4


def test_a_change_that_keeps_size_and_time(tmp_path: Path) -> None:
    dataset("nmnist").write_example(tmp_path / "raw", 20, np.random.default_rng(0))
    data = load("nmnist", "train", tmp_path / "raw", download=False)
    assert isinstance(data, EventData)
    before = data.frames(ByTime(2), cache=tmp_path / "kept", progress=False).take(np.arange(len(data)))
    (file,) = (f for f in (tmp_path / "raw").rglob("*") if f.as_posix().endswith(data.keys[0]))
    was = file.stat()
    records = np.fromfile(file, np.uint8).reshape(-1, 5)
    records[:, 0] = 33 - records[:, 0]
    records.tofile(file)
    os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))
    after = data.frames(ByTime(2), cache=tmp_path / "kept", progress=False).take(np.arange(len(data)))
    assert np.array_equal(after, fresh(data, ByTime(2))) and np.array_equal(after[1:], before[1:])
    assert np.array_equal(after[0], before[0, ..., ::-1]), "mirrored"


@dataclass(frozen=True)
class Wrong(FrameMaker):
    """Frames of another shape than it says."""

    steps: int

    def __call__(self, events: Events) -> np.ndarray:
        return np.zeros((self.steps, 1, 2, 3), np.float32)


class Plain(FrameMaker):
    """No dataclass, so its repr says nothing about its settings."""

    steps = 1

    def __call__(self, events: Events) -> np.ndarray:
        return np.zeros((1, *events.sensor), np.float32)


def test_bad_makers(recordings: Recordings, tmp_path: Path) -> None:
    data = recordings(2)
    with pytest.raises(DataError, match=r"recording '0000.rec': Wrong\(steps=2\) gave float32 \(2, 1, 2, 3\)"):
        data.frames(Wrong(2), cache=tmp_path, progress=False)
    with pytest.raises(DataError, match="must be a frozen dataclass"):
        data.frames(Plain(), cache=tmp_path, progress=False)
    with pytest.raises(DataError, match="give a frame maker"):
        data.frames("by_time", cache=tmp_path)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"size is \(3, 0\)"):
        data.frames(ByTime(2), (3, 0), cache=tmp_path)
    with pytest.raises(DataError, match="workers is -1"):
        data.frames(ByTime(2), cache=tmp_path, workers=-1)


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_a_bad_recording_is_named(recordings: Recordings, tmp_path: Path, workers: int) -> None:
    data = recordings(70)
    with open(tmp_path / "raw" / data.keys[68], "ab") as file:
        file.write(bytes(8))
    with pytest.raises(DataError, match="data set 'made', split 'train', recording '0068.rec': cut off"):
        data.frames(ByTime(2), cache=tmp_path / "kept", workers=workers, progress=False)
    assert not list(tmp_path.rglob("*.tmp"))
    good = data.some(np.arange(64))
    assert np.array_equal(
        good.frames(ByTime(2), cache=tmp_path / "kept", progress=False).take(np.arange(64)), fresh(good, ByTime(2))
    )


def test_a_recording_written_to_meanwhile(recordings: Recordings, tmp_path: Path) -> None:
    data = recordings(3)

    def read(key: str) -> Events:
        os.utime(tmp_path / "raw" / key, ns=(1, 1))
        return data.read(key)

    with pytest.raises(DataError, match=r"'0000.rec' was changed while its frames were made"):
        replace(data, read=read).frames(ByTime(2), cache=tmp_path / "kept", progress=False)


@pytest.mark.slow
def test_workers_give_the_same(recordings: Recordings, tmp_path: Path) -> None:
    data = recordings(70)
    frames = data.frames(ByTime(4), (5, 5), cache=tmp_path / "kept", workers=2, progress=False)
    assert np.array_equal(frames.take(np.arange(70)), fresh(data, ByTime(4), (5, 5)))
    with pytest.raises(DataError, match="cannot be handed to another process"):
        replace(data, read=lambda key: data.read(key)).frames(ByTime(3), cache=tmp_path / "kept", workers=2)


@pytest.mark.parametrize("what", ["byte", "last byte", "head", "count", "cut", "empty", "gone", "other"])
def test_a_damaged_shard_is_made_anew(recordings: Recordings, tmp_path: Path, what: str) -> None:
    data = recordings(64)
    expected = fresh(data, ByTime(4))
    frames = data.frames(ByTime(4), cache=tmp_path / "kept", progress=False)
    file, other = shards(tmp_path / "kept")
    content = bytearray(file.read_bytes())
    if what == "gone":
        file.unlink()
    elif what == "other":
        file.write_bytes(other.read_bytes())
    elif what in ("cut", "empty"):
        file.write_bytes(content[: 0 if what == "empty" else len(content) // 2])
    else:
        content[{"byte": len(content) // 2, "last byte": -1, "head": 5, "count": 53}[what]] ^= 0x10
        file.write_bytes(content)
    # found when it is opened, whether the cache was looked at before the damage or after
    assert np.array_equal(frames.take(np.arange(64)), expected)
    if what != "gone":
        file.write_bytes(content[:-3])
    again = data.frames(ByTime(4), cache=tmp_path / "kept", progress=False)
    assert np.array_equal(again.take(np.arange(64)), expected)
    assert len(shards(tmp_path / "kept")) == 2


@pytest.mark.parametrize("byte", [52, 60, 68, 76, 77, 84, 92, 100, 107])
def test_a_damaged_head_is_seen_before_its_numbers_are_used(tmp_path: Path, byte: int) -> None:
    """The largest count decides the dtype: a smaller one would make counts go round."""

    def read(key: str) -> Events:
        t = np.zeros(300, np.int64)
        return Events(t, t.astype(np.uint16), t.astype(np.uint16), t.astype(np.uint8), (1, 1, 1))

    data = EventData("full", "train", ("a",), np.zeros(1, np.int64), ("a",), (1, 1, 1), read, str, "made up")
    data.frames(ByNumber(1), cache=tmp_path, progress=False)
    (file,) = shards(tmp_path)
    content = bytearray(file.read_bytes())
    content[byte] ^= 1
    file.write_bytes(content)
    frames = data.frames(ByNumber(1), cache=tmp_path, progress=False).take(np.array([0]))
    assert frames.dtype == np.uint16 and frames.item() == 300


def test_bytes_that_cannot_be_right_are_not_followed(recordings: Recordings, tmp_path: Path) -> None:
    """The decoder stays inside the frames and the bytes, whatever it is given."""
    from neurograph.data.frame_shard import Damaged, pack, unpack

    rng = np.random.default_rng(3)
    for dtype in (np.uint8, np.uint16, np.float32):
        for length in [*range(9), *rng.integers(0, 300, 300)]:
            data = np.zeros(-(-int(length) // 4) * 4 + 4, np.uint8)
            data[:length] = rng.integers(0, 256, length)
            try:
                place, size = np.array([data.ctypes.data]), np.array([length])
                unpack(place, size, (50,), np.dtype(dtype))
            except Damaged:
                continue
    good = pack(np.full((5, 10), 9, np.uint16))
    data = np.frombuffer(good, np.uint8)
    with pytest.raises(Damaged):
        unpack(np.array([data.ctypes.data]), np.array([len(data) - 1]), (50,), np.dtype(np.uint8))
    with pytest.raises(Damaged):
        unpack(np.array([data.ctypes.data]), np.array([len(data)]), (49,), np.dtype(np.uint8))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are started by forking")
def test_several_processes_fill_one_cache_and_some_are_killed(recordings: Recordings, tmp_path: Path) -> None:
    data, kept = recordings(320), tmp_path / "kept"

    def slow(key: str) -> Events:
        time.sleep(0.002)  # slow enough to be killed in the middle, wherever that is
        return data.read(key)

    def fill() -> None:
        replace(data, read=slow).frames(ByTime(5), cache=kept, progress=False)

    context = multiprocessing.get_context("fork")
    running = [context.Process(target=fill) for _ in range(5)]
    for process in running:
        process.start()
    rng = np.random.default_rng()
    for victim in running[:4]:
        time.sleep(float(rng.uniform(0, 0.15)))
        victim.kill()
    for process in running:
        process.join(120)
    ended = [process.exitcode for process in running]
    # on a machine that stalls, a victim may have ended before it was killed
    assert ended[0] == -signal.SIGKILL and {*ended[1:4]} <= {-signal.SIGKILL, 0} and ended[4] == 0
    frames = replace(data, read=slow).frames(ByTime(5), cache=kept, progress=False)
    assert np.array_equal(frames.take(np.arange(320)), fresh(data, ByTime(5)))
    # one that is killed between its shard and its lock leaves that, empty and held by nobody
    left = [file for file in kept.rglob("*") if file.is_file() and not file.name.startswith("about.json.")]
    for lock in [file for file in left if file.suffix == ".lock"]:
        with claim(lock, wait=False) as found:
            assert found is Claim.HELD and lock.stat().st_size == 0 and lock.with_suffix(".frames").exists()
        left.remove(lock)
    assert len(shards(kept)) == 10 and len(left) == 11, f"something is left of those that were killed: {left}"


def test_no_room(recordings: Recordings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = recordings(3)

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match=r"no room for [\d,]+ bytes of frames; make room there, or name another folder"):
        data.frames(ByTime(2), cache=tmp_path / "kept", progress=False)
    assert [file.name for file in (tmp_path / "kept").rglob("*") if file.is_file()] == ["about.json"]


def test_a_folder_that_cannot_be_made(recordings: Recordings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="name another folder with cache=FOLDER, or keep no frames with cache=False"):
        recordings(3).frames(ByTime(2), cache=tmp_path / "file", progress=False)


def test_a_file_system_without_locks(recordings: Recordings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")

    def none(handle: int, kind: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    data = recordings(3)
    frames = data.frames(ByTime(2), cache=tmp_path / "kept", progress=False)
    assert np.array_equal(frames.take(np.arange(3)), fresh(data, ByTime(2)))
    (file,) = shards(tmp_path / "kept")
    at_work = file.with_name(f"{file.stem}.another.tmp")  # perhaps another process writes it
    at_work.write_bytes(b"half")
    file.unlink()
    data.frames(ByTime(2), cache=tmp_path / "kept", progress=False)
    assert at_work.read_bytes() == b"half"
    monkeypatch.undo()
    file.unlink()
    data.frames(ByTime(2), cache=tmp_path / "kept", progress=False)
    assert not at_work.exists(), "with a lock it is known to be of one that died"


def test_list_and_remove(recordings: Recordings, tmp_path: Path) -> None:
    data = recordings(40)
    assert cached_frames(tmp_path / "kept") == ()
    frames = data.frames(ByTime(3), cache=tmp_path / "kept", progress=False)
    data.frames(ByNumber(3), (4, 4), cache=tmp_path / "kept", progress=False)
    expected = frames.take(np.arange(40))
    (tmp_path / "kept" / "mine").mkdir()
    (tmp_path / "kept" / "mine" / "about.json").write_text("{}")
    found = {kept.maker: kept for kept in cached_frames(tmp_path / "kept")}
    kept = found["ByTime(steps=3)"]
    assert set(found) == {"ByTime(steps=3)", "ByNumber(steps=3)"}
    assert (kept.name, kept.split, kept.size, kept.files) == ("made", "train", (9, 11), 3)
    assert kept.bytes == sum(file.stat().st_size for file in kept.path.iterdir())
    assert kept.remove() == kept.bytes and not kept.path.exists()
    assert np.array_equal(frames.take(np.arange(40)), expected), "what is open stays"
    for each in cached_frames(tmp_path / "kept"):
        each.remove()
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["mine"]
