"""Sets of pictures: CIFAR-100's records, ImageNet's folders, and that every set writes an example it can open."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from neurograph.cli.group import neurograph
from neurograph.data import DownloadError, EventData, ImageData, dataset, load, names
from neurograph.errors import DataError


def cifar100(folder: Path, train: int = 6, test: int = 4) -> dict[str, np.ndarray]:
    """Records of a coarse label, a fine label and 3072 bytes, as the page of CIFAR-100 describes them."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {}
    for name, count in (("train", train), ("test", test)):
        records = np.random.default_rng(count).integers(0, 256, (count, 3074), dtype=np.uint8)
        records[:, 0], records[:, 1] = records[:, 0] % 20, np.arange(count) * 19
        (folder / f"{name}.bin").write_bytes(records.tobytes())
        made[name] = records
    return made


@pytest.mark.parametrize("sub", ["", "cifar-100-binary", "cifar100"])
def test_cifar100_layout(tmp_path: Path, sub: str) -> None:
    made = cifar100(tmp_path / sub)
    for split, records in made.items():
        data = load("CIFAR-100", split, data_dir=tmp_path, download=False)
        assert isinstance(data, ImageData)
        assert data.labels.tolist() == records[:, 1].tolist()
        assert np.array_equal(data.images.reshape(len(records), 3072), records[:, 2:])
    classes = data.classes
    assert len(classes) == 100 and classes[0] == "apple" and classes[99] == "worm" and list(classes) == sorted(classes)


def test_cifar100_faults(tmp_path: Path) -> None:
    cifar100(tmp_path)
    path = tmp_path / "train.bin"
    content = bytearray(path.read_bytes())
    for place, value, message in (
        (3074 * 2, 20, "byte 6148 is label 20"),
        (3074 * 2 + 1, 100, "byte 6149 is label 100"),
    ):
        damaged = bytearray(content)
        damaged[place] = value
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=rf"train\.bin: {message} of record 2"):
            load("cifar100", data_dir=tmp_path)
    path.write_bytes(content[:-1])
    with pytest.raises(DataError, match=r"train\.bin.*5 records and 3073 bytes from byte 15370"):
        load("cifar100", data_dir=tmp_path)
    (tmp_path / "cifar-100-python").mkdir()
    (tmp_path / "cifar-100-python/train").write_bytes(b"pickle")
    path.unlink()
    with pytest.raises(DataError, match="pickled.*get the binary version"):
        load("cifar100", data_dir=tmp_path, download=False)


def picture(path: Path, width: int, height: int, colour: tuple[int, int, int], mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), colour).convert(mode).save(path)


def imagenet(folder: Path) -> None:
    picture(folder / "train/n02/b2.JPEG", 500, 300, (255, 0, 0))
    picture(folder / "train/n02/b10.JPEG", 300, 500, (0, 255, 0))
    picture(folder / "train/n01/a.png", 20, 30, (0, 0, 255))
    picture(folder / "train/n01/grey.jpg", 256, 256, (90, 90, 90), "L")
    picture(folder / "val/n02/v.JPEG", 400, 400, (9, 99, 199))
    (folder / "train/n02/notes.txt").write_text("no picture")


def test_imagenet_is_read_when_asked_for(tmp_path: Path) -> None:
    imagenet(tmp_path)
    train, test = (load("imagenet", split, data_dir=tmp_path) for split in ("train", "test"))
    assert isinstance(train, ImageData) and isinstance(test, ImageData)
    assert train.classes == test.classes == ("n01", "n02") and train.shape == (3, 224, 224)
    assert train.labels.tolist() == [0, 1, 0, 1] and test.labels.tolist() == [1]
    pixels = train.take(np.array([1, 3, 0, 2]))
    assert pixels.shape == (4, 3, 224, 224) and pixels.dtype == np.uint8
    for got, wanted in zip(pixels.mean((2, 3)), ((255, 0, 0), (0, 255, 0), (0, 0, 255), (90, 90, 90)), strict=True):
        assert np.abs(got - wanted).max() < 3
    assert np.array_equal(train.first(2).take(np.array([1])), pixels[:1])
    assert len(load("imagenet", data_dir=tmp_path, limit=3)) == 3
    assert train.images[1].shape == (3, 224, 224) and np.asarray(test.images).shape == (1, 3, 224, 224)


def test_imagenet_keeps_the_middle(tmp_path: Path) -> None:
    wide = Image.new("RGB", (1024, 512), (255, 255, 255))
    wide.paste((0, 0, 0), (512, 0, 1024, 512))
    (tmp_path / "train/a").mkdir(parents=True)
    wide.save(tmp_path / "train/a/wide.png")
    row = load("image_folder", data_dir=tmp_path).take(np.array([0]))[0, 0, 112]
    assert (row[:110] == 255).all() and (row[114:] == 0).all()


def test_imagenet_faults(tmp_path: Path) -> None:
    imagenet(tmp_path)
    path = tmp_path / "train/n02/b2.JPEG"
    for damage in (path.read_bytes()[:300], b"", b"no picture at all"):
        path.write_bytes(damage)
        with pytest.raises(DataError, match=r"b2\.JPEG: it cannot be read as a picture"):
            load("imagenet", data_dir=tmp_path).take(np.array([0, 1, 2]))
    picture(tmp_path / "val/n09/v.JPEG", 9, 9, (1, 2, 3))
    with pytest.raises(DataError, match="n09: a class that train/ does not have"):
        load("imagenet", "test", data_dir=tmp_path)
    with pytest.raises(DownloadError, match=r"ILSVRC2012_img_train\.tar.*from https://image-net.org.*put it into"):
        load("imagenet", data_dir=tmp_path / "none")


def test_sets_of_the_field_are_there() -> None:
    wanted = "cifar10 cifar100 mnist fashion_mnist digits imagenet dvs_cifar10 dvs128_gesture ncaltech101 nmnist "
    assert set(names()) >= set((wanted + "nomniglot es_imagenet shd").split())
    for alias, name in (("dvsc10", "dvs_cifar10"), ("dvsg", "dvs128_gesture"), ("NCALTECH101", "ncaltech101")):
        assert dataset(alias).name == name


@pytest.mark.parametrize("name", [n for n in names() if n not in ("copied", "two_pictures")])
def test_every_set_writes_an_example_that_opens(tmp_path: Path, name: str) -> None:
    kind = dataset(name)
    assert kind.origin and kind.licence and kind.splits and type(kind).__doc__
    for turn in ("a", "b"):
        kind.write_example(tmp_path / turn, 7, np.random.default_rng(3))
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    if "shd" not in name:  # HDF5 notes the time
        assert all((tmp_path / "a" / f).read_bytes() == (tmp_path / "b" / f).read_bytes() for f in files)
    for split in kind.splits:
        data = load(name, split, data_dir=tmp_path / "a", download=False)
        assert len(data) >= 7 and data.split == split and len(set(data.labels.tolist())) >= min(2, len(data.classes))
        if isinstance(data, EventData):
            events = data.events(len(data) - 1)
            assert len(events) > 100 and events.sensor == data.sensor and data.version(data.keys[0])
            kind.augmentation((48, 48))
        else:
            assert data.take(np.arange(2)).shape == (2, *data.shape)


@pytest.mark.parametrize("name", [n for n in names() if n not in ("copied", "two_pictures")])
def test_every_set_says_what_is_missing(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = dataset(name)
    if not kind.folders:
        return
    with pytest.raises(DataError, match=f"{name}.*no file of the split.*{re.escape(str(tmp_path))}"):
        load(name, data_dir=tmp_path, download=False)
    assert not list(tmp_path.iterdir())
    if kind.by_hand:
        with pytest.raises(
            DownloadError, match=re.escape(f"from {kind.page} and put it into {tmp_path / kind.folders[0]}")
        ):
            load(name, data_dir=tmp_path)


def test_list_of_data_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROGRAPH_DATA", str(tmp_path))
    cifar100(tmp_path / "cifar100")
    run = CliRunner().invoke(neurograph, ["list", "--data", "--json"])
    assert run.exit_code == 0, run.output
    found = {one["name"]: one for one in json.loads(run.output)["data_sets"]}
    assert set(found) == set(names())
    assert found["cifar100"]["here"] == str(tmp_path / "cifar100") and found["nmnist"]["here"] is None
    assert found["shd"]["fetched"] and not found["dvs128_gesture"]["fetched"] and found["ncaltech101"]["classes"] == 100
    shown = CliRunner().invoke(neurograph, ["list", "--data"]).output
    assert "dvs128_gesture (dvsg" in shown and "https://ibm.ent.box.com" in shown and "folders" in shown
