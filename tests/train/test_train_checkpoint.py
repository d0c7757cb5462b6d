"""Checkpoint files: exact round trip, damage, foreign files, what stays on disk."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from neurograph.errors import FormatError
from neurograph.train import Keeper, TrainingError, load_checkpoint, peek_checkpoint
from neurograph.train import save_checkpoint as save

DTYPES = (
    torch.float32,
    torch.float64,
    torch.float16,
    torch.bfloat16,
    torch.float8_e4m3fn,
    torch.complex64,
    torch.bool,
    torch.uint8,
    torch.int8,
    torch.int64,
    torch.uint16,
)
SHAPES = ((), (0,), (3,), (2, 0), (2, 3), (1, 2, 1, 2))


def tensor(dtype: torch.dtype, shape: tuple[int, ...], seed: int) -> torch.Tensor:
    count = int(np.prod(shape)) * dtype.itemsize
    raw = np.random.default_rng(seed).integers(0, 256, count, dtype=np.uint8)
    if dtype == torch.bool:
        raw %= 2
    # Filled rather than viewed: an empty byte tensor cannot be viewed as a wider type.
    result = torch.empty(shape, dtype=dtype)
    if count:
        result.reshape(-1).view(torch.uint8).copy_(torch.from_numpy(raw))
    return result


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
tensors = st.builds(tensor, st.sampled_from(DTYPES), st.sampled_from(SHAPES), st.integers(0, 1000))
keys = st.text(max_size=5) | st.integers() | st.booleans() | st.none() | st.just("$")
nested = st.recursive(
    scalars | tensors,
    lambda inner: (
        st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple) | st.dictionaries(keys, inner, max_size=3)
    ),
    max_leaves=8,
)


def same(a: Any, b: Any) -> bool:
    """Equal in type and to the last bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor):
        if a.dtype != b.dtype or a.shape != b.shape:
            return False
        raw = [x.reshape(-1).view(torch.uint8) if x.numel() else None for x in (a, b)]
        return raw[0] is None or torch.equal(raw[0], raw[1])
    if isinstance(a, dict):
        return same(list(a.items()), list(b.items()))
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return repr(a) == repr(b)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(model=st.dictionaries(st.text(max_size=5), nested, max_size=3), extra=nested)
def test_any_nested_state_comes_back(tmp_path: Path, model: dict, extra: Any) -> None:
    path = save(tmp_path / "a.h5", model=model, optimizer={0: extra}, meta={"x": extra})
    loaded = load_checkpoint(path)
    assert same(loaded.model, model)
    assert same(loaded.optimizer, {0: extra}) and same(loaded.meta, {"x": extra})
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_type_and_shape(tmp_path: Path, dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    value = tensor(dtype, shape, 1)
    loaded = load_checkpoint(save(tmp_path / "a.h5", model={"v": value}))
    assert same(loaded.model, {"v": value})


def test_views_are_saved_by_value(tmp_path: Path) -> None:
    base = torch.arange(12.0).reshape(3, 4)
    views = {"t": base.T, "s": base[:, ::2], "e": base[:1].expand(3, 4), "p": nn.Parameter(base)}
    loaded = load_checkpoint(save(tmp_path / "a.h5", model=views)).model
    for name, view in views.items():
        assert torch.equal(loaded[name], view)
    conjugate = torch.tensor([1 + 2j]).conj()
    assert load_checkpoint(save(tmp_path / "b.h5", model={"c": conjugate})).model["c"] == 1 - 2j


def test_optimizer_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    def made() -> tuple[nn.Module, torch.optim.Optimizer]:
        torch.manual_seed(0)
        model = nn.Linear(3, 2)
        return model, torch.optim.AdamW(model.parameters(), lr=0.1, amsgrad=True)

    def step(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        optimizer.zero_grad()
        model(torch.rand(4, 3)).square().sum().backward()
        optimizer.step()

    model, optimizer = made()
    step(model, optimizer)
    path = save(tmp_path / "a.h5", model=model.state_dict(), optimizer=optimizer.state_dict())
    step(model, optimizer)
    again, other = made()
    loaded = load_checkpoint(path)
    again.load_state_dict(loaded.model)
    assert loaded.optimizer is not None
    other.load_state_dict(loaded.optimizer)
    loaded.restore_random()
    step(again, other)
    assert same(dict(again.state_dict()), dict(model.state_dict()))
    assert same(other.state_dict(), optimizer.state_dict())


def test_other_programs_can_read_it(tmp_path: Path) -> None:
    path = save(tmp_path / "a.h5", model={"fc.weight": torch.arange(3.0)}, epoch=4, metric=91)
    with h5py.File(path) as file:
        found = {entry.attrs["place"]: entry[()] for entry in file["tensors"].values()}
    assert found["checkpoint.model.fc.weight"].tolist() == [0, 1, 2]
    assert path.read_bytes().startswith(b"NeuroGraph checkpoint\n{")
    assert (peek_checkpoint(path).epoch, peek_checkpoint(path).metric) == (4, 91.0)
    assert load_checkpoint(path).header == peek_checkpoint(path)


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ({1, 2}, "set"),
        (np.float32(1), "float32"),
        (np.ones(2), "ndarray"),
        (object(), "object"),
        (torch.eye(2).to_sparse(), "sparse"),
    ],
)
def test_what_cannot_be_saved_is_named(tmp_path: Path, value: object, what: str) -> None:
    path = save(tmp_path / "a.h5", model={"a": 1})
    before = path.read_bytes()
    with pytest.raises(FormatError, match=rf"checkpoint.optimizer.state\[1\].x: .*{what}"):
        save(path, model={}, optimizer={"state": [0, {"x": value}]})
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("good") / "a.h5"
    model = {"w": torch.arange(40.0), "h": torch.ones(3, dtype=torch.bfloat16)}
    return save(path, model=model, epoch=1, metric=50.0).read_bytes()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_is_found(tmp_path: Path, good: bytes, data: st.DataObject) -> None:
    path = tmp_path / "bad.h5"
    kind = data.draw(st.sampled_from(["cut", "flip", "flip in header", "append"]))
    content = bytearray(good)
    if kind == "cut":
        content = content[: data.draw(st.integers(0, len(good) - 1))]
    elif kind == "append":
        content += data.draw(st.binary(min_size=1, max_size=9))
    else:
        end = 512 if kind == "flip in header" else len(good)
        place = data.draw(st.integers(0, end - 1))
        content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        loaded = load_checkpoint(path)
    except FormatError as error:
        assert str(path) in str(error)
    else:
        # Only white space between and after the header's fields can change without a difference.
        assert kind.startswith("flip") and place < 512
        assert torch.equal(loaded.model["w"], torch.arange(40.0))
        assert (loaded.header.epoch, loaded.header.metric) == (1, 50.0)


def test_faults_are_told_apart(tmp_path: Path, good: bytes) -> None:
    path = tmp_path / "bad.h5"
    for content, message in (
        (b"", "not a NeuroGraph checkpoint"),
        (b"PK\x03\x04" + good, "not a NeuroGraph checkpoint"),
        (good[:30], "header of a checkpoint"),
        (good[:-1], "cut off"),
        (good[:-1] + bytes([good[-1] ^ 1]), "sha256"),
        (good.replace(b'"metric": 50.0', b'"metric": 99.0'), "sha256"),
    ):
        path.write_bytes(content)
        with pytest.raises(FormatError, match=message):
            load_checkpoint(path)
    for missing in (tmp_path / "none.h5", tmp_path):
        with pytest.raises(FormatError, match="cannot be read"):
            load_checkpoint(missing)
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(FormatError, match="not a NeuroGraph checkpoint"):
        load_checkpoint(tmp_path / "foreign.h5")


def put(keeper: Keeper, epoch: int, metric: float) -> Path:
    return keeper.save(epoch, metric, model={"w": torch.tensor([float(epoch)])})


def files(folder: Path) -> list[int]:
    return sorted(int(path.stem.split("-")[1]) for path in folder.iterdir())


def test_keeper_keeps_best_and_last(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "run", keep=2)
    assert keeper.best is None and keeper.last is None and "none" in keeper.best_line()
    for epoch, metric in enumerate([50.0, 80.0, 70.0, 60.0, float("nan"), 80.0, 10.0]):
        path = put(keeper, epoch, metric)
        assert path.exists() and load_checkpoint(path).model["w"] == epoch
    assert files(tmp_path / "run") == [1, 5, 6]
    assert keeper.best is not None and keeper.best.epoch == 1, "the earlier one of equals"
    assert keeper.best_line() == "*** Best metric: 80.00 (epoch 1) ***"
    lines = keeper.lines()
    assert lines[0] == "Current checkpoints:" and len(lines) == 4
    assert "checkpoint-0001.h5 (80.00)" in lines[1] and "0006.h5 (10.00)" in lines[3]


def test_keeper_survives_a_restart(tmp_path: Path) -> None:
    first = Keeper(tmp_path, keep=2)
    for epoch, metric in enumerate([50.0, 80.0, float("nan")]):
        put(first, epoch, metric)
    (tmp_path / ".checkpoint-0003.h5.123.tmp").write_bytes(b"killed while saving")
    (tmp_path / "notes.txt").write_text("mine")
    again = Keeper(tmp_path, keep=2)
    assert again.kept == first.kept and again.last == first.last
    put(again, 3, 90.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "checkpoint-0001.h5",
        "checkpoint-0003.h5",
        "notes.txt",
    ]
    put(again, 3, 20.0)
    assert [(kept.epoch, kept.metric) for kept in again.kept] == [(1, 80.0), (3, 20.0)]


def test_keeper_names_a_damaged_file(tmp_path: Path, good: bytes) -> None:
    (tmp_path / "checkpoint-0007.h5").write_bytes(good[:-1])
    with pytest.raises(FormatError, match=r"checkpoint-0007\.h5.*cut off"):
        Keeper(tmp_path)
    with pytest.raises(TrainingError, match="keep is 0"):
        Keeper(tmp_path, keep=0)


def test_killed_while_saving_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    script = """
        import sys, torch
        from neurograph.train import save_checkpoint
        for n in range(10**6):
            save_checkpoint(sys.argv[1], model={"n": torch.full((300_000,), float(n))})
    """
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script), str(path)])
    try:
        limit = time.monotonic() + 30
        while not path.exists() and child.poll() is None and time.monotonic() < limit:
            time.sleep(0.01)
        for _ in range(5):
            time.sleep(0.013)
            copy = shutil.copy(path, tmp_path / "copy.h5")
            values = load_checkpoint(copy).model["n"]
            assert bool((values == values[0]).all())
    finally:
        child.send_signal(signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
        child.wait()
    assert len(load_checkpoint(path).model["n"]) == 300_000
