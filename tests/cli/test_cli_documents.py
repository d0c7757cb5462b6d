"""Every command line in the documents and in the help runs as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

import neurograph as ng
from neurograph.cli.group import Commands
from neurograph.models import RECIPES

ROOT = Path(__file__).resolve().parent.parent.parent
COMMANDS = Commands()
NAMES = COMMANDS.list_commands(click.Context(COMMANDS))


def blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.S)


def right_for_bash(text: str) -> None:
    done = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr


def run_block(cli: Any, text: str) -> None:
    """The lines of a block, one after the other, in one folder."""
    right_for_bash(text)
    for line in text.splitlines():
        assert line.startswith("neurograph "), line
        done = cli(line)
        assert done.out.strip(), line


def test_the_page_of_the_command_line_runs(cli: Any, tmp_path: Path) -> None:
    (code,) = blocks("docs/command-line.md", "python")
    (tmp_path / "my_net.py").write_text(code)
    found = blocks("docs/command-line.md", "sh")
    for block in found:
        run_block(cli, block)
    words = [line.split() for block in found for line in block.splitlines()]
    used = {" ".join(w[1:n]) for w in words for n in (2, 3)}
    assert set(NAMES) <= used, f"the page shows no {set(NAMES) - used}"


def test_the_lines_of_the_readme_run(cli: Any) -> None:
    lines = [b for b in blocks("README.md", "sh") if "neurograph " in b]
    assert lines
    for block in lines:
        run_block(cli, block)


@pytest.mark.parametrize("name", NAMES)
def test_help_says_what_a_command_does_with_examples(cli: Any, name: str) -> None:
    command = COMMANDS.get_command(click.Context(COMMANDS), name)
    text = cli(f"neurograph {name} --help").out
    assert command is not None and getattr(command, "examples", ()), f"{name} has no example"
    for line in command.examples:
        assert line in text and f"neurograph {name}" in line
        right_for_bash(line)
    for option in command.params:
        assert not isinstance(option, click.Option) or option.help, f"{name} {option.name} has no help"
    assert name in cli("neurograph --help").out


def examples() -> list[Any]:
    out = []
    for name in NAMES:
        command: Any = COMMANDS.get_command(click.Context(COMMANDS), name)
        slow = name in ("train", "convert", "bench", "bench images")
        out += [pytest.param(e, marks=[pytest.mark.slow] if slow else []) for e in command.examples]
    return out


@pytest.mark.parametrize("line", examples())
def test_the_examples_of_the_help_run(
    cli: Any, line: str, mine: Path, tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the files they name, which are small here."""
    monkeypatch.setattr("webbrowser.open", lambda url: True)
    if "eval " in line or "> ~" in line:
        line = line.replace('eval "$(', "").replace(')"', "").split(" >")[0]
    for preset in ("SMALL", "DIGITS", "EVENTS"):
        sizes = {"width": 0.02, "steps": 2, "limit": 100, "epochs": 1}
        monkeypatch.setattr(f"neurograph.job.presets.{preset}", sizes)
    if line.startswith("torchrun "):
        words = [
            sys.executable,
            "-m",
            "torch.distributed.run",
            *line.split()[1:],
            "width=0.02",
            "--limit",
            "128",
            "--epochs",
            "1",
        ]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0 and "2 processes" in done.stderr, done.stderr
        return
    lenet = RECIPES["lenet5"]
    spiking = lenet(activation=ng.LIF())
    if "net.h5" in line and " -o net.h5" not in line:
        ng.save(spiking if "mnist" in line or "nir" not in line else small_graph(), tmp_path / "net.h5")
    if "run events.h5" in line:
        event_net = RECIPES["shallow_convnet"](width=0.1, input_shape=(2, 34, 34))
        ng.save(
            ng.compile(event_net, "torch"),
            tmp_path / "events.h5",
            meta={"steps": 4, "frames": "number", "size": [34, 34]},
        )
    if "net.json" in line:
        ng.save(spiking, tmp_path / "net.json")
    if "import net.nir" in line:
        ng.save(small_graph(), tmp_path / "net.nir", convention="continuous", dt=1e-4)
    if "before.h5" in line:
        ng.save(spiking, tmp_path / "before.h5")
        ng.save(spiking, tmp_path / "after.h5")
    if "ann.h5" in line and "convert" in line:
        graph = lenet(input_shape=(1, 8, 8))
        ng.save(ng.compile(graph, "torch"), tmp_path / "ann.h5")
    if "weights.npz" in line:
        ng.save_weights(tmp_path / "weights.npz", ng.compile(lenet(), "numba"))
    if "cuba.h5" in line and "--record " not in line:
        cli("neurograph run cuba --time 200 --probe exc --probe inh --probe exc:v --record cuba.h5")
    code = 1 if line.startswith("neurograph diff") and "before" not in line else 0
    cli(line.split(" > ")[0], code=code)


def small_graph() -> ng.Graph:
    """What NIR can hold."""
    rng = np.random.default_rng(0)
    graph = ng.Graph("small")
    layer = graph.population("layer", ng.LIF())
    graph.connect(graph.input("x", 4), layer, ng.Dense(3))
    graph.connect(layer, graph.output("y", readout=ng.Steps()))
    return graph.with_weights({"x_to_layer.dense.weight": rng.random((3, 4)), "x_to_layer.dense.bias": np.zeros(3)})
