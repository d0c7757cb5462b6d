"""Figures show the data they are given, say what they leave out, and need no display."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import neurograph as ng
from neurograph import plot


@pytest.fixture(scope="module")
def sim() -> ng.Simulation:
    """100 and 30 neurons that fire by a constant current, recorded in several ways."""
    graph = ng.Graph("small")
    neuron = ng.PscExpLIF(i_e=500.0, v=ng.Uniform(-70.0, -55.0))
    a, b = graph.population("a", neuron, 100), graph.population("b", neuron, 30)
    graph.connect(a, b["exc"], ng.FixedProbability(0.1), weight=ng.Normal(5.0, 1.0, low=0.0), delay=1.0)
    graph.connect(b, a["inh"], ng.FixedProbability(0.2), weight=-4.0, delay=1.0)
    graph.probe(a, "spike")
    graph.probe(a, "v", neurons=range(10, 20), every=5)
    graph.probe(a, "i_inh", neurons=[3, 1])
    graph.probe(b, "spike")
    return ng.compile(graph, "numba", dt=0.1).run(200.0)


def points(ax: object) -> dict[str, np.ndarray]:
    return {line.get_label(): line.get_xydata() for line in ax.lines}  # type: ignore[attr-defined]


def test_a_raster_shows_every_spike_of_few_neurons(sim: ng.Simulation) -> None:
    ax = plot.raster(sim)
    shown = points(ax)
    assert list(shown) == ["a", "b"]
    for name in shown:
        times, neurons = sim.spikes(name)
        assert len(times) > 30
        np.testing.assert_array_equal(shown[name][:, 0], times)
        first = shown[name][0, 1] - neurons[0]
        np.testing.assert_allclose(shown[name][:, 1] - first, neurons)
    assert shown["a"][:, 1].max() < shown["b"][:, 1].min()
    assert ax.yaxis_inverted()  # the first population on top
    assert ax.get_xlabel() == "Time (ms)" and ax.get_ylabel() == "Neurons (130)" and ax.get_xlim() == (0.0, 200.0)
    labels = ax.get_yticklabels()
    assert [t.get_text() for t in labels] == ["a", "b"]
    assert [t.get_color() for t in labels] == list(plot.COLORS[:2]) == [line.get_color() for line in ax.lines]
    assert all(line.get_rasterized() for line in ax.lines)


def test_a_raster_of_many_neurons_is_thinned_and_says_so(sim: ng.Simulation) -> None:
    ax = plot.raster(sim, most=60)
    assert ax.get_ylabel() == "Neurons (every 3rd of 130)"
    assert set(points(ax)["a"][:, 1]) == set(range(0, 100, 3))
    ax = plot.raster(sim, "b", most=2, window=(50.0, 100.0))
    assert ax.get_ylabel() == "Neuron of b (every 15th of 30)" and ax.get_xlim() == (50.0, 100.0)
    times, rows = points(ax)["b"].T
    assert set(rows) == {0.0, 15.0} and times.min() >= 50.0 and times.max() < 100.0
    assert not ax.yaxis_inverted()
    assert ax.lines[0].get_color() == plot.COLORS[1]  # as beside the other population


def test_a_raster_of_arrays() -> None:
    ax = plot.raster((np.array([1.0, 2.0, 3.0]), np.array([0, 4, 2])))
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[1.0, 0.0], [2.0, 4.0], [3.0, 2.0]])
    assert ax.get_ylabel() == "Neuron"
    ax = plot.raster({"x": ([1.0], [0]), "y": ([2.0], [1]), "z": ([3.0], [1])}, ["z", "x"], colors={"z": "#123456"})
    assert [line.get_color() for line in ax.lines] == ["#123456", plot.COLORS[1]]
    assert plot.raster({"x": ([], []), "y": ([2.0], [1])}).get_ylabel() == "Neurons (3)"


def test_names_of_thin_bands_are_kept_apart() -> None:
    spikes = {name: ([1.0], [size - 1]) for name, size in (("e", 1000), ("i", 3), ("j", 2), ("k", 2))}
    ax = plot.raster(spikes)
    ax.figure.canvas.draw()
    boxes = sorted((t.get_window_extent() for t in ax.get_yticklabels()), key=lambda box: box.y0)
    assert all(below.y1 <= above.y0 + 1.0 for below, above in zip(boxes, boxes[1:], strict=False))


def test_rates_of_bins_are_counted(sim: ng.Simulation) -> None:
    ax = plot.rate(sim, bin=20.0)
    assert [p.get_label() for p in ax.patches] == ["a", "b"]
    for patch in ax.patches:
        hertz, edges, _ = patch.get_data()
        counted = np.bincount((np.rint(sim.spikes(patch.get_label())[0] / sim.dt) // 200).astype(int), minlength=10)
        np.testing.assert_allclose(hertz, counted / (0.02 * sim.spike_counts()[patch.get_label()].size))
        np.testing.assert_allclose(edges, np.arange(0.0, 201.0, 20.0))
        assert hertz.mean() == pytest.approx(sim.rate(patch.get_label()))
    assert ax.get_ylabel() == "Rate (Hz)" and ax.get_xlabel() == "Time (ms)" and ax.get_legend() is not None
    single = plot.rate(([1.0, 2.0, 12.0], [0, 1, 0]), "x", bin=5.0, window=(0.0, 15.0), sizes=4)
    np.testing.assert_allclose(single.patches[0].get_data()[0], [100.0, 0.0, 50.0])
    assert single.get_ylabel() == "Rate of x (Hz)" and single.get_legend() is None


def test_long_times_are_labelled_in_seconds() -> None:
    ax = plot.raster(([0.0, 20_000.0], [0, 1]), window=(0.0, 20_000.0))
    assert ax.get_xlabel() == "Time (s)" and ax.xaxis.get_major_formatter()(5000.0, 0) == "5"
    assert ax.lines[0].get_xdata()[-1] == 0.0  # the window's end is not in it


def test_traces_of_chosen_neurons(sim: ng.Simulation) -> None:
    ax = plot.trace(sim, "a", "v")
    times, values = sim.trace("a", "v")
    assert list(points(ax)) == [f"neuron {k}" for k in range(10, 15)]
    np.testing.assert_array_equal(points(ax)["neuron 11"], np.stack([times, values[:, 1]], 1))
    assert ax.get_ylabel() == "Membrane potential (mV)" and ax.get_legend().get_title().get_text() == "a"
    ax = plot.trace(sim, "a", "i_inh", 1, window=(50.0, 60.0))
    assert list(points(ax)) == ["neuron 1"] and ax.get_ylabel() == "Inhibitory current (pA)"
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), sim.trace("a", "i_inh")[1][499:600, 1])
    assert plot.trace(sim, "a", "v", range(10, 20)).get_legend() is None
    ax = plot.trace(([0.0, 1.0], [3.0, 4.0]), variable="w")
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[0.0, 3.0], [1.0, 4.0]])
    assert ax.get_ylabel() == "w"


def test_traces_of_weights_in_memory_and_in_a_file(tmp_path: Path) -> None:
    graph = ng.Graph()
    source = graph.population("in", ng.Poisson(rate=100.0), 20)
    target = graph.population("out", ng.PscDeltaLIF(), 2)
    rule = ng.PairSTDP(w_max=5.0, a_plus=0.1, a_minus=0.12)
    graph.connect(source, target["input"], ng.AllToAll(), weight=3.0, delay=1.0, plasticity=rule, name="learning")
    graph.probe("learning", "w", neurons=[7, 3], every=10)
    sim = ng.compile(graph, "numba", dt=0.1).run(100.0)
    ax = plot.trace(sim, "learning", "w")
    times, values = sim.trace("learning", "w")
    assert list(points(ax)) == ["synapse 7", "synapse 3"] and ax.get_ylabel() == "Weight" and np.ptp(values) > 0
    np.testing.assert_array_equal(points(ax)["synapse 3"], np.stack([times, values[:, 1]], 1))
    again = ng.compile(graph, "numba", dt=0.1).run(100.0, record_to=tmp_path / "w.h5")
    streamed = plot.trace(again, "learning", "w", np.int64(3))
    np.testing.assert_array_equal(points(streamed)["synapse 3"], points(ax)["synapse 3"])


def test_weights_of_a_projection(sim: ng.Simulation) -> None:
    ax = plot.weight_histogram(sim, "a_to_b", label="now")
    assert ax.get_xlabel() == "Weight of a_to_b" and ax.get_ylabel() == "Synapses"
    tops = ax.patches[0].get_xy()[:, 1]
    assert tops.max() == np.histogram(sim.synapses("a_to_b")[2], 50)[0].max()
    assert plot.weight_histogram([1.0, 2.0], bins=[0.0, 1.5, 3.0], label="then", ax=ax) is ax
    assert len(ax.patches) == 2 and [t.get_text() for t in ax.get_legend().get_texts()] == ["now", "then"]
    assert ax.patches[0].get_edgecolor() != ax.patches[1].get_edgecolor()


def test_a_small_matrix_shows_weights_and_a_large_one_density(sim: ng.Simulation) -> None:
    pre, post, weight, _ = sim.synapses("a_to_b")
    ax = plot.connectivity_matrix(sim, "a_to_b")
    shown = ax.images[0].get_array()
    assert shown.shape == (30, 100) and (~np.ma.getmaskarray(shown)).sum() == len(pre)
    np.testing.assert_allclose(shown[post, pre].compressed(), weight)
    assert ax.get_xlabel() == "Neuron of a" and ax.get_ylabel() == "Neuron of b"
    assert ax.figure.axes[-1].get_ylabel() == "Weight"
    ax = plot.connectivity_matrix(sim, "a_to_b", most=66)
    shown = ax.images[0].get_array()
    assert shown.shape == (30, 33) and ax.figure.axes[-1].get_ylabel() == "Synapses per pair of neurons"
    fields = np.bincount(np.arange(100) * 33 // 100)
    assert (shown * fields).sum() == pytest.approx(len(pre))
    signs = plot.connectivity_matrix(([0, 1, 1], [0, 2, 2], [1.0, -3.0, -3.0])).images[0]
    assert signs.get_array().tolist() == [[1.0, None], [None, None], [None, -6.0]] and signs.get_clim() == (-6.0, 6.0)


def test_spikes_that_were_streamed_are_read_from_the_file(tmp_path: Path) -> None:
    graph = ng.Graph()
    graph.population("a", ng.PscExpLIF(i_e=500.0), 3)
    graph.probe("a", "spike")
    sim = ng.compile(graph, "numba", dt=0.1)
    sim.run(100.0, record_to=tmp_path / "a.h5")
    drawn = plot.raster(sim).lines[0].get_xdata()
    assert len(drawn) == sim.spike_counts()["a"].sum() > 0 and 0.0 < drawn.max() < 100.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: plot.raster(s, "c"), r"raster: c.spike is not recorded; recorded are a.spike, b.spike. Declare"),
        (lambda s: plot.trace(s, "b", "v"), r"trace: b.v is not recorded; recorded are a.i_inh, a.v. .*probe\('b', 'v'\)"),
        (lambda s: plot.trace(s, "a", "spike"), r"a.spike is not recorded; recorded are a.i_inh, a.v"),
        (lambda s: plot.trace(s, "a", "i_inh", [2]), r"neuron 2 of a.i_inh is not recorded; recorded are 3, 1"),
        (lambda s: plot.trace(([1.0, 2.0], [1.0])), r"times \(2,\) and values \(1, 1\)"),
        (lambda s: plot.raster(s, window=(5.0, 5.0)), r"from when to when, the first before the second"),
        (lambda s: plot.raster(s, most=0), r"at least 1 neuron"),
        (lambda s: plot.rate(s, bin=300.0), r"rate\(bin=300.0\): above 0 and at most the 200 ms shown"),
        (lambda s: plot.rate(([1.0], [0])), r"rate: give sizes=, the number of neurons"),
        (lambda s: plot.rate({"x": ([1.0], [0])}, sizes={"y": 1}), r"sizes= lacks x"),
        (lambda s: plot.raster(3), r"give a Simulation, a Recorded, \(times, neurons\), or a dict of those, not int"),
        (lambda s: plot.raster({"x": ([1.0], [0])}, "y"), r"no spikes of 'y' are given; there are x"),
        (lambda s: plot.raster(([1.0, 2.0], [0])), r"times \(2,\) and neurons \(1,\)"),
        (lambda s: plot.weight_histogram(s, "a_to_c"), r"no projection 'a_to_c' .*there are a_to_b, b_to_a"),
        (lambda s: plot.weight_histogram([]), r"has no synapses"),
        (lambda s: plot.connectivity_matrix(s, "x"), r"no projection 'x'"),
    ],
)  # fmt: skip
def test_errors_say_what_there_is(sim: ng.Simulation, call: object, message: str) -> None:
    with pytest.raises(ng.DataError, match=message):
        call(sim)  # type: ignore[operator]


def test_nothing_recorded_and_nothing_run() -> None:
    graph = ng.Graph()
    graph.population("a", ng.PscExpLIF(), 3)
    with pytest.raises(ng.DataError, match=r"no spikes are recorded, but nothing; declare graph.probe"):
        plot.raster(ng.compile(graph, "numba", dt=0.1))
    graph.probe("a", "v")
    with pytest.raises(ng.DataError, match=r"no samples of a.v yet"):
        plot.trace(ng.compile(graph, "numba", dt=0.1), "a", "v")


def test_figures_need_no_display_and_no_pyplot(tmp_path: Path) -> None:
    code = (
        "import sys; from neurograph import plot; assert 'matplotlib' not in sys.modules\n"
        f"plot.raster(([1.0], [0])).figure.savefig({str(tmp_path / 'a.png')!r})\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "import matplotlib.pyplot as plt; ax = plot.raster(([1.0], [0])); assert plt.get_fignums() == [1]\n"
    )
    environment = {"PATH": "", "MPLBACKEND": "agg", "MPLCONFIGDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, env=environment)
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for call in (lambda: plot.raster(([1.0], [0])), lambda: plot.figure(), lambda: plot.weight_histogram([1.0])):
        with pytest.raises(ng.NeuroGraphError, match=r"matplotlib is missing.*pip install 'neurograph\[plot\]'"):
            call()


def test_a_matrix_through_synapse_models_has_plain_labels() -> None:
    graph = ng.Graph()
    a, b = graph.population("a", ng.PscExpLIF(), 10), graph.population("b", ng.PscExpLIF(), 5)
    graph.connect(a, b["exc"], ng.FixedProbability(0.5), delay=1.0, synapse=ng.TsodyksMarkram(), name="depressing")
    graph.connect(a, b["exc"], ng.FixedProbability(0.5), delay=1.0, synapse=ng.Exponential(tau=5.0), name="slow")
    sim = ng.compile(graph, "numba", dt=0.1)
    for name, labels in (("depressing", ("Source neuron", "Neuron of b")), ("slow", ("Neuron of a", "Target neuron"))):
        ax = plot.connectivity_matrix(sim, name)
        assert (ax.get_xlabel(), ax.get_ylabel()) == labels


def test_a_recording_is_drawn_as_its_simulation(tmp_path: Path) -> None:
    from neurograph.recorded import Recorded

    def compiled() -> ng.Simulation:
        graph = ng.Graph("net")
        source = graph.population("source", ng.Poisson(rate=80.0), 30)
        cells = graph.population("cells", ng.PscExpLIF(), 20)
        graph.connect(source, cells["exc"], ng.FixedProbability(0.5), weight=150.0)
        (
            graph.probe(source),
            graph.probe(cells),
            graph.probe(cells, "v", neurons=[4, 2]),
            graph.probe(cells, "rate", every=50),
        )
        return ng.compile(graph, "numba", dt=0.1)  # type: ignore[no-any-return]

    sim = compiled().run(100.0)
    compiled().run(100.0, record_to=tmp_path / "run.h5")
    held = Recorded(tmp_path / "run.h5")
    assert held.sizes == {"source": 30, "cells": 20}  # also of populations whose last neurons are silent
    for draw in (plot.raster, plot.rate):
        for ours, theirs in zip(draw(sim).lines, draw(held).lines, strict=True):
            assert np.array_equal(ours.get_xydata(), theirs.get_xydata())
    for variable in ("v", "rate"):
        ours, theirs = plot.trace(sim, "cells", variable), plot.trace(held, "cells", variable)
        assert [np.array_equal(a.get_xydata(), b.get_xydata()) for a, b in zip(ours.lines, theirs.lines, strict=True)]
        assert len(ours.lines) == (2 if variable == "v" else 1)
    assert plot.trace(sim, "cells", "rate").get_ylabel() == "Rate of cells (Hz)"
    with pytest.raises(ng.DataError, match=r"run\.h5: x\.spike was not recorded; recorded are .*cells\.spike"):
        plot.raster(held, "x")
