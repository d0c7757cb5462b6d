"""Finding a data set by name and its files on this machine."""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neurograph.data.data_set import DataSet
from neurograph.data.event_data import EventData
from neurograph.data.fetch import DownloadError
from neurograph.data.image_data import ImageData
from neurograph.errors import DataError

__all__ = ["FOLDER_VARIABLE", "cache_folder", "dataset", "load", "load_both", "load_images", "names"]

FOLDER_VARIABLE = "NEUROGRAPH_DATA"


def names() -> tuple[str, ...]:
    """Names of all data sets, sorted."""
    _discover()
    return tuple(sorted(DataSet.known))


def dataset(name: str) -> DataSet:
    """The data set of that name ('CIFAR-10', 'cifar_10' and 'cifar10' are the same).

    Raises DataError listing the known names.
    """
    _discover()
    for known, kind in DataSet.known.items():
        if _plain(name) in map(_plain, (known, *kind.aliases)):
            return kind()
    raise DataError(f"unknown data set {name!r}; known are: {', '.join(names())}")


def cache_folder() -> Path:
    """Where downloads go by default: $XDG_CACHE_HOME or ~/.cache, then neurograph/data."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "neurograph" / "data"


def load(
    name: str,
    split: str = "train",
    data_dir: str | os.PathLike[str] | None = None,
    download: bool = True,
    limit: int | None = None,
    verify: bool = True,
    progress: bool = True,
) -> ImageData | EventData:
    """Load one split of a data set by name.

    Files are looked for in ``data_dir``; without it in the folder named by NEUROGRAPH_DATA and
    then in the cache folder. If they are nowhere and ``download`` is set, they are fetched into
    ``data_dir`` or the cache folder; a download of several archives that broke off goes on.
    ``limit`` keeps the first so many images (all, if there are fewer). ``verify`` checks the official checksum of files that are downloaded now; files
    already in a folder are never compared with it, since they may be re-encoded.

    Raises DataError (unknown name or split, missing or damaged files) and its subclass
    DownloadError (an address that does not answer).
    """
    kind = dataset(name)
    if split not in kind.splits:
        raise DataError(f"data set {kind.name!r}: unknown split {split!r}; it has: {', '.join(kind.splits)}")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise DataError(f"data set {kind.name!r}: limit is {limit!r}; give a whole number above 0")
    if kind.folders:
        folder = _folder(kind, split, data_dir, download, verify, progress)
        source = f"{kind.origin}; read from {folder}"
    else:
        folder, source = Path(), kind.origin
    return kind.open(folder, split, limit, source)


def load_images(
    name: str, split: str = "train", data_dir: str | os.PathLike[str] | None = None, **options: Any
) -> ImageData:
    """As load(), for sets of pictures only; raises DataError for a set of events."""
    part = load(name, split, data_dir, **options)
    if not isinstance(part, ImageData):
        raise DataError(f"data set {part.name!r} holds events; pictures are needed here: choose another data set")
    return part


def load_both(
    name: str,
    data_dir: str | os.PathLike[str] | None = None,
    *,
    otherwise: str = "digits",
    report: Callable[[str], None] = print,
) -> tuple[Any, Any]:
    """The training and the test split; those of `otherwise` where the files are neither here nor to be had.

    What happened is said in one line through `report`; the name of what was loaded is in the result. Raises as load().
    """
    try:
        return load(name, "train", data_dir), load(name, "test", data_dir)
    except DownloadError as error:
        reason = str(error).splitlines()[0]
        report(f"[DATA] no {name} here and none to be had ({reason}); going on with {dataset(otherwise).origin}")
        return load(otherwise, "train", data_dir), load(otherwise, "test", data_dir)


def _folder(
    kind: DataSet,
    split: str,
    data_dir: str | os.PathLike[str] | None,
    download: bool,
    verify: bool,
    progress: bool,
) -> Path:
    places = roots(data_dir)
    found = kind.locate(places, split)
    if found is not None and not (download and kind.begun(found, split)):
        return found
    looked = ", ".join(str(root) for root in places)
    hint = kind.hint(places)
    if not download:
        raise DataError(
            f"data set {kind.name!r}: no file of the split {split!r} in {looked} or sub-folders "
            f"{', '.join(kind.folders)}; name the folder with data_dir=... or {FOLDER_VARIABLE}, "
            f"or allow download=True{kind.page and '; the files are at ' + kind.page}{hint and '. ' + hint}"
        )
    target = found or kind.packed(places)
    if target is None:
        target = (Path(data_dir) if data_dir is not None else cache_folder()) / kind.folders[0]
    try:
        kind.fetch(target, verify=verify, progress=progress)
    except DownloadError as error:
        there = f"only a part of it is in {found}" if found else f"not in {looked}"
        raise DownloadError(f"data set {kind.name!r}: {there}, and {error}{hint and '. ' + hint}") from error
    return target


def roots(data_dir: str | os.PathLike[str] | None) -> list[Path]:
    """Folders that data sets are looked for in: this one, or the one NEUROGRAPH_DATA names and the cache."""
    if data_dir is not None:
        return [Path(data_dir)]
    named = os.environ.get(FOLDER_VARIABLE)
    if not named:
        return [cache_folder()]
    if not Path(named).is_dir():
        raise DataError(f"{FOLDER_VARIABLE} is {named!r}, which is not a folder; correct the variable or unset it")
    return [Path(named), cache_folder()]


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _discover() -> None:
    import neurograph.data.sets as package

    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
