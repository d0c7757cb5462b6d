"""Unpacking zip and tar files that anyone may have made: no name leads out of the folder, no size gets out of hand."""

from __future__ import annotations

import contextlib
import gzip
import lzma
import os
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from neurograph.data.claim import Claim, claim
from neurograph.errors import DataError

__all__ = ["Archive", "alone", "unpack"]

CHUNK = 1 << 20
#: Files and bytes that an archive may unpack to; compressed events and pictures stay far below.
MOST_FILES = 2_000_000
RATIO, FLOOR = 100, 64 << 20
#: What some systems pack beside the data.
LITTER = ("__MACOSX", ".DS_Store")
STAGE = ".unpacking-"


@dataclass(frozen=True)
class Archive:
    """One published archive: the file's name, what it unpacks to in the set's folder, its address and checksum.

    Without `url` the host gives it to a person only. `md5` is the published one, or None where none is known.
    """

    name: str
    makes: str
    url: str = ""
    md5: str | None = None
    #: Names of other packings of the same, without a known checksum, that a person may put there.
    others: tuple[str, ...] = ()
    #: The one split that it is for; None: each.
    split: str | None = None

    def put(self, folder: Path) -> Path | None:
        """The archive as a person put it into the folder, in whichever packing."""
        return next((folder / name for name in (self.name, *self.others) if (folder / name).is_file()), None)

    def unpacked(self, folder: Path) -> bool:
        return (folder / self.makes).exists()


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a .zip, .tar, .tar.gz, .tgz, .tar.bz2, .tar.xz or the one file of a .gz into `folder`.

    Everything goes to a folder beside first and is moved when all of it is there, so an attempt that broke off leaves
    nothing that looks like data. Names that lead out of the folder, links and devices are refused, and so is an archive
    that unpacks to more than a hundred times its size. Raises DataError naming the archive.
    """
    try:
        size = archive.stat().st_size
    except OSError as error:
        raise DataError(f"{archive}: it cannot be read ({error})") from error
    if size == 0:
        raise DataError(f"{archive}: it is empty; delete it and get it again")
    stage: Path | None = None
    room = RATIO * size + FLOOR
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=STAGE, dir=folder))  # of its own, as another process may be unpacking too
        for count, (name, stream) in enumerate(_members(archive)):
            if count >= MOST_FILES:
                raise DataError(f"{archive}: it holds more than {MOST_FILES:,} files; it is no archive of a data set")
            target = stage / _inside(name, archive)
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as out:
                while chunk := stream.read(CHUNK):
                    room -= len(chunk)
                    if room < 0:
                        raise DataError(
                            f"{archive}: {name} makes it unpack to more than {RATIO} times its {size:,} bytes; "
                            "no archive of a data set does; get it again"
                        )
                    out.write(chunk)
        _move(stage, folder)
    except (tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, EOFError, zlib.error) as error:
        raise DataError(f"{archive}: it is damaged ({error}); delete it and get it again") from error
    except (NotImplementedError, RuntimeError) as error:  # zip: an unknown method, a password
        raise DataError(f"{archive}: it cannot be unpacked ({error}); unpack it by hand into {folder}") from error
    except OSError as error:
        raise DataError(f"{archive}: it cannot be unpacked into {folder} ({error})") from error
    finally:
        if stage is not None:
            shutil.rmtree(stage, ignore_errors=True)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only process to fetch into a folder and to unpack there, waiting for one that does; raises DataError.

    What one that died had unpacked by half is cleared away.
    """
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            found = stack.enter_context(claim(folder / ".fetching.lock"))
        except OSError as error:
            raise DataError(
                f"{folder}: it cannot be written ({error}); fix its rights, or choose another folder with data_dir=..."
            ) from error
        if found is Claim.HELD:
            for left in folder.glob(f"{STAGE}*"):
                shutil.rmtree(left, ignore_errors=True)
        yield


def _members(archive: Path) -> Iterator[tuple[str, IO[bytes] | gzip.GzipFile]]:
    """Names and contents of the plain files; whatever is neither file nor folder is refused."""
    name = archive.name.lower()
    if name.endswith(".zip"):
        yield from _of_zip(archive)
    elif name.endswith((".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")):
        yield from _of_tar(archive)
    elif name.endswith(".gz"):
        with gzip.open(archive) as stream:
            yield archive.name[:-3], stream
    else:
        raise DataError(f"{archive}: unpacked here are .zip, .tar(.gz, .bz2, .xz) and .gz; unpack it by hand beside")


def _of_zip(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(archive) as packed:
        for info in packed.infolist():
            kind = (info.external_attr >> 16) & 0o170000
            if kind == 0o120000:
                raise DataError(f"{archive}: {info.filename} is a link; links are not unpacked; get the archive again")
            if not info.is_dir() and not _litter(info.filename):
                with packed.open(info) as stream:
                    yield info.filename, stream


def _of_tar(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(archive, "r:*") as packed:
        for info in packed:
            if info.isdir() or _litter(info.name):
                continue
            stream = packed.extractfile(info) if info.isfile() else None
            if stream is None:
                raise DataError(f"{archive}: {info.name} is no plain file; links and devices are not unpacked")
            with stream:
                yield info.name, stream
        for _ in range(64):  # the checksum stands behind the padding that ends a tar
            if packed.fileobj is None or not packed.fileobj.read(CHUNK):
                break


def _litter(name: str) -> bool:
    return any(part in LITTER for part in PurePosixPath(name).parts)


def _inside(name: str, archive: Path) -> Path:
    """The name as a path below a folder."""
    parts = [part for part in PurePosixPath(name).parts if part != "."]
    bad = name.startswith("/") or "\\" in name or "\0" in name or not parts
    if bad or any(part == ".." or ":" in part for part in parts):
        raise DataError(f"{archive}: the name {name!r} leads out of the folder; nothing of it was kept")
    return Path(*parts)


def _move(source: Path, target: Path) -> None:
    """Move what is in one folder into another, files over files, folders into folders."""
    for one in source.iterdir():
        place = target / one.name
        if one.is_dir() and place.is_dir():
            _move(one, place)
        else:
            os.replace(one, place)
