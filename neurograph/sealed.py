"""HDF5 files behind a header that is checked before the HDF5 library reads a byte.

The header is a user block of 512 bytes (a magic line, one JSON line, NUL): any HDF5 program opens the file as it is. It
holds the length and the sha256 of the rest, so damage is found first, and facts that can be read without the rest.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py

from neurograph.errors import FormatError

BLOCK = 512


def write_sealed(
    path: str | os.PathLike[str], magic: bytes, facts: Mapping[str, Any], fill: Callable[[h5py.File], None]
) -> Path:
    """Write a file that `fill` fills; it appears complete or not at all. Raises OSError where the disk refuses."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with h5py.File(temporary, "w", userblock_size=BLOCK) as file:
            fill(file)
        with temporary.open("rb+") as stream:
            fields = {"sha256": _digest(stream, facts), "facts": dict(facts), "size": stream.tell() - BLOCK}
            header = magic + json.dumps(fields).encode("ascii") + b"\n"
            if len(header) > BLOCK:
                raise FormatError(f"{path}: its header would take {len(header)} bytes, and there is room for {BLOCK}")
            stream.seek(0)
            stream.write(header.ljust(BLOCK, b"\0"))
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return path


def sealed_facts(path: str | os.PathLike[str], magic: bytes, what: str, *, size: bool = True) -> dict[str, Any]:
    """The facts of the header alone, with "size" and "sha256" of the rest; raises FormatError for anything but `what`.

    `size` says whether the rest must be as long as the header says.
    """
    path = Path(path)
    try:
        check_regular(path)
        with path.open("rb") as stream:
            block = stream.read(BLOCK)
            length = os.fstat(stream.fileno()).st_size - BLOCK
    except (OSError, ValueError) as error:
        raise FormatError(f"{path}: it cannot be read ({error}); give the path of a {what} file") from error
    if not block.startswith(magic):
        raise FormatError(
            f"{path}: bytes 0-{len(magic) - 1} are not {magic!r}; it is not a NeuroGraph {what}; "
            "give one that NeuroGraph wrote"
        )
    try:
        fields = json.loads(block[len(magic) :].rstrip(b"\0").decode("ascii"))
        facts, found = fields["facts"], {"size": int(fields["size"]), "sha256": str(fields["sha256"])}
        if not isinstance(facts, dict):
            raise ValueError(f"facts are {type(facts).__name__}")
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise FormatError(
            f"{path}: bytes {len(magic)}-{BLOCK - 1} are not the header of a {what} ({error}); "
            f"the file is damaged; take an earlier {what}"
        ) from error
    if size and length != found["size"]:
        raise FormatError(
            f"{path}: {length} bytes follow byte {BLOCK}, its header says {found['size']}; the file is "
            f"cut off or was added to; take an earlier {what}"
        )
    return {**facts, **found}


def check_seal(path: str | os.PathLike[str], magic: bytes, what: str) -> dict[str, Any]:
    """The facts of a file all of whose bytes are as they were written; raises FormatError else."""
    path = Path(path)
    facts = sealed_facts(path, magic, what)
    said = facts["sha256"]
    try:
        with path.open("rb") as stream:
            found = _digest(stream, {n: v for n, v in facts.items() if n not in ("size", "sha256")})
    except (OSError, ValueError) as error:
        raise FormatError(f"{path}: it cannot be read ({error})") from error
    if found != said:
        raise FormatError(
            f"{path}: the sha256 of its content is {found}, its header says {said}; some "
            f"bytes were changed; take an earlier {what}"
        )
    return facts


def check_regular(path: Path) -> None:
    """Raise OSError unless it is a file: a pipe or a device may never end."""
    if not path.is_file():
        reason = "it is no file" if path.exists() else "no such file"
        raise OSError(reason if not path.is_dir() else "it is a folder")


def _digest(stream: Any, facts: Mapping[str, Any]) -> str:
    """sha256 of the facts and everything behind the header."""
    digest = hashlib.sha256(json.dumps(dict(facts), sort_keys=True).encode())
    stream.seek(BLOCK)
    while piece := stream.read(1 << 20):
        digest.update(piece)
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    """Make the rename last through a power cut, where folders can be synced (not on Windows)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
