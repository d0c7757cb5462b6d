"""info, check, export, import, diff, view: what is said of a network, and what is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph.models import RECIPES


def test_info_is_the_graphs_own_summary(cli: Any) -> None:
    data = cli("neurograph info lenet5 --json").json
    graph = RECIPES["lenet5"]()
    assert data["hash"] == graph.hash and data["weights"] == 61_750 and data["macs"] == 422_824
    assert data["inputs"] == {"image": [1, 28, 28]} and data["outputs"] == {"logits": [10]}
    text = cli("neurograph info lenet5").out
    assert graph.hash in text and "61,750 to train" in text
    for row in data["rows"]:
        assert row["name"] in text and row["what"] in text


def test_info_of_a_circuit_tells_synapses_and_memory(cli: Any) -> None:
    data = cli("neurograph info cuba n=1000 --json").json
    assert data["synapses"] == pytest.approx(80_000) and data["dt"] == 0.1 and data["neurons"] == 1000
    text = cli("neurograph info microcircuit scale=0.02").out  # its delays are drawn
    assert "delay=Normal(mean=1.5, sd=0.75, low=0.1)" in text and "about 119,548" in text


def test_info_shows_the_tape_after_a_pass(cli: Any) -> None:
    assert "passes=validate,infer,fuse,schedule,plan" in cli("neurograph info lenet5 --tape").out
    data = cli("neurograph info lenet5 --stop-after infer --json").json
    assert data["tape"][0].endswith("passes=validate,infer")


def test_check_finds_nothing_wrong_with_any_recipe(cli: Any) -> None:
    for line in ("lenet5", "cuba n=200", "plastic n_in=20 n_out=20", "resnet_cifar", "microcircuit scale=0.01"):
        data = cli(f"neurograph check {line} --json --backend numba").json
        assert data["errors"] == 0, data
    assert cli("neurograph check lenet5").out == "lenet5 at dt=1: no problem found\n"


def test_check_lists_every_problem(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(
        "import neurograph as ng\n"
        "def make():\n"
        "    g = ng.Graph('bad')\n"
        "    x, unused = g.input('x', (3, 8, 8)), g.input('unused', 4)\n"
        "    a, b = g.population('a', ng.LIF()), g.population('b', ng.LIF())\n"
        "    g.population('lost', ng.LIF())\n"
        "    g.connect(x, a, ng.Conv2d(4, 3)); g.connect(a, b, ng.Conv2d(4, 3)); g.connect(b, a)\n"
        "    g.connect(a, a, ng.Scale(2.0), delay=0.2)\n"
        "    g.connect(x, b, ng.Dense(5)); g.output('out')\n"
        "    return g\n"
    )
    done = cli("neurograph check bad.py:make --json", code=1)
    messages = [p["message"] for p in done.json["problems"] if p["level"] == "error"]
    for part in (
        "would vanish",
        "'lost'",
        "output 'out'",
        "cycle without delay: a -> b -> a",
        "'unused'",
        "Insert Flatten()",
        "'b_to_a'",
    ):
        assert sum(part in m for m in messages) == 1, (part, messages)
    assert done.json["errors"] == len(messages) == 7
    assert "bad.py:7" in cli("neurograph check bad.py:make", code=1).out


def test_check_of_a_damaged_file_names_it(cli: Any, tmp_path: Path) -> None:
    cli("neurograph export lenet5 activation=LIF --draw 0 -o net.h5")
    assert "no problem found" in cli("neurograph check net.h5").out
    content = bytearray((tmp_path / "net.h5").read_bytes())
    content[3000] ^= 255
    (tmp_path / "bent.h5").write_bytes(content)
    (tmp_path / "cut.json").write_text('{"format": "neurograph", "graph": {')
    (tmp_path / "empty.json").write_text("")
    for name in ("bent.h5", "cut.json", "empty.json"):
        done = cli(f"neurograph check {name} --json", code=1)
        assert [p["kind"] for p in done.json["problems"]] == ["FormatError"] and name in done.json["problems"][0][
            "message"
        ]
        assert name in cli(f"neurograph info {name}", code=1).err


def test_check_lists_every_part_of_a_file_that_cannot_be_read(cli: Any, tmp_path: Path) -> None:
    cli("neurograph export lenet5 activation=LIF -o net.json")
    data = json.loads((tmp_path / "net.json").read_text())
    nodes, projections = data["graph"]["nodes"], data["graph"]["projections"]
    nodes[3]["shape"], projections[0]["delay"], projections[1] = [0], -1, "no projection"
    projections[4]["operators"][0]["operator"] = "Dence"
    (tmp_path / "net.json").write_text(json.dumps(data))
    messages = [p["message"] for p in cli("neurograph check net.json --json", code=1).json["problems"]]
    for part in ("node 3 ('c5')", "projection 0 ('conv1')", "projection 1", "unknown operator 'Dence'"):
        assert sum(part in m for m in messages) == 1, messages
    assert len(messages) == 4  # of the projections of 'c5' nothing is said
    assert "node 3 ('c5')" in cli("neurograph info net.json", code=1).err


def test_notes_are_no_problems_unless_strict(cli: Any) -> None:
    cli("neurograph export lenet5 -o net.json")
    assert "note (weights)" in cli("neurograph check net.json").out
    cli("neurograph check net.json --strict", code=1)


def test_export_and_import_keep_the_network(cli: Any, tmp_path: Path) -> None:
    line = cli("neurograph export cifar_convnet width=0.05 'neuron=MCN' -o net.json").out
    graph = ng.load(tmp_path / "net.json")
    assert graph.hash[:12] in line and "8 populations" in line
    assert cli("neurograph import net.json -o deep/net.h5 --json").json["hash"] == graph.hash
    assert ng.load(tmp_path / "deep" / "net.h5") == graph
    assert cli("neurograph diff net.json deep/net.h5").out == "no difference\n"


def test_files_take_the_options_of_their_format(cli: Any, mine: Path, tmp_path: Path) -> None:
    cli("neurograph export my_net.py:make --draw 0 -o net.h5")
    cli("neurograph export net.h5 -o net.nir --dt 1e-3")
    assert "no problem found" in cli("neurograph check net.nir dt=1e-3").out
    data = cli("neurograph import net.nir -o again.h5 --dt 1e-3 --json").json
    assert data["hash"] == cli("neurograph info net.nir dt=1e-3 --json").json["hash"]
    x = np.random.default_rng(0).random((3, 1, 8, 8), np.float32)
    before, after = (ng.compile(ng.load(tmp_path / n), "numba", dtype="float64")(x, 6) for n in ("net.h5", "again.h5"))
    np.testing.assert_allclose(before, after, rtol=1e-5)  # NIR keeps float32
    nir = pytest.importorskip("nir")
    lif = nir.LIF(tau=np.full(3, 0.01), r=np.ones(3), v_leak=np.zeros(3), v_threshold=np.ones(3), v_reset=np.zeros(3))
    nodes = {"input": nir.Input({"input": np.array([3])}), "lif": lif, "output": nir.Output({"output": np.array([3])})}
    nir.write(str(tmp_path / "seconds.nir"), nir.NIRGraph(nodes, [("input", "lif"), ("lif", "output")]))
    assert "Pass dt= in seconds" in cli("neurograph check seconds.nir", code=1).out
    assert "no problem found" in cli("neurograph check seconds.nir dt=1e-3").out
    assert "a file of format nir takes dt=" in cli("neurograph info net.nir step=3", code=2).err
    assert "takes no settings, not dt=" in cli("neurograph info net.h5 dt=3", code=2).err


def test_export_with_weights(cli: Any, tmp_path: Path) -> None:
    program = ng.compile(RECIPES["lenet5"](activation=ng.LIF()), "numba", seed=3)
    ng.save_weights(tmp_path / "w.npz", program)
    cli("neurograph export lenet5 activation=LIF --weights w.npz -o a.h5")
    cli("neurograph export lenet5 activation=LIF --draw 3 -o b.h5")
    x = np.random.default_rng(0).random((2, 1, 28, 28), np.float32)
    answers = [ng.compile(ng.load(tmp_path / n), "numba", seed=9)(x, 4) for n in ("a.h5", "b.h5")]
    for found in answers:
        np.testing.assert_allclose(found, program(x, 4), rtol=1e-6)


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("export lenet5 -o net.xyz", 1, "no format has the ending '.xyz'"),
        ("export lenet5", 2, "Missing option '-o'"),
        ("export lenet5 -o net.json --lossy", 1, "json has no option 'lossy'"),
        ("export lenet5 -o net.json --format hdf6", 1, "unknown format 'hdf6'"),
        ("export lenet5 -o net.json --option lossy", 2, "--option lossy: give KEY=VALUE"),
        ("export cuba -o net.json --draw 3", 2, "whose rules make its weights"),
        ("import net.txt -o net.h5", 1, "no format that is read here"),
        ("import nothing.nir -o net.h5", 2, "does not exist"),
        ("import net.txt -o net.html", 2, "html does not hold a whole network"),
        ("diff lenet5", 2, "give 2 models"),
        ("diff lenet5 lenet5 cuba", 2, "give 2 models"),
        ("view lenet5 -o no/such/folder/net.html", 1, "no/such/folder/net.html"),
        ("check lenet5 --backend cuda", 2, "is not one of 'torch', 'numba', 'reference'"),
    ],
)
def test_bad_input_is_said(cli: Any, tmp_path: Path, line: str, code: int, said: str) -> None:
    (tmp_path / "net.txt").write_text("this is no network")
    done = cli(f"neurograph {line}", code=code)
    assert said in done.err and not done.out


def test_formats_are_listed_with_their_options(cli: Any) -> None:
    text = cli("neurograph export --formats").out
    assert "hdf5" in text and "the whole model" in text and ".html" in text
    assert cli("neurograph import --formats").out == text


def test_diff_says_what_changed_and_ends_with_1(cli: Any) -> None:
    done = cli("neurograph diff lenet5 pool=avg lenet5 num_classes=3 pool=avg", code=1)
    assert "~ projection 'fc3'" in done.out
    data = cli("neurograph diff lenet5 pool=avg lenet5 --json", code=1).json
    assert not data["equal"] and data["changed"] and data["a"] != data["b"]
    assert cli("neurograph diff lenet5 lenet5 --json").json["equal"]


def test_view_writes_a_page_that_asks_for_nothing(cli: Any, tmp_path: Path) -> None:
    data = cli("neurograph view lenet5 activation=LIF --json").json
    page = (tmp_path / data["output"]).read_text()
    assert data["bytes"] == len(page.encode()) and "lenet5" in page and 'src="http' not in page
    cli("neurograph run cuba n=200 --time 20 --record rec.h5 --no-progress")
    assert "cuba.html" in cli("neurograph view cuba n=200 --recording rec.h5 -o cuba.html").out
    assert "recorded in rec.h5" in (tmp_path / "cuba.html").read_text()


def test_view_opens_a_browser(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or False)
    assert "no browser could be opened" in cli("neurograph view lenet5 --open").err
    assert opened[0].startswith("file://") and opened[0].endswith("lenet5.html")


def test_a_recording_or_weights_are_no_model_and_it_says_what_they_are(cli: Any, tmp_path: Path) -> None:
    cli("neurograph run cuba n=100 --time 5 --record rec.h5")
    assert "It is a recording: neurograph plot rec.h5" in cli("neurograph info rec.h5", code=1).err
    ng.save_weights(tmp_path / "w.npz", {"a": np.ones(3)})
    assert "weights without a network: MODEL --weights w.npz" in cli("neurograph info w.npz", code=1).err
