"""Data sets by name: layouts, folder search, and damaged files."""

from __future__ import annotations

import gzip
import os
import pickle
import sys
import tempfile
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurograph.data import DownloadError, ImageData, ImageSet, load, load_both, names
from neurograph.errors import DataError

REAL = os.environ.get("NEUROGRAPH_DATA")


def test_known_names() -> None:
    assert set(names()) >= {"cifar10", "digits", "fashion_mnist", "mnist"}


def test_unknown_name_lists_the_known() -> None:
    with pytest.raises(DataError, match="unknown data set 'imagenette'.*cifar10.*mnist"):
        load("imagenette")


@pytest.mark.parametrize("limit", [0, -1, 1.5, True])
def test_bad_limit(limit: object) -> None:
    with pytest.raises(DataError, match="limit"):
        load("digits", limit=limit)  # type: ignore[arg-type]


def test_unknown_split() -> None:
    with pytest.raises(DataError, match="unknown split 'valid'.*train, test"):
        load("digits", "valid")


def test_digits_split_scale_and_normalisation() -> None:
    train, test = load("digits"), load("digits", "test")
    assert train.images.shape == (1500, 1, 8, 8) and test.images.shape == (297, 1, 8, 8)
    assert train.images.dtype == np.uint8 and train.labels.dtype == np.int64
    assert train.images.min() == 0 and train.images.max() == 255
    assert (train.mean, train.std) == (test.mean, test.std)
    scaled = train.images / 255
    assert scaled.mean() == pytest.approx(train.mean[0], abs=1e-4)
    assert scaled.std() == pytest.approx(train.std[0], abs=1e-4)
    assert len(load("digits", limit=7)) == 7


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("sub", ["", "mnist", "MNIST/raw"])
def test_mnist_layouts(tmp_path: Path, write_idx, packed: bool, sub: str) -> None:
    images, labels = write_idx(tmp_path / sub, packed)
    data = load("MNIST", data_dir=tmp_path, download=False, limit=15)
    assert np.array_equal(data.images, images[:15, None])
    assert np.array_equal(data.labels, labels[:15])
    assert str(tmp_path) in data.source


def test_variable_then_cache(tmp_path: Path, write_idx, monkeypatch: pytest.MonkeyPatch) -> None:
    cached, _ = write_idx(tmp_path / "cache/neurograph/data/mnist", count=11)
    (tmp_path / "mine").mkdir()
    monkeypatch.setenv("NEUROGRAPH_DATA", str(tmp_path / "mine"))
    assert len(load("mnist", download=False)) == 11
    write_idx(tmp_path / "mine/mnist", count=12)
    assert len(load("mnist", download=False)) == 12


def test_variable_names_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROGRAPH_DATA", str(tmp_path / "typo"))
    with pytest.raises(DataError, match="typo.*not a folder"):
        load("mnist")


def test_sub_folder_wins_over_equal_names(tmp_path: Path, write_idx) -> None:
    write_idx(tmp_path, count=11)
    write_idx(tmp_path / "FashionMNIST/raw", count=12)
    assert len(load("fashion-mnist", data_dir=tmp_path, download=False)) == 12


def test_mnist_is_not_taken_for_fashion(tmp_path: Path, write_idx) -> None:
    write_idx(tmp_path, packed=False)
    path = tmp_path / "train-labels-idx1-ubyte"
    digits = bytes((5, 0, 4, 1, 9, 2, 1, 3, 1, 4))
    path.write_bytes(path.read_bytes()[:8] + digits + path.read_bytes()[18:])
    with pytest.raises(DataError, match="are those of mnist, not of fashion_mnist"):
        load("fashion_mnist", data_dir=tmp_path, download=False)
    assert len(load("mnist", data_dir=tmp_path, download=False)) == 20


@pytest.mark.parametrize("sub", ["", "cifar-10-batches-bin", "cifar10/cifar-10-batches-bin"])
def test_cifar_layout(tmp_path: Path, write_cifar, sub: str) -> None:
    records = write_cifar(tmp_path / sub)
    train = load("cifar-10", data_dir=tmp_path, download=False)
    flat = records[:5].reshape(20, 3073)
    assert np.array_equal(train.labels, flat[:, 0])
    assert np.array_equal(train.images, flat[:, 1:].reshape(20, 3, 32, 32))
    test = load("cifar10", "test", data_dir=tmp_path, download=False, limit=3)
    assert np.array_equal(test.images.reshape(3, 3072), records[5, :3, 1:])
    assert np.array_equal(load("cifar10", data_dir=tmp_path, limit=6).labels, flat[:6, 0])


def test_cifar_pickled_layout_is_named_and_not_opened(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (os.mkdir, (str(tmp_path / "exploded"),))

    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    (folder / "data_batch_1").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(DataError, match="pickled.*get the binary version"):
        load("cifar10", data_dir=tmp_path, download=False)
    assert not (tmp_path / "exploded").exists()


def test_cifar_missing_batch(tmp_path: Path, write_cifar) -> None:
    write_cifar(tmp_path)
    (tmp_path / "data_batch_3.bin").unlink()
    with pytest.raises(DataError, match="data_batch_3.bin missing"):
        load("cifar10", data_dir=tmp_path)


def test_cifar_truncated_and_bad_label(tmp_path: Path, write_cifar) -> None:
    write_cifar(tmp_path)
    path = tmp_path / "data_batch_2.bin"
    content = bytearray(path.read_bytes())
    path.write_bytes(content[:-1])
    with pytest.raises(DataError, match=r"data_batch_2.bin.*12291 bytes.*byte 9219"):
        load("cifar10", data_dir=tmp_path)
    content[3073 * 2] = 10
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"byte 6146 is label 10 of record 2"):
        load("cifar10", data_dir=tmp_path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match="data_batch_2.bin.*0 bytes"):
        load("cifar10", data_dir=tmp_path)


def test_idx_faults_name_file_and_byte(tmp_path: Path, write_idx) -> None:
    write_idx(tmp_path, packed=False)
    images, labels = tmp_path / "train-images-idx3-ubyte", tmp_path / "train-labels-idx1-ubyte"
    good_images, good_labels = images.read_bytes(), labels.read_bytes()
    for path, content, message in (
        (images, b"\x00\x00\x0d\x03" + good_images[4:], "bytes 0-3 are 00 00 0d 03"),
        (images, b"", "bytes 0-3 are missing"),
        (images, good_images[:10], "ends at byte 10 inside the header"),
        (images, good_images[:-5], "ends at byte 15691"),
        (images, good_images + b"x", "goes on after byte 15696"),
        (images, good_images[:8] + b"\0\0\0\x0e\0\0\0\x38" + good_images[16:], "images of 14x56"),
        (labels, good_labels[:4] + b"\0\0\0\0", "empty"),
        (labels, good_labels[:4] + b"\0\0\0\x13" + good_labels[8:-1], "20 images.*19 labels"),
        (labels, good_labels[:12] + b"\x0a" + good_labels[13:], "byte 12 is label 10 of record 4"),
    ):
        images.write_bytes(good_images)
        labels.write_bytes(good_labels)
        path.write_bytes(content)
        with pytest.raises(DataError, match=message) as caught:
            load("mnist", data_dir=tmp_path)
        assert path.name in str(caught.value) or images.name in str(caught.value)


def test_idx_missing_half(tmp_path: Path, write_idx) -> None:
    write_idx(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match="train-labels-idx1-ubyte.*missing"):
        load("mnist", data_dir=tmp_path)


def test_idx_header_that_promises_too_much(tmp_path: Path, write_idx) -> None:
    write_idx(tmp_path)
    head = b"\0\0\x08\x03" + b"\xff" * 12
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(head + b"abc"))
    with pytest.raises(DataError, match="ends at byte 19"):
        load("mnist", data_dir=tmp_path)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), packed=st.booleans(), labels=st.booleans())
def test_damaged_idx_gives_data_error_or_data(data: st.DataObject, packed: bool, labels: bool):
    head = b"\0\0\x08\x01\0\0\0\x03\x01\x02\x03"
    if not labels:
        head = b"\0\0\x08\x03\0\0\0\x03\0\0\0\x1c\0\0\0\x1c" + bytes(3 * 784)
    content = bytearray(gzip.compress(head) if packed else head)
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    part = "labels-idx1" if labels else "images-idx3"
    other = "images-idx3" if labels else "labels-idx1"
    rest = b"\0\0\x08\x01\0\0\0\x03\x01\x02\x03"
    if labels:
        rest = b"\0\0\x08\x03\0\0\0\x03\0\0\0\x1c\0\0\0\x1c" + bytes(3 * 784)
    with tempfile.TemporaryDirectory() as folder:
        name = f"train-{part}-ubyte" + (".gz" if packed else "")
        (Path(folder) / name).write_bytes(content)
        (Path(folder) / f"train-{other}-ubyte").write_bytes(rest)
        try:
            loaded = load("mnist", data_dir=folder, download=False)
        except DataError as error:
            assert folder in str(error)
        else:
            assert len(loaded) == 3
            del loaded


def test_new_set_is_one_class(tmp_path: Path) -> None:
    class Two(ImageSet):
        name = "two_pictures"
        classes = ("a", "b")
        mean, std = (0.5,), (0.5,)
        origin = "made here"

        def present(self, folder: Path, split: str) -> bool:
            return True

        def fetch(self, folder: Path, *, verify: bool, progress: bool) -> None:
            raise AssertionError

        def read(self, folder: Path, split: str, limit: int | None):
            return np.zeros((2, 1, 4, 4), np.uint8), np.array([0, 1])

    try:
        assert len(load("two-pictures")) == 2
        with pytest.raises(DataError, match="'mnist' is used by"):
            type("Fake", (Two,), {"name": "mnist", "__module__": "elsewhere"})
    finally:
        del ImageSet.known["two_pictures"]


def test_new_set_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import neurograph.data.sets as package

    text = """
    from neurograph.data.sets.digits import Digits

    class Copied(Digits):
        name = "copied"
    """
    (tmp_path / "copied_set.py").write_text(textwrap.dedent(text))
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    try:
        assert load("copied", limit=2).name == "copied"
    finally:
        ImageSet.known.pop("copied", None)
        sys.modules.pop("neurograph.data.sets.copied_set", None)


def made(**changes: object) -> ImageData:
    parts: dict[str, object] = {
        "name": "made",
        "split": "train",
        "images": np.zeros((3, 1, 2, 2), np.uint8),
        "labels": np.array([0, 1, 1]),
        "classes": ("a", "b"),
        "mean": (0.5,),
        "std": (0.5,),
        "source": "test",
    }
    return ImageData(**{**parts, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": np.zeros((3, 1, 2, 2), np.float32)}, "must be uint8"),
        ({"images": np.zeros((3, 2, 2), np.uint8)}, r"\[N, C, H, W\]"),
        ({"labels": np.zeros(3, np.int32)}, "int64"),
        ({"labels": np.zeros(2, np.int64)}, "3 images but 2 labels"),
        ({"images": np.zeros((0, 1, 2, 2), np.uint8), "labels": np.zeros(0, np.int64)}, "empty"),
        ({"labels": np.array([0, 2, 1])}, r"0\.\.1"),
        ({"labels": np.array([0, -1, 1])}, "from -1"),
        ({"mean": (0.1, 0.2)}, "2 means"),
        ({"std": (0.0,)}, "above 0"),
    ],
)
def test_parts_that_do_not_fit(changes: dict[str, object], message: str) -> None:
    assert len(made()) == 3
    with pytest.raises(DataError, match=message):
        made(**changes)


@pytest.mark.skipif(REAL is None, reason="NEUROGRAPH_DATA names no folder with real data")
@pytest.mark.parametrize("name", ["mnist", "cifar10", "fashion_mnist"])
def test_real_data_match_their_stated_normalisation(name: str) -> None:
    try:
        data = load(name, data_dir=REAL, download=False)
    except DataError as error:
        if "no file of the split" not in str(error):
            raise
        pytest.skip(f"{name} is not in NEUROGRAPH_DATA")
    assert len(load(name, "test", data_dir=REAL, download=False)) == 10000
    assert np.bincount(data.labels).min() > len(data) / 12
    values = data.images[:: max(1, len(data) // 10000)] / np.float32(255)
    # 0.01: a re-encoded CIFAR-10 (JPEG) is close to the official pixels, not equal.
    assert values.mean((0, 2, 3)) == pytest.approx(data.mean, abs=0.01)
    assert values.std((0, 2, 3)) == pytest.approx(data.std, abs=0.01)


def test_both_splits_or_those_of_another_set(tmp_path: Path, write_idx, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    write_idx(tmp_path / "here" / "mnist")
    train, test = load_both("mnist", tmp_path / "here", report=said.append)
    assert (train.name, train.split, test.split, said) == ("mnist", "train", "test", [])

    def unreachable(*args: object, **named: object) -> None:
        raise DownloadError("http://x: no answer\nfurther lines")

    monkeypatch.setattr("neurograph.data.sets.idx.download", unreachable)
    train, test = load_both("mnist", tmp_path / "empty", report=said.append)
    assert (train.name, len(train), len(test)) == ("digits", 1500, 297)
    assert len(said) == 1 and "no answer; going on" not in said[0] and "further" not in said[0]
    assert "no mnist here" in said[0] and "scikit-learn" in said[0]
    with pytest.raises(DataError, match="unknown data set"):
        load_both("mnsit", tmp_path)
