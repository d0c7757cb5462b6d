"""MODEL and its settings: recipes, files, functions; what is typed wrongly is said in one message."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click
import pytest

import neurograph as ng
from neurograph.cli import settings
from neurograph.models import RECIPES


def test_list_shows_every_recipe_with_a_line(cli: Any) -> None:
    text = cli("neurograph list").out
    data = cli("neurograph list --json").json["recipes"]
    assert {r["name"] for r in data} == set(RECIPES)
    for one in data:
        assert one["name"] in text and one["about"] in text and len(one["about"]) > 20
    width = next(s for r in data if r["name"] == "cifar_convnet" for s in r["settings"] if s["name"] == "width")
    assert width == {"name": "width", "required": False, "default": "1.0", "type": "a number"}
    assert cli("neurograph info").out == text


def test_a_name_of_an_activation_and_a_surrogate_is_what_fits() -> None:
    assert isinstance(settings.value_of("ReLU", ng.Neuron | None, "x"), ng.ReLU)
    lif = settings.value_of("LIF(surrogate=ReLU(alpha=3.0))", ng.Neuron | None, "x")
    assert lif.params["surrogate_alpha"] == 3.0 and type(lif.options["surrogate"]) is ng.SURROGATES["ReLU"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("cifar_convnet witdh=1", "no setting 'witdh'. Did you mean 'width'? It takes num_classes=10"),
        ("cifar_convnet step=4", "It belongs to a run: --steps"),
        ("cifar_convnet width=wide", "width=wide: this is a number, not 'wide'"),
        ("cifar_convnet num_classes=2.5", "this is a whole number, not 2.5"),
        ("cifar_convnet num_classes=true", "this is a whole number, not True"),
        ("cifar_convnet input_shape=3", "this is a tuple such as (8, 8, 8), not 3"),
        ("cifar_convnet neuron=LFI", "Did you mean LI or LIF?"),
        ("cifar_convnet 'neuron=LIF(tua=2)'", "LIF at"),
        ("cifar_convnet neuron=3", "this is a neuron such as LIF(tau=2.0) or None, not 3"),
        ("cifar_convnet width=1 width=2", "width= is given twice"),
        ("lenet6", "no model 'lenet6'. Did you mean 'lenet5'?"),
        ("zzz", "the recipes are brain_regions"),
        ("nothing.h5", "no file 'nothing.h5' here"),
        ("brain_regions", "brain_regions needs connectome="),
        ("lenet5 cuba", "one MODEL, and settings as key=value; got 'lenet5' and 'cuba'"),
        ("width=2", "say which MODEL"),
        ("my_net.py", "my_net.py:make or my_net.py:trained"),
        ("other.py:make", "no file other.py"),
        ("my_net.py:make hiden=3", "Did you mean 'hidden'?"),
        ("my_net.py:ready hidden=3", "takes no settings"),
        ("nowhere.at_all:make", "no module 'nowhere.at_all'"),
        (".", ". is a folder; MODEL is a file"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_there_is(cli: Any, mine: Path, line: str, said: str) -> None:
    done = cli(f"neurograph info {line}", code=2)
    assert said in done.err and "Usage: neurograph info" in done.err and not done.out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("lenet5 pool=mean", "error: lenet5(pool='mean'): choose one of max, avg"),
        ("cifar_convnet width=0", "must be above 0"),
        ("my_net.py:fails", "error: ValueError: mine"),
        ("my_net.py:wrong", "returned int"),
        ("my_net.py:mak", "Did you mean 'make'?"),
        ("my_net.py:ng", "is module, neither a Graph nor a function"),
        ("plastic --dt 1", "would vanish. Use a smaller dt"),
    ],
)
def test_a_problem_of_the_model_ends_with_1(cli: Any, mine: Path, line: str, said: str) -> None:
    done = cli(f"neurograph info {line}", code=1)
    assert said in done.err and "Usage" not in done.err and not done.out


def test_debug_shows_where_an_error_comes_from(cli: Any, mine: Path) -> None:
    with pytest.raises(AssertionError, match=r'my_net.py", line \d+, in fails'):  # the fixture refuses tracebacks
        cli("neurograph info my_net.py:fails --debug", code=1)


@pytest.mark.parametrize("name", ["my_net.py:make", "my_net:make", "./my_net.py:make", "my_net:ready"])
def test_the_users_own_function_is_a_model(cli: Any, mine: Path, name: str) -> None:
    data = cli(f"neurograph info {name} --json").json
    assert data["from"] == "code" and data["neurons"] == 20
    if not name.endswith("ready"):
        assert cli(f"neurograph info {name} hidden=7 --json").json["neurons"] == 7


def test_a_file_named_like_a_recipe_or_with_a_sign_is_a_file(cli: Any, tmp_path: Path) -> None:
    graph = ng.Graph("held")
    graph.connect(graph.input("x", 3), graph.output("y"), ng.Dense(2))
    for name in ("cuba", "a=b.json", "with space.h5"):
        ng.save(graph, tmp_path / name, format="json" if not name.endswith("h5") else None)
        assert cli(f"neurograph info '{name}' --json").json["name"] == "held"


def test_reading_a_file_runs_no_code_of_the_folder(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('code of the folder was run')")
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit('code of the folder was run')")
    cli("neurograph export lenet5 -o net.json")
    assert cli("neurograph info net.json --json").json["name"] == "lenet5"


@pytest.mark.parametrize(
    ("text", "hint", "value"),
    [
        ("3", int, 3), ("3", float, 3.0), ("3", str, "3"), ("a b", str, "a b"), ("None", str | None, None), ("null", int | None, None),
        ("true", bool, True), ("False", bool, False), ("1e-3", float, 1e-3), ("-2", int, -2), ("(3,32,32)", tuple[int, int, int], (3, 32, 32)),
        ("[1, 2]", tuple[int, ...], (1, 2)), ("net.npy", Any, "net.npy"), ("[1,2]", Any, (1, 2)), ("poisson", Literal["poisson", "dc"], "poisson"),
        ("((1,2),(3,))", tuple[tuple[int, ...], ...], ((1, 2), (3,))), ("__import__('os')", Any, "__import__('os')"),
    ],
)  # fmt: skip
def test_values_are_read_by_their_kind(text: str, hint: Any, value: Any) -> None:
    found = settings.value_of(text, hint, "x")
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    "text", ["__import__('os').getcwd()", "open('x','w')", "(lambda: 3)()", "[].append(1)", "LIF.__init__", "9**9**9"]
)
def test_values_are_never_run(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(click.UsageError, match="this is a whole number"):
        settings.value_of(text, int, "x")
    assert settings.value_of(text, Any, "x") == text and not list(tmp_path.iterdir())


def test_neurons_and_encoders_are_made_by_name_and_alias() -> None:
    neuron = settings.value_of("LIFNode(tau=4.0, surrogate=Atan(2.0))", ng.Neuron, "x")
    assert repr(neuron) == repr(ng.LIF(tau=4.0, surrogate=ng.Atan(2.0)))
    assert repr(settings.value_of("Rate", ng.Encoder | None, "x")) == repr(ng.Rate())
    with pytest.raises(click.UsageError, match="a parameter is a number"):
        settings.value_of("LIF(tau='slow')", ng.Neuron, "x")
