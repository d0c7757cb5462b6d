"""Every mistake with connectivity is met by an error that says what, where and what to do."""

import networkx
import numpy as np
import pytest
from scipy import sparse

from neurograph.connectivity import RULES
from neurograph.connectivity.all_to_all import AllToAll
from neurograph.connectivity.build import build
from neurograph.connectivity.distance_dependent import DistanceDependent
from neurograph.connectivity.explicit import Explicit
from neurograph.connectivity.fixed_in_degree import FixedInDegree
from neurograph.connectivity.fixed_out_degree import FixedOutDegree
from neurograph.connectivity.fixed_probability import FixedProbability
from neurograph.connectivity.fixed_total_number import FixedTotalNumber
from neurograph.distributions import Exponential, Normal, Uniform
from neurograph.errors import GraphError, ShapeError, SpecError
from neurograph.projections.operator import Operator


def test_rules_are_found_and_are_operators():
    assert {"AllToAll", "Explicit", "FixedProbability", "FixedInDegree", "DistanceDependent"} <= set(RULES)
    for rule in RULES.values():
        assert issubclass(rule, Operator) and rule.key == "synapses" and rule.native
    with pytest.raises(ShapeError, match="its target is unknown"):
        AllToAll().shape((3,), None)
    assert FixedProbability(0.1).shape((3,), (4, 5)) == (4, 5)


def test_printed():
    assert repr(FixedProbability(0.1, autapses=False)) == "FixedProbability(0.1, autapses=False)"
    assert repr(FixedInDegree(5, multapses=False)) == "FixedInDegree(5, multapses=False)"
    assert (
        repr(DistanceDependent("disc", 2.0, 0.5, periodic=True)) == "DistanceDependent('disc', 2, 0.5, periodic=True)"
    )
    assert repr(Explicit([0], [1])) == "Explicit(1 synapses)"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: FixedProbability(1.5), SpecError, "a probability is a number from 0 to 1"),
        (lambda: FixedProbability(float("nan")), SpecError, "a probability"),
        (lambda: FixedProbability(0.5, autapses=1), SpecError, "True or False"),
        (lambda: FixedInDegree(-1), SpecError, "whole number"),
        (lambda: FixedOutDegree(2.0), SpecError, "whole number"),
        (lambda: FixedTotalNumber(True), SpecError, "whole number"),
        (lambda: DistanceDependent("round", 1.0), SpecError, "profile is one of gaussian"),
        (lambda: DistanceDependent("disc", 0.0), SpecError, "finite number above 0"),
        (lambda: DistanceDependent("disc", 1.0, 2.0), SpecError, "a probability"),
        (lambda: DistanceDependent("disc", 1.0, positions=[[0.0]], periodic=True), SpecError, "length of each axis"),
        (lambda: DistanceDependent("disc", 1.0, positions=([0.0], [0.0], [0.0])), SpecError, "tuple of two"),
        (lambda: DistanceDependent("disc", 1.0, positions=[[np.nan]]), SpecError, "finite numbers"),
        (lambda: DistanceDependent("disc", 1.0, periodic=(1.0, -1.0)), SpecError, "length of each axis, above 0"),
        (lambda: Explicit([0, 1], [0]), SpecError, "pre lists 2 neurons and post 1"),
        (lambda: Explicit([[0]], [0]), ShapeError, "one per synapse"),
        (lambda: Explicit([0.5], [0]), SpecError, "whole numbers"),
        (lambda: Explicit([0], [-1]), SpecError, "-1 is no index"),
        (lambda: Explicit([0], [0], weight=[1, 2]), ShapeError, "one number per synapse"),
        (lambda: Explicit([0], [0], weight=[np.inf]), SpecError, "must be finite"),
        (lambda: Explicit([0], [0], weight=["a"]), SpecError, "give numbers"),
        (lambda: Explicit([0], [0], delay=[-1.0]), SpecError, "delays above 0"),
        (lambda: Explicit.from_scipy(np.eye(2)), SpecError, "scipy.sparse matrix"),
        (lambda: Explicit.from_dense(np.ones(3)), SpecError, "got shape"),
    ],
)
def test_declaring(make, error, message):
    with pytest.raises(error, match=message) as caught:
        make()
    assert "test_connectivity_errors.py:" in str(caught.value)


def test_a_graph_with_some_weights():
    graph = networkx.DiGraph([(0, 1), (1, 2)])
    graph.edges[0, 1]["weight"] = 2.0
    with pytest.raises(SpecError, match="edge 1 -> 2 has no 'weight'"):
        Explicit.from_networkx(graph)
    assert Explicit.from_networkx(graph, weight=None).weight is None


@pytest.mark.parametrize(
    ("rule", "options", "error", "message"),
    [
        (
            FixedInDegree(11, multapses=False),
            {},
            SpecError,
            "needs 11 different sources for each neuron, but there are 10",
        ),
        (
            FixedInDegree(10, multapses=False, autapses=False),
            {"recurrent": True},
            SpecError,
            "there are 9 besides itself. Use a smaller k",
        ),
        (FixedOutDegree(21, multapses=False), {}, SpecError, "needs 21 different targets"),
        (FixedTotalNumber(201, multapses=False), {}, SpecError, "200 pairs from 10 sources to 20 targets"),
        (Explicit([10], [0]), {}, SpecError, r"has pre\[0\] = 10, but that population has 10 neurons"),
        (Explicit([0, 1], [0, 20]), {}, SpecError, r"has post\[1\] = 20.*from 0 to 19"),
        (Explicit.from_scipy(sparse.eye_array(3)), {}, ShapeError, "3 sources and 3 targets"),
        (Explicit([0], [0], weight=[1.0]), {"weight": 2.0}, SpecError, "has a weight for each synapse already"),
        (Explicit([0], [0], delay=[1.0]), {"delay": 2.0}, SpecError, "has a delay for each synapse already"),
        (FixedProbability(0.5), {"weight": np.ones(3)}, SpecError, "no order known beforehand"),
        (FixedProbability(0.5), {"delay": np.ones(3)}, SpecError, "no order known beforehand"),
        (AllToAll(), {"weight": np.ones((10, 20))}, ShapeError, r"shape \(10, 20\).*needs \(20, 10\)"),
        (Explicit([0], [0]), {"weight": np.ones(2)}, ShapeError, r"needs \(1,\)"),
        (AllToAll(), {"weight": "strong"}, SpecError, "give a number, a distribution"),
        (AllToAll(), {"weight": np.nan}, SpecError, "must be finite"),
        (AllToAll(), {"delay": -1.0}, GraphError, "delay"),
        (AllToAll(), {"delay": 0.01}, GraphError, "would vanish"),
        (AllToAll(), {"delay": np.full((20, 10), 0.01)}, GraphError, "at least half a step"),
        (AllToAll(), {"delay": np.full((20, 10), 1e12)}, GraphError, "use a larger dt"),
        (FixedProbability(0.9), {"delay": Normal(0.1, 1.0)}, GraphError, "Bound them, for example low=0.1"),
        (FixedProbability(0.9), {"delay": Exponential(0.1)}, GraphError, "would vanish"),
        (FixedProbability(0.9), {"delay": Uniform(1.0, 1e9)}, SpecError, "but a synapse has 32"),
        (DistanceDependent("disc", 1.0, positions=np.zeros((3, 1))), {}, ShapeError, "3 positions for 10 sources"),
        (DistanceDependent("disc", 1.0, periodic=True), {}, ShapeError, "do not lie on one grid"),
        (DistanceDependent("disc", 1.0, periodic=(5.0, 5.0)), {}, ShapeError, "2 lengths for 1 axes"),
        (
            DistanceDependent("disc", 1.0, positions=(np.zeros((10, 1)), np.zeros((20, 2)))),
            {},
            ShapeError,
            "sources have 1 axes, those of targets 2",
        ),
    ],
)
def test_building(rule, options, error, message):
    asked = {"weight": 1.0, "delay": 0.0, "dt": 0.1, "seed": 1, "name": "a_b", "where": "projection 'a_b' (net.py:3)"}
    with pytest.raises(error, match=message) as caught:
        build(rule, (10,), (20,), **asked | options)
    if error is not ShapeError:
        assert "net.py:3" in str(caught.value)


def test_alone_without_partners():
    asked = {"weight": 1.0, "delay": 0.0, "dt": 0.1, "seed": 1, "name": "a_b", "recurrent": True}
    for rule in (
        FixedInDegree(1, autapses=False),
        FixedOutDegree(1, autapses=False),
        FixedTotalNumber(1, autapses=False),
    ):
        with pytest.raises(SpecError, match="there are 0|0 pairs"):
            build(rule, (1,), (1,), **asked)
