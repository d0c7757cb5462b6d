"""Event sets against files written to their published layouts: splits, labels, events, damage."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from neurograph.data import EventData, Events, dataset, load
from neurograph.data.archives import unpack
from neurograph.errors import DataError

REAL = os.environ.get("NEUROGRAPH_DATA")


def opened(name: str, split: str, folder: Path, limit: int | None = None) -> EventData:
    data = load(name, split, data_dir=folder, download=False, limit=limit)
    assert isinstance(data, EventData)
    return data


def same(events: Events, wanted: list[tuple[int, int, int, int]]) -> None:
    got = np.column_stack([events.t, events.x, events.y, events.p]).tolist()
    assert got == [list(one) for one in wanted]


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_nmnist_in_the_order_of_mnist(tmp_path: Path, atis, some_events) -> None:
    labels = {1: 5, 2: 0, 3: 4, 10: 3}
    for number, label in labels.items():
        put(tmp_path / f"nmnist/Train/{label}/{number:05d}.bin", atis(some_events(number, 20, 34, 34)))
    put(tmp_path / "nmnist/Test/7/60001.bin", atis(some_events(9, 5, 34, 34)))
    train = opened("N-MNIST", "train", tmp_path)
    assert train.labels.tolist() == [5, 0, 4, 3] and train.sensor == (2, 34, 34)
    assert train.keys[0] == "Train/5/00001.bin"
    same(train.events(3), some_events(10, 20, 34, 34))
    assert opened("nmnist", "test", tmp_path).labels.tolist() == [7]
    assert opened("nmnist", "train", tmp_path, limit=2).labels.tolist() == [5, 0]
    before = train.version(train.keys[0])
    (tmp_path / "nmnist" / train.keys[0]).write_bytes(atis(some_events(1, 19, 34, 34)))
    assert train.version(train.keys[0]) != before


def test_nmnist_damage_names_file_and_byte(tmp_path: Path, atis) -> None:
    put(tmp_path / "Train/3/00001.bin", atis([(5, 1, 2, 1), (9, 1, 2, 0)])[:-1])
    put(tmp_path / "Train/3/00002.bin", atis([(5, 1, 2, 1), (9, 34, 2, 0)]))
    data = opened("nmnist", "train", tmp_path)
    with pytest.raises(DataError, match=r"00001\.bin.*byte 9"):
        data.events(0)
    with pytest.raises(DataError, match=r"00002\.bin.*byte 5"):
        data.events(1)
    (tmp_path / data.keys[0]).unlink()
    with pytest.raises(DataError, match=r"00001\.bin"):
        data.version(data.keys[0])


@pytest.mark.skipif(REAL is None, reason="NEUROGRAPH_DATA names no folder with real data")
def test_real_nmnist(tmp_path: Path) -> None:
    source = Path(REAL or "") / "nmnist_small"
    if not source.is_dir():
        pytest.skip("nmnist_small is not in NEUROGRAPH_DATA")
    unpack(source / "nmnist_small_bin.tar.xz", tmp_path / "nmnist")
    total = 0
    for split, listed, before in (("train", "train1K.txt", 0), ("test", "test100.txt", 60_000)):
        data = opened("nmnist", split, tmp_path)
        wanted = np.loadtxt(source / listed, dtype=np.int64, skiprows=1)
        numbers = [int(Path(key).stem) for key in data.keys]
        assert numbers == (wanted[:, 0] - before).tolist() and data.labels.tolist() == wanted[:, 1].tolist()
        for place in range(len(data)):
            events = data.events(place)
            assert 1000 < len(events) < 7200 and 0.29 < events.span < 0.34 and (np.diff(events.t) >= 0).all()
            total += len(events)
    assert round(total / 1100) == 4108


def test_ncaltech101_split_of_each_class(tmp_path: Path, atis) -> None:
    top = tmp_path / "N-Caltech101/Caltech101"
    put(top / "ant/image_0001.bin", atis([(1, 2, 3, 1)]))
    with pytest.raises(
        DataError, match="99 folders of classes are missing: Faces_easy, .* and 89 more; get the set again"
    ):
        opened("ncaltech101", "train", tmp_path)
    for name in dataset("ncaltech101").classes:
        (top / name).mkdir(exist_ok=True)
    for name, count in (("Faces_easy", 10), ("yin_yang", 25), ("ant", 3), ("BACKGROUND_Google", 9)):
        for number in range(1, count + 1):
            put(top / name / f"image_{number:04d}.bin", atis([(number, 239, 179, 1)]))
    train, test = (opened("NCALTECH101", split, tmp_path) for split in ("train", "test"))
    assert len(train.classes) == 100 and train.sensor == (2, 180, 240)
    faces, ying, ants = (train.classes.index(name) for name in ("Faces_easy", "yin_yang", "ant"))
    assert np.bincount(train.labels, minlength=100)[[faces, ying, ants]].tolist() == [9, 22, 3]
    assert len(train) == 34 and len(test) == 4
    assert sorted(test.keys) == [
        "Caltech101/Faces_easy/image_0010.bin",
        *(f"Caltech101/yin_yang/image_00{n}.bin" for n in (23, 24, 25)),
    ]
    # the first of every class comes first, so a part of the split has all classes
    assert opened("ncaltech101", "train", tmp_path, limit=3).labels.tolist() == sorted([faces, ants, ying])
    same(test.events(0), [(10, 239, 179, 1)])
    assert dataset("ncaltech101").augmentation((48, 48)) is None


def test_dvs_cifar10_split_by_number_and_upright(tmp_path: Path, dvs128) -> None:
    for name in ("airplane", "truck"):
        for k in range(20):
            put(
                tmp_path / f"CIFAR10DVS/{name}/cifar10_{name}_{k}.aedat",
                dvs128([(100 + k, 3, 100, 0), (7000, 127, 0, 1)]),
            )
    with pytest.raises(DataError, match="8 folders of classes are missing: automobile, bird, .*; get the set again"):
        opened("dvsc10", "train", tmp_path)
    for name in dataset("dvsc10").classes:
        (tmp_path / "CIFAR10DVS" / name).mkdir(exist_ok=True)
    train, test = (opened("dvsc10", split, tmp_path) for split in ("train", "test"))
    assert train.sensor == (2, 128, 128) and train.classes[9] == "truck"
    assert train.keys[2 * 2] == "airplane/cifar10_airplane_2.aedat"  # and not _10, as text would sort it
    assert len(train) == 36 and sorted(test.keys) == sorted(
        f"{name}/cifar10_{name}_{k}.aedat" for name in ("airplane", "truck") for k in (18, 19)
    )
    assert test.labels.tolist() == [0, 9, 0, 9]
    # x = 127 - y and y = 127 - x of the camera; its bit is 0 where it became brighter
    same(train.events(0), [(100, 27, 124, 1), (7000, 127, 0, 0)])
    (tmp_path / "CIFAR10DVS" / train.keys[0]).write_bytes(dvs128([(1, 1, 1, 1)])[:-3])
    with pytest.raises(DataError, match=r"cifar10_airplane_0\.aedat.*byte"):
        train.events(0)


def gesture(folder: Path, aedat31, some_events, name: str, rows: list[tuple[int, int, int]]) -> list:
    events = some_events(len(name), 500, 128, 128, 1_000_000, 5_000_000)
    put(folder / f"{name}.aedat", aedat31(events))
    lines = ["class,startTime_usec,endTime_usec", *(f"{c},{a},{b}" for c, a, b in rows)]
    put(folder / f"{name}_labels.csv", ("\n".join(lines) + "\n").encode())
    return events


def test_dvs_gesture_cuts_recordings(tmp_path: Path, aedat31, some_events, monkeypatch: pytest.MonkeyPatch) -> None:
    top = tmp_path / "DVS128Gesture/DvsGesture"
    rows = [(1, 1_100_000, 2_000_000), (11, 2_000_000, 3_000_000), (8, 3_100_000, 4_000_000)]
    events = gesture(top, aedat31, some_events, "user01_fluorescent", rows)
    gesture(top, aedat31, some_events, "user24_led", [(3, 1_000_000, 5_000_000)])
    put(top / "trials_to_train.txt", b"user01_fluorescent.aedat\n\n")
    put(top / "trials_to_test.txt", b"user24_led.aedat\n")
    train, test = (opened("dvsg", split, tmp_path) for split in ("train", "test"))
    assert train.labels.tolist() == [0, 10, 7] and test.labels.tolist() == [2]
    assert train.keys[1] == "DvsGesture/user01_fluorescent.aedat#1" and len(train.classes) == 11
    for place, (_, start, end) in enumerate(rows):
        same(train.events(place), [e for e in events if start <= e[0] < end])
    # all samples of a file come from one reading of it
    monkeypatch.setattr("neurograph.data.event_set.read_events", lambda *_, **__: pytest.fail("read again"))
    same(train.events(1), [e for e in events if 2_000_000 <= e[0] < 3_000_000])
    before = train.version(train.keys[1])
    table = top / "user01_fluorescent_labels.csv"
    table.write_text(table.read_text().replace("3100000", "3100001"))
    assert train.version(train.keys[1]) != before
    table.write_text("".join(table.read_text().splitlines(keepends=True)[:3]))
    with pytest.raises(DataError, match=r"user01_fluorescent_labels\.csv: row 2 is wanted of a table of 2 rows"):
        train.events(2)


def test_dvs_gesture_faults(tmp_path: Path, aedat31, some_events) -> None:
    gesture(tmp_path, aedat31, some_events, "user02_lab", [(1, 1_000_000, 2_000_000), (2, 8_000_000, 9_000_000)])
    put(tmp_path / "trials_to_train.txt", b"user02_lab.aedat\nuser03_lab.aedat\n")
    with pytest.raises(DataError, match=r"user03_lab\.aedat is missing"):
        opened("dvsg", "train", tmp_path)
    put(tmp_path / "trials_to_train.txt", b"user02_lab.aedat\n")
    data = opened("dvsg", "train", tmp_path)
    with pytest.raises(DataError, match=r"user02_lab\.aedat, row 1: no event between 8000000 and 9000000 us"):
        data.events(1)
    recording = tmp_path / "user02_lab.aedat"
    recording.write_bytes(recording.read_bytes()[:-5])
    with pytest.raises(DataError, match=r"user02_lab\.aedat.*byte"):
        data.events(0)
    for row, message in (
        (b"12,1,2", "row 0 is class 12"),
        (b"1,5,5", "begins before"),
        (b"1,a,2", "line 2 is '1,a,2'"),
    ):
        put(tmp_path / "user02_lab_labels.csv", b"class,startTime_usec,endTime_usec\n" + row)
        with pytest.raises(DataError, match=message):
            opened("dvsg", "train", tmp_path)
    put(tmp_path / "trials_to_train.txt", b"../user02_lab.aedat\n")
    with pytest.raises(DataError, match="it lists"):
        opened("dvsg", "train", tmp_path)


def test_nomniglot_characters_and_drawings(tmp_path: Path, dv4, some_events) -> None:
    kept: dict[str, list] = {}
    for top, alphabet, number in (
        ("dvs_background_2", "Greek", 3),
        ("dvs_background", "Alphabet_of_the_Magi", 1),
        ("dvs_evaluation", "Angelic", 20),
    ):
        start, events, lines = 1_600_000_000_000_000, [], ["index,start,end"]
        for drawing in range(20):
            part = some_events(number * 100 + drawing, 12, 346, 260, start, start + 1000)
            part = [(start, 60, 10, 1), *part, (start + 1500, 60, 10, 1)]
            events += part
            lines.append(f"{drawing},{start},{start + 1500}")
            start += 2000
        place = tmp_path / top / alphabet / f"character{number:02d}"
        put(place / f"{number:04d}.aedat4", dv4(events, 346, 260))
        put(place / f"{number:04d}.csv", "\n".join(lines).encode())
        kept[alphabet] = events
    data = {split: opened("n-omniglot", split, tmp_path) for split in ("train", "test", "background", "evaluation")}
    assert {split: len(part) for split, part in data.items()} == {
        "train": 45,
        "test": 15,
        "background": 40,
        "evaluation": 20,
    }
    classes = data["train"].classes
    assert len(classes) == len(set(classes)) == 1623 and classes[963] == "Tifinagh/character55"
    assert set(data["evaluation"].labels.tolist()) == {964 + 19}
    greek = classes.index("Greek/character03")
    assert set(data["background"].labels.tolist()) == {0, greek}
    place = data["test"].labels.tolist().index(greek)  # drawing 15
    start = 1_600_000_000_000_000 + 15 * 2000
    wanted = [e for e in kept["Greek"] if start <= e[0] < start + 1500]
    same(
        data["test"].events(place),
        [(t, x - 54, y - 4, p) for t, x, y, p in wanted if 54 <= x < 304 and 4 <= y < 254],
    )
    assert data["test"].events(place).sensor == (2, 250, 250)
    path = tmp_path / "dvs_background_2/Greek/character03/0003.aedat4"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"0003\.aedat4.*byte"):
        opened("nomniglot", "test", tmp_path).events(place)
    lines = path.with_suffix(".csv").read_text().splitlines()
    path.with_suffix(".csv").write_text("\n".join(lines[:6]))
    with pytest.raises(DataError, match=r"0003\.csv: row 15 is wanted of a table of 5 rows"):
        data["test"].events(place)
    path.with_suffix(".csv").unlink()
    with pytest.raises(DataError, match=r"0003\.csv.*cannot be read"):
        opened("nomniglot", "background", tmp_path)


def test_nomniglot_in_part(tmp_path: Path) -> None:
    dataset("nomniglot").write_example(tmp_path, 5, np.random.default_rng(0))
    (tmp_path / "dvs_evaluation").rename(tmp_path / "elsewhere")
    assert len(opened("nomniglot", "background", tmp_path)) == 20
    with pytest.raises(DataError, match="dvs_background only; the split 'train' needs more"):
        opened("nomniglot", "train", tmp_path)


def es_sample(path: Path, pos: list, neg: list) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, pos=np.array(pos, np.uint8).reshape(-1, 3), neg=np.array(neg, np.uint8).reshape(-1, 3))


def test_es_imagenet_centred_and_cut(tmp_path: Path) -> None:
    top = tmp_path / "ES-imagenet-0.18"
    es_sample(top / "train/class7/n1_1.npz", [(0, 0, 1), (189, 253, 8)], [(95, 127, 3)])
    es_sample(top / "train/n2_1.npz", [(0, 100, 2)], [])
    es_sample(top / "val/ILSVRC2012_val_00000001.npz", [(20, 20, 8)], [(21, 20, 1)])
    put(top / "trainlabel.txt", b"n1_1.npz 7 190 254\nn2_1.npz 3 254 190\n")
    put(top / "vallabel.txt", b"ILSVRC2012_val_00000001.npz 999 254 254\n")
    train, test = (opened("es-imagenet", split, tmp_path) for split in ("train", "test"))
    assert sorted(train.labels.tolist()) == [3, 7] and test.labels.tolist() == [999] and len(train.classes) == 1000
    # rows: + (254 - 190) // 2 - 16 = 16; columns: + 0 - 16; what falls outside of 224x224 is gone
    same(train.events(train.labels.tolist().index(7)), [(2000, 111, 111, 0)])
    same(train.events(train.labels.tolist().index(3)), [])
    same(test.events(0), [(0, 4, 5, 0), (7000, 4, 4, 1)])
    assert test.sensor == (2, 224, 224) and train.version(train.keys[0])


def npy_head(shape: tuple[int, ...]) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return out.getvalue()


def test_es_imagenet_faults(tmp_path: Path) -> None:
    path = tmp_path / "val/a.npz"
    es_sample(path, [(1, 1, 9)], [])
    put(tmp_path / "vallabel.txt", b"a.npz 4 200 200\n")
    with pytest.raises(DataError, match=r"a\.npz: event 0 is of step 9"):
        opened("es_imagenet", "test", tmp_path).events(0)
    content = path.read_bytes()
    for damage in (content[:40], content[:-30], b"", b"\x93NUMPY"):
        path.write_bytes(damage)
        with pytest.raises(DataError, match=r"a\.npz"):
            opened("es_imagenet", "test", tmp_path).events(0)
    np.savez(path, pos=np.zeros((2, 3), np.uint8))
    with pytest.raises(DataError, match=r"a\.npz: it holds pos of 'pos' and 'neg'"):
        opened("es_imagenet", "test", tmp_path).events(0)
    with zipfile.ZipFile(path, "w") as packed:
        for name in ("pos", "neg"):
            packed.writestr(f"{name}.npy", npy_head((1 << 50, 3)))
    with pytest.raises(DataError, match=r"a\.npz: .*\(1125899906842624, 3\)"):
        opened("es_imagenet", "test", tmp_path).events(0)
    path.unlink()
    with pytest.raises(DataError, match=r"a\.npz: it cannot be read"):
        opened("es_imagenet", "test", tmp_path).events(0)
    np.savez(path, pos=np.zeros((2, 2), np.uint8), neg=np.zeros((2, 3), np.uint8))
    with pytest.raises(DataError, match=r"'pos' is uint8 \(2, 2\)"):
        opened("es_imagenet", "test", tmp_path).events(0)
    for line in (b"a.npz 1000 200 200", b"a.npz 4 255 200", b"../a.npz 4 200 200", b"a.npz x 200 200", b"a.npz 4 200"):
        put(tmp_path / "vallabel.txt", b"a.npz 4 200 200\n" + line)
        with pytest.raises(DataError, match=r"vallabel\.txt: line 2"):
            opened("es_imagenet", "test", tmp_path)


@pytest.mark.skipif(REAL is None, reason="NEUROGRAPH_DATA names no folder with real data")
def test_real_es_imagenet_lists(tmp_path: Path) -> None:
    source = Path(REAL or "") / "es_imagenet_labels"
    if not source.is_dir():
        pytest.skip("es_imagenet_labels is not in NEUROGRAPH_DATA")
    (tmp_path / "val").mkdir()
    for name in ("vallabel.txt", "trainlabel_dir.txt"):
        put(tmp_path / name, (source / name).read_bytes())
    data = opened("es_imagenet", "test", tmp_path)
    assert len(data) == 49_881 and data.classes[349] == "n02415577" and len(set(data.classes)) == 1000
    counts = np.bincount(data.labels, minlength=1000)
    assert counts.min() == 44 and counts.max() == 50
    assert sorted(data.labels[:1000].tolist()) == list(range(1000))
    place = data.keys.index("val/ILSVRC2012_val_00040551.npz#349,194,254")
    assert data.labels[place] == 349


def test_real_archive_names_what_it_would_need(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"DvsGesture\.tar\.gz from https://ibm.*put it into"):
        load("dvsg", data_dir=tmp_path)
    with tarfile.open(tmp_path / "DvsGesture.tar.gz", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("DvsGesture"))
    with pytest.raises(DataError, match=r"its md5 is .*8a5c71fb11e24e5ca5b11866ca6c00a1 is expected"):
        load("dvsg", data_dir=tmp_path)
