"""Downloads against a local server: resume, checksums, refusals."""

from __future__ import annotations

import hashlib
import io
import re
import socket
import tarfile
from pathlib import Path

import numpy as np
import pytest

from neurograph.data import DownloadError, dataset, download, load
from neurograph.errors import DataError

CONTENT = np.random.default_rng(0).bytes(700_000)
MD5 = hashlib.md5(CONTENT).hexdigest()
SHA = hashlib.sha256(CONTENT).hexdigest()


def get(site, target: Path, **options: object) -> Path:
    return download(site.url + "file", target, progress=False, **options)  # type: ignore[arg-type]


def test_whole_file_into_new_folder(site, tmp_path: Path) -> None:
    site.files["file"] = CONTENT
    target = get(site, tmp_path / "a/b/file", md5=MD5, sha256=SHA, size=len(CONTENT))
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == ["file"]
    get(site, target, md5=MD5)
    assert len(site.asked) == 1, "a file that fits must not be fetched again"


def test_broken_transfer_is_resumed(site, tmp_path: Path) -> None:
    site.files["file"] = CONTENT
    site.cut_at = 300_000
    target = tmp_path / "file"
    with pytest.raises(DownloadError, match="broke off at byte 300000 of 700000"):
        get(site, target, md5=MD5)
    assert not target.exists() and (tmp_path / "file.part").stat().st_size == 300_000
    site.cut_at = None
    assert get(site, target, md5=MD5).read_bytes() == CONTENT
    assert site.asked[-1] == ("/file", "bytes=300000-")


def test_server_without_ranges_starts_over(site, tmp_path: Path) -> None:
    site.files["file"] = CONTENT
    site.ranges = False
    (tmp_path / "file.part").write_bytes(CONTENT[:1000])
    assert get(site, tmp_path / "file", md5=MD5).read_bytes() == CONTENT


@pytest.mark.parametrize("left", [b"x" * 1000, CONTENT, CONTENT + b"more"])
def test_left_over_part_of_another_file(site, tmp_path: Path, left: bytes) -> None:
    site.files["file"] = CONTENT
    (tmp_path / "file.part").write_bytes(left)
    assert get(site, tmp_path / "file", md5=MD5).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"md5": "0" * 32}, f"its md5 is {MD5}"),
        ({"sha256": "0" * 64}, f"its sha256 is {SHA}"),
        ({"size": 5}, "it has 700000 bytes, 5 are expected"),
    ],
)
def test_wrong_content_gets_no_name(site, tmp_path: Path, options, message: str) -> None:
    site.files["file"] = CONTENT
    with pytest.raises(DataError, match=message) as caught:
        get(site, tmp_path / "file", **options)
    assert not isinstance(caught.value, DownloadError)
    assert list(tmp_path.iterdir()) == []


def test_present_file_with_wrong_checksum_is_replaced(site, tmp_path: Path) -> None:
    site.files["file"] = CONTENT
    (tmp_path / "file").write_bytes(b"old")
    assert get(site, tmp_path / "file", md5=MD5).read_bytes() == CONTENT


def test_missing_page(site, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=re.escape(site.url + "file") + ".*404"):
        get(site, tmp_path / "file")


def test_refused_connection_names_address_and_way_out(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        url = f"http://127.0.0.1:{held.getsockname()[1]}/x"
        with pytest.raises(DownloadError, match=f"{re.escape(url)}.*NEUROGRAPH_DATA"):
            download(url, tmp_path / "x", progress=False)


def test_silent_server_times_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        url = f"http://127.0.0.1:{held.getsockname()[1]}/x"
        with pytest.raises(DownloadError, match="timed out"):
            download(url, tmp_path / "x", progress=False, timeout=0.2)


def test_only_web_addresses(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    with pytest.raises(DataError, match="only http"):
        download(f"file://{tmp_path}/secret", tmp_path / "x")


def test_folder_that_cannot_be_made(site, tmp_path: Path) -> None:
    site.files["file"] = CONTENT
    (tmp_path / "taken").write_text("a file, not a folder")
    with pytest.raises(DataError, match="taken.*cannot be written"):
        get(site, tmp_path / "taken/file")


def test_mnist_is_fetched_into_the_cache(site, tmp_path: Path, write_idx, monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = write_idx(tmp_path / "origin")
    kind = type(dataset("mnist"))
    sums = {}
    for path in (tmp_path / "origin").iterdir():
        site.files[path.name] = path.read_bytes()
        sums[path.name.removesuffix(".gz")] = hashlib.md5(path.read_bytes()).hexdigest()
    monkeypatch.setattr(kind, "address", site.url)
    with pytest.raises(DataError, match="md5"):
        load("mnist", progress=False)
    assert len(load("mnist", data_dir=tmp_path / "unchecked", verify=False, progress=False)) == 20
    monkeypatch.setattr(kind, "checksums", sums)
    data = load("mnist", progress=False)
    assert np.array_equal(data.images[:, 0], images) and np.array_equal(data.labels, labels)
    assert (tmp_path / "cache/neurograph/data/mnist").is_dir()
    asked = len(site.asked)
    load("mnist", "test", progress=False)
    assert len(site.asked) == asked


def test_cifar_archive_is_unpacked_by_name_only(
    site, tmp_path: Path, write_cifar, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = write_cifar(tmp_path / "origin")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for path in sorted((tmp_path / "origin").iterdir()):
            tar.add(path, f"cifar-10-batches-bin/{path.name}")
        tar.add(path, "../../escaped.bin")
    kind = type(dataset("cifar10"))
    site.files["c.tar.gz"] = buffer.getvalue()
    monkeypatch.setattr(kind, "address", site.url + "c.tar.gz")
    monkeypatch.setattr(kind, "md5", hashlib.md5(buffer.getvalue()).hexdigest())
    target = tmp_path / "deep/er/data"
    data = load("cifar10", data_dir=target, progress=False)
    assert np.array_equal(data.labels, records[:5, :, 0].ravel())
    assert not list(tmp_path.rglob("escaped.bin"))
    assert [path.name for path in target.iterdir()] == ["cifar-10-batches-bin"]


def test_cifar_archive_that_is_none(site, tmp_path: Path, monkeypatch) -> None:
    kind = type(dataset("cifar10"))
    monkeypatch.setattr(kind, "address", site.url + "c.tar.gz")
    site.files["c.tar.gz"] = b"<html>login first</html>"
    with pytest.raises(DataError, match="cannot be unpacked"):
        load("cifar10", data_dir=tmp_path, verify=False, progress=False)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz"):
        pass
    site.files["c.tar.gz"] = buffer.getvalue()
    (tmp_path / "cifar-10-binary.tar.gz").unlink()
    with pytest.raises(DataError, match="no member"):
        load("cifar10", data_dir=tmp_path, verify=False, progress=False)


def test_unreachable_set_says_where_it_looked(tmp_path: Path, monkeypatch) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{held.getsockname()[1]}/"
        monkeypatch.setattr(type(dataset("mnist")), "address", address)
        with pytest.raises(DownloadError, match=f"not in {tmp_path}.*{address}"):
            load("mnist", data_dir=tmp_path, progress=False)
