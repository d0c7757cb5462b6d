"""docs/migrating.md: its blocks run as they stand, one after the other, and every name of ours on it exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import neurograph as ng
from neurograph import convert, data, models, plot, train
from neurograph.cli.group import Commands
from neurograph.data import dataset

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "migrating.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.S)


def test_the_blocks_run(tmp_path: Path) -> None:
    pytest.importorskip("nir")
    assert len(BLOCKS) >= 8 and len(PAGE.splitlines()) < 280
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(BLOCKS)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "layer1.conv2d.weight" in done.stdout and "McNemar" in done.stdout
    assert {"raster.png", "csnn.html", "line.nir"} <= {f.name for f in tmp_path.iterdir()}


def test_what_is_named_exists() -> None:
    places = {"ng": ng, "data": data, "train": train, "models": models, "plot": plot, "convert": convert}
    found = set(re.findall(r"(?<![\w./])(ng|data|train|models|plot)\.([A-Za-z]\w*)", PAGE))
    missing = {f"{place}.{name}" for place, name in found if not hasattr(places[place], name)}
    assert len(found) > 60 and not missing - {"data.frames"}, missing  # data.frames(...) of a set
    for name in ("dvs_cifar10", "nmnist", "ncaltech101", "shd", "dvs_gesture"):
        assert f"`{name}`" in PAGE
        dataset(name)
    listed = set(re.findall(r'`"(\w+)"`', PAGE)) | set(re.findall(r'loss="(\w+)"', PAGE))
    assert {"unilateral_mse", "mix", "mse", "tet"} <= listed and listed <= set(train.LOSSES) | {
        "rate", "ttfs", "phase", "braincog", "calibrated",
    }  # fmt: skip
    for recipe in set(re.findall(r'convert\(net, "(\w+)"', PAGE)):
        assert recipe in convert.RECIPES
    commands = Commands()
    used = set(re.findall(r"neurograph (train|list|run|convert)\b", PAGE))
    assert used <= set(commands.list_commands(None))  # type: ignore[arg-type]
    for path in re.findall(r"\]\(([\w./]+)\)", PAGE) + re.findall(r"`((?:benchmarks|tests)/[\w./]+)`", PAGE):
        assert (ROOT / "docs" / path).exists() or (ROOT / path).exists(), path


def test_defaults_are_those_the_page_says() -> None:
    lif = ng.LIF()
    assert (lif.params["tau"], lif.params["threshold"], lif.options["detach_reset"]) == (2.0, 0.5, True)
    assert isinstance(lif.options["surrogate"], ng.QGate) and lif.options["surrogate"].alpha == 2.0
    assert ng.Sigmoid(4.0).strict is False and ng.Atan().strict is True
    for theirs in ("LIFNode", "IFNode", "PLIFNode", "ThreeCompNode", "MCNode"):
        ng.neuron_named(theirs)
    for theirs in ("QGateGrad", "AtanGrad", "GateGrad", "SigmoidGrad"):
        ng.surrogate_named(theirs)
    model = ng.compile(_two_layers(), steps=3)
    kept = {
        n
        for group in train.adamw(model, 8, weight_decay=0.1).param_groups
        if group["weight_decay"]
        for n in _names(group, model)
    }
    assert kept == {"fc1.dense.weight", "fc2.dense.weight"}  # no bias, norm, threshold or time constant


def test_steps_first_is_told_from_samples_first() -> None:
    """What the page says surprises: [N, T, ...] has the axes of [T, N, ...], and runs as that."""
    assert ng.compile(_two_layers())(torch.rand(6, 2, 4)).shape == (2, 3)


def _two_layers() -> ng.Graph:
    graph = ng.Graph("two")
    hidden = graph.population("hidden", ng.LIF(tau=ng.learnable(2.0), threshold=ng.learnable(0.5)))
    graph.connect(graph.input("x", 4), hidden, ng.Dense(5), ng.BatchNorm(), name="fc1")
    graph.connect(hidden, graph.output("y"), ng.Dense(3), name="fc2")
    return graph


def _names(group: dict[str, list[torch.nn.Parameter]], model: torch.nn.Module) -> set[str]:
    held = {id(p) for p in group["params"]}
    return {name for name, p in model.named_parameters() if id(p) in held}
