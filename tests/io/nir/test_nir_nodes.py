"""Every node of NIR against the oracle, in both schemes; and the traps of the format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import neurograph as ng
from neurograph.errors import FormatError
from neurograph.io import from_nir, read_nir, to_nir

nir = pytest.importorskip("nir")
DT, STEPS = 1e-3, 40


def spread(low: float, high: float, *shape: int) -> np.ndarray:
    return np.linspace(low, high, int(np.prod(shape))).reshape(shape).astype(np.float32)


def drawn(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 1.0, shape).astype(np.float32)


def lif(*shape: int, **changed: Any) -> Any:
    given = {
        "tau": spread(3e-3, 9e-3, *shape), "r": spread(0.5, 3.0, *shape), "v_leak": spread(-0.1, 0.1, *shape),
        "v_threshold": spread(0.2, 0.5, *shape), "v_reset": spread(-0.2, 0.1, *shape),
    }  # fmt: skip
    return nir.LIF(**{**given, **changed})


def cuba(kind: Any, *shape: int, **changed: Any) -> Any:
    given = {
        "tau_syn": spread(2e-3, 6e-3, *shape), "tau_mem": spread(8e-3, 3e-3, *shape), "r": spread(1.0, 4.0, *shape),
        "v_leak": spread(-0.1, 0.1, *shape), "w_in": spread(0.5, 2.0, *shape),
    }  # fmt: skip
    if kind is nir.CubaLIF:
        given |= {"v_threshold": spread(0.1, 0.4, *shape), "v_reset": spread(-0.2, 0.1, *shape)}
    return kind(**{**given, **changed})


def conv2d(**changed: Any) -> Any:
    given = {
        "input_shape": (8, 7), "weight": drawn(1, 4, 2, 3, 3), "stride": 1, "padding": 0, "dilation": 1, "groups": 1,
        "bias": drawn(2, 4),
    }  # fmt: skip
    return nir.Conv2d(**{**given, **changed})


def conv1d(**changed: Any) -> Any:
    given = {
        "input_shape": 9, "weight": drawn(1, 4, 2, 3), "stride": 1, "padding": 0, "dilation": 1, "groups": 1,
        "bias": drawn(2, 4),
    }  # fmt: skip
    return nir.Conv1d(**{**given, **changed})


# name -> shape of the input, and the nodes between input and output
CASES: dict[str, tuple[tuple[int, ...], Callable[[], dict[str, Any]]]] = {
    "I": ((5,), lambda: {"n": nir.I(r=spread(100.0, 900.0, 5))}),
    "LI": ((5,), lambda: {"n": nir.LI(tau=spread(2e-3, 9e-3, 5), r=spread(1, 3, 5), v_leak=spread(-1, 1, 5))}),
    "LI plain": ((5,), lambda: {"n": nir.LI(tau=spread(2e-3, 9e-3, 5), r=np.ones(5), v_leak=np.zeros(5))}),
    "IF": ((5,), lambda: {"n": nir.IF(r=spread(100, 900, 5), v_threshold=spread(0.5, 1, 5), v_reset=spread(-1, 0.1, 5))}),
    "IF per step": ((5,), lambda: {"n": nir.IF(r=np.full(5, 1000.0), v_threshold=spread(0.5, 1, 5))}),
    "LIF": ((5,), lambda: {"n": lif(5)}),
    "LIF in a plane": ((2, 3, 2), lambda: {"n": lif(2, 3, 2)}),
    "LIF plain": ((5,), lambda: {"n": lif(5, r=np.ones(5), v_leak=np.zeros(5))}),
    "LIF discrete": ((5,), lambda: {"n": lif(5, r=spread(3e-3, 9e-3, 5) / np.float32(DT))}),
    "LIF of numbers": ((5,), lambda: {"n": lif(**{n: np.array(0.004 if n == "tau" else 0.1) for n in
                       ("tau", "r", "v_leak", "v_threshold", "v_reset")})}),
    "CubaLI": ((5,), lambda: {"n": cuba(nir.CubaLI, 5)}),
    "CubaLIF": ((5,), lambda: {"n": cuba(nir.CubaLIF, 5)}),
    "CubaLIF, equal time constants": ((5,), lambda: {"n": cuba(nir.CubaLIF, 5, tau_syn=spread(3e-3, 9e-3, 5),
                                                               tau_mem=spread(3e-3, 9e-3, 5))}),
    "CubaLIF discrete": ((5,), lambda: {"n": cuba(nir.CubaLIF, 5, r=spread(8e-3, 3e-3, 5) / np.float32(DT),
                                                  w_in=spread(2e-3, 6e-3, 5) / np.float32(DT))}),
    "CubaLI discrete": ((5,), lambda: {"n": cuba(nir.CubaLI, 5, r=spread(8e-3, 3e-3, 5) / np.float32(DT),
                                                 w_in=spread(2e-3, 6e-3, 5) / np.float32(DT))}),
    "Threshold": ((5,), lambda: {"n": nir.Threshold(threshold=spread(-1, 1, 5))}),
    "Affine": ((5,), lambda: {"n": nir.Affine(weight=drawn(1, 3, 5), bias=drawn(2, 3))}),
    "Linear": ((5,), lambda: {"n": nir.Linear(weight=drawn(1, 3, 5))}),
    "Scale": ((2, 3), lambda: {"n": nir.Scale(scale=drawn(1, 2, 3))}),
    "Scale by one number": ((2, 3), lambda: {"n": nir.Scale(scale=np.array(2.5))}),
    "Scale of 1": ((2, 3), lambda: {"n": nir.Scale(scale=np.ones((2, 3)))}),
    "Conv2d": ((2, 8, 7), lambda: {"n": conv2d()}),
    "Conv2d, kernel 3x5": ((2, 8, 8), lambda: {"n": conv2d(weight=drawn(1, 4, 2, 3, 5))}),
    "Conv2d, stride and padding": ((2, 8, 7), lambda: {"n": conv2d(stride=(2, 1), padding=(1, 2), dilation=(1, 2))}),
    "Conv2d, same": ((2, 8, 7), lambda: {"n": conv2d(weight=drawn(1, 4, 2, 4, 3), padding="same")}),
    "Conv2d, valid": ((2, 8, 7), lambda: {"n": conv2d(padding="valid")}),
    "Conv2d, groups": ((4, 8, 7), lambda: {"n": conv2d(weight=drawn(1, 4, 2, 3, 3), groups=2)}),
    "Conv2d, depthwise": ((4, 8, 7), lambda: {"n": conv2d(weight=drawn(1, 4, 1, 3, 3), groups=4)}),
    "Conv2d, no input_shape": ((2, 8, 7), lambda: {"n": conv2d(input_shape=None)}),
    "Conv1d": ((2, 9), lambda: {"n": conv1d(stride=2, padding=1)}),
    "Conv1d, same": ((2, 9), lambda: {"n": conv1d(padding="same", dilation=2)}),
    "SumPool2d": ((2, 8, 7), lambda: {"n": nir.SumPool2d(np.array([2, 3]), np.array([2, 2]), np.array([0, 1]))}),
    "AvgPool2d": ((2, 8, 7), lambda: {"n": nir.AvgPool2d(np.array([2, 3]), np.array([2, 2]), np.array([1, 0]))}),
    "Flatten": ((2, 3, 4), lambda: {"n": nir.Flatten({"input": np.array([2, 3, 4])}, start_dim=0)}),
    "Flatten, two axes": ((2, 3, 4), lambda: {"n": nir.Flatten({"input": np.array([2, 3, 4])}, start_dim=1)}),
    "Delay": ((5,), lambda: {"n": nir.Delay(np.full(5, 3e-3))}),
    "Delays of their own": ((5,), lambda: {"n": nir.Delay(np.array([1e-3, 2e-3, 3e-3, 2e-3, 5e-3]))}),
    "Delays, some none": ((2, 3), lambda: {"n": nir.Delay(np.array([[0, 1e-3, 2e-3], [0, 5e-3, 1.4e-3]]))}),
    "Delay of nothing": ((5,), lambda: {"n": nir.Delay(np.zeros(5))}),
    "Delay behind weights": ((5,), lambda: {"a": nir.Affine(drawn(1, 3, 5), drawn(2, 3)), "d": nir.Delay(np.full(3, 2e-3)),
                                            "b": nir.Linear(drawn(3, 4, 3)), "n": lif(4)}),
    "Delays of their own behind and before weights": (
        (5,), lambda: {"a": nir.Affine(drawn(1, 3, 5), drawn(2, 3)), "d": nir.Delay(np.array([1e-3, 4e-3, 0])),
                       "b": nir.Linear(drawn(3, 4, 3)), "n": cuba(nir.CubaLIF, 4)}),
    "a deep one": (
        (2, 8, 7),
        lambda: {
            "conv": conv2d(padding=1), "if": nir.IF(r=np.full((4, 8, 7), 1e3), v_threshold=np.full((4, 8, 7), 1.3)),
            "pool": nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
            "flat": nir.Flatten({"input": np.array([4, 4, 3])}, start_dim=0), "fc": nir.Affine(drawn(3, 6, 48), drawn(4, 6)),
            "cuba": cuba(nir.CubaLIF, 6), "out": nir.Linear(drawn(5, 3, 6)), "li": nir.LI(*(np.full(3, v) for v in (4e-3, 2.0, 0.1))),
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("scheme", ["euler", "zoh"])
@pytest.mark.parametrize("name", CASES)
def test_a_node_computes_what_it_says(name: str, scheme: str, line: Any, oracle: Any, run: Any, tmp_path: Path) -> None:
    shape, nodes = CASES[name]
    graph = line(shape, **nodes())
    x = np.random.default_rng(7).normal(0.4, 1.0, (STEPS, *shape))
    expected = oracle(graph, x, DT, scheme)["output"]
    assert np.any(expected != 0)
    made = from_nir(graph, dt=DT, scheme=scheme)
    tolerance = 2e-6 if "discrete" in name else 1e-9  # gains in float32 are read as the exact 1 that was meant
    for backend in ("reference", "numba", "torch"):
        np.testing.assert_allclose(run(made, x, backend), expected, rtol=tolerance, atol=tolerance, err_msg=backend)
    # in seconds instead of steps, and there and back again
    in_seconds = from_nir(graph, dt=DT, scheme=scheme, unit="s")
    np.testing.assert_allclose(run(in_seconds, x, dt=DT), expected, rtol=tolerance, atol=tolerance)
    to_nir(made, tmp_path / "again.nir", dt=DT)
    again = read_nir(tmp_path / "again.nir")
    assert (again.dt, again.dt_from) == (DT, "metadata")
    np.testing.assert_allclose(run(again.graph, x), expected, rtol=2e-5, atol=2e-5)
    to_nir(again.graph, tmp_path / "third.nir", dt=DT)
    assert from_nir(tmp_path / "third.nir") == again.graph


def test_plain_neurons_are_named_plainly(line: Any) -> None:
    def neuron(**nodes: Any) -> str:
        graph = from_nir(line((3,), **nodes), dt=DT)
        return repr(graph.populations[0].neuron)

    full = lambda v: np.full(3, v)  # noqa: E731
    assert neuron(n=nir.LIF(full(0.01), full(1.0), full(0.0), full(0.3))) == "LIF(threshold=0.3, tau=10)"
    discrete = nir.LIF(np.full(3, 0.01, np.float32), np.full(3, 10.0, np.float32), full(0.0), full(0.3))
    assert neuron(n=discrete) == "LIF(threshold=0.3, tau=10, decay_input=False)"
    assert neuron(n=nir.LIF(full(0.01), full(2.0), full(0.0), full(0.3))) == "ResistiveLIF(threshold=0.3, tau=10, r=2)"
    assert neuron(n=nir.IF(full(1000.0), full(1.0))) == "IF(threshold=1)"
    assert neuron(n=nir.LI(full(0.01), full(1.0), full(0.0))) == "LeakyIntegrator(tau=10)"
    taus = nir.LIF(np.array([0.01, 0.02, 0.01]), full(1.0), full(0.0), full(0.3))
    assert neuron(n=taus) == "LIF(threshold=0.3, tau=array(3,))"


def test_a_number_stays_a_number(line: Any, tmp_path: Path) -> None:
    """NIR cannot say one number for all (its shape would be lost), so an array of one value reads as a number."""
    graph = ng.Graph("g")
    graph.connect(graph.input("x", (2, 3)), graph.population("n", ng.LIF(tau=5.0)), name="w")
    graph.connect("n", graph.output("y", readout=ng.Steps()))
    to_nir(graph, tmp_path / "g.nir", dt=DT, dtype="float64")
    assert nir.read(tmp_path / "g.nir").nodes["n"].tau.shape == (2, 3)
    assert from_nir(tmp_path / "g.nir").populations[0].neuron.params["tau"] == 5.0


def test_potentials_start_at_zero_or_at_rest(line: Any, run: Any) -> None:
    graph = line((2,), n=nir.LI(np.full(2, 5e-3), np.ones(2), np.array([0.4, -0.2])))
    x = np.zeros((30, 2))
    from_zero, at_rest = (run(from_nir(graph, dt=DT, start=s), x) for s in ("zero", "rest"))
    assert np.all(np.abs(from_zero[0]) < 0.1) and np.allclose(at_rest, [0.4, -0.2])


# ------------------------------------------------------------------ what the step length is


def test_dt_hides_in_gains(line: Any) -> None:
    tau = spread(1e-3, 4e-3, 5)
    discrete = lif(5, tau=tau, r=tau / np.float32(1e-4))
    found = read_nir(line((5,), n=discrete))
    assert (found.dt, found.dt_from, found.convention) == (1e-4, "gains", "discrete")
    assert read_nir(line((5,), n=discrete), dt=1e-3).dt_from == "given"
    both = line((5,), n=discrete, m=cuba(nir.CubaLIF, 5, tau_mem=tau, r=tau / 1e-4, w_in=spread(2e-3, 6e-3, 5) / 1e-4))
    assert read_nir(both).dt == 1e-4


@pytest.mark.parametrize(
    "node",
    [
        lif(5),
        lif(5, r=np.ones(5), tau=np.full(5, 0.01)),
        nir.IF(r=np.full(5, 1e3), v_threshold=np.ones(5)),
        nir.Delay(np.full(5, 1e-3)),
        cuba(nir.CubaLIF, 5, r=spread(8e-3, 3e-3, 5) / 1e-4),  # w_in does not agree
    ],
)
def test_no_dt_is_guessed(node: Any, line: Any) -> None:
    with pytest.raises(FormatError, match=r"the step length is not known.*Pass dt= in seconds: 1e-4.*snnTorch"):
        from_nir(line((5,), n=node))


def test_a_graph_without_time_needs_no_dt(line: Any, run: Any) -> None:
    assert read_nir(line((5,), n=nir.Linear(np.eye(5)))).dt_from == "nothing depends on it"


@pytest.mark.parametrize("dt", [0, -1.0, float("nan"), float("inf"), True, "1"])
def test_a_dt_that_is_none(dt: Any, line: Any) -> None:
    with pytest.raises(FormatError, match="finite number above 0, in seconds"):
        from_nir(line((5,), n=lif(5)), dt=dt)


def test_choices(line: Any) -> None:
    graph = line((5,), n=lif(5))
    for wrong in ({"scheme": "rk4"}, {"unit": "minutes"}, {"start": "there"}):
        with pytest.raises(FormatError, match="choose one of"):
            from_nir(graph, dt=DT, **wrong)  # type: ignore[arg-type]
    with pytest.raises(FormatError, match=r"the path of a \.nir file or a nir\.NIRGraph, not int"):
        from_nir(3)


# ------------------------------------------------------------------ faults of other exporters


def test_a_flatten_that_counts_the_batch(line: Any, oracle: Any, run: Any) -> None:
    def nodes(start: int) -> dict[str, Any]:
        flat = nir.Flatten({"input": np.array([2, 3, 4])}, start_dim=start)
        return {"flat": flat, "fc": nir.Affine(drawn(1, 3, 24), drawn(2, 3))}

    found = read_nir(line((2, 3, 4), **nodes(1)))
    assert "counted with a batch" in "".join(found.notes)
    x = np.random.default_rng(0).normal(size=(3, 2, 3, 4))
    np.testing.assert_allclose(run(found.graph, x), oracle(line((2, 3, 4), **nodes(0)), x, DT)["output"])


def test_a_missing_v_reset_and_w_in(line: Any, tmp_path: Path) -> None:
    nir.write(tmp_path / "old.nir", line((5,), n=cuba(nir.CubaLIF, 5)))
    with h5py.File(tmp_path / "old.nir", "a") as file:
        del file["node/nodes/n/v_reset"], file["node/nodes/n/w_in"]
    neuron = from_nir(tmp_path / "old.nir", dt=DT).populations[0].neuron
    assert (neuron.params["v_reset"], neuron.params["w_in"]) == (0.0, 1.0)


def test_an_if_of_the_discrete_dialect_is_doubted(line: Any) -> None:
    tau = np.full(5, 1e-3)
    found = read_nir(line((5,), a=lif(5, tau=tau, r=tau / 1e-4), n=nir.IF(np.ones(5), np.ones(5))))
    assert "mean 1 per step, which is r = 10000" in str(found)


def test_names_of_all_kinds(line: Any, tmp_path: Path, run: Any, oracle: Any) -> None:
    names = {"0": nir.Linear(drawn(1, 4, 5)), "1": lif(4), "fc": nir.Linear(drawn(2, 3, 4)), "fc.lif": lif(3), "a b": lif(3),
             "then": nir.Linear(drawn(3, 3, 3)), "é.x_then_y": nir.Scale(drawn(4, 3)), "2.0": lif(3), "..": lif(3),
             "_x2F_": lif(3)}  # fmt: skip
    graph = line((5,), **names)
    found = read_nir(graph, dt=DT)
    assert found.names["0"] == "_0" and found.names["fc.lif"] == "fc_x2E_lif"
    written = to_nir(found.graph, tmp_path / "names.nir", dt=DT)
    assert set(written.nodes) == set(graph.nodes) and set(written.edges) == set(graph.edges)
    assert from_nir(tmp_path / "names.nir") == found.graph
    x = np.random.default_rng(7).normal(0.4, 1.0, (STEPS, 5))
    np.testing.assert_allclose(run(found.graph, x), oracle(graph, x, DT)["output"], atol=1e-9)
    slashed = read_nir(line((3,), **{"a/b": nir.Scale(drawn(1, 3))}))
    to_nir(slashed.graph, tmp_path / "slash.nir", dt=DT)  # HDF5 has its own meaning for it
    assert "a_x2F_b" in nir.read(tmp_path / "slash.nir").nodes


def test_an_input_that_holds_its_batch(line: Any, oracle: Any, run: Any) -> None:
    def graph(*shape: int) -> Any:
        return line(shape, fc=nir.Affine(drawn(1, 3, 5), drawn(2, 3)))

    found = read_nir(graph(1, 5))
    assert "with a batch of 1; read as (5,)" in "".join(found.notes)
    x = np.random.default_rng(0).normal(size=(3, 5))
    np.testing.assert_allclose(run(found.graph, x), oracle(graph(5), x, DT)["output"])
    with pytest.raises(FormatError, match="it has 5 inputs, but .2, 5. arrives"):
        from_nir(graph(2, 5))
