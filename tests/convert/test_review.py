"""What a sceptical user tried: orders of passes, images and labels of the wrong kind, states that cross over."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import neurograph as ng
from neurograph.agreement import compare
from neurograph.convert import convert
from neurograph.convert.conversion import Conversion, Pass
from neurograph.convert.early_exit import answer_early
from neurograph.convert.images import numpy_of
from neurograph.convert.offset import run_corrected
from neurograph.convert.passes import fold
from neurograph.convert.passes.calibrate import CalibrateBias, CalibratePotential
from neurograph.convert.passes.calibrate_spikes import CalibrateSpikes
from neurograph.convert.passes.equilibrium import PlaceBounded, Quantise
from neurograph.convert.passes.local_balance import DelayAnswer
from neurograph.convert.passes.observe import largest
from neurograph.convert.passes.place import Place
from neurograph.convert.passes.pools import CommutePools
from neurograph.convert.passes.spiking_output import SpikingOutput
from neurograph.convert.quantise import quantised
from neurograph.convert.recipes.equilibrium import equilibrium
from neurograph.convert.recipes.rate import rate
from neurograph.held import as_arrays
from neurograph.readout import Last, Mean, MeanFrom, Steps, Sum

IMAGES = np.random.default_rng(0).random((24, 3, 9, 9), np.float32)


@pytest.fixture
def small(nets: SimpleNamespace) -> ng.Graph:
    return nets.lenet()  # type: ignore[no-any-return]


# passes in an order that has no meaning


@pytest.mark.parametrize(
    "more", [Place(), PlaceBounded(), Quantise(4), largest(), CommutePools(), SpikingOutput()], ids=lambda p: p.name
)
def test_a_pass_on_activations_does_not_come_after_place(small: ng.Graph, more: Pass) -> None:
    with pytest.raises(ng.GraphError, match=rf"{more.name!r} finds BurstIF at 'one' .* before 'place'"):
        convert(small, rate().after("place", more), IMAGES)


@pytest.mark.parametrize(
    "early", [CalibrateBias(2), CalibratePotential(2), CalibrateSpikes(), DelayAnswer()], ids=lambda p: p.name
)
def test_a_pass_on_neurons_comes_after_place_alone(small: ng.Graph, early: Pass) -> None:
    with pytest.raises(ng.GraphError, match=rf"{early.name!r} finds ReLU at 'one' .* after 'place'"):
        convert(small, rate().before("place", early), IMAGES)
    with pytest.raises(ng.GraphError, match=rf"{early.name!r} finds BoundedIF at 'one'"):
        convert(small, equilibrium(4).after("place", early), IMAGES)


def test_a_recipe_without_normalise_says_so(small: ng.Graph) -> None:
    with pytest.raises(ng.GraphError, match="begins with Normalise"):
        convert(small, rate().without("normalise"), IMAGES)


class PlaceFirst(Pass):
    """Places neurons at the first activation alone."""

    name = "place first"

    def apply(self, conversion: Conversion) -> None:
        whole = conversion.sites
        conversion.sites = {"one": whole["one"]}
        Place().apply(conversion)
        conversion.sites = whole


def test_no_activation_is_left_in_silence(small: ng.Graph) -> None:
    with pytest.raises(ng.GraphError, match="leaves the activation 'two'"):
        convert(small, rate().replaced("place", PlaceFirst()), IMAGES)


@pytest.mark.parametrize("wrong", [largest, "largest", None])
def test_a_recipe_is_made_of_passes(wrong: Any) -> None:
    with pytest.raises(ng.SpecError, match="is no pass"):
        rate().replaced("observe", wrong)


def two_outputs() -> ng.Graph:
    """The second output alone has batch normalisation in front of it."""
    graph = ng.Graph("two")
    graph.input("x", (4,))
    graph.population("a", ng.ReLU())
    graph.connect("x", "a", ng.Dense(4))
    graph.connect("a", graph.output("first"), ng.Dense(2))
    graph.connect("a", graph.output("second"), ng.Dense(2), ng.BatchNorm(), name="second_way")
    return graph


def test_all_outputs_count_for_the_error_of_folding(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, images = two_outputs(), np.random.default_rng(0).random((10, 4), np.float32)
    weights = as_arrays(ng.compile(graph, steps=1))
    right = fold.affine_of
    monkeypatch.setattr(fold, "affine_of", lambda norm: tuple(2.0 * x for x in right(norm)))
    with pytest.raises(ng.GraphError, match="folding batch normalisation changes the outputs"):
        convert(graph, "rate", images, weights=weights)
    weights["second_way.batch_norm.running_var"] = -np.ones(2)
    with pytest.raises(ng.GraphError, match="'second_way' .* variance .* below 0"):
        convert(graph, "rate", images, weights=weights)


def test_probes_that_are_left_out_are_named(small: ng.Graph) -> None:
    small.probe("one", "output")
    graph, report = convert(small, "rate", IMAGES)
    assert not graph.probes and "one.output" in " ".join(report.notes)
    assert "one.output" in str(report)


class Ensemble(nn.Module):
    """Two heads whose probabilities are added up."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.one, self.two = nn.Linear(8, 16), nn.Linear(16, 4), nn.Linear(16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.hidden(x))
        return torch.softmax(20 * self.one(x), 1) + torch.softmax(self.two(x), 1)


def test_a_softmax_of_one_of_several_heads_is_not_left_out() -> None:
    images = np.random.default_rng(0).random((20, 8), np.float32)
    with pytest.raises(ng.GraphError, match="'one' .* neither linear nor a max pool"):
        convert(Ensemble(), "rate", images)
    graph, report = convert(Ensemble(), "equilibrium", images)
    assert report.test(images, steps=60).reference_agreeing[-1] == 20  # type: ignore[index]


# images and labels


def refused(error: type[Exception], match: str, source: Any, calibration: Any, **options: Any) -> None:
    with pytest.raises(error, match=match):
        convert(source, "rate", calibration, **options)


def test_calibration_images_of_the_wrong_kind(small: ng.Graph) -> None:
    refused(ng.ShapeError, r"shape \(\)", small, np.float32(3))
    refused(ng.ShapeError, r"\(24, 3, 9, 9\) and \(2, 3, 8, 8\)", small, [IMAGES, np.zeros((2, 3, 8, 8), np.float32)])
    refused(ng.ShapeError, r"beside their images: \[\(images, labels\)\]", small, (IMAGES, np.zeros(24)))
    refused(ng.DataError, "a batch is tuple", small, [()])
    for limit in (0, -1, 2.5, True):
        refused(ng.DataError, "limit=", small, IMAGES, limit=limit)


def test_images_of_any_float_type_are_read(small: ng.Graph) -> None:
    whole = torch.from_numpy(IMAGES)
    for images in (whole.bfloat16(), whole.half(), whole.double(), whole.to_sparse(), whole.requires_grad_()):
        _, report = convert(small, "rate", images)
        assert report.test(images, steps=2).images == 24


def test_the_images_and_labels_of_a_test_are_checked(small: ng.Graph) -> None:
    _, report = convert(small, "rate", IMAGES)
    labels = np.zeros(24, int)
    bad: list[tuple[Any, Any, str]] = [
        (IMAGES, np.eye(5)[labels], r"labels of shape \(24, 5\).*argmax"),
        (IMAGES, labels + 5, "from 5 to 5; .* 0 to 4"),
        (IMAGES, labels - 1, "from -1 to -1"),
        (IMAGES, labels + 0.5, "labels of float64"),
        (IMAGES, ["cat"] * 24, "labels of <U3"),
        (IMAGES, labels[:3], "24 images but 3 labels"),
        (IMAGES * np.nan, labels, "NaN"),
        (None, None, "got NoneType"),
        ([{"image": IMAGES}], None, "a batch is dict"),
        ([(IMAGES, labels, labels)], None, "a batch of 3 parts"),
    ]
    for images, given, match in bad:
        with pytest.raises(ng.DataError, match=match):
            report.test(images, given, steps=2)
    for options in ({"steps": True}, {"steps": 2, "batch": 2.5}, {"steps": 2, "at": 1.0}):
        with pytest.raises(ng.DataError, match="whole number"):
            report.test(IMAGES, **options)
    same = report.test(IMAGES, labels.astype(np.float32)[:, None], steps=2)
    assert same.correct == report.test([(IMAGES[:9], labels[:9]), (IMAGES[9:], labels[9:])], steps=2).correct


# what is given instead of a graph, a program, weights


def test_a_program_in_the_place_of_its_graph(small: ng.Graph) -> None:
    program = ng.compile(small, "torch", steps=1)
    refused(ng.GraphError, r"convert\(graph, weights=program\)", program, IMAGES)
    refused(ng.DataError, "weights are a program, or arrays by name", small, IMAGES, weights="weights.pt")
    refused(ng.DataError, "not Linear", small, IMAGES, weights=nn.Linear(2, 2))
    with pytest.raises(ng.GraphError, match="takes a program"):
        run_corrected(small, IMAGES, 4)
    with pytest.raises(ng.GraphError, match="quantised.. takes a graph"):
        quantised(nn.ReLU(), IMAGES)  # type: ignore[arg-type]
    with pytest.raises(ng.SpecError, match="observe="):
        quantised(small, IMAGES, observe=largest)  # type: ignore[arg-type]


def test_weights_that_do_not_fit_name_their_projection(small: ng.Graph) -> None:
    weights = as_arrays(ng.compile(small, "numba", steps=1))
    weights["fc1.dense.weight"] = weights["fc1.dense.weight"][:3]
    refused(
        ng.ShapeError, r"projection 'fc1' \(.*conftest.py:\d+\): Dense.* shape \(3,", small, IMAGES, weights=weights
    )


def test_what_answer_early_is_given(small: ng.Graph) -> None:
    program = ng.compile(convert(small, "rate", IMAGES)[0], "torch").eval()
    for margin in (float("nan"), "wide", True):
        with pytest.raises(ng.DataError, match="margin="):
            answer_early(program, IMAGES, 8, margin=margin)  # type: ignore[arg-type]
    with pytest.raises(ng.DataError, match="not list"):
        answer_early(program, [IMAGES], 8)
    for one in (program, ng.compile(convert(small, "rate", IMAGES)[0], "numba")):
        with pytest.raises(ng.DataError, match="floating point"):
            answer_early(one, (255 * IMAGES).astype(np.uint8), 8)


@pytest.mark.parametrize("readout", [Mean(), MeanFrom(9, least=2), MeanFrom(0), Last(), Sum()], ids=repr)
@pytest.mark.parametrize("backend", ["torch", "numba"])
def test_the_images_that_go_on_keep_their_own_answers(small: ng.Graph, backend: str, readout: Any) -> None:
    graph, _ = convert(small, "rate", IMAGES)
    graph.nodes["logits"] = replace(graph.nodes["logits"], readout=readout)
    program = ng.compile(graph, backend)
    program = program.eval() if backend == "torch" else program
    found = answer_early(program, IMAGES, 40, patience=3)
    assert len(np.unique(found.steps)) > 1  # some images left before others
    for t in np.unique(found.steps):
        with torch.no_grad():
            whole = numpy_of(program.run(IMAGES, int(t))[0]["logits"])
        assert np.allclose(whole[found.steps == t], found.logits[found.steps == t], rtol=1e-5, atol=1e-6)


def test_an_answer_is_no_sequence(small: ng.Graph) -> None:
    graph, _ = convert(small, "rate", IMAGES)
    graph.nodes["logits"] = replace(graph.nodes["logits"], readout=Steps())
    with pytest.raises(ng.ShapeError, match="readout of all steps"):
        answer_early(ng.compile(graph, "numba"), IMAGES, 8)


@pytest.mark.parametrize(
    "pool", [ng.AvgPool2d, ng.Flatten, lambda *a, **k: ng.AvgPool2d(2)], ids=["avg", "flatten", "made"]
)
def test_a_pool_that_gives_no_maximum(small: ng.Graph, pool: Any) -> None:
    with pytest.raises(ng.GraphError, match="projection 'conv1'"):
        convert(small, rate(pool=pool), IMAGES)


# states


@pytest.mark.parametrize("backend", ["torch", "numba"])
def test_a_state_does_not_change_with_the_callers_array(backend: str) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(48, 16), nn.ReLU(), nn.Linear(16, 3))
    first, second = np.random.default_rng(0).random((2, 6, 3, 8, 8), np.float32)
    graph, _ = convert(net, "rate", first)
    program = ng.compile(graph, backend)

    def run(x: Any, state: Any) -> Any:
        return program.run(torch.from_numpy(x) if backend == "torch" else x, 4, state)

    expected = run(second, run(first, {})[1])[0]["logits"]
    room = first.copy()
    _, state = run(room, {})
    room[...] = second  # as a loader does that reads into the same memory
    found = run(room, state)[0]["logits"]
    assert np.array_equal(*(np.asarray(x.detach() if backend == "torch" else x) for x in (found, expected)))


def test_a_state_goes_on_in_another_backend_and_dtype(nets: SimpleNamespace) -> None:
    graph, _ = convert(nets.settled(nets.Cnn(), (3, 9, 9)), "rate", IMAGES)
    made = {(b, d): ng.compile(graph, b, dtype=d) for b in ("torch", "numba") for d in ("float32", "float64")}
    for key in (("torch", "float32"), ("torch", "float64")):
        made[key].eval()

    def run(key: tuple[str, str], steps: int, state: Any) -> Any:
        x = IMAGES[:4].astype(key[1])
        with torch.no_grad():
            return made[key].run(torch.from_numpy(x) if key[0] == "torch" else x, steps, state)

    for begun in made:
        _, state = run(begun, 3, {})
        results = [np.asarray(run(then, 5, state)[0]["logits"]) for then in made]
        for other in results[1:]:
            assert np.abs(other - results[0]).max() <= 1e-4 * np.abs(results[0]).max()


def test_what_relays_pass_on_is_not_compared_as_spikes() -> None:
    torch.manual_seed(0)
    parts = {k: nn.Conv2d(3, 6, n, padding=n // 2) for k, n in (("one", 1), ("three", 3), ("five", 5))}
    fc = nn.Linear(6 * 25, 5)

    class Branches(nn.Module):
        """Sums of floats that are pooled: a relay has them, and their last bits depend on the backend."""

        def __init__(self) -> None:
            super().__init__()
            self.parts, self.norm, self.fc = nn.ModuleDict(parts), nn.BatchNorm2d(6), fc

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.norm(self.parts["one"](x) + self.parts["three"](x) + self.parts["five"](x))
            return self.fc(torch.max_pool2d(torch.relu(x), 3, 2, 1).flatten(1))

    for recipe in (rate(), equilibrium(7)):
        graph, _ = convert(Branches().eval(), recipe, IMAGES)
        assert any(n.neuron.identity for n in graph.populations)
        found = compare(graph, None, IMAGES[:4], 20)
        assert found.spikes > 0 and found.differing == 0, str(found)
