"""The sequential task: the recipe remembers, the example trains networks of one size and leaves table, figure and files."""

from __future__ import annotations

import csv
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import neurograph as ng
from neurograph import models
from neurograph.weights_file import load_weights

PATH = Path(__file__).resolve().parent.parent / "examples" / "sequential_mnist_mcn.py"
X = torch.rand(5, 3, 6, generator=torch.Generator().manual_seed(0)) * 3
sequential = models.recipe("sequential")


@pytest.fixture(scope="module")
def example() -> Any:
    spec = importlib.util.spec_from_file_location("example_sequential", PATH)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_smoke(example: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = example.main(["--smoke", "--device", "cpu", "--output", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "[DATA] 200 training and 50 test pictures" in printed and "T=8" in printed and "[OUTPUT]" in printed
    sizes = [r.parameters for r in results]
    assert [r.model for r in results] == ["lif", "mcn", "gru"] and max(sizes) < 1.04 * min(sizes)
    assert all(abs(n - sizes[2]) <= 0.02 * sizes[2] for n in sizes)
    assert (tmp_path / "accuracy.png").read_bytes().startswith(b"\x89PNG")
    rows = list(csv.DictReader((tmp_path / "results.csv").read_text().splitlines()))
    assert [(r["model"], r["epoch"], r["steps"]) for r in rows] == [(m, "0", "8") for m in ("lif", "mcn", "gru")]
    assert sum(a.size for a in load_weights(tmp_path / "gru_0.npz").values()) == sizes[2]
    smaller = ["--memory", "both", "--models", "lif", "--order", "rows", "--surrogate", "atan"]
    again = example.main(["--smoke", "--device", "cpu", "--output", str(tmp_path / "again"), *smaller])
    assert [r.train_loss for r in again[0].rows] == [r.train_loss for r in results[0].rows]
    for result in results[:2]:
        assert 0 < result.rate < 1
        graph = ng.load(tmp_path / f"{result.model}_0.h5")
        program = ng.compile(graph, "numba")
        answer = program(np.random.default_rng(0).random((8, 2, 8), np.float32))
        assert answer.shape == (2, 10) and np.isfinite(answer).all()
        held = sum(w.size for n, w in program.weights().items() if n in ng.lower(graph).weights)
        assert held == result.parameters


@pytest.mark.parametrize(("order", "steps", "features"), [("rows", 4, 8), ("chunks", 16, 2), ("pixels", 32, 1)])
def test_what_a_step_brings(example: ModuleType, order: str, steps: int, features: int) -> None:
    images = torch.arange(3 * 32, dtype=torch.float32).view(3, 1, 4, 8)
    made = example.Arrange(torch.nn.Identity(), (1, 4, 8), order)
    sequence = made(images)
    assert sequence.shape == (steps, 3, features) and (made.steps, made.features) == (steps, features)
    assert torch.equal(sequence.transpose(0, 1).reshape(3, 1, 4, 8), images)
    if order == "pixels":
        mixed = example.Arrange(torch.nn.Identity(), (1, 4, 8), "permuted")(images)
        assert not torch.equal(mixed, sequence) and torch.equal(mixed.sort(0).values, sequence)


def test_sizes_that_cannot_meet_and_rows_that_cannot_be_parted(example: ModuleType) -> None:
    assert example.closest(lambda n: 100 * n, 1730) == 17
    with pytest.raises(ng.SpecError, match="not met within 2%"):
        example.closest(lambda n: 100 * n, 1750)
    with pytest.raises(ng.DataError, match="rows of 29 pixels are not made of parts of 7"):
        example.Arrange(torch.nn.Identity(), (1, 3, 29), "chunks")


@pytest.mark.parametrize("neuron", [ng.LIF(), ng.MCN()], ids=lambda n: type(n).__name__)
def test_the_recipe_on_all_backends(neuron: ng.Neuron) -> None:
    graph = sequential(4, neuron, (6,), hidden=20, gain=3.0)
    graph.probe("hidden", "spike")
    program = ng.compile(graph, dtype="float64", seed=1)
    x = X.double()
    expected = program(x)
    spikes = program.recordings["hidden.spike"].array()
    assert spikes.any() and not spikes.all()
    for backend in ("numba", "reference"):
        other = ng.compile(graph, backend, dtype="float64", weights=program)
        np.testing.assert_allclose(other(x.numpy()), expected.detach().numpy(), rtol=1e-9, atol=1e-12)
        assert np.array_equal(other.recordings["hidden.spike"].array(), spikes)
    expected.square().sum().backward()
    # a soma does not see its own spikes, and every other port does
    recurrent = {n.split(".")[0] for n, _ in program.named_parameters() if ".recurrent." in n}
    assert recurrent == set(neuron.inputs) - {"soma"}
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in program.parameters())


def test_the_first_step_reaches_the_answer() -> None:
    program = ng.compile(sequential(4, None, (6,), hidden=20, gain=3.0), seed=1)
    changed = X.clone()
    changed[0] = changed[0].flip(1)
    assert not torch.equal(program(X), program(changed))


def test_settings_that_cannot_be() -> None:
    with pytest.raises(ng.SpecError, match="both must be at least 1"):
        sequential(10, hidden=0)
    with pytest.raises(ng.SpecError, match="one axis of features"):
        sequential(10, input_shape=(1, 28, 28))
