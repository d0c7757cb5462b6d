"""Weights as .npz: they come back as they were, and a file that is something else is named."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

import neurograph as ng
from neurograph import models
from neurograph.weights_file import load_weights, save_weights


def test_a_program_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    graph = models.recipe("lenet5")(input_shape=(1, 8, 8), activation=ng.QCFS(threshold=ng.learnable(2.0)))
    model = ng.compile(graph, steps=1, seed=5).eval()
    path = save_weights(tmp_path / "new" / "w.npz", model)
    assert path == tmp_path / "new" / "w.npz" and [p.name for p in path.parent.iterdir()] == ["w.npz"]
    held = load_weights(path)
    assert list(held) == list(model.weights()) and all(a.dtype == np.float32 for a in held.values())
    x = torch.rand(2, 1, 8, 8)
    assert torch.equal(ng.compile(graph, steps=1, weights=held).eval()(x), model(x))


def test_arrays_keep_their_dtype_and_the_name_its_ending(tmp_path: Path) -> None:
    arrays = {"a.b.weight": np.arange(3.0), "k": np.array(2)}
    held = load_weights(save_weights(tmp_path / "weights.bin", arrays))
    assert {n: a.dtype for n, a in held.items()} == {n: a.dtype for n, a in arrays.items()}
    assert all(np.array_equal(held[n], a) for n, a in arrays.items())


def test_a_write_that_fails_leaves_the_file_before(tmp_path: Path) -> None:
    path = save_weights(tmp_path / "w.npz", {"a": np.ones(2)})

    class Broken:
        def detach(self) -> Broken:
            raise MemoryError

    with pytest.raises(MemoryError):
        save_weights(path, {"a": Broken()})
    assert load_weights(path)["a"].tolist() == [1.0, 1.0] and len(list(tmp_path.iterdir())) == 1


def _npz(**arrays: object) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)  # type: ignore[arg-type]
    return out.getvalue()


def _npy() -> bytes:
    out = io.BytesIO()
    np.save(out, np.ones(3))
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "cannot be read"),
        (b"hello", "cannot be read"),
        (pickle.dumps([1.0]), "cannot be read"),
        (_npz(a=np.array([{}], object)), "cannot be read"),
        (_npz(a=np.ones(9000))[:4000], "cannot be read"),
        (_npz(a=np.zeros(3))[:60] + b"\xff" * 30 + _npz(a=np.zeros(3))[90:], "cannot be read"),
        (_npz(a=np.array(["text"])), "'a' is <U4"),
        (_npz(a=np.array([1.0, np.nan])), "'a' is float64"),
        (_npz(a=np.array([1j])), "'a' is complex128"),
        (_npy(), "one bare array"),
    ],
)
def test_a_file_that_is_something_else(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    path.write_bytes(content)
    with pytest.raises(ng.FormatError, match=says) as found:
        load_weights(path)
    assert "w.npz" in str(found.value) and "save_weights" in str(found.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ng.FormatError, match="no such file"):
        load_weights(tmp_path / "w.npz")
    with pytest.raises(ng.FormatError, match="cannot be read"):
        load_weights(tmp_path)


def test_a_file_of_torch_is_told_from_ours(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(2, 2).state_dict(), tmp_path / "theirs.pth")
    with pytest.raises(ng.FormatError, match=r"theirs.pth.*torch.load\(path, weights_only=True\)"):
        ng.load_weights(tmp_path / "theirs.pth")
    with pytest.raises(ng.FormatError, match=r"theirs.pth.*file of torch.save.*weights=..."):
        ng.load(tmp_path / "theirs.pth")
    np.savez(tmp_path / "arrays.npz", a=np.zeros(2))
    with pytest.raises(ng.FormatError, match=r"arrays.npz.*ng.load_weights\(path\)"):
        ng.load(tmp_path / "arrays.npz")
