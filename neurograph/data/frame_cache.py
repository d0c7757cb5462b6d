"""Frames kept on disk: what belongs to what, filling by one or several processes, reading a batch, listing, removing."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurograph.data.event_data import EventData
from neurograph.data.frame_key import code_of_maker, code_of_reader
from neurograph.data.frame_shard import (
    Damaged,
    Shard,
    claimed,
    load_kernels,
    open_shard,
    pack,
    peek,
    unpack,
    unwritable,
    write_shard,
)
from neurograph.data.frames.frame_maker import FrameMaker
from neurograph.data.frames.resize import resized
from neurograph.data.registry import cache_folder
from neurograph.errors import DataError
from neurograph.version import __version__

__all__ = ["CachedFrames", "FrameCache", "cached_frames", "frames_folder"]

ABOUT = "about.json"
SHARDS = 128  # at most; each that is read stays open
SMALLEST = 32  # recordings of a shard


def frames_folder() -> Path:
    """Where frames are kept by default: the folder `frames` of this user's cache folder."""
    return cache_folder() / "frames"


def frame_of(data: EventData, maker: FrameMaker, size: tuple[int, int], key: str) -> np.ndarray:
    """The frames [T, C, H, W] of one recording; whatever goes wrong is said with its name, as a DataError."""
    where = f"data set {data.name!r}, split {data.split!r}, recording {key!r}"
    try:
        made = maker(data.read(key))
    except Exception as error:
        raise DataError(f"{where}: {error}") from error
    want = (maker.steps, *maker.shape(data.sensor))
    if made.shape != want or made.dtype != maker.dtype:
        raise DataError(
            f"{where}: {maker!r} gave {made.dtype} {made.shape}; it says {np.dtype(maker.dtype)} {want}; correct its "
            "dtype, shape() or the sensor of the recording"
        )
    return resized(made, size)


class FrameCache:
    """The frames of all recordings of `data` by one maker at one size, in shards of some recordings each.

    A shard's name is a digest of everything that its frames depend on: data set, split, source, keys and versions of its
    recordings, the code that reads them, the maker with its settings and its code, the size, and the version of this package. What has changed has
    another name, so an old frame is never given for a new one; and what two sets of frames share they share on disk.
    """

    def __init__(self, data: EventData, maker: FrameMaker, size: tuple[int, int], folder: Path) -> None:
        self.data, self.maker, self.size = data, maker, size
        channels, height, width = maker.shape(data.sensor)
        self.whole = np.issubdtype(maker.dtype, np.integer) and (height, width) == size
        self.shape = (maker.steps, channels, *size)
        about = {
            "set": data.name,
            "split": data.split,
            "source": data.source,
            "sensor": data.sensor,
            "maker": repr(maker),
            "code": code_of_maker(maker),
            "reader": code_of_reader(data.read),
            "size": size,
            "neurograph": __version__,
            "order": sys.byteorder,
        }
        text = json.dumps(about, sort_keys=True)
        self.about = json.dumps(about, indent=1)
        plain = re.sub(r"[^\w.-]+", "_", f"{data.name}-{data.split}-{maker.name or type(maker).__name__}")
        self.folder = folder / f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
        self.versions = [data.version(key) for key in data.keys]
        self.rows = max(SMALLEST, -(-len(data) // SHARDS))
        self.digests = [
            hashlib.sha256("\0".join([text, *self.data.keys[part], "", *self.versions[part]]).encode()).digest()
            for part in map(self.part, range(-(-len(data) // self.rows)))
        ]
        self.dtype = np.dtype(np.uint8 if self.whole else np.float32)
        self._shards: dict[int, Shard] = {}
        self._starts = np.zeros(len(data), np.int64)
        self._lengths = np.zeros(len(data), np.int64)
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        # addresses and locks mean nothing to another process
        return {k: v for k, v in self.__dict__.items() if k not in ("_shards", "_lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _shards={}, _lock=threading.Lock())

    def part(self, number: int) -> slice:
        """The recordings of a shard."""
        return slice(number * self.rows, min((number + 1) * self.rows, len(self.data)))

    def path(self, number: int) -> Path:
        """The file of a shard."""
        return self.folder / f"{self.digests[number].hex()[:32]}.frames"

    def prepare(self) -> None:
        """Make the folder, for this user only; raises DataError."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not (self.folder / ABOUT).exists():
                temporary = self.folder / f"{ABOUT}.{os.getpid()}.tmp"
                temporary.write_text(self.about)
                os.replace(temporary, self.folder / ABOUT)
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def missing(self) -> list[int]:
        """Shards that are not there; the largest count of those that are decides the dtype."""
        out, top = [], 0
        for number, digest in enumerate(self.digests):
            try:
                top = max(top, peek(self.path(number), digest))
            except Damaged:
                out.append(number)
        if self.whole:
            self.dtype = np.dtype(np.uint8 if top < 256 else np.uint16)
        if not out:
            load_kernels(self.dtype)
        return out

    def make(self, number: int, wait: bool = True) -> bool:
        """Make a shard that is not there; False where another process is making it and `wait` is not set."""
        with claimed(self.path(number), wait) as mine:
            if not mine:
                return False
            with contextlib.suppress(Damaged):
                open_shard(self.path(number), self.digests[number], int(np.prod(self.shape)))
                return True
            rows, top, part = [], 0, self.part(number)
            for key, version in zip(self.data.keys[part], self.versions[part], strict=True):
                made = frame_of(self.data, self.maker, self.size, key)
                if self.data.version(key) != version:
                    raise DataError(
                        f"data set {self.data.name!r}, split {self.data.split!r}, recording {key!r} was changed while its "
                        "frames were made; call frames() again when nothing writes there"
                    )
                rows.append(pack(made))
                top = max(top, int(made.max())) if self.whole else 0
            write_shard(self.path(number), self.digests[number], int(np.prod(self.shape)), self.whole, top, rows)
        return True

    def take(self, places: np.ndarray) -> np.ndarray:
        """The frames [B, T, C, H, W] of these recordings; a shard is mapped and checked when it is first needed."""
        for number in np.unique(places // self.rows):
            if int(number) not in self._shards:
                self._open(int(number))
        try:
            return unpack(self._starts[places], self._lengths[places], self.shape, self.dtype)
        except Damaged as error:
            raise DataError(
                f"{self.folder}: a shard was damaged while it was open ({error}); remove the folder and start again"
            ) from error

    def _open(self, number: int) -> None:
        with self._lock:
            if number in self._shards:
                return
            cells = int(np.prod(self.shape))
            try:
                shard = open_shard(self.path(number), self.digests[number], cells)
            except Damaged:
                self.prepare()
                self.make(number)
                try:
                    shard = open_shard(self.path(number), self.digests[number], cells)
                except Damaged as error:
                    raise DataError(
                        f"{self.path(number)}: {error}, though it was just made; look at the disk"
                    ) from error
            part = self.part(number)
            self._starts[part], self._lengths[part] = shard.starts, shard.lengths
            self._shards[number] = shard


@dataclass(frozen=True)
class CachedFrames:
    """Frames that are kept on disk: of what, in how many files and bytes, and where."""

    name: str
    split: str
    maker: str
    size: tuple[int, int]
    files: int
    bytes: int
    path: Path

    def remove(self) -> int:
        """Delete them and return the bytes this freed; processes that are reading them are not disturbed."""
        freed = 0
        for file, length in _files(self.path):
            with contextlib.suppress(FileNotFoundError):
                file.unlink()
                freed += length
        with contextlib.suppress(OSError):  # something that is not ours lies there, or was just written
            self.path.rmdir()
        return freed


def cached_frames(folder: str | os.PathLike[str] | None = None) -> tuple[CachedFrames, ...]:
    """All frames that are kept in a folder (default: this user's), the largest first.

    `sum(f.bytes for f in cached_frames())` is what they take up; `for f in cached_frames(): f.remove()` deletes them all.
    """
    root, found = Path(folder) if folder is not None else frames_folder(), []
    for file in root.glob(f"*/{ABOUT}"):
        try:
            about = json.loads(file.read_text())
            kind = (about["set"], about["split"], about["maker"], (int(about["size"][0]), int(about["size"][1])))
        except (OSError, ValueError, KeyError, TypeError, IndexError):
            continue  # not ours
        lengths = [length for _, length in _files(file.parent)]
        found.append(CachedFrames(*kind, len(lengths), sum(lengths), file.parent))
    return tuple(sorted(found, key=lambda f: (-f.bytes, f.path)))


def _files(folder: Path) -> Iterator[tuple[Path, int]]:
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        if file.name == ABOUT or file.suffix in (".frames", ".tmp", ".lock"):
            with contextlib.suppress(FileNotFoundError):
                yield file, file.stat().st_size
