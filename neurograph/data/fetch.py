"""Downloads with resume, checksum and atomic rename."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import shutil
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from neurograph.errors import DataError

__all__ = ["DownloadError", "check_md5", "download", "extract"]

CHUNK = 1 << 18
AGENT = "neurograph"


class DownloadError(DataError):
    """An address could not be read; callers may fall back to other data."""


def download(
    url: str,
    target: str | os.PathLike[str],
    *,
    md5: str | None = None,
    sha256: str | None = None,
    size: int | None = None,
    timeout: float = 10.0,
    progress: bool = True,
) -> Path:
    """Fetch ``url`` into the file ``target`` and return its path.

    The bytes go to ``<target>.part`` first; a later call continues such a file with an HTTP
    Range request. Only a complete file with the right size (bytes) and checksum gets its name.
    A target that already fits is not fetched again. ``timeout`` is in seconds, for the
    connection and for each read. Raises DownloadError when the address does not answer or the
    transfer breaks off, DataError when the content is wrong or the disk refuses it.
    """
    target = Path(target)
    if not url.startswith(("http://", "https://")):
        raise DataError(f"download of {url!r}: only http:// and https:// addresses are allowed")
    if target.is_file() and _fault(target, md5, sha256, size) is None:
        return target
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _disk_error(target.parent, error) from error
    resumed = part.is_file() and part.stat().st_size > 0
    _transfer(url, part, timeout, progress)
    fault = _fault(part, md5, sha256, size)
    if fault is not None and resumed:
        # The left-over part may belong to another version of the file: one clean attempt.
        part.unlink()
        _transfer(url, part, timeout, progress)
        fault = _fault(part, md5, sha256, size)
    if fault is not None:
        part.unlink()
        raise DataError(
            f"download of {url}: {fault}; the file was thrown away; try again, or pass "
            "verify=False if you trust the address"
        )
    try:
        with part.open("rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(part, target)
    except OSError as error:
        raise _disk_error(target, error) from error
    return target


def check_md5(path: Path, md5: str | None) -> None:
    """Raise DataError where the file's md5 is not this one; None: not looked at."""
    fault = _fault(path, md5, None, None)
    if fault is not None:
        raise DataError(f"{path}: {fault}; get it again, or pass verify=False if you trust it")


def extract(archive: Path, members: Sequence[str], folder: Path) -> None:
    """Unpack the named members of a .tar.gz into ``folder`` under their last name only.

    Names are chosen by the caller and never by the archive, so nothing can be written outside
    ``folder``. Raises DataError for a damaged archive or a missing member.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive, "r:gz") as tar:
            for member in members:
                stream = tar.extractfile(member)
                if stream is None:
                    raise DataError(f"{archive}: member {member} is not a plain file; get it again")
                target = folder / Path(member).name
                part = target.with_name(target.name + ".part")
                with stream, part.open("wb") as out:
                    shutil.copyfileobj(stream, out, CHUNK)
                os.replace(part, target)
    except KeyError as error:
        raise DataError(
            f"{archive}: no member {error.args[0]}; it must hold {', '.join(members)}; "
            "delete the archive and get it again"
        ) from error
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise DataError(
            f"{archive}: it cannot be unpacked into {folder} ({error}); delete the archive and get it again"
        ) from error


def _transfer(url: str, part: Path, timeout: float, progress: bool) -> None:
    have = part.stat().st_size if part.is_file() else 0
    response = _open(url, have, timeout)
    if response is None:  # 416: the part is as long as the file or longer; start over
        have = 0
        response = _open(url, 0, timeout)
    if response is None:
        raise DownloadError(f"download of {url}: the server refuses to send its first byte")
    with response:
        start = _start_byte(response)
        if start not in (0, have):
            raise DownloadError(
                f"download of {url}: asked for byte {have}, the server sent byte {start}; delete {part} and try again"
            )
        length = response.headers.get("Content-Length", "")
        total = start + int(length) if length.isdigit() else None
        done = _copy(url, response, part, start, total, progress)
    if total is not None and done < total:
        raise DownloadError(
            f"download of {url}: it broke off at byte {done} of {total}; run it again to go on "
            f"from there (the bytes so far are in {part})"
        )


def _copy(
    url: str,
    response: http.client.HTTPResponse,
    part: Path,
    start: int,
    total: int | None,
    progress: bool,
) -> int:
    try:
        out = part.open("ab" if start else "wb")
    except OSError as error:
        raise _disk_error(part, error) from error
    done = start
    with (
        out,
        tqdm(
            total=total,
            initial=start,
            unit="B",
            unit_scale=True,
            desc=part.name.removesuffix(".part"),
            disable=not progress,
            leave=False,
        ) as bar,
    ):
        while True:
            try:
                chunk = response.read(CHUNK)
            except (OSError, http.client.HTTPException) as error:
                raise _unreachable(url, error) from error
            if not chunk:
                return done
            try:
                out.write(chunk)
            except OSError as error:
                raise _disk_error(part, error) from error
            done += len(chunk)
            bar.update(len(chunk))


def _open(url: str, have: int, timeout: float) -> http.client.HTTPResponse | None:
    headers = {"User-Agent": AGENT}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and have:
            return None
        raise _unreachable(url, error) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _unreachable(url, error) from error


def _start_byte(response: http.client.HTTPResponse) -> int:
    if response.status != 206:
        return 0
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(match.group(1)) if match else -1


def _fault(path: Path, md5: str | None, sha256: str | None, size: int | None) -> str | None:
    """What is wrong with a file, or None."""
    actual = path.stat().st_size
    if size is not None and actual != size:
        return f"it has {actual} bytes, {size} are expected"
    for kind, wanted in (("md5", md5), ("sha256", sha256)):
        if wanted is None:
            continue
        with path.open("rb") as stream:
            got = hashlib.file_digest(stream, kind).hexdigest()
        if got != wanted.lower():
            return f"its {kind} is {got}, {wanted} is expected"
    return None


def _unreachable(url: str, error: Exception) -> DownloadError:
    return DownloadError(
        f"download of {url}: the address cannot be read ({error}); check the network, or get the "
        "file elsewhere and name its folder with data_dir=... or the environment variable "
        "NEUROGRAPH_DATA"
    )


def _disk_error(path: Path, error: OSError) -> DataError:
    return DataError(
        f"{path}: it cannot be written ({error}); free space, fix its rights, or choose another "
        "folder with data_dir=..."
    )
