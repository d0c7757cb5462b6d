"""Files that anyone may have written: whatever is wrong with them ends in a FormatError that says what."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import neurograph as ng
from neurograph.errors import FormatError
from neurograph.io import from_nir, read_nir

nir = pytest.importorskip("nir")
DT = 1e-3


def lif(n: int = 3, **changed: Any) -> Any:
    given = {
        "tau": np.full(n, 5e-3),
        "r": np.ones(n),
        "v_leak": np.zeros(n),
        "v_threshold": np.ones(n),
        "v_reset": np.zeros(n),
    }
    return nir.LIF(**{**given, **changed})


def write(path: Path, change: Callable[[h5py.File], Any] | None = None) -> Path:
    nodes = {"input": nir.Input(np.array([4])), "fc": nir.Affine(np.ones((3, 4), np.float32), np.zeros(3, np.float32)),
             "lif": lif(), "output": nir.Output(np.array([3]))}  # fmt: skip
    edges = [("input", "fc"), ("fc", "lif"), ("lif", "output")]
    nir.write(path, nir.NIRGraph(nodes, edges))
    if change is not None:
        with h5py.File(path, "a") as file:
            change(file)
    return path


def put(name: str, value: Any, **how: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        if name in file:
            del file[name]
        file.create_dataset(name, data=value, **how)

    return change


def drop(name: str) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[name]

    return change


def link(name: str, to: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        if name in file:
            del file[name]
        file[name] = file[to] if isinstance(to, str) else to

    return change


def edges(*pairs: tuple[str, str]) -> Callable[[h5py.File], None]:
    return put("node/edges", np.array(pairs, dtype=object), dtype=h5py.string_dtype())


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((3, 4), "f4")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", (3, 4))
    del file["node/nodes/fc/weight"]
    file.create_virtual_dataset("node/nodes/fc/weight", layout)


def deep(file: h5py.File) -> None:
    group = file["node/nodes"].create_group("deep")
    for _ in range(60):
        group["type"] = "NIRGraph"
        group.create_dataset("edges", shape=(0, 2), dtype=h5py.string_dtype())
        group = group.create_group("nodes").create_group("deep")


W = "node/nodes/fc/weight"
BAD: dict[str, tuple[Callable[[h5py.File], Any], str]] = {
    "no node": (drop("node"), "it holds no /node"),
    "no type": (drop("node/type"), "'type' is missing"),
    "no edges": (drop("node/edges"), "'edges' is missing"),
    "another type": (put("node/type", "LIF"), "is of the type 'LIF', not NIRGraph"),
    "a kind nobody knows": (put("node/nodes/lif/type", "ALIF"), "node 'lif': unknown kind of node 'ALIF'; known are Affine"),
    "a parameter nobody knows": (put("node/nodes/lif/refractory", 1.0), "LIF has no parameter 'refractory'; it has tau"),
    "a parameter missing": (drop("node/nodes/lif/tau"), "LIF lacks its parameter 'tau'"),
    "more in a graph": (put("node/more", 1.0), "holds 'more'; a graph holds type, nodes, edges"),
    "text for numbers": (put("node/nodes/lif/tau", "fast"), "tau of LIF is"),
    "complex numbers": (put(W, np.ones((3, 4), complex)), "holds complex128"),
    "records": (put(W, np.zeros(3, [("a", "f4")])), "numbers belong"),
    "a NaN": (put(W, np.full((3, 4), np.nan)), "node 'fc': weight of Affine holds a NaN"),
    "an infinity": (put("node/nodes/lif/r", np.full(3, np.inf)), "holds a NaN or an infinity"),
    "tau of 0": (put("node/nodes/lif/tau", np.zeros(3)), "tau of LIF holds 0; it is above 0, in seconds"),
    "parameters of two shapes": (put("node/nodes/lif/tau", np.ones(4)), "have one shape, or are numbers; here are tau .4,."),
    "no neuron": (lambda f: [put(f"node/nodes/lif/{n}", np.zeros(0) + 1)(f) for n in
                             ("tau", "r", "v_leak", "v_threshold", "v_reset")], "parameters have shape .0,."),
    "weights that do not fit": (put(W, np.ones((3, 5))), r"it has 5 inputs, but \(4,\) arrives"),
    "weights of three axes": (put(W, np.ones((2, 3, 4))), "weights are .outputs, inputs."),
    "a bias that does not fit": (put("node/nodes/fc/bias", np.ones(2)), "the bias has shape .2,. for 3 outputs"),
    "neurons that do not fit": (put(W, np.ones((2, 4))), "the bias has shape .3,. for 2 outputs"),
    "an input without axes": (put("node/nodes/input/shape", np.zeros(0, int)), "its shape is .."),
    "an input of 0": (put("node/nodes/input/shape", np.array([0])), "whole numbers above 0"),
    "an input of halves": (put("node/nodes/input/shape", np.array([1.5])), "give whole numbers"),
    "an input beyond all": (put("node/nodes/input/shape", np.array([2**40])), "sizes are below"),
    "an edge from nowhere": (edges(("nobody", "fc"), ("fc", "lif")), "there is no node 'nobody'; known are"),
    "an edge twice": (edges(("input", "fc"), ("input", "fc"), ("fc", "lif")), "stands twice"),
    "an edge into an input": (edges(("fc", "input"), ("input", "fc")), "enters an Input"),
    "an edge out of an output": (edges(("input", "fc"), ("output", "lif")), "leaves an Output"),
    "weights without input": (edges(("fc", "lif"), ("lif", "output")), "node 'fc' .Affine.: nothing arrives there"),
    "edges of three": (put("node/edges", np.array([["a", "b", "c"]], dtype=object), dtype=h5py.string_dtype()), "pairs of names"),
    "edges of numbers": (put("node/edges", np.ones((2, 2))), "where pairs of names belong"),
    "text that is none": (put("node/type", np.bytes_(b"\xff\xfe")), "no UTF-8 text"),
    "a long text": (put("node/type", "x" * (1 << 24 | 1)), "a text of 16,777,217 characters"),
    "a soft link": (link(W, h5py.SoftLink("/node/nodes/fc/bias")), "is a link, which leads out of the file or in circles"),
    "a soft link to itself": (link(W, h5py.SoftLink(f"/{W}")), "is a link"),
    "another file": (link(W, h5py.ExternalLink("/etc/hostname", "/x")), "is a link"),
    "a virtual dataset": (virtual, "takes its values from another file"),
    "a group in itself": (link("node/nodes/self", "node/nodes"), "linked twice"),
    "a node twice": (link("node/nodes/other", "node/nodes/lif"), "linked twice"),
    "a graph in itself": (link("node/nodes/self", "node"), "linked twice"),
    "too deep": (deep, "nested more than 32 deep"),
    "a group for a number": (lambda f: (drop(W)(f), f.create_group(W)), "is a group, where a dataset|is empty"),
    "an empty dataset": (put(W, h5py.Empty("f4")), "is a group, where a dataset|is empty"),
    "a large array of nothing": (lambda f: (drop(W)(f), f.create_dataset(W, (1 << 20, 1 << 20), "f4", chunks=(1024, 1024),
                                 compression="gzip")), "declares|limit"),
    "large chunks of nothing": (lambda f: (drop(W)(f), f.create_dataset(W, (3, 4), "f4", maxshape=(None, None),
                                chunks=(1 << 14, 1 << 15), compression="gzip")), "declares|chunk"),
    "many edges": (lambda f: (drop("node/edges")(f), f.create_dataset("node/edges", (1 << 30, 2), h5py.string_dtype())),
                   "more than 2,000,000 edges"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_files(name: str, tmp_path: Path) -> None:
    change, says = BAD[name]
    path = write(tmp_path / "bad.nir", change)
    with pytest.raises(FormatError, match=says) as error:
        from_nir(path, dt=DT, limit=1 << 26)
    assert str(error.value).startswith(f"{path}: ")


def test_no_file_and_no_hdf5(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="cannot be opened"):
        from_nir(tmp_path / "none.nir")
    with pytest.raises(FormatError):
        from_nir(tmp_path)
    for content, says in (
        (b"", "as HDF5 does"),
        (b"hello", "as HDF5 does"),
        (b"\x89HDF\r\n\x1a\n" + bytes(200), "damaged"),
    ):
        (tmp_path / "a.nir").write_bytes(content)
        with pytest.raises(FormatError, match=says):
            from_nir(tmp_path / "a.nir")


def test_the_limit_counts_all_arrays(tmp_path: Path) -> None:
    path = write(tmp_path / "a.nir", put(W, np.zeros((3, 4)), compression="gzip"))
    from_nir(path, dt=DT, limit=1 << 14)
    with pytest.raises(FormatError, match="limit is 100"):
        from_nir(path, dt=DT, limit=100)


def test_shapes_that_do_not_meet() -> None:
    def graph(nodes: dict[str, Any], *pairs: tuple[str, str]) -> Any:
        ends = {"input": nir.Input(np.array([2, 4, 4])), "output": nir.Output(np.array([1]))}
        return nir.NIRGraph({**ends, **nodes}, list(pairs), type_check=False)

    def line(**nodes: Any) -> Any:
        names = ["input", *nodes, "output"]
        return graph(nodes, *zip(names[:-1], names[1:], strict=True))

    def conv(**changed: Any) -> Any:
        given = {"input_shape": None, "weight": np.ones((4, 2, 3, 3)), "stride": 1, "padding": 0, "dilation": 1, "groups": 1,
                 "bias": np.zeros(4)}  # fmt: skip
        return nir.Conv2d(**{**given, **changed})

    pool = [np.array([2, 2]), np.array([2, 2]), np.array([0, 0])]
    flat = {"input": np.array([2, 4, 4])}
    cases: list[tuple[Any, str]] = [
        (line(n=lif(5)), r"parameters have shape \(5,\), but \(2, 4, 4\) arrives"),
        (line(n=nir.Linear(np.ones((3, 32)))), "Put a Flatten before it"),
        (line(n=nir.Linear(np.ones((3, 9)))), "belong to another network"),
        (line(n=nir.Scale(np.ones(3))), "the scale has shape"),
        (line(n=conv(weight=np.ones((4, 3, 3, 3)))), "take 3 channels, but"),
        (line(n=conv(weight=np.ones((4, 2, 9, 9)))), "kernel is larger than the padded input"),
        (line(n=conv(weight=np.ones((4, 2, 3)))), "weights are .out, in/groups, height, width."),
        (line(n=conv(groups=3)), "groups=3 must divide channels=4"),
        (line(n=conv(stride=0)), "at least 1"),
        (line(n=conv(stride=(1, 2, 3))), "give one number or 2"),
        (line(n=conv(padding="same", stride=2)), "with stride 1 'same'"),
        (line(n=nir.SumPool2d(np.array([9, 9]), *pool[1:])), "larger than its input"),
        (line(n=nir.AvgPool2d(pool[0], pool[1], np.array([2, 2]))), "at most half the kernel"),
        (line(n=nir.Flatten(flat, 0, 5)), "start_dim=0, end_dim=-1"),
        (line(n=nir.Delay(np.full((2, 4, 4), 1e-4))), "less than half a step"),
        (line(n=nir.Delay(np.full((2, 4, 4), -1e-3))), "0 or more, in seconds"),
        (graph({"a": nir.SumPool2d(*pool), "n": lif()}, ("input", "a"), ("a", "n"), ("input", "n")), "is summed and has one shape"),
        (graph({"n": lif(1, **{k: np.array(1.0) for k in ("tau", "r", "v_leak", "v_threshold", "v_reset")})},
               ("n", "output")), "how many neurons it has is unknown"),
    ]  # fmt: skip
    for made, says in cases:
        with pytest.raises(FormatError, match=says):
            read_nir(made, dt=DT)


@pytest.mark.parametrize(
    "value", [np.zeros(3), np.zeros((2, 0)), 1.0, "", "{", '{"readout": {"output": {"readout": "None"}}}', "[1]"]
)
@pytest.mark.parametrize("key", ["producer", "dt", "scheme", "start", "name", "neurograph", "order"])
def test_metadata_of_any_kind(key: str, value: Any, tmp_path: Path) -> None:
    def change(file: h5py.File) -> None:
        file["node/metadata/producer"] = "neurograph 0"
        put(f"node/metadata/{key}", value)(file)

    try:
        assert isinstance(from_nir(write(tmp_path / "a.nir", change), dt=DT), ng.Graph)
    except FormatError as error:
        assert (key == "neurograph" and "readout" in str(error)) or "JSON" in str(error)


def test_mutated_files(tmp_path: Path) -> None:
    """Whatever bytes change: a graph or a FormatError, and nothing else."""
    whole = write(tmp_path / "whole.nir").read_bytes()
    rng = random.Random(0)
    ends = {"graph": 0, "error": 0}
    path = tmp_path / "mutated.nir"
    for _ in range(120):
        data = bytearray(whole)
        for _ in range(rng.choice([1, 2, 8, 40])):
            data[rng.randrange(len(data) if rng.random() < 0.5 else 6000)] = rng.choice([0, 1, 255, rng.randrange(256)])
        if rng.random() < 0.1:
            data = data[: rng.randrange(len(data))]
        path.write_bytes(data)
        try:
            graph = from_nir(path, dt=DT, limit=1 << 24)
            assert isinstance(graph, ng.Graph)
            ends["graph"] += 1
        except FormatError:
            ends["error"] += 1
    assert min(ends.values()) > 5, ends
