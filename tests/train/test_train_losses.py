"""Losses: BrainCog's values, the formulas, labels as rows, outputs of all steps, bad input."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from neurograph.errors import ShapeError
from neurograph.train import LOSSES, TrainingError, loss

FOLDER = os.environ.get("NEUROGRAPH_GOLDEN")
NEEDS = pytest.mark.skipif(not FOLDER, reason="NEUROGRAPH_GOLDEN names no folder with braincog.json and .npz")


@NEEDS
@pytest.mark.parametrize(("case", "name"), [("UnilateralMse", "unilateral_mse"), ("MixLoss", "mix")])
def test_golden(case: str, name: str) -> None:
    cases = json.loads((Path(FOLDER) / "braincog.json").read_text())["cases"]
    arrays = next(c for c in cases if c["id"] == f"loss/{case}")["arrays"]
    with np.load(Path(FOLDER) / "braincog.npz") as file:
        x, target, expected = (torch.from_numpy(file[arrays[k]["key"]]) for k in ("x", "target", "loss"))
    torch.testing.assert_close(loss(name)(x, target), expected, rtol=1e-6, atol=0)


@pytest.fixture(params=[4, None], ids=["of all steps", "mean"])
def output(request: pytest.FixtureRequest) -> torch.Tensor:
    shape = (5, 3) if request.param is None else (request.param, 5, 3)
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


LABELS = torch.tensor([0, 2, 1, 1, 0])


@pytest.mark.parametrize("name", sorted({kind.name for kind in LOSSES.values()} - {"tet"}))
def test_rows_and_numbers_and_steps_are_alike(name: str, output: torch.Tensor) -> None:
    one = loss(name)
    rows = functional.one_hot(LABELS, 3).double()
    value = one(output, LABELS)
    assert value.ndim == 0 and value.dtype == torch.float64
    torch.testing.assert_close(one(output, rows), value)
    torch.testing.assert_close(one(output.reshape(-1, 5, 3).mean(0), LABELS), value)
    assert repr(one).startswith(type(one).__name__)


def test_formulas() -> None:
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(2))
    hot = functional.one_hot(LABELS, 3).float()
    mse = ((x - hot) ** 2).mean()
    torch.testing.assert_close(loss("mse")(x, LABELS), mse)
    torch.testing.assert_close(loss("onehot-mse")(x, LABELS), mse)
    torch.testing.assert_close(loss("unilateral_mse", threshold=0.5)(x, LABELS), ((x - 0.5 * hot) ** 2).mean())
    smooth = functional.cross_entropy(x, LABELS, label_smoothing=0.1)
    assert torch.equal(loss("cross_entropy", smoothing=0.1)(x, LABELS), smooth)
    soft = (0.9 * hot + 0.1 / 3).mul(-x.log_softmax(1)).sum(1).mean()  # timm's LabelSmoothingCrossEntropy
    torch.testing.assert_close(smooth, soft)
    mixed = loss("mix", share=0.3, smoothing=0.1)(x, LABELS)
    torch.testing.assert_close(mixed, 0.3 * smooth + mse)


@settings(max_examples=30, deadline=None)
@given(steps=st.integers(1, 5), lam=st.floats(0, 1), phi=st.floats(-2, 2), seed=st.integers(0, 99))
def test_tet(steps: int, lam: float, phi: float, seed: int) -> None:
    x = torch.randn((steps, 5, 3), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    entropy = torch.stack([functional.cross_entropy(o, LABELS) for o in x]).mean()
    expected = (1 - lam) * entropy + lam * ((x - phi) ** 2).mean()
    torch.testing.assert_close(loss("tet", lam=lam, phi=phi)(x, LABELS), expected)
    torch.testing.assert_close(loss("tet")(x, functional.one_hot(LABELS, 3).double()), entropy)


def test_bad_input() -> None:
    with pytest.raises(TrainingError, match=r"needs the output of every step.*readout=ng.Steps\(\)"):
        loss("tet")(torch.zeros(5, 3), LABELS)
    with pytest.raises(TrainingError, match="unknown loss 'hinge'; known are: cross_entropy, mix, mse, tet"):
        loss("hinge")
    with pytest.raises(TrainingError, match="smothing"):
        loss("cross_entropy", smothing=0.1)
    for name, settings_ in (("cross_entropy", {"smoothing": 1.5}), ("tet", {"lam": -0.1}), ("mix", {"share": "0"})):
        with pytest.raises(TrainingError, match="must be a number from"):
            loss(name, **settings_)
    for labels in (LABELS[:4], torch.zeros(5, 2), torch.zeros(5)):
        with pytest.raises(ShapeError, match=r"whole numbers \[N\] or floats \[N, K\]"):
            loss("mse")(torch.zeros(5, 3), labels)
