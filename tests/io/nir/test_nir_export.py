"""Export: nothing is lost in silence, both dialects compute the same, files are deterministic."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph import learnable
from neurograph.activations.threshold import Threshold
from neurograph.errors import FormatError
from neurograph.io import NotRepresentable, from_nir, read_nir, to_nir

nir = pytest.importorskip("nir")
DT, STEPS = 1e-3, 40


def drawn(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.7, shape).astype(np.float32)


def spread(low: float, high: float, *shape: int) -> np.ndarray:
    return np.linspace(low, high, int(np.prod(shape))).reshape(shape)


def chain(*neurons: ng.Neuron, sizes: int = 4) -> ng.Graph:
    """input -> Dense -> neuron -> Dense -> neuron ... -> output."""
    graph = ng.Graph("chain")
    before: Any = graph.input("x", sizes)
    for k, neuron in enumerate(neurons):
        after = graph.population(f"n{k}", neuron, sizes)
        graph.connect(before, after, ng.Dense(weight=drawn(k, sizes, sizes), bias=drawn(20 + k, sizes)), name=f"fc{k}")
        before = after
    graph.connect(before, graph.output("y", readout=ng.Steps()))
    return graph


NEURONS: dict[str, Any] = {
    "LIF": lambda: ng.LIF(tau=5.0, threshold=0.3),
    "LIF, arrays": lambda: ng.LIF(tau=spread(2, 9, 4), threshold=spread(0.2, 0.5, 4), v_rest=0.1, v_reset=-0.1),
    "LIF, undivided": lambda: ng.LIF(tau=5.0, decay_input=False, v_rest=0.1, v=0.0),
    "LIF, exact": lambda: ng.LIF(tau=5.0, threshold=0.3, integration="exact"),
    "LIF, exact, undivided": lambda: ng.LIF(tau=5.0, threshold=0.9, integration="exact", decay_input=False),
    "LIF, learnt": lambda: ng.LIF(tau=learnable(spread(2, 9, 4), per="neuron"), threshold=learnable(0.3)),
    "LIF, sigmoid threshold": lambda: ng.LIF(threshold=-0.5, threshold_of="sigmoid"),
    "PLIF": lambda: ng.PLIF(tau=3.0, threshold=0.3),
    "PLIF, undivided": lambda: ng.PLIF(tau=3.0, threshold=0.9, decay_input=False),
    "IF": lambda: ng.IF(threshold=1.0),
    "ResistiveIF": lambda: ng.ResistiveIF(threshold=1.0, r=spread(0.5, 2, 4)),
    "ResistiveLIF": lambda: ng.ResistiveLIF(tau=5.0, r=spread(0.5, 3, 4), v_rest=-0.1),
    "ResistiveLIF, exact": lambda: ng.ResistiveLIF(tau=5.0, r=spread(0.5, 3, 4), integration="exact"),
    "ResistiveLI": lambda: ng.ResistiveLI(tau=5.0, r=spread(0.5, 3, 4), v_rest=0.2),
    "LeakyIntegrator": lambda: ng.LeakyIntegrator(tau=spread(2, 9, 4)),
    "Integrator": lambda: ng.Integrator(r=0.5),
    "CubaLIF": lambda: ng.CubaLIF(tau_syn=3.0, tau_mem=spread(4, 8, 4), r=2.0, w_in=1.5, threshold=0.3),
    "CubaLIF, undivided": lambda: ng.CubaLIF(tau_syn=3.0, tau_mem=5.0, decay_input=False, r=0.4, threshold=0.9),
    "CubaLIF, exact": lambda: ng.CubaLIF(tau_syn=3.0, tau_mem=5.0, integration="exact", r=4.0),
    "CubaLIF, exact, undivided": lambda: ng.CubaLIF(tau_syn=3.0, tau_mem=5.0, integration="exact", decay_input=False),
    "CubaLI": lambda: ng.CubaLI(tau_syn=3.0, tau_mem=5.0, v_rest=0.2),
    "Threshold": lambda: Threshold(threshold=spread(-0.5, 0.5, 4)),
}


@pytest.mark.parametrize("convention", ["continuous", "discrete"])
@pytest.mark.parametrize("name", NEURONS)
def test_a_neuron_there_and_back(name: str, convention: str, run: Any) -> None:
    graph = chain(NEURONS[name](), NEURONS[name]())
    x = np.random.default_rng(1).normal(0.5, 1.0, (STEPS, 4))
    expected = run(graph, x)
    assert np.any(expected != 0)
    exact = "exact" in name
    if exact and convention == "discrete":
        with pytest.raises(NotRepresentable, match="discrete dialect is a step of Euler's rule"):
            to_nir(graph, dt=DT, convention=convention)
        return
    made = to_nir(graph, dt=DT, convention=convention, dtype="float64")
    found = read_nir(made)
    assert found.scheme == ("exact" if exact else "euler")
    np.testing.assert_allclose(run(found.graph, x), expected, atol=1e-6 if "LI" in name else 1e-9)
    for unit, dt in (("s", DT), ("ms", 1.0)):
        np.testing.assert_allclose(run(from_nir(made, unit=unit), x, dt=dt), expected, atol=1e-6)
    for node in made.nodes.values():
        if convention == "discrete" and hasattr(node, "tau"):
            np.testing.assert_allclose(node.r, node.tau / DT)
    single = to_nir(graph, dt=DT, convention=convention)
    np.testing.assert_allclose(run(from_nir(single), x), expected, atol=1e-5)


@pytest.mark.parametrize("convention", ["continuous", "discrete"])
def test_units_of_time(convention: str, run: Any) -> None:
    """The same network in steps, in milliseconds and in seconds is the same file."""
    x = np.random.default_rng(1).normal(0.5, 1.0, (STEPS, 4))

    def graph(unit: float) -> ng.Graph:
        made = chain(ng.LIF(tau=5.0 * unit, threshold=0.3), ng.ResistiveIF(r=0.7 / unit), ng.Integrator(r=1.0 / unit))
        made.connect("n1", "n0", delay=3 * unit)
        return made

    files = [to_nir(graph(u), dt=2e-3, unit=name, convention=convention) for name, u in
             (("step", 1.0), ("ms", 2.0), ("s", 2e-3))]  # fmt: skip
    for other in files[1:]:
        assert from_nir(other) == from_nir(files[0])
    program = ng.compile(graph(2.0), "reference", dt=2.0)  # a program knows its unit
    assert from_nir(to_nir(program, dt=2e-3, convention=convention)) == from_nir(files[0])
    np.testing.assert_allclose(run(from_nir(files[0]), x), run(graph(1.0), x), atol=1e-4)
    with pytest.raises(FormatError, match="the program was compiled with dt=2"):
        to_nir(program, dt=2e-3, unit="step")


def test_trained_weights_come_from_the_program(run: Any, tmp_path: Path) -> None:
    graph = ng.Graph("conv")
    x = graph.input("image", (2, 6, 6))
    n = graph.population("block.lif", ng.LIF(tau=2.0, threshold=learnable(0.2)))
    graph.connect(x, n, ng.Conv2d(4, 3, padding=1), ng.BatchNorm(), ng.AvgPool2d(2), name="block.conv")
    m = graph.population("out", ng.LeakyIntegrator(tau=3.0))
    graph.connect(n, m, ng.Flatten(), ng.Dropout(0.5), ng.Dense(5), name="fc")
    graph.connect(m, graph.output("y", readout=ng.Mean()))
    with pytest.raises(NotRepresentable) as error:
        to_nir(graph, dt=DT)
    assert "is drawn at random; export a program" in str(error.value)
    assert "fold_batch_norm=True" in str(error.value) and len(error.value.impossible) >= 4
    program = ng.compile(graph, "torch", dtype="float64", seed=3)
    program.train()
    program(np.random.default_rng(0).random((5, 3, 2, 6, 6)))  # running statistics that are no longer 0 and 1
    program.eval()
    made = to_nir(program, tmp_path / "net.nir", dt=DT, fold_batch_norm=True, dtype="float64")
    assert set(made.nodes) == {"image", "block.conv.conv2d", "block.conv.avg_pool", "block.lif", "fc.flatten", "fc.dense",
                               "out", "y"}  # fmt: skip
    found = from_nir(tmp_path / "net.nir")
    assert [p.name for p in found.projections.values()][:2] == ["block.conv", "fc"]
    assert isinstance(found.outputs[0].readout, ng.Mean)  # from our own metadata
    data = np.random.default_rng(1).random((9, 1, 2, 6, 6))
    expected = program(data).detach().numpy()
    np.testing.assert_allclose(ng.compile(found, "numba", dtype="float64")(data), expected, atol=1e-9)
    assert nir.read(tmp_path / "net.nir")


def test_every_loss_is_told_at_once(run: Any, tmp_path: Path) -> None:
    graph = ng.Graph("lossy")
    x = graph.input("x", 4, encoder=ng.Rate())
    soft = graph.population("soft", ng.LIF(reset="soft"), 4)
    loose = graph.population("loose", ng.IF(surrogate=ng.Atan(strict=False)), 4)
    started = graph.population("started", ng.LIF(v=0.2), 4)
    two = graph.population("two", ng.LIF(integration="exact"), 4)
    graph.connect(x, soft)
    graph.connect(soft, loose)
    graph.connect(loose, started)
    graph.connect(started, two)
    graph.connect(two, graph.output("y"))
    with pytest.raises(NotRepresentable) as error:
        to_nir(graph, dt=DT)
    for told in ("input 'x': the encoder Rate()", "population 'soft'", "soft reset", "population 'loose'", ">= threshold",
                 "population 'started': it starts with v=0.2", "population 'two': it is integrated by 'exact'",
                 "lossy=True"):  # fmt: skip
        assert told in str(error.value), told
    assert len(error.value.losses) == 5 and not error.value.impossible
    made = to_nir(graph, tmp_path / "g.nir", dt=DT, lossy=True)
    assert made.metadata["lost"].count("\n") == 4 and "soft reset" in made.metadata["lost"]
    back = from_nir(tmp_path / "g.nir")
    assert isinstance(back.inputs[0].encoder, ng.Rate) and isinstance(back.outputs[0].readout, ng.Mean)
    assert back.nodes["loose"].neuron.options["surrogate"].strict is False  # type: ignore[union-attr]
    with pytest.raises(FormatError, match="soft reset"):
        ng.save(graph, tmp_path / "h.nir", dt=DT)
    ng.save(graph, tmp_path / "h.nir", dt=DT, lossy=True)
    assert ng.load(tmp_path / "h.nir") == back


def test_what_nir_cannot_compute_is_refused_even_with_losses() -> None:
    graph = ng.Graph("no")
    x = graph.input("x", (2, 6, 6))
    a = graph.population("a", ng.ALIF())
    graph.connect(x, a, ng.Conv2d(4, 3, weight=drawn(0, 4, 2, 3, 3), bias=False, padding_mode="reflect", padding=1),
                  ng.MaxPool2d(2), name="conv")  # fmt: skip
    b = graph.population("b", ng.LIF(), combine="concat")
    graph.connect(a, b)
    graph.connect(a, b)
    graph.connect(b, graph.output("y"), ng.Shift(1.0), ng.Reshape((2, 36)), name="end")
    with pytest.raises(NotRepresentable) as error:
        to_nir(graph, dt=DT, lossy=True)
    for told in ("population 'a' (ALIF(", "padding by reflect", "MaxPool2d(2)", "'concat'", "Shift", "Reshape"):
        assert told in str(error.value), told


def test_a_circuit_is_refused_with_reasons() -> None:
    graph = ng.Graph("circuit")
    n = graph.population("n", ng.PscExpLIF(), 10)
    graph.connect(n, n["exc"], ng.FixedProbability(0.1), weight=1.0, delay=1.0)
    graph.probe(n, "spike")
    with pytest.raises(NotRepresentable, match="an Input drives the network") as error:
        to_nir(graph, dt=1e-4, unit="ms")
    assert "PscExpLIF" in str(error.value) and "makes synapses when it is compiled" in str(error.value)


def test_operators_that_nir_says_otherwise(run: Any, tmp_path: Path) -> None:
    from scipy import sparse

    graph = ng.Graph("ops")
    x = graph.input("x", (2, 6, 6))
    a = graph.population("a", ng.IF(threshold=0.7))
    graph.connect(x, a, ng.AdaptiveAvgPool2d((3, 2)), ng.Scale(np.array([1.5, 0.5])), name="one")
    graph.connect(x, a, ng.AvgPool2d((2, 3)), ng.OneToOne(drawn(0, 2, 3, 2)), delay=2, name="two")
    graph.connect(x, a, ng.AvgPool2d((2, 3)), name="three")
    b = graph.population("b", ng.LIF(), 4)
    graph.connect(
        a, b, ng.Reshape((6, 2)), ng.Flatten(), ng.Sparse(sparse.csr_array(drawn(1, 4, 12) * (drawn(2, 4, 12) > 0)))
    )
    graph.connect(b, graph.output("y", readout=ng.Steps()))
    x_ = np.random.default_rng(1).random((20, 2, 6, 6))
    made = to_nir(graph, tmp_path / "ops.nir", dt=DT, dtype="float64")
    np.testing.assert_allclose(run(from_nir(made), x_), run(graph, x_), atol=1e-9)
    assert {"two.delay", "two.avg_pool", "two.one_to_one", "three"} <= set(made.nodes)


def test_parallel_edges_and_relays(run: Any, oracle: Any) -> None:
    graph = ng.Graph("parallel")
    x = graph.input("x", 3)
    relay, n = graph.population("r", ng.Relay(), 3), graph.population("n", ng.LIF(tau=4.0), 3)
    graph.connect(x, relay)
    graph.connect(x, n)
    graph.connect(x, n)
    graph.connect(relay, n)
    graph.connect(n, n, delay=1)
    graph.connect(n, n, delay=1)
    graph.connect(relay, graph.population("m", ng.IF(), 3), ng.Dense(weight=drawn(0, 3, 3), bias=False))
    graph.connect("m", n, delay=2)
    graph.connect(n, graph.output("y", readout=ng.Steps()))
    made = to_nir(graph, dt=DT, dtype="float64")
    assert len(set(made.edges)) == len(made.edges)
    x_ = np.random.default_rng(1).random((20, 3))
    np.testing.assert_allclose(run(from_nir(made), x_), run(graph, x_), atol=1e-9)
    np.testing.assert_allclose(
        oracle(made, x_, DT, "euler", set(read_nir(made).delayed))["y"], run(graph, x_), atol=1e-9
    )


def test_a_recurrent_bias_goes_forward(run: Any, oracle: Any) -> None:
    """Readers that know no Delay still read a recurrent network whose recurrent weights have a bias."""
    graph = ng.Graph("recurrent")
    x, n = graph.input("x", 4), graph.population("n", ng.LIF(tau=4.0, threshold=0.2), 3)
    graph.connect(x, n, ng.Dense(weight=drawn(0, 3, 4), bias=False), name="forward")
    graph.connect(n, n, ng.Dense(weight=drawn(1, 3, 3), bias=np.full(3, 0.3)), name="rec", delay=1)
    graph.connect(n, n, ng.Dense(weight=drawn(2, 3, 3), bias=np.full(3, 0.1)), name="more", delay=1)
    graph.connect(n, graph.output("y", readout=ng.Steps()))
    x_ = np.random.default_rng(1).random((30, 4))
    for convention in ("continuous", "discrete"):
        made = to_nir(graph, dt=DT, dtype="float64", convention=convention)
        assert {k: type(v).__name__ for k, v in made.nodes.items()} == {
            "x": "Input", "forward": "Affine", "n": "LIF", "rec": "Linear", "more": "Linear", "y": "Output"}  # fmt: skip
        np.testing.assert_allclose(run(from_nir(made), x_), run(graph, x_), atol=1e-9)
        late = set(read_nir(made).delayed)
        np.testing.assert_allclose(oracle(made, x_, DT, "euler", late)["y"], run(graph, x_), atol=1e-9)


@pytest.mark.parametrize(("where", "bias"), [("n", False), ("n", True), ("m", False)])
def test_a_delay_where_no_reader_would_put_it_is_written(where: str, bias: bool, run: Any, oracle: Any) -> None:
    """A step that lies on the way forward, or before a bias, is a Delay node; one that closes the cycle is not."""
    graph = ng.Graph("cycle")
    x = graph.input("x", 3)
    n, m = (graph.population(k, ng.LIF(tau=4.0, threshold=0.2), 3) for k in "nm")
    graph.connect(x, n)
    forth, back = (
        ng.Dense(weight=2 * np.eye(3), bias=False),
        ng.Dense(weight=-np.eye(3), bias=np.full(3, 0.1) if bias else False),
    )
    graph.connect(n, m, forth, name="forth", delay=1 if where == "m" else 0)
    graph.connect(m, n, back, name="back", delay=1 if where == "n" else 0)
    graph.connect(m, graph.output("y", readout=ng.Steps()))
    made = to_nir(graph, dt=DT, dtype="float64")
    x_ = np.random.default_rng(1).random((30, 3))
    found = read_nir(made)
    np.testing.assert_allclose(run(found.graph, x_), run(graph, x_), atol=1e-9)
    np.testing.assert_allclose(oracle(made, x_, DT, "euler", set(found.delayed))["y"], run(graph, x_), atol=1e-9)
    assert ("Delay" in {type(k).__name__ for k in made.nodes.values()}) == (where == "m" or bias)


def test_files_are_deterministic_and_whole(tmp_path: Path) -> None:
    graph = chain(ng.LIF(), ng.CubaLIF())
    for name in ("a", "b"):
        to_nir(graph, tmp_path / f"{name}.nir", dt=DT)
    assert (tmp_path / "a.nir").read_bytes() == (tmp_path / "b.nir").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.nir", "b.nir"]
    held = nir.read(tmp_path / "a.nir").metadata
    assert held["dt"] == DT and json.loads(held["order"])[0] == "x" and held["producer"].startswith("neurograph")
    with pytest.raises(NotRepresentable):
        to_nir(chain(ng.LIF(reset="soft")), tmp_path / "a.nir", dt=DT)
    assert (tmp_path / "a.nir").read_bytes() == (tmp_path / "b.nir").read_bytes()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"dt": 0}, "NIR counts in seconds"),
        ({"dt": DT, "convention": "other"}, "choose one of 'continuous', 'discrete'"),
        ({"dt": DT, "unit": "min"}, "choose one of None, 'step', 's', 'ms'"),
        ({"dt": DT, "dtype": "float16"}, "choose one of 'float32'"),
    ],
)
def test_choices(given: dict[str, Any], says: str) -> None:
    with pytest.raises(FormatError, match=says):
        to_nir(chain(ng.LIF()), **given)


def test_other_things_to_export(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="takes a graph or a program, not int"):
        to_nir(3, dt=DT)
    with pytest.raises(FormatError, match="give dt="):
        ng.save(chain(ng.LIF()), tmp_path / "a.nir")
    with pytest.raises(NotRepresentable, match="float32 does not have"):
        to_nir(chain(ng.ResistiveLIF(r=1e300)), dt=DT)


def test_a_graph_of_many_nodes(tmp_path: Path) -> None:
    graph = ng.Graph("many")
    before: Any = graph.input("x", 2)
    for k in range(500):
        after = graph.population(f"{'long.' * 30}n{k}", ng.LIF(), 2)
        graph.connect(before, after, name=f"edge{k}")
        before = after
    graph.connect(before, graph.output("y", readout=ng.Steps()))
    made = to_nir(graph, tmp_path / "many.nir", dt=DT)
    assert len(made.metadata["order"]) > 1 << 16
    assert len(from_nir(tmp_path / "many.nir").populations) == 500
