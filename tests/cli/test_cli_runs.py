"""run and plot: what a network does, what is recorded of it, and the picture."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph.models import RECIPES
from neurograph.recorded import Recorded


def test_a_circuit_runs_as_in_python(cli: Any) -> None:
    data = cli("neurograph run cuba n=400 --time 50 --seed 3 --json").json
    sim = ng.compile(RECIPES["cuba"](n=400), "numba", dt=0.1, seed=3)
    sim.run(50.0, progress=False)
    counts = {n: int(c.sum()) for n, c in sim.spike_counts().items()}
    assert {n: p["spikes"] for n, p in data["populations"].items()} == counts
    assert data["populations"]["exc"]["rate"] * 1000 == pytest.approx(sim.rate("exc")) and data["steps"] == 500
    text = cli("neurograph run cuba n=400 --time 50 --seed 3").out
    assert f"{counts['exc']:,}" in text and "x real time" in text


def test_backends_threads_and_steps_give_the_same_spikes(cli: Any) -> None:
    lines = (
        "--time 20",
        "--steps 200",
        "--time 20 --threads 1",
        "--time 20 --backend reference",
        "--duration 20 --backend torch --dtype float64",
    )
    found = [cli(f"neurograph run cuba n=100 {line} --json").json["populations"] for line in lines]
    assert found[0]["exc"]["spikes"] > 0 and all(f == found[0] for f in found[1:])


@pytest.mark.parametrize("backend", ["numba", "reference"])
def test_a_recording_holds_what_was_asked_for(cli: Any, tmp_path: Path, backend: str) -> None:
    line = f"neurograph run cuba n=100 --time 20 --backend {backend} --probe inh --probe exc:v --probe exc:i_exc:3-5 --record rec.h5 --json"
    data = cli(line).json
    held = Recorded(tmp_path / "rec.h5")
    assert (
        set(held.keys) == {"inh.spike", "exc.v", "exc.i_exc"}
        and held.dt == 0.1
        and held.duration == pytest.approx(20.0)
    )
    assert len(held.spikes("inh")[0]) == data["populations"]["inh"]["spikes"] and held.size("inh") == 20
    times, values, neurons = held.trace("exc.i_exc")
    assert len(times) == 200 and times[-1] == pytest.approx(20.0) and values.shape == (200, 3)
    if backend == "numba":  # other backends number what was recorded
        assert neurons.tolist() == [3, 4, 5]
    assert data["variables"]["exc.v"]["largest"] == pytest.approx(held.trace("exc.v")[1].max())
    assert held.facts["model"] == "cuba" and held.facts["seed"] == 0


def test_without_probes_a_recording_holds_all_spikes(cli: Any, tmp_path: Path) -> None:
    cli("neurograph run cuba n=100 --time 20 --record rec.h5")
    assert Recorded(tmp_path / "rec.h5").spiking == ("exc", "inh")


def test_inputs_from_files_give_the_answers_of_python(cli: Any, tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((5, 1, 28, 28), np.float32)
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "x.npz", image=x)
    np.save(tmp_path / "bytes.npy", (255 * x).astype(np.uint8))
    np.save(tmp_path / "sequence.npy", np.stack([x] * 4))
    cli("neurograph run lenet5 activation=LIF --input x.npy --steps 4 --batch 2 --output y.npz")
    expected = ng.compile(RECIPES["lenet5"](activation=ng.LIF()), "numba")(x, 4)
    np.testing.assert_array_equal(np.load(tmp_path / "y.npz")["logits"], expected)
    for given in ("x.npz", "image=x.npy", "sequence.npy"):
        data = cli(f"neurograph run lenet5 activation=LIF --input {given} --steps 4 --json").json
        assert data["answers"]["logits"] == expected.argmax(1).tolist() and data["samples"] == 5
    assert cli("neurograph run lenet5 --input bytes.npy --limit 3 --json").json["samples"] == 3


def test_answers_of_all_steps_are_joined_by_sample(cli: Any, tmp_path: Path) -> None:
    line = "neurograph run lenet5 activation=LIF readout=Steps --input random --limit 7 --steps 3 --output y.npz --json"
    assert cli(f"{line} --batch 3").json["samples"] == 7
    parts = np.load(tmp_path / "y.npz")["logits"]
    assert parts.shape == (3, 7, 10) and cli(line).json["outputs"] == {"logits": [3, 7, 10]}


def test_random_inputs_are_those_of_the_seed(cli: Any) -> None:
    first, again = (cli("neurograph run lenet5 activation=LIF --input random --limit 4 --json").json for _ in range(2))
    assert first["answers"] == again["answers"] and first["steps"] == 8
    assert cli("neurograph run lenet5 --input random --json").json["steps"] == 1  # no neuron has a state


def test_a_data_set_is_run_and_counted(cli: Any) -> None:
    done = cli("neurograph run lenet5 activation=LIF --dataset digits --limit 40 --backend torch --steps 2 --json")
    assert done.json["samples"] == 40 and 0 <= done.json["correct"] <= 40 and done.json["settings"]["num_classes"] == 10
    assert "of 40 right" in cli("neurograph run lenet5 --dataset digits --limit 40").out


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("run lenet5", 2, "give --input FILE.npy, --dataset NAME or, to try it, --input random"),
        ("run lenet5 --input random --time 5", 2, "it runs for --steps"),
        ("run lenet5 --input flat.npy", 1, "give [N, 1, 28, 28] or a sequence [T, N, 1, 28, 28]"),
        ("run lenet5 --input objects.npy", 1, "no array can be read"),
        ("run lenet5 --input words.npy", 1, "inputs are numbers"),
        ("run lenet5 --input text.npy", 1, "no array can be read"),
        ("run lenet5 --input nothing.npy", 1, "nothing.npy"),
        ("run lenet5 --input other.npz", 1, "has no input 'foo'; it has image"),
        ("run lenet5 --input tensor.pt", 1, "torch.load(path, weights_only=True)"),
        ("run lenet5 --input random --dataset digits", 2, "give one of them"),
        ("run lenet5 input_shape=(3,32,32) --dataset digits", 1, "digits has samples of shape (1, 8, 8)"),
        ("run lenet5 --dataset mnits", 1, "unknown data set 'mnits'"),
        ("run lenet5 --input random --device cuda", 2, "use --backend torch"),
        ("run lenet5 --input random --backend torch --device cuda:99", 1, "cuda:99"),
        ("run lenet5 --input random --steps 0", 2, "0 is not in the range"),
        ("run cuba --input x.npy", 2, "it is a circuit"),
        ("run cuba --time 5 --steps 3", 2, "give one of them"),
        ("run cuba n=100 --time -5", 1, "less than one step"),
        ("run cuba n=100 --time 5 --dt 0", 1, "dt=0"),
        ("run cuba n=100 --time 0.01 --backend reference", 1, "less than one step"),
        ("run cuba --probe exx", 1, "--probe exx: not a population; known: exc, inh"),
        ("run cuba --probe exc:u", 1, "recordable are refractory, v"),
        ("run cuba --probe exc:v:a", 2, "neurons are a number, a range such as 0-9, or all"),
        ("run cuba n=100 --time 5 --probe exc:v:900 --record r.h5", 1, "neuron 900"),
        ("run cuba n=100 --time 5 --record no/folder/r.h5", 1, "no/folder/r.h5"),
        ("run cuba --time soon", 2, "'soon' is not a valid float"),
        ("plot nothing.h5", 2, "does not exist"),
        ("plot flat.npy", 1, "no recording can be read"),
        ("plot other.h5", 1, "it is HDF5, but no recording"),
        ("plot rec.h5 --raster exh", 1, "exh.spike was not recorded; recorded are exc.spike"),
        ("plot rec.h5 --trace exc:v", 1, "exc.v was not recorded"),
        ("plot rec.h5 --window 5 2", 1, "the first before the second"),
        ("plot rec.h5 -o rec.bmp", 2, ".png, .svg or .pdf"),
    ],
)
def test_bad_input_is_said(cli: Any, tmp_path: Path, line: str, code: int, said: str) -> None:
    import h5py

    np.save(tmp_path / "flat.npy", np.ones((4, 784), np.float32))
    np.save(tmp_path / "words.npy", np.array(["a"]))
    np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
    (tmp_path / "text.npy").write_text("no array")
    np.savez(tmp_path / "other.npz", foo=np.zeros((2, 1, 28, 28), np.float32))
    with zipfile.ZipFile(tmp_path / "tensor.pt", "w") as packed:  # as torch.save packs it
        packed.writestr("tensor/data.pkl", b"")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["data"] = np.ones(3)
    if "rec.h5" in line:
        cli("neurograph run cuba n=100 --time 5 --record rec.h5")
    done = cli(f"neurograph {line}", code=code)
    assert said in done.err and not done.out


def test_plot_draws_what_was_recorded(cli: Any, tmp_path: Path) -> None:
    cli("neurograph run cuba n=100 --time 30 --probe exc --probe inh --probe exc:v --record rec.h5")
    assert cli("neurograph plot rec.h5").out == "rec.png: raster, trace exc.v\n"
    line = "neurograph plot rec.h5 --raster exc --rate exc --trace exc:v --neurons 1,3 --window 5 25 --bin 2 -o some.svg --json"
    assert cli(line).json["panels"] == ["raster", "rate", "trace exc.v"]
    assert (tmp_path / "rec.png").stat().st_size > 5000 and "<svg" in (tmp_path / "some.svg").read_text()
    listed = cli("neurograph plot rec.h5 --list --json").json
    assert listed["spikes"]["exc"]["neurons"] == 80 and listed["traces"]["exc.v"]["neurons"] == 10
    assert "exc:v" in cli("neurograph plot rec.h5 --list").out


def test_plot_of_samples_counts_in_steps(cli: Any, tmp_path: Path) -> None:
    cli("neurograph run lenet5 activation=LIF --input random --limit 3 --record rec.h5")
    cli("neurograph plot rec.h5 --sample 2 -o rec.svg")
    assert "sample 3 of" in cli("neurograph plot rec.h5 --sample 3", code=1).err
    assert Recorded(tmp_path / "rec.h5").facts["unit"] == "steps"


def test_what_a_program_streamed_itself_is_a_recording_too(cli: Any, tmp_path: Path) -> None:
    graph = RECIPES["cuba"](n=100)
    graph.probe("exc", "spike")
    ng.compile(graph, "numba", dt=0.1).run(20.0, record_to=tmp_path / "own.h5", progress=False)
    assert "own.png: raster" in cli("neurograph plot own.h5").out


def test_networks_with_relays_run(cli: Any) -> None:
    data = cli(
        "neurograph run sew_resnet18 width=0.05 input_shape=3,8,8 --input random --limit 2 --steps 2 --json"
    ).json
    assert "stage1.block1.lif1" in data["populations"] and "stage1.block1.out" not in data["populations"]
