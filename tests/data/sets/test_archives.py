"""Archives: fetched with resume and unpacked whole or not at all; nothing leads out of the folder."""

from __future__ import annotations

import gzip
import hashlib
import io
import multiprocessing
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from neurograph.data import DownloadError, dataset, load
from neurograph.data.archives import Archive, unpack
from neurograph.errors import DataError


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return out.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w:gz") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as packed:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return out.getvalue()


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


@pytest.fixture
def nmnist_zips(atis, some_events) -> dict[str, bytes]:
    made = {}
    for top in ("Train", "Test"):
        files = {f"{top}/{k % 10}/{k:05d}.bin": atis(some_events(k, 30, 34, 34)) for k in range(1, 30)}
        made[f"{top}.zip"] = zipped({**files, f"__MACOSX/{top}/._x": b"litter"})
    return made


def test_zips_are_fetched_with_resume(site, tmp_path: Path, nmnist_zips, monkeypatch: pytest.MonkeyPatch) -> None:
    site.files |= nmnist_zips
    held = tuple(Archive(n, n[:-4], site.url + n, md5(c)) for n, c in nmnist_zips.items())
    monkeypatch.setattr(type(dataset("nmnist")), "archives", held)
    site.cut_at = 1000
    with pytest.raises(DownloadError, match="broke off at byte 1000"):
        load("nmnist", data_dir=tmp_path, progress=False)
    assert not (tmp_path / "nmnist/Train").exists()
    site.cut_at = None
    data = load("nmnist", data_dir=tmp_path, progress=False)
    assert ("/Train.zip", "bytes=1000-") in site.asked
    assert len(data) == 29 and len(load("nmnist", "test", data_dir=tmp_path, download=False)) == 29
    assert sorted(path.name for path in (tmp_path / "nmnist").iterdir()) == ["Test", "Train"]


def test_only_what_is_missing_is_fetched(site, tmp_path: Path, nmnist_zips, monkeypatch: pytest.MonkeyPatch) -> None:
    site.files |= nmnist_zips
    wrong = tuple(Archive(n, n[:-4], site.url + n, "0" * 32) for n in nmnist_zips)
    monkeypatch.setattr(type(dataset("nmnist")), "archives", wrong)
    (tmp_path / "nmnist").mkdir()
    (tmp_path / "nmnist/Train.zip").write_bytes(nmnist_zips["Train.zip"])  # put there by a person
    with pytest.raises(DataError, match=r"Train\.zip: its md5 is"):
        load("nmnist", data_dir=tmp_path, progress=False)
    assert len(load("nmnist", data_dir=tmp_path, verify=False, progress=False)) == 29
    assert [path for path, _ in site.asked] == ["/Test.zip"] and (tmp_path / "nmnist/Train.zip").exists()


def test_tar_is_fetched_with_resume(
    site, tmp_path: Path, aedat31, some_events, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = tarred(
        {
            "DvsGesture/trials_to_train.txt": b"user01_led.aedat\n",
            "DvsGesture/trials_to_test.txt": b"user01_led.aedat\n",
            "DvsGesture/user01_led.aedat": aedat31(some_events(1, 400, 128, 128)),
            "DvsGesture/user01_led_labels.csv": b"class,startTime_usec,endTime_usec\n4,0,300000\n",
        }
    )
    site.files["DvsGesture.tar.gz"] = content
    held = (Archive("DvsGesture.tar.gz", "DvsGesture", site.url + "DvsGesture.tar.gz", md5(content)),)
    monkeypatch.setattr(type(dataset("dvsg")), "archives", held)
    site.cut_at = 700
    with pytest.raises(DownloadError, match="broke off"):
        load("dvsg", data_dir=tmp_path, progress=False)
    site.cut_at = None
    data = load("dvsg", data_dir=tmp_path, progress=False)
    assert site.asked[-1] == ("/DvsGesture.tar.gz", "bytes=700-")
    assert data.labels.tolist() == [3] and len(data.events(0)) == 400  # type: ignore[union-attr]


@pytest.mark.parametrize("cut", [None, 40], ids=["not begun", "begun"])
def test_archives_that_broke_off_go_on(
    site, tmp_path: Path, dvs128, monkeypatch: pytest.MonkeyPatch, cut: int | None
) -> None:
    """Of ten archives the first is there: never a data set of one class."""
    kind = type(dataset("dvsc10"))
    made = {
        name: zipped({f"{name}/cifar10_{name}_{k}.aedat": dvs128([(k, 1, 1, 0)]) for k in range(10)})
        for name in kind.classes
    }
    held = tuple(Archive(f"{name}.zip", name, site.url + f"{name}.zip", md5(made[name])) for name in kind.classes)
    monkeypatch.setattr(kind, "archives", held)
    site.files["airplane.zip"] = made["airplane"]
    if cut:
        site.files["automobile.zip"] = made["automobile"]
        (tmp_path / "dvs_cifar10").mkdir()
        unpack_to = tmp_path / "first.zip"
        unpack_to.write_bytes(made["airplane"])
        unpack(unpack_to, tmp_path / "dvs_cifar10")
        site.cut_at = cut
    with pytest.raises(DownloadError, match=r"automobile\.zip"):
        load("dvsc10", data_dir=tmp_path, progress=False)
    assert (tmp_path / "dvs_cifar10/airplane").is_dir()
    with pytest.raises(DownloadError, match="only a part of it is in"):
        load("dvsc10", data_dir=tmp_path, progress=False)
    with pytest.raises(DataError, match="9 folders of classes are missing: automobile, bird"):
        load("dvsc10", data_dir=tmp_path, download=False)
    site.files |= {f"{name}.zip": content for name, content in made.items()}
    site.cut_at = None
    data = load("dvsc10", data_dir=tmp_path, progress=False)
    assert len(data) == 90 and sorted(set(data.labels.tolist())) == list(range(10))
    assert len([path for path, _ in site.asked if path == "/airplane.zip"]) == (0 if cut else 1)
    before = len(site.asked)
    assert len(load("dvsc10", "test", data_dir=tmp_path, progress=False)) == 10 and len(site.asked) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are started by forking")
def test_several_processes_fetch_at_once(tmp_path: Path, nmnist_zips, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"Train/{k % 10}/{k:05d}.bin": b"\0\0\0\0\1" for k in range(1, 601)}
    nmnist_zips["Train.zip"] = zipped(files)
    held = tuple(Archive(n, n[:-4], "", md5(c)) for n, c in nmnist_zips.items())
    monkeypatch.setattr(type(dataset("nmnist")), "archives", held)
    (tmp_path / "nmnist/.unpacking-of-one-that-died").mkdir(parents=True)
    for name, content in nmnist_zips.items():
        (tmp_path / "nmnist" / name).write_bytes(content)

    def count() -> None:
        os._exit(0 if len(load("nmnist", data_dir=tmp_path)) == 600 else 1)

    context = multiprocessing.get_context("fork")
    running = [context.Process(target=count) for _ in range(4)]
    for process in running:
        process.start()
    for process in running:
        process.join(60)
    assert [process.exitcode for process in running] == [0] * 4
    assert sorted(path.name for path in (tmp_path / "nmnist").iterdir()) == ["Test", "Test.zip", "Train", "Train.zip"]


@pytest.mark.parametrize("ending", [".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2"])
def test_endings(tmp_path: Path, ending: str) -> None:
    files = {"a/b.txt": b"one", "./c.txt": b"two"}
    modes = {".tar": "w", ".tar.xz": "w:xz", ".tar.bz2": "w:bz2"}
    path = tmp_path / f"x{ending}"
    path.write_bytes(zipped(files) if ending == ".zip" else tarred(files, modes.get(ending, "w:gz")))
    (tmp_path / "out/a").mkdir(parents=True)
    (tmp_path / "out/a/b.txt").write_text("of another time")
    unpack(path, tmp_path / "out")
    assert (tmp_path / "out/a/b.txt").read_bytes() == b"one" and (tmp_path / "out/c.txt").read_bytes() == b"two"
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a", "c.txt"]


def test_one_file_of_a_gz(tmp_path: Path) -> None:
    (tmp_path / "shd_train.h5.gz").write_bytes(gzip.compress(b"content"))
    unpack(tmp_path / "shd_train.h5.gz", tmp_path)
    assert (tmp_path / "shd_train.h5").read_bytes() == b"content"


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize("name", ["../out.txt", "/tmp/out.txt", "a/../../out.txt", "a\\..\\out.txt", "c:/out.txt"])
def test_names_that_lead_out(tmp_path: Path, pack, name: str) -> None:
    path = tmp_path / ("x.zip" if pack is zipped else "x.tar.gz")
    path.write_bytes(pack({"good.txt": b"1", name: b"2"}))
    with pytest.raises(DataError, match="leads out of the folder"):
        unpack(path, tmp_path / "in/side")
    assert not list(tmp_path.rglob("*out.txt")) and not list(tmp_path.rglob("good.txt"))


def test_links_and_devices(tmp_path: Path) -> None:
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
        with tarfile.open(tmp_path / "x.tar", "w") as packed:
            info = tarfile.TarInfo("x")
            info.type, info.linkname = kind, "/etc/passwd"
            packed.addfile(info)
        with pytest.raises(DataError, match="no plain file"):
            unpack(tmp_path / "x.tar", tmp_path / "out")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as packed_zip:
        link = zipfile.ZipInfo("x")
        link.external_attr = 0o120777 << 16
        packed_zip.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match="is a link"):
        unpack(tmp_path / "x.zip", tmp_path / "out")


def test_sizes_out_of_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurograph.data.archives.FLOOR", 1000)
    path = tmp_path / "x.zip"
    path.write_bytes(zipped({"a": bytes(1_000_000)}))
    with pytest.raises(DataError, match="more than 100 times"):
        unpack(path, tmp_path / "out")
    monkeypatch.setattr("neurograph.data.archives.MOST_FILES", 3)
    path.write_bytes(zipped({str(k): b"" for k in range(4)}))
    with pytest.raises(DataError, match="more than 3 files"):
        unpack(path, tmp_path / "out")
    assert not any((tmp_path / "out").iterdir())


@pytest.mark.parametrize("ending", [".zip", ".tar.gz", ".tar.xz", ".gz", ".rar"])
def test_damage_leaves_nothing(tmp_path: Path, ending: str) -> None:
    noise = np.random.default_rng(0).bytes(5000)
    made = {".zip": zipped, ".tar.gz": tarred, ".tar.xz": lambda f: tarred(f, "w:xz")}
    whole = made[ending]({"a": noise}) if ending in made else gzip.compress(noise)
    path = tmp_path / f"x{ending}"
    for content in (whole[: len(whole) // 2], whole[:300] + b"\xff\0\xff" * 9 + whole[327:], b"<html>", b""):
        path.write_bytes(content)
        with pytest.raises(DataError, match=rf"x\{ending}"):
            unpack(path, tmp_path / "out")
        assert not list((tmp_path / "out").glob("*"))
    with pytest.raises(DataError, match="cannot be read"):
        unpack(tmp_path / "none.zip", tmp_path / "out")
