"""What a conversion's report says, against counts made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

import neurograph as ng
from neurograph.convert import ConversionReport, convert
from neurograph.convert.energy import Counter, ann_macs, energy, fan_out
from neurograph.convert.measure import mcnemar

RNG = np.random.default_rng(0)


def tiny_cnn(pool: type[ng.MaxPool2d] | type[ng.AvgPool2d] = ng.MaxPool2d) -> ng.Graph:
    """conv 1->3, a pool, conv 3->4, dense 4; weights that keep most units alive."""
    rng = np.random.default_rng(3)

    def some(*shape: int) -> Any:
        return rng.normal(0.1, 0.5, shape)

    graph = ng.Graph("tiny")
    a, b = graph.population("a", ng.ReLU()), graph.population("b", ng.ReLU())
    conv = ng.Conv2d(3, 3, padding=1).started(weight=some(3, 1, 3, 3), bias=some(3))
    graph.connect(graph.input("image", (1, 8, 8)), a, conv, name="conv1")
    conv = ng.Conv2d(4, 3).started(weight=some(4, 3, 3, 3), bias=some(4))
    graph.connect(a, b, pool(2), conv, name="conv2")
    dense = ng.Dense(weight=some(4, 16), bias=some(4))
    graph.connect(b, graph.output("logits"), ng.Flatten(), dense, name="fc")
    return graph


def images(n: int = 60) -> Any:
    return np.random.default_rng(1).random((n, 1, 8, 8)).astype(np.float32)


def one_layer(weight: list[list[float]], theta: float, last: list[list[float]]) -> tuple[ng.Graph, ConversionReport]:
    """x -> ReLU -> logits, converted with a threshold that is known, v(0) = 0."""
    from neurograph.convert.recipes.rate import rate

    graph = ng.Graph("one")
    hidden = graph.population("hidden", ng.ReLU())
    graph.connect(graph.input("x", len(weight[0])), hidden, ng.Dense(weight=np.array(weight), bias=False), name="into")
    graph.connect(hidden, graph.output("logits"), ng.Dense(weight=np.array(last), bias=False), name="out")
    from neurograph.convert.passes.observe import largest

    n = len(weight[0])
    # the largest activation of the calibration image is the threshold
    calibration = np.full((1, n), theta / max(sum(row) for row in weight), np.float32)
    return convert(graph, rate(largest(), start=0.0), calibration)


def examined(**options: Any) -> ConversionReport:
    _, report = convert(tiny_cnn(), "rate", images())
    x = images(40)
    report.test(x, np.arange(40) % 4, **options)
    return report


@pytest.mark.parametrize(("b", "c"), [(0, 0), (1, 0), (3, 3), (2, 9), (11, 1)])
def test_mcnemar_is_the_binomial_tail(b: int, c: int) -> None:
    assert mcnemar(b, c) == pytest.approx(min(1.0, 2 * binom.cdf(min(b, c), b + c, 0.5)))
    assert mcnemar(1, 6) == pytest.approx(0.125) and mcnemar(0, 5) == pytest.approx(0.0625)


def test_an_untested_report_prints_what_conversion_found() -> None:
    snn, report = convert(tiny_cnn(), "rate", images())
    text = str(report)
    assert "not tested yet" in text and "observe: 99.9th percentile per channel" in text
    assert [s.name for s in report.sites] == ["a", "b"]
    first, second = report.sites
    theta = np.asarray(snn.nodes["a"].neuron.params["threshold"])
    assert (first.theta_min, first.theta_max) == (theta.min(), theta.max()) and first.channels == 3
    assert first.shape == (3, 4, 4) and second.neurons == 16 and first.start == 0.5
    assert report.fold_error is not None and report.fold_error < 1e-6
    assert first.latency is not None and second.latency is not None
    assert report.latency == pytest.approx(first.latency + second.latency)
    assert report.data()["comparison"] is None
    with pytest.raises(ng.DataError, match="nothing is tested yet"):
        report.draw("x.png")


def test_latency_of_a_layer_by_hand() -> None:
    # theta = 1.2, the calibration image drives the fastest neuron with 1.2 a step from v0 = 0
    _, report = one_layer([[1.0, 0.0], [0.0, 3.0]], 1.2, [[1.0, 0.0], [0.0, 1.0]])
    assert report.latency == pytest.approx(1.0)


def test_silent_and_saturated_neurons_and_rates_by_hand() -> None:
    # neurons: on at every step, never, every second step; the theta of the layer is 1
    _, report = one_layer([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]], 1.0, [[1.0, 1.0, 0.0], [0.0, 0.0, 3.0]])
    x = np.array([[1.0, 0.5], [2.0, 0.5]], np.float32)
    c = report.test(x, np.array([1, 0]), steps=8)
    (layer,) = c.layers
    assert layer.silent == pytest.approx(1 / 3) and layer.quiet == pytest.approx(1 / 3)
    assert layer.saturated == pytest.approx(1 / 3) and layer.dead == pytest.approx(1 / 3)
    assert layer.rate == pytest.approx((8 + 0 + 4) / (3 * 8)) and layer.spikes == 12
    # activations (1, 0, .5) and (2, 0, .5) against rates (1, 0, .5) twice
    assert layer.error == pytest.approx(1.0 / 4.0)
    y, a = [1, 0, 0.5, 1, 0, 0.5], [1, 0, 0.5, 2, 0, 0.5]
    assert layer.correlation == pytest.approx(np.corrcoef(y, a)[0, 1])
    # ANN: 1.5 > 1 says 1; 2 > 1.5 says 0. SNN: 1.5 > 1 says 1 for both
    assert (c.ann_correct, c.correct[-1], c.agreeing[-1]) == (2, 1, 1)  # type: ignore[index]
    assert (c.ann_only, c.snn_only, c.p) == (1, 0, 1.0)
    # 12 spikes meet two weights each; the image meets 3 x 2 once
    assert c.synops == 24 and c.macs == 6 and c.ann_macs == 6 + 6
    assert c.energy == pytest.approx(24 * 0.9e-12 + 6 * 4.6e-12) and energy(0, 12) == pytest.approx(c.ann_energy)


def test_fan_out_is_exact_at_the_borders() -> None:
    same = fan_out(ng.Conv2d(5, 3, padding=1), (2, 4, 4), (5, 4, 4))
    assert same[0, 0, 0] == 5 * 4 and same[1, 1, 1] == 5 * 9 and same[1, 0, 2] == 5 * 6
    strided = fan_out(ng.Conv2d(4, 3, stride=2, groups=2), (2, 5, 5), (4, 2, 2))
    assert strided[0, 2, 2] == 2 * 4 and strided[0, 0, 0] == 2 and strided[0, 1, 1] == 2
    assert np.all(fan_out(ng.Dense(7), (3,), (7,)) == 7)


def test_synops_behind_pools_and_over_shortcuts() -> None:
    graph = ng.Graph()
    a, b = graph.population("a", ng.BurstIF()), graph.population("b", ng.BurstIF())
    graph.connect(graph.input("x", (1, 4, 4)), a, ng.Conv2d(2, 1), name="into")
    graph.connect(a, b, ng.Conv2d(2, 3, padding=1), name="conv")
    graph.connect(a, b, name="shortcut")
    graph.connect(b, graph.output("mean"), ng.AvgPool2d(2), ng.Flatten(), ng.Dense(3), name="average")
    graph.connect(b, graph.output("max"), ng.MaxPool2d(2), ng.Flatten(), ng.Dense(3), name="maximum")
    counter = Counter(graph, ["a", "b"])
    one = np.zeros((1, 2, 4, 4))
    one[0, 0, 0, 0] = 5.0  # a corner: four of the nine weights, in two maps
    window = np.zeros((1, 2, 4, 4))
    window[0, 1, :2, :2] = [[1.0, 4.0], [2.0, 0.0]]
    counter.add({"a": one, "b": window})
    work = {w.name: w for w in counter.per_image(1, steps=10)}
    assert work["conv"].synops == 5 * 8 and work["shortcut"].synops == 5
    assert work["average"].synops == 7 * 3 and work["maximum"].synops == 4 * 3
    assert work["into"].macs == 2 * 16 and sum(w.macs for w in work.values()) == 32


def test_values_that_are_no_spikes_are_multiplied_every_step() -> None:
    graph = ng.Graph()
    a = graph.population("a", ng.BurstIF())
    graph.connect(graph.input("x", 3), a, ng.Dense(4), name="into")
    graph.connect(a, graph.output("y"), ng.Dense(5), ng.Dense(2), name="two")
    counter = Counter(graph, ["a"])
    counter.add({"a": np.ones((2, 4))})
    work = {w.name: w for w in counter.per_image(2, steps=7)}
    assert work["two"].synops == 4 * 5 and work["two"].macs == 7 * 10 and work["into"].macs == 12
    assert ann_macs(graph) == 12 + 20 + 10


def test_layer_errors_compare_the_same_place_and_vanish_with_time() -> None:
    errors = [examined(steps=t).comparison.layers[0].error for t in (8, 256)]  # type: ignore[union-attr]
    assert errors[1] < 0.02 < errors[0]
    report = examined(steps=256)
    assert report.comparison is not None
    assert all(x.correlation > 0.99 for x in report.comparison.layers)  # type: ignore[operator]
    assert report.comparison.agreeing[-1] >= 38


def test_counts_at_a_chosen_step_do_not_depend_on_the_steps_after_it() -> None:
    short, long = examined(steps=6).comparison, examined(steps=20, at=6, batch=7).comparison
    assert short is not None and long is not None and long.at == 6
    assert long.correct[:6] == short.correct and long.agreeing[:6] == short.agreeing  # type: ignore[index]
    assert [x.rate for x in long.layers] == [x.rate for x in short.layers]
    assert (long.ann_only, long.snn_only) == (short.ann_only, short.snn_only)
    assert long.synops == pytest.approx(short.synops)


def test_the_curve_is_that_of_the_graph_run_for_each_number_of_steps() -> None:
    snn, report = convert(tiny_cnn(), "rate", images())
    x, y = images(40), np.arange(40) % 4
    c = report.test(x, y, steps=12)
    for steps in (1, 5, 12):
        answers = ng.compile(snn, "numba").run(x, steps)[0]["logits"].argmax(1)
        assert c.correct is not None and c.correct[steps - 1] == int((answers == y).sum())


def test_numba_says_the_same_as_torch() -> None:
    torch, numba = (examined(steps=16, backend=b, dtype="float64").comparison for b in ("torch", "numba"))
    assert torch is not None and numba is not None
    assert torch.correct == numba.correct and torch.agreeing == numba.agreeing
    assert [x.spikes for x in torch.layers] == [x.spikes for x in numba.layers]
    assert torch.synops == numba.synops


def test_long_runs_in_windows_count_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = examined(steps=16).comparison
    monkeypatch.setattr("neurograph.convert.measure._ROOM", 4 * 192 * 40 * 5)
    assert examined(steps=16).comparison == whole


def test_equilibrium_is_compared_with_the_quantised_network() -> None:
    _, report = convert(tiny_cnn(), "equilibrium", images())
    c = report.test(images(40), np.arange(40) % 4, steps=60)
    assert c.reference_agreeing is not None and c.reference_agreeing[-1] == 40 and c.reference_correct == c.correct[-1]  # type: ignore[index]
    assert all(x.error is not None and x.error < 1e-6 for x in c.layers) and report.latency is None
    assert "quantised ANN" in str(report)


def test_without_labels_there_is_agreement_only(tmp_path: Path) -> None:
    _, report = convert(tiny_cnn(ng.AvgPool2d), "rate", images())
    batches = [images(30), images(10)]
    c = report.test(batches, steps=4)
    assert c.images == 40 and c.correct is None and c.p is None and len(c.agreeing) == 4
    assert "no labels, so no accuracy" in str(report)
    assert report.draw(tmp_path / "r.png").stat().st_size > 10_000
    labelled = report.test([(images(30), np.zeros(30, int)), (images(10), np.zeros(10, int))], steps=4)
    assert labelled.images == 40 and labelled.correct is not None


def test_json_and_picture(tmp_path: Path) -> None:
    report = examined(steps=6)
    path = report.to_json(tmp_path / "report.json")
    assert json.loads(path.read_text()) == report.data()
    assert report.data()["version"] == 1 and report.data()["comparison"]["images"] == 40
    assert report.draw(tmp_path / "report.png").read_bytes().startswith(b"\x89PNG")
    assert report.draw(tmp_path / "report.svg", title="My net").read_text().count("My net") == 1
    text = str(report)
    assert "McNemar's exact p" in text and "SynOps" in text and "Horowitz 2014" in text
    assert text.endswith(str(report.comparison))  # what test() returns prints alike


def test_the_report_does_not_follow_later_changes_of_the_graph() -> None:
    snn, report = convert(tiny_cnn(), "rate", images())
    before = report.test(images(20), steps=4)
    snn.nodes["logits"] = ng.Graph().output("logits", readout=ng.Steps())
    del snn.projections["fc"]
    assert report.test(images(20), steps=4) == before


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"images": np.zeros((2, 1, 8, 8), np.uint8)}, ng.DataError, "images of uint8"),
        ({"images": np.zeros((2, 1, 7, 8), np.float32)}, ng.ShapeError, r"takes \(1, 8, 8\)"),
        ({"images": images(3), "labels": [0, 1]}, ng.DataError, "3 images but 2 labels"),
        ({"images": [images(3)], "labels": [0, 1, 2]}, ng.DataError, "batches bring their own"),
        ({"images": [images(3), (images(1), [0])]}, ng.DataError, "some have none"),
        ({"images": []}, ng.DataError, "no image to test on"),
        ({"images": images(3), "steps": 4, "at": 5}, ng.DataError, "1 <= at <= steps"),
        ({"images": images(3), "batch": 0}, ng.DataError, "batch=0"),
    ],
)
def test_errors_say_what_is_wrong(given: dict[str, Any], error: type[Exception], message: str) -> None:
    _, report = convert(tiny_cnn(), "rate", images())
    with pytest.raises(error, match=message):
        report.test(**{"steps": 2, **given})
